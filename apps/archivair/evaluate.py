"""`python -m apps.archivair.evaluate` measures the reading and writes `evaluation.json`.

Rendered pages with known text give the error rates; their seeds are used neither by `calibrate`
nor by the tests. Pages of the development data are measured where that folder is there; elsewhere
their stored figures stay, together with the hash of the data. Figures of the sister commands are
joined; `--join` does that alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from apps.archivair.clean import clean_page
from apps.archivair.evaluation_books import BOOKS, book_figures
from apps.archivair.evaluation_joined import join, joined_figures
from apps.archivair.evaluation_pages import (
    FIRST_SEED,
    FULL,
    QUICK,
    Amount,
    Kind,
    column_pages,
    read_kinds,
    stage_pages,
    turned_pages,
)
from apps.archivair.evaluation_quotes import quote_figures
from apps.archivair.evaluation_stages import stage_figures
from apps.archivair.evaluation_table import with_table
from apps.archivair.measure import (
    PageMeasure,
    calibration_error,
    calibration_interval,
    measure_page,
)
from apps.archivair.metrics import ErrorCount, cer, interval_95, pooled
from apps.archivair.outputs import models_json
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import turn_upright
from apps.archivair.recognise import ServerReader
from apps.archivair.tesseract import find_tesseract
from shared import __version__
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.errors import ModelServerError
from shared.geo.metrics import wilson_interval
from shared.settings import get_settings

COMMAND = "python -m apps.archivair.evaluate"
OUT = Path(__file__).resolve().parent / "evaluation.json"
NO_SERVER = 3
Json = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--quick", action="store_true", help="wenige Seiten je Art")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--join", action="store_true", help="nichts messen, nur alle Dateien zusammenführen"
    )
    options = parser.parse_args(arguments)
    if options.join:
        _write(options.out, join(options.out.parent))
        return 0
    settings = get_settings()
    try:
        with (
            ensure_model_server(settings) as server,
            ModelServerClient(server.settings) as client,
        ):
            engines = Engines(ServerReader(client), find_tesseract())
            cpu = processor_clock(
                [os.getpid(), *([server.process_id] if server.process_id else [])]
            )
            amount = QUICK if options.quick else FULL
            content = evaluate(engines, amount, options.date, cpu)
            content["figures"] += _on_real_print(
                settings.development_data_dir, engines, options, quick=options.quick
            )
    except ModelServerError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    content["figures"] += joined_figures(options.out.parent)
    _write(options.out, content)
    return 0


def _write(out: Path, content: Json) -> None:
    """Write the file first: a measurement takes long. Then the table of the app's own README."""
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    if out.resolve() == OUT:
        readme = OUT.with_name("README.md")
        told = with_table(readme.read_text(encoding="utf-8"), content["figures"])
        readme.write_text(told, encoding="utf-8")


def evaluate(
    engines: Engines, amount: Amount, measured_on: date, cpu_seconds: Callable[[], float]
) -> Json:
    """Measure rendered pages of all kinds.

    Args:
        engines: What reads.
        amount: How many pages of each kind.
        measured_on: Day of the measurement.
        cpu_seconds: Processor time used so far.

    Raises:
        ModelServerError: The model server cannot answer.
    """
    figures: list[Json] = []
    pages: list[PageMeasure] = []
    for kind in read_kinds(amount):
        measures = [measure_page(page, engines, cpu_seconds) for page in kind.pages]
        pages += measures
        figures.append(_error_rate(kind, [one.errors for one in measures]))
        if kind.with_reference and engines.tesseract is not None:
            counts = [
                cer(page.text, engines.tesseract.read_page(page.image)) for page in kind.pages
            ]
            figures.append(_error_rate(kind, counts, alone=True))
    figures += _turned(amount, engines)
    figures += _columns(amount, engines, cpu_seconds)
    figures += quote_figures(engines, amount.quotes)
    figures += [*_confidence(pages), *_durations(pages)]
    figures += stage_figures(stage_pages(amount.stages), engines)
    models = [engines.reader.model, engines.tesseract.model if engines.tesseract else None]
    return {
        "figures": [
            figure | {"command": COMMAND, "measured_on": measured_on.isoformat()}
            for figure in figures
        ],
        "models": models_json([model for model in models if model is not None]),
        "first_seed": FIRST_SEED,
        "software_version": __version__,
    }


def processor_clock(process_ids: Sequence[int]) -> Callable[[], float]:
    """Return a clock of the processor time of processes and what they started.

    Args:
        process_ids: Processes; one that was started elsewhere is not among them.
    """

    def seconds() -> float:
        total = 0.0
        for process_id in process_ids:
            process = psutil.Process(process_id)
            for one in (process, *process.children(recursive=True)):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    return seconds


