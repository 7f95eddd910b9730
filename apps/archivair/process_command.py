"""`python -m apps.archivair process BATCH.pdf --out DIR`: read, cut, name, export.

Pages are read by the job `ocr` and written by the job `export`, the same that the page orders. What
was read stays in the result folder until all is done, so that a restart goes on at the next page.
When documents cannot be written, the others are there, the exit code is 4, and a restart reads
nothing anew.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO

from apps.archivair.batch.batch_files import BATCH_NAME
from apps.archivair.batch.contents import Batch, decode_batch
from apps.archivair.batch.kept_pages import WORK_FOLDER, KeptPages
from apps.archivair.batch.result_folder import (
    check_results,
    clear_work,
    publish,
    working_in,
)
from apps.archivair.batch.stream import MEDIA_TYPE as STREAM_TYPE, STREAM_NAME
from apps.archivair.errors import NoPageRead
from apps.archivair.export_job import EXPORT, export_parameters, pack_documents
from apps.archivair.jobs import OCR, SCRIPT
from apps.archivair.outputs import check_writable, models_json
from apps.archivair.page_figures import PageFigures, figures_from
from apps.archivair.pages import Limits
from apps.archivair.recognise import model_fingerprint
from apps.archivair.results_zip import MEDIA_TYPE, READINGS_NAME
from apps.archivair.survey import Survey, survey
from apps.archivair.tesseract import find_tesseract
from shared.clients.model_server import ModelServerClient
from shared.contracts.jobs import JsonObject
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import StorageFull
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome
from shared.jobs.forecast import forecast
from shared.jobs.inline import InlineFile, InlineResult, InlineStep, run_inline

ROLE = "Sachbearbeitung (Kommandozeile)"
AT_ONCE = 2
DONE, INCOMPLETE = 0, 4


def process(options: Namespace, client_of: Callable[[ExitStack], ModelServerClient]) -> int:
    """Run the command; return 0, or 4 when documents are missing.

    Args:
        options: files, out, script, force.
        client_of: Returns a client of the model server; what it starts ends with the stack.

    Raises:
        NoPageRead: No page could be read; nothing was written.
        ResultsExist: The folder holds results of other files.
        StorageFull: The folder cannot be written; nothing half-written stays behind.
    """
    start = time.monotonic()
    found = survey(options.files, Limits())
    check_writable(options.out)
    hashes = {file.pages[0].sha256 for file in found.files if file.pages}
    stems = {page.stem for page in found.pages}
    record = _Record(sum(1 for _ in found.pages))
    for failure in found.failures:
        record.fail(failure.file_name, None, failure.error.code, str(failure.error))
    batch = None
    if found.files:
        with working_in(options.out):
            check_results(options.out, hashes, stems, force=options.force)
            batch = _work(options, client_of, found, record, start)
    seconds = round(time.monotonic() - start, 2)
    sys.stdout.write(json.dumps(record.summary(batch, seconds), ensure_ascii=False) + "\n")
    if batch is None:
        raise NoPageRead(reason=str(record.failed[0]["message"]))
    if record.unwritten:
        told = f"{record.unwritten} von {len(batch.documents)} Dokumenten"
        _say(f"{told} konnten nicht geschrieben werden. Ein neuer Aufruf liest nichts noch einmal.")
        return INCOMPLETE
    return DONE


def _work(
    options: Namespace,
    client_of: Callable[[ExitStack], ModelServerClient],
    found: Survey,
    record: _Record,
    start: float,
) -> Batch | None:
    """Read and write everything; None when no page could be read."""
    files = [InlineFile(one.path, one.path.name, one.media_type) for one in found.files]
    record.files = [one.path.name for one in found.files for _ in one.pages]
    with ExitStack() as stack:
        client = client_of(stack)
        kept = KeptPages.of(options.out, _told(found, options.script, client))
        if len(kept):
            _say(f"{len(kept)} Seiten sind schon gelesen; es geht bei der nächsten weiter")

        def over(step: InlineStep) -> None:
            kept.keep(step)
            record.note_page(step)

        reading = stack.enter_context(
            run_inline(
                kept.resumed(OCR),
                files,
                {SCRIPT: options.script},
                models=client,
                progress=over,
                units_at_once=AT_ONCE,
            )
        )
        if reading.units_failed == reading.units_total:
            clear_work(options.out)
            return None
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="urbanki-")))
        inputs = [*files, *_results(reading, folder)]
        batch = _export(options.out, inputs, time.monotonic() - start, record)
    if not record.unwritten:
        clear_work(options.out)
    return batch


def _export(folder: Path, inputs: Sequence[InlineFile], seconds: float, record: _Record) -> Batch:
    """Write all documents and put them into the result folder."""
    moment = datetime.now(UTC).astimezone(LOCAL_ZONE)
    parameters = export_parameters([], moment, ROLE, round(seconds, 2))
    try:
        # Without a name, so that nothing of it stays behind whatever happens.
        with TemporaryFile(dir=folder / WORK_FOLDER) as packed:
            _pack(inputs, parameters, packed, record)
            packed.seek(0)
            publish(folder, packed)
    except OSError as cause:
        raise StorageFull(folder=str(folder)) from cause
    return decode_batch((folder / BATCH_NAME).read_bytes())


def _pack(
    inputs: Sequence[InlineFile], parameters: JsonObject, packed: BinaryIO, record: _Record
) -> None:
    """Write the ZIP of all documents; it may be larger than the memory."""

    def finish(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
        return ResultSummary(pack_documents(outcomes, context, packed))

    export = replace(EXPORT, finish=finish)
    with run_inline(
        export, inputs, parameters, progress=record.note_document, units_at_once=AT_ONCE
    ):
        pass  # everything is in the ZIP


def _told(found: Survey, script: str, client: ModelServerClient) -> list[object]:
    """Return everything that a reading depends on, apart from the program itself."""
    tesseract = find_tesseract()
    return [
        [[one.path.name, one.pages[0].sha256, len(one.pages)] for one in found.files],
        script,
        model_fingerprint(client),
        repr(tesseract.model) if tesseract else None,
    ]


def _results(reading: InlineResult, folder: Path) -> list[InlineFile]:
    """Write the results of the reading to where the export finds them."""
    by_name = {file.name: file for file in reading.summary.files}
    made = []
    for name, media_type in ((STREAM_NAME, STREAM_TYPE), (READINGS_NAME, MEDIA_TYPE)):
        path = folder / name
        path.write_bytes(reading.read(by_name[name]))
        made.append(InlineFile(path, name, media_type))
    return made


@dataclass
class _Record:
    """What the call has done so far.

    Args:
        total: Pages of all files.
        unwritten: Documents that could not be written.
    """

    total: int
    unwritten: int = 0
    files: list[str] = field(default_factory=list)
    pages: list[PageFigures] = field(default_factory=list)
    failed: list[dict[str, object]] = field(default_factory=list)

    def note_page(self, step: InlineStep) -> None:
        """Note a page and say how far it is."""
        outcome = step.outcome
        number = int(outcome.key)
        if outcome.data is None:
            message = outcome.error_message or ""
            self.fail(self.files[number - 1], number, outcome.error_code, message)
        else:
            self.pages.append(figures_from(outcome.data))
        line = f"Seite {step.done} von {step.total} gelesen"
        left = forecast(step.done, step.total, [page.seconds for page in self.pages], AT_ONCE)
        if left is not None and step.done < step.total:
            line += f", noch etwa {max(1, round(left.middle_s))} s"
        _say(line)

    def note_document(self, step: InlineStep) -> None:
        """Say how many documents are written; one that cannot be is a failure of the call."""
        outcome = step.outcome
        if outcome.error_code == StorageFull.code:
            raise StorageFull(**outcome.error_details)
        if outcome.error_code is not None:
            self.unwritten += 1
            message = outcome.error_message or ""
            self.fail(f"Dokument {outcome.key}", None, outcome.error_code, message)
        _say(f"Dokument {step.done} von {step.total} geschrieben")

    def fail(self, file: str, page: int | None, code: str | None, message: str) -> None:
        """Note what could not be done."""
        self.failed.append({"file": file, "page": page, "code": code, "message": message})

    def summary(self, batch: Batch | None, seconds: float) -> dict[str, object]:
        """Return the summary of the call."""
        return {
            "command": "process",
            "pages": len(self.pages),
            "documents": len(batch.documents) - self.unwritten if batch else 0,
            "files": len(batch.files) if batch else 0,
            "needs_review": len(batch.needs_review) if batch else 0,
            "failed": self.failed,
            "seconds": seconds,
            "per_page": [page.as_entry() for page in self.pages],
            "models": [dict(model) for model in batch.models] if batch else models_json([]),
        }


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
