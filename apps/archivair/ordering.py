"""What is ordered: the reading of a batch or of the example, and the export of its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from apps.archivair.export_job import EXPORT, export_inputs, export_parameters
from apps.archivair.jobs import OCR, SCRIPT
from apps.archivair.recognise import Catalogue, model_fingerprint
from apps.archivair.sample import SAMPLE_NAME, sample_jpeg
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import JsonObject, Priority, StoredFile
from shared.contracts.provenance import LOCAL_ZONE
from shared.registry.manifest import AppManifest
from shared.store import artifacts
from shared.store.decisions import Decision
from shared.store.run_views import RunOrder, RunView
from shared.store.store import Store

MOST_PAGES_AT_ONCE = 10
"""Longer files come behind short ones, for which somebody waits at the screen."""


def make_order(
    files: Sequence[StoredFile],
    parameters: JsonObject,
    fingerprint: str,
    *,
    pages: int,
    is_example: bool,
) -> RunOrder:
    """Return the order of a reading.

    Args:
        files: What is read, at least one; several files are one batch.
        parameters: What a person knows about the script.
        fingerprint: Which model can answer.
        pages: Number of pages of all files.
        is_example: True for the invented example.
    """
    others = f" (+{len(files) - 1})" if len(files) > 1 else ""
    return RunOrder(
        app=OCR.app,
        job=OCR.name,
        title=f"{files[0].name}{others}",
        inputs=tuple(files),
        parameters=parameters,
        priority=Priority.INTERACTIVE if pages <= MOST_PAGES_AT_ONCE else Priority.NORMAL,
        is_example=is_example,
        fingerprint=fingerprint,
    )


def export_order(
    run: RunView, files: Mapping[str, StoredFile], decisions: Mapping[str, Decision], role: str
) -> RunOrder:
    """Return the order of an export; the same state of a batch gives the same order.

    Args:
        run: The reading; it is over.
        files: Its result files by name.
        decisions: What people decided, by item.
        role: Role of the person who orders, never a name.

    Raises:
        ReadingUnusable: An earlier version of this program read the batch.
    """
    moments = [one.decided_at for one in decisions.values()]
    moment = max([*moments, run.finished_at or run.created_at])
    log = sorted(decisions.items(), key=lambda item: (item[1].id, item[0]))
    said = [(key, one.value, one.reason) for key, one in log]
    return RunOrder(
        app=EXPORT.app,
        job=EXPORT.name,
        title=run.title,
        inputs=export_inputs(run.inputs, files),
        parameters=export_parameters(said, moment.astimezone(LOCAL_ZONE), role),
        priority=Priority.NORMAL,
        is_example=run.is_example,
    )


def sample_order(
    principal: Principal, store: Store, models: Catalogue, manifest: AppManifest, now: datetime
) -> RunOrder:
    """Store the example and return the order that the page gives for it.

    Args:
        principal: Who orders.
        store: Where the page is kept.
        models: Names the models of the server.
        manifest: Of this app.
        now: The moment, with zone.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model.
    """
    del manifest  # the example has no limits of its own
    fingerprint = model_fingerprint(models)
    file = artifacts.save(
        principal,
        store,
        sample_jpeg(),
        name=SAMPLE_NAME,
        media_type="image/jpeg",
        kind="upload",
        is_example=True,
        now=now,
    )
    return make_order((file,), {SCRIPT: "auto"}, fingerprint, pages=1, is_example=True)
