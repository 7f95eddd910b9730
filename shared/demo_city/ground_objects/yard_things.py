"""Things in trade yards, on construction sites and on the market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Batch,
    Layer,
    Places,
    disc,
    left_of,
    only,
    put,
)
from shared.demo_city.ground_objects.spots import Spots, ThingKind, frames_around, one_of, spread
from shared.demo_city.ground_objects.vehicles import SIZES_M, vehicles
from shared.demo_city.ground_objects.yards import YARD_COVERS, Ground
from shared.demo_city.randomness import place_draws, place_ids, stream
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.parcels import Parcel
from shared.demo_city.vectors.plan import TownPlan

CONTAINER_TINTS: Final = (
    (0.72, 0.32, 0.24, 0.8), (0.28, 0.4, 0.68, 0.6), (0.36, 0.5, 0.4, 0.6),
    (0.95, 0.95, 0.95, 0.9), (1.1, 0.6, 0.25, 1.1), (0.55, 0.57, 0.6, 0.55),
)  # fmt: skip
HEAP: Final = np.array(
    [(-0.5, -0.1), (-0.32, -0.42), (0.05, -0.5), (0.4, -0.34), (0.5, 0.05), (0.3, 0.44),
     (-0.1, 0.5), (-0.42, 0.3)]
)  # fmt: skip
SITE_SHARE: Final = 0.03
"""Share of the empty plots that are construction sites."""
OPEN_LAND: Final = (
    "market", "park", "cemetery", "allotments", "sports_ground", "solar_field", "playground",
    "car_park", "pond", "station",
)  # fmt: skip
"""Planned uses of plots on which nothing is built."""
SITE_M2: Final = (450.0, 6_000.0)
AIRY_M: Final = 0.3
"""Height of a jib in the height field: it is a lattice high above, no wall down to the ground."""
STALL_SHARE: Final = 0.62
"""Share of the places on the market that have a stall."""
STALL_M: Final = (3.4, 2.6)


def _container(spots: Spots) -> Batch:
    tint = one_of(spots.draws[:, 0], *CONTAINER_TINTS)
    box = spots.put()
    rib = spots.put(BOX, (0.96, 0.1))
    return spots.batch(
        "container", Layer(box, "sheet_grey", 2.6, tint, direction=spots.along),
        Layer(rib, "sheet_grey", 2.62, tint * 1.1),
    )  # fmt: skip


def _skip(spots: Spots) -> Batch:
    """Open containers for rubbish and rubble."""
    tint = one_of(
        spots.draws[:, 0],
        (0.3, 0.44, 0.8, 0.7),
        (1.15, 0.62, 0.24, 1.1),
        (0.4, 0.62, 0.42, 0.7),
        (0.6, 0.6, 0.6, 0.6),
    )
    rim, load = spots.put(), spots.put(BOX, (0.92, 0.86))
    return spots.batch(
        "skip",
        Layer(rim, "sheet_grey", 1.6, tint),
        Layer(load, "gravel_yard", 1.3, 0.7 * np.ones(4)),
    )


def _heap(spots: Spots) -> Batch:
    foot, top = spots.put(HEAP), spots.put(HEAP, 0.6)
    tint = one_of(
        spots.draws[:, 0],
        (1.0, 0.96, 0.9, 1.0),
        (0.75, 0.74, 0.74, 0.75),
        (0.9, 0.78, 0.66, 0.9),
        (0.42, 0.36, 0.3, 0.6),
    )
    peak = spots.put(HEAP, 0.25)
    layers = [
        Layer(one, "gravel_yard", height, tint * gain, "gravel_rail")
        for one, height, gain in ((foot, 0.7, 0.94), (top, 1.6, 1.0), (peak, 2.2, 1.06))
    ]
    return spots.batch("heap", *layers)


def _pallets(spots: Spots) -> Batch:
    layers = []
    wrapped = one_of(
        spots.draws[:, 0],
        (0.8, 0.7, 0.58, 0.9),
        (1.15, 1.2, 1.35, 1.1),
        (0.4, 0.52, 0.9, 0.7),
        (0.56, 0.58, 0.68, 0.6),
    )
    for number in range(8):
        column, row = number % 4, number // 4
        share = np.array([(column + 0.5) / 4 - 0.5, (row + 0.5) / 2 - 0.5])
        at = spots.at + spots.along * spots.size[:, :1] * share[0]
        at = at + left_of(spots.along) * spots.size[:, 1:] * share[1]
        stack = put(BOX, at, spots.along, spots.size * (0.21, 0.42))
        there = (spots.draws[:, 1] * 97 + number * 0.37) % 1 < 0.75
        layers.append(Layer(only(there, stack), "sand", 1.2 + 0.3 * (number % 3), wrapped))
    return spots.batch("pallets", *layers, outline=spots.put())


def _trailer(spots: Spots) -> Batch:
    tint = one_of(
        spots.draws[:, 0],
        (1.4, 1.38, 1.36, 1.4),
        (0.28, 0.4, 0.7, 0.6),
        (0.9, 0.3, 0.26, 0.9),
        (1.1, 1.1, 1.12, 1.1),
        (0.34, 0.52, 0.4, 0.6),
    )
    box, frame = spots.put(), spots.put(BOX, (0.985, 0.9))
    return spots.batch(
        "trailer", Layer(box, "sheet_grey", 3.4, tint * 0.9), Layer(frame, "sheet_grey", 3.5, tint)
    )


def _glass_roof(spots: Spots) -> Batch:
    """Roofs of glass over bicycles and smokers: they look like collectors."""
    roof = spots.put()
    layers = [Layer(roof, "thermal", 2.5, (1.5, 1.65, 1.75, 1.4))]
    for share in (-0.5, -0.17, 0.17, 0.5):
        at = spots.at + spots.along * share * (spots.size[:, :1] - 0.2)
        bar = put(BOX, at, spots.along, spots.size * (0, 1) + (0.2, 0))
        layers.append(Layer(bar, "sheet_grey", 2.55, (0.9, 0.92, 0.95, 0.9)))
    return spots.batch("glass_roof", *layers)


def _yard_tarpaulin(spots: Spots) -> Batch:
    sheet, top = spots.put(HEAP), spots.put(HEAP, (0.7, 0.4))
    tint = one_of(
        spots.draws[:, 0],
        (0.22, 0.38, 0.74, 0.55),
        (0.28, 0.48, 0.88, 0.7),
        (0.2, 0.22, 0.26, 0.2),
        (0.4, 0.56, 0.42, 0.7),
    )
    layers = (
        Layer(sheet, "membrane_light", 0.9, tint),
        Layer(top, "membrane_light", 1.6, tint * 1.12),
    )
    return spots.batch("tarpaulin", *layers)


def _truck(spots: Spots) -> Batch:
    (low, high), _, _ = SIZES_M["truck"]
    length = (spots.size[:, 0] - low) / (high - low)
    draws = np.column_stack([length, spots.draws[:, 1], spots.draws])
    kind = np.full(len(length), "truck")
    made = vehicles(spots.at, spots.along, kind, draws)["truck"]
    return replace(made, parcel=spots.parcel)


YARD: Final[Mapping[str, ThingKind]] = MappingProxyType(
    {
        "container": ThingKind(0.5, (6.05, 6.1), (2.43, 2.44), _container),
        "long container": ThingKind(0.3, (12.15, 12.2), (2.43, 2.44), _container),
        "second container": ThingKind(0.35, (6.05, 6.1), (2.43, 2.44), _container),
        "skip": ThingKind(0.45, (3.6, 6.2), (1.8, 2.4), _skip),
        "heap": ThingKind(0.25, (5.0, 12.0), (4.5, 9.0), _heap),
        "second heap": ThingKind(0.15, (4.0, 9.0), (4.0, 7.0), _heap),
        "pallets": ThingKind(0.55, (5.6, 9.0), (2.4, 3.6), _pallets),
        "more pallets": ThingKind(0.4, (5.6, 9.0), (2.4, 3.6), _pallets),
        "trailer": ThingKind(0.45, (7.5, 13.6), (2.48, 2.55), _trailer),
        "second trailer": ThingKind(0.35, (12.5, 13.6), (2.48, 2.55), _trailer),
        "third trailer": ThingKind(0.3, (12.5, 13.6), (2.48, 2.55), _trailer),
        "glass roof": ThingKind(0.12, (4.5, 9.0), (2.2, 3.0), _glass_roof),
        "tarpaulin": ThingKind(0.2, (3.0, 8.0), (2.4, 5.0), _yard_tarpaulin),
        "truck": ThingKind(0.45, (8.0, 13.5), (2.45, 2.55), _truck),
        "second truck": ThingKind(0.25, (8.0, 13.5), (2.45, 2.55), _truck),
    }
)
"""Kinds with the share of trade yards that have one. Look-alikes of solar units are the glass roofs
and the tarpaulins. New kinds follow at the end, so that they shift no other."""


def furnish_yards(ground: Ground) -> list[Batch]:
    """Return the things in the yards of halls and offices and on empty trade plots.

    Args:
        ground: The surfaces.
    """
    yards = ground.chosen(YARD_COVERS, frozenset({"hall", "office", "barn", "farm"}))
    yards = yards[ground.size_m2[yards] > 220]
    return spread(ground.seed, "yards", ground.area[yards], ground.parcel[yards], YARD)


def furnish_market(plan: TownPlan, ground: Ground) -> list[Batch]:
    """Return the stalls on the market places.

    Args:
        plan: The plan with its open spaces.
        ground: The surfaces.
    """
    made = []
    for use, space in plan.open_spaces:
        if use != "market":
            continue
        frame = Frame.around(space)
        x, y = np.meshgrid(
            np.arange(10.0, frame.length_m - 10, 4.6), np.arange(9.0, frame.width_m - 9, 8.0)
        )
        at = frame.origin + x.reshape(-1, 1) * frame.along + y.reshape(-1, 1) * frame.across
        u = stream(plan.seed, "market", *place_ids(*frame.origin)).random((len(at), 4))
        has = (u[:, 0] < STALL_SHARE) & ground.lies_on(at, ("setts", "paving"))
        turn = (u[has, 1:2] - 0.5) * 0.16
        way = frame.along + turn * frame.across
        at = at[has] + (u[has, 2:] - 0.5) * (0.8, 1.6)
        made.append(_stalls(at, way / np.hypot(*way.T)[:, None], u[has]))
    return made


def _stalls(at: Places, along: Places, u: Places) -> Batch:
    size = np.array(STALL_M) * (0.85 + 0.3 * u[:, 1:2])
    roof = put(BOX, at, along, size)
    tint = one_of(
        u[:, 2],
        (1.05, 1.05, 1.05, 1.0),
        (0.86, 0.26, 0.22, 0.9),
        (0.3, 0.44, 0.78, 0.7),
        (0.4, 0.62, 0.42, 0.8),
        (1.02, 0.86, 0.42, 1.0),
        (0.95, 0.9, 0.8, 0.9),
    )
    layers = [Layer(roof, "membrane_light", 2.5, tint)]
    striped = u[:, 3] < 0.5
    for share in (-0.375, -0.125, 0.125, 0.375):
        strip = put(BOX, at + along * size[:, :1] * share, along, size * (0.13, 1.0))
        layers.append(Layer(only(striped, strip), "membrane_light", 2.5, (1.1, 1.1, 1.1, 1)))
    return Batch("market_stall", roof, tuple(layers))


def construction_sites(ground: Ground, parcels: tuple[Parcel, ...]) -> list[Batch]:
    """Return construction sites on some empty plots: a pit, a floor slab, containers and a crane.

    Args:
        ground: The surfaces.
        parcels: The parcels.
    """
    areas = np.array([parcel.area for parcel in parcels], object)
    size = shapely.area(areas)
    is_plot = ~np.isin(ground.planned, OPEN_LAND)
    empty = np.flatnonzero(
        (ground.use[:-1] == "") & is_plot & (size > SITE_M2[0]) & (size < SITE_M2[1])
    )
    origin, along, extent = frames_around(areas[empty])
    u = place_draws(ground.seed, "construction sites", shapely.bounds(areas[empty])[:, :2], 8)
    is_site = (u[:, 0] < SITE_SHARE) & (extent[:, 1] > 17)
    chosen, u = empty[is_site], u[is_site]
    origin, along, extent = origin[is_site], along[is_site], extent[is_site]
    at = shapely.get_coordinates(shapely.point_on_surface(areas[chosen]))
    pit = shapely.buffer(areas[chosen], -1.2, join_style="mitre", quad_segs=1)
    simple = np.array([one.geom_type == "Polygon" and not one.is_empty for one in pit], bool)
    pit = np.where(simple, pit, areas[chosen])
    slab = put(BOX, at, along, np.minimum(extent * 0.42, (17.0, 12.0)))
    inner = put(BOX, at, along, np.minimum(extent * 0.42, (17.0, 12.0)) - 0.9)
    ground_batch = Batch(
        "construction_site", pit,
        (Layer(pit, "soil", 0.0, (1.08, 1.04, 1.0, 1.0), "bare_soil", along),
         Layer(slab, "asphalt_worn", 0.7, (1.2, 1.2, 1.2, 1.2), "asphalt"),
         Layer(inner, "asphalt_worn", 0.3, (1.1, 1.1, 1.1, 1.1), "asphalt")),
        chosen, is_solid=False,
    )  # fmt: skip
    return [ground_batch, *_crane(at, along, extent, chosen, u)]


def _crane(
    at: Places, along: Places, extent: Places, parcel: NDArray[np.int64], u: Places
) -> list[Batch]:
    turn = u[:, 1] * 2 * np.pi
    jib = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    foot = at + left_of(along) * np.minimum(extent[:, 1:] * 0.3, 9.0)
    reach = np.minimum(extent[:, :1] * 0.6, 36.0)
    mast = put(BOX, foot, jib, (1.8, 1.8))
    arm = put(BOX, foot + jib * reach * 0.3, jib, np.hstack([reach, np.full_like(reach, 1.1)]))
    weight = put(BOX, foot - jib * reach * 0.2, jib, (2.6, 1.8))
    yellow = (1.3, 1.02, 0.26, 1.2)
    crane = Batch(
        "crane", mast,
        (Layer(mast, "sheet_grey", 24.0, yellow), Layer(arm, "sheet_grey", AIRY_M, yellow),
         Layer(weight, "asphalt_worn", AIRY_M)),
        parcel, is_solid=False,
    )  # fmt: skip
    boxes = []
    for number in range(3):
        where = at - left_of(along) * np.minimum(extent[:, 1:] * 0.34, 11.0)
        where = where + along * (number - 1) * 6.6
        tint = one_of((u[:, 2] + number * 0.29) % 1, *CONTAINER_TINTS)
        box = put(BOX, where, along, (6.0, 2.44))
        boxes.append(Batch("container", box, (Layer(box, "sheet_grey", 2.6, tint),), parcel))
    digger_at = at + along * np.minimum(extent[:, :1] * 0.34, 13.0)
    body, arm = (
        put(disc(8), digger_at, jib, (3.2, 2.8)),
        put(BOX, digger_at + jib * 3.4, jib, (5.0, 0.7)),
    )
    digger = Batch(
        "digger",
        body,
        (Layer(body, "sheet_grey", 2.8, yellow), Layer(arm, "sheet_grey", 2.2, yellow)),
        parcel,
    )
    return [crane, *boxes, digger]
