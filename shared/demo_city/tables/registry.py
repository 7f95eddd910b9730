"""Which tables the city has, who makes them, and which are still to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from shared.demo_city.building_files import city_files
from shared.demo_city.tables import (
    building_tables,
    land_tables,
    people_grid,
    places,
    plans,
    region,
    street_tables,
)
from shared.demo_city.tables.snapshot import Snapshot
from shared.errors import TableNotYet, TableUnknown


@dataclass(frozen=True, slots=True)
class TableKind:
    """A table of the city.

    Args:
        title: Name for people, in German.
        make: Makes it from the town on one day.
        is_layer: Whether it has geometries.
    """

    title: str
    make: Callable[[Snapshot], pd.DataFrame]
    is_layer: bool = True


TABLES: Final[dict[str, TableKind]] = {
    "districts": TableKind("Ortsteile", land_tables.districts),
    "streets": TableKind("Straßen", street_tables.streets),
    "road_graph": TableKind("Straßennetz: Kanten", street_tables.road_graph),
    "road_nodes": TableKind("Straßennetz: Knoten", street_tables.road_nodes),
    "parcels": TableKind("Flurstücke", land_tables.parcels),
    "addresses": TableKind("Adressen", building_tables.addresses),
    "buildings": TableKind("Gebäude", building_tables.buildings),
    "roof_planes": TableKind("Dachflächen", building_tables.roof_planes),
    "solar_units": TableKind("Solaranlagen", building_tables.solar_units),
    "land_cover": TableKind("Bodenbedeckung", land_tables.land_cover),
    "trees": TableKind("Bäume", land_tables.trees),
    "events": TableKind("Veränderungen", building_tables.events, is_layer=False),
    "places": TableKind("Orte des Alltags", places.places),
    "plans": TableKind("Pläne und Schutzgebiete", plans.plans),
    "region": TableKind("Musterkreis: Grenze, Städte, Dörfer", region.region),
    "people_grid": TableKind("Bevölkerung im 100-m-Gitter", people_grid.people_grid),
    "people_grid_noisy": TableKind(
        "Bevölkerung im 100-m-Gitter, mit Geheimhaltung", people_grid.noisy_people_grid
    ),
    "people_pieces": TableKind(
        "Bevölkerung nach Gitterzelle und Ortsteil", people_grid.district_people, is_layer=False
    ),
    "building_files": TableKind("Bauakten", city_files.building_files, is_layer=False),
    "building_file_contradictions": TableKind(
        "Widersprüche zwischen Bauakten und Register", city_files.contradictions, is_layer=False
    ),
}
"""All tables by name; a new table is one entry here."""
ALIASES: Final = {"population_grid": "people_grid", "pois": "places"}
LATER: Final = {
    "gtfs": "AIMOS",
    "sensors": "AirguardAI",
    "weather": "SmartEnergie",
    "registers": "Sovia",
    "lab": "UrbanShieldAI",
}
"""Tables that come with an app of the gallery, and the app; who makes one moves it up."""


def real_name(name: str) -> str:
    """Return the name of a table that may be given by another name.

    Args:
        name: Name or alias.

    Raises:
        TableNotYet: The table comes with an app that is not there yet.
        TableUnknown: There is no such table.
    """
    name = ALIASES.get(name, name)
    if name in TABLES:
        return name
    if name in LATER:
        raise TableNotYet(name=name, app=LATER[name])
    raise TableUnknown(name=name, known=", ".join(TABLES))
