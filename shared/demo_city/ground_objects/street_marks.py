"""What is painted on streets and car parks or let into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Areas,
    Batch,
    Layer,
    disc,
    left_of,
    only,
    put,
    ribbons,
)
from shared.demo_city.ground_objects.roadside import Roadside, Stations
from shared.demo_city.ground_objects.vehicles import SLOT_M, bus_stops
from shared.demo_city.ground_objects.yards import BAY_M, Bays, Ground

LINE_M: Final = 0.2
"""Width of all painted lines: real ones have 0.12 to 0.25 m; finer ones would break into dots."""
PAINT: Final = "membrane_light"
DASH_M: Final = (3.0, 9.0)
"""Length and period of the dashes in the middle of a street."""
MAIN: Final = frozenset({"primary", "secondary"})
PAVED: Final = frozenset({"primary", "secondary", "residential"})
ROADWAY: Final = ("carriageway", "parking")
MARKED_SHARE: Final = 0.55
"""Share of main streets with painted parking bays."""
ZEBRA_SHARE: Final = {"junction": 0.3, "street": 0.28}
ZEBRA_M: Final = 3.4
PATCH_SHARE: Final = {"patch": 0.35, "trench": 0.14}
"""Share of places every 30 m with a patch, and of those every 45 m with a filled trench."""
ARROW: Final = np.array(
    [(-2.5, -0.12), (0.9, -0.12), (0.9, -0.45), (2.5, 0.0), (0.9, 0.45), (0.9, 0.12), (-2.5, 0.12)]
)


def mark_streets(roadside: Roadside, ground: Ground, bays: Bays) -> list[Batch]:
    """Return all marks; those that keep their place free are solid.

    Args:
        roadside: The streets.
        ground: The surfaces.
        bays: Bays in yards, which get lines where the yard is of asphalt.
    """
    ends = _ends(roadside)
    return [
        *_patches(roadside, ground),
        *_covers(roadside, ground),
        _middle_lines(roadside, ground),
        *_kerb_lines(roadside, ground),
        _bay_lines(ground, bays),
        _stop_lines(roadside, ground, ends),
        _arrows(roadside, ground, ends),
        *_zebras(roadside, ground, ends),
        *_bus_bays(roadside, ground),
    ]


def painted(kind: str, areas: Areas, worn: NDArray[np.float64] | float = 0.5) -> Batch:
    """Return white marks.

    Args:
        kind: What they are.
        areas: Their outlines.
        worn: How worn the paint is, 0 to 1, one or n.
    """
    gain = np.broadcast_to(1.06 - 0.34 * np.asarray(worn), (len(areas),))
    layer = Layer(areas, PAINT, 0.0, np.repeat(gain[:, None], 4, axis=1))
    return Batch(kind, areas, (layer,), is_solid=False)


def _on_road(ground: Ground, stations: Stations, covers: tuple[str, ...] = ROADWAY) -> Stations:
    return stations.kept(ground.lies_on(stations.at, covers))


def _mood(stations: Stations, column: int) -> NDArray[np.float64]:
    """Return one draw per street: that of its first point."""
    _, first, place = np.unique(stations.street, return_index=True, return_inverse=True)
    drawn: NDArray[np.float64] = stations.draws[first, column][place]
    return drawn


def _middle_lines(roadside: Roadside, ground: Ground) -> Batch:
    at = roadside.stations("middle lines", DASH_M[1], 1, MAIN)
    at = _on_road(ground, at.kept(roadside.is_clear(at, 5.0)))
    return painted("road_mark", put(BOX, at.at, at.along, (DASH_M[0], LINE_M)), at.draws[:, 0])


def _kerb_lines(roadside: Roadside, ground: Ground) -> list[Batch]:
    """Return the lines between the lane and the bays at its side, and between the bays."""
    made = []
    for side in (-1, 1):
        at = roadside.stations(f"kerb lines {side}", SLOT_M, 1, MAIN)
        at = at.kept((_mood(at, 0) < MARKED_SHARE) & roadside.is_built(at))
        at = at.kept(roadside.is_clear(at, 6.0))
        width, bay = roadside.carriageway[at.street], roadside.parking[at.street]
        inner = at.beside(side * (width + bay) / 2)
        at = at.kept(ground.lies_on(inner.at, ("parking",)))
        width, bay = roadside.carriageway[at.street], roadside.parking[at.street]
        edge = at.beside(side * width / 2)
        made.append(painted("road_mark", put(BOX, edge.at, edge.along, (SLOT_M, LINE_M))))
        middle = at.beside(side * (width + bay) / 2)
        foot = middle.at + middle.along * SLOT_M / 2
        size = np.stack([np.full(len(bay), LINE_M), bay], axis=1)
        made.append(painted("road_mark", put(BOX, foot, middle.along, size)))
    return made


def _bay_lines(ground: Ground, bays: Bays) -> Batch:
    bays = bays.kept(np.isin(ground.cover[bays.surface], ("asphalt_yard", "parking")))
    at = bays.at + left_of(bays.along) * BAY_M[0] / 2
    return painted("road_mark", put(BOX, at, bays.along, (BAY_M[1], LINE_M)), bays.draws[:, 3])


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where streets come upon a main street: the place of the stop line, looking at it."""

    stations: Stations
    room_m: NDArray[np.float64]


