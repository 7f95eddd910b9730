"""Acceptance 9: on the days of both flights the tables show what the flights show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import pytest

from shared.demo_city.city import DemoCity
from shared.demo_city.events.kinds import EVENT_KINDS, EventKind

ROOF = ["material", "covered_since"]
FIRST, NEWEST = "2023", "2026"


@pytest.fixture(scope="module")
def days(city: DemoCity) -> Mapping[str, DemoCity]:
    return {vintage: city.as_of(city.flight(vintage)) for vintage in (FIRST, NEWEST)}


@pytest.fixture(scope="module")
def roofs(days: Mapping[str, DemoCity]) -> Mapping[str, pd.DataFrame]:
    return {
        vintage: then.table("roof_planes").groupby("building_id")[ROOF].first()
        for vintage, then in days.items()
    }


@pytest.fixture(scope="module")
def modules_m2(days: Mapping[str, DemoCity]) -> Mapping[str, pd.Series]:
    """Area of the modules and collectors of each building and kind."""
    made = {}
    for vintage, then in days.items():
        units = then.table("solar_units")
        on_roofs = units[units["building_id"] != ""]
        made[vintage] = on_roofs.groupby(["building_id", "kind"])["area_m2"].sum()
    return made


@pytest.fixture(scope="module")
def happened(city: DemoCity) -> Mapping[str, list[tuple[EventKind, pd.Timestamp]]]:
    """Kinds and days of the events of each building."""
    made: dict[str, list[tuple[EventKind, pd.Timestamp]]] = {}
    for one in city.table("events").itertuples():
        if one.building_id:
            made.setdefault(one.building_id, []).append((one.kind, one.date))
    return made


@pytest.mark.parametrize("vintage", [FIRST, NEWEST])
def test_tables_show_what_is_rendered(
    vintage: str, city: DemoCity, days: Mapping[str, DemoCity]
) -> None:
    town, then = city.town(vintage), days[vintage]
    drawn = {
        number: one.solar
        for number, one in enumerate(town.things, 1)
        if one.solar != "none" and one.building not in town.gone
    }
    units = then.table("solar_units").replace({"kind": {"ground": "pv_ground"}})
    assert dict(zip(units["instance"], units["kind"], strict=True)) == drawn
    ids = then.snapshot.building_ids
    covers = {
        ids[one.building]: one.material for one in town.roofs if one.building not in town.gone
    }
    planes = then.table("roof_planes")
    assert dict(zip(planes["building_id"], planes["material"], strict=True)) == covers
    assert planes.groupby("building_id")["material"].nunique().max() == 1


def test_the_older_flight_shows_the_town_before_all_events(
    city: DemoCity, days: Mapping[str, DemoCity], roofs: Mapping[str, pd.DataFrame]
) -> None:
    ids = city.snapshot.building_ids
    expected = {(ids[one.building], one.material, one.covered_on) for one in city.first_town.roofs}
    found = roofs[FIRST].itertuples()
    assert {(name, cover, day.date()) for name, cover, day in found} == expected
    assert days[FIRST].table("events").empty
    assert len(days[NEWEST].table("events")) == len(city.events)


def test_roofs_differ_as_the_events_say(
    roofs: Mapping[str, pd.DataFrame],
    happened: Mapping[str, list[tuple[EventKind, pd.Timestamp]]],
) -> None:
    before, after = roofs[FIRST], roofs[NEWEST]
    for name in before.index.union(after.index):
        kinds = dict(happened.get(name, []))
        if "new_building" in kinds:
            assert name not in before.index
            assert after.loc[name, "covered_since"] == kinds["new_building"]
            continue
        if "demolition" in kinds:
            assert name not in after.index
            continue
        assert_roof(before.loc[name], after.loc[name], kinds)


def assert_roof(
    before: pd.Series, after: pd.Series, kinds: Mapping[EventKind, pd.Timestamp]
) -> None:
    laid = kinds.keys() & {
        "roof_renewed_other",
        "roof_renewed_same",
        "green_roof_added",
        "new_storey",
    }
    expected = kinds[laid.pop()] if laid else before["covered_since"]
    assert after["covered_since"] == expected, kinds
    if "green_roof_added" in kinds:
        assert after["material"] == "sedum_roof" != before["material"]
    elif "green_roof_dried" in kinds:
        assert after["material"] == "dry_roof" != before["material"]
    else:
        is_same = "roof_renewed_other" not in kinds
        assert (after["material"] == before["material"]) == is_same, kinds


def test_solar_units_differ_as_the_events_say(
    modules_m2: Mapping[str, pd.Series],
    happened: Mapping[str, list[tuple[EventKind, pd.Timestamp]]],
) -> None:
    before, after = modules_m2[FIRST], modules_m2[NEWEST]
    for key in before.index.union(after.index):
        name, kind = key
        kinds = {one for one, _ in happened.get(name, [])}
        then, now = before.get(key, 0.0), after.get(key, 0.0)
        assert_units(kind, then, now, kinds)
    for event, kind in (("pv_added", "pv"), ("thermal_added", "thermal")):
        added = {name for name, made in happened.items() if event in dict(made)}
        assert added
        assert added <= {name for name, one in after.index if one == kind}


def assert_units(kind: str, then: float, now: float, kinds: set[EventKind]) -> None:
    if kinds & {"demolition", "roof_under_construction"} or (
        "pv_removed" in kinds and kind == "pv"
    ):
        assert now == 0 < then, kinds
    elif "pv_enlarged" in kinds and kind == "pv":
        assert now >= 1.25 * then > 0
    elif f"{kind}_added" in kinds or "new_building" in kinds:
        assert then == 0 < now, kinds
    elif "new_storey" in kinds:
        assert now == pytest.approx(then, rel=0.02)
    else:
        assert now == pytest.approx(then, abs=1e-9), kinds


def test_any_day_can_be_asked_of_any_day(days: Mapping[str, DemoCity], city: DemoCity) -> None:
    again = days[FIRST].as_of(city.flight(NEWEST))
    assert again.table("solar_units").equals(days[NEWEST].table("solar_units"))
    assert set(EVENT_KINDS) == set(city.table("events")["kind"])


def test_days_between_show_what_had_happened_by_then(city: DemoCity) -> None:
    day = date(2025, 1, 15)
    events = city.table("events").query("kind == 'pv_added'")
    then = city.as_of(day).table("solar_units")
    new = set(then.loc[then["commissioned_on"] > pd.Timestamp(city.flight(FIRST)), "building_id"])
    early = events[events["date"] <= pd.Timestamp(day)]
    assert 0 < len(early) < len(events)
    assert set(early["building_id"]) <= new
    assert not new & set(events.loc[events["date"] > pd.Timestamp(day), "building_id"])
