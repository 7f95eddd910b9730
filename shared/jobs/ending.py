"""The end of runs: prepare their `finish`, write what it made, join the part of a stopped run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from sqlalchemy.exc import SQLAlchemyError

from shared.errors import OrderRevoked, UrbanKiError, new_reference
from shared.jobs.applying import Applied, Applying, RunEnd, failure_of
from shared.jobs.board import Board
from shared.jobs.changes import Changes
from shared.jobs.chores import Chores
from shared.jobs.messages import Failure
from shared.jobs.queue import Queue
from shared.jobs.results import end_join, end_run
from shared.jobs.work import RunWork

_log = logging.getLogger(__name__)


class Ending:
    """Ends runs.

    Args:
        board: Open runs.
        queue: The database.
        chores: Writes and removes files.
        clock: Monotonic seconds.
    """

    def __init__(
        self, board: Board, queue: Queue, chores: Chores, clock: Callable[[], float]
    ) -> None:
        self._board = board
        self._queue = queue
        self._chores = chores
        self._clock = clock

    def hear_chores(self, applying: Applying, changes: Changes, applied: Applied) -> None:
        """Take the files for `finish` that are written by now.

        Args:
            applying: Lets a run wait.
            changes: What is written.
            applied: What is done afterwards.
        """
        board = self._board
        for prepared in self._chores.prepared():
            work = board.runs.get(prepared.run_id)
            is_awaited = board.preparing.get(prepared.run_id) == prepared.number
            if is_awaited:
                del board.preparing[prepared.run_id]
            if work is None or not is_awaited:  # deleted, or stopped, or continued
                if prepared.file is not None:
                    applied.stray.append((prepared.tenant, prepared.file))
            elif prepared.file is not None:
                board.outcomes[prepared.run_id] = prepared.file
            elif prepared.error is not None and prepared.error.retry == "wait":
                applying.hold(work, failure_of(prepared.error), changes, was_probe=True)
            else:
                failure = failure_of(prepared.error or UrbanKiError())
                applied.ends.append(RunEnd(prepared.run_id, "failed", failure))

    def prepare_all(self) -> None:
        """End what is stopped, and prepare the end of what has every unit."""
        board = self._board
        busy = {task.run_id for task in board.tasks.values()}
        for run_id, work in list(board.runs.items()):
            if run_id in busy:
                continue
            if run_id in board.cancelling:
                self.end(RunEnd(run_id, "cancelled"))
            elif work.is_revoked:
                self.end(RunEnd(run_id, "cancelled", failure_of(OrderRevoked())))
            elif work.is_join or (work.total is not None and not work.remaining):
                self._prepare(run_id, work)
        for run_id in board.cancelling.keys() - board.runs.keys() - busy:
            del board.cancelling[run_id]

    def _prepare(self, run_id: str, work: RunWork) -> None:
        board = self._board
        if work.failed and not work.done:
            self.end(RunEnd(run_id, "failed", self._queue.first_failure(run_id)))
            return
        is_prepared = run_id in board.outcomes or run_id in board.preparing
        if not is_prepared and work.may_begin(self._clock()):
            board.preparing[run_id] = self._chores.prepare(
                run_id, work.run.tenant, only_over=work.is_join
            )

    def end_all(self, ends: Collection[RunEnd]) -> None:
        """Write several ends, see `end`."""
        for end in ends:
            self.end(end)

    def end(self, end: RunEnd) -> None:
        """Write an end of an open run and forget the run; a stopped one comes back to be joined.

        Args:
            end: How it ended.
        """
        work = self._board.runs.get(end.run_id)
        if work is None:
            return
        is_written = self._write(end, work)
        if not is_written:  # deleted meanwhile, or withdrawn
            self._chores.stray.extend((work.run.tenant, file) for file in end.files)
        self._chores.forget(self._board.close(end.run_id))
        if is_written and end.state == "cancelled":
            head = self._queue.head(end.run_id)
            self._board.enqueue([] if head is None else [head])

    def _write(self, end: RunEnd, work: RunWork) -> bool:
        try:
            return self._write_join(end, work) if work.is_join else self._write_run(end, work)
        except (SQLAlchemyError, ValueError):
            return self.give_up(end.run_id)

    def _write_run(self, end: RunEnd, work: RunWork) -> bool:
        return end_run(
            self._queue,
            end.run_id,
            end.state,
            now=self._queue.moment(),
            failure=end.failure,
            summary=end.summary,
            files=end.files,
            models=tuple(work.models),
        )

    def _write_join(self, end: RunEnd, work: RunWork) -> bool:
        if end.summary is None:
            code = "" if end.failure is None else end.failure.code
            _log.warning("the part of stopped run %s cannot be joined: %s", end.run_id, code)
        return end_join(
            self._queue,
            end.run_id,
            now=self._queue.moment(),
            summary=end.summary,
            files=end.files,
            models=tuple(work.models),
        )

    def give_up(self, run_id: str) -> bool:
        """Let a run fail of which something cannot be written; the log gets the reason.

        Args:
            run_id: The run; of a stopped one nothing is joined any more.
        """
        reference = new_reference()
        _log.exception("%s run %s is given up", reference, run_id)
        now = self._queue.moment()
        failure = Failure(UrbanKiError.code, "", {"reference": reference})
        if end_run(self._queue, run_id, "failed", now=now, failure=failure):
            return True
        end_join(self._queue, run_id, now=now, summary=None)
        return False
