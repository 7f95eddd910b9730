"""The job `export`: the documents of a batch as files for the archive, packed into one ZIP.

Inputs are the delivered files in their order, then `stream.json` and `lesungen.zip` of the reading;
the decisions of people come as parameters. One unit is one document, its key the number of it.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.manifest import FileSum, InputPage
from apps.archivair.batch.batch_files import ExportFacts, sum_of, write_batch_files
from apps.archivair.batch.contents import Batch
from apps.archivair.batch.delivered import open_at
from apps.archivair.batch.document_files import WrittenDocument, write_document
from apps.archivair.batch.edits import edits_of
from apps.archivair.batch.making import make_batch
from apps.archivair.batch.stream import STREAM_NAME, decode_stream
from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import KeptPage
from apps.archivair.packing import entry
from apps.archivair.results_zip import MEDIA_TYPE, READINGS_NAME, Readings
from shared.contracts.jobs import JsonObject, StoredFile
from shared.errors import N_
from shared.jobs.definition import JobContext, JobDefinition, ResultSummary, UnitOutcome, UnitResult

DOCUMENT_TIMEOUT_S = 1800.0
DECISIONS, MOMENT, ROLE, SECONDS = "decisions", "moment", "role", "seconds"
"""Names of the parameters: see `export_parameters`."""
_OWN_INPUTS = 2
_ABOUT = "seiten.json"
_NOT_WRITTEN = "Es konnte nicht geschrieben werden und fehlt in dieser Ablage."
_PACKED = (".pdf", ".jpg", ".png", ".zip")


@dataclass(frozen=True, slots=True)
class _Said:
    """A decision as the order carries it."""

    value: str
    reason: str


def export_parameters(
    decisions: Sequence[tuple[str, str, str]], moment: datetime, role: str,
    seconds: float | None = None,
) -> JsonObject:  # fmt: skip
    """Return the parameters of an order.

    Args:
        decisions: Item, value and reason of the valid decisions, the oldest first.
        moment: What the files name as moment of writing, with zone.
        role: Role of the person who ordered, never a name.
        seconds: Time that the whole work took; None takes that of the pages.
    """
    return {
        DECISIONS: [list(one) for one in decisions],
        MOMENT: moment.isoformat(timespec="seconds"),
        ROLE: role,
        SECONDS: seconds,
    }


def split_documents(context: JobContext) -> Sequence[str]:
    """Return the numbers of the documents.

    Raises:
        ReadingUnusable: Another version of this program read the batch.
    """
    return [str(document.document) for document in _batch(context).documents]


def write_one_document(key: str, context: JobContext) -> UnitResult:
    """Make the files of a document and pack them.

    Args:
        key: Its number.
        context: What to work with.

    Raises:
        FileGone: A delivered file was deleted meanwhile.
    """
    batch = _batch(context)
    document = batch.documents[int(key) - 1]
    moment = datetime.fromisoformat(context.parameters[MOMENT])
    with Readings(context.input_path(len(context.inputs) - 1)) as readings:
        written = write_document(batch, document, _Pages(context, readings), moment)
    file = context.write(f"{document.name}.zip", _pack(written), MEDIA_TYPE)
    return UnitResult({"document": document.document, "name": document.name}, file)


def join_documents(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Pack the files of all documents into one ZIP, and list, manifest and note with them.

    Args:
        outcomes: Documents in their order.
        context: What to work with.
    """
    with tempfile.TemporaryFile() as packed:
        summary = pack_documents(outcomes, context, packed)
        packed.seek(0)
        name = f"{PurePath(context.inputs[0].name).stem}_ablage.zip"
        file = context.write(name, packed, MEDIA_TYPE)
    return ResultSummary(summary, (file,))


def pack_documents(
    outcomes: Iterator[UnitOutcome], context: JobContext, target: BinaryIO
) -> JsonObject:
    """Write the ZIP of all documents to where it belongs; it is never held in memory.

    Args:
        outcomes: Documents in their order.
        context: What to work with.
        target: Open for writing bytes.

    Returns:
        The summary of the run.
    """
    batch = _batch(context)
    with zipfile.ZipFile(target, "w") as archive:
        joined = _join(outcomes, context, batch, archive)
        facts = ExportFacts(
            datetime.fromisoformat(context.parameters[MOMENT]), context.parameters[ROLE]
        )
        more = write_batch_files(batch, joined.sums, joined.pages, joined.remarks, facts)
        for name, content in more.items():
            archive.writestr(_entry(name), content)
    return {
        "schema": "archivair-export/1",
        "documents": len(batch.documents) - len(joined.failed),
        "pages": len(batch.pages),
        "files": len(joined.sums) + len(more),
        "failed": joined.failed,
    }


