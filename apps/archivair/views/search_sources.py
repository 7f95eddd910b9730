"""The batches that a search looks through: the one on the page, or all of the municipality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.archivair.batch.contents import Batch, BatchPage
from apps.archivair.errors import ReadingUnusable
from apps.archivair.index import INDEX_NAME, IndexedLine, SearchIndex
from apps.archivair.search_facts import corrected_lines
from apps.archivair.views.loading import load_batch
from shared.errors import FileDamaged, FileGone
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import AppContext

MOST_BATCHES = 200
"""The newest batches are searched; a page must answer within seconds."""
_JOB = "ocr"


@dataclass(frozen=True, slots=True)
class Source:
    """A batch with its index.

    Args:
        run: The run that read it.
        batch: Its documents as they stand.
        index: Its index.
    """

    run: RunView
    batch: Batch
    index: SearchIndex

    def page(self, number: int) -> BatchPage:
        """Return a page of the batch."""
        return next(page for page in self.batch.pages if page.page == number)

    def lines(self, number: int) -> list[IndexedLine]:
        """Return the lines of a page, then those that people corrected."""
        corrected = corrected_lines(self.batch).get(number, [])
        return [*self.index.lines(number), *corrected]


def load_source(ctx: AppContext, run: RunView, batch: Batch) -> Source | None:
    """Return a batch with its index; None where it has none.

    Args:
        ctx: Context of the page.
        run: The run that read it.
        batch: Its documents as they stand.

    Raises:
        FileDamaged: The stored index is not what was stored.
        ReadingUnusable: Another version of this program wrote it.
    """
    if run.is_active:
        return None
    file = runs.result_files(ctx.principal, ctx.store, run.id).get(INDEX_NAME)
    if file is None:
        return None
    return Source(run, batch, SearchIndex(artifacts.local_path(ctx.principal, ctx.store, file)))


def all_sources(ctx: AppContext, shown: RunView) -> Iterator[Source | None]:
    """Yield the finished batches of the municipality, newest first; None for each unusable one.

    Example data and real data are never searched together.

    Args:
        ctx: Context of the page.
        shown: The run on the page.
    """
    known: set[tuple[str, ...]] = set()
    found = runs.recent(
        ctx.principal,
        ctx.store,
        app=ctx.manifest.id,
        job=_JOB,
        limit=MOST_BATCHES,
        everybody=True,
    )
    for run in found:
        files = tuple(file.sha256 for file in run.inputs)
        # The same files read twice would bring each hit twice.
        if run.is_active or run.is_example != shown.is_example or files in known:
            continue
        try:
            batch = load_batch(ctx, run)
            source = load_source(ctx, run, batch) if batch is not None else None
        except (FileDamaged, FileGone, ReadingUnusable):
            source = None
        if source is not None and run.state == "done":
            known.add(files)
        yield source
