"""A world file beside an image that did not help: whoever put it there should know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shared.contracts.finding import Finding
from shared.errors import N_
from shared.geo.raster import RasterInfo

WORLD_FILE_UNUSED = "weltdatei_unbrauchbar"
LEAST_LETTERS = 3
SAYS_WHY = frozenset({"gedreht", "crs_fehlt"})
"""Notes of an image that tell already why its world file does not count."""
_NOT_USED = Finding(
    "hint",
    WORLD_FILE_UNUSED,
    N_(
        "Die Weltdatei {name} neben dem Bild wurde nicht verwendet. Es gilt die angegebene "
        "Bodenauflösung."
    ),
    N_("Ohne Weltdatei liegt das Ergebnis nicht auf der Karte."),
)


def check_world_file(image: Path, info: RasterInfo) -> tuple[Finding, ...]:
    """Say that an image got its resolution from a person although it has a world file.

    Args:
        image: The file.
        info: What opening it has told.
    """
    if info.gsd_source != "given" or any(one.code in SAYS_WHY for one in info.notes):
        return ()
    letters = image.suffix.lstrip(".").lower()
    suffixes = {f".{letters}w", ".wld"}
    if len(letters) >= LEAST_LETTERS:
        suffixes.add(f".{letters[0]}{letters[-1]}w")
    # Asked by name: the folder may hold thousands of images, and may not be listed by everybody.
    for suffix in (one for lower in sorted(suffixes) for one in (lower, lower.upper())):
        beside = image.with_suffix(suffix)
        if _is_file(beside):
            name = beside.name.encode("utf-8", "replace").decode("utf-8")
            return (replace(_NOT_USED, details={"name": name}),)
    return ()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # for example a name that is too long by one letter
        return False
