"""The streets of Musterstadt: names, blocks, land that does not overlap."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
import shapely
from shapely import LineString

from shared.demo_city.town import Town
from shared.demo_city.vectors.names import name_streets
from shared.demo_city.vectors.streets import Street
from tests.demo_city.overlaps import overlaps_m2


def test_every_street_has_a_name(town: Town) -> None:
    names = {street.name for street in town.network.streets}
    assert "" not in names
    assert len(names) >= 90


def test_names_make_addresses_hard(town: Town) -> None:
    streets = town.network.streets
    names = {street.name for street in streets}
    assert {"Am Markt", "Marktstraße", "Schloßstraße", "Schlossstraße"} <= names
    assert any("-" in name for name in names)
    assert {street.former_name for street in streets} == {"", "Kaiserstraße"}


def test_one_name_stays_in_one_district(town: Town) -> None:
    districts = defaultdict(set)
    for street in town.network.streets:
        if street.district:
            districts[street.name].add(street.district)
    assert max(len(found) for found in districts.values()) == 1


def test_pieces_in_a_line_share_a_name() -> None:
    west = Street("", "residential", 4, LineString([(0, 0), (100, 0)]))
    east = Street("", "residential", 4, LineString([(110, 0), (200, 3)]))
    aside = Street("", "residential", 4, LineString([(105, 8), (105, 90)]))
    first, second, third = name_streets([west, east, aside])
    assert first.name == second.name
    assert third.name not in {"", first.name}


def test_planned_names_are_kept_and_not_given_twice() -> None:
    planned = Street("Ahornweg", "secondary", 0, LineString([(0, 50), (100, 50)]))
    other = Street("", "residential", 4, LineString([(0, 0), (100, 0)]))
    named = name_streets([planned, other])
    assert named[0].name == "Ahornweg"
    assert named[1].name not in {"", "Ahornweg"}


def test_land_of_streets_rail_water_and_blocks_does_not_overlap(town: Town) -> None:
    network = town.network
    land = [network.street_land, network.rail_land, network.water, network.banks]
    assert overlaps_m2([*land, *(block.area for block in network.blocks)]) < 0.01


def test_every_block_lies_on_a_street(town: Town) -> None:
    assert min(block.street_side.length for block in town.network.blocks) > 3


def test_every_public_place_became_one_parcel(town: Town) -> None:
    counts = Counter(parcel.site for parcel in town.parcels)
    del counts[-1]
    assert counts == dict.fromkeys(range(len(town.plan.sites)), 1)


def test_public_places_do_not_overlap(town: Town) -> None:
    assert overlaps_m2([site.area for site in town.plan.sites]) == pytest.approx(0, abs=1e-6)


def test_streets_hang_together(town: Town) -> None:
    lines = [street.line.buffer(0.5) for street in town.network.streets]
    parts = shapely.get_parts(shapely.union_all(lines))
    longest = max(part.area for part in parts)
    assert longest > 0.97 * sum(part.area for part in parts)


def test_roundabouts_lie_where_streets_meet(town: Town) -> None:
    for place, (one, other) in itertools.product(
        town.plan.roundabouts, [("Außenring", "Gartenallee")]
    ):
        lines = [street.line for street in town.network.streets if street.name == one]
        assert other in {street.name for street in town.network.streets}
        assert min(line.distance(shapely.Point(place)) for line in lines) < 1e-6
