"""The part of an image that counts, as the file that a run reads (`apps.aviary.inputs.area`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from shapely import MultiPolygon, Polygon, box
from shapely.geometry import mapping

from apps.aviary.finds.detection_file import Rings, area_rings
from apps.aviary.inputs.area import area_of_geojson
from shared.demo_city import CRS, CitySettings, folder_of_city, is_city_built
from shared.errors import AreaInvalid
from shared.geo.crs import to_map
from shared.geo.raster import RasterInfo
from shared.limited_reading import read_limited
from shared.settings import get_settings

if TYPE_CHECKING:
    import geopandas as gpd

Point = tuple[float, float]
AREA_NAME = "gebiet.geojson"
LONGEST_ANSWER_BYTES = 64 * 2**20
"""See `shared.limited_reader`: room for the corners of the largest file."""


@dataclass(frozen=True, slots=True)
class ChosenArea:
    """A part of an image.

    Args:
        content: GeoJSON as `read_area` takes it.
        polygons: The same in pixels of the image, within its edges.
    """

    content: bytes
    polygons: MultiPolygon


def area_from_pixels(ring: Sequence[Point], info: RasterInfo) -> ChosenArea:
    """Return what somebody drew.

    Args:
        ring: Corners [px].
        info: The image.

    Raises:
        AreaInvalid: It has no area.
        AreaOutside: It does not meet the image.
        AreaTooSmall: It meets next to nothing of the image.
    """
    if len(ring) < 4:
        raise AreaInvalid()
    return area_from_file(_geojson(Polygon(ring), {"coordinates": "pixel"}), info)


def rectangle(
    across: tuple[float, float], down: tuple[float, float], info: RasterInfo
) -> tuple[Point, ...]:
    """Return the corners of a part of the image [px].

    Args:
        across: From and to, from the left edge, 0 to 1.
        down: From and to, from the upper edge, 0 to 1.
        info: The image.
    """
    left, right = (one * info.width for one in across)
    upper, lower = (one * info.height for one in down)
    return tuple(box(left, upper, right, lower).exterior.coords)


def area_from_upload(content: bytes, info: RasterInfo) -> ChosenArea:
    """Return the area of a file that somebody brought; read in a process of its own.

    Args:
        content: GeoJSON, all bytes.
        info: The image.

    Raises:
        InputError: See `read_area`.
    """
    rings = read_limited(read_rings, content, info)
    return ChosenArea(content, MultiPolygon([Polygon(one[0], one[1:]) for one in rings]))


def read_rings(content: bytes, info: RasterInfo) -> tuple[Rings, ...]:
    """Return the polygons of a GeoJSON file, each its outer ring and its holes [px].

    Args:
        content: All bytes.
        info: The image.

    Raises:
        InputError: See `read_area`.
    """
    return area_rings(area_from_file(content, info).polygons) or ()


def area_from_file(content: bytes, info: RasterInfo) -> ChosenArea:
    """Return the area of a GeoJSON file; see `read_area` for the errors."""
    return ChosenArea(content, area_of_geojson(content, info))


def shows_town(info: RasterInfo) -> bool:
    """Say whether an image shows a part of Musterstadt, whose districts are known here.

    Args:
        info: The image.
    """
    settings = CitySettings()
    east, north = settings.origin_m
    town = box(east, north, east + settings.size_m, north + settings.size_m)
    shown = _footprint(info)
    if shown is None or not shown.intersects(town):
        return False
    return is_city_built(get_settings().demo_city_folder, settings)


def districts_in(info: RasterInfo) -> dict[str, ChosenArea]:
    """Return the districts of Musterstadt that an image shows, by their names.

    Args:
        info: An image of `shows_town`; reading the districts may take seconds.
    """
    shown = _footprint(info)
    if shown is None:
        return {}
    found = {}
    folder = folder_of_city(get_settings().demo_city_folder, CitySettings())
    for row in _districts(folder).itertuples():
        part = row.geometry.intersection(shown)
        if part.area > 0:
            content = _geojson(part, {"crs": _crs_member()})
            found[str(row.name)] = area_from_file(content, info)
    return found


def _footprint(info: RasterInfo) -> Polygon | None:
    """Return the edge of an image in the system of the town; None in any other."""
    if info.crs != CRS or info.transform is None:
        return None
    ends = ((0, 0), (info.width, 0), (info.width, info.height), (0, info.height))
    return Polygon([to_map(info.transform, x, y) for x, y in ends])


@lru_cache(maxsize=1)
def _districts(folder: Path) -> gpd.GeoDataFrame:
    from shared.demo_city import CityStore

    del folder  # part of the cache key only
    return CityStore(get_settings().demo_city_folder, CitySettings()).city().layer("districts")


def _crs_member() -> dict[str, object]:
    return {"type": "name", "properties": {"name": CRS}}


def _geojson(shape: Polygon | MultiPolygon, members: dict[str, object]) -> bytes:
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(shape)}
    content = {"type": "FeatureCollection", **members, "features": [feature]}
    return json.dumps(content).encode("utf-8")
