"""What changes on the ground of one plot: gardens, drives, pools, outlines of buildings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.vectors.frames import Frame, dot
from shared.demo_city.vectors.ground import Cover, Surface
from shared.demo_city.vectors.overlay import polygons, split

HARD: Final = frozenset({"asphalt_yard", "paving", "slabs", "setts"})
SOFT: Final = frozenset({"lawn", "bed", "meadow"})
LEAST_CHANGE_M2: Final = 12.0
POOL_M: Final = ((5.0, 8.5), (3.0, 4.2))
EDGE_M: Final = 0.9
FRONT_DEPTH_M: Final = 9.0
DRIVE_M: Final = ((2.8, 5.5), (7.0, 13.0))
Change = tuple[tuple[Surface, ...], BaseGeometry]
"""Surfaces of the plot afterwards, and where they differ from those before."""


def with_walls(surfaces: Sequence[Surface], before: Polygon, after: Polygon) -> Change:
    """Return a plot on which a building has other walls.

    Args:
        surfaces: Surfaces of the plot.
        before: Walls of the building before; empty where it is new.
        after: Walls afterwards; empty where it is gone.
    """
    grown = after.difference(before)
    made = _covered(surfaces, "building", grown)
    shrunk = before.difference(after)
    if not shrunk.is_empty and shrunk.area > 0.01:
        made = _covered(made, "gravel_yard", shrunk)
    return made, shapely.union(grown, shrunk)


def unsealed(surfaces: Sequence[Surface], rng: np.random.Generator) -> Change | None:
    """Return a plot whose largest sealed surface was opened: lawn or open paving instead."""
    place = _largest(surfaces, HARD)
    if place is None:
        return None
    cover: Cover = "open_paving" if rng.random() < 0.35 else "lawn"
    return _recovered(surfaces, place, cover)


def gravelled(surfaces: Sequence[Surface], front: Frame) -> Change | None:
    """Return a plot whose front garden was covered with gravel.

    Args:
        surfaces: Surfaces of the plot.
        front: Frame along its street, the plot to the left.
    """
    strip = front.box(-60, -1, front.length_m + 120, FRONT_DEPTH_M + 1)
    near = [one for one in surfaces if one.area.centroid.within(strip)]
    place = _largest(near, SOFT)
    if place is None:
        return None
    return _recovered(surfaces, surfaces.index(near[place]), "gravel_garden")


def sealed(surfaces: Sequence[Surface], front: Frame, rng: np.random.Generator) -> Change | None:
    """Return a plot with a new drive or car park on its green.

    Args:
        surfaces: Surfaces of the plot.
        front: Frame along its street, the plot to the left.
        rng: Random stream of the change.
    """
    width, depth = (float(rng.uniform(*limits)) for limits in DRIVE_M)
    start = float(rng.choice([0.3, max(0.3, front.length_m - width - 0.3)]))
    cover: Cover = "asphalt_yard" if rng.random() < 0.35 else "paving"
    return _laid(surfaces, cover, front.box(start, 0.0, width, depth))


def with_pool(surfaces: Sequence[Surface], front: Frame, rng: np.random.Generator) -> Change | None:
    """Return a plot with a pool and an edge of slabs on its lawn.

    Args:
        surfaces: Surfaces of the plot.
        front: Frame along its street, the plot to the left.
        rng: Random stream of the change.
    """
    place = _largest(surfaces, frozenset({"lawn", "meadow"}))
    if place is None:
        return None
    lawn = surfaces[place].area
    length, width = (float(rng.uniform(*limits)) for limits in POOL_M)
    west, south, east, north = lawn.bounds
    for _ in range(40):
        middle = rng.uniform((west, south), (east, north))
        along = float(dot(middle - front.origin, front.along))
        across = float(dot(middle - front.origin, front.across))
        edge = front.box(along, across, length + 2 * EDGE_M, width + 2 * EDGE_M)
        if lawn.contains(edge):
            pool = front.box(along + EDGE_M, across + EDGE_M, length, width)
            made = _covered(_covered(surfaces, "slabs", edge), "pool", pool)
            return made, edge
    return None


def _largest(surfaces: Sequence[Surface], covers: frozenset[str]) -> int | None:
    found = [index for index, one in enumerate(surfaces) if one.cover in covers]
    found.sort(key=lambda index: (-round(surfaces[index].area.area, 2), index))
    if not found or surfaces[found[0]].area.area < LEAST_CHANGE_M2:
        return None
    return found[0]


def _recovered(surfaces: Sequence[Surface], place: int, cover: Cover) -> Change:
    made = list(surfaces)
    made[place] = replace(made[place], cover=cover)
    return tuple(made), made[place].area


def _laid(surfaces: Sequence[Surface], cover: Cover, area: Polygon) -> Change | None:
    """Cover the green part of an area; None where little of it is green."""
    green = shapely.union_all([one.area for one in surfaces if one.cover in SOFT])
    shared = shapely.intersection(green, area)
    if shared.area < LEAST_CHANGE_M2 or shared.area < 0.6 * area.area:
        return None
    made = _covered(surfaces, cover, area, SOFT)
    return made, shared


def _covered(
    surfaces: Sequence[Surface],
    cover: Cover,
    area: BaseGeometry,
    only: frozenset[str] | None = None,
) -> tuple[Surface, ...]:
    """Lay a cover over surfaces; together they stay what they were."""
    made: list[Surface] = []
    for one in surfaces:
        if (only is not None and one.cover not in only) or not one.area.intersects(area):
            made.append(one)
            continue
        covered, rest = split(one.area, area)
        made += [replace(one, area=part) for part in polygons(rest)]
        made += [replace(one, cover=cover, area=part) for part in polygons(covered)]
    return tuple(made)
