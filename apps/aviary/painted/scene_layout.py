"""Lay out the invented neighbourhood of the sample image, in metres, x right, y down."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

WIDTH_M, HEIGHT_M = 160.0, 112.0
STREET_ROWS_M = (28.0, 86.0)
STREET_COLUMN_M = 113.0
STREET_WIDTH_M = 7.0
HOUSE_ROWS_M = (12.0, 45.0, 69.0, 101.0)
HOUSE_EVERY_M = 17.5
MODULE_WIDTH_M, MODULE_HEIGHT_M = 1.05, 1.72
SEPARATING_GAP_M = 0.5
SOLAR_SHARE = 0.55
BUILT_LATER = frozenset({4, 5, 18, 19, 32, 33})
"""Houses and their garages, by their number in the layout."""

Colour = tuple[float, float, float]
RoofKind = Literal["gable", "flat"]

TILE_COLOURS: tuple[Colour, ...] = (
    (0.56, 0.30, 0.23),
    (0.50, 0.26, 0.20),
    (0.42, 0.31, 0.27),
    (0.33, 0.31, 0.31),
    (0.29, 0.29, 0.31),
)
FLAT_COLOURS: tuple[Colour, ...] = ((0.55, 0.55, 0.53), (0.46, 0.46, 0.46), (0.63, 0.61, 0.57))
CAR_COLOURS: tuple[Colour, ...] = (
    (0.85, 0.85, 0.86),
    (0.20, 0.21, 0.23),
    (0.55, 0.56, 0.58),
    (0.50, 0.12, 0.12),
    (0.16, 0.24, 0.42),
)


@dataclass(frozen=True, slots=True)
class Array:
    """Solar modules in the roof's own axes: u along the ridge, v across, from the roof's centre.

    Args:
        class_key: "pv" or "solar_thermal".
        u0: Left edge [m].
        v0: Upper edge [m].
        columns: Modules along u.
        rows: Modules along v.
        module_u: Width of a module as seen from above [m].
        module_v: Height of a module as seen from above [m].
        row_gap_m: Free strip between rows; flat roofs need it against shading [m].
    """

    class_key: str
    u0: float
    v0: float
    columns: int
    rows: int
    module_u: float
    module_v: float
    row_gap_m: float = 0.0

    @property
    def pieces(self) -> list[tuple[float, float, float, float]]:
        """Left, upper, right, lower edge of each connected piece [m]; wide gaps separate rows."""
        u1 = self.u0 + self.columns * self.module_u
        pitch = self.module_v + self.row_gap_m
        if self.row_gap_m > SEPARATING_GAP_M:
            tops = [self.v0 + row * pitch for row in range(self.rows)]
            return [(self.u0, top, u1, top + self.module_v) for top in tops]
        return [(self.u0, self.v0, u1, self.v0 + self.rows * pitch - self.row_gap_m)]


@dataclass(frozen=True, slots=True)
class Building:
    """A roof with what stands on it.

    Args:
        x: Centre [m].
        y: Centre [m].
        angle_rad: Direction of the ridge against the x axis.
        length_m: Extent along the ridge.
        width_m: Extent across.
        height_m: Height of the eaves.
        pitch_rad: Slope of the planes, 0 for flat roofs.
        colour: Albedo of the covering.
        kind: Form of the roof.
        arrays: Solar arrays.
        windows: Roof windows or skylights as (u, v, length, width) [m].
        chimney: (u, v) of a chimney [m]; None without.
    """

    x: float
    y: float
    angle_rad: float
    length_m: float
    width_m: float
    height_m: float
    pitch_rad: float
    colour: Colour
    kind: RoofKind
    arrays: tuple[Array, ...] = ()
    windows: tuple[tuple[float, float, float, float], ...] = ()
    chimney: tuple[float, float] | None = None

    def to_ground(self, u: float, v: float) -> tuple[float, float]:
        """Return the place of a point given in the roof's own axes [m]."""
        cos, sin = math.cos(self.angle_rad), math.sin(self.angle_rad)
        return self.x + u * cos - v * sin, self.y + u * sin + v * cos