def _on_real_print(
    data: Path, engines: Engines, options: argparse.Namespace, *, quick: bool
) -> list[Json]:
    """Measure pages of the development data."""
    figures: list[Json] = []
    for book in BOOKS:
        most = 1 if quick else None
        figures += book_figures(data / book.folder, engines, options.out, book, most)
    about = {"command": COMMAND, "measured_on": options.date.isoformat()}
    return [about | figure for figure in figures]


def _error_rate(kind: Kind, counts: Sequence[ErrorCount], *, alone: bool = False) -> Json:
    """Return a figure; `alone` marks Tesseract without our preparation."""
    beside, beside_en = (", nur Tesseract", ", Tesseract alone") if alone else ("", "")
    return {
        "name": f"Zeichenfehlerrate, {kind.name}{beside}",
        "name_en": f"Character error rate, {kind.name_en}{beside_en}",
        "data": f"{len(counts)} gerenderte deutsche Seiten mit bekanntem Text",
        "data_en": f"{len(counts)} rendered German pages with known text",
        **_rate(counts),
    }


def _rate(counts: Sequence[ErrorCount]) -> Json:
    return {
        "value": round(pooled(counts).rate, 5),
        "unit": "percent",
        "digits": 2,
        "interval_95": [round(end, 5) for end in interval_95(counts)],
        "items": sum(count.characters for count in counts),
    }


def _turned(amount: Amount, engines: Engines) -> list[Json]:
    right = []
    for page, turns in turned_pages(amount.turned):
        upright = turn_upright(page.image, clean_page(page.image), engines.reader)
        right.append(upright.turns == turns)
    share = _share(
        "Gedrehte Seiten (90, 180, 270 Grad) richtig herum gelesen",
        "Turned pages (90, 180, 270 degrees) read the right way up",
        right,
    )
    return [share | _rendered(len(right))]


def _columns(amount: Amount, engines: Engines, cpu_seconds: Callable[[], float]) -> list[Json]:
    pages = column_pages(amount.columns)
    measures = [measure_page(page, engines, cpu_seconds) for page in pages]
    share = _share(
        "Zeilenpaare in richtiger Reihenfolge, zweispaltige Seiten",
        "Pairs of lines in the right order, two-column pages",
        [right for one in measures for right in one.in_order],
    )
    return [share | _rendered(len(measures))]


def _share(name: str, name_en: str, answers: Sequence[bool]) -> Json:
    ends = wilson_interval(sum(answers), len(answers)) or ()
    return {
        "name": name,
        "name_en": name_en,
        "value": round(sum(answers) / len(answers), 4),
        "unit": "percent",
        "digits": 1,
        "interval_95": [round(end, 4) for end in ends] or None,
        "items": len(answers),
    }


def _rendered(pages: int) -> Json:
    return {
        "data": f"{pages} gerenderte deutsche Seiten",
        "data_en": f"{pages} rendered German pages",
    }


def _confidence(pages: Sequence[PageMeasure]) -> list[Json]:
    words = [word for page in pages for word in page.words]
    error: Json = {
        "name": "Kalibrierungsfehler der Wortsicherheit (ECE)",
        "name_en": "Calibration error of word confidence (ECE)",
        "value": round(calibration_error(pages), 4),
        "unit": "percent",
        "digits": 1,
        "interval_95": [round(end, 4) for end in calibration_interval(pages)],
        "items": len(words),
    }
    figures = [error]
    wrong = [word.is_doubtful for word in words if not word.is_right]
    if wrong:
        figures.append(
            _share(
                "Anteil der falschen Wörter, die als unsicher markiert sind",
                "Share of wrong words that are marked as doubtful",
                wrong,
            )
        )
    marked = [word.is_doubtful for word in words]
    figures.append(
        _share(
            "Anteil der Wörter, die als unsicher markiert sind",
            "Share of words that are marked as doubtful",
            marked,
        )
    )
    return [figure | _rendered(len(pages)) for figure in figures]


def _durations(pages: Sequence[PageMeasure]) -> list[Json]:
    wall, cpu = [one.seconds for one in pages], [one.cpu_seconds for one in pages]
    durations = (
        ("Dauer je Seite", "Time per page", wall),
        ("Rechenzeit je Seite (alle Prozesse)", "Processor time per page (all processes)", cpu),
    )
    return [
        {
            "name": name,
            "name_en": name_en,
            "value": round(sum(values) / len(values), 2),
            "unit": "s",
            "digits": 1,
            "items": len(values),
        }
        | _rendered(len(values))
        for name, name_en, values in durations
    ]


if __name__ == "__main__":
    sys.exit(main())
