"""Figures on scanned book pages of the development data: error rates and order of lines."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.archivair.measure import BookMeasure, measure_book_page
from apps.archivair.metrics import (
    FRAKTUR,
    LENIENT,
    ErrorCount,
    Norm,
    interval_95,
    pooled,
)
from apps.archivair.piece_reading import Engines
from shared.geo.metrics import wilson_interval

CREDIT = "OCR-D ground truth (gt_structure_text), Deutsches Textarchiv / BBAW, CC BY-SA 4.0"
HASH = "data_sha256"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Book:
    """Scans of one book with PAGE XML.

    Args:
        folder: Below the folder of development data.
        name: German name of its pages inside of figures.
        name_en: The same in English.
        norm: What counts as equal.
        is_fraktur: Whether Tesseract reads it as Fraktur for comparison.
    """

    folder: str
    name: str
    name_en: str
    norm: Norm
    is_fraktur: bool


GARDENING = Book(
    "ocrd_pages/ruempler_gartenbau_1882",
    "Buchseiten von 1882 in Fraktur",
    "book pages of 1882 in Fraktur",
    FRAKTUR,
    is_fraktur=True,
)
NUMBERS = Book(
    "ocrd_pages/hilbert_zahlkoerper_1897",
    "Buchseiten von 1897 mit Formeln",
    "book pages of 1897 with formulae",
    LENIENT,
    is_fraktur=False,
)
BOOKS = (GARDENING, NUMBERS)


def book_figures(
    folder: Path, engines: Engines, stored: Path, book: Book, most: int | None = None
) -> list[Json]:
    """Measure pages of a book, or keep what was measured before.

    Args:
        folder: Scans with PAGE XML.
        engines: What reads.
        stored: Evaluation written before.
        book: Which book.
        most: Number of pages; None takes all.
    """
    scans = sorted(folder.glob("*.tif"))[:most]
    if not scans:
        sys.stderr.write(f"Die Entwicklungsdaten fehlen ({book.folder}); ihre Werte bleiben.\n")
        if not stored.is_file():
            return []
        known = json.loads(stored.read_bytes())["figures"]
        return [figure for figure in known if HASH in figure and book.name in figure["name"]]
    programs = engines.fraktur if book.is_fraktur else (engines.tesseract,)
    reference = next((one for one in programs if one is not None), None)
    measures = [measure_book_page(scan, engines, book.norm, reference) for scan in scans]
    digest = hashlib.sha256()
    for scan in scans:
        digest.update(scan.read_bytes() + scan.with_suffix(".xml").read_bytes())
    about = {
        "data": f"{len(scans)} {book.name} ({CREDIT})",
        "data_en": f"{len(scans)} {book.name_en} ({CREDIT})",
        HASH: digest.hexdigest(),
    }
    return [figure | about for figure in _figures(measures, book)]


def _figures(measures: Sequence[BookMeasure], book: Book) -> list[Json]:
    figures: list[Json] = []
    for part, part_en, counts in (
        ("Textzeilen", "text lines", [one.text for one in measures]),
        ("Formelzeilen", "formula lines", [one.formulae for one in measures]),
        ("alle Zeilen, nur Tesseract", "all lines, Tesseract alone",
         [one.reference for one in measures]),
    ):  # fmt: skip
        known = [count for count in counts if count is not None and count.characters]
        if known:
            figures.append(
                {
                    "name": f"Zeichenfehlerrate, {book.name}, {part}",
                    "name_en": f"Character error rate, {book.name_en}, {part_en}",
                    **_rate(known),
                }
            )
    if not figures:
        sys.stderr.write("Die Buchseiten haben keinen Text: gemessen wird nur die Reihenfolge.\n")
    in_order = [right for one in measures for right in one.in_order]
    if in_order:
        ends = wilson_interval(sum(in_order), len(in_order)) or ()
        figures.append(
            {
                "name": f"Zeilenpaare in richtiger Reihenfolge, {book.name}",
                "name_en": f"Pairs of lines in the right order, {book.name_en}",
                "value": round(sum(in_order) / len(in_order), 4),
                "unit": "percent",
                "digits": 1,
                "interval_95": [round(end, 4) for end in ends] or None,
                "items": len(in_order),
            }
        )
    return figures


def _rate(counts: Sequence[ErrorCount]) -> Json:
    return {
        "value": round(pooled(counts).rate, 5),
        "unit": "percent",
        "digits": 2,
        "interval_95": [round(end, 5) for end in interval_95(counts)],
        "items": sum(count.characters for count in counts),
    }
