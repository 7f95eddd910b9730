"""Place buildings on parcels: houses, rows, perimeter blocks, slabs, towers, halls, farms, garages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.frames import Frame
from shared.demo_city.parcels import Parcel
from shared.demo_city.plan import TownPlan
from shared.demo_city.randomness import place_ids, stream

Kind = Literal[
    "detached", "semi", "row", "villa", "block", "slab", "tower", "hall", "office", "farm",
    "barn", "garage", "shed",
]  # fmt: skip
LEAST_FRONT_M: Final = 5.0
BORDER_M: Final = 2.6
"""Distance of a free-standing house from the border of its plot: 3 m less half a metre of eaves."""
SHRINK: Final = 0.9
SHRINKINGS: Final = 6
EMPTY_SHARE: Final = 0.07
GARAGE_SHARE: Final = {"detached": 0.75, "semi": 0.6, "row": 0.25, "villa": 0.5, "farm": 0.5}
SHED_SHARE: Final = {
    "detached": 0.55,
    "semi": 0.5,
    "row": 0.5,
    "villa": 0.3,
    "farm": 0.3,
    "block": 0.15,
}


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
    "hall": Size((30.0, 70.0), (25.0, 48.0), (8.0, 16.0), (1, 2)),
    "office": Size((24.0, 42.0), (13.0, 17.0), (6.0, 12.0), (3, 5)),
    "farm": Size((13.0, 19.0), (9.5, 12.5), (4.0, 9.0), (2, 2)),
}


@dataclass(frozen=True, slots=True)
class Building:
    """A building as it stands on the ground.

    Args:
        parcel: Index of its parcel.
        kind: What it is.
        walls: Outline of its walls [m].
        ridge: Frame whose long axis the ridge follows.
        floors: Number of full floors.
        is_main: Whether people live or work in it.
    """

    parcel: int
    kind: Kind
    walls: Polygon
    ridge: Frame
    floors: int
    is_main: bool


def place_buildings(plan: TownPlan, parcels: tuple[Parcel, ...]) -> tuple[Building, ...]:
    """Place the buildings of a town.

    Args:
        plan: The plan of the town.
        parcels: Its parcels.

    Returns:
        Buildings; each stands on one parcel, none on another building.
    """
    kinds = {district.number: district.style.kinds for district in plan.districts}
    made: list[Building] = []
    for index, parcel in enumerate(parcels):
        front = front_of(parcel)
        if front is None:
            continue
        of_block = stream(plan.seed, "building kinds", parcel.block)
        rng = stream(plan.seed, "buildings", *place_ids(*parcel.area.centroid.coords[0]))
        kind = _kind(kinds[parcel.district], of_block, rng)
        if rng.random() < EMPTY_SHARE:
            continue
        site = _Site(index, parcel, front, rng, of_block)
        main = _main_buildings(site, kind)
        made += main
        if main:
            made += _side_buildings(site, kind, main)
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _Site:
    index: int
    parcel: Parcel
    front: Frame
    rng: np.random.Generator
    of_block: np.random.Generator


def front_of(parcel: Parcel) -> Frame | None:
    """Return the frame along the longest straight side on a street, the plot to its left."""
    pairs = [
        (np.array(start), np.array(end))
        for line in shapely.get_parts(shapely.line_merge(parcel.street_side))
        if isinstance(line, LineString)
        for start, end in zip(line.coords[:-1], line.coords[1:], strict=True)
    ]
    if not pairs:
        return None
    start, end = max(pairs, key=lambda pair: round(float(np.hypot(*(pair[1] - pair[0]))), 3))
    if np.hypot(*(end - start)) < LEAST_FRONT_M:
        return None
    depth = Frame.around(parcel.area).length_m
    front = Frame.along_line(start, end, depth)
    if parcel.area.contains(shapely.Point(front.at(front.length_m / 2, 0.5))):
        return front
    return Frame.along_line(end, start, depth)


def _kind(
    kinds: tuple[tuple[str, float], ...], of_block: np.random.Generator, rng: np.random.Generator
) -> str:
    names = [name for name, _ in kinds]
    weights = np.array([weight for _, weight in kinds])
    usual = str(of_block.choice(names, p=weights / weights.sum()))
    return str(rng.choice(names, p=weights / weights.sum())) if rng.random() < 0.12 else usual


def _main_buildings(site: _Site, kind: str) -> list[Building]:
    size = SIZES[kind]
    floors = int(site.rng.integers(size.floors[0], size.floors[1] + 1))
    if kind in {"row", "block"}:
        floors = int(site.of_block.integers(size.floors[0], size.floors[1] + 1))
        return _attached(site, kind, floors)
    length = site.rng.uniform(*size.length_m)
    depth = site.rng.uniform(*size.depth_m)
    if kind == "hall":
        length, depth = site.front.length_m * 0.8, site.front.width_m * site.rng.uniform(0.5, 0.7)
    setback = site.rng.uniform(*size.setback_m)
    frame = _fitted(site, length, depth, setback, floors)
    if frame is None:
        return []
    if kind == "semi":
        half = frame.length_m / 2
        return [
            Building(
                site.index, "semi", frame.box(half * n, 0, half, frame.width_m), frame, floors, True
            )
            for n in (0, 1)
        ]
    walls = frame.box(0, 0, frame.length_m, frame.width_m)
    gable_to_street = kind in {"detached", "farm"} and site.rng.random() < 0.35
    ridge = _turned(frame) if gable_to_street else frame
    main = [Building(site.index, kind, walls, ridge, floors, True)]  # type: ignore[arg-type]
    return main + (_barns(site, walls) if kind == "farm" else [])


def _turned(frame: Frame) -> Frame:
    return Frame(
        frame.at(frame.length_m, 0), frame.across, -frame.along, frame.width_m, frame.length_m
    )


def _fitted(site: _Site, length: float, depth: float, setback: float, floors: int) -> Frame | None:
    """Return a rectangle behind the front that keeps its distance from the borders of the plot."""
    border = BORDER_M + max(0, floors - 2) * 0.4
    room = site.parcel.area.buffer(-border, join_style="mitre")
    shift = site.rng.uniform(0.35, 0.65)
    for _ in range(SHRINKINGS):
        start = (site.front.length_m - length) * shift
        for back in (setback, setback + 4, setback + 9, setback + 15):
            if room.contains(site.front.box(start, back, length, depth)):
                origin = site.front.at(start, back)
                return Frame(origin, site.front.along, site.front.across, length, depth)
        length, depth, setback = length * SHRINK, max(depth * SHRINK, 6.5), setback * SHRINK
    return None


def _attached(site: _Site, kind: str, floors: int) -> list[Building]:
    """Build from border to border along the street; on corners along both streets."""
    size = SIZES[kind]
    setback = site.of_block.uniform(*size.setback_m)
    depth = site.of_block.uniform(*size.depth_m)
    front = site.front
    if kind == "row":
        band: BaseGeometry = front.box(-200, setback, front.length_m + 400, depth)
    else:
        band = site.parcel.street_side.buffer(depth, cap_style="flat", join_style="mitre")
        if setback:
            band = band.difference(site.parcel.street_side.buffer(setback, join_style="mitre"))
    parts = [
        part.simplify(0.15)
        for part in shapely.get_parts(site.parcel.area.intersection(band))
        if isinstance(part, Polygon) and part.area > 35
    ]
    if not parts:
        return []
    walls = max(parts, key=lambda part: part.area)
    if walls.area > 0.82 * site.parcel.area.area and kind == "row":
        return []
    ridge = Frame(front.at(0, setback), front.along, front.across, front.length_m, depth)
    return [Building(site.index, kind, walls, ridge, floors, True)]  # type: ignore[arg-type]


def _barns(site: _Site, house: Polygon) -> list[Building]:
    made: list[Building] = []
    for _ in range(int(site.rng.integers(1, 3))):
        length, depth = site.rng.uniform(16, 30), site.rng.uniform(10, 16)
        frame = _free_place(site, length, depth, [house, *(b.walls for b in made)], (16.0, 60.0))
        if frame is not None:
            walls = frame.box(0, 0, frame.length_m, frame.width_m)
            made.append(Building(site.index, "barn", walls, frame, 1, False))
    return made


def _side_buildings(site: _Site, kind: str, main: list[Building]) -> list[Building]:
    made: list[Building] = []
    taken = [building.walls for building in main]
    for name, share, length, depth, back in (
        ("garage", GARAGE_SHARE.get(kind, 0.0), (5.8, 7.2), (3.0, 6.2), (1.0, 14.0)),
        ("shed", SHED_SHARE.get(kind, 0.0), (2.4, 4.6), (2.0, 3.4), (16.0, 45.0)),
    ):
        if site.rng.random() >= share:
            continue
        across, along = site.rng.uniform(*length), site.rng.uniform(*depth)
        frame = _free_place(site, along, across, taken, back)
        if frame is not None:
            walls = frame.box(0, 0, frame.length_m, frame.width_m)
            made.append(Building(site.index, name, walls, frame, 1, False))  # type: ignore[arg-type]
            taken.append(walls)
    return made


def _free_place(
    site: _Site, length: float, depth: float, taken: list[Polygon], back_m: tuple[float, float]
) -> Frame | None:
    """Return a rectangle on the plot that touches nothing; near a border where there is room."""
    room = site.parcel.area.buffer(-0.3, join_style="mitre")
    others = shapely.union_all(taken).buffer(0.5, join_style="mitre")
    for _ in range(8):
        side = site.rng.choice([0.0, 1.0, site.rng.random()])
        start = 0.4 + side * max(0.0, site.front.length_m - length - 0.8)
        back = site.rng.uniform(*back_m)
        place = site.front.box(start, back, length, depth)
        if room.contains(place) and not others.intersects(place):
            origin = site.front.at(start, back)
            return Frame(origin, site.front.along, site.front.across, length, depth)
    return None
