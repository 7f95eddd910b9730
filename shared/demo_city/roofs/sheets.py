"""Roof planes as sheets one can draw on: along the eaves and up the slope, seen from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from shared.demo_city.roofs.planes import RoofPlane, Slope
from shared.demo_city.vectors.buildings import Building

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Least and greatest place along the eaves and up the slope: left, low, right, high [m]."""
Ring = Sequence[Point]
Places = NDArray[np.floating[Any]]
LEVEL_BELOW_DEG: Final = 5.0
CLEARANCE_M: Final = 0.12
CORNER: Final = 1e-6
"""Sine of the turn below which a corner is straight."""


@dataclass(slots=True)
class Sheet:
    """A roof plane with axes of its own; what is put on it takes its room.

    Args:
        number: Its place in the planes of the roof.
        plane: The plane.
        along: Unit vector along the eaves.
        up: Unit vector up the slope, left of `along`.
        bounds: Box around the plane.
        area_m2: Area of the plane seen from above.
        slope_deg: Its angle against the horizontal.
        outline: Corners of the plane, the last equals the first.
        edges: Normal and offset of each side of its convex hull, for "is inside".
        is_convex: Whether the plane has no inner corner.
        taken: Boxes that are not free any more.
    """

    number: int
    plane: RoofPlane
    along: Point
    up: Point
    bounds: Box
    area_m2: float
    slope_deg: float
    outline: list[list[float]]
    edges: list[tuple[float, float, float]]
    is_convex: bool
    taken: list[Box] = field(default_factory=list)

    @classmethod
    def of(cls, number: int, plane: RoofPlane, building: Building) -> Sheet:
        """Return the sheet of a plane; level planes follow the ridge of the building."""
        slope, slope_deg = plane.slope, plane.slope.slope_deg
        length = hypot(slope.rise_x, slope.rise_y)
        if slope_deg < LEVEL_BELOW_DEG:
            up = (float(building.ridge.across[0]), float(building.ridge.across[1]))
        else:
            up = (slope.rise_x / length, slope.rise_y / length)
        along = (up[1], -up[0])
        ring = [
            [x * along[0] + y * along[1], x * up[0] + y * up[1]]
            for x, y in shapely.get_coordinates(plane.area.exterior).tolist()
        ]
        edges, is_convex = _edges(ring)
        us, vs = zip(*ring, strict=True)
        bounds = (min(us), min(vs), max(us), max(vs))
        is_convex = is_convex and len(ring) == shapely.get_num_coordinates(plane.area)
        area_m2 = float(plane.area.area)
        return cls(
            number, plane, along, up, bounds, area_m2, slope_deg, ring, edges, is_convex
        )  # fmt: skip

    @property
    def length_m(self) -> float:
        """Extent along the eaves [m]."""
        return self.bounds[2] - self.bounds[0]

    @property
    def depth_m(self) -> float:
        """Extent up the slope, seen from above [m]."""
        return self.bounds[3] - self.bounds[1]

    @property
    def is_level(self) -> bool:
        """Whether it belongs to a flat roof."""
        return self.slope_deg < LEVEL_BELOW_DEG

    @property
    def shortening(self) -> float:
        """Length seen from above of one metre up the slope."""
        return float(np.cos(np.radians(self.slope_deg)))

    def place(self, u: float, v: float) -> Point:
        """Return a place of the sheet in the town [m]."""
        return u * self.along[0] + v * self.up[0], u * self.along[1] + v * self.up[1]

    def ring(self, box: Box) -> list[Point]:
        """Return the corners of a box in the town, counter-clockwise [m]."""
        left, low, right, high = box
        return [
            self.place(left, low),
            self.place(right, low),
            self.place(right, high),
            self.place(left, high),
        ]

    def raised(self, by_m: float) -> Slope:
        """Return the plane lifted by some metres."""
        slope = self.plane.slope
        return Slope(slope.rise_x, slope.rise_y, slope.base + by_m)

    def holds(self, box: Box, margin_m: float = 0.0) -> bool:
        """Return whether a box lies inside the plane with a distance from its sides."""
        left, low, right, high = box
        for x, y, offset in self.edges:
            if x * (right if x > 0 else left) + y * (high if y > 0 else low) > offset - margin_m:
                return False
        return self.is_convex or bool(
            self.plane.area.contains(Polygon(self.ring(grown(box, margin_m))))
        )

    def held(
        self, left: Places, low: Places, width_m: float, height_m: float,
        margin_m: float,
    ) -> NDArray[np.bool_]:  # fmt: skip
        """Return which of many boxes of one size are inside and free.

        Args:
            left: Where they begin along the eaves [m].
            low: Where they begin up the slope [m].
            width_m: Their width.
            height_m: Their height.
            margin_m: Distance from the sides of the plane.
        """
        inside = np.ones(np.broadcast_shapes(left.shape, low.shape), dtype=bool)
        for x, y, offset in self.edges:
            reach = x * (left + (width_m if x > 0 else 0)) + y * (low + (height_m if y > 0 else 0))
            inside &= reach <= offset - margin_m
        if not self.is_convex:
            inside &= self._in_corners(left, low, width_m, height_m, margin_m)
        for box in self.taken:
            apart = (left + width_m <= box[0]) | (left >= box[2])
            inside &= apart | (low + height_m <= box[1]) | (low >= box[3])
        return inside

    def _in_corners(
        self, left: Places, low: Places, width_m: float, height_m: float,
        margin_m: float,
    ) -> NDArray[np.bool_]:  # fmt: skip
        area = self.plane.area.buffer(-margin_m, join_style="mitre")
        shapely.prepare(area)
        left, low = np.broadcast_arrays(left, low)
        inside = np.ones(left.shape, dtype=bool)
        for u in (left, left + width_m / 2, left + width_m):
            for v in (low, low + height_m / 2, low + height_m):
                x, y = u * self.along[0] + v * self.up[0], u * self.along[1] + v * self.up[1]
                inside &= shapely.contains_xy(area, x, y)
        return inside

    def is_free(self, box: Box, clearance_m: float = CLEARANCE_M) -> bool:
        """Return whether nothing lies on a box or close to it."""
        wide = grown(box, clearance_m)
        return not any(overlap(wide, other) for other in self.taken)

    def take(self, box: Box, margin_m: float) -> bool:
        """Take the room of a box where it is inside and free; return whether it is."""
        if not (self.holds(box, margin_m) and self.is_free(box)):
            return False
        self.taken.append(grown(box, CLEARANCE_M))
        return True


