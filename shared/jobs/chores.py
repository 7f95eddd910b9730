"""What takes the supervisor too long to do between two turns: it happens in threads of its own."""

from __future__ import annotations

import itertools
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from sqlalchemy.exc import SQLAlchemyError

from shared.auth.purging import purge_identity
from shared.contracts.jobs import StoredFile
from shared.errors import UrbanKiError, new_reference
from shared.jobs import results
from shared.jobs.outcomes import MEDIA_TYPE, write_outcomes
from shared.jobs.queue import Queue
from shared.store import retention

PURGE_AFTER_S = 60.0
PURGE_EVERY_S = 24 * 3600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The file with the outcomes of a run, for its `finish`.

    Args:
        number: Of the chore.
        run_id: The run.
        tenant: Its municipality.
        file: The file; None when it could not be written.
        error: Why not.
    """

    number: int
    run_id: str
    tenant: str
    file: StoredFile | None
    error: UrbanKiError | None = None


class Chores:
    """Writes and removes files, and purges once a day.

    Args:
        queue: The database.
        clock: Monotonic seconds.

    Attributes:
        stray: Files that belong to nothing, with their municipality; `forget_stray` removes them.
    """

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._clock = clock
        self._numbers = itertools.count(1)
        self._prepared: SimpleQueue[Prepared] = SimpleQueue()
        self.stray: list[tuple[str, StoredFile]] = []
        self._files = ThreadPoolExecutor(1, thread_name_prefix="job-files")
        self._purging: threading.Thread | None = None
        self._purge_at = clock() + PURGE_AFTER_S

    def prepare(self, run_id: str, tenant: str, *, only_over: bool = False) -> int:
        """Write the file with the outcomes of a run; `prepared` tells when it is there.

        Args:
            run_id: The run.
            tenant: Its municipality.
            only_over: Leave out units that have neither a result nor a failure.

        Returns:
            Number of the chore.
        """
        number = next(self._numbers)
        self._files.submit(self._prepare, number, run_id, tenant, only_over)
        return number

    def _prepare(self, number: int, run_id: str, tenant: str, only_over: bool) -> None:
        file: StoredFile | None = None
        failed: UrbanKiError | None = None
        try:
            with tempfile.TemporaryFile() as stream:
                outcomes = self._queue.outcomes(run_id, only_over=only_over)
                write_outcomes(stream, outcomes, owner=f"{run_id} {number}")
                stream.seek(0)
                file = self._queue.store.files.write(
                    tenant, stream, name=f"{run_id}.jsonl", media_type=MEDIA_TYPE
                )
        except UrbanKiError as error:
            failed = error
        except (SQLAlchemyError, OSError, ValueError):
            _log.exception("%s outcomes of run %s", new_reference(), run_id)
            failed = UrbanKiError()
        self._prepared.put(Prepared(number, run_id, tenant, file, failed))

    def prepared(self) -> list[Prepared]:
        """Return what has been prepared since the last look."""
        found: list[Prepared] = []
        try:
            while True:
                found.append(self._prepared.get_nowait())
        except Empty:
            return found

    def forget_stray(self, busy: Collection[str]) -> None:
        """Remove what belongs to nothing, as soon as nobody can be writing the same content.

        Args:
            busy: Municipalities for which a task may be writing just now.

        Raises:
            LeaseLost: Another supervisor took over.
        """
        gone = [(tenant, file) for tenant, file in self.stray if tenant not in busy]
        self.stray = [(tenant, file) for tenant, file in self.stray if tenant in busy]
        self.forget(gone)

    def forget(self, files: Iterable[tuple[str, StoredFile]]) -> None:
        """Remove files that no row names; at once, because nobody can be writing the same content.

        Args:
            files: Municipality and file.

        Raises:
            LeaseLost: Another supervisor took over.
        """
        try:
            results.forget_files(self._queue, files)
        except (UrbanKiError, OSError):
            # The daily purge removes what nothing names.
            _log.warning("files without row stay until the next purge", exc_info=True)

    def purge_daily(self) -> None:
        """Begin the daily purge when it is time."""
        is_purging = self._purging is not None and self._purging.is_alive()
        if is_purging or self._clock() < self._purge_at:
            return
        self._purge_at = self._clock() + PURGE_EVERY_S
        # May be broken off anywhere, so the end of the process does not wait for it.
        self._purging = threading.Thread(target=self._purge, name="job-purge", daemon=True)
        self._purging.start()

    def _purge(self) -> None:
        store, now = self._queue.store, self._queue.moment()
        for purge in (
            partial(retention.purge, store, now),
            partial(purge_identity, store.engine, store.settings, now),
        ):
            try:
                purge()
            except (UrbanKiError, SQLAlchemyError, OSError):
                _log.exception("%s the daily purge failed", new_reference())

    def close(self) -> None:
        """Begin nothing new."""
        self._files.shutdown(wait=False, cancel_futures=True)
