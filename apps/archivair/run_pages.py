"""The pages of a run as its page on the screen needs them: figures of all, the file of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from apps.archivair.page_figures import FileFigures, PageFigures, add_up, figures_from
from shared.contracts.jobs import StoredFile
from shared.store.run_views import RunView, UnitView


@dataclass(frozen=True)
class RunPages:
    """What is known of the pages of a run.

    Args:
        read: Figures of the pages that were read, in their order.
        files: Their files by page number.
        failed: Numbers of the pages that could not be read.
        total: Pages of the file; None until they are counted.
    """

    read: tuple[PageFigures, ...]
    files: Mapping[int, StoredFile]
    failed: tuple[int, ...]
    total: int | None

    @cached_property
    def figures(self) -> FileFigures:
        """Sums over the pages that were read."""
        return add_up(self.read)

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the pages without a reading, failed or not tried yet."""
        return tuple(
            number for number in range(1, (self.total or 0) + 1) if number not in self.files
        )


def pages_of(run: RunView, units: Sequence[UnitView]) -> RunPages:
    """Sort the units of a run.

    Args:
        run: The run.
        units: Its units that are over.

    Raises:
        ReadingUnusable: Another version of this program read them.
    """
    read, files, failed = [], {}, []
    for unit in units:
        if unit.state == "failed":
            failed.append(int(unit.key))
        elif unit.state == "done" and unit.file is not None:
            page = figures_from(unit.data)
            read.append(page)
            files[page.page] = unit.file
    return RunPages(tuple(read), files, tuple(failed), run.units_total)


def working_seconds(run: RunView, figures: FileFigures, now: datetime) -> float:
    """Return how long the file took.

    The time between start and end, unless the run was stopped in between: then all pages together
    took less.

    Args:
        run: The run.
        figures: Sums over its pages.
        now: The moment, with zone.
    """
    if run.started_at is None:
        return figures.seconds
    elapsed_s = ((run.finished_at or now) - run.started_at).total_seconds()
    return max(0.0, min(elapsed_s, figures.seconds))
