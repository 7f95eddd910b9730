"""The job `ocr`: read a batch of files page by page; pages that are read stay, whatever happens.

One unit is one page, its key the number of the page; the pages of several files are numbered
through. It leaves a small file with the reading and a picture, and figures for its row. At the end
the files of all pages are packed into one ZIP, and what was found on them is kept as a stream.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from apps.archivair import kept_page, results_zip
from apps.archivair.batch.contents import BatchInput
from apps.archivair.batch.delivered import count_pages, open_at, why_unusable
from apps.archivair.batch.stream import (
    MEDIA_TYPE as STREAM_TYPE,
    STREAM_NAME,
    StreamMaker,
    encode_stream,
)
from apps.archivair.documents.look import measure_look
from apps.archivair.errors import ScriptNotAvailable
from apps.archivair.export_job import EXPORT
from apps.archivair.index import INDEX_NAME, MEDIA_TYPE as INDEX_TYPE, IndexMaker, lines_of
from apps.archivair.kept_page import KeptPage, decode_page, encode_page
from apps.archivair.outputs import models_json
from apps.archivair.page_figures import PageFigures, add_up, figures_from, figures_of
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.recognise import ServerReader
from apps.archivair.redaction.job import REDACT
from apps.archivair.script import SCRIPT_CHOICES, ScriptChoice
from apps.archivair.tesseract import find_tesseract
from apps.archivair.upright import as_jpeg, upright_picture
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import N_
from shared.jobs.definition import JobContext, JobDefinition, ResultSummary, UnitOutcome, UnitResult

PAGE_TIMEOUT_S = 600.0
SCRIPT = "script"
"""Name of the only parameter: what a person knows about the script."""


def split_files(context: JobContext) -> Sequence[str]:
    """Open the files and return the numbers of their pages, all files one after the other.

    Raises:
        InputError: No file can be used, two have the same name, or the script cannot be read.
    """
    _script(context)
    total = sum(one.pages for one in count_pages(context))
    return [str(number) for number in range(1, total + 1)]


def read_one_page(key: str, context: JobContext) -> UnitResult:
    """Read a page.

    Args:
        key: Its number in the batch.
        context: What to work with.

    Raises:
        InputError: This page cannot be used.
        ModelServerError: The model server could not answer.
    """
    start = time.monotonic()
    number = int(key)
    source, index = open_at(context, number)
    with source:
        identity, page = source.identity(index), source.load(index)
    engines = Engines(ServerReader(context.models), find_tesseract())
    reading = read_page(page, engines, script=_script(context))
    picture = upright_picture(page.preview, reading.rotation_deg)
    kept = KeptPage(identity, reading, as_jpeg(picture), measure_look(picture))
    file = context.write(f"{identity.stem}.zip", encode_page(kept), kept_page.MEDIA_TYPE)
    figures = figures_of(reading, identity, time.monotonic() - start, page=number)
    return UnitResult(figures.as_row(), file, reading.models)


def join_pages(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Pack the files of all pages that were read, add up their figures and compare the pages.

    Args:
        outcomes: Pages in their order.
        context: What to work with.

    Raises:
        ReadingUnusable: A page was read by another version of the program.
    """
    inputs = count_pages(context)
    with tempfile.TemporaryDirectory(prefix="urbanki-") as folder:
        gathered = _Gathered(Path(folder))
        gathered.pack(outcomes, context)
        stream = gathered.maker.finish(inputs, add_up(gathered.figures).seconds)
        files = [
            _written(context, gathered.packed, f"{PurePath(context.inputs[0].name).stem}.zip"),
            context.write(STREAM_NAME, encode_stream(stream), STREAM_TYPE),
            _written(context, gathered.readings, results_zip.READINGS_NAME),
            _written(context, gathered.index, INDEX_NAME, INDEX_TYPE),
        ]
    summary = {
        "schema": "archivair-run/1",
        "figures": add_up(gathered.figures).as_row(),
        "models": models_json(list(gathered.models)),
        "pages": [_page_row(page) for page in gathered.figures],
        "failed": gathered.failed,
        "unusable": _unusable(context, inputs),
    }
    return ResultSummary(summary, tuple(files))


@dataclass
class _Gathered:
    """What is kept of the pages while they are packed: figures, and files on the disk.

    Args:
        folder: Where the files lie.
    """

    folder: Path
    figures: list[PageFigures] = field(default_factory=list)
    models: dict[ModelUse, None] = field(default_factory=dict)
    failed: list[list[object]] = field(default_factory=list)
    maker: StreamMaker = field(default_factory=StreamMaker)

    @property
    def packed(self) -> Path:
        return self.folder / "pages.zip"

    @property
    def readings(self) -> Path:
        return self.folder / results_zip.READINGS_NAME

    @property
    def index(self) -> Path:
        return self.folder / INDEX_NAME

    def pack(self, outcomes: Iterator[UnitOutcome], context: JobContext) -> None:
        with (
            self.packed.open("wb") as packed,
            self.readings.open("wb") as readings,
            results_zip.ReadingsWriter(readings) as kept,
            IndexMaker(self.index) as index,
        ):
            results_zip.write_results(packed, self._pages(outcomes, context, kept, index))

    def _pages(
        self,
        outcomes: Iterator[UnitOutcome],
        context: JobContext,
        kept: results_zip.ReadingsWriter,
        index: IndexMaker,
    ) -> Iterator[KeptPage]:
        for outcome in outcomes:
            number = int(outcome.key)
            if outcome.file is None or outcome.data is None:
                self.failed.append([number, outcome.error_code])
                self.maker.add_failed(number, outcome.error_code or "")
                continue
            page = decode_page(context.read(outcome.file))
            self.figures.append(figures_from(outcome.data))
            self.models |= dict.fromkeys(page.reading.models)
            self.maker.add(number, page)
            kept.add(number, page)
            index.add(number, lines_of(page.reading))
            yield page


def _written(
    context: JobContext, path: Path, name: str, media_type: str = results_zip.MEDIA_TYPE
) -> StoredFile:
    """Keep a file that lies on the disk."""
    with path.open("rb") as stream:
        return context.write(name, stream, media_type)


def _unusable(context: JobContext, inputs: Sequence[BatchInput]) -> list[list[object]]:
    """Return number and code of the files of which no page can be opened."""
    found: list[list[object]] = []
    for place, one in enumerate(inputs):
        error = None if one.pages else why_unusable(context, place)
        if error is not None:
            found.append([place + 1, error.code])
    return found


def _page_row(page: PageFigures) -> list[object]:
    """Return a page as a short row: number, lines, words, doubtful words, confidence, to review."""
    return [
        page.page, page.lines, page.words, page.doubtful_words, page.confidence, page.needs_review
    ]  # fmt: skip


def _script(context: JobContext) -> ScriptChoice:
    wanted = context.parameters.get(SCRIPT, "auto")
    for choice in SCRIPT_CHOICES:
        if choice == wanted:
            return choice
    raise ScriptNotAvailable()


OCR = JobDefinition(
    name="ocr",
    app="archivair",
    split=split_files,
    process=read_one_page,
    finish=join_pages,
    unit_timeout_s=PAGE_TIMEOUT_S,
    unit_word=(N_("Seite"), N_("Seiten")),
)
JOBS = (OCR, EXPORT, REDACT)
