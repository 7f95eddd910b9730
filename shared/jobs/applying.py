"""What the end of a task means for its run: the rules for results, failures, crashes and limits."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.contracts.jobs import RunState, StoredFile
from shared.errors import UnitTimedOut, UrbanKiError, WorkerCrashed, new_reference
from shared.jobs.board import Board, Task
from shared.jobs.changes import Changes, PendingUnit, UnitDone, UnitFailed
from shared.jobs.cluster import TaskEnded
from shared.jobs.messages import Failure, Reply, UnitReply
from shared.jobs.placement import back_off_s
from shared.jobs.work import CRASHES, Facts, RunWork, crashed, tried

_USUAL_ATTEMPTS = 3
_log = logging.getLogger(__name__)
Over = Literal["crashed", "lost", "late"]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run that is over.

    Args:
        run_id: The run.
        state: How it ended.
        failure: Why it failed, or why the house has stopped it.
        summary: What `finish` returned.
        files: Files that `finish` wrote.
    """

    run_id: str
    state: RunState
    failure: Failure | None = None
    summary: dict[str, Any] | None = None
    files: tuple[StoredFile, ...] = ()


@dataclass
class Applied:
    """What is to be done after the changes are written.

    Args:
        ends: Runs that are over.
        splits: Keys of the units of runs.
        stray: Files that belong to nothing, with their municipality.
    """

    ends: list[RunEnd] = field(default_factory=list)
    splits: dict[str, Sequence[str]] = field(default_factory=dict)
    stray: list[tuple[str, StoredFile]] = field(default_factory=list)


def failure_of(error: UrbanKiError) -> Failure:
    """Return an error of the supervisor itself as it is stored."""
    details = {
        name: value if isinstance(value, str | int | float | None) else str(value)
        for name, value in error.details.items()
    }
    return Failure(error.code, str(error), details, error.retry)


