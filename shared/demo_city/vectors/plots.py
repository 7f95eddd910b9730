"""Ground of a plot: drives, terraces, gardens and yards between its buildings and its borders."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import shapely
from shapely import Polygon

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame, dot
from shared.demo_city.vectors.ground import HOUSES, Cover, Layers, Surface
from shared.demo_city.vectors.parcels import Parcel
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.public_places import LAYOUTS, site_patches

Shares = tuple[tuple[Cover, float], ...]
DRIVES: Final[Shares] = (
    ("paving", 0.6), ("slabs", 0.1), ("asphalt_yard", 0.1), ("gravel_yard", 0.1),
    ("grass_pavers", 0.1),
)  # fmt: skip
FRONTS: Final[Shares] = (("lawn", 0.5), ("bed", 0.22), ("gravel_garden", 0.14), ("paving", 0.14))
TERRACES: Final[Shares] = (("slabs", 0.6), ("paving", 0.4))
COURTS: Final[Shares] = (
    ("paving", 0.32), ("lawn", 0.33), ("setts", 0.13), ("asphalt_yard", 0.17),
    ("open_paving", 0.05),
)  # fmt: skip
YARDS: Final[Shares] = (("asphalt_yard", 0.7), ("paving", 0.2), ("gravel_yard", 0.1))
EMPTY: Final[Shares] = (
    ("meadow", 0.4),
    ("lawn", 0.42),
    ("gravel_yard", 0.1),
    ("asphalt_yard", 0.08),
)
"""What drives, front gardens, terraces, courts, yards and empty plots are covered with."""
POOL_SHARE: Final = 0.045
BAY_M: Final = 5.0


@dataclass(frozen=True, slots=True)
class Garden:
    """What the open ground of a plot has; where it lies follows from the plot alone.

    Args:
        drive: Cover of the drive and the path to the door.
        front: Cover between house and street.
        yard: Cover of the court, yard or car park of what is no small house.
        rest: Cover of all else.
        terrace: Cover of the terrace; None where there is none.
        has_bay: Whether a car stands beside the house though there is no garage.
        has_pool: Whether there is a pool.
        beds: Number of flower beds, 0 to 4.
    """

    drive: Cover
    front: Cover
    yard: Cover
    rest: Cover
    terrace: Cover | None
    has_bay: bool
    has_pool: bool
    beds: int


def garden_of(plan: TownPlan, parcel: Parcel, buildings: Sequence[Building]) -> Garden:
    """Draw what the open ground of a plot has.

    Args:
        plan: The plan of the town.
        parcel: The plot.
        buildings: Buildings on it, the main ones first.
    """
    rng = stream(plan.seed, "gardens", *place_ids(*parcel.area.centroid.coords[0]))
    kind = buildings[0].kind if buildings else ""
    yards = YARDS if kind in {"hall", "office", "farm"} else COURTS
    if kind in {"slab", "tower"}:
        yards = (("asphalt_yard", 0.7), ("paving", 0.3))
    rest: Cover = "lawn" if rng.random() < 0.94 else "meadow"
    if not buildings:
        rest = _drawn(EMPTY, rng)
    return Garden(
        _drawn(DRIVES, rng),
        _drawn(FRONTS, rng),
        _drawn(yards, rng),
        rest,
        _drawn(TERRACES, rng) if rng.random() < 0.87 else None,
        bool(rng.random() < 0.6),
        bool(rng.random() < POOL_SHARE),
        int(rng.integers(0, 5)),
    )


def cover_plot(
    plan: TownPlan,
    index: int,
    parcel: Parcel,
    buildings: Sequence[Building],
    garden: Garden | None = None,
) -> list[Surface]:
    """Cover a plot.

    Args:
        plan: The plan of the town.
        index: Place of the parcel in the town.
        parcel: The plot.
        buildings: Buildings on it, the main ones first.
        garden: What its open ground has; None draws it with `garden_of`.

    Returns:
        Surfaces that together are exactly the plot.
    """
    layers = Layers(parcel.area, index)
    for building in buildings:
        layers.lay("building", building.walls)
    if parcel.site >= 0:
        site = plan.sites[parcel.site]
        for cover, area in site_patches(site):
            layers.lay(cover, area)
        return layers.lay_rest(LAYOUTS[site.use].rest)
    rng = stream(plan.seed, "ground", *place_ids(*parcel.area.centroid.coords[0]))
    if parcel.use == "playground":
        return _playground(layers, parcel.area, rng)
    open_ground = garden or garden_of(plan, parcel, buildings)
    if parcel.front is None or not any(building.is_main for building in buildings):
        return _empty_plot(layers, parcel.area, open_ground, rng)
    _lay_open_ground(layers, parcel, parcel.front, buildings, open_ground, rng)
    return layers.lay_rest(open_ground.rest)


def _lay_open_ground(
    layers: Layers, parcel: Parcel, front: Frame, buildings: Sequence[Building],
    garden: Garden, rng: np.random.Generator,
) -> None:  # fmt: skip
    main = [building for building in buildings if building.is_main]
    kind = main[0].kind
    if kind == "farm":
        _farmyard(layers, buildings, garden)
    if parcel.use == "terrace" and kind == "row":
        _terraces(layers, front, main, garden, rng)
    elif kind in HOUSES:
        _house_garden(layers, front, main, buildings, garden, rng)
    elif kind == "block":
        _court(layers, front, buildings, garden, rng)
    elif kind in {"hall", "office"}:
        _trade_yard(layers, parcel.area, front, main[0].walls, garden, rng)
    else:
        _garage_ways(layers, front, buildings)
        _estate_ground(layers, front, main, garden, rng)


def _drawn(choices: Shares, rng: np.random.Generator) -> Cover:
    edges = list(accumulate(share for _, share in choices))
    return choices[min(bisect_left(edges, rng.random()), len(choices) - 1)][0]


def _playground(layers: Layers, plot: Polygon, rng: np.random.Generator) -> list[Surface]:
    frame = Frame.around(plot)
    for x, y, length, width in ((0.2, 0.25, 9, 6), (0.6, 0.5, 6, 6), (0.35, 0.62, 5, 4)):
        start = frame.length_m * (x + rng.uniform(-0.05, 0.05))
        layers.lay_box("sand", frame, start, frame.width_m * y, length, width)
    layers.lay_box("gravel_yard", frame, -5, frame.width_m * 0.45, frame.length_m + 10, 1.6)
    return layers.lay_rest("lawn")


def _empty_plot(
    layers: Layers, plot: Polygon, garden: Garden, rng: np.random.Generator
) -> list[Surface]:
    frame = Frame.around(plot)
    for number in range(4):
        x, y, length, width = rng.random(4)
        if number < garden.beds:
            at = x * 0.8 * frame.length_m, y * 0.8 * frame.width_m
            layers.lay_box("bed", frame, *at, 2 + 5 * length, 1 + 3 * width)
    return layers.lay_rest(garden.rest)


def _farmyard(layers: Layers, buildings: Sequence[Building], garden: Garden) -> None:
    """Pave the yard between house and barns."""
    barns = [one.walls for one in buildings if one.kind in {"barn", "farm"}]
    if len(barns) > 1:
        yard = shapely.union_all(barns).convex_hull
        layers.lay(garden.yard, yard.buffer(2.0, join_style="mitre"))


def _house_garden(
    layers: Layers, front: Frame, main: Sequence[Building], buildings: Sequence[Building],
    garden: Garden, rng: np.random.Generator,
) -> None:  # fmt: skip
    near, far, low, high = _span(front, *(one.walls for one in main))
    door, width, start, out, pool_at, pool_out = rng.random(6)
    garages = [one.walls for one in buildings if one.kind == "garage"]
    for garage in garages:
        back, _, begin, end = _span(front, garage)
        layers.lay_box(garden.drive, front, begin, -1, end - begin, back + 1)
    if garden.has_bay and not garages:
        beside = low - 3.2 if low > 3.4 else high + 0.4
        layers.lay_box(garden.drive, front, beside, -1, 2.9, min(far, near + BAY_M) + 1)
    for one in main:
        _, _, begin, end = _span(front, one.walls)
        at = begin + 0.8 + door * max(0.1, end - begin - 3.0)
        layers.lay_box(garden.drive, front, at, -1, 1.4, near + 1)
        if garden.terrace is not None:
            wide = min(end - begin - 0.4, 3.2 + 4.5 * width)
            from_ = begin + start * max(0.1, end - begin - wide)
            layers.lay_box(garden.terrace, front, from_, far - 0.3, wide, 3.1 + 1.5 * out)
    layers.lay_box(garden.front, front, -50, -1, front.length_m + 100, near + 1)
    if garden.has_pool:
        pool = front.box(low + pool_at * (high - low), far + 5 + 3 * pool_out, 7.2, 3.6)
        layers.lay("pool", pool)
        layers.lay(garden.terrace or "slabs", pool.buffer(1.0, join_style="mitre"))
    for number in range(4):
        x, y, length, depth = rng.random(4)
        if number < garden.beds:
            at_m = x * front.length_m - 2, far + 4 + 16 * y
            layers.lay_box("bed", front, *at_m, 1.2 + 3.8 * length, 1 + 2 * depth)


def _terraces(
    layers: Layers, front: Frame, main: Sequence[Building], garden: Garden,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Lay a path before and a terrace behind each house of several rows, and a car park."""
    for one in main:
        near, far, low, high = _span(front, one.walls)
        layers.lay_box(garden.drive, front, low + 1.0, near - 4, 1.3, 4)
        layers.lay_box(garden.front, front, low, near - 3.4, high - low, 3.4)
        layers.lay_box(garden.terrace or "slabs", front, low + 0.6, far, high - low - 1.2, 3)
        layers.lay_box("paving", front, low, near - 5.4, high - low, 2.0)
    near, _, low, _ = _span(front, main[0].walls)
    layers.lay_box("paving", front, low - 2.2, -1, 2.0, front.width_m * rng.uniform(0.6, 0.9))


