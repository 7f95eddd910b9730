"""Buildings as closed bodies: roof planes, walls below and between them, ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan2, degrees
from typing import Final, Literal

import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry.polygon import orient

from shared.demo_city.roofs.planes import RoofPlane
from shared.demo_city.roofs.roofscape import Roof

Place = tuple[float, float]
Face = tuple[int, list[Place]]
Corner = tuple[float, float, float]
SurfaceKind = Literal["RoofSurface", "WallSurface", "GroundSurface"]
DIGITS: Final = 5
"""Decimals of coordinates [m]: a millimetre would turn the narrowest planes by some degrees."""
GRID_M: Final = 10.0**-DIGITS
STEP_M: Final = 5e-4
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
        Surfaces that enclose the building, see `is_closed`.
    """
    heights = _Heights(roof.planes)
    faces = _faces(roof.planes)
    owner = {side: plane for plane, ring in faces for side in zip(ring, _next(ring), strict=True)}
    surfaces = [
        BodySurface(
            "RoofSurface",
            tuple((*place, heights.at(plane, place)) for place in ring),
            roof.planes[plane].slope.azimuth_deg,
            roof.planes[plane].slope.slope_deg,
        )
        for plane, ring in faces
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


def _faces(planes: Sequence[RoofPlane]) -> list[Face]:
    """Return the pieces into which the sides of all planes cut the roof, each with its plane.

    Neighbours have the very same corners along their common side.
    """
    lines = shapely.union_all([plane.area.boundary for plane in planes], grid_size=GRID_M)
    pieces = shapely.get_parts(shapely.polygonize([lines]))
    areas = np.array([plane.area for plane in planes], dtype=object)
    inside, owner = STRtree(areas).query(shapely.point_on_surface(pieces), predicate="within")
    faces = []
    for piece, plane in zip(pieces[inside], owner.tolist(), strict=True):
        corners = shapely.get_coordinates(orient(piece).exterior)[:-1]
        faces.append((plane, [tuple(corner) for corner in corners.round(DIGITS).tolist()]))
    return faces


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
