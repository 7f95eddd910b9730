"""Read the area that a run is limited to."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyproj import CRS, Transformer
from shapely import GEOSException, MultiPolygon, affinity, transform, union_all
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from shared.errors import AreaInvalid, AreaOutside, AreaTooSmall, FileMissing
from shared.geo.crs import parse_crs
from shared.geo.polygons import as_multipolygon
from shared.geo.raster import RasterInfo
from shared.geo.vector_formats import HEAD_BYTES, VectorFormat, recognise_vectors
from shared.geo.vector_io import open_vectors

MAX_BYTES = 20 * 2**20
LEAST_PIXELS = 100
WGS84 = "EPSG:4326"
MAP_FORMATS: frozenset[VectorFormat | None] = frozenset({"gpkg", "flatgeobuf", "shapefile", "gml"})


def read_area(path: Path, info: RasterInfo) -> MultiPolygon:
    """Read polygons and turn them into pixels of an image.

    A GeoJSON file with `"coordinates": "pixel"` holds pixels; one with a `crs` member holds
    coordinates of that system; any other one holds WGS84 longitude and latitude (RFC 7946). Other
    formats name their system. Images without a place on the map take pixels only.

    Args:
        path: GeoJSON (geometry, feature or feature collection), GeoPackage, FlatGeobuf, GML or
            zipped Shapefile.
        info: The image.

    Raises:
        FileMissing: The file cannot be read.
        AreaInvalid: No GeoJSON, no polygon, or coordinates the image cannot be compared with.
        AreaOutside: The area does not meet the image.
        AreaTooSmall: It meets next to nothing of the image.
        InputError: A file of another format cannot be read; see `open_vectors`.
    """
    return _checked(_read_whole(path, info), info)


def area_of_geojson(content: bytes, info: RasterInfo) -> MultiPolygon:
    """Return the area of a GeoJSON file; see `read_area`.

    Args:
        content: All bytes.
        info: The image.
    """
    return _checked(_area_in(parse_geojson(content), info), info)


def _checked(whole: MultiPolygon, info: RasterInfo) -> MultiPolygon:
    inside = _inside(whole, info)
    if inside.is_empty:
        raise AreaOutside()
    if inside.area < LEAST_PIXELS:
        raise AreaTooSmall(pixels=math.ceil(inside.area))
    return inside


def outside_share(path: Path, info: RasterInfo) -> float:
    """Return how much of an area lies outside the image, 0 to 1; see `read_area` for the errors."""
    whole = _read_whole(path, info)
    return float(1 - _inside(whole, info).area / whole.area)


def _read_whole(path: Path, info: RasterInfo) -> MultiPolygon:
    if _is_map_file(path):
        stat = path.stat()
        system = info.crs or WGS84
        area = _map_areas(path, stat.st_mtime_ns, stat.st_size, system)
        return as_multipolygon(to_pixels(area, system, info))
    return _area_in(load_geojson(path), info)


def _area_in(content: dict[str, Any], info: RasterInfo) -> MultiPolygon:
    area = as_multipolygon(union_all([_geometry(one) for one in _geometries(content)]))
    system = system_of(content)
    if system == "pixel":
        return area
    return as_multipolygon(to_pixels(area, system, info))


def _is_map_file(path: Path) -> bool:
    """Tell whether a file is of a format that names its own coordinate system."""
    try:
        with path.open("rb") as stream:
            return recognise_vectors(stream.read(HEAD_BYTES)) in MAP_FORMATS
    except OSError as cause:
        raise FileMissing(name=path.name) from cause


@lru_cache(maxsize=2)
def _map_areas(path: Path, changed_ns: int, size: int, crs: str) -> MultiPolygon:
    """Return all areas of a file in some system; a run asks for them several times."""
    del changed_ns, size  # part of the cache's key only
    shapes = open_vectors(path).frame.to_crs(crs).geometry
    area = as_multipolygon(union_all([as_multipolygon(one) for one in shapes]))
    if area.is_empty:
        raise AreaInvalid()
    return area


def _inside(area: MultiPolygon, info: RasterInfo) -> MultiPolygon:
    return as_multipolygon(area.intersection(box(0, 0, info.width, info.height)))


def load_geojson(path: Path) -> dict[str, Any]:
    """Return the content of a GeoJSON file.

    Raises:
        FileMissing: It cannot be read.
        AreaInvalid: It is too large or no JSON object.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AreaInvalid()
        return parse_geojson(path.read_bytes())
    except OSError as cause:
        raise FileMissing(name=path.name) from cause


def parse_geojson(text: bytes) -> dict[str, Any]:
    """Return the content of a GeoJSON file.

    Raises:
        AreaInvalid: It is too large or no JSON object.
    """
    if len(text) > MAX_BYTES:
        raise AreaInvalid()
    try:
        content = json.loads(text.decode("utf-8-sig"))
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


def system_of(content: dict[str, Any]) -> str:
    """Return the coordinate system of GeoJSON; "pixel" for pixels of the image.

    Raises:
        AreaInvalid: Its `crs` member is none.
    """
    if content.get("coordinates") == "pixel":
        return "pixel"
    crs = content.get("crs")
    if crs is None:
        return WGS84
    try:
        return str(crs["properties"]["name"])
    except (TypeError, KeyError) as cause:
        raise AreaInvalid() from cause


def to_pixels(area: BaseGeometry, system: str, info: RasterInfo) -> BaseGeometry:
    """Turn coordinates of a system into pixels of an image.

    Raises:
        AreaInvalid: The image has no place on the map.
        AreaOutside: There is no such place.
    """
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
    return affinity.affine_transform(moved, inverse)
