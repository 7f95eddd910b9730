"""How long each stage of reading a page takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from apps.archivair.clean import clean_page
from apps.archivair.measure import as_scan
from apps.archivair.piece_reading import Engines, read_pieces
from apps.archivair.pipeline import read_page, turn_upright
from apps.archivair.rendering import RenderedPage
from apps.archivair.scan_check import check_scan

Json = dict[str, Any]
STAGES = (
    ("Scan-Prüfung", "scan check"),
    ("Papier ausgleichen und gerade richten", "evening out and straightening"),
    ("Zeilen finden, richtig herum drehen", "finding lines, turning upright"),
    ("Zeilen lesen und abstimmen", "reading lines and voting"),
    ("Wörter ordnen und auf die Seite setzen", "ordering words and placing them"),
)


def stage_figures(pages: Sequence[RenderedPage], engines: Engines) -> list[Json]:
    """Return the mean wall-clock seconds per page of each stage.

    Args:
        pages: Rendered pages.
        engines: What reads.
    """
    rows = [_seconds(page, engines) for page in pages]
    return [
        {
            "name": f"Dauer je Seite: {name}",
            "name_en": f"Time per page: {name_en}",
            "data": f"{len(pages)} gerenderte deutsche Seiten",
            "data_en": f"{len(pages)} rendered German pages",
            "value": round(sum(row[number] for row in rows) / len(rows), 3),
            "unit": "s",
            "digits": 2,
            "items": len(rows),
        }
        for number, (name, name_en) in enumerate(STAGES)
    ]


def _seconds(page: RenderedPage, engines: Engines) -> list[float]:
    """Time the stages one after the other; the last is what the whole takes beyond them."""
    scan = as_scan(page)
    marks = [time.monotonic()]
    check_scan(scan)
    marks.append(time.monotonic())
    clean = clean_page(scan.gray)
    marks.append(time.monotonic())
    upright = turn_upright(scan.gray, clean, engines.reader)
    marks.append(time.monotonic())
    read_pieces(upright.clean, upright.boxes, engines)
    marks.append(time.monotonic())
    read_page(scan, engines)
    whole = time.monotonic() - marks[-1]
    parts = [end - start for start, end in pairwise(marks)]
    return [*parts, max(0.0, whole - sum(parts))]