def _court(
    layers: Layers, front: Frame, buildings: Sequence[Building], garden: Garden,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    walls = [one.walls for one in buildings if one.is_main]
    share, gate = rng.uniform(4, 14), rng.random()
    _garage_ways(layers, front, buildings)
    if garden.yard != "lawn":
        layers.lay(garden.yard, shapely.union_all(walls).buffer(share))
    else:
        layers.lay("slabs", shapely.union_all(walls).buffer(2.5, join_style="mitre"))
    layers.lay_box("paving", front, gate * front.length_m, -1, 3.0, 60)


def _garage_ways(layers: Layers, front: Frame, buildings: Sequence[Building]) -> None:
    """Lay the yard before a row of garages and the way to it."""
    garages = [one.walls for one in buildings if one.kind == "garage"]
    if not garages:
        return
    near, far, low, high = _span(front, *garages)
    layers.lay_box("asphalt_yard", front, low - 0.5, near - 6, high - low + 1, far - near + 6)
    layers.lay_box("asphalt_yard", front, high - 3.2, -1, 3.2, near + 1)


def _trade_yard(
    layers: Layers, plot: Polygon, front: Frame, hall: Polygon, garden: Garden,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Lay gates, a row of bays along the street, an apron for trucks and a green border."""
    near, far, low, high = _span(front, hall)
    border, gate, apron = rng.uniform(1.5, 4.0), rng.uniform(0.05, 0.2), rng.uniform(12, 20)
    for share in (gate, 0.9 - gate):
        layers.lay_box("asphalt_yard", front, share * front.length_m, -1, 8.0, near + 1)
    if near > 9:
        layers.lay_box("parking", front, 0.2 * front.length_m, 3, 0.5 * front.length_m, BAY_M)
    layers.lay("lawn", plot.difference(plot.buffer(-border, join_style="mitre")))
    layers.lay_box("asphalt_yard", front, low - 4, far, high - low + 8, apron)
    layers.lay_box("bed", front, low, near - 2, 0.4 * (high - low), 2)
    layers.lay_box(garden.yard, front, -50, -1, front.length_m + 100, far + apron + 8)


def _estate_ground(
    layers: Layers, front: Frame, main: Sequence[Building], garden: Garden,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    near, far, low, high = _span(front, main[0].walls)
    deep, play, sand_x, sand_y = rng.random(4)
    layers.lay_box("paving", front, (low + high) / 2 - 1, -1, 2.0, near + 1)
    side = high + 4 if front.length_m - high > low else low - 4 - 17
    depth = 18 + 16 * deep
    layers.lay_box("parking", front, side, 2, BAY_M, depth - 2)
    layers.lay_box("parking", front, side + 12, 2, BAY_M, depth - 2)
    layers.lay_box(garden.yard, front, side + BAY_M, -1, 7, depth + 1)
    layers.lay("paving", main[0].walls.buffer(1.5, join_style="mitre"))
    layers.lay_box("slabs", front, (low + high) / 2 - 0.8, far, 1.6, 14)
    if play < 0.45:
        layers.lay_box("sand", front, low, far + 8, 6 + 4 * sand_x, 5 + 4 * sand_y)


def _span(front: Frame, *areas: Polygon) -> tuple[float, float, float, float]:
    """Return nearest and farthest distance from the street, lowest and highest along it [m]."""
    places = shapely.get_coordinates(areas) - front.origin
    across, along = dot(places, front.across), dot(places, front.along)
    return float(across.min()), float(across.max()), float(along.min()), float(along.max())
