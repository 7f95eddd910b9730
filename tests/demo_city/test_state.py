"""The town on any day: both flights, and every single event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
import shapely

from shared.demo_city.events.kinds import Event
from shared.demo_city.events.state import town_on
from shared.demo_city.roofs.roofscape import wear_on
from shared.demo_city.things import Thing
from shared.demo_city.town import Town

FLIGHTS = date(2023, 9, 5), date(2026, 5, 9)


def solar_m2(things: Sequence[Thing], building: int, kind: str) -> float:
    return sum(
        part.area.area
        for one in things
        if one.building == building and one.solar == kind
        for part in one.parts
    )


@pytest.fixture(scope="module")
def newest(town: Town, events: tuple[Event, ...]) -> Town:
    return town_on(town, events, FLIGHTS[1])


def of_kind(events: Sequence[Event], *kinds: str) -> list[Event]:
    found = [one for one in events if one.kind in kinds]
    assert found
    return found


def test_first_flight_shows_the_town_as_it_was_built(town: Town, events: tuple[Event, ...]) -> None:
    then = town_on(town, events, FLIGHTS[0])
    count = len(town.buildings)
    assert then.buildings[:count] == town.buildings
    assert then.roofs[:count] == town.roofs
    assert then.surfaces == town.surfaces
    assert then.things == town.things
    assert then.gone == town.gone | set(range(count, len(then.buildings)))


def test_newest_flight_differs_only_by_the_events(
    town: Town, newest: Town, events: tuple[Event, ...]
) -> None:
    changed = {one.building for one in events}
    for index, roof in enumerate(town.roofs):
        if index not in changed:
            assert newest.buildings[index] == town.buildings[index]
            assert newest.roofs[index].material == roof.material
            assert newest.roofs[index].look == roof.look
            assert newest.roofs[index].planes == roof.planes
    kept = [one for one in town.things if one.building >= 0 and one.building not in changed]
    assert [
        one for one in newest.things if one.building >= 0 and one.building not in changed
    ] == kept
    parcels = {one.parcel for one in events if one.surfaces is not None}
    same = [one for one in town.surfaces if one.parcel not in parcels]
    assert [one for one in newest.surfaces if one.parcel not in parcels] == same


def test_roofs_get_new_covers(town: Town, newest: Town, events: tuple[Event, ...]) -> None:
    for one in of_kind(events, "roof_renewed_other", "roof_renewed_same"):
        before, after = town.roofs[one.building], newest.roofs[one.building]
        assert after.covered_on == one.day
        assert after.wear == wear_on(after.material, one.day, FLIGHTS[1])
        assert after.look != before.look
        is_same = one.kind == "roof_renewed_same"
        assert (after.material == before.material) == is_same


def test_cleaned_roofs_keep_their_cover_and_lose_their_moss(
    town: Town, newest: Town, events: tuple[Event, ...]
) -> None:
    for one in of_kind(events, "roof_cleaned"):
        before, after = town.roofs[one.building], newest.roofs[one.building]
        assert (after.material, after.look, after.covered_on) == (
            before.material,
            before.look,
            before.covered_on,
        )
        assert after.wear < 0.5 * before.wear


def test_solar_units_come_and_go(town: Town, newest: Town, events: tuple[Event, ...]) -> None:
    for one in of_kind(events, "pv_added", "pv_enlarged", "pv_removed", "thermal_added"):
        kind = "thermal" if one.kind == "thermal_added" else "pv"
        before = solar_m2(town.things, one.building, kind)
        after = solar_m2(newest.things, one.building, kind)
        match one.kind:
            case "pv_removed":
                assert before > 0
                assert after == 0
            case "pv_enlarged":
                assert after >= 1.25 * before > 0
            case _:
                assert before == 0
                assert after > 0


def test_other_roofs_keep_their_solar_units(
    town: Town, newest: Town, events: tuple[Event, ...]
) -> None:
    for one in of_kind(events, "roof_cleaned", "green_roof_dried", "new_storey", "extension"):
        before = solar_m2(town.things, one.building, "pv")
        assert solar_m2(newest.things, one.building, "pv") == pytest.approx(before, rel=0.02)


def test_one_day_before_an_event_nothing_is_seen(town: Town, events: tuple[Event, ...]) -> None:
    for one in of_kind(events, "roof_renewed_other")[:5]:
        eve = town_on(town, events, one.day - timedelta(1))
        assert eve.roofs[one.building].covered_on == town.roofs[one.building].covered_on
        assert town_on(town, events, one.day).roofs[one.building].covered_on == one.day


def test_demolished_buildings_are_gone_and_leave_no_roof(
    newest: Town, events: tuple[Event, ...]
) -> None:
    for one in of_kind(events, "demolition"):
        assert one.building in newest.gone
        assert not any(thing.building == one.building for thing in newest.things)
        walls = newest.buildings[one.building].walls
        covered = [
            surface.area.intersection(walls).area
            for surface in newest.surfaces
            if surface.parcel == one.parcel and surface.cover == "building"
        ]
        assert sum(covered) < 0.01


def test_new_buildings_stand_and_had_not_stood(
    town: Town, newest: Town, events: tuple[Event, ...]
) -> None:
    first = town_on(town, events, FLIGHTS[0])
    for one in of_kind(events, "new_building"):
        assert one.building in first.gone
        assert one.building not in newest.gone
        assert newest.roofs[one.building].building == one.building
        assert not any(other.parcel == one.parcel for other in town.buildings)
        plot = town.parcels[one.parcel].area
        assert plot.covers(newest.buildings[one.building].walls)


def test_changed_walls_lie_on_building_ground(newest: Town, events: tuple[Event, ...]) -> None:
    for one in of_kind(events, "extension", "new_building"):
        built = shapely.union_all(
            [
                surface.area
                for surface in newest.surfaces
                if surface.parcel == one.parcel and surface.cover == "building"
            ]
        )
        walls = newest.buildings[one.building].walls
        assert walls.difference(built).area < 0.01


def test_new_storeys_raise_the_roof(town: Town, newest: Town, events: tuple[Event, ...]) -> None:
    for one in of_kind(events, "new_storey"):
        assert newest.buildings[one.building].floors == town.buildings[one.building].floors + 1
        rise = newest.roofs[one.building].eaves_m - town.roofs[one.building].eaves_m
        assert 2.4 < rise < 4.0


def test_ground_stays_a_partition(town: Town, newest: Town, events: tuple[Event, ...]) -> None:
    assert sum(one.area.area for one in newest.surfaces) == pytest.approx(
        sum(one.area.area for one in town.surfaces), abs=0.1
    )
    on_parcel: dict[int, list[shapely.Polygon]] = {}
    for surface in newest.surfaces:
        on_parcel.setdefault(surface.parcel, []).append(surface.area)
    for one in (event for event in events if event.surfaces is not None):
        plot = town.parcels[one.parcel].area
        pieces = on_parcel[one.parcel]
        assert shapely.union_all(pieces).symmetric_difference(plot).area < 0.05, one.kind
        assert sum(piece.area for piece in pieces) == pytest.approx(plot.area, abs=0.05)


def test_plots_change_as_the_event_says(
    town: Town, newest: Town, events: tuple[Event, ...]
) -> None:
    hard = {"asphalt_yard", "paving", "slabs", "setts"}

    def area(state: Town, parcel: int, covers: set[str]) -> float:
        return sum(
            one.area.area for one in state.surfaces if one.parcel == parcel and one.cover in covers
        )

    for kind, covers, sign in (
        ("unsealing", hard, -1),
        ("new_sealing", hard, 1),
        ("gravel_garden", {"gravel_garden"}, 1),
        ("new_pool", {"pool"}, 1),
    ):
        for one in of_kind(events, kind):
            change = area(newest, one.parcel, covers) - area(town, one.parcel, covers)
            assert sign * change > 7, (kind, one.parcel)


def test_nothing_stands_in_new_walls_and_pools(newest: Town, events: tuple[Event, ...]) -> None:
    for one in of_kind(events, "new_pool", "extension", "new_building"):
        for thing in newest.things:
            if thing.building < 0 and thing.parcel == one.parcel:
                assert not thing.area.intersects(one.cleared)
