"""Acceptance 4: ids are given once, and every id that a table names is one of another table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from shared.demo_city.city import DemoCity
from shared.demo_city.settings import CitySettings
from shared.demo_city.tables.registry import TABLES
from shared.demo_city.town import build_town
from shared.demo_city.vectors.plan import TownPlan
from tests.demo_city.small_towns import plans

IDS = {
    "districts": "district_id",
    "streets": "street_id",
    "road_graph": "edge_id",
    "road_nodes": "node_id",
    "parcels": "parcel_id",
    "addresses": "address_id",
    "buildings": "building_id",
    "roof_planes": "plane_id",
    "solar_units": "unit_id",
    "land_cover": "surface_id",
    "trees": "tree_id",
    "events": "event_id",
    "people_grid": "cell_id",
    "people_grid_noisy": "cell_id",
    "places": "place_id",
    "plans": "plan_id",
    "region": "region_id",
    "building_files": "file_id",
    "building_file_contradictions": "file_id",
}
# table, column, the table it points to; "" stands for nothing.
JOINS = [
    ("parcels", "district_id", "districts"),
    ("parcels", "street_id", "streets"),
    ("road_graph", "street_id", "streets"),
    ("road_graph", "from_node", "road_nodes"),
    ("road_graph", "to_node", "road_nodes"),
    ("addresses", "building_id", "buildings"),
    ("addresses", "parcel_id", "parcels"),
    ("addresses", "street_id", "streets"),
    ("buildings", "address_id", "addresses"),
    ("buildings", "parcel_id", "parcels"),
    ("buildings", "district_id", "districts"),
    ("roof_planes", "building_id", "buildings"),
    ("solar_units", "building_id", "buildings"),
    ("solar_units", "parcel_id", "parcels"),
    ("land_cover", "parcel_id", "parcels"),
    ("events", "building_id", "buildings"),
    ("events", "parcel_id", "parcels"),
    ("places", "district_id", "districts"),
    ("places", "address_id", "addresses"),
    ("building_files", "building_id", "buildings"),
    ("building_files", "address_id", "addresses"),
    ("building_files", "parcel_id", "parcels"),
    ("people_pieces", "cell_id", "people_grid"),
    ("people_pieces", "district_id", "districts"),
]
ELSEWHERE = {("region", "municipality_id")}
"""Municipalities of the county are no table of the city."""
MAY_BE_EMPTY = {"solar_units", "land_cover", "events"}
QUICKLY_MADE = {"addresses", "buildings", "roof_planes", "solar_units", "events", "places"}
OF_MUSTERSTADT = {"places", "plans", "region"}
"""They need its districts, or are not of the town at all."""
FIRST, LAST = CitySettings().flights


def test_every_column_with_ids_is_tested(city: DemoCity) -> None:
    named = {
        (name, column)
        for name in TABLES
        for column in city.table(name).columns
        if column.endswith(("_id", "_node")) and column != IDS.get(name)
    }
    assert named == {(name, column) for name, column, _ in JOINS} | ELSEWHERE
    assert set(IDS) == set(TABLES) - {"people_pieces"}


@pytest.mark.parametrize("name", IDS)
def test_ids_are_unique(name: str, city: DemoCity) -> None:
    assert city.table(name)[IDS[name]].is_unique


@pytest.mark.parametrize(("name", "column", "other"), JOINS)
def test_ids_join(name: str, column: str, other: str, city: DemoCity) -> None:
    assert_join(city.table(name)[column], city, name, other)


def test_ids_join_on_a_day_between_the_flights(city: DemoCity) -> None:
    """Acceptance 4 for what stood on a day: nothing points to what was not there."""
    then = city.as_of(date(2025, 1, 15))
    for name, key in IDS.items():
        if name in QUICKLY_MADE:
            assert then.table(name)[key].is_unique
    for name, column, other in JOINS:
        if name in QUICKLY_MADE:
            # Events also tell of what is gone by then.
            assert_join(then.table(name)[column], city if name == "events" else then, name, other)


def assert_join(ids: pd.Series, city: DemoCity, name: str, other: str) -> None:
    used = set(ids.dropna())
    assert_known(used, city, name, other)
    assert used - {""}


def assert_known(used: set[str], city: DemoCity, name: str, other: str) -> None:
    there = set(city.table(other)[IDS[other]]) | ({""} if name in MAY_BE_EMPTY else set())
    assert used <= there, (name, other)


def test_every_building_has_address_parcel_and_district(city: DemoCity) -> None:
    """Acceptance 4; the joins above say that they exist."""
    buildings = city.table("buildings")
    for name in ("address_id", "parcel_id", "district_id"):
        assert buildings[name].str.len().min() > 5
    plots = city.table("parcels").set_index("parcel_id")["district_id"]
    assert list(plots.loc[buildings["parcel_id"]]) == list(buildings["district_id"])


@given(plans, st.integers(0, (LAST - FIRST).days))
@settings(max_examples=6, deadline=None)
def test_ids_of_any_town_join_on_any_day(plan: TownPlan, passed: int) -> None:
    """Shares, heating and years are known for the districts of Musterstadt alone."""
    districts = tuple(replace(one, name="Altstadt") for one in plan.districts)
    whole = DemoCity(CitySettings())
    whole.first_town = build_town(replace(plan, districts=districts))
    then = whole.as_of(FIRST + timedelta(passed))
    for name in set(IDS) - OF_MUSTERSTADT:
        assert then.table(name)[IDS[name]].is_unique, name
    for name, column, other in JOINS:
        if name not in OF_MUSTERSTADT:
            used = set(then.table(name)[column].dropna())
            assert_known(used, whole if name == "events" else then, name, other)
