"""Parts of the town to look at, from the whole town to a few houses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd

from apps.musterstadt.pictures import Bounds
from shared.demo_city import CitySettings
from shared.errors import N_

CENTRE, WHOLE = "centre", "whole"
CENTRE_SIDE_M: Final = 2_000.0
CLOSE_HEIGHT_M: Final = 160.0
LEAST_HEIGHT_M: Final = 400.0
WIDE: Final = 1.6
"""Width by height of parts that are not square: the map on the page is wide."""
CLOSE_PLACES: Final = (
    ("close-market", N_("Nahaufnahme: am Markt"), (2_000.0, 2_000.0)),
    ("close-ring", N_("Nahaufnahme: an der Ringstraße"), (1_680.0, 1_870.0)),
    ("close-garden", N_("Nahaufnahme: Häuser mit Gärten"), (1_620.0, 2_330.0)),
)
"""Within the part with the finest images: key, title, centre [m]."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the town.

    Args:
        key: Name for programs.
        title: German name; translated unless it is a proper name.
        bounds_m: West, south, east, north within the town [m].
        is_name: True for a proper name.
    """

    key: str
    title: str
    bounds_m: Bounds
    is_name: bool = False


def areas(
    districts: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, settings: CitySettings
) -> tuple[Area, ...]:
    """Return the parts that can be chosen, the first one is shown first.

    Args:
        districts: Layer `districts`.
        buildings: Layer `buildings`; a district is shown where it is built on.
        settings: The town.
    """
    bounds = buildings.bounds.groupby(buildings["district_id"])
    low, high = bounds[["minx", "miny"]].min(), bounds[["maxx", "maxy"]].max()
    size = settings.size_m
    east, north = settings.origin_m
    middle = size / 2, size / 2
    made = [
        Area(CENTRE, N_("Stadtmitte"), _square(middle, CENTRE_SIDE_M)),
        Area(WHOLE, N_("Ganze Stadt"), (0.0, 0.0, size, size)),
    ]
    for row in districts.itertuples():
        left, bottom = low.loc[row.district_id]
        right, top = high.loc[row.district_id]
        place = (left + right) / 2 - east, (bottom + top) / 2 - north
        height = max((right - left) / WIDE, top - bottom, LEAST_HEIGHT_M)
        made.append(Area(row.district_id, row.name, _around(place, height, size), is_name=True))
    made += [
        Area(key, title, _around(place, CLOSE_HEIGHT_M, size)) for key, title, place in CLOSE_PLACES
    ]
    return tuple(made)


def _around(middle: tuple[float, float], height_m: float, size_m: float) -> Bounds:
    """Return a wide part of the town around a place, within its borders."""
    width, height = min(WIDE * height_m, size_m), min(height_m, size_m)
    west = min(max(middle[0] - width / 2, 0.0), size_m - width)
    south = min(max(middle[1] - height / 2, 0.0), size_m - height)
    return float(west), float(south), float(west + width), float(south + height)


def _square(middle: tuple[float, float], side_m: float) -> Bounds:
    x, y = middle
    half = side_m / 2
    return x - half, y - half, x + half, y + half