def _ends(roadside: Roadside) -> _Ends:
    street = np.tile(np.arange(len(roadside.lines)), 2)
    is_last = np.repeat([False, True], len(roadside.lines))
    tips = shapely.line_interpolate_point(
        roadside.lines[street], np.where(is_last, 1.0, 0.0), normalized=True
    )
    index, other = shapely.STRtree(roadside.lines).query(tips, predicate="dwithin", distance=1.0)
    main = np.isin(roadside.kind, sorted(MAIN))
    real = (street[index] != other) & main[other] & (roadside.kind[street[index]] != "path")
    index, first = np.unique(index[real], return_index=True)
    other = other[real][first]
    back = roadside.carriageway[other] / 2 + roadside.parking[other] + 1.0
    street, is_last = street[index], is_last[index]
    length = roadside.length[street]
    long_enough = length > back + 20
    street, is_last, back, length = (v[long_enough] for v in (street, is_last, back, length))
    at, along = roadside.walked(street, np.where(is_last, length - back, back))
    along = np.where(is_last[:, None], along, -along)
    draws = (np.abs(at).sum(axis=1) * 7.31 % 1)[:, None]
    return _Ends(Stations(street, at, along, draws), back)


def _stop_lines(roadside: Roadside, ground: Ground, ends: _Ends) -> Batch:
    width = roadside.carriageway[ends.stations.street]
    right = ends.stations.beside(-width / 4)
    size = np.stack([np.full(len(width), 0.5), width / 2 - 0.3], axis=1)
    areas = put(BOX, right.at, right.along, size)
    return painted("road_mark", areas[ground.lies_on(right.at, ROADWAY)], 0.4)


def _arrows(roadside: Roadside, ground: Ground, ends: _Ends) -> Batch:
    main = np.isin(roadside.kind[ends.stations.street], sorted(MAIN))
    at = ends.stations.kept(main)
    lane = at.beside(-roadside.carriageway[at.street] / 4)
    places = np.concatenate([lane.at - lane.along * by for by in (9.0, 27.0)])
    areas = put(ARROW, places, np.tile(lane.along, (2, 1)))
    return painted("road_mark", areas[ground.lies_on(places, ROADWAY)], 0.5)


def _zebras(roadside: Roadside, ground: Ground, ends: _Ends) -> list[Batch]:
    """Return crossings at junctions and between them."""
    at_ends = ends.stations.kept(ends.stations.draws[:, 0] < ZEBRA_SHARE["junction"])
    places = Stations(
        at_ends.street, at_ends.at - at_ends.along * 3.2, at_ends.along, at_ends.draws
    )
    between = roadside.stations("zebras", 95.0, 1, MAIN)
    between = between.kept(
        (between.draws[:, 0] < ZEBRA_SHARE["street"])
        & roadside.is_clear(between, 14.0)
        & roadside.is_built(between)
    )
    street, at, along = (
        np.concatenate([getattr(places, name), getattr(between, name)])
        for name in ("street", "at", "along")
    )
    on_road = ground.lies_on(at, ROADWAY)
    street, at, along = street[on_road], at[on_road], along[on_road]
    width = roadside.carriageway[street]
    kept_free = put(BOX, at, along, np.stack([np.full(len(width), 6.5), width + 4.5], axis=1))
    stripes = []
    for number in range(8):
        aside = number + 0.5 - width / 2
        areas = put(BOX, at + left_of(along) * aside[:, None], along, (ZEBRA_M, 0.5))
        stripes.append(Layer(only(aside < width / 2 - 0.3, areas), PAINT))
    return [Batch("zebra", kept_free, tuple(stripes))]


