"""Events between the flights: what changes, where and on which day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from shared.demo_city.events.kinds import EVENT_KINDS, FRESH_GREEN, Event, EventKind, EventSite
from shared.demo_city.events.makers import MAKERS, Maker
from shared.demo_city.garbage_pause import collector_paused
from shared.demo_city.randomness import place_draws
from shared.demo_city.settings import CitySettings
from shared.demo_city.things import Thing
from shared.demo_city.town import Town
from shared.demo_city.vectors.ground import Surface

OF_BUILDINGS: Final[dict[EventKind, float]] = {
    "demolition": 0.006,
    "new_building": 0.010,
    "extension": 0.008,
    "new_storey": 0.003,
    "roof_under_construction": 0.005,
    "green_roof_added": 0.004,
    "pv_removed": 0.002,
    "pv_enlarged": 0.008,
    "thermal_added": 0.007,
    "roof_renewed_other": 0.024,
    "roof_renewed_same": 0.012,
    "roof_cleaned": 0.015,
    "pv_added": 0.06,
}
"""Share of the main buildings that the event happens to."""
OF_PARCELS: Final[dict[EventKind, float]] = {
    "new_pool": 0.004,
    "gravel_garden": 0.012,
    "new_sealing": 0.014,
    "unsealing": 0.015,
}
"""Share of the parcels that the event happens to."""
DRIED_SHARE: Final = 0.15
"""Share of the green roofs that dry out."""
RULE_DAY: Final = date(2026, 1, 1)
EARLY_SHARE: Final = 0.57
"""Share of the events before the rule day; works that go on at the second flight all come later."""
MARGIN_DAYS: Final = 8
SITE_DAYS: Final = 55
"""A roof that is under construction at the second flight was opened at most this long before."""


def wished_counts(town: Town) -> dict[EventKind, int]:
    """Return how many events of each kind a town gets."""
    houses = sum(one.is_main for one in town.buildings)
    greens = sum(roof.material in FRESH_GREEN for roof in town.roofs)
    counts: dict[EventKind, int] = {kind: round(houses * n) for kind, n in OF_BUILDINGS.items()}
    counts |= {kind: round(len(town.parcels) * share) for kind, share in OF_PARCELS.items()}
    counts["green_roof_dried"] = round(greens * DRIED_SHARE)
    return {kind: counts[kind] for kind in EVENT_KINDS}


@collector_paused()
def plan_events(town: Town, settings: CitySettings) -> tuple[Event, ...]:
    """Plan what happens between the flights.

    Args:
        town: The town on the day of the first flight.
        settings: Settings of the city.

    Returns:
        Events ordered by day. No building has two of them but renewed roofs that get modules on
        the same day; new buildings have the places that follow those of the town.
    """
    planner = _Planner(town, settings)
    for kind, count in wished_counts(town).items():
        planner.plan(kind, count, MAKERS[kind])
    return tuple(
        sorted(
            planner.events,
            key=lambda one: (one.day, EVENT_KINDS.index(one.kind), one.building, one.parcel),
        )
    )


def _draws(seed: int, areas: Sequence[Polygon]) -> NDArray[np.float64]:
    """Return a draw per place and kind of event; the lowest are chosen first."""
    middles = shapely.get_coordinates(shapely.centroid(np.array(areas, dtype=object)))
    return place_draws(seed, "events", middles, len(EVENT_KINDS))


class _Planner:
    def __init__(self, town: Town, settings: CitySettings) -> None:
        self.events: list[Event] = []
        self._town, self._settings = town, settings
        self._buildings: set[int] = set()
        self._parcels: set[int] = set()
        self._surfaces: dict[int, list[Surface]] = {}
        for surface in town.surfaces:
            self._surfaces.setdefault(surface.parcel, []).append(surface)
        self._things: dict[int, list[Thing]] = {}
        for thing in town.things:
            self._things.setdefault(thing.building, []).append(thing)
        self._on_parcel: dict[int, list[int]] = {}
        for index, building in enumerate(town.buildings):
            self._on_parcel.setdefault(building.parcel, []).append(index)
        self._of_buildings = _draws(town.plan.seed, [one.walls for one in town.buildings])
        self._of_parcels = _draws(town.plan.seed, [one.area for one in town.parcels])

    def plan(self, kind: EventKind, count: int, maker: Maker) -> None:
        """Let an event happen to as many places as wished, as long as places can take it."""
        done = sum(one.kind == kind for one in self.events)
        for site in self._sites(kind):
            if done >= count:
                return
            made = maker(site, self._day(site, done))
            if made:
                self.events += made
                self._take(site, made)
                done += 1

    def _sites(self, kind: EventKind) -> Iterator[EventSite]:
        """Yield all places that are still free for a kind of event, in a drawn order."""
        on_ground = kind in OF_PARCELS or kind == "new_building"
        draws = (self._of_parcels if on_ground else self._of_buildings)[:, EVENT_KINDS.index(kind)]
        for place in np.argsort(draws, kind="stable").tolist():
            building = -1 if on_ground else place
            parcel = place if on_ground else self._town.buildings[place].parcel
            if building not in self._buildings and parcel not in self._parcels:
                yield self._described(building, parcel, kind)

    def _described(self, building: int, parcel: int, kind: EventKind) -> EventSite:
        town = self._town
        if kind == "new_building":
            building = len(town.buildings) + sum(one.kind == kind for one in self.events)
        beside = [index for index in self._on_parcel.get(parcel, ()) if index != building]
        return EventSite(
            town,
            tuple(self._surfaces.get(parcel, ())),
            tuple(town.buildings[index] for index in beside),
            tuple(self._things.get(building, ())) if building >= 0 else (),
            building,
            parcel,
            kind,
        )

    def _take(self, site: EventSite, made: tuple[Event, ...]) -> None:
        if site.building >= 0:
            self._buildings.add(site.building)
        if any(one.surfaces is not None for one in made):
            self._parcels.add(site.parcel)

    def _day(self, site: EventSite, number: int) -> date:
        """Return a day between the flights: the wished share of a kind before the rule day."""
        first, last = (self._settings.flights[at] for at in (0, -1))
        start, end = first + timedelta(MARGIN_DAYS), last - timedelta(MARGIN_DAYS)
        border = min(max(RULE_DAY, start), end)
        share = float(site.stream("day").random())
        if site.kind == "roof_under_construction":
            start = max(start, end - timedelta(SITE_DAYS))
        elif np.floor((number + 1) * EARLY_SHARE + 0.5) > np.floor(number * EARLY_SHARE + 0.5):
            end = border - timedelta(1)
        else:
            start = border
        return start + timedelta(int(share * ((end - start).days + 1)))
