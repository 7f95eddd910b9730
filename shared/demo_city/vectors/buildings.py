"""What a building is, and how many dwellings it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shapely import Polygon

from shared.demo_city.vectors.frames import Frame

Kind = Literal[
    "detached", "semi", "row", "villa", "block", "slab", "tower", "hall", "office", "farm",
    "barn", "garage", "shed", "town_hall", "church", "church_tower", "chapel", "school", "gym",
    "kita", "fire_station", "hospital", "nursing_home", "bath", "station", "platform_roof",
    "supermarket", "petrol_station", "canopy", "ice_rink", "glasshouse", "tank",
    "chemical_store", "clubhouse", "hut",
]  # fmt: skip
DWELLING_M2: Final = 92.0
"""Gross floor area of one flat, stairs and walls included."""


@dataclass(frozen=True, slots=True)
class Building:
    """A building as it stands on the ground.

    Args:
        parcel: Index of its parcel.
        kind: What it is.
        walls: Outline of its walls [m].
        ridge: Frame whose long axis the ridge follows.
        floors: Number of full floors.
        is_main: Whether people live or work in it.
    """

    parcel: int
    kind: Kind
    walls: Polygon
    ridge: Frame
    floors: int
    is_main: bool


def dwellings_of(building: Building) -> int:
    """Return how many dwellings a building has, by its floor area where it has several."""
    area_m2 = float(building.walls.area) * building.floors
    match building.kind:
        case "detached" | "semi" | "row" | "farm":
            return 1
        case "villa":
            return max(2, round(area_m2 / (1.4 * DWELLING_M2)))
        case "block":
            # The ground floor has shops in every third house; they take a fifth of the area.
            return max(1, round(0.8 * area_m2 / DWELLING_M2))
        case "slab" | "tower":
            return max(4, round(0.9 * area_m2 / DWELLING_M2))
        case _:
            return 0
