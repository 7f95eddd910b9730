"""Cut areas out of each other so that nothing gets lost.

Where edges nearly coincide GEOS now and then mislabels a part: it is missing from a result or is
there twice. That does not happen at several precisions at once, so a result is taken only where
both parts add up to the whole, at full precision first because that is quickest.
"""

from __future__ import annotations

from typing import Final

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

GRIDS_M: Final = (None, 1e-6, 1e-5, 1e-4)
ROUNDING_M2: Final = 1e-6
"""How far both parts may differ from the whole at full precision."""


def split(area: BaseGeometry, other: BaseGeometry) -> tuple[BaseGeometry, BaseGeometry]:
    """Return what two areas share, and what remains of the first one.

    Raises:
        ArithmeticError: No precision gave parts that add up to the whole.
    """
    area, other = _only_areas(area), _only_areas(other)
    for grid_m in GRIDS_M:
        shared = shapely.intersection(area, other, grid_size=grid_m)
        rest = shapely.difference(area, other, grid_size=grid_m)
        allowed = ROUNDING_M2 + (grid_m or 0.0) * area.length
        if abs(shared.area + rest.area - area.area) <= allowed:
            return _only_areas(shared), _only_areas(rest)
    raise ArithmeticError(f"no overlay adds up at {area.centroid.wkt}")


def common(first: BaseGeometry, second: BaseGeometry) -> BaseGeometry:
    """Return what two areas share."""
    return split(first, second)[0]


def without(area: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return an area without another one."""
    return split(area, other)[1]


def polygons(geometry: BaseGeometry) -> list[Polygon]:
    """Return the polygons of a geometry; lines and points that an overlay left are dropped."""
    if isinstance(geometry, Polygon):
        return [geometry] if geometry.area > 0 else []
    return [
        part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and part.area > 0
    ]


def _only_areas(geometry: BaseGeometry) -> BaseGeometry:
    if geometry.geom_type in {"Polygon", "MultiPolygon"}:
        return geometry
    return MultiPolygon(polygons(geometry))