@dataclass(frozen=True, slots=True)
class Tree:
    """A crown seen from above."""

    x: float
    y: float
    radius_m: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Car:
    """A parked car."""

    x: float
    y: float
    angle_rad: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is painted."""

    buildings: tuple[Building, ...]
    trees: tuple[Tree, ...]
    cars: tuple[Car, ...]
    drives: tuple[tuple[float, float, float, float], ...]
    pools: tuple[tuple[float, float, float, float], ...]
    tarpaulins: tuple[tuple[float, float, float, float], ...]


def lay_out(rng: np.random.Generator) -> Layout:
    """Place houses, halls, trees and cars.

    Args:
        rng: Seeded generator; the same seed gives the same layout.
    """
    houses: list[Building] = []
    drives: list[tuple[float, float, float, float]] = []
    for row, y in enumerate(HOUSE_ROWS_M):
        street = STREET_ROWS_M[row // 2]
        for x in np.arange(11.0, STREET_COLUMN_M - 9, HOUSE_EVERY_M):
            house = _house(rng, float(x), y)
            houses.append(house)
            garage_x = house.x + house.length_m / 2 + 2.6
            garage_y = y + (1.5 if street > y else -1.5)
            houses.append(_garage(rng, garage_x, garage_y))
            low, high = sorted((garage_y, street))
            drives.append((garage_x - 1.6, low, garage_x + 1.6, high))
    halls = _halls(rng)
    return Layout(
        buildings=tuple(houses + halls),
        trees=_trees(rng, houses + halls),
        cars=_cars(rng),
        drives=tuple(drives),
        pools=_garden_things(rng, 2, (6.5, 3.2)),
        tarpaulins=_garden_things(rng, 3, (2.6, 1.9)),
    )


def without_arrays(layout: Layout) -> Layout:
    """Return the same layout with bare roofs."""
    bare = tuple(replace(building, arrays=()) for building in layout.buildings)
    return replace(layout, buildings=bare)


def before_building(layout: Layout) -> Layout:
    """Return the same layout some years earlier: a part of the houses is not built yet."""
    buildings = enumerate(layout.buildings)
    older = tuple(one for number, one in buildings if number not in BUILT_LATER)
    return replace(layout, buildings=older)


def _house(rng: np.random.Generator, x: float, y: float) -> Building:
    flat = rng.random() < 0.12
    length, width = rng.uniform(9.5, 12.5), rng.uniform(7.8, 9.6)
    turned = rng.random() < 0.25
    colours = FLAT_COLOURS if flat else TILE_COLOURS
    building = Building(
        x=x + rng.uniform(-1, 1),
        y=y + rng.uniform(-1.2, 1.2),
        angle_rad=rng.normal(0, 0.05) + (math.pi / 2 if turned else 0),
        length_m=length if not turned else min(length, 10.5),
        width_m=width,
        height_m=rng.uniform(3.8, 6.0),
        pitch_rad=0.0 if flat else math.radians(rng.uniform(30, 45)),
        colour=colours[rng.integers(len(colours))],
        kind="flat" if flat else "gable",
        chimney=None if flat else (rng.uniform(-2, 2), 0.0),
    )
    return _equip(rng, building)


def _equip(rng: np.random.Generator, house: Building) -> Building:
    """Put an array on the sunny side, or roof windows where there is none."""
    sunny = 1 if math.cos(house.angle_rad) >= 0 else -1
    arrays: list[Array] = []
    windows: list[tuple[float, float, float, float]] = []
    if rng.random() < SOLAR_SHARE:
        arrays.append(_array_on(rng, house, sunny))
    else:
        for u in rng.uniform(-house.length_m / 2 + 1.5, house.length_m / 2 - 1.5, 2):
            windows.append((float(u), sunny * house.width_m / 4, 0.8, 1.1))
    if house.kind == "gable" and rng.random() < 0.2:
        arrays.append(
            Array(
                "solar_thermal", -house.length_m / 2 + 1, -sunny * house.width_m / 3, 2, 1, 1.2, 1.6
            )
        )
    chimney = None if house.chimney is None else (house.chimney[0], -0.7 * sunny)
    return replace(house, arrays=tuple(arrays), windows=tuple(windows), chimney=chimney)


def _array_on(rng: np.random.Generator, house: Building, side: int) -> Array:
    shrink = math.cos(house.pitch_rad)
    module_v = MODULE_HEIGHT_M * shrink
    half = house.width_m / 2
    room_u, room_v = house.length_m - 1.4, half - 1.0
    gap = 0.7 if house.kind == "flat" else 0.0
    rows = max(1, int((room_v + gap) / (module_v + gap)))
    columns = max(3, int(rng.uniform(0.55, 1.0) * room_u / MODULE_WIDTH_M))
    length_v = rows * module_v + (rows - 1) * gap
    u0 = -house.length_m / 2 + 0.7 + rng.uniform(0, room_u - columns * MODULE_WIDTH_M)
    centre = side * half / 2
    return Array("pv", u0, centre - length_v / 2, columns, rows, MODULE_WIDTH_M, module_v, gap)


def _garage(rng: np.random.Generator, x: float, y: float) -> Building:
    dark = rng.random() < 0.5
    colour: Colour = (0.25, 0.25, 0.26) if dark else (0.50, 0.49, 0.47)
    return Building(x, y, 0.0, 3.2, 6.0, 2.6, 0.0, colour, "flat")


def _halls(rng: np.random.Generator) -> list[Building]:
    pitch = 1.15
    racks = Array("pv", -13.0, -6.6, 24, 5, MODULE_WIDTH_M, 1.5, pitch)
    hall = Building(
        138.0, 46.0, 0.03, 30.0, 19.0, 7.5, 0.0, (0.60, 0.60, 0.58), "flat",
        (racks,), ((14.0, 0.0, 1.0, 14.0),),
    )  # fmt: skip
    blue = Building(
        137.0, 70.0, 0.03, 26.0, 14.0, 6.5, math.radians(8), (0.27, 0.36, 0.52), "gable"
    )
    skylights = tuple((float(u), 0.0, 1.1, 6.5) for u in (-8.0, -4.0, 0.0, 4.0, 8.0))
    felt = Building(
        136.0, 12.0, -0.02, 26.0, 15.0, 6.0, 0.0, (0.22, 0.22, 0.23), "flat", (), skylights
    )
    school = _house(rng, 131.0, 100.0)
    return [hall, blue, felt, school]


def _trees(rng: np.random.Generator, buildings: list[Building]) -> tuple[Tree, ...]:
    trees: list[Tree] = []
    for _ in range(420):
        x, y = rng.uniform(0, WIDTH_M), rng.uniform(0, HEIGHT_M)
        radius = rng.uniform(0.9, 3.4)
        if _free(x, y, radius, buildings) and len(trees) < 75:
            trees.append(Tree(x, y, radius, radius * rng.uniform(1.6, 2.6)))
    return tuple(trees)


def _free(x: float, y: float, radius: float, buildings: list[Building]) -> bool:
    on_street = any(abs(y - row) < STREET_WIDTH_M / 2 + 1.5 + radius for row in STREET_ROWS_M)
    on_street = on_street or abs(x - STREET_COLUMN_M) < STREET_WIDTH_M / 2 + 1.5 + radius
    reach = (math.hypot(one.length_m, one.width_m) / 2 for one in buildings)
    near = any(
        math.hypot(x - one.x, y - one.y) < limit + radius * 0.6
        for one, limit in zip(buildings, reach, strict=True)
    )
    return not on_street and not near


def _cars(rng: np.random.Generator) -> tuple[Car, ...]:
    cars: list[Car] = []
    for row in STREET_ROWS_M:
        for x in np.arange(4.0, STREET_COLUMN_M - 6, 7.0):
            if rng.random() < 0.45:
                side = rng.choice([-1.0, 1.0]) * (STREET_WIDTH_M / 2 - 1.1)
                cars.append(_car(rng, float(x) + rng.uniform(-1, 1), row + side, 0.0))
    for x in np.arange(123.0, 155.0, 2.8):
        if rng.random() < 0.6:
            cars.append(_car(rng, float(x), 60.0, math.pi / 2))
    return tuple(cars)


def _car(rng: np.random.Generator, x: float, y: float, angle_rad: float) -> Car:
    colour = CAR_COLOURS[rng.integers(len(CAR_COLOURS))]
    return Car(x, y, angle_rad + rng.normal(0, 0.03), colour)


def _garden_things(
    rng: np.random.Generator, count: int, size: tuple[float, float]
) -> tuple[tuple[float, float, float, float], ...]:
    """Place look-alikes in the gardens between the two middle rows."""
    places = rng.choice(np.arange(8.0, 100.0, 9.0), count, replace=False)
    return tuple(
        (float(x), 57.0 + rng.uniform(-1.5, 1.5), size[0] * rng.uniform(0.8, 1.2), size[1])
        for x in places
    )
