"""What happens between the flights happens as often as the specification says, and when it says."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from shared.demo_city.events.kinds import EVENT_KINDS, Event
from shared.demo_city.events.makers import MAKERS
from shared.demo_city.events.plan import plan_events
from shared.demo_city.settings import CitySettings
from shared.demo_city.town import Town

FLIGHTS = date(2023, 9, 5), date(2026, 5, 9)
# Percent of the main buildings and of the parcels, from section 5 of the specification.
OF_BUILDINGS = {
    "roof_renewed_other": 2.4,
    "roof_renewed_same": 1.2,
    "roof_cleaned": 1.5,
    "pv_added": 6.0,
    "pv_enlarged": 0.8,
    "pv_removed": 0.2,
    "thermal_added": 0.7,
    "roof_under_construction": 0.5,
    "extension": 0.8,
    "new_storey": 0.3,
    "new_building": 1.0,
    "demolition": 0.6,
    "green_roof_added": 0.4,
}
OF_PARCELS = {"unsealing": 1.5, "gravel_garden": 1.2, "new_sealing": 1.4, "new_pool": 0.4}


@pytest.mark.parametrize("kind", OF_BUILDINGS)
def test_share_of_buildings(kind: str, town: Town, events: tuple[Event, ...]) -> None:
    houses = sum(one.is_main for one in town.buildings)
    share = 100 * sum(one.kind == kind for one in events) / houses
    assert share == pytest.approx(OF_BUILDINGS[kind], rel=0.2)


@pytest.mark.parametrize("kind", OF_PARCELS)
def test_share_of_parcels(kind: str, town: Town, events: tuple[Event, ...]) -> None:
    share = 100 * sum(one.kind == kind for one in events) / len(town.parcels)
    assert share == pytest.approx(OF_PARCELS[kind], rel=0.2)


def test_share_of_green_roofs_that_dry_out(town: Town, events: tuple[Event, ...]) -> None:
    greens = sum(roof.material in {"sedum_roof", "grass_roof"} for roof in town.roofs)
    share = sum(one.kind == "green_roof_dried" for one in events) / greens
    assert share == pytest.approx(0.15, rel=0.2)


def test_every_kind_has_a_maker_and_happens(events: tuple[Event, ...]) -> None:
    assert set(MAKERS) == set(EVENT_KINDS) == {one.kind for one in events}


def test_days(events: tuple[Event, ...]) -> None:
    days = [one.day for one in events]
    assert days == sorted(days)
    assert FLIGHTS[0] < days[0]
    assert days[-1] < FLIGHTS[1]
    early = sum(day < date(2026, 1, 1) for day in days) / len(days)
    assert early == pytest.approx(0.55, abs=0.03)


def test_each_kind_happens_on_both_sides_of_the_rule_day(events: tuple[Event, ...]) -> None:
    early = Counter(one.kind for one in events if one.day < date(2026, 1, 1))
    for kind, count in Counter(one.kind for one in events).items():
        if kind == "roof_under_construction":
            assert early[kind] == 0  # a site that is open at the flight was opened this spring
        else:
            assert 0.4 <= early[kind] / count <= 0.7, kind


def test_nothing_happens_twice_to_a_building(events: tuple[Event, ...]) -> None:
    of_building: dict[int, list[Event]] = {}
    for one in events:
        if one.building >= 0:
            of_building.setdefault(one.building, []).append(one)
    for made in of_building.values():
        if len(made) > 1:
            roof, modules = made
            assert roof.kind in {"roof_renewed_other", "roof_renewed_same"}
            assert modules.kind == "pv_added"
            assert roof.day == modules.day


def test_some_renewed_roofs_get_modules(events: tuple[Event, ...]) -> None:
    renewed = {one.building for one in events if one.kind.startswith("roof_renewed")}
    both = [one for one in events if one.kind == "pv_added" and one.building in renewed]
    assert 0.1 < len(both) / len(renewed) < 0.35


def test_ground_of_a_parcel_changes_once(events: tuple[Event, ...]) -> None:
    changed = Counter(one.parcel for one in events if one.surfaces is not None)
    assert max(changed.values()) == 1


def test_new_buildings_follow_those_of_the_town(town: Town, events: tuple[Event, ...]) -> None:
    new = sorted(one.building for one in events if one.kind == "new_building")
    first = len(town.buildings)
    assert new == list(range(first, first + len(new)))


def test_planning_again_gives_the_same(town: Town, events: tuple[Event, ...]) -> None:
    def essence(one: Event) -> tuple[object, ...]:
        return one.kind, one.day, one.building, one.parcel, one.roof, one.things, one.surfaces

    assert list(map(essence, plan_events(town, CitySettings()))) == list(map(essence, events))
