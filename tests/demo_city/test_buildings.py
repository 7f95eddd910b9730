"""Buildings: on one parcel, apart from each other, as many and as large as planned."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from shapely.geometry import box

from shared.demo_city.roofs.styles import STYLES
from shared.demo_city.town import Town
from shared.demo_city.vectors.buildings import Building, Kind, dwellings_of
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.houses import place_buildings
from shared.demo_city.vectors.parcels import cut_parcels
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.public_places import LAYOUTS
from shared.demo_city.vectors.streets import lay_streets
from tests.demo_city.overlaps import outside_m2, overlaps_m2
from tests.demo_city.small_towns import plans

WANTED = {
    "town_hall": 1, "church": 2, "church_tower": 2, "chapel": 1, "school": 3, "gym": 3, "kita": 6,
    "fire_station": 1, "hospital": 1, "nursing_home": 2, "bath": 1, "station": 1,
    "platform_roof": 1, "supermarket": 2, "petrol_station": 1, "canopy": 1, "ice_rink": 1,
    "glasshouse": 3, "tank": 6, "chemical_store": 1, "clubhouse": 2, "hut": 60, "farm": 15,
    "barn": 10, "slab": 10, "tower": 10, "hall": 50, "villa": 30,
}  # fmt: skip


def test_counts(town: Town) -> None:
    assert 1_900 <= sum(one.is_main for one in town.buildings) <= 2_600
    assert 3_500 <= len(town.buildings) <= 5_000


def test_people(town: Town) -> None:
    dwellings = sum(dwellings_of(one) for one in town.buildings)
    people_per_dwelling = 2.1
    assert 14_000 <= people_per_dwelling * dwellings <= 20_000


@pytest.mark.parametrize("kind", sorted(WANTED))
def test_kinds(town: Town, kind: str) -> None:
    places = Counter(one.kind for one in town.buildings)
    assert places[kind] >= WANTED[kind]


def test_few_plots_for_houses_are_empty(town: Town) -> None:
    built = {one.parcel for one in town.buildings}
    plots = [n for n, one in enumerate(town.parcels) if one.site < 0 and one.use != "playground"]
    assert sum(n not in built for n in plots) < 0.07 * len(plots)


def test_buildings_stand_on_their_parcel(town: Town) -> None:
    for one in town.buildings:
        assert outside_m2(one.walls, town.parcels[one.parcel].area) < 1e-3


def test_buildings_stand_apart(town: Town) -> None:
    assert overlaps_m2([one.walls for one in town.buildings]) < 0.01


def test_every_kind_has_roofs() -> None:
    assert set(get_args(Kind)) <= set(STYLES)


def test_every_site_has_a_layout(town: Town) -> None:
    assert {site.use for site in town.plan.sites} == set(LAYOUTS)


def test_every_site_got_its_buildings(town: Town) -> None:
    counts = Counter(one.parcel for one in town.buildings)
    for index, parcel in enumerate(town.parcels):
        if parcel.site >= 0:
            assert counts[index] == len(LAYOUTS[parcel.use].bodies), parcel.use


def test_dwellings() -> None:
    def house(kind: Kind, length_m: float, depth_m: float, floors: int) -> Building:
        walls = box(0, 0, length_m, depth_m)
        return Building(0, kind, walls, Frame.around(walls), floors, True)

    assert dwellings_of(house("detached", 12, 10, 2)) == 1
    assert dwellings_of(house("block", 20, 11.5, 4)) == 8  # 0.8 * 920 m2 / 92 m2
    assert dwellings_of(house("tower", 23, 20, 10)) == 45  # 0.9 * 4,600 m2 / 92 m2
    assert dwellings_of(house("school", 60, 20, 2)) == 0


def test_houses_in_a_row_have_common_eaves(town: Town) -> None:
    floors: dict[int, set[int]] = {}
    for one in town.buildings:
        parcel = town.parcels[one.parcel]
        if one.kind == "row" and parcel.use == "row":
            floors.setdefault(parcel.block, set()).add(one.floors)
    assert all(len(found) == 1 for found in floors.values())


def test_sizes_are_plausible(town: Town) -> None:
    homes = [one.walls.area for one in town.buildings if one.kind == "detached"]
    assert np.percentile(homes, 5) > 45
    assert np.percentile(homes, 95) < 230


@settings(max_examples=8, deadline=None, derandomize=True)
@given(plan=plans)
def test_buildings_of_any_plan_stand_apart_on_their_parcels(plan: TownPlan) -> None:
    parcels = cut_parcels(plan, lay_streets(plan))
    buildings = place_buildings(plan, parcels)
    assert overlaps_m2([one.walls for one in buildings]) < 0.01
    for one in buildings:
        assert outside_m2(one.walls, parcels[one.parcel].area) < 1e-3
