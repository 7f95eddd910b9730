"""Read an origin back from a file of unknown origin, with bounds on everything."""

from __future__ import annotations

import json
import mmap
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.parsers import expat

from shared.errors import FileMissing, ProvenanceMissing
from shared.store.local_files import is_file
from shared.store.provenance_files import (
    CELL_MARK,
    GPKG_STANDARD,
    PNG_SIGNATURE,
    SIDE_FILE_ENDING,
    TIFF_TAG,
    XMP_NAMESPACE,
    XMP_PROPERTY,
    side_file_name,
)
from shared.store.provenance_text import MOST_BYTES, from_dict, to_dict

MOST_PREFIX_BYTES = 4 * MOST_BYTES
MOST_UNPACKED_BYTES = 200_000_000
MOST_PACKETS = 200
MOST_ENTRIES = 10_000
SQLITE_STEPS = 2_000_000
CHUNK_BYTES = 1 << 16
PACKET_BEGIN, PACKET_END = b"<?xpacket begin", b"<?xpacket end"
SHARED_STRINGS = "xl/sharedStrings.xml"
_SHEET_TEXT = "http://schemas.openxmlformats.org/spreadsheetml/2006/main t"
_CELL = re.compile(rf"{CELL_MARK} (\d+)/(\d+) (.*)", re.DOTALL)
_SPACE = re.compile(r"[\s\ufeff]*")
_COLON = re.compile(r"\s*:\s*")
_COMMA = re.compile(r"\s*,\s*")
_UNREADABLE = (
    OSError,
    EOFError,  # entries of a ZIP file that end too early
    LookupError,  # encodings of XML that nobody knows
    ValueError,  # also text that is no UTF-8 and JSON that is none
    RecursionError,
    RuntimeError,  # encrypted entries of a ZIP file
    NotImplementedError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    sqlite3.Error,
    expat.ExpatError,
)
Reader = Callable[[Path], str | None]


def read_back(path: Path) -> dict[str, Any]:
    """Return the origin that a file names, as `shared.store.provenance_text.to_dict` writes it.

    Reads PDF, PNG, JPEG, XLSX, GeoPackage, GeoTIFF, GeoJSON, JSON, CSV with its side file, and ZIP
    files with such a side file.

    Args:
        path: File of unknown origin; its content decides, not its name.

    Raises:
        FileMissing: There is no such file.
        ProvenanceMissing: It names no origin, or none that can be read.
    """
    if not is_file(path):
        raise FileMissing(name=path.name)
    try:
        text = _reader(path)(path)
        if text is None:
            raise ProvenanceMissing(name=path.name)
        origin = to_dict(from_dict(json.loads(text)))
        json.dumps(origin, allow_nan=False)  # a duration may be infinite: nobody could write it
        return origin
    except _UNREADABLE as cause:
        raise ProvenanceMissing(name=path.name) from cause


def _reader(path: Path) -> Reader:
    side = path.with_name(side_file_name(path.name))
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith((PNG_SIGNATURE, b"\xff\xd8\xff")) or b"%PDF-" in start:
        return _from_packets
    if start.startswith(b"PK\x03\x04"):
        return _from_zip
    if start.startswith(b"SQLite format 3\0"):
        return _from_gpkg
    if start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return _from_tiff
    if is_file(side):
        return lambda _: _from_side_file(side)
    return _from_side_file if path.name.endswith(SIDE_FILE_ENDING) else _from_json


def _from_packets(path: Path) -> str | None:
    """Look for XMP packets without reading the format around them, the last one first."""
    name = f"{XMP_NAMESPACE} {XMP_PROPERTY}"
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        end = len(content)
        for _ in range(MOST_PACKETS):
            end = content.rfind(PACKET_END, 0, end)
            begin = content.rfind(PACKET_BEGIN, max(0, end - MOST_PREFIX_BYTES), max(0, end))
            if end < 0 or begin < 0:
                return None
            try:
                found = list(_element_texts([content[begin:end]], name))
            except (expat.ExpatError, ValueError):
                found = []
            if found:
                return found[-1]
            end = begin
    return None


