"""House numbers along the streets, with the hard cases of real address lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.town import Town
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame, dot
from shared.demo_city.vectors.musterstadt import CENTRE

LETTER_SHARE: Final = 0.045
"""Share of houses that were built between two numbers and got a letter."""
HALF_SHARE: Final = 0.003
"""Share of houses whose number ends in a half, as in old towns."""
HARD_NUMBER: Final = 12
HARD_SUFFIXES: Final = ("a", "1/2")
"""The streets with the most even numbers certainly have 12a and 12 1/2."""
INSIDE_M: Final = 0.6
"""The point of an address lies this far behind the entrance."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a main building.

    Args:
        building: Place of the building in the list.
        street: Place of its street in the network.
        number: House number.
        suffix: Letter or "1/2" after the number; empty where there is none.
        entrance: Place just behind the entrance [m].
    """

    building: int
    street: int
    number: int
    suffix: str
    entrance: Point

    @property
    def house_number(self) -> str:
        """Number and suffix as they are written: 12, 12a, 12 1/2."""
        return f"{self.number}{' ' if self.suffix[:1].isdigit() else ''}{self.suffix}"


@dataclass(frozen=True, slots=True)
class _House:
    building: int
    street: int
    along_m: float
    is_left: bool
    entrance: Point


def number_houses(
    town: Town,
    buildings: Sequence[Building],
    fronts: Sequence[Frame | None],
    street_of_parcel: NDArray[np.int64],
) -> tuple[Address, ...]:
    """Give every main building its address.

    Args:
        town: Town with named streets; pieces of one street share their name.
        buildings: All buildings that ever stand, as they were built.
        fronts: Front of each parcel; None where it has none.
        street_of_parcel: Place in the network of the street of each parcel.

    Returns:
        One address per main building, in their order. Odd numbers are on the left, even ones on
        the right, ascending from the end of the street that is nearer to the centre.
    """
    by_name = _houses_by_street(town, buildings, fronts, street_of_parcel)
    hard = _hard_streets(by_name)
    made = [
        address
        for name in by_name
        for is_left in (True, False)
        for address in _numbered(
            [house for house in by_name[name] if house.is_left == is_left],
            town.plan.seed,
            1 if is_left else 2,
            buildings,
            hard.get(name, "") if not is_left else "",
        )
    ]
    return tuple(sorted(made, key=lambda address: address.building))


def _houses_by_street(
    town: Town,
    buildings: Sequence[Building],
    fronts: Sequence[Frame | None],
    street_of_parcel: NDArray[np.int64],
) -> dict[str, list[_House]]:
    by_name: dict[str, list[_House]] = {}
    runs: dict[str, list[LineString]] = {}
    for street in town.network.streets:
        runs.setdefault(street.name, []).append(street.line)
    lines = {name: _one_after_another(parts) for name, parts in runs.items()}
    for index, building in enumerate(buildings):
        if not building.is_main:
            continue
        place = int(street_of_parcel[building.parcel])
        name = town.network.streets[place].name
        front = fronts[building.parcel]
        by_name.setdefault(name, []).append(_house(index, building, place, lines[name], front))
    return by_name


def _one_after_another(parts: Sequence[LineString]) -> list[tuple[LineString, float]]:
    """Return the pieces of a street from the centre outward, with the length before each."""
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(list(parts))))
    turned = []
    for line in merged:
        first, last = (np.hypot(*(np.array(line.coords[at]) - CENTRE)) for at in (0, -1))
        turned.append(line if first <= last + 1e-6 else line.reverse())
    turned.sort(key=lambda line: round(float(np.hypot(*(np.array(line.coords[0]) - CENTRE))), 2))
    before = np.concatenate([[0.0], np.cumsum([line.length for line in turned])[:-1]])
    return list(zip(turned, before.tolist(), strict=True))


def _house(
    index: int,
    building: Building,
    street: int,
    line: Sequence[tuple[LineString, float]],
    front: Frame | None,
) -> _House:
    entrance = _entrance(building, front, line)
    piece, before = min(line, key=lambda one: round(one[0].distance(entrance), 3))
    along = piece.project(entrance)
    near = np.array(piece.interpolate(max(0.0, along - 0.5)).coords[0])
    beyond = np.array(piece.interpolate(min(piece.length, along + 0.5)).coords[0])
    (east, north), away = beyond - near, np.array(entrance.coords[0]) - near
    return _House(
        index, street, before + along, bool(east * away[1] - north * away[0] > 0), entrance
    )


def _entrance(
    building: Building, front: Frame | None, line: Sequence[tuple[LineString, float]]
) -> Point:
    """Return a place inside the walls behind the middle of the side that faces the street."""
    walls = building.walls
    middle = walls.centroid
    if front is not None:
        along = float(dot(np.array(middle.coords[0]) - front.origin, front.along))
        towards = Point(front.at(along, -1.0))
    else:
        piece = min((one for one, _ in line), key=lambda one: round(one.distance(middle), 3))
        towards = piece.interpolate(piece.project(middle))
    door, _ = shapely.get_coordinates(shapely.shortest_line(walls, towards))
    inward = np.array(middle.coords[0]) - door
    place = Point(door + inward / np.hypot(*inward) * INSIDE_M)
    return place if walls.contains(place) else walls.representative_point()


def _hard_streets(by_name: dict[str, list[_House]]) -> dict[str, str]:
    """Return the streets that certainly have 12a and 12 1/2."""
    even = {name: sum(not house.is_left for house in houses) for name, houses in by_name.items()}
    names = sorted(even, key=lambda name: (-even[name], name))
    return dict(zip(names, HARD_SUFFIXES, strict=False))


def _numbered(
    houses: Sequence[_House], seed: int, first: int, buildings: Sequence[Building], hard: str
) -> list[Address]:
    made: list[Address] = []
    number, suffix = first - 2, ""
    for house in sorted(houses, key=lambda one: (round(one.along_m, 2), one.building)):
        walls = buildings[house.building].walls
        draw = stream(seed, "house numbers", *place_ids(*walls.centroid.coords[0])).random()
        if made and not suffix and hard and number == HARD_NUMBER:
            suffix = hard
        elif made and draw < HALF_SHARE and not suffix:
            suffix = "1/2"
        elif made and draw < LETTER_SHARE and (not suffix or "a" <= suffix < "d"):
            suffix = chr(ord(suffix) + 1) if suffix else "a"
        else:
            number, suffix = number + 2, ""
        made.append(Address(house.building, house.street, number, suffix, house.entrance))
    return made
