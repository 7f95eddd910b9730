"""Choose what free workers do next."""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import datetime

from shared.jobs.board import Board, Task
from shared.jobs.changes import Changes, PendingUnit
from shared.jobs.messages import Order, Step
from shared.jobs.placement import BUNDLE_S, bundle_size
from shared.jobs.work import RunWork

GRACE_S = 5.0
"""A task may be late by this much before its worker is restarted."""
FACTS_LIMIT_S = 120.0
STEP_LIMIT_S = 600.0
"""For cutting and joining, unless a unit of the job may take longer."""
JOIN_LIMIT_S_PER_UNIT = 0.05
_JOINING: tuple[Step, ...] = ("finish", "join")


class Placing:
    """Makes tasks for free workers, fairly.

    Args:
        board: What there is to do.
        prefix: Begins the names of all tasks of this installation.
    """

    def __init__(self, board: Board, prefix: str) -> None:
        self._board = board
        self._prefix = f"{prefix}-{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)

    def place(
        self,
        free: Sequence[str],
        in_flight: Sequence[Task],
        ending: Set[str],
        changes: Changes,
        *,
        now: float,
        moment: datetime,
    ) -> list[Task]:
        """Return tasks for free workers; their units are claimed in `changes`.

        Args:
            free: One worker for each task that can begin.
            in_flight: Tasks that go on.
            ending: Runs that get nothing more in this turn.
            changes: What is written with it.
            now: Monotonic seconds.
            moment: The same for people.
        """
        workers = len(free) + len(in_flight)
        busy: Counter[str] = Counter()
        for task in in_flight:
            busy[task.run_id] += max(1, len(task.units))
        placed: list[Task] = []
        for worker in free:
            run_id = self._board.turns.next(
                lambda run_id: run_id not in ending and self._has_work(run_id, busy, now)
            )
            if run_id is None:
                break
            work = self._board.runs[run_id]
            task = self._task(work, worker, busy[run_id], workers, now)
            busy[run_id] += max(1, len(task.units))
            work.turns += 1
            placed.append(task)
            self._board.changes_of(changes, run_id).claims.extend(task.units)
            self._note_start(work, changes, moment)
        return placed

    def _note_start(self, work: RunWork, changes: Changes, moment: datetime) -> None:
        if work.state != "queued" and work.is_started:
            return
        columns = self._board.changes_of(changes, work.run.id).columns
        if work.state == "queued":
            work.state = columns["state"] = "running"
        if not work.is_started:
            work.is_started = True
            columns["started_at"] = moment

    def _has_work(self, run_id: str, busy: Mapping[str, int], now: float) -> bool:
        work = self._board.runs[run_id]
        is_stopping = run_id in self._board.cancelling or work.is_revoked
        if is_stopping or not work.may_begin(now):
            return False
        is_busy = busy.get(run_id, 0) > 0
        if work.waiting is not None and is_busy:
            return False
        step = self._next_step(work)
        if step == "units":
            return work.has_units(now)
        return not is_busy and (step not in _JOINING or run_id in self._board.outcomes)

    def _next_step(self, work: RunWork) -> Step:
        if work.facts is None:
            return "facts"
        if work.is_join:
            return "join"
        if work.total is None:
            return "split"
        return "units" if work.remaining else "finish"

    def _task(self, work: RunWork, worker: str, busy: int, workers: int, now: float) -> Task:
        step = self._next_step(work)
        units: tuple[PendingUnit, ...] = ()
        if step == "units":
            size = bundle_size(work.seconds, work.remaining - busy, workers)
            units = tuple(work.take(1 if work.waiting else size, now))
        return Task(
            token=f"{self._prefix}-{next(self._numbers)}",
            run_id=work.run.id,
            tenant=work.run.tenant,
            step=step,
            units=units,
            worker=worker,
            begun_at=now,
            limit_s=_limit_s(work, step, units),
            is_probe=work.waiting is not None,
        )

    def order_of(self, task: Task) -> str:
        """Return what a worker is told about a task of an open run.

        Args:
            task: The task.
        """
        run = self._board.runs[task.run_id].run
        return Order(
            step=task.step,
            run_id=run.id,
            app=run.app,
            job=run.job,
            tenant=run.tenant,
            inputs=run.inputs,
            parameters=run.parameters,
            is_example=run.is_example,
            units=tuple((unit.ordinal, unit.key) for unit in task.units),
            outcomes=self._board.outcomes.get(run.id) if task.step in _JOINING else None,
        ).to_json()


def _limit_s(work: RunWork, step: Step, units: Sequence[PendingUnit]) -> float:
    if work.facts is None or step == "facts":
        return FACTS_LIMIT_S
    if step == "units":
        # No further unit of a bundle begins after the time of a bundle.
        return work.facts.unit_timeout_s + (BUNDLE_S if len(units) > 1 else 0.0) + GRACE_S
    joined = JOIN_LIMIT_S_PER_UNIT * (work.total or 0) if step in _JOINING else 0.0
    return max(STEP_LIMIT_S, work.facts.unit_timeout_s) + joined
