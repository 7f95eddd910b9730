"""What happens to roofs: renewed, cleaned, raised, extended, under construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
import shapely
import shapely.ops
from shapely import Point, Polygon

from shared.demo_city.roofs.planes import RoofPlane, Slope
from shared.demo_city.roofs.roofscape import LOOKS, Roof
from shared.demo_city.roofs.styles import STYLES
from shared.demo_city.things import Part, Thing
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame

FAMILIES: Final[tuple[frozenset[str], ...]] = (
    frozenset({"tile_red", "tile_orange"}),
    frozenset({"tile_brown"}),
    frozenset({"tile_anthracite", "tile_glazed", "slate"}),
    frozenset({"felt"}),
    frozenset({"gravel_roof"}),
    frozenset({"membrane_light"}),
    frozenset({"sheet_grey", "fibre_cement"}),
    frozenset({"sheet_blue"}),
)
"""Roof materials of about the same colour."""
TILES: Final = ("tile_red", "tile_brown", "tile_anthracite", "tile_orange", "slate")
SHEETS: Final = ("felt", "membrane_light", "gravel_roof", "sheet_grey")
LEFT_AFTER_CLEANING: Final = 0.25
"""Share of the wear that is left on a cleaned roof."""
SCAFFOLD_M: Final = 0.9
LEAN_TO_DEG: Final = 12.0
LOWEST_EAVES_M: Final = 2.6
WOOD_TINT: Final = (1.14, 1.32, 1.2, 1.5)
"""Makes the rows of natural red tiles look like rows of battens."""
FOILS: Final = ((0.62, 0.7, 0.86, 0.6), (0.5, 0.62, 0.5, 0.5), (0.9, 0.92, 0.94, 0.8))
"""Colours of roof foil, as gains on a light membrane: blue grey, green, light."""
ABOVE_TILES_M: Final = 0.05
PLANK_TINT: Final = (0.95, 0.85, 0.75, 0.9)


def renewed(roof: Roof, day: date, rng: np.random.Generator, *, same_colour: bool) -> Roof:
    """Return a roof with a new covering.

    Args:
        roof: The roof before.
        day: When it was covered anew.
        rng: Random stream of the change.
        same_colour: Whether the new material is the old one; else its colour is another.
    """
    material = roof.material
    if not same_colour:
        own = next((one for one in FAMILIES if material in one), frozenset({material}))
        usual = TILES if material in TILES or material == "tile_glazed" else SHEETS
        choices = [name for name in usual if name not in own]
        material = str(rng.choice(choices))
    return covered_with(roof, material, day, int(rng.integers(LOOKS)))


def covered_with(roof: Roof, material: str, day: date, look: int) -> Roof:
    """Return a roof with a given new covering.

    Args:
        roof: The roof before.
        material: Key of the new material.
        day: When it was covered.
        look: Number its colour is drawn from.
    """
    return replace(roof, material=material, covered_on=day, wear=0.0, look=look)


def cleaned(roof: Roof) -> Roof:
    """Return a roof freed from most of its moss and dirt; its covering stays."""
    return replace(roof, wear=roof.wear * LEFT_AFTER_CLEANING)


def raised(building: Building, roof: Roof, floors: int = 1) -> tuple[Building, Roof]:
    """Return a building with more storeys and its roof.

    Args:
        building: The building before.
        roof: Its roof before.
        floors: How many storeys are added.
    """
    up = STYLES[building.kind].floor_m * floors
    planes = tuple(
        replace(plane, slope=replace(plane.slope, base=plane.slope.base + up))
        for plane in roof.planes
    )
    return (
        replace(building, floors=building.floors + floors),
        replace(roof, eaves_m=roof.eaves_m + up, planes=planes),
    )


def extended(
    building: Building,
    roof: Roof,
    plot: Polygon,
    others: Sequence[Polygon],
    rng: np.random.Generator,
) -> tuple[Building, Roof] | None:
    """Return a building with an annex under a lean-to roof, and its roof.

    Args:
        building: The building before.
        roof: Its roof before.
        plot: Its plot [m].
        others: Walls of the other buildings on the plot [m].
        rng: Random stream of the change.

    Returns:
        Both, None where no annex fits.
    """
    frame = Frame.around(building.walls)
    room = plot.buffer(-0.5, join_style="mitre").difference(
        shapely.union_all([one.buffer(1.0, join_style="mitre") for one in others])
    )
    for _ in range(12):
        length, depth = rng.uniform(3.5, 7.5), rng.uniform(2.8, 5.0)
        annex = _beside(frame, length, depth, rng)
        new = annex.difference(roof.outline)
        if not isinstance(new, Polygon) or new.area < 0.6 * annex.area:
            continue
        walls = shapely.union(building.walls, annex, grid_size=1e-6)
        if isinstance(walls, Polygon) and not walls.interiors and room.covers(annex):
            plane = RoofPlane(new, _lean_to(new, building.walls, roof.eaves_m))
            outline = shapely.union(roof.outline, annex, grid_size=1e-6)
            if isinstance(outline, Polygon):
                changed = replace(roof, outline=outline, planes=(*roof.planes, plane))
                return replace(building, walls=walls), changed
    return None


def _lean_to(annex: Polygon, walls: Polygon, eaves_m: float) -> Slope:
    """Return the plane of a roof that rises from the far edge of an annex to the house."""
    far = np.array(max(annex.exterior.coords, key=lambda at: walls.distance(Point(at))))
    near = np.array(shapely.ops.nearest_points(walls, Point(far))[0].coords[0])
    depth = float(np.hypot(*(near - far)))
    rise = np.tan(np.radians(LEAN_TO_DEG))
    low = min(eaves_m - 0.2 - depth * rise, LOWEST_EAVES_M)
    way = (float((near - far)[0]) / depth, float((near - far)[1]) / depth)
    return Slope.rising(far.tolist(), way, float(rise), max(2.0, low))


def _beside(frame: Frame, length: float, depth: float, rng: np.random.Generator) -> Polygon:
    """Return a rectangle that begins half a metre inside one of the four sides."""
    inside = 0.5
    if rng.random() < 0.5:
        at = rng.uniform(0, max(0.1, frame.length_m - length))
        low = -depth if rng.random() < 0.5 else frame.width_m - inside
        return frame.box(at, low, min(length, frame.length_m), depth + inside)
    at = rng.uniform(0, max(0.1, frame.width_m - length))
    low = -depth if rng.random() < 0.5 else frame.length_m - inside
    return frame.box(low, at, depth + inside, min(length, frame.width_m))


def under_construction(roof: Roof, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return what lies on a roof that is being covered anew: foil, battens, a scaffold around it.

    Args:
        roof: The roof.
        rng: Random stream of the change.
    """
    foil = FOILS[int(rng.integers(len(FOILS)))]
    things = []
    for number, plane in enumerate(roof.planes):
        parts = _laid_bare(plane, foil, rng)
        if parts:
            area = shapely.union_all([part.area for part in parts])
            outline = area if isinstance(area, Polygon) else area.convex_hull
            first = roof.building * 1_000 + 900 + 2 * number
            things.append(Thing("battens", outline, tuple(parts), first, roof.building, number))
    return (*things, *_scaffold(roof))


