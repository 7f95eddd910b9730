"""Outlines of buildings with right angles, as far as they still cover the same ground."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon, affinity

from shared.geo.polygons import intersection_over_union, tidy

LEAST_RUNS = 4
QUARTER_DEG = 90.0
DIRECTIONS = 3
"""So many main directions are tried."""
SAME_DIRECTION_DEG = 5.0
REFINING_DEG = (2.0, 1.0, 0.5)
MOST_CORNERS = 1000
"""Outlines with more are no houses; the work grows with the square of the corners."""
CORNER_COST = 0.005
"""A corner more must gain this much IoU."""

Points = NDArray[np.float64]
Sides = list[tuple[bool, float, float]]
"""Sides of a ring in order: level or upright, its coordinate across, its length."""


def square_up(polygon: Polygon, min_iou: float, least_side: float) -> Polygon:
    """Turn the sides of an outline parallel or at right angles to its main direction.

    The main direction is that of its longest sides, modulo 90 degrees; of the best three, turned a
    little, that one is taken that keeps most of the ground with the fewest corners. Sides in one
    direction that follow each other become one, in the middle of where they were; shorter steps
    than `least_side` are given up.

    Args:
        polygon: Outline in a plane with equal units in both axes.
        min_iou: Least IoU of the result and the outline, 0 to 1.
        least_side: Shortest side that is kept, in the unit of the outline.

    Returns:
        The new outline, or the old one where no direction keeps `min_iou` or it has more than
        `MOST_CORNERS`.
    """
    if shapely.get_num_coordinates(polygon) > MOST_CORNERS:
        return polygon
    outlines = {
        angle_deg: _turned(polygon, angle_deg, least_side)
        for angle_deg in main_directions(tidy(polygon, least_side / 2))
    }
    best_deg = max(outlines, key=lambda angle_deg: outlines[angle_deg].worth, default=0.0)
    for step_deg in REFINING_DEG:
        for angle_deg in (best_deg - step_deg, best_deg + step_deg):
            outlines[angle_deg] = _turned(polygon, angle_deg, least_side)
        best_deg = max(outlines, key=lambda angle_deg: outlines[angle_deg].worth)
    best = outlines[best_deg]
    return best.polygon if best.iou >= min_iou else polygon


@dataclass(frozen=True, slots=True)
class _Squared:
    """An outline with right angles.

    Args:
        polygon: The outline.
        iou: Its IoU with what it was made from, 0 to 1.
    """

    polygon: Polygon
    iou: float

    @property
    def worth(self) -> float:
        """The ground it keeps, less a little for each corner."""
        return self.iou - CORNER_COST * len(self.polygon.exterior.coords)


def _turned(polygon: Polygon, angle_deg: float, least_side: float) -> _Squared:
    level = affinity.rotate(polygon, -angle_deg, origin=(0, 0))
    squared = _square(level, least_side)
    if squared is None:
        return _Squared(polygon, 0.0)
    iou = intersection_over_union(squared, level)
    return _Squared(affinity.rotate(squared, angle_deg, origin=(0, 0)), iou)


def main_directions(polygon: Polygon) -> tuple[float, ...]:
    """Return directions of the longest sides, 0 to 90 degrees, that of most length first.

    Args:
        polygon: Outline in a plane with equal units in both axes.
    """
    sides = np.diff(shapely.get_coordinates(polygon.exterior), axis=0)
    lengths = np.hypot(*sides.T)
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % QUARTER_DEG
    found: list[float] = []
    open_sides = lengths > 0
    while open_sides.any() and len(found) < DIRECTIONS:
        apart = _turn(angles[:, None], angles[open_sides][None])
        near = np.abs(apart) <= SAME_DIRECTION_DEG
        weights = np.where(near, lengths[open_sides], 0.0)
        first = int(np.where(open_sides, weights.sum(axis=1), -1).argmax())
        mean = angles[first] - np.average(apart[first], weights=weights[first])
        found.append(float(mean % QUARTER_DEG))
        open_sides &= np.abs(_turn(angles, angles[first])) > SAME_DIRECTION_DEG
    return tuple(found)


def _turn(first: Points, second: Points | float) -> Points:
    """Return the smallest turn from the second to the first direction, -45 to 45 degrees."""
    half = QUARTER_DEG / 2
    return np.asarray((first - second + half) % QUARTER_DEG - half)


def _square(polygon: Polygon, least_side: float) -> Polygon | None:
    """Return an outline of level and upright sides alone; None where none is left."""
    rings = [_square_ring(ring.coords, least_side) for ring in _rings(polygon)]
    if rings[0] is None:
        return None
    squared = Polygon(rings[0], [ring for ring in rings[1:] if ring is not None])
    return squared if squared.is_valid and squared.area > 0 else None


def _rings(polygon: Polygon) -> Iterator[shapely.LinearRing]:
    yield polygon.exterior
    yield from polygon.interiors


def _square_ring(corners: Sequence[tuple[float, float]], least_side: float) -> Points | None:
    sides = _joined(_sides(np.asarray(corners)))
    while len(sides) > LEAST_RUNS:
        shortest = min(range(len(sides)), key=lambda place: _length(sides, place))
        if _length(sides, shortest) >= least_side:
            break
        sides = _joined(sides[:shortest] + sides[shortest + 1 :])
    if len(sides) < LEAST_RUNS:
        return None
    following = sides[1:] + sides[:1]
    return np.array(
        [
            (after, across) if level else (across, after)
            for (level, across, _), (_, after, _) in zip(sides, following, strict=True)
        ]
    )


def _sides(corners: Points) -> Sides:
    steps = np.diff(corners, axis=0)
    middle = (corners[:-1] + corners[1:]) / 2
    level = np.abs(steps[:, 0]) >= np.abs(steps[:, 1])
    across = np.where(level, middle[:, 1], middle[:, 0])
    along = np.where(level, np.abs(steps[:, 0]), np.abs(steps[:, 1]))
    return list(zip(level.tolist(), across.tolist(), along.tolist(), strict=True))


def _joined(sides: Sides) -> Sides:
    """Make one of sides in one direction that follow each other, round the whole ring."""
    turns = [place for place, side in enumerate(sides) if side[0] != sides[place - 1][0]]
    if not turns:
        return []
    ordered = sides[turns[0] :] + sides[: turns[0]]
    joined: Sides = []
    for level, across, length in ordered:
        if joined and joined[-1][0] == level:
            _, other, other_length = joined[-1]
            total = length + other_length
            mean = (across * length + other * other_length) / total if total else across
            joined[-1] = (level, mean, total)
        else:
            joined.append((level, across, length))
    return joined


def _length(sides: Sides, place: int) -> float:
    """Return how long a side is between those before and after it."""
    before, after = sides[place - 1], sides[(place + 1) % len(sides)]
    return abs(before[1] - after[1])
