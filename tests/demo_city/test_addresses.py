"""House numbers: sides, order, hard cases, entrances."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
import shapely
from shapely import LineString, box

from shared.demo_city.city import DemoCity
from shared.demo_city.tables.addresses import number_houses
from shared.demo_city.town import Town
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.streets import Street


def test_every_main_building_has_one_address(city: DemoCity) -> None:
    houses = city.table("buildings").query("is_main")
    addresses = city.table("addresses")
    assert len(addresses) == len(houses) >= 1_500
    assert sorted(addresses["building_id"]) == sorted(houses["building_id"])
    assert addresses["address_id"].is_unique
    assert addresses["label"].is_unique


def test_postcode_and_town(city: DemoCity) -> None:
    addresses = city.table("addresses")
    assert set(addresses["plz"]) == {"59999"}
    assert set(addresses["city"]) == {"Musterstadt"}


def test_hard_cases_are_there(city: DemoCity) -> None:
    addresses = city.table("addresses")
    numbers = set(addresses["label"].str.extract(r" (\d+(?:[a-d]| 1/2)?)$")[0])
    assert {"12a", "12 1/2"} <= numbers
    names = set(addresses["street"])
    assert {"Am Markt", "Marktstraße"} <= names
    folded = Counter(name.replace("ß", "ss") for name in names)
    assert [name for name, count in folded.items() if count > 1]
    assert sum(name.count("-") >= 2 for name in names) >= 2


def test_one_street_was_renamed(city: DemoCity) -> None:
    addresses = city.table("addresses")
    renamed = addresses[addresses["old_street"] != ""]
    assert renamed["street"].nunique() == renamed["old_street"].nunique() == 1
    assert not set(renamed["old_street"]) & set(addresses["street"])


def test_labels_are_written_from_their_parts(city: DemoCity) -> None:
    for row in city.table("addresses").itertuples():
        gap = " " if row.suffix == "1/2" else ""
        assert row.label == f"{row.street} {row.house_number}{gap}{row.suffix}"
        assert re.fullmatch(r"[a-d]?|1/2", row.suffix)


def test_points_lie_in_their_building(city: DemoCity) -> None:
    addresses = city.layer("addresses").set_index("building_id")
    walls = city.layer("buildings").set_index("building_id").geometry
    assert shapely.covers(
        walls.loc[addresses.index].to_numpy(), addresses.geometry.to_numpy()
    ).all()


def test_entrances_face_the_street(city: DemoCity) -> None:
    """The entrance of a house lies nearer to its street than its middle, but for odd corners."""
    addresses = city.layer("addresses")
    streets = city.layer("streets").set_index("street_id").geometry.loc[addresses["street_id"]]
    walls = city.layer("buildings").set_index("building_id").geometry
    middle = walls.loc[addresses["building_id"]].centroid.to_numpy()
    nearer = shapely.distance(addresses.geometry.to_numpy(), streets.to_numpy()) < (
        shapely.distance(middle, streets.to_numpy())
    )
    assert nearer.mean() > 0.97


def house(x: float, y: float) -> Building:
    frame = Frame(np.array([x - 5, y - 4]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), 10.0, 8.0)
    return Building(0, "detached", box(x - 5, y - 4, x + 5, y + 4), frame, 1, True)


def numbered(town: Town, line: LineString, houses: list[Building]) -> list[str]:
    from dataclasses import replace

    street = Street("Probeweg", "residential", 1, line)
    small = replace(town, network=replace(town.network, streets=(street,)))
    made = number_houses(small, houses, [None], np.array([0]))
    return [one.house_number for one in made]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.demo_city.tables.addresses.LETTER_SHARE", 0.0)
    monkeypatch.setattr("shared.demo_city.tables.addresses.HALF_SHARE", 0.0)


@pytest.mark.usefixtures("plain")
def test_odd_numbers_on_the_left_even_on_the_right_from_the_centre(town: Town) -> None:
    """The street leads east from the centre (2000, 2000); its left side is north of it."""
    north = [house(2_100 + 20 * n, 2_015) for n in range(3)]
    south = [house(2_110 + 20 * n, 1_985) for n in range(3)]
    line = LineString([(2_050, 2_000), (2_300, 2_000)])
    assert numbered(town, line, [*north, *south]) == ["1", "3", "5", "2", "4", "6"]
    assert numbered(town, line.reverse(), [*north, *south]) == ["1", "3", "5", "2", "4", "6"]


@pytest.mark.usefixtures("plain")
def test_twelve_gets_a_neighbour_with_a_letter(town: Town) -> None:
    south = [house(2_110 + 20 * n, 1_985) for n in range(8)]
    line = LineString([(2_050, 2_000), (2_300, 2_000)])
    assert numbered(town, line, south) == ["2", "4", "6", "8", "10", "12", "12a", "14"]


def test_numbers_ascend_along_each_side(city: DemoCity) -> None:
    snapshot = city.snapshot
    streets = snapshot.first.network.streets
    pieces = Counter(street.name for street in streets)
    by_side: dict[tuple[str, int], list[tuple[float, int, str]]] = {}
    for one in snapshot.addresses:
        street = streets[one.street]
        if pieces[street.name] == 1:
            along = street.line.project(one.entrance)
            by_side.setdefault((street.name, one.number % 2), []).append(
                (along, one.number, one.suffix)
            )
    assert len(by_side) > 50
    for found in by_side.values():
        numbers = [(number, suffix) for _, number, suffix in sorted(found)]
        assert numbers in (sorted(numbers), sorted(numbers, reverse=True))
