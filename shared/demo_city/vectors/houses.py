"""Place buildings on parcels: houses, rows, perimeter blocks, slabs, halls, farms, garages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame, dot, split_by_line
from shared.demo_city.vectors.overlay import common, polygons
from shared.demo_city.vectors.parcels import PLOTS, Parcel
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.public_places import site_buildings

LEAST_HOUSE_M2: Final = 35.0
BORDER_M: Final = 2.6
"""Distance of a free-standing house from the border of its plot: 3 m less half a metre of eaves."""
SHRINK: Final = 0.9
SHRINKINGS: Final = 6
TRIES: Final = 8
EMPTY_SHARE: Final = 0.035
WING_SHARE: Final = {"detached": 0.2, "villa": 0.3, "farm": 0.25}
"""Share of houses with a wing towards the garden, so that their roof is a compound one."""
GARAGE_SHARE: Final = {
    "detached": 0.8, "semi": 0.7, "row": 0.2, "villa": 0.55, "farm": 0.5, "block": 0.2, "slab": 0.5,
}  # fmt: skip
SHED_SHARE: Final = {
    "detached": 0.55, "semi": 0.55, "row": 0.6, "villa": 0.35, "farm": 0.4, "block": 0.25,
}  # fmt: skip
GARAGE_ROWS: Final = {"slab": (4, 9), "block": (2, 5)}
"""Houses of many flats have their garages in rows: lowest and highest number."""


@dataclass(frozen=True, slots=True)
class Size:
    """Usual size of a kind of building, each as lowest and highest.

    Args:
        length_m: Along the street.
        depth_m: Away from the street.
        setback_m: From the street.
        floors: Number of full floors.
    """

    length_m: tuple[float, float]
    depth_m: tuple[float, float]
    setback_m: tuple[float, float]
    floors: tuple[int, int]


SIZES: Final[dict[str, Size]] = {
    "detached": Size((9.0, 15.5), (8.0, 12.0), (3.5, 7.0), (1, 2)),
    "semi": Size((14.0, 18.0), (9.0, 12.0), (3.5, 6.0), (2, 2)),
    "row": Size((5.5, 8.5), (9.5, 12.5), (3.0, 5.5), (2, 3)),
    "villa": Size((12.0, 17.0), (11.0, 14.5), (4.0, 8.0), (2, 3)),
    "block": Size((9.0, 26.0), (10.5, 13.0), (0.0, 0.4), (3, 5)),
    "slab": Size((28.0, 56.0), (11.0, 13.5), (6.0, 12.0), (3, 6)),
    "tower": Size((19.0, 25.0), (18.0, 23.0), (8.0, 14.0), (8, 13)),
    "hall": Size((30.0, 95.0), (25.0, 60.0), (8.0, 16.0), (1, 2)),
    "office": Size((24.0, 42.0), (13.0, 17.0), (6.0, 12.0), (3, 5)),
    "farm": Size((13.0, 19.0), (9.5, 12.5), (4.0, 9.0), (2, 2)),
}


def place_buildings(plan: TownPlan, parcels: tuple[Parcel, ...]) -> tuple[Building, ...]:
    """Place the buildings of a town.

    Args:
        plan: The plan of the town.
        parcels: Its parcels.

    Returns:
        Buildings; each stands on one parcel, none on another building.
    """
    made: list[Building] = []
    for band, group in _by_block(plan, parcels):
        for index in group:
            made += _on_parcel(plan, index, parcels[index], band)
    return tuple(sorted(made, key=lambda building: building.parcel))


@dataclass(frozen=True, slots=True)
class _Band:
    """What the houses of a block share: their line, depth and number of floors."""

    land: BaseGeometry
    setback_m: float
    depth_m: float
    floors: int


@dataclass(frozen=True, slots=True)
class _Plot:
    index: int
    parcel: Parcel
    front: Frame
    rng: np.random.Generator
    band: _Band


def _by_block(plan: TownPlan, parcels: tuple[Parcel, ...]) -> Iterator[tuple[_Band, list[int]]]:
    groups: dict[int, list[int]] = {}
    for index, parcel in enumerate(parcels):
        groups.setdefault(parcel.block, []).append(index)
    for group in groups.values():
        first = parcels[group[0]]
        rng = stream(plan.seed, "bands", *place_ids(*first.area.centroid.coords[0]))
        kind = first.use if first.use in {"row", "block"} else "row"
        size = SIZES[kind]
        depth = float(rng.uniform(*size.depth_m))
        floors = int(rng.integers(size.floors[0], size.floors[1] + 1))
        setback = float(rng.uniform(*size.setback_m))
        land: BaseGeometry = Polygon()
        if any(parcels[index].use == "block" for index in group):
            sides = shapely.line_merge(
                shapely.union_all([parcels[index].street_side for index in group])
            )
            land = sides.simplify(0.3).buffer(depth, cap_style="flat", join_style="mitre")
        yield _Band(land, setback, depth, floors), group


def _on_parcel(plan: TownPlan, index: int, parcel: Parcel, band: _Band) -> list[Building]:
    if parcel.site >= 0:
        return site_buildings(plan.sites[parcel.site], index, parcel)
    front = parcel.front
    rng = stream(plan.seed, "buildings", *place_ids(*parcel.area.centroid.coords[0]))
    if front is None or parcel.use not in PLOTS or rng.random() < EMPTY_SHARE:
        return []
    site = _Plot(index, parcel, front, rng, band)
    kind = parcel.use
    main = _main_buildings(site, kind)
    if not main and kind not in {"row", "hall", "block"}:
        kind = "detached"
        main = _main_buildings(site, kind)
    return main + _side_buildings(site, kind, main) if main else []


def _main_buildings(site: _Plot, kind: str) -> list[Building]:
    if kind == "block":
        return _perimeter(site)
    if kind == "row":
        return _in_row(site)
    if kind == "terrace":
        return _terrace(site)
    size = SIZES[kind]
    floors = int(site.rng.integers(size.floors[0], size.floors[1] + 1))
    length = site.rng.uniform(*size.length_m)
    depth = site.rng.uniform(*size.depth_m)
    if kind == "hall":
        length = min(size.length_m[1], site.front.length_m * 0.75)
        depth = min(size.depth_m[1], site.front.width_m * site.rng.uniform(0.45, 0.65))
    setback = site.rng.uniform(*size.setback_m)
    frame = _fitted(site, length, depth, setback, floors)
    if frame is None:
        return []
    if kind == "semi":
        return _units(site, frame, 2, floors, "semi")
    gable_to_street = kind in {"detached", "farm"} and site.rng.random() < 0.35
    ridge = frame.turned() if gable_to_street else frame
    walls = _with_wing(site, kind, frame, ridge)
    main = [Building(site.index, kind, walls, ridge, floors, True)]  # type: ignore[arg-type]
    return main + (_barns(site, walls) if kind == "farm" else [])


def _with_wing(site: _Plot, kind: str, frame: Frame, ridge: Frame) -> Polygon:
    """Return the walls of a house, some with a wing towards the garden."""
    walls = frame.box(0, 0, frame.length_m, frame.width_m)
    draw, share, out, side = site.rng.random(4)
    if draw >= WING_SHARE.get(kind, 0.0) or frame.length_m < 9 or ridge is not frame:
        return walls
    width = frame.length_m * (0.4 + 0.15 * share)
    start = 0.0 if side < 0.5 else frame.length_m - width
    whole = shapely.union(walls, frame.box(start, 0, width, frame.width_m + 2.5 + 3.5 * out))
    room = site.parcel.area.buffer(-2.0, join_style="mitre")
    return whole if isinstance(whole, Polygon) and room.contains(whole) else walls


def _units(site: _Plot, frame: Frame, count: int, floors: int, kind: str) -> list[Building]:
    """Divide a body into houses side by side under one line of eaves."""
    width = frame.length_m / count
    return [
        Building(
            site.index, kind, frame.box(width * n, 0, width, frame.width_m), frame, floors, True  # type: ignore[arg-type]
        )
        for n in range(count)
    ]  # fmt: skip


def _terrace(site: _Plot) -> list[Building]:
    """Build rows of houses on one plot, one behind the other."""
    size = SIZES["row"]
    made: list[Building] = []
    width, depth = site.rng.uniform(*size.length_m), site.rng.uniform(*size.depth_m)
    floors = site.band.floors
    back = 6.0
    while back + depth + 8 < site.front.width_m and len(made) < 16:
        count = int(min(8, (site.front.length_m - 7) // width))
        if count < 2:
            break
        frame = _fitted(site, count * width, depth, back, 2, may_shrink=False)
        if frame is None:
            break
        made += _units(site, frame, count, floors, "row")
        back = float(dot(frame.origin - site.front.origin, site.front.across)) + depth + 20
    return made


def _fitted(
    site: _Plot, length: float, depth: float, setback: float, floors: int, *,
    may_shrink: bool = True,
) -> Frame | None:  # fmt: skip
    """Return a rectangle behind the front that keeps its distance from the borders of the plot."""
    border = BORDER_M + max(0, floors - 2) * 0.4
    room = site.parcel.area.buffer(-border, join_style="mitre")
    shapely.prepare(room)
    front, first = site.front, site.rng.uniform(0.35, 0.65)
    for _ in range(SHRINKINGS if may_shrink else 1):
        places = np.array(
            [
                ((front.length_m - length) * shift, back)
                for shift in (first, 0.5, 0.15, 0.85)
                for back in (setback, setback + 4, setback + 9, setback + 15)
            ]
        )
        fitting = np.flatnonzero(shapely.contains(room, front.boxes(places, length, depth)))
        if len(fitting):
            origin = front.at(*places[fitting[0]])
            return Frame(origin, front.along, front.across, length, depth)
        length, depth, setback = length * SHRINK, max(depth * SHRINK, 6.5), setback * SHRINK
    return None


def _in_row(site: _Plot) -> list[Building]:
    """Build from border to border of the plot; on corners away from the other street."""
    front, setback, depth = site.front, site.band.setback_m, site.band.depth_m
    strip: BaseGeometry = front.box(-60, setback, front.length_m + 120, depth)
    line = shapely.LineString([front.at(-60, 0), front.at(front.length_m + 60, 0)])
    others = site.parcel.street_side.difference(line.buffer(1.0))
    # A line that runs back on itself within rounding has no mitred border.
    others = shapely.set_precision(others, 1e-6)
    if not others.is_empty:
        strip = strip.difference(others.buffer(min(3.0, 0.25 * front.length_m), join_style="mitre"))
    walls = _largest_part(site.parcel.area, strip)
    if walls is None or walls.area > 0.7 * site.parcel.area.area:
        return []
    ridge = Frame.aligned(shapely.get_coordinates(walls), front.along)
    bodies = [walls]
    if ridge.length_m > 2 * SIZES["row"].length_m[1]:
        bodies = split_by_line(walls, ridge.cut_across(ridge.length_m / 2))
    return [
        Building(site.index, "row", body, ridge, site.band.floors, True)
        for body in bodies
        if body.area > LEAST_HOUSE_M2
    ]


def _perimeter(site: _Plot) -> list[Building]:
    """Build along all streets of the plot, as deep as the neighbours."""
    walls = _largest_part(site.parcel.area, site.band.land)
    if walls is None:
        return []
    ridge = Frame.aligned(shapely.get_coordinates(walls), site.front.along)
    return [Building(site.index, "block", walls, ridge, site.band.floors, True)]


def _largest_part(plot: Polygon, band: BaseGeometry) -> Polygon | None:
    parts = [part for part in polygons(common(plot, band)) if part.area > LEAST_HOUSE_M2]
    return max(parts, key=lambda part: part.area) if parts else None


def _barns(site: _Plot, house: Polygon) -> list[Building]:
    made: list[Building] = []
    for _ in range(int(site.rng.integers(1, 3))):
        length, depth = site.rng.uniform(16, 30), site.rng.uniform(10, 16)
        frame = _free_place(site, length, depth, [house, *(b.walls for b in made)], (16.0, 60.0))
        if frame is not None:
            walls = frame.box(0, 0, frame.length_m, frame.width_m)
            made.append(Building(site.index, "barn", walls, frame, 1, False))
    return made


def _side_buildings(site: _Plot, kind: str, main: list[Building]) -> list[Building]:
    made: list[Building] = []
    taken = [building.walls for building in main]
    for name, share, length, depth, back in (
        ("garage", GARAGE_SHARE.get(kind, 0.0), (5.8, 7.2), (3.0, 6.2), (1.0, 14.0)),
        ("shed", SHED_SHARE.get(kind, 0.0), (2.4, 4.6), (2.0, 3.4), (16.0, 45.0)),
    ):
        if site.rng.random() >= share:
            continue
        across, along = site.rng.uniform(*length), site.rng.uniform(*depth)
        count = 1
        if name == "garage" and kind in GARAGE_ROWS:
            count, along, back = int(site.rng.integers(*GARAGE_ROWS[kind])), 2.95, (14.0, 40.0)
        frame = _free_place(site, along * count, across, taken, back)
        if frame is not None:
            made += [
                Building(site.index, name, frame.box(along * n, 0, along, across), frame, 1, False)  # type: ignore[arg-type]
                for n in range(count)
            ]
            taken.append(frame.box(0, 0, frame.length_m, frame.width_m))
    return made


def _free_place(
    site: _Plot, length: float, depth: float, taken: list[Polygon], back_m: tuple[float, float]
) -> Frame | None:
    """Return a rectangle on the plot that touches nothing; near a border where there is room."""
    room = site.parcel.area.buffer(-0.3, join_style="mitre")
    others = shapely.union_all(taken).buffer(0.5, join_style="mitre")
    shapely.prepare(room)
    draws = site.rng.random((TRIES, 3))
    side = np.where(draws[:, 0] < 0.67, np.floor(draws[:, 0] * 3), draws[:, 1])
    start = 0.4 + side * max(0.0, site.front.length_m - length - 0.8)
    back = back_m[0] + draws[:, 2] * (back_m[1] - back_m[0])
    places = np.stack([start, back], axis=1)
    boxes = site.front.boxes(places, length, depth)
    free = np.flatnonzero(shapely.contains(room, boxes) & ~shapely.intersects(others, boxes))
    if not len(free):
        return None
    origin = site.front.at(*places[free[0]])
    return Frame(origin, site.front.along, site.front.across, length, depth)
