"""Where trees and shrubs stand: in gardens, parks and woods, along streets, waters and fields."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import Flags, Places, along_draws, left_of, picked
from shared.demo_city.ground_objects.rail_things import walked
from shared.demo_city.ground_objects.roadside import Roadside, Stations
from shared.demo_city.ground_objects.spots import frames_around
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.randomness import place_draws, place_ids, stream
from shared.demo_city.trees.species import (
    BROAD,
    COPPER,
    FRUIT,
    PINE,
    POPLAR,
    SHRUB,
    SPRUCE,
    THUJA,
    WILLOW,
    Plants,
)
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import CANAL_FROM_M

STREET_TREES: Final = {"primary": 0.6, "secondary": 0.6, "residential": 0.6, "access": 0.3}
"""Share of the kerbs of each class of streets with a row of trees, beside those in pits."""
PIT_M2: Final = 6.0
PIT_SHARE: Final = 0.9
"""Share of the tree pits that have a tree."""
AVENUE_M: Final = (8.5, 10.0, 11.5)
"""Distances from tree to tree."""
MISSING: Final = 0.12
BESIDE: Final = ("pavement", "lawn", "meadow", "bed", "wood")
GARDEN_M2: Final = {"lawn": 58.0, "meadow": 100.0, "bed": 11.0}
"""Ground per tree or shrub on plots."""
PARK_M2: Final = {"lawn": 85.0, "meadow": 900.0, "bed": 9.0}
"""Ground per tree or shrub outside plots, in groups."""
GARDEN_MIX: Final = (
    (BROAD, 0.2), (SPRUCE, 0.09), (COPPER, 0.02), (FRUIT, 0.22), (SHRUB, 0.34), (THUJA, 0.11),
    (PINE, 0.02),
)  # fmt: skip
PARK_MIX: Final = ((BROAD, 0.62), (COPPER, 0.06), (PINE, 0.1), (SHRUB, 0.14), (WILLOW, 0.08))
RADIUS_M: Final = {
    BROAD: (1.8, 6.0), SPRUCE: (1.2, 3.2), COPPER: (2.2, 5.0), FRUIT: (1.2, 3.0),
    POPLAR: (1.4, 2.4), SHRUB: (0.5, 1.5), THUJA: (0.5, 1.3), WILLOW: (2.4, 5.0), PINE: (1.8, 3.4),
}  # fmt: skip
OPEN_PLOTS: Final = ("sports_ground", "solar_field")
OPEN_EDGE_M: Final = 6.0
WOOD_STEP_M: Final = 7.2
CONIFER_WOODS: Final = 0.35
"""Share of the woods that are of spruce and pine; the others are mixed."""
ORCHARD_SHARE: Final = 0.1
"""Share of the meadows that are orchards."""
ORCHARD_STEP_M: Final = 8.5
HEDGEROW_SHARE: Final = 0.13
"""Share of the long sides of fields with a hedgerow."""
HEDGEROW_STEP_M: Final = 2.6
OPEN_LAND: Final = ("field_crop", "field_stubble", "field_soil", "meadow")


def plant_rows(plan: TownPlan, ground: Ground, roadside: Roadside) -> list[Plants]:
    """Return what stands in rows: along streets, canal, brook and between fields.

    Args:
        plan: The plan with the waters.
        ground: The surfaces.
        roadside: The streets.
    """
    return [
        *_avenues(ground, roadside),
        _in_pits(ground),
        *_beside_waters(plan, ground),
        _hedgerows(ground),
        _orchards(ground),
    ]


def plant_green(ground: Ground) -> list[Plants]:
    """Return what stands on lawns, meadows and beds and in woods.

    Args:
        ground: The surfaces.
    """
    return [_gardens(ground), _parks(ground), _woods(ground)]


def _avenues(ground: Ground, roadside: Roadside) -> list[Plants]:
    made = []
    for side in (-1, 1):
        for number, step in enumerate(AVENUE_M):
            at = roadside.stations(f"street trees {side} {step}", step, 4, frozenset(STREET_TREES))
            mood = roadside.moods("street trees")[at.street]
            share = np.array([STREET_TREES[kind] for kind in roadside.kind[at.street]])
            has_row = (mood[:, side] < share) & ((mood[:, 2] * len(AVENUE_M)).astype(int) == number)
            has_row &= at.draws[:, 0] > MISSING
            at = at.kept(has_row & roadside.is_clear(at, 4.5))
            made.append(_row(ground, roadside, at, side))
    return made


def _row(ground: Ground, roadside: Roadside, at: Stations, side: int) -> Plants:
    kerb = (roadside.carriageway / 2 + roadside.parking)[at.street]
    narrow = roadside.pavement[at.street] < 1
    at = at.beside(side * (kerb + np.where(narrow, 0.9, 0.7)))
    at = at.kept(ground.lies_on(at.at, BESIDE))
    age = roadside.moods("street trees")[at.street][:, 3]
    radius = (2.0 + 2.6 * age) * (0.8 + 0.4 * at.draws[:, 1])
    kind = np.where(roadside.moods("street trees")[at.street][:, 4] < 0.08, FRUIT, BROAD)
    return Plants.grown(at.at, radius, kind, at.draws[:, 2])


def _in_pits(ground: Ground) -> Plants:
    """Return a tree in each of the small beds between parking bays."""
    pits = np.flatnonzero((ground.cover == "bed") & (ground.parcel < 0) & (ground.size_m2 < PIT_M2))
    at = shapely.get_coordinates(shapely.centroid(ground.area[pits]))
    u = place_draws(ground.seed, "pits", at, 4)
    has = u[:, 0] < PIT_SHARE
    radius = 1.8 + 2.7 * u[has, 1]
    return Plants.grown(at[has], radius, np.where(u[has, 2] < 0.1, FRUIT, BROAD), u[has, 3])


def _beside_waters(plan: TownPlan, ground: Ground) -> list[Plants]:
    """Return rows of limes and poplars along canals, willows and shrubs along brooks."""
    made = []
    for line, width_m in plan.waters:
        is_canal = width_m >= CANAL_FROM_M
        for side in (-1, 1):
            step, off = (11.0, 5.4) if is_canal else (5.5, 2.0)
            at, along = walked(line, step, side * (width_m / 2 + off))
            u = along_draws(plan.seed, f"beside waters {side}", at, 5)
            if not is_canal:
                at = at + left_of(along) * (u[:, :1] - 0.5) * 1.6 + along * (u[:, 1:2] - 0.5) * 4
            has = (u[:, 4] < (0.9 if is_canal else 0.7)) & ground.lies_on(at, ("meadow", "lawn"))
            at, u = at[has], u[has]
            if is_canal:
                kind = np.where(side > 0, POPLAR, BROAD) * np.ones(len(at), int)
                radius = np.where(kind == POPLAR, 1.6, 3.0) + 0.9 * u[:, 2]
            else:
                kind = np.where(u[:, 3] < 0.3, WILLOW, np.where(u[:, 3] < 0.55, BROAD, SHRUB))
                radius = np.where(kind == SHRUB, 0.9, 2.2) + 1.4 * u[:, 2]
            made.append(Plants.grown(at, radius, kind, u[:, 1]))
    return made


def _hedgerows(ground: Ground) -> Plants:
    """Return rows of shrubs with single trees along some long sides of fields."""
    fields = np.flatnonzero(np.isin(ground.cover, OPEN_LAND) & (ground.parcel < 0))
    fields = fields[ground.size_m2[fields] > 4_000]
    rings = shapely.get_exterior_ring(shapely.orient_polygons(ground.area[fields]))
    nodes, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, way = nodes[:-1][same], (nodes[1:] - nodes[:-1])[same]
    length = np.hypot(*way.T)
    chance = place_draws(ground.seed, "hedgerows", start + way / 2, 1)[:, 0]
    has = (length > 50) & (chance < HEDGEROW_SHARE)
    start, way, length = start[has], way[has] / length[has, None], length[has]
    counts = (length / HEDGEROW_STEP_M).astype(int)
    row = np.repeat(np.arange(len(start)), counts)
    number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    along, left = way[row], left_of(way[row])
    at = start[row] + along * ((number + 0.5) * HEDGEROW_STEP_M)[:, None] + left * 1.4
    u = place_draws(ground.seed, "hedgerow plants", start, int(counts.max(initial=0)) * 4)
    u = u.reshape(len(start), int(counts.max(initial=0)), 4)[row, number]
    at = at + (u[:, :2] - 0.5) * 1.6
    is_tree = u[:, 2] < 0.16
    radius = np.where(is_tree, 2.2 + 2.4 * u[:, 3], 0.9 + 1.1 * u[:, 3])
    kept = u[:, 3] > 0.1
    plants = Plants.grown(at, radius, np.where(is_tree, BROAD, SHRUB), u[:, 0])
    return plants.kept(kept)


def _orchards(ground: Ground) -> Plants:
    """Return fruit trees in a grid on some meadows."""
    meadows = np.flatnonzero((ground.cover == "meadow") & (ground.parcel < 0))
    meadows = meadows[ground.size_m2[meadows] > 2_500]
    chance = place_draws(ground.seed, "orchards", shapely.bounds(ground.area[meadows])[:, :2], 1)
    return Plants.joined(
        _grid(ground, meadow, ORCHARD_STEP_M, 0.6, "orchard", ((FRUIT, 1.0),), (1.7, 2.9), 0.08)
        for meadow in meadows[chance[:, 0] < ORCHARD_SHARE].tolist()
    )


def _woods(ground: Ground) -> Plants:
    woods = np.flatnonzero(ground.cover == "wood")
    chance = place_draws(ground.seed, "woods", shapely.bounds(ground.area[woods])[:, :2], 1)[:, 0]
    mixed = ((BROAD, 0.78), (SPRUCE, 0.12), (PINE, 0.08), (COPPER, 0.02))
    dark = ((SPRUCE, 0.62), (PINE, 0.26), (BROAD, 0.12))
    return Plants.joined(
        _grid(
            ground, wood, WOOD_STEP_M, 4.8, "wood",
            dark if chance[number] < CONIFER_WOODS else mixed, (3.4, 6.4), 0.06,
        )
        for number, wood in enumerate(woods.tolist())
    )  # fmt: skip


def _grid(
    ground: Ground, surface: int, step_m: float, jitter_m: float, stage: str,
    mix: tuple[tuple[int, float], ...], radius_m: tuple[float, float], missing: float,
) -> Plants:  # fmt: skip
    """Return trees in a grid along the sides of a surface, more or less regular."""
    area = ground.area[surface]
    origin, along, extent = (v[0] for v in frames_around(np.array([area], object)))
    columns, rows = (extent / step_m).astype(int) + 1
    u = stream(ground.seed, stage, *place_ids(*origin)).random((columns * rows, 6))
    i, j = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    shift = np.stack([i.ravel(), j.ravel() + 0.5 * (i.ravel() % 2)], axis=1) * step_m + step_m / 3
    shift = shift + (u[:, :2] - 0.5) * jitter_m
    at = origin + shift[:, :1] * along + shift[:, 1:] * left_of(along)
    shapely.prepare(area)
    kept = shapely.contains_xy(area, at[:, 0], at[:, 1]) & (u[:, 2] > missing)
    at, u = at[kept], u[kept]
    kind = np.array([one for one, _ in mix])[picked(u[:, 3], [share for _, share in mix])]
    radius = radius_m[0] + (radius_m[1] - radius_m[0]) * u[:, 4]
    radius = np.where((kind == SPRUCE) | (kind == PINE), radius * 0.72, radius)
    return Plants.grown(at, radius, kind, u[:, 5])


def _gardens(ground: Ground) -> Plants:
    """Return plants anywhere on plots, kept where the ground is green, and shrubs on beds.

    They are drawn for the whole plot, so that they stay where they are when its ground changes.
    """
    corners, parcel = shapely.bounds(ground.plots), np.arange(len(ground.use) - 1)
    u, plot = _drawn(ground, corners, np.full(len(parcel), GARDEN_M2["lawn"]), "garden plants")
    at = _between(corners[plot], u)
    surface = ground.which(at)
    cover, green = ground.cover[surface], ground.parcel[surface] == plot
    green &= ~_is_open(ground, plot, at)
    share = GARDEN_M2["lawn"] / GARDEN_M2["meadow"]
    green &= np.isin(cover, ("lawn", "bed")) | ((cover == "meadow") & (u[:, 5] < share))
    lawns = _mixed(at[green], u[green], GARDEN_MIX)
    beds = np.flatnonzero((ground.cover == "bed") & (ground.parcel >= 0))
    return Plants.joined(
        [lawns, _on_surfaces(ground, beds, "bed plants", ((SHRUB, 1.0),), GARDEN_M2)]
    )


def _is_open(ground: Ground, plot: NDArray[np.int64], at: Places) -> Flags:
    """Return which places lie on sports grounds and solar parks, away from their borders."""
    is_open = np.isin(ground.planned[plot], OPEN_PLOTS)
    borders = shapely.get_exterior_ring(ground.plots[plot[is_open]])
    is_open[is_open] = shapely.distance(borders, shapely.points(at[is_open])) > OPEN_EDGE_M
    return is_open


def _parks(ground: Ground) -> Plants:
    green = np.flatnonzero(np.isin(ground.cover, sorted(PARK_M2)) & (ground.parcel < 0))
    green = green[ground.size_m2[green] > PIT_M2]
    plants = _on_surfaces(ground, green, "park plants", PARK_MIX, PARK_M2)
    alone = (plants.radius * 1_000 % 1) < 0.12
    return plants.kept(_is_in_group(plants.at, 0.35) | alone)


def _on_surfaces(
    ground: Ground, surfaces: NDArray[np.int64], stage: str,
    mix: tuple[tuple[int, float], ...], per_plant: dict[str, float],
) -> Plants:  # fmt: skip
    """Return plants anywhere on surfaces."""
    areas = ground.area[surfaces]
    bounds = shapely.bounds(areas)
    density = np.array([per_plant[cover] for cover in ground.cover[surfaces]])
    u, surface = _drawn(ground, bounds, density, stage)
    at = _between(bounds[surface], u)
    shapely.prepare(areas)
    kept = shapely.contains_xy(areas[surface], at[:, 0], at[:, 1])
    return _mixed(at[kept], u[kept], mix)


def _drawn(
    ground: Ground, bounds: Places, per_plant_m2: NDArray[np.float64], stage: str
) -> tuple[Places, NDArray[np.int64]]:
    """Return six draws for each plant of a box, and the number of its box."""
    size_m2 = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    draws, which = [np.empty((0, 6))], [np.empty(0, np.int64)]
    for number, wanted in enumerate((size_m2 / per_plant_m2).tolist()):
        rng = stream(ground.seed, stage, *place_ids(*bounds[number, :2]))
        count = int(wanted + rng.random())
        draws.append(rng.random((count, 6)))
        which.append(np.full(count, number))
    return np.concatenate(draws), np.concatenate(which)


def _between(bounds: Places, draws: Places) -> Places:
    places: Places = bounds[:, :2] + (bounds[:, 2:] - bounds[:, :2]) * draws[:, :2]
    return places


def _mixed(at: Places, u: Places, mix: tuple[tuple[int, float], ...]) -> Plants:
    """Return plants of several kinds, small ones more often than large ones."""
    kind = np.array([one for one, _ in mix])[picked(u[:, 2], [share for _, share in mix])]
    span = np.array([RADIUS_M[one] for one in range(len(RADIUS_M))])[kind]
    # The last bits of a power depend on the processor, and trees are put in the order of heights.
    share = np.round(u[:, 3] ** 1.35, 6)
    radius = span[:, 0] + (span[:, 1] - span[:, 0]) * share
    return Plants.grown(at, radius, kind, u[:, 4])


def _is_in_group(at: Places, level: float) -> Flags:
    """Return which places lie in groups of trees: where a pattern of waves is high."""
    x, y = at.T
    waves = np.sin(x / 11.0 + 1.3 * np.sin(y / 23.0)) + np.sin(y / 9.0 + 1.7 * np.sin(x / 19.0))
    inside: Flags = waves > level
    return inside
