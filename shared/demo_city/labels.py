"""Codes of the label images: land cover, finer cover, solar units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.errors import N_

NO_DATA: Final = 255
"""Code of pixels without data in all label images."""


@dataclass(frozen=True, slots=True)
class LandCover:
    """A class of the label images.

    Args:
        key: Its name in the code.
        name: Its German name.
        sealed: Share of the ground it seals, 0 to 1; None where only a part is known to be.
    """

    key: str
    name: str
    sealed: float | None


LAND_COVERS: Final = (
    LandCover("roof_pitched", N_("Dach geneigt"), 1.0),
    LandCover("roof_flat", N_("Dach flach"), 1.0),
    LandCover("roof_green", N_("Gründach"), 1.0),
    LandCover("asphalt", N_("Asphalt/Beton"), 1.0),
    LandCover("paved", N_("Pflaster/Platten"), 1.0),
    LandCover("gravel_rail", N_("Schotter, Kies, Gleis"), None),
    LandCover("water", N_("Wasser, Becken"), 0.0),
    LandCover("grass", N_("Gras, Beet, niedriges Grün"), 0.0),
    LandCover("tree", N_("Baum, Strauch, Hecke"), 0.0),
    LandCover("bare_soil", N_("Acker, offener Boden"), 0.0),
)
LABELS: Final = tuple(cover.key for cover in LAND_COVERS)
"""Land cover as seen from above; the place in this list is the code in the label images."""
SEALED: Final = tuple(code for code, cover in enumerate(LAND_COVERS) if cover.sealed == 1)
PARTLY_SEALED: Final = tuple(code for code, cover in enumerate(LAND_COVERS) if cover.sealed is None)

FINE_NAMES: Final = {
    "tile_roof": "Ziegel- oder Schieferdach",
    "metal_roof": "Blechdach",
    "felt_roof": "Bahnendach (Bitumen, Folie)",
    "gravel_roof": "Kiesdach",
    "extensive_green_roof": "Gründach extensiv",
    "intensive_green_roof": "Gründach intensiv",
    "other_roof": "Dachterrasse, Glasdach",
    "asphalt_road": "Fahrbahn",
    "asphalt_parking": "Stellplatz, Hof aus Asphalt oder Beton",
    "pavement": "Gehweg",
    "paving": "Pflaster, Platten",
    "setts": "Natursteinpflaster",
    "open_paving": "Pflaster mit offenen Fugen",
    "grass_pavers": "Rasengittersteine",
    "artificial_turf": "Kunstrasen",
    "gravel_garden": "Schottergarten",
    "gravel_surface": "Schotterfläche",
    "track_ballast": "Gleisschotter",
    "water": "Gewässer",
    "pool": "Schwimmbecken",
    "lawn": "Rasen, Wiese",
    "planting": "Beet, Ackerfrucht",
    "tree": "Baum, Strauch, Hecke",
    "bare_soil": "Offener Boden",
}
"""German names of the finer codes by their key."""
FINE: Final = tuple(FINE_NAMES)
"""Finer cover; the place in this list is the code in the fine label images."""

SolarKind = Literal["none", "pv", "thermal", "pv_ground"]
SOLAR: Final[tuple[SolarKind, ...]] = get_args(SolarKind)
"""Kinds of solar units; the place in this list is the code in the images of solar units."""
SOLAR_NAMES: Final = (
    "keine Solaranlage",
    "Photovoltaik",
    "Solarthermie",
    "Photovoltaik auf dem Boden",
)
"""German names of the kinds of solar units by their code."""
