"""Waters get darker where they get deeper."""

from __future__ import annotations

from typing import Final

import shapely

from shared.demo_city.ground_objects.outlines import Areas, Batch, Layer, Tint
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.vectors.plan import TownPlan

DEPTHS: Final[tuple[tuple[float, Tint], ...]] = (
    (0.4, (0.95, 0.97, 0.98, 1.0)),
    (0.9, (0.91, 0.94, 0.97, 1.0)),
    (1.6, (0.87, 0.92, 0.95, 1.0)),
    (2.6, (0.83, 0.89, 0.93, 1.0)),
    (4.0, (0.8, 0.87, 0.92, 1.0)),
)
"""Distances from the bank and colours of the water from there on against those at the bank."""
SHALLOW: Final[Tint] = (1.3, 1.2, 1.02, 1.3)
"""At the very bank one sees the ground."""


def deepen_waters(plan: TownPlan, ground: Ground) -> list[Batch]:
    """Return the parts of the waters, from the bank inward.

    Args:
        plan: The plan with its waters.
        ground: The surfaces.
    """
    waters = ground.area[ground.cover == "water"]
    # Surfaces are cut along a grid, at which a canal or a brook has no bank.
    on_line = shapely.intersects(waters, shapely.union_all([line for line, _ in plan.waters]))
    made = [_part(waters, SHALLOW)] if len(waters) else []
    for inward, tint in DEPTHS:
        beds = [line.buffer(wide / 2 - inward) for line, wide in plan.waters if wide > 2 * inward]
        bed = shapely.union_all(beds)
        inner = shapely.buffer(waters, -inward)
        inner[on_line] = shapely.intersection(waters[on_line], bed)
        made.append(_part(inner, tint))
    return made


def _part(areas: Areas, tint: Tint) -> Batch:
    parts = shapely.get_parts(areas)
    parts = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0.5)]
    return Batch("water_depth", parts, (Layer(parts, "water", 0.0, tint),), is_solid=False)
