"""Words for the kinds of things that tables and pictures name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.demo_city.labels import LAND_COVERS
from shared.errors import N_

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
WORDS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("events", "kind"): EVENTS,
    ("solar_units", "kind"): SOLAR,
    ("buildings", "use"): USES,
}
"""Words of a column by layer and column."""
