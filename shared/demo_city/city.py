"""The demo city as apps see it: layers and tables by name, on any day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd

from shared.demo_city.events.kinds import Event
from shared.demo_city.events.plan import plan_events
from shared.demo_city.events.state import town_on
from shared.demo_city.garbage_pause import collector_paused
from shared.demo_city.render.painted import Painted
from shared.demo_city.roofs.lod2 import export_lod2
from shared.demo_city.settings import CitySettings
from shared.demo_city.store.city_folder import folder_of_city
from shared.demo_city.store.tiles import flight_of
from shared.demo_city.tables.cache import read_tables, write_tables, written_ns
from shared.demo_city.tables.registry import TABLES, real_name
from shared.demo_city.tables.snapshot import Snapshot
from shared.demo_city.town import Town, build_town
from shared.demo_city.vectors.musterstadt import plan_musterstadt
from shared.errors import TableUnknown

NOISY: Final = {"people_grid": "people_grid_noisy"}
"""Tables as official statistics would publish them, by the name of the exact one."""


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One entry of the list of tables.

    Args:
        name: Name for programs.
        title: Name for people, in German.
        rows: Number of rows.
        is_layer: Whether it has geometries.
    """

    name: str
    title: str
    rows: int
    is_layer: bool


class DemoCity:
    """The demo city; everything is made when it is first asked for.

    Args:
        settings: Its settings.
    """

    def __init__(self, settings: CitySettings) -> None:
        self.settings = settings
        self.day = settings.flights[-1]
        self._made: dict[str, pd.DataFrame] = {}
        self._painted: dict[str, Painted] = {}
        self._whole: DemoCity = self

    def table(self, name: str, *, noisy: bool = False) -> pd.DataFrame:
        """Return a table or layer.

        Args:
            name: Its name or another name of it, see `layers()`.
            noisy: Take the people grid as official statistics would publish it.

        Returns:
            A copy that may be changed; `attrs["is_example"]` is True.

        Raises:
            TableNotYet: It comes with an app that is not there yet.
            TableUnknown: There is no such table, or no noisy one.
        """
        name = real_name(name)
        if noisy and name not in NOISY:
            raise TableUnknown(name=f"{name} (noisy)", known=", ".join(NOISY))
        table = self._table(NOISY[name] if noisy else name).copy()
        table.attrs["is_example"] = True
        return table

    def _table(self, name: str) -> pd.DataFrame:
        """Return the table that is held, made if it is asked for the first time."""
        if name not in self._made:
            with collector_paused():
                self._made[name] = TABLES[name].make(self.snapshot)
        return self._made[name]

    def layer(self, name: str, *, noisy: bool = False) -> gpd.GeoDataFrame:
        """Return a layer in EPSG:25832.

        Args:
            name: Its name or another name of it, see `layers()`.
            noisy: Take the people grid as official statistics would publish it.

        Raises:
            TableNotYet: It comes with an app that is not there yet.
            TableUnknown: There is no such table, or it has no geometries.
        """
        table = self.table(name, noisy=noisy)
        if not isinstance(table, gpd.GeoDataFrame):
            names = [one for one, kind in TABLES.items() if kind.is_layer]
            raise TableUnknown(name=name, known=", ".join(names))
        return table

    def keep(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Take tables that were made before.

        Args:
            tables: By name.
        """
        self._made.update(tables)

    def layers(self) -> tuple[LayerInfo, ...]:
        """Return the list of all tables."""
        with collector_paused():
            return tuple(
                LayerInfo(name, kind.title, len(self._table(name)), kind.is_layer)
                for name, kind in TABLES.items()
            )

    def as_of(self, day: date) -> DemoCity:
        """Return the city as it was on a day: only what stood then.

        Args:
            day: The day; earlier than the first flight shows the state of the first flight.
        """
        return _CityOn(self._whole, day)

    def town(self, vintage: str) -> Town:
        """Return the town as a flight saw it, in metres from its lower left corner.

        Args:
            vintage: Year of the flight, for example "2026".

        Raises:
            KeyError: There was no flight in that year.
        """
        return self.as_of(self.flight(vintage)).snapshot.town

    def flight(self, vintage: str) -> date:
        """Return the day of a flight.

        Args:
            vintage: Its year, for example "2026".

        Raises:
            KeyError: There was no flight in that year.
        """
        return flight_of(self.settings, vintage)

    def painted(self, vintage: str) -> Painted:
        """Return what images of a flight are rendered from.

        Args:
            vintage: Year of the flight, for example "2026".

        Raises:
            KeyError: There was no flight in that year.
        """
        if vintage not in self._painted:
            with collector_paused():
                self._painted[vintage] = Painted.of(self.town(vintage))
        return self._painted[vintage]

    def export_lod2(self, path: Path) -> int:
        """Write the buildings that stand on the day with their roofs (LoD2).

        Args:
            path: File to write; `.json` makes CityJSON 2.0, `.gml` CityGML 2.0.

        Returns:
            Number of buildings.

        Raises:
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: Any other fault of the disk.
            ValueError: The suffix is another one.
        """
        town, ids = self.snapshot.town, self.snapshot.building_ids
        roofs = [roof for roof in town.roofs if roof.building not in town.gone]
        names = [ids[roof.building] for roof in roofs]
        export_lod2(path, roofs, names, self.settings.origin_m)
        return len(roofs)

    @cached_property
    def first_town(self) -> Town:
        """The town on the day of the first flight."""
        return build_town(plan_musterstadt(self.settings))

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What happens between the flights, by day."""
        return plan_events(self.first_town, self.settings)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The town on the day, with the ids of everything."""
        return self._snapshot(is_history=True)

    def _snapshot(self, *, is_history: bool) -> Snapshot:
        first, events = self._whole.first_town, self._whole.events
        town = town_on(first, events, self.day)
        return Snapshot(self.settings, first, town, events, self.day, is_history)


class _CityOn(DemoCity):
    """The city on one day; it shares town and events with the whole city."""

    def __init__(self, whole: DemoCity, day: date) -> None:
        super().__init__(whole.settings)
        self.day, self._whole = day, whole

    @cached_property
    def snapshot(self) -> Snapshot:
        """The town on the day, with the ids of everything."""
        return self._snapshot(is_history=False)


def build_city(settings: CitySettings, folder: Path | None = None) -> DemoCity:
    """Build the demo city, vectors only; with a folder the second call takes about a second.

    Args:
        settings: Its settings.
        folder: Folder of all demo cities of an installation, where the tables are kept for the next
            time (`Settings.demo_city_folder`); None: nowhere.

    Returns:
        The city. Its tables show the day of the newest flight; `buildings` also has those that were
        pulled down between the flights, with the day in `valid_to`.
    """
    city = DemoCity(settings)
    if folder is not None:
        place = folder_of_city(folder, settings)
        tables = _kept(place, settings, written_ns(place))
        if tables is None or TABLES.keys() - tables.keys():  # an earlier version knew fewer
            tables = {name: city.table(name) for name in TABLES}
            write_tables(place, settings, tables)
        city.keep(tables)
    return city


@lru_cache(maxsize=1)
def _kept(place: Path, settings: CitySettings, written: int) -> dict[str, pd.DataFrame] | None:
    """Return the tables of a folder, read once for all apps of a process."""
    return read_tables(place, settings) if written else None
