"""Look at a file before it is read: pages, size, resolution, what is unusual about it."""

from __future__ import annotations

from dataclasses import dataclass

from apps.archivair.pages import Limits, PageImage, open_source
from shared.contracts.finding import Finding
from shared.errors import N_, ItemError

LOAD_AHEAD = ("apps.archivair.pdf_pages", "apps.archivair.raster_pages")
"""Modules that `check_file` needs; see `shared.limited_reading`."""
LEAST_DPI = 150
LEAST_LONG_SIDE_PX = 1200
MM_PER_INCH = 25.4
_LOW_RESOLUTION = N_("Kleine Schrift kann fehlen. Am besten lesbar sind Scans mit 300 dpi.")


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What is known about a file before it is read.

    Args:
        pages: Number of pages.
        media_type: What it is, for example "application/pdf".
        findings: What a person should know.
    """

    pages: int
    media_type: str
    findings: tuple[Finding, ...]


def check_file(content: bytes, name: str, limits: Limits) -> FileCheck:
    """Count the pages and look at the first one.

    Args:
        content: All bytes.
        name: File name.
        limits: Largest input.

    Raises:
        ItemError: The file, or its only page, cannot be used.
    """
    with open_source(content, name, limits) as source:
        count = source.count
        findings = [_counted(count)]
        try:
            findings += _look_at(source.load(1))
        except ItemError:
            if count == 1:
                raise
            findings.append(
                Finding(
                    "hint",
                    "erste_seite_defekt",
                    N_("Die erste Seite lässt sich nicht öffnen. Die übrigen werden gelesen."),
                )
            )
    return FileCheck(count, source.media_type, tuple(findings))


def _counted(count: int) -> Finding:
    if count == 1:
        return Finding("ok", "eine_seite", N_("Die Datei hat eine Seite."))
    return Finding(
        "ok",
        "seiten",
        N_("Die Datei hat {pages} Seiten. Geprüft wurde die erste."),
        details={"pages": count},
    )


def _look_at(page: PageImage) -> list[Finding]:
    height, width = page.gray.shape
    pixels = {"width": width, "height": height}
    if page.dpi is None:
        text = N_(
            "Die Seite hat {width} x {height} Bildpunkte; ihre Auflösung steht nicht in der Datei."
        )
        findings = [Finding("ok", "groesse", text, details=pixels)]
        if max(width, height) < LEAST_LONG_SIDE_PX:
            small = N_("Die Seite hat wenige Bildpunkte.")
            findings.append(Finding("hint", "wenige_bildpunkte", small, _LOW_RESOLUTION))
        return [*findings, *page.notes]
    details = pixels | {
        "dpi": round(page.dpi),
        "width_mm": round(width / page.dpi * MM_PER_INCH),
        "height_mm": round(height / page.dpi * MM_PER_INCH),
    }
    text = N_(
        "Die Seite hat {width} x {height} Bildpunkte bei {dpi} dpi, "
        "das sind {width_mm} x {height_mm} mm."
    )
    findings = [Finding("ok", "groesse", text, details=details)]
    if page.dpi < LEAST_DPI:
        low = N_("Die Auflösung ist mit {dpi} dpi niedrig.")
        findings.append(Finding("hint", "aufloesung_niedrig", low, _LOW_RESOLUTION, details))
    return [*findings, *page.notes]
