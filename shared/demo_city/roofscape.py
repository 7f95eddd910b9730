"""Give every building its roof: form, slope, overhang and material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from shapely import Polygon

from shared.demo_city.buildings import Building
from shared.demo_city.frames import Frame
from shared.demo_city.plan import TownPlan
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs import Form, RoofPlane, build_roof

FLOOR_M: Final = 2.9
PLINTH_M: Final = 0.4
HALL_FLOOR_M: Final = 5.0
NEARLY_CONVEX: Final = 0.94
FORMS: Final[dict[str, tuple[tuple[Form, float], ...]]] = {
    "detached": (("gabled", 0.74), ("hip", 0.1), ("half_hip", 0.05), ("mono_pitch", 0.04), ("flat", 0.05), ("pyramid", 0.02)),
    "semi": (("gabled", 0.93), ("flat", 0.07)),
    "row": (("gabled", 0.86), ("flat", 0.14)),
    "villa": (("hip", 0.5), ("gabled", 0.3), ("pyramid", 0.2)),
    "block": (("gabled", 0.8), ("flat", 0.2)),
    "slab": (("flat", 0.6), ("gabled", 0.4)),
    "tower": (("flat", 1.0),),
    "hall": (("flat", 0.72), ("gabled", 0.18), ("shed", 0.1)),
    "office": (("flat", 0.85), ("hip", 0.15)),
    "farm": (("gabled", 0.85), ("half_hip", 0.15)),
    "barn": (("gabled", 1.0),),
    "garage": (("flat", 0.75), ("gabled", 0.25)),
    "shed": (("flat", 0.4), ("gabled", 0.4), ("mono_pitch", 0.2)),
}  # fmt: skip
SLOPES_DEG: Final[dict[str, tuple[float, float, float]]] = {
    "gabled": (24.0, 33.0, 48.0), "hip": (20.0, 28.0, 40.0), "half_hip": (30.0, 38.0, 48.0), "pyramid": (18.0, 24.0, 35.0),
    "flat": (0.6, 1.2, 2.5), "mono_pitch": (6.0, 11.0, 18.0), "shed": (18.0, 24.0, 30.0),
}  # fmt: skip
TILED: Final = (
    ("tile_red", 0.44),
    ("tile_brown", 0.2),
    ("tile_anthracite", 0.26),
    ("slate", 0.05),
    ("tile_orange", 0.05),
)
FLAT: Final = (
    ("felt", 0.4),
    ("gravel_roof", 0.38),
    ("sedum_roof", 0.08),
    ("grass_roof", 0.02),
    ("dry_roof", 0.04),
    ("membrane_light", 0.08),
)
TRADE: Final = (
    ("sheet_grey", 0.4),
    ("membrane_light", 0.2),
    ("felt", 0.2),
    ("gravel_roof", 0.16),
    ("sheet_blue", 0.04),
)


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
    """

    building: int
    form: Form
    material: str
    outline: Polygon
    eaves_m: float
    planes: tuple[RoofPlane, ...]


def put_roofs(plan: TownPlan, buildings: Sequence[Building]) -> tuple[Roof, ...]:
    """Put a roof on every building.

    Args:
        plan: The plan of the town.
        buildings: Its buildings.

    Returns:
        One roof per building, in their order.
    """
    return tuple(_roof(plan.seed, index, building) for index, building in enumerate(buildings))


def _roof(seed: int, index: int, building: Building) -> Roof:
    rng = stream(seed, "roofs", *place_ids(*building.walls.centroid.coords[0]))
    forms = FORMS[building.kind]
    form = forms[int(rng.choice(len(forms), p=[share for _, share in forms]))][0]
    if building.walls.area < NEARLY_CONVEX * building.walls.convex_hull.area:
        form = "flat"
    overhang = 0.1 if form == "flat" else float(rng.uniform(0.3, 0.8))
    if building.kind in {"row", "block", "semi"}:
        overhang = min(overhang, 0.35)
    outline = building.walls.buffer(overhang, join_style="mitre")
    slope = float(rng.triangular(*SLOPES_DEG[form]))
    floor = HALL_FLOOR_M if building.kind in {"hall", "barn"} else FLOOR_M
    eaves = PLINTH_M + floor * building.floors if building.is_main else float(rng.uniform(2.2, 2.8))
    ridge = _grown(building.ridge, overhang)
    planes = build_roof(outline, form, slope, eaves, ridge)
    return Roof(index, form, _material(building, form, rng), outline, eaves, tuple(planes))


def _grown(frame: Frame, by_m: float) -> Frame:
    return Frame(
        frame.at(-by_m, -by_m),
        frame.along,
        frame.across,
        frame.length_m + 2 * by_m,
        frame.width_m + 2 * by_m,
    )


def _material(building: Building, form: Form, rng: np.random.Generator) -> str:
    choices = FLAT if form in {"flat", "mono_pitch"} else TILED
    if building.kind in {"hall", "barn"}:
        choices = TRADE
    return choices[int(rng.choice(len(choices), p=[share for _, share in choices]))][0]
