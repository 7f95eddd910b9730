"""Things in gardens: each kind with its share; some of them look like solar units."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Batch,
    Flags,
    Layer,
    disc,
    left_of,
    only,
    put,
)
from shared.demo_city.ground_objects.spots import Spots, ThingKind, frames_around, one_of, spread
from shared.demo_city.ground_objects.yards import DRIVE_COVERS, Ground
from shared.demo_city.randomness import place_draws
from shared.demo_city.vectors.ground import HOUSES

LEAST_GARDEN_M2: Final = 45.0
ROUND: Final = disc(14)
KIDNEY: Final = np.array(
    [(-0.5, 0.02), (-0.44, -0.3), (-0.25, -0.45), (0.0, -0.4), (0.25, -0.48), (0.45, -0.32),
     (0.5, 0.0), (0.42, 0.35), (0.22, 0.42), (0.05, 0.2), (-0.1, 0.16), (-0.25, 0.34), (-0.42, 0.3)]
)  # fmt: skip


WOOD: Final = (0.62, 0.52, 0.42, 0.75)
WHITE: Final = (1.05, 1.05, 1.05, 1.0)


def _pool(spots: Spots) -> Batch:
    is_kidney = spots.draws[:, 0] < 0.6
    rim = np.where(is_kidney, spots.put(KIDNEY, 1.22), spots.put(BOX, 1.2))
    water = np.where(is_kidney, spots.put(KIDNEY), spots.put(BOX))
    return spots.batch(
        "pool", Layer(rim, "slabs", label="paved"), Layer(water, "pool", label="water")
    )


def _round_pool(spots: Spots) -> Batch:
    size = np.repeat(spots.size[:, :1], 2, axis=1)
    rim, water = (put(ROUND, spots.at, spots.along, size * by) for by in (1.0, 0.9))
    wall = one_of(
        spots.draws[:, 0], (0.5, 0.6, 0.8, 0.6), (1.2, 1.2, 1.2, 1.2), (0.7, 0.7, 0.7, 0.7)
    )
    tint = np.where(spots.draws[:, 1:] < 0.7, 1.0, (0.42, 0.5, 0.72, 1.2))
    layers = (Layer(rim, "sheet_grey", 0.9, wall), Layer(water, "pool", 0.8, tint, "water"))
    return spots.batch("pool", *layers)


def _trampoline(spots: Spots) -> Batch:
    size = np.repeat(spots.size[:, :1], 2, axis=1)
    rim, mat = (put(ROUND, spots.at, spots.along, size * by) for by in (1.0, 0.8))
    tint = one_of(
        spots.draws[:, 0], (0.32, 0.48, 0.95, 0.7), (0.3, 0.42, 0.85, 0.6), (0.42, 0.8, 0.4, 0.9)
    )
    layers = (
        Layer(rim, "sheet_grey", 0.9, tint),
        Layer(mat, "slate", 0.85, (0.55, 0.53, 0.5, 0.5)),
    )
    return spots.batch("trampoline", *layers)


def _vegetables(spots: Spots) -> Batch:
    bed = spots.put()
    layers = [Layer(bed, "soil", 0.0, (0.72, 0.7, 0.68, 0.8), "bare_soil", left_of(spots.along))]
    across = left_of(spots.along)
    for number in range(8):
        aside = 0.35 + 0.6 * number - spots.size[:, 1] / 2
        row = put(
            BOX, spots.at + across * aside[:, None], spots.along, spots.size * (0.9, 0) + (0, 0.32)
        )
        grows = (aside < spots.size[:, 1] / 2 - 0.25) & (
            (number * 3 + spots.draws[:, 0] * 7) % 3 > 0.5
        )
        tint = 0.7 + 0.5 * ((number * 0.37 + spots.draws[:, 1:]) % 1) * np.ones((1, 4))
        layers.append(Layer(only(grows, row), "crop_green", 0.2, tint, "grass"))
    return spots.batch("vegetable_bed", *layers)


def _greenhouse(spots: Spots) -> Batch:
    glass, ridge = spots.put(), spots.put(BOX, (1.0, 0.08))
    layers = [Layer(glass, "thermal", 2.0, (2.3, 2.5, 2.5, 2.0))]
    for share in (-0.5, -0.25, 0.0, 0.25, 0.5):
        at = spots.at + spots.along * (share * (spots.size[:, :1] - 0.16))
        bar = put(BOX, at, spots.along, spots.size * (0, 1) + (0.16, 0))
        layers.append(Layer(bar, "membrane_light", 2.05, (0.86, 0.9, 0.88, 0.9)))
    layers.append(Layer(ridge, "membrane_light", 2.3, (0.9, 0.94, 0.92, 0.9)))
    return spots.batch("greenhouse", *layers)


def _compost(spots: Spots) -> Batch:
    frame, heap = spots.put(), spots.put(BOX, 0.82)
    dark = (0.5, 0.46, 0.4, 0.7)
    return spots.batch("compost", Layer(frame, "sand", 0.9, WOOD), Layer(heap, "soil", 0.8, dark))


CRUMPLED: Final = np.array(
    [(-0.5, -0.42), (-0.1, -0.5), (0.46, -0.44), (0.5, 0.1), (0.42, 0.5), (-0.2, 0.44),
     (-0.46, 0.48), (-0.42, 0.0)]
)  # fmt: skip


def _tarpaulin(spots: Spots) -> Batch:
    sheet = spots.put(CRUMPLED)
    tint = one_of(
        spots.draws[:, 0],
        (0.22, 0.38, 0.72, 0.55),
        (0.3, 0.5, 0.9, 0.7),
        (0.24, 0.34, 0.6, 0.5),
        (0.42, 0.62, 0.45, 0.8),
        (0.8, 0.8, 0.8, 0.8),
    )
    top = spots.put(CRUMPLED, (0.7, 0.5))
    return spots.batch(
        "tarpaulin",
        Layer(sheet, "membrane_light", 0.5, tint),
        Layer(top, "membrane_light", 1.0, tint * 1.1),
    )


def _sandpit(spots: Spots) -> Batch:
    frame, sand = spots.put(), spots.put(BOX, 0.85)
    return spots.batch(
        "sandpit", Layer(frame, "sand", 0.25, WOOD), Layer(sand, "sand", 0.1, label="bare_soil")
    )


def _playground(spots: Spots) -> Batch:
    foot = spots.put()
    bar = spots.put(BOX, (0.95, 0.08))
    tower = put(BOX, spots.at - spots.along * spots.size[:, :1] * 0.36, spots.along, (1.3, 1.3))
    slide = put(
        BOX, spots.at + left_of(spots.along) * 0.3 + spots.along * 0.4, spots.along, (2.2, 0.5)
    )
    tint = one_of(
        spots.draws[:, 0], (1.2, 0.3, 0.26, 1.0), (1.3, 1.05, 0.25, 1.1), (0.3, 0.6, 0.95, 0.8)
    )
    return spots.batch(
        "playground",
        Layer(only(spots.draws[:, 1] < 0.5, foot), "sand", label="bare_soil"),
        Layer(bar, "sand", 2.0, WOOD),
        Layer(tower, "sheet_grey", 2.4, tint[:, [1, 0, 2, 3]]),
        Layer(slide, "sheet_grey", 0.9, tint),
        outline=foot,
    )


def _pond(spots: Spots) -> Batch:
    rim, water = spots.put(KIDNEY), spots.put(KIDNEY, 0.82)
    return spots.batch(
        "swimming_pond", Layer(rim, "gravel_garden", label="gravel_rail"),
        Layer(water, "water", 0.0, (0.9, 1.15, 0.95, 1.0), "water"),
    )  # fmt: skip


def _wood_stack(spots: Spots) -> Batch:
    stack = spots.put()
    cover = only(spots.draws[:, 1] < 0.4, spots.put(BOX, (0.9, 0.95)))
    tint = one_of(
        spots.draws[:, 0], (0.55, 0.55, 0.55, 0.5), (0.3, 0.42, 0.75, 0.5), (0.35, 0.34, 0.34, 0.3)
    )
    layers = (
        Layer(stack, "sand", 1.4, (0.74, 0.62, 0.5, 0.9)),
        Layer(cover, "sheet_grey", 1.5, tint),
    )
    return spots.batch("wood_stack", *layers)


def _loungers(spots: Spots) -> Batch:
    tint = one_of(spots.draws[:, 0], WHITE, (0.5, 0.5, 0.52, 0.5), (0.8, 0.62, 0.5, 0.9))
    pair = [
        put(BOX, spots.at + left_of(spots.along) * by, spots.along, (1.9, 0.65))
        for by in (-0.6, 0.6)
    ]
    layers = [Layer(one, "membrane_light", 0.4, tint) for one in pair]
    return spots.batch("garden_furniture", *layers, outline=spots.put())


def _dark_mats(spots: Spots) -> Batch:
    """Mats that warm the water of a pool: they look like collectors."""
    mat, pipe = spots.put(), spots.put(BOX, (1.0, 0.1))
    return spots.batch(
        "pool_heating_mat", Layer(mat, "slate", 0.15, (0.5, 0.5, 0.52, 0.4)),
        Layer(pipe, "slate", 0.2, (0.8, 0.8, 0.8, 0.6)),
    )  # fmt: skip


def _shade_sail(spots: Spots) -> Batch:
    sail = spots.put(np.array([(-0.5, -0.5), (0.5, -0.3), (-0.1, 0.5)]))
    tint = one_of(
        spots.draws[:, 0], (0.98, 0.93, 0.8, 1.0), (0.9, 0.9, 0.9, 0.9), (0.62, 0.3, 0.26, 0.9)
    )
    return spots.batch("shade_sail", Layer(sail, "membrane_light", 2.6, tint))


GARDEN: Final[Mapping[str, ThingKind]] = MappingProxyType(
    {
        "pool": ThingKind(0.03, (5.0, 9.0), (3.0, 4.5), _pool),
        "round pool": ThingKind(0.05, (3.0, 5.0), (3.0, 5.0), _round_pool),
        "trampoline": ThingKind(0.14, (2.6, 4.3), (2.6, 4.3), _trampoline),
        "vegetable bed": ThingKind(0.22, (3.0, 7.5), (1.6, 4.6), _vegetables),
        "greenhouse": ThingKind(0.07, (2.4, 4.5), (1.9, 2.7), _greenhouse),
        "compost": ThingKind(0.18, (1.1, 2.4), (1.0, 1.2), _compost),
        "tarpaulin": ThingKind(0.06, (2.0, 4.6), (1.5, 3.2), _tarpaulin),
        "sandpit": ThingKind(0.09, (1.4, 2.8), (1.4, 2.4), _sandpit),
        "playground": ThingKind(0.08, (3.4, 4.8), (2.2, 2.8), _playground),
        "swimming pond": ThingKind(0.012, (7.0, 12.0), (4.5, 7.5), _pond),
        "wood stack": ThingKind(0.1, (2.0, 6.0), (0.8, 1.3), _wood_stack),
        "loungers": ThingKind(0.12, (2.2, 2.3), (2.0, 2.1), _loungers),
        "pool heating mat": ThingKind(0.012, (2.5, 5.0), (1.5, 2.6), _dark_mats),
        "shade sail": ThingKind(0.03, (3.5, 5.0), (3.0, 4.0), _shade_sail),
    }
)
"""Kinds with the share of house gardens that have one. Look-alikes of solar units are the pools,
trampolines, greenhouses, tarpaulins, covered wood stacks and the heating mats. New kinds follow at
the end, so that they shift no other."""
UMBRELLA_SHARE: Final = 0.3
"""Share of the terraces with a sunshade."""
POOL_COVER_SHARE: Final = 0.35
"""Share of the built-in pools that are covered, half of them by a solar cover: a look-alike."""
POOL_COVERS: Final = (
    (0.3, 0.42, 0.68, 0.5), (0.26, 0.36, 0.56, 0.5), (0.82, 0.86, 0.9, 0.9), (0.4, 0.42, 0.44, 0.5),
)  # fmt: skip


def _umbrellas(ground: Ground) -> Batch:
    terraces = ground.chosen(DRIVE_COVERS, HOUSES)
    terraces = terraces[(ground.size_m2[terraces] > 9) & ~ground.is_drive[terraces]]
    at = shapely.get_coordinates(shapely.point_on_surface(ground.area[terraces]))
    draws = place_draws(ground.seed, "sunshades", at, 4)
    has: Flags = draws[:, 0] < UMBRELLA_SHARE
    at, draws, parcel = at[has], draws[has], ground.parcel[terraces][has]
    turn = draws[:, 1] * np.pi
    way = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    roof = put(disc(8), at, way, 2.4 + draws[:, 2:3] * 1.2)
    tint = one_of(
        draws[:, 3],
        (0.98, 0.94, 0.84, 1.0),
        WHITE,
        (0.72, 0.26, 0.24, 0.9),
        (0.36, 0.5, 0.4, 0.8),
        (0.55, 0.54, 0.52, 0.6),
    )
    middle = put(disc(6), at, way, (0.3, 0.3))
    layers = (
        Layer(roof, "membrane_light", 2.3, tint),
        Layer(middle, "membrane_light", 2.5, tint * 0.8),
    )
    return Batch("garden_furniture", roof, layers, parcel)


def _pool_covers(ground: Ground) -> Batch:
    """Return covers on the pools that the surfaces show."""
    pools = np.flatnonzero((ground.cover == "pool") & (ground.parcel >= 0) & (ground.size_m2 < 60))
    places = shapely.get_coordinates(shapely.centroid(ground.area[pools]))
    draws = place_draws(ground.seed, "pool covers", places, 2)
    has = draws[:, 0] < POOL_COVER_SHARE
    areas, tint = ground.area[pools[has]], one_of(draws[has, 1], *POOL_COVERS)
    _, along, _ = frames_around(areas)
    sheet = Layer(areas, "membrane_light", 0.05, tint, "water", along)
    return Batch("pool_cover", areas, (sheet,), ground.parcel[pools[has]])


def furnish_gardens(ground: Ground) -> list[Batch]:
    """Return the things in the gardens of houses and allotments and on terraces.

    Args:
        ground: The surfaces.
    """
    lawns = np.flatnonzero(np.isin(ground.cover, ("lawn", "meadow")) & (ground.parcel >= 0))
    lawns = lawns[ground.size_m2[lawns] > LEAST_GARDEN_M2]
    is_allotment = ground.planned[ground.parcel[lawns]] == "allotments"
    at_house = np.isin(ground.used_for[lawns], sorted(HOUSES)) & ~is_allotment
    made = []
    for stage, chosen in (
        ("gardens", _largest(ground, lawns[at_house])),
        ("allotments", lawns[is_allotment]),
    ):
        areas = ground.area[chosen]
        made += spread(ground.seed, stage, areas, ground.parcel[chosen], GARDEN)
    return [*made, _umbrellas(ground), _pool_covers(ground)]


def _largest(ground: Ground, surfaces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the largest of the surfaces of each parcel."""
    order = np.lexsort((-ground.size_m2[surfaces], ground.parcel[surfaces]))
    _, first = np.unique(ground.parcel[surfaces][order], return_index=True)
    return surfaces[order][first]
