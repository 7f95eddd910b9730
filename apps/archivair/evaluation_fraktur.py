"""Figures on lines of Fraktur of works that nothing was fitted on, engine by engine and by vote."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from apps.archivair.fraktur_lines import CREDIT, Split, TrueLine, read_true_lines, table_sha256
from apps.archivair.line_files import open_line
from apps.archivair.line_reading import read_lines
from apps.archivair.metrics import (
    FRAKTUR,
    FRAKTUR_TODAY,
    ErrorCount,
    Norm,
    cer,
    interval_95,
    normalize,
    pooled,
)
from apps.archivair.piece_reading import Engines

LINES_AT_ONCE = 40
HASH = "lines_sha256"
VOTE = "vote"
SPLITS: tuple[tuple[Split, str, str], ...] = (
    ("test", "Frakturzeilen unbekannter Werke", "lines of Fraktur of unseen works"),
    ("transfer", "Frakturzeilen einer anderen Sammlung", "lines of Fraktur of another collection"),
)
NAMES: Mapping[str, tuple[str, str]] = {
    VOTE: ("Abstimmung", "vote"),
    "fraktur_line": ("eigenes Modell allein", "own model alone"),
    "ppocr": ("PP-OCRv6 allein", "PP-OCRv6 alone"),
    "tesseract_frk": ("Tesseract frk allein", "Tesseract frk alone"),
    "tesseract_fraktur": ("Tesseract Fraktur+deu allein", "Tesseract Fraktur+deu alone"),
}
Json = dict[str, Any]


def fraktur_figures(
    data: Path, engines: Engines, stored: Path, most: int | None = None
) -> list[Json]:
    """Measure lines of the development data, or keep what was measured before.

    Args:
        data: Folder of development data.
        engines: What reads.
        stored: Evaluation written before.
        most: Lines of each collection, spread over its works; None takes all.
    """
    figures: list[Json] = []
    for split, name, name_en in SPLITS:
        lines = _spread(read_true_lines(data, split), most)
        if not lines:
            sys.stderr.write("Die Frakturzeilen fehlen; ihre gemessenen Werte bleiben.\n")
            return _stored(stored)
        works = len({line.work for line in lines})
        about = {
            "data": f"{len(lines)} Zeilen aus {works} gedruckten Werken des 19. Jahrhunderts "
            f"({CREDIT})",
            "data_en": f"{len(lines)} lines of {works} works of the 19th century ({CREDIT})",
            HASH: table_sha256(data),
        }
        for engine, texts in read_texts(lines, engines).items():
            figures += [
                figure | about for figure in line_figures(lines, texts, engine, (name, name_en))
            ]
    return figures


def read_texts(lines: Sequence[TrueLine], engines: Engines) -> dict[str, list[str]]:
    """Return what each engine and the vote read.

    Args:
        lines: Lines with known text.
        engines: What reads.
    """
    texts: dict[str, list[str]] = {VOTE: []}
    for start in range(0, len(lines), LINES_AT_ONCE):
        part = lines[start : start + LINES_AT_ONCE]
        for read in read_lines([open_line(line.path) for line in part], engines, "fraktur"):
            texts[VOTE].append(read.text)
            for one in read.candidates:
                texts.setdefault(one.engine, []).append(one.text)
    return texts


def line_figures(
    lines: Sequence[TrueLine], texts: Sequence[str], engine: str, names: tuple[str, str]
) -> list[Json]:
    """Return error rates of characters and words and the share of lines without an error.

    Args:
        lines: Lines with known text.
        texts: What was read, in the same order.
        engine: Who read it.
        names: German and English name of the lines.
    """
    (of, of_en), (who, who_en) = names, NAMES[engine]
    pairs = [(line, text) for line, text in zip(lines, texts, strict=True)]
    perfect = [normalize(line.text, FRAKTUR) == normalize(text, FRAKTUR) for line, text in pairs]
    rates = (
        ("Zeichenfehlerrate", "Character error rate", _by_work(pairs, FRAKTUR)),
        (
            "Zeichenfehlerrate mit heutigen Umlauten",
            "Character error rate with today's umlauts",
            _by_work(pairs, FRAKTUR_TODAY),
        ),
        ("Wortfehlerrate", "Word error rate", _words_by_work(pairs)),
    )
    figures: list[Json] = [
        {
            "name": f"{name}, {of}, {who}",
            "name_en": f"{name_en}, {of_en}, {who_en}",
            "value": round(pooled(counts).rate, 5),
            "unit": "percent",
            "digits": 2,
            "interval_95": [round(end, 5) for end in interval_95(counts)],
            "items": pooled(counts).characters,
        }
        for name, name_en, counts in rates
    ]
    figures.append(
        {
            "name": f"Zeilen ohne Fehler, {of}, {who}",
            "name_en": f"Lines without an error, {of_en}, {who_en}",
            "value": round(sum(perfect) / len(perfect), 4),
            "unit": "percent",
            "digits": 1,
            "items": len(perfect),
        }
    )
    return figures


def _by_work(pairs: Sequence[tuple[TrueLine, str]], norm: Norm) -> list[ErrorCount]:
    """Return one count per work: lines of one work share its print and its faults."""
    counts: dict[str, list[ErrorCount]] = {}
    for line, text in pairs:
        counts.setdefault(line.work, []).append(cer(line.text, text, norm))
    return [pooled(found) for found in counts.values()]


def _words_by_work(pairs: Sequence[tuple[TrueLine, str]]) -> list[ErrorCount]:
    counts: dict[str, list[ErrorCount]] = {}
    for line, text in pairs:
        truth, read = (normalize(one, FRAKTUR).split(" ") for one in (line.text, text))
        count = ErrorCount(Levenshtein.distance(truth, read), len(truth))
        counts.setdefault(line.work, []).append(count)
    return [pooled(found) for found in counts.values()]


def _spread(lines: Sequence[TrueLine], most: int | None) -> list[TrueLine]:
    if most is None or len(lines) <= most:
        return list(lines)
    return [lines[number * len(lines) // most] for number in range(most)]


def _stored(file: Path) -> list[Json]:
    if not file.is_file():
        return []
    return [figure for figure in json.loads(file.read_bytes())["figures"] if HASH in figure]
