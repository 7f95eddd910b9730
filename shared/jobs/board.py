"""What the supervisor has in mind: open runs, those behind them, and the tasks in flight."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from shared.contracts.jobs import Priority, StoredFile
from shared.jobs.changes import Changes, PendingUnit, RunChanges
from shared.jobs.messages import Step
from shared.jobs.placement import Turns
from shared.jobs.queue import RunHead
from shared.jobs.work import Facts, RunWork

OPEN_RUNS = 16
"""Runs of one municipality and class that take turns; those behind them begin when one ends."""
MOST_OPEN_RUNS = 64
"""The same with runs that only wait for something."""


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
        preparing: Runs for which such a file is being written.
        facts: What is known of jobs, by app and name.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    runs: dict[str, RunWork] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    cancelling: dict[str, float] = field(default_factory=dict)
    outcomes: dict[str, StoredFile] = field(default_factory=dict)
    preparing: set[str] = field(default_factory=set)
    facts: dict[tuple[str, str], Facts] = field(default_factory=dict)
    _behind: dict[tuple[str, Priority], OrderedDict[str, None]] = field(default_factory=dict)

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
        """Open runs where there is room.

        Args:
            load: Reads a run; None when it has ended or is gone.
        """
        if not self._behind:
            return
        busy, all_open = self._open_counts()
        for place, runs in list(self._behind.items()):
            while runs and busy[place] < OPEN_RUNS and all_open[place] < MOST_OPEN_RUNS:
                run_id, _ = runs.popitem(last=False)
                work = load(run_id)
                if work is not None:
                    self.add(work)
                    busy[place] += 1
                    all_open[place] += 1
            if not runs:
                del self._behind[place]

    def _open_counts(self) -> tuple[Counter[tuple[str, Priority]], Counter[tuple[str, Priority]]]:
        busy: Counter[tuple[str, Priority]] = Counter()
        all_open: Counter[tuple[str, Priority]] = Counter()
        for work in self.runs.values():
            place = (work.run.tenant, work.run.priority)
            all_open[place] += 1
            busy[place] += work.waiting is None
        return busy, all_open

    def add(self, work: RunWork) -> None:
        """Open a run."""
        run = work.run
        work.facts = self.facts.get((run.app, run.job))
        self.runs[run.id] = work
        self.turns.add(run.id, run.tenant, run.priority)

    def close(self, run_id: str) -> None:
        """Forget a run that has ended or is gone."""
        self.runs.pop(run_id, None)
        self.turns.remove(run_id)
        self.cancelling.pop(run_id, None)
        self.outcomes.pop(run_id, None)
        self.take_from_behind(run_id)

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
