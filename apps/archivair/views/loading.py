"""The batch of a run as people have cut and named it up to now, for all views of the page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import PurePath
from threading import Lock

import streamlit as st

from apps.archivair.batch.contents import Batch, BatchInput
from apps.archivair.batch.edits import edits_of
from apps.archivair.batch.making import make_batch
from apps.archivair.batch.stream import STREAM_NAME, Stream, StreamMaker, decode_stream
from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import decode_page
from apps.archivair.views.result import load_pages
from shared.contracts.jobs import StoredFile
from shared.store import artifacts, runs
from shared.store.decisions import Decision, current
from shared.store.run_views import RunView
from shared.ui import AppContext

PAGES_AHEAD = 60
"""So many pages are put together while a run goes on; the rest waits for its end."""
STREAMS_HELD, BATCHES_HELD = 8, 16


def load_batch(ctx: AppContext, run: RunView) -> Batch | None:
    """Return the documents of a run with all that people decided; of a part while it goes on.

    Args:
        ctx: Context of the page.
        run: The run.

    Returns:
        None where no page is read yet, or another version of this program read the pages.

    Raises:
        FileDamaged: The stored file is not what was stored.
        ReadingUnusable: Another version of this program wrote it.
    """
    file = _stream_file(ctx, run)
    stream: Stream | None = None
    if file is not None:
        stream = _streams()(ctx.tenant, file.sha256, lambda: _decoded(ctx, file))
    elif run.is_active:
        stream = _unfinished(ctx, run)
    if stream is None or not stream.pages:
        return None
    decided = current(ctx.principal, ctx.store, run.id)
    state = f"{run.id} {len(stream.pages)} {run.is_active} {_fingerprint(decided)}"
    return _batches()(ctx.tenant, state, lambda: make_batch(stream, edits_of(decided)))


def batch_anew(ctx: AppContext, run_id: str) -> tuple[RunView, Batch]:
    """Return a run and its documents without any cache, for downloads that run beside the page.

    Args:
        ctx: Context of the page.
        run_id: The run.

    Raises:
        FileDamaged: A stored file is not what was stored.
        NotFound: This municipality has no such run.
        ReadingUnusable: Another version of this program wrote it, or no page is read yet.
    """
    run = runs.get(ctx.principal, ctx.store, run_id)
    file = _stream_file(ctx, run)
    stream = _Growing().take_in(ctx, run) if file is None else _decoded(ctx, file)
    if stream is None:
        raise ReadingUnusable()
    return run, make_batch(stream, edits_of(current(ctx.principal, ctx.store, run_id)))


def _fingerprint(decided: Mapping[str, Decision]) -> str:
    """Return what changes with each decision and with each that is taken back."""
    ids = "".join(sorted(one.id for one in decided.values()))
    return hashlib.sha256(ids.encode()).hexdigest()


def _stream_file(ctx: AppContext, run: RunView) -> StoredFile | None:
    """Return what the end of a run has left; None while there is nothing."""
    if run.is_active:
        return None
    return runs.result_files(ctx.principal, ctx.store, run.id).get(STREAM_NAME)


def _decoded(ctx: AppContext, file: StoredFile) -> Stream:
    return decode_stream(artifacts.read(ctx.principal, ctx.store, file))


@dataclass
class _Growing:
    """The first pages of a run that goes on; each of them is taken in once for all sessions."""

    maker: StreamMaker = field(default_factory=StreamMaker)
    added: set[int] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    stream: Stream | None = None
    lock: Lock = field(default_factory=Lock)

    def take_in(self, ctx: AppContext, run: RunView) -> Stream | None:
        """Take in what was read since; None while no page is read.

        Pages that failed come in at the end of the run.
        """
        files = dict(islice(sorted(load_pages(ctx, run).files.items()), PAGES_AHEAD))
        new = [number for number in files if number not in self.added]
        for number in new:
            page = decode_page(artifacts.read(ctx.principal, ctx.store, files[number]))
            self.maker.add(number, page)
            self.counts[page.identity.sha256] = page.identity.pages
            self.added.add(number)
        if new:
            self.stream = self.maker.finish([self._input(file) for file in run.inputs])
        return self.stream

    def _input(self, file: StoredFile) -> BatchInput:
        pages = self.counts.get(file.sha256, 0)
        return BatchInput(PurePath(file.name).name, file.sha256, pages)


def _unfinished(ctx: AppContext, run: RunView) -> Stream | None:
    growing = _growing()(ctx.tenant, run.id)
    with growing.lock:
        return growing.take_in(ctx, run)


@lru_cache(maxsize=1)
def _batches() -> Callable[[str, str, Callable[[], Batch]], Batch]:
    """Return the cache of batches; made late, because it needs a running server."""

    def load(tenant: str, state: str, _make: Callable[[], Batch]) -> Batch:
        return _make()

    return st.cache_resource(max_entries=BATCHES_HELD, show_spinner=False)(load)


@lru_cache(maxsize=1)
def _streams() -> Callable[[str, str, Callable[[], Stream]], Stream]:
    """Return the cache of streams; made late, because it needs a running server."""

    def load(tenant: str, sha256: str, _read: Callable[[], Stream]) -> Stream:
        return _read()

    return st.cache_resource(max_entries=STREAMS_HELD, show_spinner=False)(load)


@lru_cache(maxsize=1)
def _growing() -> Callable[[str, str], _Growing]:
    """Return the cache of runs that go on; made late, because it needs a running server."""

    def begin(tenant: str, run_id: str) -> _Growing:
        return _Growing()

    return st.cache_resource(max_entries=STREAMS_HELD, show_spinner=False)(begin)
