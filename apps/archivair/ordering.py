"""What is ordered: the reading of a file, and the reading of the example."""

from __future__ import annotations

from datetime import datetime

from apps.archivair.jobs import OCR, SCRIPT
from apps.archivair.recognise import Catalogue, model_fingerprint
from apps.archivair.sample import SAMPLE_NAME, sample_jpeg
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import JsonObject, Priority, StoredFile
from shared.registry.manifest import AppManifest
from shared.store import artifacts
from shared.store.run_views import RunOrder
from shared.store.store import Store

MOST_PAGES_AT_ONCE = 10
"""Longer files come behind short ones, for which somebody waits at the screen."""


def make_order(
    file: StoredFile, parameters: JsonObject, fingerprint: str, *, pages: int, is_example: bool
) -> RunOrder:
    """Return the order of a reading.

    Args:
        file: What is read.
        parameters: What a person knows about the script.
        fingerprint: Which model can answer.
        pages: Number of pages.
        is_example: True for the invented example.
    """
    return RunOrder(
        app=OCR.app,
        job=OCR.name,
        title=file.name,
        inputs=(file,),
        parameters=parameters,
        priority=Priority.INTERACTIVE if pages <= MOST_PAGES_AT_ONCE else Priority.NORMAL,
        is_example=is_example,
        fingerprint=fingerprint,
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
    return make_order(file, {SCRIPT: "auto"}, fingerprint, pages=1, is_example=True)
