"""Tell whether a layer holds curves, which the reading library turns into lines without a word."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

CURVED_TYPES = frozenset({8, 9, 10, 11, 12})
"""CIRCULARSTRING, COMPOUNDCURVE, CURVEPOLYGON, MULTICURVE, MULTISURFACE of ISO 13249-3."""
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_HEADER_BYTES = 8
_TYPE_BYTES = 5
_ARCS = (b":Arc", b":Circle", b"<Arc", b"<Circle")


def geopackage_has_curves(path: Path, layer: str) -> bool:
    """Tell whether a layer of a GeoPackage holds curves.

    Source: OGC GeoPackage 1.3, section 2.1.3 (binary form of geometries).

    Args:
        path: The file.
        layer: Name of the layer.

    Raises:
        sqlite3.Error: The layer is a view that SQLite alone cannot work out.
    """
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=0)) as connection:
        found = connection.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchone()
        if found is None:
            return False
        table, column = _quoted(layer), _quoted(str(found[0]))
        heads = connection.execute(f"SELECT substr({column}, 1, 80) FROM {table}")  # noqa: S608
        return any(isinstance(head, bytes) and _is_curved(head) for (head,) in heads)


def gml_has_curves(path: Path) -> bool:
    """Tell whether a GML file names arcs or circles anywhere."""
    content = path.read_bytes()
    return any(arc in content for arc in _ARCS)


def _is_curved(head: bytes) -> bool:
    kind = head[3] >> 1 & 7 if len(head) > _HEADER_BYTES else len(_ENVELOPE_BYTES)
    if kind >= len(_ENVELOPE_BYTES):
        return False
    start = _HEADER_BYTES + _ENVELOPE_BYTES[kind]
    if len(head) < start + _TYPE_BYTES:
        return False
    order = "<" if head[start] else ">"
    (number,) = struct.unpack(f"{order}I", head[start + 1 : start + _TYPE_BYTES])
    return number % 1000 in CURVED_TYPES


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
