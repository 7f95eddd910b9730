"""Buildings as closed bodies: roof planes, walls below and between them, ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan2, degrees, hypot
from typing import Final, Literal

import shapely
from shapely.geometry.polygon import orient

from shared.demo_city.roofs import RoofPlane
from shared.demo_city.roofscape import Roof

Place = tuple[float, float]
Corner = tuple[float, float, float]
SurfaceKind = Literal["RoofSurface", "WallSurface", "GroundSurface"]
DIGITS: Final = 4
"""Decimals of coordinates [m]."""
TOUCH_M: Final = 2e-3
STEP_M: Final = 5e-3
"""Planes whose heights differ by less at a common side meet without a wall."""


@dataclass(frozen=True, slots=True)
class BodySurface:
    """One surface of a body.

    Args:
        kind: What it is.
        ring: Corners, counter-clockwise seen from outside; the first is not repeated [m].
        azimuth_deg: Direction in which a roof surface falls [deg, clockwise from north].
        slope_deg: Its angle against the horizontal [deg].
    """

    kind: SurfaceKind
    ring: tuple[Corner, ...]
    azimuth_deg: float = 0.0
    slope_deg: float = 0.0


def build_body(roof: Roof) -> list[BodySurface]:
    """Return the closed body below a roof; its walls stand below the eaves, its ground is level.

    Args:
        roof: The roof, heights above ground.

    Returns:
        Surfaces; with few exceptions (see `is_closed`) they enclose the building.
    """
    rings = _noded(roof.planes)
    heights = _Heights(roof.planes)
    owner = {
        side: number
        for number, ring in enumerate(rings)
        for side in zip(ring, _next(ring), strict=True)
    }
    surfaces = [
        BodySurface(
            "RoofSurface",
            tuple((*place, heights.at(number, place)) for place in ring),
            roof.planes[number].slope.azimuth_deg,
            roof.planes[number].slope.slope_deg,
        )
        for number, ring in enumerate(rings)
    ]
    ground: dict[Place, Place] = {}
    for (start, end), number in owner.items():
        other = owner.get((end, start))
        below = (0.0, 0.0)
        if other is None:
            ground[end] = start
        else:
            below = heights.at(other, start), heights.at(other, end)
        above = heights.at(number, start), heights.at(number, end)
        surfaces += _wall(start, end, above, below)
    whole = [heights.with_steps(s) if s.kind == "WallSurface" else s for s in surfaces]
    return whole + _grounds(ground)


def is_closed(surfaces: Sequence[BodySurface]) -> bool:
    """Return whether each side of a surface is a side of one other in the opposite direction."""
    sides = [side for s in surfaces for side in zip(s.ring, (*s.ring[1:], s.ring[0]), strict=True)]
    known = set(sides)
    return len(known) == len(sides) and all((end, start) in known for start, end in sides)


class _Heights:
    """Heights of planes at places; planes that meet have the very same height there."""

    def __init__(self, planes: Sequence[RoofPlane]) -> None:
        self._planes = planes
        self._known: dict[Place, list[float]] = {}

    def at(self, number: int, place: Place) -> float:
        height = round(self._planes[number].slope.height_m(*place), DIGITS)
        known = self._known.setdefault(place, [])
        near = next((one for one in known if abs(one - height) < STEP_M), None)
        if near is not None:
            return near
        known.append(height)
        return height

    def with_steps(self, wall: BodySurface) -> BodySurface:
        """Put corners on the upright sides of a wall where other walls or planes begin."""
        ring: list[Corner] = []
        for start, end in zip(wall.ring, (*wall.ring[1:], wall.ring[0]), strict=True):
            ring.append(start)
            if start[:2] == end[:2]:
                low, high = sorted((start[2], end[2]))
                steps = sorted(z for z in self._known[start[:2]] if low < z < high)
                ring += [(*start[:2], z) for z in (steps if start[2] == low else steps[::-1])]
        return replace(wall, ring=tuple(ring))


def _next(ring: Sequence[Place]) -> list[Place]:
    return [*ring[1:], ring[0]]


def _noded(planes: Sequence[RoofPlane]) -> list[list[Place]]:
    """Return the rings of planes with the corners of the others that lie on their sides."""
    rings = [
        _merged(shapely.get_coordinates(orient(p.area).exterior)[:-1].tolist()) for p in planes
    ]
    known: list[Place] = []
    for ring in rings:
        for at, place in enumerate(ring):
            near = next(
                (k for k in known if hypot(k[0] - place[0], k[1] - place[1]) < TOUCH_M), None
            )
            if near is None:
                known.append(place)
            else:
                ring[at] = near
    return [_with_corners(ring, known) for ring in rings]


def _merged(ring: list[list[float]]) -> list[Place]:
    return [(round(x, DIGITS), round(y, DIGITS)) for x, y in ring]


def _with_corners(ring: list[Place], known: Sequence[Place]) -> list[Place]:
    made: list[Place] = []
    for start, end in zip(ring, _next(ring), strict=True):
        if start == end:
            continue
        way = end[0] - start[0], end[1] - start[1]
        length = hypot(*way)
        between = []
        for place in known:
            x, y = place[0] - start[0], place[1] - start[1]
            along, aside = (x * way[0] + y * way[1]) / length, (x * way[1] - y * way[0]) / length
            if place not in (start, end) and abs(aside) < TOUCH_M and 0 < along < length:
                between.append((along, place))
        made += [start, *(place for _, place in sorted(between))]
    return made


def _wall(
    start: Place, end: Place, above: tuple[float, float], below: tuple[float, float]
) -> list[BodySurface]:
    """Return the wall from a side of a plane down to what is beside it; none where it is lower."""
    rise = above[0] - below[0], above[1] - below[1]
    if max(rise) <= 0:
        return []
    ring: list[Corner] = [(*start, below[0]), (*end, below[1])]
    if rise[1] > 0:
        ring.append((*end, above[1]))
    if rise[0] > 0:
        ring.append((*start, above[0]))
    direction = degrees(atan2(end[1] - start[1], start[0] - end[0])) % 360
    return [BodySurface("WallSurface", tuple(ring), direction, 90.0)]


def _grounds(backwards: dict[Place, Place]) -> list[BodySurface]:
    left = dict(backwards)
    grounds = []
    while left:
        first = next(iter(left))
        ring, place = [first], left.pop(first)
        while place != first and place in left:
            ring.append(place)
            place = left.pop(place)
        if len(ring) > 2:
            grounds.append(BodySurface("GroundSurface", tuple((x, y, 0.0) for x, y in ring)))
    return grounds
