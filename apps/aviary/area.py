"""Read the area that a run is limited to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pyproj import CRS, Transformer
from shapely import GEOSException, MultiPolygon, affinity, transform, union_all
from shapely.geometry import box, shape

from shared.errors import AreaInvalid, AreaOutside, AreaTooSmall, FileMissing
from shared.geo.crs import parse_crs
from shared.geo.polygons import as_multipolygon
from shared.geo.raster import RasterInfo

MAX_BYTES = 20 * 2**20
LEAST_PIXELS = 100
WGS84 = "EPSG:4326"


def read_area(path: Path, info: RasterInfo) -> MultiPolygon:
    """Read polygons and turn them into pixels of an image.

    A file with `"coordinates": "pixel"` holds pixels; one with a `crs` member holds coordinates of
    that system; any other one holds WGS84 longitude and latitude (RFC 7946). Images without a place
    on the map take pixels only.

    Args:
        path: GeoJSON file: geometry, feature or feature collection.
        info: The image.

    Raises:
        FileMissing: The file cannot be read.
        AreaInvalid: No GeoJSON, no polygon, or coordinates the image cannot be compared with.
        AreaOutside: The area does not meet the image.
        AreaTooSmall: It meets next to nothing of the image.
    """
    content = _load(path)
    area = as_multipolygon(union_all([_geometry(one) for one in _geometries(content)]))
    system = _system(content)
    if system != "pixel":
        area = _to_pixels(area, system, info)
    inside = as_multipolygon(area.intersection(box(0, 0, info.width, info.height)))
    if inside.is_empty:
        raise AreaOutside()
    if inside.area < LEAST_PIXELS:
        raise AreaTooSmall(pixels=math.ceil(inside.area))
    return inside


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AreaInvalid()
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as cause:
        raise FileMissing(name=path.name) from cause
    except (ValueError, RecursionError) as cause:
        raise AreaInvalid() from cause
    if not isinstance(content, dict):
        raise AreaInvalid()
    return content


def _geometries(content: dict[str, Any]) -> list[object]:
    kind = content.get("type")
    if kind == "FeatureCollection":
        features = content.get("features")
        if not isinstance(features, list) or not features:
            raise AreaInvalid()
        return [one.get("geometry") if isinstance(one, dict) else None for one in features]
    return [content.get("geometry") if kind == "Feature" else content]


def _geometry(value: object) -> MultiPolygon:
    if not isinstance(value, dict) or value.get("type") not in ("Polygon", "MultiPolygon"):
        raise AreaInvalid()
    try:
        area = as_multipolygon(shape(value))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, GEOSException) as cause:
        raise AreaInvalid() from cause
    if area.is_empty or not all(math.isfinite(edge) for edge in area.bounds):
        raise AreaInvalid()
    return area


def _system(content: dict[str, Any]) -> str:
    if content.get("coordinates") == "pixel":
        return "pixel"
    crs = content.get("crs")
    if crs is None:
        return WGS84
    try:
        return str(crs["properties"]["name"])
    except (TypeError, KeyError) as cause:
        raise AreaInvalid() from cause


def _to_pixels(area: MultiPolygon, system: str, info: RasterInfo) -> MultiPolygon:
    if info.crs is None or info.transform is None:
        raise AreaInvalid()
    start = CRS.from_epsg(4326) if "CRS84" in system or system == WGS84 else parse_crs(system)
    to_map = Transformer.from_crs(start, CRS.from_user_input(info.crs), always_xy=True)
    moved = transform(area, to_map.transform, interleaved=False)
    if not all(math.isfinite(edge) for edge in moved.bounds):
        raise AreaOutside()
    a, b, c, d, e, f = info.transform
    det = a * e - b * d
    inverse = (
        e / det, -b / det, -d / det, a / det, (b * f - c * e) / det, (c * d - a * f) / det
    )  # fmt: skip
    return as_multipolygon(affinity.affine_transform(moved, inverse))
