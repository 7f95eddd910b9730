"""The job `ocr`: read one file page by page; pages that are read stay, whatever happens.

One unit is one page, its key the number of the page. It leaves a small file with the reading and a
picture, and figures for its row. At the end the files of all pages are packed into one ZIP.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from apps.archivair import kept_page, results_zip
from apps.archivair.errors import ScriptNotAvailable
from apps.archivair.kept_page import KeptPage, decode_page, encode_page
from apps.archivair.outputs import models_json
from apps.archivair.page_figures import PageFigures, add_up, figures_from, figures_of
from apps.archivair.pages import Source, open_path
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.recognise import ServerReader
from apps.archivair.script import SCRIPT_CHOICES, ScriptChoice
from apps.archivair.tesseract import find_tesseract
from apps.archivair.upright import upright_jpeg
from shared.contracts.provenance import ModelUse
from shared.errors import N_, NotFound
from shared.jobs.definition import JobContext, JobDefinition, ResultSummary, UnitOutcome, UnitResult

PAGE_TIMEOUT_S = 600.0
SCRIPT = "script"
"""Name of the only parameter: what a person knows about the script."""


def split_file(context: JobContext) -> Sequence[str]:
    """Open the file and return the numbers of its pages.

    Raises:
        InputError: The file cannot be used, or the script cannot be read.
    """
    _script(context)
    with _opened(context) as source:
        return [str(number) for number in range(1, source.count + 1)]


def read_one_page(key: str, context: JobContext) -> UnitResult:
    """Read a page.

    Args:
        key: Its number.
        context: What to work with.

    Raises:
        InputError: This page cannot be used.
        ModelServerError: The model server could not answer.
    """
    start = time.monotonic()
    with _opened(context) as source:
        index = int(key)
        if index > source.count:
            raise NotFound()
        identity, page = source.identity(index), source.load(index)
    engines = Engines(ServerReader(context.models), find_tesseract())
    reading = read_page(page, engines, script=_script(context))
    kept = KeptPage(identity, reading, upright_jpeg(page.preview, reading.rotation_deg))
    file = context.write(f"{identity.stem}.zip", encode_page(kept), kept_page.MEDIA_TYPE)
    figures = figures_of(reading, identity, time.monotonic() - start)
    return UnitResult(figures.as_row(), file, reading.models)


def join_pages(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Pack the files of all pages that were read and add up their figures.

    Args:
        outcomes: Pages in their order.
        context: What to work with.

    Raises:
        ReadingUnusable: A page was read by another version of the program.
    """
    gathered = _Gathered()
    with tempfile.TemporaryFile() as packed:
        results_zip.write_results(packed, gathered.pages_of(outcomes, context))
        packed.seek(0)
        name = f"{PurePath(context.inputs[0].name).stem}.zip"
        file = context.write(name, packed, results_zip.MEDIA_TYPE)
    summary = {
        "schema": "archivair-run/1",
        "figures": add_up(gathered.figures).as_row(),
        "models": models_json(list(gathered.models)),
        "pages": [_page_row(page) for page in gathered.figures],
        "failed": gathered.failed,
    }
    return ResultSummary(summary, (file,))


@dataclass
class _Gathered:
    """What is kept of the pages while they are packed: figures, never readings."""

    figures: list[PageFigures] = field(default_factory=list)
    models: dict[ModelUse, None] = field(default_factory=dict)
    failed: list[list[object]] = field(default_factory=list)

    def pages_of(self, outcomes: Iterator[UnitOutcome], context: JobContext) -> Iterator[KeptPage]:
        for outcome in outcomes:
            if outcome.file is None or outcome.data is None:
                self.failed.append([int(outcome.key), outcome.error_code])
                continue
            page = decode_page(context.read(outcome.file))
            self.figures.append(figures_from(outcome.data))
            self.models |= dict.fromkeys(page.reading.models)
            yield page


def _page_row(page: PageFigures) -> list[object]:
    """Return a page as a short row: number, lines, words, doubtful words, confidence, to review."""
    return [
        page.page, page.lines, page.words, page.doubtful_words, page.confidence, page.needs_review
    ]  # fmt: skip


def _opened(context: JobContext) -> Source:
    file = context.inputs[0]
    return open_path(context.input_path(), name=file.name, sha256=file.sha256)


def _script(context: JobContext) -> ScriptChoice:
    wanted = context.parameters.get(SCRIPT, "auto")
    for choice in SCRIPT_CHOICES:
        if choice == wanted:
            return choice
    raise ScriptNotAvailable()


OCR = JobDefinition(
    name="ocr",
    app="archivair",
    split=split_file,
    process=read_one_page,
    finish=join_pages,
    unit_timeout_s=PAGE_TIMEOUT_S,
    unit_word=(N_("Seite"), N_("Seiten")),
)
JOBS = (OCR,)
