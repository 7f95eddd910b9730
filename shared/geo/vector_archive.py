"""Shapefiles in ZIP files: checked before anything is unpacked; nothing is ever written."""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared.errors import N_, ArchiveTooLarge, ArchiveUnsafe, GeodataUnreadable, ShapefileIncomplete

MOST_UNPACKED_BYTES = 2 * 2**30
MOST_RATIO = 100
MOST_ENTRIES = 2_000
NEEDED = (".shp", ".shx", ".dbf")
_ENCRYPTED = 0x1
_DBF_HEADER_BYTES = 32
_LANGUAGE_AT = 29
_SAMPLE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class ShapefileParts:
    """One Shapefile inside a ZIP file.

    Args:
        name: Name of the layer: that of its files without folder and ending.
        entries: Entry by ending in small letters, for example ".dbf".
    """

    name: str
    entries: dict[str, str]


def find_shapefiles(path: Path) -> tuple[ShapefileParts, ...]:
    """List the Shapefiles of a ZIP file after making sure that it is harmless.

    Args:
        path: The ZIP file.

    Raises:
        ArchiveUnsafe: An entry points outside, is a link or encrypted, or there are too many.
        ArchiveTooLarge: More than 2 GB unpacked, or more than 100 times the packed size.
        ShapefileIncomplete: No Shapefile, or one without a part it needs.
        GeodataUnreadable: Not a ZIP file, or a broken one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, IndexError) as cause:
        raise GeodataUnreadable(reason=N_("Die ZIP-Datei ist beschädigt.")) from cause
    if len(entries) > MOST_ENTRIES:
        raise ArchiveUnsafe(reason=N_("Es sind zu viele."))
    for entry in entries:
        _refuse_unsafe(entry)
    unpacked = sum(one.file_size for one in entries)
    if unpacked > min(MOST_UNPACKED_BYTES, MOST_RATIO * path.stat().st_size):
        raise ArchiveTooLarge(
            size_mb=unpacked >> 20, limit_mb=MOST_UNPACKED_BYTES >> 20, ratio=MOST_RATIO
        )
    return _group(entries)


def dbf_encoding(path: Path, parts: ShapefileParts) -> tuple[str | None, bool]:
    """Work out how the texts of a Shapefile are encoded.

    Args:
        path: The ZIP file.
        parts: The Shapefile.

    Returns:
        Encoding to read with, None where the file says it itself; and whether it was guessed
        against or without its word.
    """
    with zipfile.ZipFile(path) as archive:
        stated = ""
        if ".cpg" in parts.entries:
            with archive.open(parts.entries[".cpg"]) as file:
                stated = file.read(40).decode("ascii", "replace").strip().lower()
        with archive.open(parts.entries[".dbf"]) as file:
            content = file.read(_SAMPLE_BYTES)
    has_language = len(content) > _LANGUAGE_AT and content[_LANGUAGE_AT] != 0
    if (stated or has_language) and stated.replace("-", "") != "utf8":
        return None, False
    body = content[_DBF_HEADER_BYTES:]
    read = body.decode("utf-8", "replace")
    broken = read.count("\ufffd")
    whole = sum(character > "\x7f" for character in read) - broken
    if broken > whole:
        return "cp1252", True
    return "UTF-8", False


def _refuse_unsafe(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    inside = PurePosixPath(name)
    is_odd = inside.is_absolute() or not inside.name or ".." in inside.parts
    if is_odd or any(character in name for character in "\\:\0"):
        raise ArchiveUnsafe(reason=N_("Ein Eintrag zeigt aus der ZIP-Datei hinaus."))
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArchiveUnsafe(reason=N_("Ein Eintrag ist eine Verknüpfung."))
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveUnsafe(reason=N_("Ein Eintrag ist mit einem Kennwort geschützt."))


def _group(entries: list[zipfile.ZipInfo]) -> tuple[ShapefileParts, ...]:
    groups: dict[str, dict[str, str]] = {}
    for entry in entries:
        inside = PurePosixPath(entry.filename)
        if inside.parts[0] == "__MACOSX" or inside.name.startswith("."):
            continue
        stem = str(inside.with_suffix("")).lower()
        groups.setdefault(stem, {})[inside.suffix.lower()] = entry.filename
    found = [parts for _, parts in sorted(groups.items()) if ".shp" in parts]
    if not found:
        raise ShapefileIncomplete(missing=".shp")
    for parts in found:
        if missing := [ending for ending in NEEDED if ending not in parts]:
            raise ShapefileIncomplete(missing=", ".join(missing))
    return tuple(ShapefileParts(PurePosixPath(one[".shp"]).stem, one) for one in found)
