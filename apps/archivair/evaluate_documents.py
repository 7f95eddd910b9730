"""`python -m apps.archivair.evaluate_documents` measures cuts, classes, files and fields.

Streams of the test split are rendered; their layout families and wordings occur in no training.
`--source truth` takes the true text, `noise` true text with simulated reading errors, `ocr` reads
the pages as the app does (a model server is needed, seconds per page).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from apps.archivair.documents.content import page_content
from apps.archivair.documents.field_confidence import REVIEWED_SHARE
from apps.archivair.documents.measures import caught_by_review
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.stream_measures import (
    StreamCounts,
    accuracy,
    f1,
    field_interval,
    interval,
    macro,
    measure_stream,
    panoptic,
    read_stream,
    recall,
    summed,
)
from apps.archivair.documents.training_data import (
    FIRST_SEEDS,
    LabelledPage,
    Quality,
    labelled_page,
    labelled_streams,
)
from apps.archivair.metrics import expected_calibration_error
from apps.archivair.pages import PageImage, make_preview
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.quality import BLANK
from apps.archivair.recognise import ServerReader
from apps.archivair.tesseract import find_tesseract
from shared import __version__
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.demo_city import iter_batch
from shared.errors import ModelServerError
from shared.settings import get_settings

COMMAND = "python -m apps.archivair.evaluate_documents"
NO_SERVER = 3
NOISE: dict[Quality, float] = {"print": 0.01, "degraded": 0.04}
"""Simulated share of characters in error by quality; engines err about as often."""
OCR_DPI = 200
BINS = 10
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Streams of one quality.

    Args:
        quality: "print" or "degraded".
        counts: One per stream.
        pages: Number of pages.
        seconds: Time for classes, cuts and fields, without rendering and reading.
    """

    quality: Quality
    counts: list[StreamCounts]
    pages: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON object.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--streams", type=int, default=60, help="Ströme, je Güte die Hälfte")
    parser.add_argument("--source", choices=("truth", "noise", "ocr"), default="noise")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--jobs", type=int, default=1, help="Prozesse, außer bei --source ocr")
    parser.add_argument("--pages", type=int, default=0, help="höchstens so viele Seiten je Strom")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, help="Datei für das Ergebnis")
    options = parser.parse_args(arguments)
    try:
        with ExitStack() as stack:
            engines = _engines(stack) if options.source == "ocr" else None
            parts = [
                _measure(quality, place, options, engines)
                for place, quality in enumerate(NOISE)
                if options.streams > place
            ]
    except ModelServerError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    content = report(parts, options.source, options.split, options.date)
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def _engines(stack: ExitStack) -> Engines:
    server = stack.enter_context(ensure_model_server(get_settings()))
    client = stack.enter_context(ModelServerClient(server.settings))
    return Engines(ServerReader(client), find_tesseract())


def _measure(
    quality: Quality, place: int, options: argparse.Namespace, engines: Engines | None
) -> Part:
    """Measure every second stream, print first, so that each quality has streams of its own."""
    first = FIRST_SEEDS[options.split]
    seeds = range(first + place, first + options.streams, len(NOISE))
    part = Part(quality, [], 0, 0.0)
    with ExitStack() as stack:
        measured: Iterator[Part]
        if engines is not None:
            streams = (_read(seed, quality, engines, options.pages) for seed in seeds)
            measured = (_measured(quality, stream) for stream in streams)
        else:
            noise = 0.0 if options.source == "truth" else NOISE[quality]
            render = partial(_rendered, quality, options.split, noise)
            measured = map(render, seeds)
            if options.jobs > 1:
                pool = stack.enter_context(ProcessPoolExecutor(options.jobs))
                measured = pool.map(render, seeds)
        for one in measured:
            part = Part(
                quality,
                [*part.counts, *one.counts],
                part.pages + one.pages,
                part.seconds + one.seconds,
            )
            sys.stderr.write(f"{quality}: {len(part.counts)} / {len(seeds)}, {part.pages}\n")
    return part


def _rendered(quality: Quality, split: str, noise: float, seed: int) -> Part:
    """Render a stream and measure what is made of it."""
    streams = labelled_streams(split, 0, seeds=[seed], noise=noise, quality=quality)
    return _measured(quality, next(iter(streams)))


def _measured(quality: Quality, stream: Sequence[LabelledPage]) -> Part:
    begun = time.process_time()
    found = read_stream([page.content for page in stream])
    seconds = time.process_time() - begun
    return Part(quality, [measure_stream(stream, found)], len(stream), seconds)


