"""Paintings and trees as a flight sees them that makes no true orthophoto: things lean."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from shared.demo_city.labels import LABELS
from shared.demo_city.materials import materials
from shared.demo_city.render.crowns import near
from shared.demo_city.render.light import HIGHEST_M
from shared.demo_city.render.painting import Painting
from shared.demo_city.trees.vegetation import Trees
from shared.demo_city.vectors.frames import dot

ROOFS: Final = tuple(LABELS.index(key) for key in ("roof_pitched", "roof_flat", "roof_green"))
WALL: Final = "membrane_light"
WALL_TINT: Final = (0.98, 0.92, 0.82, 0.95)
LEAST_M2: Final = 0.05
Rows = TypeVar("Rows", Painting, Trees)
Offset = tuple[float, float]
Bounds = tuple[float, float, float, float]
PER_AREA: Final = (
    "material", "label", "fine", "solar", "instance", "thing", "slope", "direction", "anchor",
    "wear", "tint",
)  # fmt: skip


def leaning(
    painting: Painting, trees: Trees, lean: Offset, shift_m: Offset, bounds_m: Bounds
) -> tuple[Painting, Trees]:
    """Return what of a rectangle a flight sees that makes no true orthophoto.

    Args:
        painting: What is painted.
        trees: The trees of the town.
        lean: How far a place moves per metre of its height: east, north.
        shift_m: How far everything moves: east, north [m].
        bounds_m: West, south, east, north of the rectangle [m].

    Returns:
        Everything that is seen in the rectangle and some of what lies around it, in its order.
    """
    east, north = (
        HIGHEST_M * abs(way) + abs(shift) for way, shift in zip(lean, shift_m, strict=True)
    )
    west_m, south_m, east_m, north_m = bounds_m
    origin_m = west_m - east, south_m - north, east_m + east, north_m + north
    first = _first_roof(painting)
    chosen = np.sort(painting.index.query(shapely.box(*origin_m)))
    painting = _some(painting, chosen)
    trees = _some(trees, near(trees, origin_m))
    moved = trees.place + trees.height[:, None] * np.array(lean) + np.array(shift_m)
    if lean != (0.0, 0.0):
        painting = _with_walls(painting, np.array(lean), int(np.searchsorted(chosen, first)))
    return _moved(painting, np.array(lean), np.array(shift_m)), replace(trees, place=moved)


def _first_roof(painting: Painting) -> int:
    """Return the place of the lowest roof in the order of painting."""
    roofs = _is_roof(painting)
    return int(np.argmax(roofs)) if roofs.any() else len(roofs)


def _is_roof(painting: Painting) -> NDArray[np.bool_]:
    is_roof: NDArray[np.bool_] = np.isin(painting.label, ROOFS) & painting.slope.any(axis=1)
    return is_roof


def _some(rows: Rows, chosen: NDArray[np.int64]) -> Rows:
    """Return some of the areas or trees; an index of areas is made anew when they have moved."""
    names = [one.name for one in fields(rows) if one.name != "index"]
    return replace(rows, **{name: getattr(rows, name)[chosen] for name in names})


def _moved(painting: Painting, lean: NDArray[np.float64], shift_m: NDArray[np.float64]) -> Painting:
    places, owner = shapely.get_coordinates(painting.areas, return_index=True)
    slope = painting.slope[owner]
    height = (slope[:, :2] * places).sum(axis=1) + slope[:, 2]
    # Walls stand on their foot lines already and only shift.
    height[painting.is_wall[owner]] = 0
    areas = shapely.set_coordinates(
        painting.areas.copy(), places + height[:, None] * lean + shift_m
    )
    # A plane z = g.p + c seen at q = p + z l + s is z = (g.(q - s) + c) / (1 + g.l).
    stretched = np.where(painting.is_wall, 1, 1 + dot(painting.slope, lean))
    base = painting.slope[:, 2] - dot(painting.slope, shift_m)
    planes = np.column_stack([painting.slope[:, :2], base]) / stretched[:, None]
    return replace(painting, areas=areas, slope=planes, index=STRtree(areas))


def _with_walls(painting: Painting, lean: NDArray[np.float64], first: int) -> Painting:
    """Add the walls that come into sight, each below all roofs: before the place of the first."""
    roofs = np.flatnonzero(_is_roof(painting))
    rings = shapely.get_exterior_ring(painting.areas[roofs])
    places, owner = shapely.get_coordinates(rings, return_index=True)
    same = owner[1:] == owner[:-1]
    start, end, of = places[:-1][same], places[1:][same], roofs[owner[:-1][same]]
    normal = np.column_stack([start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]])
    across = dot(normal, lean)
    seen = np.abs(across) > LEAST_M2 / 20
    start, end, of, normal, across = (values[seen] for values in (start, end, of, normal, across))
    high = [
        (painting.slope[of, :2] * at).sum(axis=1) + painting.slope[of, 2] for at in (start, end)
    ]
    tops = [at + up[:, None] * lean for at, up in zip((start, end), high, strict=True)]
    walls = shapely.polygons(np.stack([start, end, tops[1], tops[0]], axis=1))
    keep = (shapely.area(walls) > LEAST_M2) & shapely.is_valid(walls)
    slope = np.column_stack([normal, -(normal * start).sum(axis=1)]) / across[:, None]
    return _joined(painting, walls[keep], of[keep], slope[keep], first)


def _joined(
    painting: Painting,
    walls: NDArray[np.object_],
    of: NDArray[np.int64],
    slope: NDArray[np.float64],
    first: int,
) -> Painting:
    added = {name: getattr(painting, name)[of] for name in PER_AREA}
    added["material"] = np.full(len(of), materials()[WALL].number, np.uint8)
    added["slope"] = slope
    added["tint"] = np.tile(np.array(WALL_TINT, np.float32), (len(of), 1))
    values = {
        name: np.insert(getattr(painting, name), [first] * len(of), more, axis=0)
        for name, more in added.items()
    }
    areas = np.insert(painting.areas, [first] * len(of), walls)
    is_wall = np.insert(painting.is_wall, [first] * len(of), np.ones(len(of), bool))
    return replace(painting, areas=areas, is_wall=is_wall, **values)