class Applying:
    """Applies the ends of tasks to runs and collects what is to be written.

    Args:
        board: Open runs.
        clock: Monotonic seconds.
    """

    def __init__(self, board: Board, clock: Callable[[], float]) -> None:
        self._board = board
        self._clock = clock

    def ended(self, task: Task, end: TaskEnded, changes: Changes, applied: Applied) -> None:
        """Apply the end of a task, as the cluster reported it.

        Args:
            task: The task.
            end: How it ended; an answer that cannot be read counts as none.
            changes: What is written.
            applied: What is done afterwards.
        """
        if end.ending != "answered":
            self.over(task, end.ending, changes, applied)
            return
        try:
            reply = Reply.from_json(end.reply)
        except (ValueError, TypeError, KeyError):
            _log.exception("%s answer to %s of run %s", new_reference(), task.step, task.run_id)
            self.over(task, "crashed", changes, applied)
            return
        self.answered(task, reply, changes, applied)

    def answered(self, task: Task, reply: Reply, changes: Changes, applied: Applied) -> None:
        """Apply what a worker answered.

        Args:
            task: The task.
            reply: The answer.
            changes: What is written.
            applied: What is done afterwards.
        """
        work = self._work_of(task)
        if work is None:
            files = [unit.file for unit in reply.units if unit.file is not None]
            applied.stray.extend((task.tenant, file) for file in (*files, *reply.files))
            return
        if reply.failure is not None:
            self._step_failed(task, work, reply.failure, changes, applied)
            return
        if task.is_probe and not any(_waits(unit) for unit in reply.units):
            self.resume(work, changes)
        work.step_tries = work.step_crashes = 0
        if task.step == "facts":
            facts = Facts(reply.unit_timeout_s, reply.attempts)
            work.facts = self._board.facts[work.run.app, work.run.job] = facts
        elif task.step == "split":
            applied.splits[task.run_id] = reply.keys
        elif task.step == "units":
            self._units_answered(task, work, reply, changes)
        else:
            summary = dict(reply.summary or {})
            applied.ends.append(RunEnd(task.run_id, "done", None, summary, reply.files))

    def over(self, task: Task, how: Over, changes: Changes, applied: Applied) -> None:
        """Apply that a task brought no answer.

        Args:
            task: The task.
            how: Its worker died, the cluster lost it, or its time is up.
            changes: What is written.
            applied: What is done afterwards.
        """
        work = self._work_of(task)
        if work is None:
            return
        if how == "lost":
            self._give_back(work, task.units, changes)
        elif task.step != "units":
            self._step_over(task, work, how, applied)
        elif len(task.units) > 1:
            # Which of them it was is not known: each is tried alone from now on.
            work.suspect(task.units)
            self._give_back(work, task.units, changes)
        else:
            self._alone_over(task, work, how, changes)

    def _work_of(self, task: Task) -> RunWork | None:
        """Return the run of a task; None when it is gone, or goes on although it was stopped."""
        work = self._board.runs.get(task.run_id)
        is_withdrawn = work is not None and task.step == "join" and not work.is_join
        return None if is_withdrawn else work

    def _alone_over(self, task: Task, work: RunWork, how: Over, changes: Changes) -> None:
        unit = task.units[0]
        if how == "late":
            self._give_up(work, unit, failure_of(_too_long(work)), changes)
            return
        unit = crashed(unit)
        if unit.crashes >= CRASHES:
            self._give_up(work, unit, failure_of(WorkerCrashed()), changes)
        else:
            self._give_back(work, [unit], changes)

    def _step_over(self, task: Task, work: RunWork, how: Over, applied: Applied) -> None:
        work.step_crashes += 1
        if how == "late":
            error: UrbanKiError = UnitTimedOut(limit_s=round(task.limit_s))
            applied.ends.append(RunEnd(task.run_id, "failed", failure_of(error)))
        elif work.step_crashes >= CRASHES:
            applied.ends.append(RunEnd(task.run_id, "failed", failure_of(WorkerCrashed())))

    def _step_failed(
        self, task: Task, work: RunWork, failure: Failure, changes: Changes, applied: Applied
    ) -> None:
        self._give_back(work, task.units, changes)
        if failure.retry == "wait":
            self.hold(work, failure, changes, was_probe=task.is_probe)
            return
        work.step_tries += 1
        attempts = _USUAL_ATTEMPTS if work.facts is None else work.facts.attempts
        if failure.retry == "attempts" and work.step_tries < attempts:
            work.step_again_at = self._clock() + back_off_s(work.step_tries)
        else:
            applied.ends.append(RunEnd(task.run_id, "failed", failure))

    def _units_answered(self, task: Task, work: RunWork, reply: Reply, changes: Changes) -> None:
        pending = {unit.ordinal: unit for unit in task.units}
        run = self._board.changes_of(changes, task.run_id)
        for answer in reply.units:
            unit = pending.pop(answer.ordinal, None)
            if unit is None:
                continue  # a worker cannot answer for what it was not asked
            if answer.failure is None:
                data = answer.data or {}
                run.done.append(
                    UnitDone(unit.ordinal, data, answer.file, answer.seconds, answer.calls)
                )
                work.count_done(unit.ordinal)
                work.measure(answer.seconds)
                self._note_models(work, answer, changes)
            else:
                self._unit_failed(task, work, unit, answer, changes)
        self._give_back(work, list(pending.values()), changes)
        run.columns["seconds_per_unit"] = work.seconds

    def _unit_failed(
        self, task: Task, work: RunWork, unit: PendingUnit, answer: UnitReply, changes: Changes
    ) -> None:
        failure = answer.failure or failure_of(UrbanKiError())
        if failure.retry == "wait":
            self._give_back(work, [unit], changes)
            self.hold(work, failure, changes, was_probe=task.is_probe)
            return
        attempts = _USUAL_ATTEMPTS if work.facts is None else work.facts.attempts
        unit = tried(unit)
        if failure.retry == "attempts" and unit.attempts < attempts:
            due = self._clock() + back_off_s(unit.attempts)
            self._give_back(work, [unit], changes, due)
        else:
            self._give_up(work, unit, failure, changes, answer.seconds)

    def _note_models(self, work: RunWork, answer: UnitReply, changes: Changes) -> None:
        new = [model for model in answer.models if model not in work.models]
        if new:
            work.models.update(dict.fromkeys(new))
            noted = [dataclasses.asdict(model) for model in work.models]
            columns = self._board.changes_of(changes, work.run.id).columns
            columns["provenance_json"] = {"models": noted}

    def _give_up(
        self,
        work: RunWork,
        unit: PendingUnit,
        failure: Failure,
        changes: Changes,
        seconds: float | None = None,
    ) -> None:
        run = self._board.changes_of(changes, work.run.id)
        run.failed.append(UnitFailed(unit, failure, seconds))
        work.count_failed(unit.ordinal)

    def _give_back(
        self,
        work: RunWork,
        units: Sequence[PendingUnit],
        changes: Changes,
        due: float = float("-inf"),
    ) -> None:
        if units:
            work.give_back(units, due)
            self._board.changes_of(changes, work.run.id).back.extend(units)

    def hold(self, work: RunWork, failure: Failure, changes: Changes, *, was_probe: bool) -> None:
        """Let a run wait for something that is away.

        Args:
            work: The run.
            failure: What is away.
            changes: What is written.
            was_probe: True when the failed try began while the run waited already.
        """
        changed = work.hold(failure, self._clock(), was_probe=was_probe)
        if changed and not work.is_join:
            columns = self._board.changes_of(changes, work.run.id).columns
            work.state = columns["state"] = "waiting"
            columns["message_code"] = failure.code
            columns["message_details"] = dict(failure.details)

    def resume(self, work: RunWork, changes: Changes) -> None:
        """Let a run go on.

        Args:
            work: The run.
            changes: What is written.
        """
        work.waiting = None
        if work.is_join:
            return
        columns = self._board.changes_of(changes, work.run.id).columns
        work.state = columns["state"] = "running"
        columns["message_code"] = columns["message_details"] = None


def _waits(unit: UnitReply) -> bool:
    return unit.failure is not None and unit.failure.retry == "wait"


def _too_long(work: RunWork) -> UnitTimedOut:
    limit_s = 0.0 if work.facts is None else work.facts.unit_timeout_s
    return UnitTimedOut(limit_s=round(limit_s))
