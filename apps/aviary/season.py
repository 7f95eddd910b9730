"""The season of an aerial image against the one that a recipe was made for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from shared.contracts.finding import Finding
from shared.errors import N_, CatalogueText

MONTHS: Final = (
    N_("Januar"),
    N_("Februar"),
    N_("März"),
    N_("April"),
    N_("Mai"),
    N_("Juni"),
    N_("Juli"),
    N_("August"),
    N_("September"),
    N_("Oktober"),
    N_("November"),
    N_("Dezember"),
)


def check_season(taken_on: date | None, season: Sequence[int]) -> list[Finding]:
    """Compare the month of an image with those of a recipe; never stops the work.

    An unknown day is no reservation: most images without a place on the map do not state one, and
    a yellow light on nearly every image would be overlooked on the few that deserve it.

    Args:
        taken_on: Day on which the image was taken; None where nobody knows.
        season: Months of the recipe, 1 to 12; empty where it names none.

    Returns:
        One finding, "ok" or "hint"; none where the recipe names no months.
    """
    if not season:
        return []
    if len(season) == len(MONTHS):
        return [Finding("ok", "jahreszeit", N_("Das Rezept gilt zu jeder Jahreszeit."))]
    details: dict[str, object] = {"first": month_name(season[0]), "last": month_name(season[-1])}
    if taken_on is None:
        text = N_(
            "Wann das Bild aufgenommen wurde, ist nicht bekannt. "
            "Das Rezept ist für Bilder von {first} bis {last} gemacht."
        )
        remedy = N_("Geben Sie den Tag der Aufnahme an, wenn Sie ihn kennen.")
        return [Finding("ok", "jahreszeit_unbekannt", text, remedy, details)]
    details.update(month=month_name(taken_on.month), year=str(taken_on.year))
    if taken_on.month in season:
        text = N_("Das Bild ist vom {month} {year}. Das passt zur Jahreszeit des Rezepts.")
        return [Finding("ok", "jahreszeit", text, details=details)]
    text = N_(
        "Das Bild ist vom {month} {year}. Das Rezept ist für Bilder von {first} bis {last} gemacht."
    )
    remedy = N_(
        "Sie können trotzdem starten; kahle Bäume, lange Schatten oder Schnee machen das "
        "Ergebnis unsicherer."
    )
    return [Finding("hint", "jahreszeit_ungeeignet", text, remedy, details)]


def month_name(month: int) -> CatalogueText:
    """Return the name of a month, 1 to 12, that is translated with the text it stands in."""
    return CatalogueText(MONTHS[month - 1])


def name_months(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Make the names of months translatable again in findings that were written to a file.

    Args:
        findings: As they were read; a file keeps the name, and not that it is in the catalogue.
    """
    return tuple(
        replace(
            one,
            details={
                key: CatalogueText(value) if value in MONTHS else value
                for key, value in one.details.items()
            },
        )
        for one in findings
    )