def _read(seed: int, quality: Quality, engines: Engines, most: int) -> list[LabelledPage]:
    """Render and read a stream."""
    stream = []
    for number, scanned in enumerate(iter_batch(seed, dpi=OCR_DPI, quality=quality), 1):
        if most and number > most:
            break
        image = scanned.image
        gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        delivered = PageImage(
            np.ascontiguousarray(gray, dtype=np.uint8), float(OCR_DPI), number, "0" * 64,
            "page.png", make_preview(image),
        )  # fmt: skip
        reading = read_page(delivered, engines)
        true = labelled_page(scanned, 0.0, np.random.default_rng(0))
        blank = any(finding.code == BLANK.code for finding in reading.findings)
        content = page_content(reading, number, is_blank=blank, look=true.content.look)
        stream.append(replace(true, content=content))
    return stream


def report(parts: Sequence[Part], source: str, split: str, measured_on: date) -> Json:
    """Return all figures as JSON.

    Args:
        parts: One per quality.
        source: "truth", "noise" or "ocr".
        split: "val" or "test".
        measured_on: Day of the measurement.
    """
    every = [one for part in parts for one in part.counts]
    pages = sum(part.pages for part in parts)
    about = {
        "streams": len(every),
        "pages": pages,
        "source": source,
        "first_seed": FIRST_SEEDS[split],
        "command": COMMAND,
        "measured_on": measured_on.isoformat(),
    }
    figures = _stream_figures(every) + _review_figures(every)
    for part in parts:
        figures += _field_figures(part)
    table = summed(every, "confusion")
    return {
        "figures": [figure | about for figure in figures],
        "classes": list(class_ids()),
        "confusion": [] if table is None else table.astype(int).tolist(),
        "milliseconds_per_page": round(
            sum(part.seconds for part in parts) / max(1, pages) * 1000, 1
        ),
        "software_version": __version__,
    }


def _stream_figures(counts: Sequence[StreamCounts]) -> list[Json]:
    kinds: tuple[tuple[str, str, Callable[[Any], float], str], ...] = (
        ("boundary_f1", "boundary", f1, "true"),
        ("exact_document_f1", "exact_documents", f1, "true"),
        ("panoptic_quality", "panoptic", panoptic, "true"),
        ("perfect_streams", "perfect", recall, "true"),
        ("exact_file_f1", "files", f1, "true"),
        ("source_boxes_with_raw_text", "source_boxes", recall, "true"),
        ("class_accuracy", "confusion", accuracy, "all"),
        ("class_macro_f1", "confusion", macro, "all"),
    )
    return [
        _figure(name, counts, key, measure, all_items=items == "all")
        for name, key, measure, items in kinds
    ]


def _figure(
    name: str,
    counts: Sequence[StreamCounts],
    key: str,
    measure: Callable[[Any], float],
    *,
    all_items: bool = False,
) -> Json:
    sums = summed(counts, key)
    if sums is None:
        return {"name": name, "value": None, "interval_95": None, "items": 0}
    low, high = interval(counts, key, measure)
    return {
        "name": name,
        "value": round(measure(sums), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "items": int(sums.sum() if all_items else sums[-1]),
    }


def _review_figures(counts: Sequence[StreamCounts]) -> list[Json]:
    fields = [one for stream in counts for one in stream.fields]
    if not fields:
        return []
    sure, right = [one[0] for one in fields], [one[1] for one in fields]
    kinds: tuple[tuple[str, Callable[[Sequence[float], Sequence[bool]], float]], ...] = (
        ("field_precision", lambda _, correct: float(np.mean(correct))),
        ("field_ece", lambda stated, correct: expected_calibration_error(stated, correct, BINS)),
        (
            "errors_caught_at_10_percent_review",
            lambda stated, correct: caught_by_review(stated, correct, REVIEWED_SHARE),
        ),
    )
    return [
        {
            "name": name,
            "value": round(measure(sure, right), 4),
            "interval_95": [round(end, 4) for end in field_interval(counts, measure)],
            "items": len(fields),
        }
        for name, measure in kinds
    ]


def _field_figures(part: Part) -> list[Json]:
    """Return per field the share of documents that state it whose value is exactly right."""
    names = sorted({key for one in part.counts for key in one.sums if key.startswith("field:")})
    figures = []
    for name in names:
        sums = summed(part.counts, name)
        if sums is not None and sums[2]:
            figure = _figure(f"{name}:{part.quality}", part.counts, name, recall)
            figures.append(figure | {"filled": int(sums[1]), "right": int(sums[0])})
    return figures


if __name__ == "__main__":
    sys.exit(main())