@dataclass
class _Joined:
    """What is kept of the documents while they are packed."""

    sums: dict[str, FileSum] = field(default_factory=dict)
    pages: list[InputPage] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failed: list[list[object]] = field(default_factory=list)


def _join(
    outcomes: Iterator[UnitOutcome], context: JobContext, batch: Batch, archive: zipfile.ZipFile
) -> _Joined:
    joined = _Joined()
    for outcome in outcomes:
        if outcome.file is None:
            joined.failed.append([int(outcome.key), outcome.error_code])
            joined.pages += _sheets(batch, int(outcome.key))
            joined.remarks.append(f"Dokument {outcome.key}: {_NOT_WRITTEN}")
            continue
        with zipfile.ZipFile(io.BytesIO(context.read(outcome.file))) as own:
            about = json.loads(own.read(_ABOUT))
            joined.pages += [InputPage(**page) for page in about["pages"]]
            joined.remarks += about["remarks"]
            for name in own.namelist():
                if name != _ABOUT:
                    content = own.read(name)
                    joined.sums[name] = sum_of(content)
                    archive.writestr(_entry(name), content)
    return joined


def _sheets(batch: Batch, number: int) -> Iterator[InputPage]:
    """Yield the input pages of a document that could not be written; nobody hashed their pixels."""
    for page in batch.pages:
        if page.document == number:
            before = sum(one.pages for one in batch.inputs[: page.file - 1])
            delivered = batch.inputs[page.file - 1]
            yield InputPage(delivered.file, delivered.sha256, page.page - before, "")


def _pack(written: WrittenDocument) -> bytes:
    about = {
        "pages": [
            {
                "file_name": page.file_name,
                "file_sha256": page.file_sha256,
                "page": page.page,
                "page_sha256": page.page_sha256,
            }
            for page in written.pages
        ],
        "remarks": written.remarks,
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(entry(_ABOUT), json.dumps(about, ensure_ascii=False))
        for name, content in sorted(written.files.items()):
            archive.writestr(_entry(name), content)
    return target.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    return entry(name, compressed=not name.endswith(_PACKED))


@dataclass(frozen=True)
class _Pages:
    """Readings and images of the pages of a run.

    Args:
        context: Names the delivered files.
        readings: What was read.
    """

    context: JobContext
    readings: Readings

    def reading(self, number: int) -> KeptPage | None:
        return self.readings.find(number)

    def pixels(self, number: int) -> NDArray[np.uint8]:
        source, index = open_at(self.context, number, len(self.context.inputs) - _OWN_INPUTS)
        with source:
            return source.load_pixels(index)


def _batch(context: JobContext) -> Batch:
    """Make the batch once for all units of this process."""
    stream = context.inputs[-_OWN_INPUTS]
    path = context.input_path(len(context.inputs) - _OWN_INPUTS)
    decisions = json.dumps(context.parameters[DECISIONS])
    batch = _made(path, stream.sha256, decisions)
    seconds = context.parameters[SECONDS]
    return batch if seconds is None else replace(batch, seconds=seconds)


@lru_cache(maxsize=4)
def _made(path: Path, sha256: str, decisions: str) -> Batch:
    del sha256  # the path of another content may be the same
    said = {key: _Said(value, reason) for key, value, reason in json.loads(decisions)}
    return make_batch(decode_stream(path.read_bytes()), edits_of(said))


def export_inputs(
    files: Sequence[StoredFile], results: Mapping[str, StoredFile]
) -> tuple[StoredFile, ...]:
    """Return the inputs of an export in their order.

    Args:
        files: Inputs of the reading.
        results: Its result files by name.

    Raises:
        ReadingUnusable: An earlier version of this program read the batch: nothing of it can be
            exported.
    """
    if STREAM_NAME not in results or READINGS_NAME not in results:
        raise ReadingUnusable()
    return (*files, results[STREAM_NAME], results[READINGS_NAME])


EXPORT = JobDefinition(
    name="export",
    app="archivair",
    split=split_documents,
    process=write_one_document,
    finish=join_documents,
    unit_timeout_s=DOCUMENT_TIMEOUT_S,
    unit_word=(N_("Dokument"), N_("Dokumente")),
)
