"""Words for what tables, pictures and files name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from numbers import Integral
from typing import Final

from shared.demo_city import LAND_COVERS
from shared.errors import N_
from shared.i18n import Translator
from shared.report.blocks import Column
from shared.report.checks import Cell

# German words; English ones stand in the catalogue.
PICTURES: Final = {
    "image": N_("Luftbild"),
    "infrared": N_("Farbinfrarot: Pflanzen rot"),
    "map": N_("Karte der Bodenbedeckung"),
}
COVERS: Final = {cover.key: cover.name for cover in LAND_COVERS}
EVENTS: Final = {
    "roof_renewed_other": N_("Dach erneuert, andere Farbe"),
    "roof_renewed_same": N_("Dach erneuert, gleiche Farbe"),
    "roof_cleaned": N_("Dach gereinigt"),
    "roof_under_construction": N_("Dach im Bau"),
    "pv_added": N_("Photovoltaik neu"),
    "pv_enlarged": N_("Photovoltaik erweitert"),
    "pv_removed": N_("Photovoltaik entfernt"),
    "thermal_added": N_("Solarthermie neu"),
    "extension": N_("Anbau"),
    "new_storey": N_("Aufstockung"),
    "new_building": N_("Neubau"),
    "demolition": N_("Abriss"),
    "green_roof_added": N_("Gründach neu"),
    "green_roof_dried": N_("Gründach vertrocknet"),
    "unsealing": N_("Entsiegelung"),
    "gravel_garden": N_("Schottergarten neu"),
    "new_sealing": N_("Versiegelung neu"),
    "new_pool": N_("Schwimmbecken neu"),
}
SOLAR: Final = {
    "pv": N_("Photovoltaik"),
    "thermal": N_("Solarthermie"),
    "ground": N_("Photovoltaik auf dem Boden"),
}
USES: Final = {
    "residential": N_("Wohnen"),
    "non_residential": N_("Gewerbe und anderes"),
    "municipal": N_("städtisch"),
    "state": N_("staatlich"),
    "mixed": N_("gemischt"),
}
PARCEL_USES: Final = {
    "detached": N_("Einfamilienhaus"),
    "semi": N_("Doppelhaus"),
    "row": N_("Reihenhaus"),
    "terrace": N_("Reihenhausgruppe"),
    "villa": N_("Villa"),
    "block": N_("Blockrand"),
    "slab": N_("Zeilenbau"),
    "tower": N_("Punkthochhaus"),
    "farm": N_("Hof"),
    "hall": N_("Halle"),
    "office": N_("Büro"),
    "supermarket": N_("Supermarkt"),
    "petrol_station": N_("Tankstelle"),
    "tank_farm": N_("Tanklager"),
    "chemical_store": N_("Chemikalienlager"),
    "kita": N_("Kita"),
    "school": N_("Schule"),
    "nursing_home": N_("Pflegeheim"),
    "hospital": N_("Krankenhaus"),
    "town_hall": N_("Rathaus"),
    "fire_station": N_("Feuerwehr"),
    "church": N_("Kirche"),
    "station": N_("Bahnhof"),
    "bath": N_("Schwimmbad"),
    "ice_rink": N_("Eishalle"),
    "sports_ground": N_("Sportplatz"),
    "playground": N_("Spielplatz"),
    "park": N_("Park"),
    "cemetery": N_("Friedhof"),
    "allotments": N_("Kleingärten"),
    "nursery": N_("Gärtnerei"),
    "car_park": N_("Parkplatz"),
    "solar_field": N_("Solarfeld"),
}
WORDS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("events", "kind"): EVENTS,
    ("solar_units", "kind"): SOLAR,
    ("buildings", "use"): USES,
    ("parcels", "use"): PARCEL_USES,
}
"""Words of a column by layer and column."""


def cell_of(layer: str, column: Column, value: object, t: Translator) -> Cell:
    """Return a value of a layer as people read it: in words, a day, a number; None for nothing.

    Args:
        layer: Name of the layer.
        column: The column.
        value: What the layer holds.
        t: Translator of the app.
    """
    if value is None or value == "" or value != value:  # a missing number is not equal to itself
        return None
    words = WORDS.get((layer, column.key))
    if words is not None:
        return t(words[str(value)])
    if column.kind == "date":
        return date.fromisoformat(str(value)[:10])
    if column.kind == "number":
        return int(value) if isinstance(value, Integral) else float(str(value))
    return str(value)
