"""Give every building its roof: form, slope, overhang, cover and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar

import numpy as np
import shapely
from shapely import Polygon

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs.draws import draw_slope_deg
from shared.demo_city.roofs.planes import Form, RoofPlane, build_roof
from shared.demo_city.roofs.styles import SLOPES_DEG, STYLES, RoofStyle
from shared.demo_city.roofs.wings import build_winged_roof, straightened
from shared.demo_city.settings import CitySettings
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame, dot
from shared.demo_city.vectors.overlay import polygons
from shared.demo_city.vectors.plan import TownPlan

STATE_ON: Final = CitySettings().flights[0]
"""Day whose state `put_roofs` shows."""
PLINTH_M: Final = 0.4
FLAT_OVERHANG_M: Final = 0.1
LOW_SLOPE_DEG: Final = 12.0
NEARLY_CONVEX: Final = 0.94
Name = TypeVar("Name", bound=str)
LOOKS: Final = 2**31
WEARING_YEARS: Final = 22.0
OLDEST_YEARS: Final = 90.0
SOLID: Final = frozenset({"sheet_grey", "sheet_blue", "thermal", "tile_glazed"})
"""Covers on which neither moss nor stains settle much."""


@dataclass(frozen=True, slots=True)
class Roof:
    """The roof of one building.

    Args:
        building: Index of the building.
        form: Its form.
        material: Key of its material.
        outline: Outline with overhang [m].
        eaves_m: Height of the eaves above ground.
        planes: Its planes, heights above ground.
        covered_on: Day on which its cover was laid.
        wear: How much age shows on the day of the state, 0 (new) to 1; see `wear_on`.
        look: Number its colour is drawn from; a renewal draws another one.
    """

    building: int
    form: Form
    material: str
    outline: Polygon
    eaves_m: float
    planes: tuple[RoofPlane, ...]
    covered_on: date = STATE_ON
    wear: float = 0.0
    look: int = 0


def wear_on(material: str, covered_on: date, day: date) -> float:
    """Return how much age shows on a roof, 0 (new) to 1.

    Args:
        material: Key of its material.
        covered_on: Day on which it was laid.
        day: Day on which it is seen; earlier days count as new.
    """
    years = max(0.0, (day - covered_on).days / 365.25)
    wear = 1 - np.exp(-years / WEARING_YEARS)
    return float(wear * (0.4 if material in SOLID else 1.0))


def plane_wear(roof: Roof, plane: RoofPlane) -> float:
    """Return how much age shows on one plane, 0 to 1: moss grows on the north side first."""
    if plane.slope.slope_deg < LOW_SLOPE_DEG:
        return roof.wear
    north = float(np.cos(np.radians(plane.slope.azimuth_deg)))
    return min(1.0, roof.wear * (0.85 + 0.4 * north))


def put_roofs(
    plan: TownPlan, buildings: Sequence[Building], forms: Mapping[int, Form] | None = None
) -> tuple[Roof, ...]:
    """Put a roof on every building.

    Args:
        plan: The plan of the town.
        buildings: Its buildings.
        forms: Forms of the buildings for which it is not drawn, by their index.

    Returns:
        One roof per building, in their order.
    """
    wished = forms or {}
    return tuple(
        put_roof(plan.seed, index, building, wished.get(index))
        for index, building in enumerate(buildings)
    )


def put_roof(seed: int, index: int, building: Building, form: Form | None = None) -> Roof:
    """Put a roof on one building.

    Args:
        seed: Seed of the town.
        index: Place of the building in the list of buildings.
        building: The building.
        form: Its form; None draws it.
    """
    style = STYLES[building.kind]
    shared, own = _streams(seed, building)
    form = form or _one(style.forms, shared)
    slope = _slope_deg(style, form, shared)
    overhang = FLAT_OVERHANG_M if form == "flat" else float(shared.uniform(*style.overhang_m))
    eaves = PLINTH_M + style.floor_m * building.floors
    if style.eaves_m:
        eaves = float(shared.uniform(*style.eaves_m))
    outline = _outline(building, overhang)
    if form != "flat" and not _is_convex(building):
        outline = straightened(outline)
    form, planes = _planes(building, outline, form, slope, eaves, overhang)
    covers = style.level if form == "flat" or slope < LOW_SLOPE_DEG else style.sloped
    material = _one(covers, shared if own.random() < 0.7 else own)
    years = min(OLDEST_YEARS, float(own.gamma(1.6, 9.0 if form == "flat" else 15.0)))
    covered_on = STATE_ON - timedelta(days=round(years * 365.25))
    wear = wear_on(material, covered_on, STATE_ON)
    look = int(own.integers(LOOKS))
    return Roof(index, form, material, outline, eaves, planes, covered_on, wear, look)


def _streams(seed: int, building: Building) -> tuple[np.random.Generator, np.random.Generator]:
    """Return the stream that houses share under one roof line and the stream of this house."""
    own = stream(seed, "roofs", *place_ids(*building.walls.centroid.coords[0]))
    ridge = building.ridge
    if building.kind == "row":
        # Houses of one row have the same depth to the micrometre, which was drawn once.
        return stream(seed, "rows", round(ridge.width_m * 1e6), building.floors), own
    if building.kind == "semi":
        middle = ridge.at(ridge.length_m / 2, ridge.width_m / 2)
        return stream(seed, "pairs", *place_ids(*middle)), own
    return own, own


def _slope_deg(style: RoofStyle, form: Form, rng: np.random.Generator) -> float:
    if form != "flat" and style.slope_deg:
        return float(rng.uniform(*style.slope_deg))
    if style.is_village and form not in {"mono_pitch", "half_hip", "shed"}:
        return draw_slope_deg(rng, form)
    return float(rng.triangular(*SLOPES_DEG[form]))


def _outline(building: Building, overhang: float) -> Polygon:
    # A notch narrower than the overhang closes and may leave a sliver apart.
    grown = polygons(building.walls.buffer(overhang, join_style="mitre"))
    outline = max(grown, key=lambda part: part.area)
    if building.kind not in {"row", "semi"}:
        return outline
    # Between neighbours a roof ends at the wall.
    ridge = building.ridge
    along = dot(shapely.get_coordinates(building.walls) - ridge.origin, ridge.along)
    low, length, far = float(along.min()), float(np.ptp(along)), ridge.width_m + 2 * overhang + 50
    between = outline.intersection(ridge.box(low, -far, length, 3 * far))
    return between if isinstance(between, Polygon) else outline


def _planes(
    building: Building, outline: Polygon, form: Form, slope: float, eaves: float, overhang: float
) -> tuple[Form, tuple[RoofPlane, ...]]:
    if form != "flat" and not _is_convex(building):
        winged = build_winged_roof(outline, slope, eaves)
        if winged:
            return "complex", tuple(winged)
        form, slope = "flat", SLOPES_DEG["flat"][1]
    if form == "complex":
        form = "gabled"
    ridge = _grown(building.ridge, overhang)
    return form, tuple(build_roof(outline, form, slope, eaves, ridge))


def _is_convex(building: Building) -> bool:
    corners = shapely.get_num_coordinates(building.walls) - 1
    hull = building.walls.convex_hull.area if corners > 4 else 0.0
    return bool(building.walls.area >= NEARLY_CONVEX * hull)


def _grown(frame: Frame, by_m: float) -> Frame:
    return Frame(
        frame.at(-by_m, -by_m),
        frame.along,
        frame.across,
        frame.length_m + 2 * by_m,
        frame.width_m + 2 * by_m,
    )


def _one(shares: Sequence[tuple[Name, float]], rng: np.random.Generator) -> Name:
    total = sum(share for _, share in shares)
    place = rng.random() * total
    for name, share in shares:
        place -= share
        if place < 0:
            return name
    return shares[-1][0]
