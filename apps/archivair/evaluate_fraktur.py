"""`python -m apps.archivair.evaluate_fraktur` measures lines of Fraktur of unseen works.

Nothing was fitted on these works. The vote and each engine that takes part in it read the same
lines. Where the app's own model is there, Tesseract takes no part; its figures on the same lines
stand in `model_server/models/fraktur_line/0.1.0/README.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

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
from apps.archivair.recognise import ServerReader
from apps.archivair.tesseract import find_tesseract
from shared import __version__
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.errors import ModelServerError
from shared.settings import get_settings

COMMAND: Final = "python -m apps.archivair.evaluate_fraktur"
OUT: Final = Path(__file__).resolve().parent / "evaluation_fraktur.json"
NO_DATA, NO_SERVER = 2, 3
LINES_AT_ONCE = 40
VOTE = "vote"
DETAIL = "is_detail"
"""Marks what a profile leaves out: all but the first rate and the lines without an error."""
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the file and print it.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    options = _parser().parse_args(arguments)
    settings = get_settings()
    try:
        with (
            ensure_model_server(settings) as server,
            ModelServerClient(server.settings) as client,
        ):
            engines = Engines(ServerReader(client), find_tesseract())
            figures = fraktur_figures(settings.development_data_dir, engines, options.lines)
    except ModelServerError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    if not figures:
        sys.stderr.write("Die Frakturzeilen fehlen.\n")
        return NO_DATA
    about = {"command": COMMAND, "measured_on": options.date.isoformat()}
    content = {"figures": [about | one for one in figures], "software_version": __version__}
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--lines", type=int, help="Zeilen je Sammlung, sonst alle")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    return parser


def fraktur_figures(data: Path, engines: Engines, most: int | None = None) -> list[Json]:
    """Measure lines of the development data; nothing where they are missing.

    Args:
        data: Folder of development data.
        engines: What reads.
        most: Lines of each collection, spread over its works; None takes all.
    """
    figures: list[Json] = []
    for split, name, name_en in SPLITS:
        lines = _spread(read_true_lines(data, split), most)
        if not lines:
            return []
        works = len({line.work for line in lines})
        about = {
            "data": f"{len(lines)} Zeilen aus {works} gedruckten Werken des 19. Jahrhunderts "
            f"({CREDIT})",
            "data_en": f"{len(lines)} lines of {works} works of the 19th century ({CREDIT})",
            "lines_sha256": table_sha256(data),
        }
        for engine, texts in read_texts(lines, engines).items():
            measured = line_figures(lines, texts, engine, (name, name_en))
            figures += [
                figure
                | about
                | {DETAIL: place > 0 and (engine != VOTE or place < len(measured) - 1)}
                for place, figure in enumerate(measured)
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


if __name__ == "__main__":
    raise SystemExit(main())
