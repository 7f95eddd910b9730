"""A sheet about a part of the town: the picture, what its colours mean, the town in figures."""

from __future__ import annotations

from dataclasses import dataclass

from apps.musterstadt.pictures import PALETTE, TownPicture
from apps.musterstadt.town import TownFigures
from apps.musterstadt.words import COVERS
from shared.contracts.provenance import Provenance
from shared.i18n import Translator
from shared.report.blocks import Callout, Figure, Figures, Heading, LegendEntry, Map, Paragraph
from shared.report.document import Report


def key_figures(town: TownFigures, t: Translator) -> tuple[tuple[str, float, str, int], ...]:
    """Return the figures of the town with label, value, unit and digits.

    Args:
        town: Figures of the whole town.
        t: Translator of the app.
    """
    return (
        (t("Einwohner"), town.inhabitants, "", 0),
        (t("Gebäude"), town.buildings, "", 0),
        (t("Adressen"), town.addresses, "", 0),
        (t("Straßen"), town.streets_km, "km", 1),
        (t("Bäume"), town.trees, "", 0),
        (t("Solaranlagen"), town.solar_units, "", 0),
        (t("Änderungen in drei Jahren"), town.changes, "", 0),
        (t("Boden versiegelt"), 100 * town.sealed_share, "%", 0),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its words.

    Args:
        title: Name of the part of the town.
        kind: Which kind of picture it is.
        vintage: Year of the flight.
        picture: The picture.
        is_map: Whether its colours are those of the map.
    """

    title: str
    kind: str
    vintage: str
    picture: TownPicture
    is_map: bool


def build_report(
    shown: Shown, town: TownFigures, origin: Provenance, tenant: str, t: Translator
) -> Report:
    """Return the sheet.

    Args:
        shown: The picture with its words.
        town: Figures of the whole town.
        origin: Where the picture comes from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
    """
    west, south, east, north = shown.picture.bounds_m
    legend = tuple(
        LegendEntry(colour, t(COVERS[key])) for key, colour in PALETTE.items() if shown.is_map
    )
    return Report(
        title=t("Musterstadt: {area}", area=shown.title),
        subtitle=f"{shown.kind}, {shown.vintage}",
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=(
            Callout(t("Beispieldaten: Diese Stadt ist erfunden, jeder Bildpunkt gerechnet.")),
            Map(
                "ausschnitt",
                shown.picture.jpeg,
                t("{picture}: {area}", picture=shown.kind, area=shown.title),
                legend,
            ),
            Paragraph(
                t(
                    "Der Ausschnitt ist {width} breit und {height} hoch.",
                    width=t.number(east - west, 0, "m"),
                    height=t.number(north - south, 0, "m"),
                )
            ),
            Heading(t("Die Stadt in Zahlen")),
            Figures(tuple(Figure(*one) for one in key_figures(town, t))),
        ),
        language=t.language,
    )
