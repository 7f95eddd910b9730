"""What an event between the flights is, and the place it happens to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import numpy as np
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs.roofscape import Roof
from shared.demo_city.things import Thing
from shared.demo_city.town import Town
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.ground import Surface

EventKind = Literal[
    "demolition", "new_building", "extension", "new_storey", "roof_under_construction",
    "green_roof_added", "green_roof_dried", "pv_removed", "pv_enlarged", "thermal_added",
    "roof_renewed_other", "roof_renewed_same", "roof_cleaned", "pv_added",
    "new_pool", "gravel_garden", "new_sealing", "unsealing",
]  # fmt: skip
"""In the order of planning: what few places can take comes first."""
EVENT_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
FRESH_GREEN: Final = frozenset({"sedum_roof", "grass_roof"})
"""Covers of green roofs that are not dry."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change; what is None stays as it was.

    Args:
        kind: What changes.
        day: The first day on which it is seen.
        building: Place of its building in the list; -1 where only the ground changes.
        parcel: Place of its parcel in the list.
        after: The building afterwards.
        roof: Its roof afterwards.
        things: What is on its roof afterwards.
        surfaces: Surfaces of the parcel afterwards.
        cleared: Where things on the ground of the parcel are taken away.
        note: A sentence for people, in German.
    """

    kind: EventKind
    day: date
    building: int
    parcel: int
    after: Building | None = None
    roof: Roof | None = None
    things: tuple[Thing, ...] | None = None
    surfaces: tuple[Surface, ...] | None = None
    cleared: BaseGeometry | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class EventSite:
    """A place that an event may happen to.

    Args:
        town: The town on the day of the first flight.
        surfaces: Surfaces of the parcel.
        neighbours: All buildings on the parcel but the one that the event happens to.
        things: What is on the roof of the building.
        building: Place of its building in the list; the next free one for a new building; -1: none.
        parcel: Place of the parcel in the list.
        kind: Kind of the event.
    """

    town: Town
    surfaces: tuple[Surface, ...]
    neighbours: tuple[Building, ...]
    things: tuple[Thing, ...]
    building: int
    parcel: int
    kind: EventKind

    def stream(self, stage: str) -> np.random.Generator:
        """Return the random stream of one stage of this event."""
        town = self.town
        if 0 <= self.building < len(town.buildings):
            place = town.buildings[self.building].walls.centroid
        else:
            place = town.parcels[self.parcel].area.centroid
        return stream(town.plan.seed, f"{stage} {self.kind}", *place_ids(place.x, place.y))