def grown(box: Box, by_m: float) -> Box:
    """Return a box that is larger on all sides."""
    return box[0] - by_m, box[1] - by_m, box[2] + by_m, box[3] + by_m


def overlap(first: Box, second: Box) -> bool:
    """Return whether two boxes of one sheet share room."""
    is_aside = first[2] <= second[0] or first[0] >= second[2]
    return not (is_aside or first[3] <= second[1] or first[1] >= second[3])


def _edges(ring: list[list[float]]) -> tuple[list[tuple[float, float, float]], bool]:
    """Return the sides of the convex hull of a closed ring and whether the ring is convex."""
    if sum(x * v - u * y for (x, y), (u, v) in pairwise(ring)) < 0:
        ring = ring[::-1]
    sides, turns = _sides_of(ring)
    if all(turn >= -CORNER for turn in turns):
        return sides, True
    hull = shapely.convex_hull(shapely.multipoints(ring))
    places = shapely.get_coordinates(hull).tolist()
    if not hull.exterior.is_ccw:
        places.reverse()
    return _sides_of(places)[0], False


def _sides_of(ring: list[list[float]]) -> tuple[list[tuple[float, float, float]], list[float]]:
    """Return outward normal and offset of each side of a ring that turns left, and its turns."""
    sides: list[tuple[float, float, float]] = []
    for (x, y), (u, v) in pairwise(ring):
        length = hypot(u - x, v - y)
        if length > 1e-6:
            normal = (v - y) / length, (x - u) / length
            sides.append((*normal, normal[0] * x + normal[1] * y))
    turns = [
        first[0] * second[1] - first[1] * second[0]
        for first, second in zip(sides, sides[1:] + sides[:1], strict=True)
    ]
    return sides, turns