def _bus_bays(roadside: Roadside, ground: Ground) -> list[Batch]:
    """Return bus stops: a zigzag line along the kerb."""
    at = bus_stops(roadside, ground)
    count, steps = len(at.at), 13
    along_m = np.tile(np.linspace(-7.5, 7.5, steps), count)
    across_m = np.tile(np.where(np.arange(steps) % 2, 0.85, -0.85), count)
    way = np.repeat(at.along, steps, axis=0)
    nodes = np.repeat(at.at, steps, axis=0) + way * along_m[:, None]
    nodes = nodes + left_of(way) * across_m[:, None]
    group = np.repeat(np.arange(count), steps)
    zigzag = ribbons(nodes, np.tile((0.0, LINE_M / 1.6), (len(nodes), 1)), group)
    bay = put(BOX, at.at, at.along, (16.0, 1.9))
    slabs = Layer(bay, "asphalt_worn", 0.0, (1.04, 1.03, 1.0, 1.0))
    return [Batch("bus_bay", bay, (slabs, Layer(zigzag, PAINT, 0.0, (1.0, 0.98, 0.9, 1.0))))]


def _patches(roadside: Roadside, ground: Ground) -> list[Batch]:
    """Return patches and filled trenches of newer, darker or older, lighter asphalt."""
    made = []
    for kind, step, length, width in (
        ("patch", 30.0, (1.0, 7.0), (0.8, 2.6)),
        ("trench", 45.0, (9.0, 16.0), (0.7, 1.3)),
    ):
        at = roadside.stations(kind, step, 6, PAVED)
        at = at.kept(at.draws[:, 0] < PATCH_SHARE[kind])
        room = roadside.carriageway[at.street] / 2 - 1.4
        at = _on_road(ground, at.beside((at.draws[:, 1] * 2 - 1) * room))
        u = at.draws
        size = np.stack(
            [
                length[0] + (length[1] - length[0]) * u[:, 2],
                width[0] + (width[1] - width[0]) * u[:, 3],
            ],
            1,
        )
        areas = put(BOX, at.at, at.along, size)
        tint = np.where(u[:, 4:5] < 0.7, 0.72 + 0.16 * u[:, 5:6], 1.12 + 0.2 * u[:, 5:6])
        tint = np.repeat(tint, 4, axis=1)
        made.append(Batch("patch", areas, (Layer(areas, "asphalt", 0.0, tint),), is_solid=False))
    return made


def _covers(roadside: Roadside, ground: Ground) -> list[Batch]:
    """Return manholes in the lanes and gullies at the kerbs."""
    made = []
    for kind, step, share, shape in (
        ("manhole", 31.0, 0.4, disc(10) * 0.75),
        ("gully", 27.0, 0.92, BOX * 0.5),
    ):
        at = roadside.stations(kind, step, 2, PAVED | {"access"})
        side = np.where(at.draws[:, 0] < 0.5, -1, 1)
        aside = (
            roadside.carriageway[at.street]
            / 2
            * share
            * (0.6 + 0.4 * at.draws[:, 1] if kind == "manhole" else 1)
        )
        at = _on_road(ground, at.beside(side * aside), ("carriageway", "parking", "setts"))
        areas = put(shape, at.at, at.along)
        layers: tuple[Layer, ...] = (Layer(areas, "slate", 0.0, (0.72, 0.68, 0.62, 0.7)),)
        if kind == "manhole":
            layers += (
                Layer(put(shape * 0.6, at.at, at.along), "asphalt_worn", 0.0, 0.85 * np.ones(4)),
            )
        made.append(Batch(kind, areas, layers, is_solid=False))
    return made
