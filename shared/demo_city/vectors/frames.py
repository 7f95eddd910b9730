"""Straight frames in the plane: longest sides, rectangles along a direction, cuts across them."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.vectors.overlay import polygons, split

Vector = NDArray[np.float64]
CORNER_M: Final = 1e-6
"""A cut so close to a corner is left to the library."""
LOST_M2: Final = 1e-6


def dot(places: Vector, axis: Vector) -> Vector:
    """Return how far places lie along an axis.

    Written out, because the libraries behind `@` round otherwise on each kind of processor.

    Args:
        places: East and north, shape (..., 2) or more columns [m].
        axis: The axis, or one per place, shape (2,) or (..., 2).
    """
    far: Vector = places[..., 0] * axis[..., 0] + places[..., 1] * axis[..., 1]
    return far


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle with directions.

    Args:
        origin: Corner where both axes begin [m].
        along: Unit vector of the long axis.
        across: Unit vector of the short axis, left of `along`.
        length_m: Extent along the long axis.
        width_m: Extent along the short axis.
    """

    origin: Vector
    along: Vector
    across: Vector
    length_m: float
    width_m: float

    @classmethod
    def around(cls, polygon: BaseGeometry) -> Self:
        """Return the smallest rectangle around a polygon; it begins at the lowest corner."""
        places = shapely.get_coordinates(shapely.oriented_envelope(polygon))[:4].tolist()
        if _turns_right(places):
            places.reverse()
        start = min(range(4), key=lambda i: (round(places[i][1], 3), round(places[i][0], 3)))
        corners = np.array(places[start:] + places[:start])
        first, last = corners[1] - corners[0], corners[3] - corners[0]
        lengths = float(np.hypot(*first)), float(np.hypot(*last))
        if min(lengths) == 0 < max(lengths):
            # A sliver without width has one direction only.
            along = (first + last) / max(lengths)
            across = np.array([-along[1], along[0]])
            return cls(corners[0], along, across, max(lengths), 0.0)
        if lengths[0] >= lengths[1] - 1e-6:
            return cls(corners[0], first / lengths[0], last / lengths[1], *lengths)
        # The frame turns by a quarter: its long axis is the side that ends at the first corner.
        return cls(corners[1], last / lengths[1], -first / lengths[0], lengths[1], lengths[0])

    @classmethod
    def aligned(cls, places: Vector, along: Vector) -> Self:
        """Return the rectangle around places with sides in a direction.

        Args:
            places: Places, shape (n, 2) [m].
            along: Unit vector of its first axis, whichever axis is longer.
        """
        across = np.array([-along[1], along[0]])
        on_along, on_across = dot(places, along), dot(places, across)
        low_along, low_across = on_along.min(), on_across.min()
        return cls(
            along * low_along + across * low_across,
            along,
            across,
            float(on_along.max() - low_along),
            float(on_across.max() - low_across),
        )

    def turned(self) -> Frame:
        """Return the same rectangle with its axes exchanged."""
        return Frame(
            self.at(self.length_m, 0), self.across, -self.along, self.width_m, self.length_m
        )

    def at(self, along_m: float, across_m: float) -> Vector:
        """Return the place with the given distances from the origin [m]."""
        place: Vector = self.origin + self.along * along_m + self.across * across_m
        return place

    def box(self, along_m: float, across_m: float, length_m: float, width_m: float) -> Polygon:
        """Return a rectangle of the frame.

        Args:
            along_m: Where it begins on the long axis.
            across_m: Where it begins on the short axis.
            length_m: Extent along the long axis.
            width_m: Extent along the short axis.
        """
        made: Polygon = shapely.polygons(self.corners(along_m, across_m, length_m, width_m))
        return made

    def corners(
        self, along_m: float, across_m: float, length_m: float, width_m: float
    ) -> tuple[tuple[float, float], ...]:
        """Return the four corners of a rectangle of the frame; arguments as for `box`."""
        (x, y), (ax, ay), (bx, by) = (
            one.tolist() for one in (self.origin, self.along, self.across)
        )
        x, y = x + ax * along_m + bx * across_m, y + ay * along_m + by * across_m
        ax, ay, bx, by = ax * length_m, ay * length_m, bx * width_m, by * width_m
        return (x, y), (x + ax, y + ay), (x + ax + bx, y + ay + by), (x + bx, y + by)

    def boxes(self, places: Vector, length_m: float, width_m: float) -> NDArray[np.object_]:
        """Return rectangles of one size.

        Args:
            places: Where they begin on both axes, shape (n, 2) [m].
            length_m: Extent along the long axis.
            width_m: Extent along the short axis.
        """
        corners = np.array([(0, 0), (length_m, 0), (length_m, width_m), (0, width_m)])
        on_axes = places[:, None, :] + corners
        made: NDArray[np.object_] = shapely.polygons(
            self.origin + on_axes[..., :1] * self.along + on_axes[..., 1:] * self.across
        )
        return made

    def cut_across(self, along_m: float, bend_m: float = 0.0, reach_m: float = 5.0) -> LineString:
        """Return a line across the frame that reaches beyond both sides.

        Args:
            along_m: Where it stands on the long axis.
            bend_m: How far its middle is moved along the long axis.
            reach_m: How far it goes beyond each side.
        """
        share = np.linspace(0.0, 1.0, 9) if bend_m else np.array([0.0, 1.0])
        across = -reach_m + share * (self.width_m + 2 * reach_m)
        along = along_m + bend_m * 4 * share * (1 - share)
        places = self.origin + self.along * along[:, None] + self.across * across[:, None]
        return LineString(places)


