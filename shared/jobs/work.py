"""An open run in the supervisor's memory: which of its units come next, and when.

Nothing here is the truth: everything can be read again from the database. Kept are a few units
ahead, those that wait for their next try, and what the supervisor has learned about them.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from shared.contracts.jobs import RunState
from shared.contracts.provenance import ModelUse
from shared.jobs.changes import PendingUnit
from shared.jobs.messages import Failure
from shared.jobs.placement import back_off_s
from shared.jobs.queue import StoredRun

CRASHES = 2
"""A unit that ended its process so often, alone, is given up."""
_AHEAD = 256
_MOST_BACK = 1024
_OLD_SHARE = 0.9
"""Weight of the past in the mean of the measured seconds."""

Fetch = Callable[[int, int], Sequence[PendingUnit]]
"""Reads units that wait: only those behind an ordinal, at most so many."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the definition of a job says.

    Args:
        unit_timeout_s: Limit of a unit.
        attempts: Tries of a unit with temporary errors.
    """

    unit_timeout_s: float
    attempts: int


@dataclass
class Waiting:
    """A run that waits for something that is away.

    Args:
        failure: For what.
        tries: Failed tries so far.
        again_at: When the next one may begin, in monotonic seconds.
    """

    failure: Failure
    tries: int
    again_at: float


@dataclass
class RunWork:
    """An open run.

    Args:
        run: As it was read.
        fetch: Reads its next units.
        in_flight: Ordinals of units that were handed out before it was read; they come back by
            `give_back` or not at all.
        is_revoked: True when whoever ordered it may not any more; None before anybody has looked.
    """

    run: StoredRun
    fetch: Fetch
    in_flight: frozenset[int] = frozenset()
    is_revoked: bool | None = None
    facts: Facts | None = None
    waiting: Waiting | None = None
    step_tries: int = 0
    step_crashes: int = 0
    step_again_at: float = float("-inf")
    turns: int = 0
    state: RunState = field(init=False)
    is_started: bool = field(init=False)
    total: int | None = field(init=False)
    done: int = field(init=False)
    failed: int = field(init=False)
    seconds: float | None = field(init=False)
    models: dict[ModelUse, None] = field(init=False)
    _ahead: deque[PendingUnit] = field(default_factory=deque)
    _last_fetched: int = -1
    _all_fetched: bool = False
    _back: list[tuple[float, int, PendingUnit]] = field(default_factory=list)
    _suspects: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with what the database says."""
        self.state, self.is_started = self.run.state, self.run.is_started
        self.total = self.run.units_total
        self.done, self.failed = self.run.units_done, self.run.units_failed
        self.seconds = self.run.seconds_per_unit
        self.models = dict.fromkeys(self.run.models)

    @property
    def is_join(self) -> bool:
        """True when the run was stopped and only what is over is to be joined."""
        return self.run.state == "cancelled"

    @property
    def remembers(self) -> bool:
        """True while something is known of the run that the database does not say."""
        tries = self.waiting is not None or self.step_tries > 0 or self.step_crashes > 0
        return tries or bool(self._back or self._suspects)

    @property
    def remaining(self) -> int:
        """Units that are not over, those in flight included."""
        return 0 if self.total is None else max(0, self.total - self.done - self.failed)

    def measure(self, seconds: float) -> None:
        """Take the measured seconds of a unit into the mean."""
        old = seconds if self.seconds is None else self.seconds
        self.seconds = _OLD_SHARE * old + (1 - _OLD_SHARE) * seconds

    def hold(self, failure: Failure, now: float, *, was_probe: bool) -> bool:
        """Wait because something is away; True when the run did not wait already.

        Args:
            failure: For what.
            now: Monotonic seconds.
            was_probe: True when the failed try began while the run waited already.
        """
        if self.waiting is None:
            self.waiting = Waiting(failure, 1, now + back_off_s(1))
            return True
        if was_probe:
            tries = self.waiting.tries + 1
            changed = self.waiting.failure.code != failure.code
            self.waiting = Waiting(failure, tries, now + back_off_s(tries))
            return changed
        return False

    def may_begin(self, now: float) -> bool:
        """Say whether the pauses of the run as a whole are over."""
        if self.waiting is not None and now < self.waiting.again_at:
            return False
        return now >= self.step_again_at

    def give_back(self, units: Sequence[PendingUnit], due: float = float("-inf")) -> None:
        """Let units wait for their next try.

        Args:
            units: Units without result.
            due: When the try may begin, in monotonic seconds.
        """
        for unit in units:
            heapq.heappush(self._back, (due, unit.ordinal, unit))

    def suspect(self, units: Sequence[PendingUnit]) -> None:
        """Let units of which one ended or blocked its process be done alone from now on."""
        self._suspects.update(unit.ordinal for unit in units)

    def count_done(self, ordinal: int) -> None:
        """Note that a unit has a result."""
        self.done += 1
        self._suspects.discard(ordinal)

    def count_failed(self, ordinal: int) -> None:
        """Note that a unit is given up."""
        self.failed += 1
        self._suspects.discard(ordinal)

    def has_units(self, now: float) -> bool:
        """Say whether a unit can be handed out now."""
        if self._back and self._back[0][0] <= now:
            return True
        return self._fill()

    def take(self, count: int, now: float) -> list[PendingUnit]:
        """Return the units of the next task: several, or one that must be alone.

        Args:
            count: Most units.
            now: Monotonic seconds.
        """
        taken: list[PendingUnit] = []
        while len(taken) < count:
            unit = self._next(now)
            if unit is None:
                break
            if self._is_alone(unit):
                if taken:
                    self.give_back([unit])
                else:
                    taken.append(unit)
                break
            taken.append(unit)
        return taken

    def _next(self, now: float) -> PendingUnit | None:
        if self._back and self._back[0][0] <= now:
            return heapq.heappop(self._back)[2]
        return self._ahead.popleft() if self._fill() else None

    def _is_alone(self, unit: PendingUnit) -> bool:
        return unit.crashes > 0 or unit.ordinal in self._suspects

    def _fill(self) -> bool:
        if len(self._back) >= _MOST_BACK:
            return False
        while not self._ahead and not self._all_fetched:
            units = self.fetch(self._last_fetched, _AHEAD)
            self._ahead.extend(unit for unit in units if unit.ordinal not in self.in_flight)
            self._all_fetched = len(units) < _AHEAD
            if units:
                self._last_fetched = units[-1].ordinal
        return bool(self._ahead)


def crashed(unit: PendingUnit) -> PendingUnit:
    """Return a unit that has ended its process once more."""
    return replace(unit, crashes=unit.crashes + 1)


def tried(unit: PendingUnit) -> PendingUnit:
    """Return a unit that has failed with a temporary error once more."""
    return replace(unit, attempts=unit.attempts + 1)
