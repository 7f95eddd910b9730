"""What all tables of the city are made from: the town on one day, with the ids of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon

from shared.demo_city.events.kinds import Event
from shared.demo_city.settings import CRS, MUNICIPALITY_KEY, CitySettings
from shared.demo_city.tables.addresses import Address, number_houses
from shared.demo_city.tables.building_facts import BuildingFacts, building_facts
from shared.demo_city.tables.people import people_of
from shared.demo_city.town import Town
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.overlay import polygons

GRID_M: Final = 2.0**-20
"""Coordinates of tables are multiples of about a micrometre."""
SLIVER_M2: Final = 1e-3
"""Smaller pieces that an overlay left are no areas of their own."""


@dataclass(frozen=True)
class Snapshot:
    """The town on one day, and what does not change with the day.

    Args:
        settings: Settings of the city.
        first: The town as it was built, on the day of the first flight.
        town: The town on the day; new buildings follow those of the first one.
        events: All events, whether before the day or after it.
        day: The day.
        is_history: Whether the tables also show buildings that no longer stand on the day.
    """

    settings: CitySettings
    first: Town
    town: Town
    events: tuple[Event, ...]
    day: date
    is_history: bool = False

    def frame(
        self, columns: Mapping[str, object], areas: Sequence[shapely.Geometry]
    ) -> gpd.GeoDataFrame:
        """Return a layer in EPSG:25832.

        Args:
            columns: Values by column, each as long as the areas.
            areas: Geometries in metres from the lower left corner of the city.
        """
        origin = np.array(self.settings.origin_m)
        moved = shapely.transform(_on_grid(areas), lambda places: places + origin)
        return gpd.GeoDataFrame(dict(columns), geometry=moved, crs=CRS)

    @cached_property
    def district_ids(self) -> dict[int, str]:
        """Id by number of the district."""
        return {
            one.number: f"{MUNICIPALITY_KEY}-{one.number:02d}" for one in self.first.plan.districts
        }

    @cached_property
    def street_ids(self) -> tuple[str, ...]:
        """Id of each street of the network."""
        count = len(self.first.network.streets)
        return tuple(f"{MUNICIPALITY_KEY}-{number:05d}" for number in range(1, count + 1))

    @cached_property
    def origins(self) -> tuple[Building, ...]:
        """All buildings that ever stand, as they were built."""
        return (*self.first.buildings, *self.town.buildings[len(self.first.buildings) :])

    @cached_property
    def building_ids(self) -> tuple[str, ...]:
        """Id of each building: the place where it was built."""
        return tuple(building_ids([one.walls for one in self.origins]))

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """Places in the list of those buildings that the tables show."""
        not_yet = {index for index, day in self.built_on.items() if day > self.day}
        hidden = not_yet if self.is_history else self.town.gone
        return tuple(index for index in range(len(self.town.buildings)) if index not in hidden)

    @cached_property
    def built_on(self) -> dict[int, date]:
        """Day on which each new building was finished, by its place in the list."""
        return {one.building: one.day for one in self.events if one.kind == "new_building"}

    @cached_property
    def gone_on(self) -> dict[int, date]:
        """Day on which each building was pulled down by the day of the snapshot."""
        return {
            one.building: one.day
            for one in self.events
            if one.kind == "demolition" and one.day <= self.day
        }

    @cached_property
    def events_of(self) -> dict[int, tuple[Event, ...]]:
        """Events of each building, the earliest first."""
        found: dict[int, tuple[Event, ...]] = {}
        for one in self.events:
            if one.building >= 0:
                found[one.building] = (*found.get(one.building, ()), one)
        return found

    @cached_property
    def fronts(self) -> tuple[Frame | None, ...]:
        """Front of each parcel; None where it has no straight side on a street."""
        return tuple(parcel.front for parcel in self.first.parcels)

    @cached_property
    def street_of_parcel(self) -> NDArray[np.int64]:
        """Place in `network.streets` of the street of each parcel; without one: the nearest."""
        parcels = self.first.parcels
        found = np.array([one.street for one in parcels], dtype=np.int64)
        lonely = np.flatnonzero(found < 0)
        if len(lonely):
            lines = shapely.STRtree([one.line for one in self.first.network.streets])
            found[lonely] = lines.nearest([parcels[index].area for index in lonely])
        return found

    @cached_property
    def addresses(self) -> tuple[Address, ...]:
        """Addresses of all main buildings that ever stand; they never change."""
        return number_houses(self.first, self.origins, self.fronts, self.street_of_parcel)

    @cached_property
    def address_of(self) -> tuple[str, ...]:
        """Id of the address of each building; side buildings take the one of the nearest house.

        Only houses that the tables show lend their address.
        """
        shown = set(self.shown)
        made = [one for one in self.addresses if one.building in shown]
        tree = shapely.STRtree([one.entrance for one in made])
        own = {one.building: one.building for one in self.addresses}
        on_parcel: dict[int, int] = {}
        for one in made:
            on_parcel.setdefault(self.origins[one.building].parcel, one.building)
        found = []
        for index, building in enumerate(self.origins):
            house = own.get(index, on_parcel.get(building.parcel))
            if house is None:
                house = made[int(tree.nearest(building.walls.centroid))].building
            found.append(address_id(self.building_ids[house]))
        return tuple(found)

    @cached_property
    def facts(self) -> tuple[BuildingFacts, ...]:
        """Facts about each building."""
        return building_facts(self.town, self.origins, self.built_on)

    @cached_property
    def people(self) -> NDArray[np.int64]:
        """People in each building of `shown`, columns as `people.COUNTS`."""
        everybody = people_of(self.settings.seed, self.origins, self.facts, self.town.gone)
        return everybody[list(self.shown)]


def _on_grid(areas: Sequence[shapely.Geometry]) -> NDArray[np.object_]:
    """Return geometries whose coordinates stay exact when the origin is added to them.

    Far coordinates have fewer digits: without this, narrow outlines would cross themselves.
    """
    made = np.array(areas, dtype=object)
    rounded: NDArray[np.object_] = shapely.transform(
        made, lambda places: np.round(places / GRID_M) * GRID_M
    )
    crossing = np.flatnonzero(~shapely.is_valid(rounded))
    repaired = shapely.set_precision(made[crossing], GRID_M)
    for index, geometry in zip(crossing, repaired, strict=True):
        pieces = polygons(geometry)
        large = [piece for piece in pieces if piece.area > SLIVER_M2]
        rounded[index] = large[0] if len(large) == 1 else MultiPolygon(large)
    return rounded


def address_id(building: str) -> str:
    """Return the id of the address of a building."""
    return f"A-{building}"


def building_ids(walls: Sequence[shapely.Geometry]) -> list[str]:
    """Return 16 characters per building that follow from its place alone, in decimetres.

    Args:
        walls: Outlines in metres from the lower left corner of the city.
    """
    middle = shapely.get_coordinates(shapely.centroid(np.array(walls, dtype=object)))
    x, y = np.round(middle * 10).astype(int).T
    return [f"DEMU05{east:05d}{north:05d}" for east, north in zip(x, y, strict=True)]


def days(values: Sequence[date | None]) -> pd.Series:
    """Return days as a column; None becomes an empty cell."""
    return pd.Series(np.array(values, dtype="datetime64[s]"))
