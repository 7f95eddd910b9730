"""Roofs as planes: every form is the lowest of the planes that rise from its eaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, atan2, cos, degrees, hypot, radians
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.vectors.frames import Frame

Form = Literal["gabled", "hip", "half_hip", "flat", "mono_pitch", "pyramid", "shed", "complex"]
Point = tuple[float, float]
Place = Sequence[float] | NDArray[np.float64]
FAR_M = 10_000.0
LEAST_PLANE_M2 = 0.05
SLIVER_M = 0.005
SHED_TOOTH_M = 7.0


@dataclass(frozen=True, slots=True)
class Slope:
    """A plane in space: z = rise_x * x + rise_y * y + base.

    Args:
        rise_x: Height gained per metre to the east.
        rise_y: Height gained per metre to the north.
        base: Height at the origin of the coordinates [m].
    """

    rise_x: float
    rise_y: float
    base: float

    @classmethod
    def rising(cls, at: Place, direction: Place, tangent: float, z: float) -> Slope:
        """Return the plane that has height `z` at a place and rises in a direction.

        Args:
            at: The place [m].
            direction: Unit vector in which it rises.
            tangent: Tangent of its slope.
            z: Height at the place [m].
        """
        x, y = tangent * direction[0], tangent * direction[1]
        return cls(float(x), float(y), float(z - x * at[0] - y * at[1]))

    @property
    def slope_deg(self) -> float:
        """Angle against the horizontal [deg]."""
        return degrees(atan(hypot(self.rise_x, self.rise_y)))

    @property
    def azimuth_deg(self) -> float:
        """Compass direction in which it falls [deg, clockwise from north]."""
        return degrees(atan2(-self.rise_x, -self.rise_y)) % 360

    def height_m(self, x: float, y: float) -> float:
        """Return the height at a place [m]."""
        return self.rise_x * x + self.rise_y * y + self.base


@dataclass(frozen=True, slots=True)
class RoofPlane:
    """One plane of a roof.

    Args:
        area: Its outline from above [m].
        slope: Its place in space, heights above ground [m].
    """

    area: Polygon
    slope: Slope

    @property
    def true_area_m2(self) -> float:
        """Area of the plane itself [m2]."""
        return float(self.area.area / cos(radians(self.slope.slope_deg)))


def build_roof(
    outline: Polygon, form: Form, slope_deg: float, eaves_m: float, ridge: Frame | None = None
) -> list[RoofPlane]:
    """Put a roof on an outline.

    Args:
        outline: Outline of the roof with its overhang, convex but for flat roofs [m].
        form: Any form but "complex", which `join_roofs` makes from several.
        slope_deg: Slope of its planes, below 80 [deg].
        eaves_m: Height of the eaves above ground [m].
        ridge: Frame whose long axis the ridge follows; None takes the smallest rectangle.

    Returns:
        Planes that cover the outline without gap or overlap.
    """
    frame = ridge or Frame.around(outline)
    tangent = float(np.tan(np.radians(slope_deg)))
    if form == "shed":
        return _teeth(outline, frame, tangent, eaves_m)
    return _lowest(outline, _slopes(form, frame, tangent, eaves_m))


def join_roofs(wings: Sequence[Sequence[RoofPlane]]) -> list[RoofPlane]:
    """Join the roofs of several wings that run into each other: the highest plane is seen.

    Args:
        wings: Planes of each wing.

    Returns:
        Planes without overlap.
    """
    planes = [plane for wing in wings for plane in wing]
    seen = []
    for index, plane in enumerate(planes):
        rest: BaseGeometry = plane.area
        for other_index, other in enumerate(planes):
            if other_index == index or not rest.intersects(other.area):
                continue
            above = _where_lower(plane.slope, other.slope, strictly=other_index > index)
            rest = rest.difference(other.area.intersection(above))
        seen += [RoofPlane(part, plane.slope) for part in _parts(rest)]
    return seen


def _slopes(form: Form, frame: Frame, tangent: float, eaves_m: float) -> list[Slope]:
    near, far = frame.at(0, 0), frame.at(frame.length_m, frame.width_m)
    sides = [
        Slope.rising(near, frame.across, tangent, eaves_m),
        Slope.rising(far, -frame.across, tangent, eaves_m),
    ]
    ends = [(near, frame.along), (far, -frame.along)]
    match form:
        case "flat" | "mono_pitch":
            return sides[:1]
        case "gabled":
            return sides
        case "hip" | "pyramid":
            return sides + [Slope.rising(at, way, tangent, eaves_m) for at, way in ends]
        case "half_hip":
            ridge_m = tangent * frame.width_m / 2
            return sides + [
                Slope.rising(at, way, tangent * 1.3, eaves_m + ridge_m * 0.6) for at, way in ends
            ]
        case _:
            raise ValueError(form)


def _lowest(outline: Polygon, slopes: Sequence[Slope]) -> list[RoofPlane]:
    if len(slopes) == 1:
        return [RoofPlane(outline, slopes[0])]
    corners = [(x, y) for x, y, *_ in outline.exterior.coords[:-1]]
    planes = []
    for index, slope in enumerate(slopes):
        ring = corners
        for other_index, other in enumerate(slopes):
            if other_index != index and ring:
                ring = _cut_lower(ring, slope, other, is_first=index < other_index)
        if len(ring) > 2:
            area: Polygon = shapely.polygons(ring)
            if area.area >= LEAST_PLANE_M2:
                planes.append(RoofPlane(area, slope))
    return planes


def _cut_lower(ring: list[Point], slope: Slope, other: Slope, *, is_first: bool) -> list[Point]:
    """Return the part of a convex ring in which a slope lies below another one."""
    x, y = other.rise_x - slope.rise_x, other.rise_y - slope.rise_y
    base = other.base - slope.base
    if hypot(x, y) < 1e-12:
        return ring if base > 0 or (base == 0 and is_first) else []
    above = [x * place[0] + y * place[1] + base for place in ring]
    kept: list[Point] = []
    for at, place in enumerate(ring):
        before, here = above[at - 1], above[at]
        if (before < 0 < here) or (here < 0 < before):
            share = before / (before - here)
            last = ring[at - 1]
            kept.append(
                (last[0] + share * (place[0] - last[0]), last[1] + share * (place[1] - last[1]))
            )
        if here >= 0:
            kept.append(place)
    return kept


def _where_lower(slope: Slope, other: Slope, *, strictly: bool) -> BaseGeometry:
    """Return the half plane in which a slope lies below another one."""
    x, y = other.rise_x - slope.rise_x, other.rise_y - slope.rise_y
    steep = float(np.hypot(x, y))
    if steep < 1e-12:
        is_lower = slope.base < other.base or (slope.base == other.base and not strictly)
        return shapely.box(-FAR_M, -FAR_M, FAR_M, FAR_M) if is_lower else Polygon()
    way = np.array([x, y]) / steep
    foot = way * ((slope.base - other.base) / steep)
    aside = np.array([-way[1], way[0]]) * FAR_M
    return Polygon(
        [foot - aside, foot + aside, foot + aside + way * FAR_M, foot - aside + way * FAR_M]
    )


def _teeth(outline: Polygon, frame: Frame, tangent: float, eaves_m: float) -> list[RoofPlane]:
    count = max(1, round(frame.length_m / SHED_TOOTH_M))
    tooth_m = frame.length_m / count
    planes = []
    for number in range(count):
        strip = frame.box(number * tooth_m, -1, tooth_m, frame.width_m + 2)
        slope = Slope.rising(frame.at(number * tooth_m, 0), frame.along, tangent, eaves_m)
        planes += [RoofPlane(part, slope) for part in _parts(outline.intersection(strip))]
    return planes


def _parts(geometry: BaseGeometry) -> list[Polygon]:
    return [
        part
        for part in shapely.get_parts(geometry)
        if isinstance(part, Polygon) and part.area >= max(LEAST_PLANE_M2, SLIVER_M * part.length)
    ]
