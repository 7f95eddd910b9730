"""A world file beside an image that did not help: whoever put it there should know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shared.contracts.finding import Finding
from shared.errors import N_
from shared.geo.raster import RasterInfo

WORLD_FILE_UNUSED = "weltdatei_unbrauchbar"
LEAST_LETTERS = 3
_NOT_USED = Finding(
    "hint",
    WORLD_FILE_UNUSED,
    N_(
        "Die Weltdatei {name} neben dem Bild ist unbrauchbar. Es gilt die angegebene "
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
    if info.gsd_source != "given":
        return ()
    letters = image.suffix.lstrip(".").lower()
    suffixes = {f".{letters}w", ".wld"}
    if len(letters) >= LEAST_LETTERS:
        suffixes.add(f".{letters[0]}{letters[-1]}w")
    beside = sorted(
        one.name
        for one in image.parent.iterdir()
        if one.stem == image.stem and one.suffix.lower() in suffixes and one.is_file()
    )
    return tuple(replace(_NOT_USED, details={"name": name}) for name in beside[:1])