def _from_zip(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            return None
        for entry in entries:
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                continue
            if entry.filename == SHARED_STRINGS:
                with archive.open(entry) as stream:
                    return _joined_cells(_element_texts(_chunks(stream.read), _SHEET_TEXT))
            if entry.filename.endswith(SIDE_FILE_ENDING):
                with archive.open(entry) as stream:
                    return _noted(stream.read(MOST_BYTES))
    return None


def _joined_cells(texts: Iterable[str]) -> str | None:
    """Put the cells of the sheet together that carry the origin."""
    parts: dict[int, str] = {}
    total = length = 0
    for text in texts:
        # Spreadsheets write an underscore before "x" and four digits as a code of itself.
        match = (
            _CELL.fullmatch(text.replace("_x005F_", "_")) if text.startswith(CELL_MARK) else None
        )
        if match is not None and length < MOST_BYTES and match[3]:
            total = int(match[2])
            parts[int(match[1])] = match[3]
            length += len(match[3])
    if not parts or total != len(parts) or any(at not in parts for at in range(1, total + 1)):
        return None
    return "".join(parts[at] for at in sorted(parts))


def _from_gpkg(path: Path) -> str | None:
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
        connection.set_progress_handler(lambda: 1, SQLITE_STEPS)
        # A foreign schema may hold views and triggers that call functions.
        connection.execute("PRAGMA trusted_schema = OFF")
        kinds = connection.execute("SELECT type FROM sqlite_master WHERE name = 'gpkg_metadata'")
        if kinds.fetchall() != [("table",)]:
            return None
        row = connection.execute(
            "SELECT metadata FROM gpkg_metadata WHERE md_standard_uri = ? ORDER BY id DESC LIMIT 1",
            (GPKG_STANDARD,),
        ).fetchone()
    return row[0] if row is not None and isinstance(row[0], str) else None


def _from_tiff(path: Path) -> str | None:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            rasterio.open(path, driver="GTiff") as raster,
        ):
            found = raster.tags().get(TIFF_TAG)
    except RasterioError as cause:
        message = "no readable TIFF"
        raise ValueError(message) from cause
    return found if isinstance(found, str) and len(found) <= MOST_BYTES else None


def _from_side_file(path: Path) -> str | None:
    with path.open("rb") as file:
        return _noted(file.read(MOST_BYTES))


def _noted(content: bytes) -> str | None:
    """Return the note of a "CSV on the Web" description."""
    described = json.loads(content)
    notes = described.get("notes") if isinstance(described, dict) else None
    return json.dumps(notes[0]) if isinstance(notes, list) and notes else None


def _from_json(path: Path) -> str | None:
    """Walk over the members of an object until "provenance"; what follows is never read."""
    with path.open("rb") as file:
        text = file.read(MOST_PREFIX_BYTES).decode("utf-8", "ignore")
    decoder = json.JSONDecoder()
    position = _after(_SPACE, text, 0)
    if text[position : position + 1] != "{":
        return None
    position = _after(_SPACE, text, position + 1)
    while True:
        name, position = decoder.raw_decode(text, position)
        value, position = decoder.raw_decode(text, _after(_COLON, text, position))
        if name == "provenance":
            return json.dumps(value)
        position = _after(_COMMA, text, position)


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    if match is None:
        message = "no member of that name"
        raise ValueError(message)
    return match.end()


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what a stream unpacks to, but not without end."""
    left = MOST_UNPACKED_BYTES
    while left > 0 and (chunk := read(CHUNK_BYTES)):
        left -= len(chunk)
        yield chunk
    if left <= 0:
        message = f"unpacks to more than {MOST_UNPACKED_BYTES} bytes"
        raise ValueError(message)


class _Texts:
    """Collects the texts of a name while a document is parsed."""

    def __init__(self, name: str) -> None:
        self.found: list[str] = []
        self._name = name
        self._inside: list[str] = []
        self._depth = self._length = 0

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if self._name in attributes:
            self.found.append(attributes[self._name])
        self._depth += element == self._name

    def end(self, element: str) -> None:
        self._depth -= element == self._name
        if element == self._name and not self._depth:
            self.found.append("".join(self._inside))
            self._inside.clear()
            self._length = 0

    def text(self, data: str) -> None:
        if not self._depth:
            return
        self._length += len(data)
        if self._length > MOST_BYTES:
            message = f"a text of more than {MOST_BYTES} characters"
            raise ValueError(message)
        self._inside.append(data)

    def refuse(self, *_: object) -> None:
        message = "document types are not read"
        raise ValueError(message)


def _element_texts(chunks: Iterable[bytes], name: str) -> Iterator[str]:
    """Yield the text of each element (or the value of each attribute) of a name.

    Document types, and with them entities, are refused, and so are texts larger than any origin.
    An element within one of the same name belongs to its text: each text is put together once.

    Args:
        chunks: XML in pieces.
        name: Namespace, a space, local name.
    """
    texts = _Texts(name)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = texts.start, texts.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = texts.text, texts.refuse
    for chunk in chunks:
        parser.Parse(chunk)
        yield from texts.found
        texts.found.clear()
    parser.Parse(b"", True)
    yield from texts.found
