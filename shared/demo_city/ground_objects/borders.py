"""Hedges, fences and walls along the borders of plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import Batch, Layer, Places, left_of, picked, ribbons
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.randomness import place_draws
from shared.demo_city.vectors.ground import HOUSES
from shared.demo_city.vectors.parcels import Parcel

BORDERS: Final[tuple[tuple[str, float, float], ...]] = (
    ("hedge", 0.36, 0.34), ("fence", 0.18, 0.14), ("wall", 0.04, 0.16), ("none", 0.42, 0.36),
)  # fmt: skip
"""What stands on a border, with its share between plots and along the street."""
UNSEALED: Final = ("lawn", "meadow", "bed", "gravel_garden")
STEP_M: Final = 1.6
HEIGHT_M: Final = {"hedge": (1.2, 2.2), "fence": (1.0, 1.8), "wall": (0.8, 1.9)}
WIDTH_M: Final = {"hedge": (0.7, 1.3), "fence": (0.2, 0.2), "wall": (0.25, 0.35)}
FROM_BORDER_M: Final = {"hedge": 0.65, "fence": 0.2, "wall": 0.25}
ON_STREET_M: Final = 1.0
LEAST_M: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Sides:
    """Straight borders of plots, the plot to their left."""

    start: Places
    along: Places
    length_m: NDArray[np.float64]
    parcel: NDArray[np.int64]
    is_front: NDArray[np.bool_]


def enclose_plots(ground: Ground, parcels: tuple[Parcel, ...]) -> list[Batch]:
    """Return the hedges, fences and walls of houses.

    Args:
        ground: The surfaces.
        parcels: The parcels.
    """
    sides = _sides(ground, parcels)
    draws = _draws(ground, parcels, sides)
    between = picked(draws[:, 0], [share for _, share, _ in BORDERS])
    front = picked(draws[:, 0], [share for _, _, share in BORDERS])
    kind = np.where(sides.is_front, front, between)
    return [
        batch
        for number, (name, _, _) in enumerate(BORDERS)
        if name != "none"
        for batch in _built(ground, sides, np.flatnonzero(kind == number), name, draws)
    ]


def _sides(ground: Ground, parcels: tuple[Parcel, ...]) -> _Sides:
    chosen = np.flatnonzero(np.isin(ground.use[:-1], sorted(HOUSES)))
    areas = shapely.orient_polygons(np.array([parcels[i].area for i in chosen], object))
    rings = shapely.get_exterior_ring(areas)
    nodes, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end, ring = nodes[:-1][same], nodes[1:][same], ring[:-1][same]
    length = np.hypot(*(end - start).T)
    long = length > LEAST_M
    start, end, ring, length = start[long], end[long], ring[long], length[long]
    streets = np.array([parcels[i].street_side for i in chosen], object)
    near = shapely.dwithin(shapely.points((start + end) / 2), streets[ring], ON_STREET_M)
    return _Sides(start, (end - start) / length[:, None], length, chosen[ring], near)


def _draws(ground: Ground, parcels: tuple[Parcel, ...], sides: _Sides) -> Places:
    """Return six draws per side, all sides of a plot from one stream."""
    plots, first, plot = np.unique(sides.parcel, return_index=True, return_inverse=True)
    corners = shapely.bounds(np.array([parcels[i].area for i in plots], object))[:, :2]
    rank = np.arange(len(plot)) - first[plot]
    drawn = place_draws(ground.seed, "borders", corners, 6 * (int(rank.max(initial=0)) + 1))
    draws: Places = drawn.reshape(len(plots), int(rank.max(initial=0)) + 1, 6)[plot, rank]
    return draws


def _built(
    ground: Ground, sides: _Sides, which: NDArray[np.int64], name: str, draws: Places
) -> list[Batch]:
    """Return what stands on some borders, in runs that leave out drives and buildings."""
    steps = np.maximum(3, (sides.length_m[which] / STEP_M).astype(int) + 1)
    side = np.repeat(which, steps)
    place = np.arange(len(side)) - np.repeat(np.cumsum(steps) - steps, steps)
    inset = FROM_BORDER_M[name]
    far = sides.length_m[side] - 2 * inset
    share = place / (np.repeat(steps, steps) - 1)
    along, left = sides.along[side], left_of(sides.along[side])
    nodes = sides.start[side] + along * (inset + share * far)[:, None] + left * inset
    free = ground.lies_on(nodes, UNSEALED)
    run = np.cumsum((np.diff(side, prepend=-1) != 0) | ~free)
    nodes, left, run, side = nodes[free], left[free], run[free], side[free]
    _, place, counts = np.unique(run, return_inverse=True, return_counts=True)
    enough = counts[place] >= 2
    nodes, left, run, side = nodes[enough], left[enough], run[enough], side[enough]
    if not len(nodes):
        return []
    _, first, place = np.unique(run, return_index=True, return_inverse=True)
    u = draws[side]
    low, high = WIDTH_M[name]
    width = low + (high - low) * u[:, 1]
    if name == "hedge":
        width = width * (0.86 + 0.28 * np.abs(np.sin(nodes[:, 0] * 3.1 + nodes[:, 1] * 2.3)))
    areas = ribbons(nodes, left * (width / 2)[:, None], place)
    low, high = HEIGHT_M[name]
    u = u[first]
    height = low + (high - low) * u[:, 2]
    layer = {
        "hedge": Layer(areas, "hedge", height, label="tree"),
        "fence": Layer(areas, "sand", height, _fence_tints(u[:, 3])),
        "wall": Layer(areas, "asphalt_worn", height, 0.85 + 0.4 * u[:, 3:4] * np.ones((1, 4))),
    }[name]
    return [Batch(name, areas, (layer,), sides.parcel[side[first]], is_solid=name != "hedge")]


def _fence_tints(draws: NDArray[np.float64]) -> Places:
    """Return colours of fences: wood, grey wood, anthracite, white."""
    table = np.array(
        [
            (0.6, 0.5, 0.4, 0.75),
            (0.66, 0.68, 0.78, 0.7),
            (0.34, 0.38, 0.5, 0.3),
            (1.1, 1.2, 1.45, 1.1),
        ]
    )
    chosen: Places = table[picked(draws, (0.45, 0.3, 0.17, 0.08))]
    return chosen
