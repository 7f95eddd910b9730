"""What a vector file is, by its first bytes, and what must not be in it."""

from __future__ import annotations

import json
from typing import Literal
from xml.parsers import expat

from shared.errors import N_, GeodataUnreadable

VectorFormat = Literal["gpkg", "geojson", "flatgeobuf", "shapefile", "gml", "csv"]
ENDINGS: dict[VectorFormat, str] = {
    "gpkg": ".gpkg",
    "geojson": ".geojson",
    "flatgeobuf": ".fgb",
    "shapefile": ".zip",
    "gml": ".gml",
    "csv": ".csv",
}
NAMES = "GeoPackage, GeoJSON, FlatGeobuf, Shapefile (ZIP), GML, CSV"
HEAD_BYTES = 65_536
STYLES = "layer_styles"
"""Table of a GeoPackage in which QGIS looks for colours."""
_SQLITE = b"SQLite format 3\0"
_GEOPACKAGE_IDS = (b"GPKG", b"GP10", b"GP11")
_ROLLBACK_JOURNAL = b"\1\1"
_FLATGEOBUF = b"fgb\x03fgb"
_ZIP = b"PK\x03\x04"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ADDRESS_TYPES = {"url", "link"}
"""Kinds of coordinate systems of GeoJSON 2008 for which GDAL asks a server that the file names."""
_POINTS_AWAY = object()


def recognise_vectors(head: bytes) -> VectorFormat | None:
    """Name the format of a vector file by its first bytes; None for anything else.

    Args:
        head: The first `HEAD_BYTES` bytes, or the whole file where it is shorter.
    """
    if head.startswith(_SQLITE):
        return "gpkg" if head[68:72] in _GEOPACKAGE_IDS else None
    if head.startswith(_FLATGEOBUF):
        return "flatgeobuf"
    if head.startswith(_ZIP):
        return "shapefile"
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if text.startswith(b"{"):
        return "geojson"
    if text.startswith(b"<"):
        return "gml" if b"FeatureCollection" in head else None
    if head.startswith(_UTF16) or (text and b"\0" not in head):
        return "csv"
    return None


def is_geopackage(head: bytes) -> bool:
    """Tell by its first 100 bytes whether a file is a GeoPackage of version 1.2 or later."""
    return head.startswith(_SQLITE) and head[68:72] == _GEOPACKAGE_IDS[0]


def has_rollback_journal(head: bytes) -> bool:
    """Tell by its first 100 bytes whether SQLite writes nothing beside this file.

    With a write-ahead log the file alone may lack what was written last.
    """
    return head[18:20] == _ROLLBACK_JOURNAL


def check_no_address(content: bytes) -> None:
    """Make sure that GeoJSON names no address as a coordinate system; keeps no content.

    Raises:
        GeodataUnreadable: It does, or it is no JSON.
    """
    try:
        # Numbers and objects are not kept, so little more than the text is in memory.
        json.loads(content, object_pairs_hook=_look, parse_int=len, parse_float=len)
    except (ValueError, RecursionError) as cause:
        raise GeodataUnreadable(reason=N_("Das ist kein gültiges GeoJSON.")) from cause


def _look(members: list[tuple[str, object]]) -> object:
    for name, value in members:
        if name.lower() == "crs" and value is _POINTS_AWAY:
            raise ValueError("a coordinate system elsewhere")
    kinds = {str(value).lower() for name, value in members if name.lower() == "type"}
    return _POINTS_AWAY if kinds & _ADDRESS_TYPES else None


class _RootSeen(Exception):
    """The first element of a document has been read."""


def check_gml(head: bytes) -> None:
    """Make sure that a document is a collection of features and declares no entities.

    Other programs' XML may name files and servers to read from.

    Args:
        head: The first `HEAD_BYTES` bytes.

    Raises:
        GeodataUnreadable: Another document, one with a document type, or no XML.
    """
    roots: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        roots.append(name.rpartition(":")[2])
        raise _RootSeen

    def refuse(*_declaration: object) -> None:
        raise GeodataUnreadable(reason=N_("Das XML enthält eine Dokumenttyp-Angabe (DOCTYPE)."))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(head, False)
    except _RootSeen:
        pass
    except expat.ExpatError as cause:
        raise GeodataUnreadable(reason=N_("Das ist kein gültiges XML.")) from cause
    if roots != ["FeatureCollection"]:
        raise GeodataUnreadable(reason=N_("Das XML ist keine Sammlung von Objekten (GML)."))
