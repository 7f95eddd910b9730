"""Places of public life and plans: counts, ids, opening hours, areas."""

from __future__ import annotations

import re
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely

from shared.demo_city.city import DemoCity
from shared.demo_city.events.kinds import Event
from shared.demo_city.tables.person_names import family_names, first_names
from shared.demo_city.tables.places import WHEELCHAIR, _address_draws, _spots, categories
from shared.demo_city.tables.snapshot import Snapshot
from tests.demo_city.opening_hours import is_valid


@pytest.fixture(scope="module")
def places(city: DemoCity) -> gpd.GeoDataFrame:
    return city.layer("places")


@pytest.fixture(scope="module")
def plans(city: DemoCity) -> gpd.GeoDataFrame:
    return city.layer("plans")


def test_there_are_enough_places_of_every_category(places: gpd.GeoDataFrame) -> None:
    assert len(places) >= 600
    wanted: dict[str, int] = {}
    for category in categories().values():
        wanted[category["category"]] = wanted.get(category["category"], 0) + category["count"]
    assert places["category"].value_counts().to_dict() == wanted


def test_ids_join(places: gpd.GeoDataFrame, city: DemoCity) -> None:
    assert places["place_id"].is_unique
    assert set(places["district_id"]) <= set(city.table("districts")["district_id"])
    addresses = set(city.table("addresses")["address_id"])
    assert set(places["address_id"].dropna()) <= addresses
    assert places["street"].str.len().min() > 2
    west, south = city.settings.origin_m
    inside = shapely.box(west, south, west + city.settings.size_m, south + city.settings.size_m)
    assert places.within(inside).all()


def doctors(snapshot: Snapshot) -> list[int]:
    draws = _address_draws(snapshot)["doctor"]
    return [spot.address for spot in _spots(snapshot, "doctor", categories()["doctor"], draws)]


def test_places_are_where_a_house_stands_on_all_days(city: DemoCity) -> None:
    snapshot = city.snapshot
    numbers = doctors(snapshot)
    gone = snapshot.addresses[numbers[0]].building
    parcel = snapshot.origins[gone].parcel
    demolition = Event("demolition", city.settings.flights[1], gone, parcel)
    later = replace(snapshot, events=(*snapshot.events, demolition))
    found = doctors(later)
    assert numbers[0] not in found
    assert found[:-1] == numbers[1:]


def test_every_opening_time_can_be_read(places: gpd.GeoDataFrame) -> None:
    hours = places["opening_hours"].dropna()
    assert len(hours) > 300
    assert [one for one in hours.unique() if not is_valid(one)] == []


def test_what_is_not_known_is_said(places: gpd.GeoDataFrame) -> None:
    assert set(places["wheelchair"]) == set(WHEELCHAIR)
    assert set(places["tactile"]) == {"ja", "nein", "unbekannt"}


def test_telephone_numbers_are_those_of_fiction(places: gpd.GeoDataFrame) -> None:
    phones = places["phone"].dropna()
    assert len(phones) > 100
    assert phones.is_unique
    assert all(re.fullmatch(r"030 23125-\d{3}", one) for one in phones)
    assert set(places["phone_status"]) == {"ungeprueft"}


@pytest.mark.parametrize(
    "hours",
    [
        "Mo-Fr 08:00-12:00",
        "Mo,Tu,Th 08:00-12:00,15:00-18:00; We 08:00-12:00; PH off",
        "24/7",
        "Apr-Oct 24/7",
        "Mar-Oct 07:00-20:00; Nov-Feb 08:00-17:00",
        "We-Su 10:00-17:00; Dec 24-26 off",
        "Fr,Sa 17:00-01:00",
    ],
)
def test_good_hours(hours: str) -> None:
    assert is_valid(hours)


@pytest.mark.parametrize(
    "hours",
    [
        "",
        "Mo-Fr",
        "Mo-Fr 8:00-12:00",
        "Mo-Fr 08:00",
        "Mo-Fr 08:00-25:00",
        "Mo-Fr 24:30-25:00",
        "Di 08:00-12:00",
        "Mo-Fr 08:00-12:00;",
        "Mo-Fr 08:00-08:00",
        "werktags 8 bis 12 Uhr",
    ],
)
def test_bad_hours(hours: str) -> None:
    assert not is_valid(hours)


def test_names_of_people() -> None:
    assert len(set(first_names())) == 120
    assert len(set(family_names())) == 180


def test_plans_are_of_every_kind(plans: gpd.GeoDataFrame) -> None:
    counts = plans["kind"].value_counts()
    assert set(counts.index) == {
        "b_plan",
        "monument_ensemble",
        "flood_zone",
        "water_protection",
        "district_heating",
        "landscape_protection",
        "construction_site",
        "building_project",
    }
    assert counts["b_plan"] >= 12
    assert plans["plan_id"].is_unique
    assert plans.is_valid.all()
    assert (plans.area > 100).all()


def test_duties_come_with_new_local_plans_alone(plans: gpd.GeoDataFrame) -> None:
    local = plans[plans["kind"] == "b_plan"]
    assert local["number"].is_unique
    assert set(local["status"]) <= {"Entwurf", "rechtskräftig"}
    assert local["grz"].between(0.2, 0.8).all()
    old = local[local["date"] < np.datetime64("2019-01-01")]
    assert set(old["gravel_garden_ban"]) == {"nein"}
    assert set(old["green_roof_duty"]) == {"nein"}
    assert set(old["solar_rule"]) == {"keine"}


def test_local_plans_do_not_overlap(plans: gpd.GeoDataFrame) -> None:
    local = plans[plans["kind"] == "b_plan"].geometry
    total, union = local.area.sum(), shapely.union_all(local.to_numpy()).area
    assert total - union < 0.02 * total
