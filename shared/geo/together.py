"""Several images at once: one folder, or two vintages of the same place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts.finding import Finding
from shared.errors import N_, CoordinatesMixed, YearMissing
from shared.geo.raster import RasterInfo

SAME_GSD = 0.02
"""Resolutions that differ by no more than this share count as equal."""
_YEAR = re.compile(r"(?<!\d)(19[5-9]\d|20\d\d)(?:[-_]?(?:0[1-9]|1[0-2])[-_]?[0-3]\d)?(?!\d)")
_WITHOUT = "?"

_OTHER_RESOLUTION = Finding(
    "hint",
    "jahrgaenge_aufloesung",
    N_("Die Bilder haben {first} cm und {second} cm je Bildpunkt."),
    N_("Verglichen wird mit der gröberen Auflösung; kleine Änderungen können fehlen."),
)
_WRONG_ORDER = Finding(
    "stop",
    "jahrgaenge_reihenfolge",
    N_("Das erste Bild ist von {first}, das zweite von {second}."),
    N_("Bitte wählen Sie zuerst das ältere Bild."),
)


@dataclass(frozen=True, slots=True)
class Vintage:
    """An image and the year of its flight.

    Args:
        info: The image.
        year: Year that a person or the supplier named; None where nobody has.
    """

    info: RasterInfo
    year: int | None


def common_system(infos: Sequence[RasterInfo]) -> str | None:
    """Return the one coordinate system of all images of a folder; None where none has one.

    Args:
        infos: The images.

    Raises:
        CoordinatesMixed: They differ, or only some have one.
    """
    systems = {info.crs for info in infos}
    if len(systems) > 1:
        raise CoordinatesMixed(systems=", ".join(sorted(one or _WITHOUT for one in systems)))
    return systems.pop() if systems else None


def check_vintages(before: Vintage, after: Vintage) -> list[Finding]:
    """Compare two images of the same place before their differences are looked for.

    Args:
        before: The older image.
        after: The newer image.

    Raises:
        YearMissing: Nobody named the year of one.
        CoordinatesMixed: They lie in different systems.
    """
    for one in (before, after):
        if one.year is None:
            raise YearMissing(name=one.info.name)
    common_system([before.info, after.info])
    findings = []
    if before.year is not None and after.year is not None and before.year > after.year:
        details: dict[str, object] = {"first": before.year, "second": after.year}
        findings.append(
            Finding("stop", _WRONG_ORDER.code, _WRONG_ORDER.text, _WRONG_ORDER.remedy, details)
        )
    first, second = before.info.gsd_m, after.info.gsd_m
    if first is not None and second is not None and abs(first / second - 1) > SAME_GSD:
        details = {"first": first * 100, "second": second * 100}
        findings.append(
            Finding(
                "hint",
                _OTHER_RESOLUTION.code,
                _OTHER_RESOLUTION.text,
                _OTHER_RESOLUTION.remedy,
                details,
            )
        )
    return findings


def year_in_name(name: str) -> int | None:
    """Suggest the year of a flight from a file name; None where it names none or several.

    Args:
        name: File name, for example "dop20_380000_5720000_2023.tif".
    """
    years = {int(match[1]) for match in _YEAR.finditer(name)}
    return years.pop() if len(years) == 1 else None