def _turns_right(corners: list[list[float]]) -> bool:
    (ax, ay), (bx, by), (cx, cy) = corners[:3]
    return (bx - ax) * (cy - by) - (by - ay) * (cx - bx) < 0


def split_by_line(polygon: Polygon, line: LineString) -> list[Polygon]:
    """Cut a polygon along a line into its parts, ordered by place."""
    inside = _halves(polygon, line)
    if inside is None:
        edges = shapely.unary_union([polygon.boundary, line])
        parts = shapely.get_parts(shapely.polygonize([edges]))
        inside = [part for part in parts if polygon.contains(part.representative_point())]
        if abs(sum(part.area for part in inside) - polygon.area) > LOST_M2:
            inside = _sides(polygon, line)
    inside = [whole for part in inside for whole in _mended(part)]
    return sorted(inside, key=lambda part: (round(part.centroid.x, 2), round(part.centroid.y, 2)))


def _mended(part: Polygon) -> list[Polygon]:
    """Take off the hair that a cut along an edge leaves; it has no width."""
    if part.is_valid:
        return [part]
    return [one for one in polygons(shapely.make_valid(part)) if one.area > LOST_M2]


def _sides(polygon: Polygon, line: LineString) -> list[Polygon]:
    """Cut a polygon along a whole straight line, where its edges lie too close to be joined."""
    start, end = shapely.get_coordinates(line)[[0, -1]]
    frame = Frame.aligned(shapely.get_coordinates(polygon), (end - start) / hypot(*(end - start)))
    aside_m = dot(start - frame.origin, frame.across)
    beside = frame.box(-1, -1, frame.length_m + 2, float(aside_m) + 1)
    return [part for side in split(polygon, beside) for part in polygons(side)]


def _halves(polygon: Polygon, line: LineString) -> list[Polygon] | None:
    """Cut a polygon along a straight line that crosses its edge twice, which is most cuts.

    Returns:
        Both parts; None where the line bends, ends inside, touches a corner or crosses more often.
    """
    ends = shapely.get_coordinates(line).tolist()
    if len(ends) != 2 or polygon.interiors:
        return None
    (x, y), (u, v) = ends[0], (ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])
    corners = shapely.get_coordinates(polygon.exterior)[:-1].tolist()
    aside = [u * (corner[1] - y) - v * (corner[0] - x) for corner in corners]
    crossed = [at for at, far in enumerate(aside) if (far < 0) != (aside[at - 1] < 0)]
    if len(crossed) != 2 or min(map(abs, aside)) < CORNER_M * hypot(u, v):
        return None
    cuts = []
    for at in crossed:
        (a, b), (c, d) = corners[at - 1], corners[at]
        share = aside[at - 1] / (aside[at - 1] - aside[at])
        cuts.append([a + share * (c - a), b + share * (d - b)])
        if not 0 < (cuts[-1][0] - x) * u + (cuts[-1][1] - y) * v < u * u + v * v:
            return None
    first, second = crossed
    rings = (
        [cuts[0], *corners[first:second], cuts[1]],
        [cuts[1], *corners[second:], *corners[:first], cuts[0]],
    )
    return [shapely.polygons(ring) for ring in rings]
