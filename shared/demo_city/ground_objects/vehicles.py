"""Vehicles: along kerbs, in yards and on drives, and those that drive."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Areas,
    Batch,
    Layer,
    Places,
    picked,
    put,
)
from shared.demo_city.ground_objects.roadside import Roadside, Stations
from shared.demo_city.ground_objects.yards import Bays, Ground, drive_bays

PAINT: Final = "sheet_grey"
GLASS: Final = "thermal"
PAINTS: Final[tuple[tuple[str, float, tuple[float, float, float, float]], ...]] = (
    ("silver", 0.16, (1.16, 1.14, 1.13, 1.2)),
    ("grey", 0.15, (0.62, 0.62, 0.65, 0.7)),
    ("black", 0.23, (0.27, 0.26, 0.28, 0.26)),
    ("white", 0.19, (1.48, 1.44, 1.4, 1.6)),
    ("blue", 0.07, (0.32, 0.42, 0.68, 0.6)),
    ("dark blue", 0.05, (0.22, 0.27, 0.46, 0.4)),
    ("red", 0.065, (0.98, 0.24, 0.2, 0.9)),
    ("dark red", 0.015, (0.55, 0.16, 0.18, 0.6)),
    ("brown", 0.02, (0.56, 0.42, 0.34, 0.7)),
    ("beige", 0.015, (1.22, 1.12, 0.9, 1.3)),
    ("green", 0.015, (0.3, 0.46, 0.36, 0.6)),
    ("orange", 0.01, (1.3, 0.62, 0.2, 1.3)),
    ("yellow", 0.01, (1.4, 1.16, 0.28, 1.4)),
)
"""Paints with their shares after the German stock of cars; gains on the bare sheet."""
SIZES_M: Final = {
    "car": ((3.7, 4.9), (1.68, 1.9), 1.5),
    "van": ((4.9, 6.4), (1.95, 2.08), 2.2),
    "truck": ((8.0, 13.5), (2.45, 2.55), 3.5),
    "bus": ((11.5, 12.2), (2.5, 2.55), 3.2),
}
"""Length, width (lowest and highest) and height [m]."""
CURVED: Final = np.array(
    [(-0.5, -0.4), (-0.47, -0.48), (-0.1, -0.5), (0.42, -0.47), (0.5, -0.33),
     (0.5, 0.33), (0.42, 0.47), (-0.1, 0.5), (-0.47, 0.48), (-0.5, 0.4)]
)  # fmt: skip
"""Outline of a car, its front at +0.5."""


def vehicles(at: Places, along: Places, kind: NDArray[np.str_], draws: Places) -> dict[str, Batch]:
    """Return vehicles with all their faces.

    Args:
        at: Their middles [m], n x 2.
        along: Unit vectors to their fronts, n x 2.
        kind: Keys of `SIZES_M`, n.
        draws: Uniform draws, n x 4: length, width, paint, build.

    Returns:
        One batch per kind, in the order of `SIZES_M`.
    """
    made = {}
    for name, (lengths, widths, height) in SIZES_M.items():
        which = kind == name
        u = draws[which]
        size = np.stack(
            [
                lengths[0] + (lengths[1] - lengths[0]) * u[:, 0],
                widths[0] + (widths[1] - widths[0]) * u[:, 1],
            ],
            axis=1,
        )
        build = {"car": _car, "van": _van, "truck": _truck, "bus": _bus}[name]
        made[name] = build(at[which], along[which], size, height, u[:, 2:])
    return made


def _tints(draws: NDArray[np.float64], light: float = 0.0) -> Places:
    """Return paints; `light` is the share that is white whatever was drawn."""
    table = np.array([tint for _, _, tint in PAINTS])
    which = picked(np.clip((draws - light) / (1 - light), 0, 1), [p[1] for p in PAINTS])
    chosen: Places = np.where((draws < light)[:, None], table[3], table[which])
    return chosen


def _moved(at: Places, along: Places, by: NDArray[np.float64]) -> Places:
    moved: Places = at + along * by[:, None]
    return moved


def _car(at: Places, along: Places, size: Places, height: float, u: Places) -> Batch:
    outline = put(CURVED, at, along, size)
    tint = _tints(u[:, 0])
    estate = u[:, 1] < 0.55
    rear = np.where(estate, -0.46, -0.34)
    front = np.where(estate, 0.2, 0.17)
    cabin = _box(at, along, size, rear, front, 0.86)
    roof = _box(at, along, size, rear + np.where(estate, 0.07, 0.12), front - 0.13, 0.74)
    roof_tint = np.where((u[:, 1] > 0.93)[:, None], 0.25, tint)
    layers = (
        Layer(outline, PAINT, 0.95, tint),
        Layer(cabin, GLASS, height - 0.25, (0.72, 0.76, 0.8, 0.8)),
        Layer(roof, PAINT, height, roof_tint * 1.04),
    )
    return Batch("car", outline, layers)


def _box(
    at: Places, along: Places, size: Places, rear: NDArray[np.float64],
    front: NDArray[np.float64], wide: float,
) -> Areas:  # fmt: skip
    """Return boxes from a share of the length to another one."""
    middle = _moved(at, along, (rear + front) / 2 * size[:, 0])
    return put(BOX, middle, along, np.stack([(front - rear) * size[:, 0], wide * size[:, 1]], 1))


def _flat(count: int, value: float) -> NDArray[np.float64]:
    return np.full(count, value)


def _van(at: Places, along: Places, size: Places, height: float, u: Places) -> Batch:
    outline = put(CURVED * (1.0, 0.98), at, along, size)
    tint, count = _tints(u[:, 0], 0.5), len(at)
    box = _box(at, along, size, _flat(count, -0.49), _flat(count, 0.24), 0.98)
    glass = _box(at, along, size, _flat(count, 0.24), _flat(count, 0.36), 0.88)
    layers = (
        Layer(outline, PAINT, 1.2, tint),
        Layer(glass, GLASS, height - 0.5, (0.72, 0.76, 0.8, 0.8)),
        Layer(box, PAINT, height, tint * 1.02),
    )
    return Batch("van", outline, layers)


def _truck(at: Places, along: Places, size: Places, height: float, u: Places) -> Batch:
    outline, count = put(BOX, at, along, size), len(at)
    share = 2.3 / size[:, 0]
    cab = _box(at, along, size, 0.5 - share, _flat(count, 0.5), 0.98)
    glass = _box(at, along, size, 0.5 - share * 0.2, 0.5 - share * 0.03, 0.86)
    load = _box(at, along, size, _flat(count, -0.5), 0.5 - share * 1.22, 1.0)
    layers = (
        Layer(outline, PAINT, 1.1, (0.3, 0.3, 0.31, 0.3)),
        Layer(cab, PAINT, height - 0.5, _tints(u[:, 0], 0.35)),
        Layer(glass, GLASS, height - 0.8, (0.8, 0.85, 0.9, 0.8)),
        Layer(load, PAINT, height, _tints(u[:, 1], 0.55)),
    )
    return Batch("truck", outline, layers)


def _bus(at: Places, along: Places, size: Places, height: float, u: Places) -> Batch:
    outline, count = put(BOX * (1.0, 0.98), at, along, size), len(at)
    glass = _box(at, along, size, _flat(count, 0.455), _flat(count, 0.49), 0.9)
    cooler = _box(at, along, size, _flat(count, -0.1), _flat(count, 0.12), 0.66)
    rear = _box(at, along, size, _flat(count, -0.47), _flat(count, -0.33), 0.7)
    hatches = _box(at, along, size, _flat(count, 0.25), _flat(count, 0.31), 0.4)
    tint = np.where((u[:, :1] < 0.6), (1.45, 1.42, 1.38, 1.5), (1.2, 0.3, 0.26, 1.1))
    grey = (1.1, 1.1, 1.12, 1.1)
    layers = (
        Layer(outline, PAINT, height - 0.2, tint),
        Layer(glass, GLASS, height - 0.5, (0.8, 0.85, 0.9, 0.8)),
        *(Layer(one, PAINT, height, grey) for one in (cooler, rear, hatches)),
    )
    return Batch("bus", outline, layers)


SLOT_M: Final = 6.2
KERB_KINDS: Final = frozenset({"primary", "secondary", "residential", "access"})
TAKEN: Final = {
    "primary": (0.3, 0.9),
    "secondary": (0.3, 0.95),
    "residential": (0.35, 1.0),
    "access": (0.4, 0.9),
}
"""Lowest and highest share of taken places along one kerb."""
PER_LANE_SLOT: Final = {"primary": 0.12, "secondary": 0.07, "residential": 0.02}
LANE_SLOT_M: Final = 14.0
BUS_WAITS: Final = 0.4
YARD_TAKEN: Final = 0.45
DRIVE_TAKEN: Final = 0.42
LANES: Final = ("setts", "paving", "carriageway")


def park_vehicles(roadside: Roadside, ground: Ground, bays: Bays) -> list[Batch]:
    """Return the vehicles of a town, those with the right of way first.

    Args:
        roadside: The streets.
        ground: The surfaces.
        bays: Bays in yards.
    """
    places = [
        _at_kerbs(roadside, ground),
        _in_lanes(roadside),
        _in_bays(bays, ground, YARD_TAKEN),
        _in_bays(drive_bays(ground), ground, DRIVE_TAKEN),
    ]
    at, along, kind, draws, parcel = (np.concatenate(one) for one in zip(*places, strict=True))
    made = vehicles(at, along, kind, draws)
    placed = [replace(batch, parcel=parcel[kind == name]) for name, batch in made.items()]
    return [*placed, _waiting_buses(roadside, ground)]


Standing = tuple[Places, Places, NDArray[np.str_], Places, NDArray[np.int64]]


def _standing(stations: Stations, kind: NDArray[np.str_]) -> Standing:
    parcel = np.full(len(stations.at), -1, np.int64)
    return stations.at, stations.along, kind, stations.draws[:, :4], parcel


def _at_kerbs(roadside: Roadside, ground: Ground) -> Standing:
    """Return vehicles in the bays along both kerbs, on narrow streets along one."""
    sides = []
    for side in (-1, 1):
        slots = roadside.stations(f"kerb {side}", SLOT_M, 8, KERB_KINDS)
        low, high = np.array([TAKEN[kind] for kind in roadside.kind[slots.street]]).reshape(-1, 2).T
        crowd = roadside.moods("kerbs")[slots.street, side]
        is_taken = slots.draws[:, 4] < low + (high - low) * crowd
        narrow = roadside.kind[slots.street] == "access"
        is_taken &= ~narrow | (side > 0)
        slots = slots.kept(is_taken & roadside.is_clear(slots, 4.0) & roadside.is_built(slots))
        kerb = (roadside.carriageway / 2 + roadside.parking)[slots.street]
        aside = kerb - 1.05 + 0.14 * slots.draws[:, 5]
        bay = roadside.parking[slots.street] > 0
        edge = slots.beside(side * (kerb - np.where(bay, 0.3, 0.9)))
        may = ground.lies_on(edge.at, ("parking",)) | (~bay & ground.lies_on(edge.at, LANES))
        moved = slots.beside(side * aside).kept(may)
        sides.append(moved.turned() if side > 0 else moved)
    both = [
        np.concatenate(part)
        for part in zip(*((s.street, s.at, s.along, s.draws) for s in sides), strict=True)
    ]
    parked = Stations(*both)
    at = parked.at + parked.along * (0.5 * (parked.draws[:, 5:6] - 0.5))
    parked = Stations(parked.street, at, parked.along, parked.draws)
    is_van = parked.draws[:, 6] < 0.1
    big = (parked.draws[:, 6] > 0.985) & (roadside.kind[parked.street] == "secondary")
    return _standing(parked, np.where(big, "truck", np.where(is_van, "van", "car")))


def _in_lanes(roadside: Roadside) -> Standing:
    """Return vehicles that drive, on the right."""
    slots = roadside.stations("lanes", LANE_SLOT_M, 8, frozenset(PER_LANE_SLOT))
    share = np.array([PER_LANE_SLOT[kind] for kind in roadside.kind[slots.street]])
    slots = slots.kept(slots.draws[:, 4] < share)
    back = slots.draws[:, 5] < 0.5
    along = np.where(back[:, None], -slots.along, slots.along)
    slots = Stations(slots.street, slots.at, along, slots.draws)
    slots = slots.beside(-roadside.carriageway[slots.street] / 4)
    main = roadside.kind[slots.street] != "residential"
    u = slots.draws[:, 6]
    kind = np.where(
        main & (u < 0.09),
        "bus",
        np.where(main & (u < 0.22), "truck", np.where(u < 0.32, "van", "car")),
    )
    return _standing(slots, kind)


def bus_stops(roadside: Roadside, ground: Ground) -> Stations:
    """Return the bus stops, each seen along its lane; four draws each."""
    at = roadside.stations("bus bays", 330.0, 4, frozenset({"primary", "secondary"}))
    at = at.kept(roadside.is_built(at) & roadside.is_clear(at, 16.0))
    back = at.draws[:, 1] < 0.5
    way = Stations(at.street, at.at, np.where(back[:, None], -at.along, at.along), at.draws)
    aside = roadside.carriageway[at.street] / 2 + roadside.parking[at.street] / 2
    beside = way.beside(-aside)
    return beside.kept(ground.lies_on(beside.at, ("carriageway", "parking")))


def _waiting_buses(roadside: Roadside, ground: Ground) -> Batch:
    stops = bus_stops(roadside, ground)
    stops = stops.kept(stops.draws[:, 0] < BUS_WAITS)
    kind = np.full(len(stops.at), "bus")
    made = vehicles(stops.at, stops.along, kind, stops.draws)["bus"]
    # The bay keeps its place free for the bus.
    return replace(made, is_solid=False)


def _in_bays(bays: Bays, ground: Ground, taken: float) -> Standing:
    is_taken = bays.draws[:, 4] < taken
    at, along, draws = bays.at[is_taken], bays.along[is_taken], bays.draws[is_taken]
    along = np.where(draws[:, 5:6] < 0.3, -along, along)
    at = at + along * (0.3 * (draws[:, 6:7] - 0.5))
    kind = np.where(draws[:, 7] < 0.07, "van", "car")
    return at, along, kind, draws[:, :4], bays.parcel[is_taken]
