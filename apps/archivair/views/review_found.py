"""The batch of a run as the software found its fields, with the cuts and classes of people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.batch.edits import edits_of
from apps.archivair.batch.making import make_batch
from apps.archivair.batch.stream import STREAM_NAME, decode_stream
from shared.store import artifacts, runs
from shared.store.decisions import Decision
from shared.store.run_views import RunView
from shared.ui import AppContext

BATCHES_HELD = 16


def load_found(ctx: AppContext, run: RunView, decided: Mapping[str, Decision]) -> Batch | None:
    """Return the batch without what people said about fields; a decision about one changes nothing.

    Args:
        ctx: Context of the page.
        run: The run.
        decided: What is decided now, by item.

    Returns:
        None while the run is active, and for runs without documents.

    Raises:
        FileDamaged: The stored file is not what was stored.
        ReadingUnusable: Another version of this program wrote it.
    """
    if run.is_active:
        return None
    file = runs.result_files(ctx.principal, ctx.store, run.id).get(STREAM_NAME)
    if file is None:
        return None
    edits = replace(edits_of(decided), fields={})

    def make() -> Batch:
        stream = decode_stream(artifacts.read(ctx.principal, ctx.store, file))
        return make_batch(stream, edits)

    return _batches()(ctx.tenant, file.sha256, repr(edits), make)


@lru_cache(maxsize=1)
def _batches() -> Callable[[str, str, str, Callable[[], Batch]], Batch]:
    """Return the cache of batches; made late, because it needs a running server."""

    def load(tenant: str, sha256: str, edits: str, _make: Callable[[], Batch]) -> Batch:
        return _make()

    return st.cache_resource(max_entries=BATCHES_HELD, show_spinner=False)(load)
