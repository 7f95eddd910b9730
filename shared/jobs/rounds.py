"""One round of the supervisor: hear, apply, choose, write, hand out.

Everything of a round is written in one transaction before a new task is handed out. When that
fails nothing of the round counts: what the supervisor has in mind is read again from the database,
and the answers of workers, which are kept, are applied once more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from shared import __version__
from shared.errors import ClusterUnreachable, new_reference
from shared.jobs.applying import Applied, Applying, failure_of
from shared.jobs.board import Board, Task
from shared.jobs.changes import Changes
from shared.jobs.chores import Chores
from shared.jobs.cluster import TaskEnded, task_prefix
from shared.jobs.ending import Ending
from shared.jobs.fleet import Fleet
from shared.jobs.messages import Failure
from shared.jobs.placing import Placing
from shared.jobs.queue import Queue, RunHead, Signal
from shared.jobs.results import Inconsistent, commit
from shared.jobs.revoking import Revoking
from shared.jobs.work import RunWork, Waiting

HEAR_EVERY_S = 0.25
STOOD_STILL_S = 3.0
CANCEL_WITHIN_S = 3.5
"""A task of a stopped run may end by itself so long; then its worker is restarted."""
_log = logging.getLogger(__name__)


class Rounds:
    """What the supervisor does again and again.

    Args:
        queue: The database.
        fleet: The workers.
        clock: Monotonic seconds.
    """

    def __init__(self, queue: Queue, fleet: Fleet, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._fleet = fleet
        self._clock, self._moment = clock, queue.moment
        self._board = Board()
        self._placing = Placing(self._board, task_prefix(queue.store.settings))
        self._applying = Applying(self._board, clock)
        self._chores = Chores(queue, clock)
        self._ending = Ending(self._board, queue, self._chores, clock)
        self._revoking = Revoking(self._board, queue, clock)
        self._pending: dict[str, TaskEnded] = {}
        self._must_read = True
        self._last_round_at = self._heard_at = clock()

    @property
    def is_idle(self) -> bool:
        """True when no task is in flight whose end has not arrived."""
        return not self._board.tasks.keys() - self._pending.keys()

    @property
    def has_runs(self) -> bool:
        """True while a run is being worked on."""
        return bool(self._board.runs)

    def take(self, ended: TaskEnded) -> None:
        """Keep the end of a task for the next round.

        Args:
            ended: How it ended.
        """
        self._pending[ended.token] = ended

    def lose_cluster(self) -> None:
        """Give up all tasks: the cluster is away."""
        self._fleet.lose(ClusterUnreachable())
        for token in self._board.tasks:
            self._pending.setdefault(token, TaskEnded(token, "lost"))

    def doubt(self) -> None:
        """Read everything again before the next round: a transaction failed."""
        self._must_read = True

    def do(self) -> None:
        """Do everything that can be done now.

        Raises:
            Inconsistent: The database is not as remembered; `doubt` and do another round.
            LeaseLost: Another supervisor took over.
            DatabaseUnreachable: The database does not answer.
            DatabaseBusy: Another process holds the database.
            StorageFull: There is no space left.
        """
        self._queue.lease.describe({"version": __version__, **self._fleet.details()})
        if self._must_read:
            self._read_again()
        changes, applied = Changes(), Applied()
        self._hear(changes, applied)
        self._revoking.look()
        self._excuse_pause()
        ended = self._apply_ended(changes, applied)
        broken_off = self._apply_late(ended, changes, applied)
        self._ending.hear_chores(self._applying, changes, applied)
        self._wait_for_fleet(changes)
        placed = self._place(ended | broken_off.keys(), changes, applied)
        is_as_expected = self._write(changes, applied)
        # From here on the database knows; what is lost below is found again by reading it.
        for token in ended | broken_off.keys():
            self._board.tasks.pop(token)
        self._pending.clear()
        for task in broken_off.values():
            self._break_off(task)
        if not is_as_expected:
            raise Inconsistent
        self._chores.stray.extend(applied.stray)
        self._chores.forget_stray({task.tenant for task in self._board.tasks.values()})
        for task in placed:
            self._hand_out(task)
        self._add_units(applied)
        self._ending.end_all(applied.ends)
        self._ending.prepare_all()
        self._chores.purge_daily()
        self._queue.lease.beat()

    def _read_again(self) -> None:
        """Forget all runs and read what there is to do; tasks in flight stay."""
        board = self._board
        working_on = {
            (task.run_id, unit.ordinal) for task in board.tasks.values() for unit in task.units
        }
        self._queue.requeue_abandoned(working_on)
        board.forget_runs()
        board.enqueue(self._queue.active_runs())
        for run_id in {task.run_id for task in board.tasks.values()}:
            self._open(run_id)
        self._must_read = False

    def _load(self, run_id: str) -> RunWork | None:
        run = self._queue.load(run_id)
        if run is None:
            return None
        in_flight = [unit.ordinal for task in self._board.tasks_of(run_id) for unit in task.units]
        work = RunWork(
            run,
            lambda after, most: self._queue.queued_units(run_id, after, most),
            frozenset(in_flight),
        )
        if run.state == "waiting":
            work.waiting = Waiting(Failure("", ""), 0, self._clock())
        if run.is_cancelled and not work.is_join:
            self._board.cancelling[run_id] = self._clock() + CANCEL_WITHIN_S
        return work

    def _open(self, run_id: str) -> None:
        """Open a run before it is its turn."""
        work = self._load(run_id)
        if work is not None:
            self._board.take_from_behind(run_id)
            self._board.add(work)

    def _hear(self, changes: Changes, applied: Applied) -> None:
        """Take in what pages have asked for."""
        board = self._board
        board.open_next(self._load)
        if self._clock() - self._heard_at < HEAR_EVERY_S:
            return
        self._heard_at = self._clock()
        for signal in self._queue.signals():
            changes.signals.append(signal.id)
            self._obey(signal, applied)
        board.open_next(self._load)

    def _obey(self, signal: Signal, applied: Applied) -> None:
        board, run_id = self._board, signal.run_id
        until = self._clock() + CANCEL_WITHIN_S
        run = None if signal.kind == "deleted" else self._queue.load(run_id)
        work = board.runs.get(run_id)
        is_withdrawn = work is not None and work.is_join and (run is None or run.is_active)
        if signal.kind == "deleted" or is_withdrawn:
            applied.stray.extend(board.close(run_id))
            if run is None:
                board.cancelling[run_id] = until
        if run is None:
            return
        # A word to stop comes too late when the run has stopped already, or goes on since.
        if signal.kind == "cancel" and run.is_active and run.is_cancelled:
            if run_id not in board.runs:
                self._open(run_id)
            board.cancelling.setdefault(run_id, until)
        elif run_id not in board.runs:
            board.enqueue([RunHead(run.id, run.tenant, run.priority)])

    def _apply_ended(self, changes: Changes, applied: Applied) -> set[str]:
        ended = self._pending.keys() & self._board.tasks.keys()
        for token in ended:
            task, end = self._board.tasks[token], self._pending[token]
            if end.ending == "crashed":
                self._fleet.drop(task.worker)
            self._applying.ended(task, end, changes, applied)
        return set(ended)

    def _excuse_pause(self) -> None:
        """Give tasks the time back in which this process itself stood still."""
        now = self._clock()
        stood_still_s = now - self._last_round_at
        self._last_round_at = now
        if stood_still_s >= STOOD_STILL_S:
            tasks = self._board.tasks
            for token, task in tasks.items():
                tasks[token] = replace(task, begun_at=task.begun_at + stood_still_s)

    def _apply_late(self, ended: Set[str], changes: Changes, applied: Applied) -> dict[str, Task]:
        """Return tasks to be broken off: past their limit, wanted by nobody, or lost silently."""
        now = self._clock()
        broken_off: dict[str, Task] = {}
        for token, task in self._board.tasks.items():
            if token in ended:
                continue
            unwanted = now >= self._board.cancelling.get(task.run_id, float("inf"))
            if now - task.begun_at >= task.limit_s:
                _log.warning("%s of run %s takes too long", task.step, task.run_id)
                self._applying.over(task, "late", changes, applied)
            elif unwanted or self._fleet.is_lost(task.worker):
                self._applying.over(task, "lost", changes, applied)
            else:
                continue
            broken_off[token] = task
        return broken_off

    def _wait_for_fleet(self, changes: Changes) -> None:
        trouble = self._fleet.trouble
        if trouble is not None:
            for work in self._board.runs.values():
                if work.waiting is None:
                    self._applying.hold(work, failure_of(trouble), changes, was_probe=False)

    def _place(self, gone: Set[str], changes: Changes, applied: Applied) -> list[Task]:
        left = [task for token, task in self._board.tasks.items() if token not in gone]
        ending = {end.run_id for end in applied.ends} | applied.splits.keys()
        free = self._fleet.free_places(left)
        if not free:
            return []
        return self._placing.place(
            free, left, ending, changes, now=self._clock(), moment=self._moment()
        )

    def _write(self, changes: Changes, applied: Applied) -> bool:
        if changes.is_empty:
            return True
        try:
            written = commit(self._queue, changes, self._moment())
            applied.stray.extend(written.stray)
            return written.is_as_expected
        except (SQLAlchemyError, ValueError):
            _log.exception("%s changes cannot be written at once", new_reference())
            self._write_one_by_one(changes)
            raise Inconsistent from None

    def _write_one_by_one(self, changes: Changes) -> None:
        """Write the changes of each run by itself; a run whose changes harm the others fails."""
        for run_id, run in changes.runs.items():
            run.claims.clear()
            try:
                commit(self._queue, Changes({run_id: run}), self._moment())
            except (SQLAlchemyError, ValueError):
                self._ending.give_up(run_id)

    def _break_off(self, task: Task) -> None:
        cluster = self._fleet.cluster
        cluster.forget(task.token)
        if not self._fleet.is_lost(task.worker):
            self._fleet.drop(task.worker)
            self._restart(task.worker)

    def _restart(self, worker: str) -> None:
        """Restart a worker; whatever else it does is given back, not counted as a crash."""
        for task in self._board.tasks.values():
            if task.worker == worker:
                self._fleet.cluster.forget(task.token)
                self._pending[task.token] = TaskEnded(task.token, "lost")
        try:
            self._fleet.cluster.restart(worker)
        except ClusterUnreachable:
            self.lose_cluster()

    def _hand_out(self, task: Task) -> None:
        self._board.tasks[task.token] = task
        try:
            self._fleet.cluster.submit(task.token, task.worker, self._placing.order_of(task))
        except ClusterUnreachable:
            self.lose_cluster()

    def _add_units(self, applied: Applied) -> None:
        for run_id, keys in applied.splits.items():
            if self._queue.add_units(run_id, keys):
                self._board.runs[run_id].total = len(keys)
            else:
                self._must_read = True

    def wind_up(self) -> None:
        """Write what has ended and give the rest back; nothing is handed out any more.

        Raises:
            Inconsistent: The database is not as remembered.
            LeaseLost: Another supervisor took over.
            DatabaseUnreachable: The database does not answer.
        """
        changes, applied = Changes(), Applied()
        # Whoever stops us often stops our workers with us: that is no fault of their units.
        for token, ended in self._pending.items():
            if ended.ending == "crashed":
                self._pending[token] = replace(ended, ending="lost")
        self._apply_ended(changes, applied)
        self._write(changes, applied)
        self._add_units(applied)
        self._ending.end_all(applied.ends)
        self._queue.requeue_abandoned(())

    def let_go(self) -> None:
        """Forget everything, because another supervisor works now."""
        self._fleet.lose()  # its workers may be busy with what is another's now
        self._board.tasks.clear()
        self._board.forget_runs()
        self._board.preparing.clear()
        self._pending.clear()
        self._must_read = True

    def close(self) -> None:
        """End the threads of the chores."""
        self._chores.close()
