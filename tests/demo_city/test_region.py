"""The county around the city: sums, places, determinism."""

from __future__ import annotations

import itertools

import geopandas as gpd
import pytest
import shapely

from shared.demo_city.city import DemoCity
from shared.demo_city.settings import MUNICIPALITY_KEY, CitySettings
from shared.demo_city.tables.cache import table_sha256
from shared.demo_city.tables.region import GAP_M, TOWNS, VILLAGES, lay_region, municipality_id

SEEDS = (2026, 0, 7, 989_999)


@pytest.fixture(scope="module")
def region(city: DemoCity) -> gpd.GeoDataFrame:
    return city.layer("region")


def test_county_is_the_sum_of_its_settlements(region: gpd.GeoDataFrame) -> None:
    county, settlements = region.iloc[0], region.iloc[1:]
    assert (county["name"], county["kind"]) == ("Musterkreis", "county")
    assert county["inhabitants"] == settlements["inhabitants"].sum()
    towns = settlements[settlements["kind"] == "town"]
    assert [round(people / 1_000) for people in towns["inhabitants"]] == [46, 33, 31]
    assert (settlements["kind"] == "village").sum() == len(VILLAGES) >= 15
    assert region["region_id"].is_unique
    assert region["name"].is_unique


def test_county_is_thirty_kilometres_wide_around_the_city(region: gpd.GeoDataFrame) -> None:
    # 4 km of the city and 13 km on each side of it.
    assert tuple(region.total_bounds) == (367_000.0, 5_707_000.0, 397_000.0, 5_737_000.0)
    assert region.geometry.iloc[0].covers(shapely.union_all(region.geometry.iloc[1:].to_numpy()))


def test_city_is_the_middle_of_the_largest_town(region: gpd.GeoDataFrame, city: DemoCity) -> None:
    town = region.iloc[1]
    assert town["name"] == "Musterstadt"
    assert town["municipality_id"] == MUNICIPALITY_KEY == municipality_id(0)
    assert town.geometry.contains(shapely.box(380_000, 5_720_000, 384_000, 5_724_000))
    assert city.table("districts")["inhabitants"].sum() < town["inhabitants"]


def test_three_municipalities(region: gpd.GeoDataFrame) -> None:
    towns = region[region["kind"] == "town"]
    assert list(towns["municipality_id"]) == ["05999000", "05999004", "05999008"]
    villages = region[region["kind"] == "village"]
    assert set(villages["municipality_id"]) <= set(towns["municipality_id"])


@pytest.mark.parametrize("seed", SEEDS)
def test_settlements_keep_apart(seed: int) -> None:
    border, settlements = lay_region(CitySettings(seed=seed))
    assert border.is_valid
    assert len(settlements) == len(TOWNS) + len(VILLAGES)
    for one in settlements:
        assert one.area.is_valid
        assert border.exterior.distance(one.area) >= GAP_M * 0.99
    for one, other in itertools.combinations(settlements, 2):
        assert one.area.distance(other.area) >= GAP_M


def test_every_seed_has_its_own_county(city: DemoCity) -> None:
    assert lay_region(CitySettings()) == lay_region(CitySettings())
    areas = [
        shapely.union_all([one.area for one in lay_region(CitySettings(seed=s))[1]]) for s in SEEDS
    ]
    assert len({area.wkb for area in areas}) == len(SEEDS)


def test_county_does_not_change_with_the_day(region: gpd.GeoDataFrame, city: DemoCity) -> None:
    before = city.as_of(city.settings.flights[0]).layer("region")
    assert table_sha256(before) == table_sha256(region)