def _laid_bare(
    plane: RoofPlane, foil: tuple[float, float, float, float], rng: np.random.Generator
) -> list[Part]:
    """Return the battened and the only foiled part of a plane; the rest keeps its tiles."""
    frame = Frame.around(plane.area)
    slope = replace(plane.slope, base=plane.slope.base + ABOVE_TILES_M)
    steep = float(np.hypot(slope.rise_x, slope.rise_y))
    down = (slope.rise_x / steep, slope.rise_y / steep) if steep > 0 else (1.0, 0.0)
    first, second = np.sort(rng.uniform(0.0, 1.25, 2)).clip(0, 1) * frame.length_m
    laid = (
        ("membrane_light", foil, 0.0, first, (1.0, 0.0)),
        ("tile_orange", WOOD_TINT, first, second, down),
    )
    parts = []
    for material, tint, start, end, direction in laid:
        strip = plane.area.intersection(frame.box(start, -1, end - start, frame.width_m + 2))
        parts += [
            Part(piece, material, None, slope, direction, wear=0.0, tint=tint)
            for piece in shapely.get_parts(strip)
            if isinstance(piece, Polygon) and piece.area > 0.5
        ]
    return parts


def _scaffold(roof: Roof) -> list[Thing]:
    around = roof.outline.buffer(SCAFFOLD_M, join_style="mitre").difference(roof.outline)
    if not isinstance(around, Polygon):
        return []
    level = Slope(0.0, 0.0, roof.eaves_m + 0.3)
    part = Part(around, "sheet_grey", None, level, wear=0.2, tint=PLANK_TINT)
    return [Thing("scaffold", around, (part,), roof.building * 1_000 + 899, roof.building)]
