"""Measure how far areas lie on each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry


def overlaps_m2(areas: Sequence[BaseGeometry]) -> float:
    """Return the area that is covered twice.

    GEOS now and then mislabels a part where edges nearly coincide, so what two precisions do not
    agree on is not an overlap.
    """
    shapes = np.array(areas, dtype=object)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    first, second = first[first < second], second[first < second]
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    doubtful = shared > 1e-6
    again = shapely.intersection(shapes[first][doubtful], shapes[second][doubtful], grid_size=1e-6)
    shared[doubtful] = np.minimum(shared[doubtful], shapely.area(again))
    return float(shared.sum())


def outside_m2(area: BaseGeometry, ground: BaseGeometry) -> float:
    """Return how much of an area lies outside another one."""
    ways = (shapely.difference(area, ground, grid_size=grid_m).area for grid_m in (None, 1e-6))
    return float(min(ways))
