"""Roofs over corners: an outline is divided into wings whose roofs are joined."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from shared.demo_city.roofs.planes import FAR_M, RoofPlane, build_roof, join_roofs
from shared.demo_city.vectors.frames import Frame, dot

Vector = NDArray[np.float64]
MOST_CORNERS: Final = 4
LEAST_WING_M: Final = 2.0
MOST_ERROR_M2: Final = 0.1
HIGHER_M: Final = 0.2
STRAIGHT: Final = 0.05
"""Sine of the turn below which a corner counts as straight."""


def build_winged_roof(outline: Polygon, slope_deg: float, eaves_m: float) -> list[RoofPlane] | None:
    """Put gabled roofs on the wings of an outline and join them.

    Args:
        outline: Outline with overhang and 1 to 4 inner corners, as `straightened` returns it [m].
        slope_deg: Slope of all planes, below 80 [deg].
        eaves_m: Height of the eaves above ground.

    Returns:
        Planes that cover the outline; None where it cannot be divided into wings.
    """
    wings = split_wings(outline)
    if len(wings) < 2:
        return None
    frames = [Frame.around(wing) for wing in wings]
    first = max(range(len(wings)), key=lambda n: (round(frames[n].length_m, 2), wings[n].area))
    main = frames[first]
    roofs = [build_roof(wings[first], "gabled", slope_deg, eaves_m, main)]
    for number, (wing, frame) in enumerate(zip(wings, frames, strict=True)):
        if number == first:
            continue
        is_beside = abs(float(dot(frame.along, main.along))) > np.sqrt(0.5)
        ridge = frame.turned() if is_beside else frame
        # A wing that is higher than the main ridge goes through it, others end there.
        part = wing if ridge.width_m > main.width_m + HIGHER_M else _up_to_ridge(wing, main)
        roofs.append(build_roof(part, "gabled", slope_deg, eaves_m, ridge))
    planes = join_roofs(roofs)
    covered = sum(plane.area.area for plane in planes)
    return planes if abs(covered - outline.area) < MOST_ERROR_M2 else None


def split_wings(outline: Polygon) -> list[Polygon]:
    """Return the convex wings of an outline, each on to the far side of the corner it meets.

    Args:
        outline: Outline as `straightened` returns it [m].
    """
    return _without_inner([outline], MOST_CORNERS)


def _without_inner(pieces: list[Polygon], corners_left: int) -> list[Polygon]:
    wings: list[Polygon] = []
    for piece in pieces:
        corner = _inner_corner(piece)
        if corner is None:
            wings.append(piece)
        elif corners_left:
            wings += _without_inner(_cut(piece, *corner), corners_left - 1)
        else:
            return []
    return [
        wing
        for number, wing in enumerate(wings)
        if not any(
            _is_within(wing, other) and (number > rank or not _is_within(other, wing))
            for rank, other in enumerate(wings)
            if rank != number
        )
    ]


def _is_within(wing: Polygon, other: Polygon) -> bool:
    return bool(wing.difference(other).area < 0.02 * wing.area)


def straightened(outline: Polygon) -> Polygon:
    """Return an outline without corners that nobody sees, turning left."""
    return orient(Polygon(outline.exterior).simplify(0.02))


def _inner_corner(piece: Polygon) -> tuple[Vector, Vector, Vector] | None:
    """Return the deepest inner corner with the corners before and after it."""
    places = shapely.get_coordinates(piece.exterior)[:-1]
    before, after = np.roll(places, 1, axis=0), np.roll(places, -1, axis=0)
    first, second = places - before, after - places
    turns = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    turns /= np.hypot(*first.T) * np.hypot(*second.T)
    at = int(np.argmin(turns.round(6)))
    return (before[at], places[at], after[at]) if turns[at] < -STRAIGHT else None


def _cut(piece: Polygon, before: Vector, corner: Vector, after: Vector) -> list[Polygon]:
    parts = []
    for start, end in ((before, corner), (corner, after)):
        left = piece.intersection(_left_of(corner, end - start))
        found = [part for part in shapely.get_parts(left) if isinstance(part, Polygon)]
        if found:
            parts.append(straightened(max(found, key=lambda part: part.area)))
    return [part for part in parts if Frame.around(part).width_m >= LEAST_WING_M]


def _left_of(place: Vector, way: Vector) -> BaseGeometry:
    way = way / np.hypot(*way)
    left = np.array([-way[1], way[0]]) * FAR_M
    ends = place - way * FAR_M, place + way * FAR_M
    return Polygon([ends[0], ends[1], ends[1] + left, ends[0] + left])


def _up_to_ridge(wing: Polygon, main: Frame) -> Polygon:
    """Cut off what of a wing lies behind the ridge of the main wing, unless it goes through."""
    middle = main.at(0, main.width_m / 2)
    across = dot(shapely.get_coordinates(wing) - middle, main.across)
    half = main.width_m / 2 + 0.5
    if across.max() > half and across.min() < -half:
        return wing
    side = main.along if across.max() > -across.min() else -main.along
    part = wing.intersection(_left_of(middle, side))
    return part if isinstance(part, Polygon) and not part.is_empty else wing
