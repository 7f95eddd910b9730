"""Which roofs each kind of building has: forms, slopes, covers, heights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.demo_city.roofs.planes import Form

Shares = tuple[tuple[str, float], ...]

TILED: Final[Shares] = (
    ("tile_red", 0.42),
    ("tile_brown", 0.19),
    ("tile_anthracite", 0.24),
    ("slate", 0.05),
    ("tile_orange", 0.05),
    ("tile_glazed", 0.03),
    ("fibre_cement", 0.02),
)
OLD_TILED: Final[Shares] = (
    ("tile_red", 0.55),
    ("tile_orange", 0.15),
    ("tile_brown", 0.15),
    ("slate", 0.15),
)
SLATED: Final[Shares] = (("slate", 0.65), ("tile_red", 0.35))
FLAT: Final[Shares] = (
    ("felt", 0.36),
    ("gravel_roof", 0.34),
    ("sedum_roof", 0.08),
    ("grass_roof", 0.02),
    ("dry_roof", 0.04),
    ("membrane_light", 0.09),
    ("artificial_turf", 0.04),
    ("sheet_blue", 0.03),
)
"""`artificial_turf` on a roof is green paint and `sheet_blue` blue metal: both are look-alikes."""
GARAGE: Final[Shares] = (
    ("felt", 0.55),
    ("gravel_roof", 0.28),
    ("sedum_roof", 0.1),
    ("sheet_grey", 0.04),
    ("artificial_turf", 0.03),
)
LOW: Final[Shares] = (
    ("sheet_grey", 0.45),
    ("felt", 0.2),
    ("tile_red", 0.15),
    ("sedum_roof", 0.1),
    ("sheet_blue", 0.1),
)
TRADE: Final[Shares] = (
    ("sheet_grey", 0.34),
    ("membrane_light", 0.2),
    ("felt", 0.2),
    ("gravel_roof", 0.16),
    ("sheet_blue", 0.06),
    ("artificial_turf", 0.04),
)
METAL: Final[Shares] = (("sheet_grey", 0.8), ("sheet_blue", 0.2))
CIVIC_FLAT: Final[Shares] = (
    ("gravel_roof", 0.42),
    ("felt", 0.3),
    ("sedum_roof", 0.16),
    ("membrane_light", 0.12),
)
GREEN_FLAT: Final[Shares] = (
    ("sedum_roof", 0.5),
    ("grass_roof", 0.15),
    ("felt", 0.2),
    ("gravel_roof", 0.15),
)
FARM: Final[Shares] = (
    ("tile_red", 0.5),
    ("tile_brown", 0.15),
    ("fibre_cement", 0.2),
    ("sheet_grey", 0.15),
)
HUT: Final[Shares] = (("felt", 0.7), ("tile_red", 0.2), ("fibre_cement", 0.1))

SLOPES_DEG: Final[dict[Form, tuple[float, float, float]]] = {
    "gabled": (24.0, 33.0, 48.0),
    "hip": (20.0, 28.0, 40.0),
    "half_hip": (30.0, 38.0, 48.0),
    "pyramid": (18.0, 24.0, 35.0),
    "flat": (0.6, 1.2, 2.5),
    "mono_pitch": (6.0, 11.0, 18.0),
    "shed": (18.0, 24.0, 30.0),
    "complex": (25.0, 34.0, 45.0),
}
"""Lowest, most usual and highest slope where a style names none."""


@dataclass(frozen=True, slots=True)
class RoofStyle:
    """Roofs of a kind of building.

    Args:
        forms: Forms with their shares.
        sloped: Covers of sloped roofs with their shares.
        level: Covers of flat roofs and of slopes below 12 degrees with their shares.
        floor_m: Height from floor to floor.
        slope_deg: Lowest and highest slope of sloped roofs; None takes `SLOPES_DEG`.
        is_village: Whether its slopes are drawn from the statistics of the real village.
        overhang_m: Least and greatest overhang of sloped roofs.
        eaves_m: Least and greatest height of the eaves where floors do not decide it.
    """

    forms: tuple[tuple[Form, float], ...]
    sloped: Shares = TILED
    level: Shares = FLAT
    floor_m: float = 2.9
    slope_deg: tuple[float, float] | None = None
    is_village: bool = False
    overhang_m: tuple[float, float] = (0.3, 0.8)
    eaves_m: tuple[float, float] | None = None


STYLES: Final[dict[str, RoofStyle]] = {
    "detached": RoofStyle(
        (
            ("gabled", 0.76),
            ("hip", 0.08),
            ("half_hip", 0.05),
            ("mono_pitch", 0.04),
            ("flat", 0.05),
            ("pyramid", 0.02),
        ),
        is_village=True,
    ),
    "semi": RoofStyle((("gabled", 0.93), ("flat", 0.07)), is_village=True, overhang_m=(0.25, 0.5)),
    "row": RoofStyle((("gabled", 0.86), ("flat", 0.14)), is_village=True, overhang_m=(0.2, 0.4)),
    "villa": RoofStyle((("hip", 0.5), ("gabled", 0.3), ("pyramid", 0.2)), is_village=True),
    "block": RoofStyle(
        (("gabled", 0.8), ("flat", 0.2)),
        OLD_TILED,
        floor_m=3.2,
        slope_deg=(30, 48),
        overhang_m=(0.1, 0.35),
    ),
    "slab": RoofStyle((("flat", 0.6), ("gabled", 0.4)), level=CIVIC_FLAT, slope_deg=(22, 34)),
    "tower": RoofStyle((("flat", 1.0),), level=CIVIC_FLAT),
    "hall": RoofStyle(
        (("flat", 0.72), ("gabled", 0.18), ("shed", 0.1)), TRADE, TRADE, 5.0, (6, 14)
    ),
    "office": RoofStyle((("flat", 0.85), ("hip", 0.15)), level=CIVIC_FLAT, floor_m=3.3),
    "farm": RoofStyle((("gabled", 0.85), ("half_hip", 0.15)), FARM, is_village=True),
    "barn": RoofStyle((("gabled", 1.0),), FARM, LOW, 5.0, (15, 32)),
    "garage": RoofStyle(
        (("flat", 0.72), ("gabled", 0.28)),
        level=GARAGE,
        eaves_m=(2.2, 2.8),
        is_village=True,
        overhang_m=(0.15, 0.4),
    ),
    "shed": RoofStyle(
        (("flat", 0.35), ("gabled", 0.45), ("mono_pitch", 0.2)),
        HUT,
        HUT,
        slope_deg=(10, 25),
        eaves_m=(2.0, 2.4),
        overhang_m=(0.1, 0.3),
    ),
    "town_hall": RoofStyle(
        (("hip", 0.6), ("gabled", 0.4)), SLATED, floor_m=3.6, slope_deg=(40, 50)
    ),
    "church": RoofStyle((("gabled", 1.0),), SLATED, floor_m=3.3, slope_deg=(50, 58)),
    "church_tower": RoofStyle(
        (("pyramid", 1.0),),
        (("slate", 1.0),),
        floor_m=3.3,
        slope_deg=(62, 70),
        overhang_m=(0.1, 0.3),
    ),
    "chapel": RoofStyle((("gabled", 1.0),), SLATED, floor_m=4.5, slope_deg=(45, 52)),
    "school": RoofStyle(
        (("flat", 0.65), ("gabled", 0.35)), level=CIVIC_FLAT, floor_m=3.4, slope_deg=(20, 30)
    ),
    "gym": RoofStyle(
        (("flat", 0.7), ("mono_pitch", 0.2), ("gabled", 0.1)), METAL, TRADE, 3.6, (5, 15)
    ),
    "kita": RoofStyle(
        (("flat", 0.4), ("mono_pitch", 0.3), ("gabled", 0.3)),
        level=GREEN_FLAT,
        floor_m=3.2,
        slope_deg=(8, 30),
    ),
    "fire_station": RoofStyle((("flat", 0.8), ("mono_pitch", 0.2)), METAL, TRADE, 4.0, (2, 8)),
    "hospital": RoofStyle((("flat", 1.0),), level=CIVIC_FLAT, floor_m=3.5),
    "nursing_home": RoofStyle(
        (("flat", 0.5), ("gabled", 0.5)), level=CIVIC_FLAT, floor_m=3.0, slope_deg=(25, 35)
    ),
    "bath": RoofStyle((("flat", 0.6), ("mono_pitch", 0.4)), METAL, TRADE, 4.0, (3, 10)),
    "station": RoofStyle((("hip", 0.6), ("gabled", 0.4)), SLATED, floor_m=3.8, slope_deg=(28, 38)),
    "platform_roof": RoofStyle((("flat", 1.0),), level=METAL, floor_m=4.0),
    "supermarket": RoofStyle(
        (("gabled", 0.5), ("flat", 0.4), ("mono_pitch", 0.1)),
        (("tile_red", 0.6), ("tile_anthracite", 0.2), ("sheet_grey", 0.2)),
        TRADE,
        4.5,
        (14, 22),
    ),
    "petrol_station": RoofStyle((("flat", 1.0),), level=TRADE, floor_m=3.5),
    "canopy": RoofStyle((("flat", 1.0),), level=(("membrane_light", 1.0),), floor_m=5.5),
    "ice_rink": RoofStyle((("gabled", 0.6), ("flat", 0.4)), METAL, METAL, 4.5, (6, 12)),
    "glasshouse": RoofStyle(
        (("shed", 0.5), ("gabled", 0.5)),
        (("thermal", 1.0),),
        floor_m=3.0,
        slope_deg=(24, 28),
        overhang_m=(0.02, 0.05),
    ),
    "tank": RoofStyle(
        (("pyramid", 0.7), ("flat", 0.3)),
        (("sheet_grey", 1.0),),
        (("sheet_grey", 1.0),),
        3.0,
        (6, 10),
        overhang_m=(0.02, 0.05),
    ),
    "chemical_store": RoofStyle((("flat", 0.7), ("gabled", 0.3)), METAL, TRADE, 4.5, (4, 8)),
    "clubhouse": RoofStyle(
        (("gabled", 0.6), ("flat", 0.4)), level=GARAGE, floor_m=3.0, slope_deg=(18, 28)
    ),
    "hut": RoofStyle(
        (("gabled", 0.6), ("mono_pitch", 0.2), ("flat", 0.2)),
        HUT,
        HUT,
        slope_deg=(12, 25),
        eaves_m=(2.0, 2.4),
        overhang_m=(0.1, 0.25),
    ),
}

GREEN: Final = frozenset({"sedum_roof", "grass_roof", "dry_roof"})
"""Covers that count as green roof."""
