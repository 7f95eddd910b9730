"""The job `redact`: the documents that a person released, redacted and proved one by one.

Inputs are the delivered files in their order, `lesungen.zip` of the reading and the plan. One unit
is one document. What cannot be proved fails: nothing of that document is written.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from apps.archivair.archive_files.page_content import ArchivePage, upright_page
from apps.archivair.batch.delivered import open_at
from apps.archivair.errors import ReadingUnusable
from apps.archivair.outputs import models_json
from apps.archivair.packing import entry
from apps.archivair.piece_reading import Engines
from apps.archivair.recognise import ServerReader
from apps.archivair.redaction.errors import PageNotRead
from apps.archivair.redaction.hits import PiiHit
from apps.archivair.redaction.laid_aside import PagesAside
from apps.archivair.redaction.plan import Plan, PlannedDocument, decode_plan
from apps.archivair.redaction.profiles import load_profile
from apps.archivair.redaction.release import Choice, as_json, release_choice
from apps.archivair.redaction.rereading import reread_with
from apps.archivair.results_zip import MEDIA_TYPE, READINGS_NAME, Readings
from apps.archivair.tesseract import find_tesseract
from shared.contracts.jobs import JsonObject, Priority, StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import N_
from shared.jobs.definition import JobContext, JobDefinition, ResultSummary, UnitOutcome, UnitResult
from shared.store.run_views import RunOrder, RunView

DOCUMENT_TIMEOUT_S = 3600.0
BATCH, PROFILE = "batch", "profile"
"""Names of the parameters: run of the reading, profile."""
ENDING = "_geschwaerzt.zip"
_OWN_INPUTS = 2


def redact_order(
    run: RunView, files: Mapping[str, StoredFile], plan: StoredFile, profile: str
) -> RunOrder:
    """Return the order; the same plan is written once.

    Args:
        run: The reading; it is over.
        files: Its result files by name.
        plan: The stored plan.
        profile: Name of its profile.

    Raises:
        ReadingUnusable: An earlier version of this program read the batch.
    """
    if READINGS_NAME not in files:
        raise ReadingUnusable()
    return RunOrder(
        app=REDACT.app, job=REDACT.name, title=run.title,
        inputs=(*run.inputs, files[READINGS_NAME], plan),
        parameters={BATCH: run.id, PROFILE: profile},
        priority=Priority.NORMAL, is_example=run.is_example,
    )  # fmt: skip


def split_documents(context: JobContext) -> Sequence[str]:
    """Return the numbers of the released documents.

    Raises:
        ReadingUnusable: Another version of this program wrote the plan.
    """
    return [str(one.document) for one in _plan(context).documents]


def redact_one_document(key: str, context: JobContext) -> UnitResult:
    """Redact a document, prove it, and pack it with its report.

    Args:
        key: Its number.
        context: What to work with.

    Raises:
        ResidueFound: Something that was removed is still there; nothing is written.
        NothingToHandOut: The profile holds every page back.
        PageNotRead: A page has no reading, so nobody looked for personal data on it.
    """
    plan = _plan(context)
    document = next(one for one in plan.documents if str(one.document) == key)
    pages, models = _pages(document, context)
    engines = Engines(ServerReader(context.models), find_tesseract())
    released = release_choice(
        pages, load_profile(plan.profile), choice_of(document, plan.allowed), plan.released_at,
        reread_with(engines),
    )  # fmt: skip
    report = {
        "document": document.document, **released.report,
        "released": {"at": plan.released_at.isoformat(timespec="seconds"), "role": plan.role},
        "models": models_json(models),
    }  # fmt: skip
    name = f"{document.name}_{plan.profile}"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(entry(f"{name}.pdf", compressed=False), released.content)
        archive.writestr(entry(f"{name}.pdf.report.json"), as_json(report))
    file = context.write(f"{name}.zip", target.getvalue(), MEDIA_TYPE)
    data: JsonObject = {
        "document": document.document, "name": name, "removed": released.removed,
        "withheld": [document.pages[number - 1].page for number in released.withheld],
        "pages": len(pages),
    }  # fmt: skip
    return UnitResult(data, file, tuple(models))


def join_documents(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Pack what was proved into one ZIP; what failed is named and not in it.

    Args:
        outcomes: Documents in their order.
        context: What to work with.
    """
    plan = _plan(context)
    rows, failed = [], []
    with tempfile.TemporaryFile() as packed:
        with zipfile.ZipFile(packed, "w") as archive:
            for outcome in outcomes:
                if outcome.file is None or outcome.data is None:
                    failed.append([int(outcome.key), outcome.error_code])
                    continue
                rows.append(dict(outcome.data))
                with zipfile.ZipFile(io.BytesIO(context.read(outcome.file))) as own:
                    for name in own.namelist():
                        kept = entry(name, compressed=not name.endswith(".pdf"))
                        archive.writestr(kept, own.read(name))
        packed.seek(0)
        name = f"auszug_{plan.profile}{ENDING}"
        files = (context.write(name, packed, MEDIA_TYPE),) if rows else ()
    summary = {
        "schema": "archivair-redaction-run/1", "profile": plan.profile, "documents": rows,
        "failed": failed, "left": plan.left, "added": plan.added,
    }  # fmt: skip
    return ResultSummary(summary, files)


def choice_of(document: PlannedDocument, allowed: Sequence[str]) -> Choice:
    """Return what is removed from a document, its pages numbered from 1.

    Args:
        document: The document.
        allowed: Texts that stay.
    """
    place = {one.page: number for number, one in enumerate(document.pages, 1)}

    def moved(hits: Sequence[PiiHit]) -> tuple[PiiHit, ...]:
        return tuple(replace(hit, page=place[hit.page]) for hit in hits if hit.page in place)

    classes = {place[one.page]: one.page_class for one in document.pages}
    return Choice(classes, moved(document.removed), moved(document.kept), tuple(allowed))


def _pages(
    document: PlannedDocument, context: JobContext
) -> tuple[list[ArchivePage], list[ModelUse]]:
    """Open the scans of a document with their words, turned as the person saw them."""
    files = len(context.inputs) - _OWN_INPUTS
    pages: list[ArchivePage] = []
    models: dict[ModelUse, None] = {}
    with Readings(context.input_path(files)) as readings, PagesAside() as aside:
        for planned in document.pages:
            kept = readings.find(planned.page)
            if kept is None:
                raise PageNotRead(page=planned.page, reason="")
            source, index = open_at(context, planned.page, files)
            with source:
                pixels = source.load_pixels(index)
            reading = replace(kept.reading, rotation_deg=planned.rotation_deg)
            models |= dict.fromkeys(reading.models)
            pages.append(aside.lay(upright_page(pixels, reading)))
    return pages, list(models)


def _plan(context: JobContext) -> Plan:
    return _decoded(context.input_path(len(context.inputs) - 1), context.inputs[-1].sha256)


@lru_cache(maxsize=4)
def _decoded(path: Path, sha256: str) -> Plan:
    del sha256  # the path of another content may be the same
    return decode_plan(path.read_bytes())


REDACT = JobDefinition(
    name="redact",
    app="archivair",
    split=split_documents,
    process=redact_one_document,
    finish=join_documents,
    unit_timeout_s=DOCUMENT_TIMEOUT_S,
    unit_word=(N_("Dokument"), N_("Dokumente")),
)
