"""What the supervisor has in mind: open runs, those behind them, and the tasks in flight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from shared.contracts.jobs import Priority, StoredFile
from shared.jobs.changes import Changes, PendingUnit, RunChanges
from shared.jobs.messages import Step
from shared.jobs.placement import Turns
from shared.jobs.queue import RunHead
from shared.jobs.work import Facts, RunWork

OPEN_RUNS = 16
"""Runs of one municipality and class that are kept open between their turns.

Is another one behind them, one that had its turns goes behind it and is read again later.
"""
TURNS_WHILE_OPEN = 4
"""Tasks that a run gets before it goes behind the others: its facts, split, one unit, finish.

So a run of one unit ends at its first visit; with fewer, of very many such runs none would end
before all had begun.
"""
MOST_OPEN_RUNS = 64
"""The same with runs of which something is remembered, so that they cannot be read again.

Runs with a task in flight come in addition: there are never more than there are workers.
"""


Place = tuple[str, Priority]
"""Municipality and class: the runs of one are in one line."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker has to do.

    Args:
        token: Name of the task.
        run_id: The run.
        tenant: Its municipality.
        step: What is done.
        units: Units that are done.
        worker: Who does it.
        begun_at: When it was handed out, in monotonic seconds.
        limit_s: Seconds after which it is given up.
        is_probe: True when the run waited for something and this tries whether it is back.
    """

    token: str
    run_id: str
    tenant: str
    step: Step
    units: tuple[PendingUnit, ...]
    worker: str
    begun_at: float
    limit_s: float
    is_probe: bool


@dataclass
class Board:
    """The supervisor's memory; all of it can be read again from the database but `tasks`.

    Args:
        tasks: Tasks in flight by their token.
        runs: Open runs.
        turns: Whose turn it is.
        cancelling: Runs that are being stopped, and when the last of it is broken off.
        outcomes: Files for the `finish` of runs.
        preparing: Runs for which such a file is being written, with the number of that chore.
        facts: What is known of jobs, by app and name.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    runs: dict[str, RunWork] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    cancelling: dict[str, float] = field(default_factory=dict)
    outcomes: dict[str, StoredFile] = field(default_factory=dict)
    preparing: dict[str, int] = field(default_factory=dict)
    facts: dict[tuple[str, str], Facts] = field(default_factory=dict)
    _behind: dict[Place, OrderedDict[str, None]] = field(default_factory=dict)

    def forget_runs(self) -> None:
        """Forget what the database knows better."""
        self.runs.clear()
        self.turns = Turns()
        self.cancelling.clear()
        self.outcomes.clear()
        self._behind.clear()

    def enqueue(self, heads: Iterable[RunHead]) -> None:
        """Put runs behind the others."""
        for head in heads:
            if head.id not in self.runs:
                self._behind.setdefault((head.tenant, head.priority), OrderedDict())[head.id] = None

    def take_from_behind(self, run_id: str) -> None:
        """Take a run out of those that wait to be opened, if it is there."""
        for runs in self._behind.values():
            runs.pop(run_id, None)

    def open_next(self, load: Callable[[str], RunWork | None]) -> None:
        """Open runs where there is room, or in place of one that had its turns.

        So all runs of a municipality and class take turns, however many they are.

        Args:
            load: Reads a run; None when it has ended or is gone.
        """
        if not self._behind:
            return
        idle = self._idle()
        for place, runs in list(self._behind.items()):
            held = [work for work in idle[place] if self._must_stay(work)]
            kept = len(idle[place]) - len(held)
            served = [work for work in idle[place] if self._had_turns(work)]
            for _ in range(len(runs)):
                is_full = kept >= OPEN_RUNS or len(held) + kept >= MOST_OPEN_RUNS
                if is_full and not served:
                    break
                run_id, _ = runs.popitem(last=False)
                work = load(run_id)
                if work is None:
                    continue
                if is_full:
                    self._step_back(served.pop(0), runs)
                    kept -= 1
                self.add(work)
                kept += 1
            if not runs:
                del self._behind[place]

    def _idle(self) -> dict[Place, list[RunWork]]:
        """Return open runs without a task in flight, those first that were opened first."""
        in_flight = {task.run_id for task in self.tasks.values()}
        idle: dict[Place, list[RunWork]] = {place: [] for place in self._behind}
        for run_id, work in self.runs.items():
            place = (work.run.tenant, work.run.priority)
            if place in idle and run_id not in in_flight:
                idle[place].append(work)
        return idle

    def _had_turns(self, work: RunWork) -> bool:
        return work.turns >= TURNS_WHILE_OPEN and not self._must_stay(work)

    def _must_stay(self, work: RunWork) -> bool:
        run_id = work.run.id
        ends = run_id in self.cancelling or run_id in self.outcomes or run_id in self.preparing
        return ends or work.remembers

    def _step_back(self, work: RunWork, behind: OrderedDict[str, None]) -> None:
        """Close a run whose next turn comes after those of the runs behind it."""
        del self.runs[work.run.id]
        self.turns.remove(work.run.id)
        behind[work.run.id] = None

    def add(self, work: RunWork) -> None:
        """Open a run."""
        run = work.run
        work.facts = self.facts.get((run.app, run.job))
        self.runs[run.id] = work
        self.turns.add(run.id, run.tenant, run.priority)

    def close(self, run_id: str) -> list[tuple[str, StoredFile]]:
        """Forget a run that has ended or is gone; return its file that nobody needs any more.

        Args:
            run_id: The run.
        """
        work = self.runs.pop(run_id, None)
        outcomes = self.outcomes.pop(run_id, None)
        self.turns.remove(run_id)
        self.cancelling.pop(run_id, None)
        self.preparing.pop(run_id, None)
        self.take_from_behind(run_id)
        return [] if work is None or outcomes is None else [(work.run.tenant, outcomes)]

    def tasks_of(self, run_id: str) -> Iterator[Task]:
        """List the tasks of a run that are in flight."""
        return (task for task in self.tasks.values() if task.run_id == run_id)

    def changes_of(self, changes: Changes, run_id: str) -> RunChanges:
        """Return the changes of an open run, to be added to.

        Args:
            changes: Where they are collected.
            run_id: The run.
        """
        run = self.runs[run_id].run
        return changes.runs.setdefault(run_id, RunChanges(run.tenant, run.is_example))
