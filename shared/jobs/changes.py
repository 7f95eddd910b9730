"""What one turn of the supervisor's loop writes, collected for one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.jobs import StoredFile
from shared.jobs.messages import Failure


@dataclass(frozen=True, slots=True)
class PendingUnit:
    """A unit without result.

    Args:
        ordinal: Place in its run, from 0.
        key: The unit.
        attempts: Times it failed with a temporary error.
        crashes: Times it ended its process while it ran alone.
    """

    ordinal: int
    key: str
    attempts: int = 0
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class UnitDone:
    """A unit with a result.

    Args:
        ordinal: Place in its run.
        data: Values for its row.
        file: Its file, if it wrote one.
        seconds: What it took.
        calls: Calls of the model server that led to it, by task.
    """

    ordinal: int
    data: Mapping[str, Any]
    file: StoredFile | None
    seconds: float
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnitFailed:
    """A unit that is given up.

    Args:
        unit: The unit.
        failure: Why.
        seconds: What it took; None when nobody measured it.
    """

    unit: PendingUnit
    failure: Failure
    seconds: float | None = None


@dataclass
class RunChanges:
    """What changes about one run.

    Args:
        tenant: Its municipality.
        is_example: True for synthetic data.
        done: Units with a new result.
        failed: Units that are given up.
        back: Units that nobody works on any more; they are queued again.
        claims: Units that are handed out now.
        columns: New values of columns of the run.
    """

    tenant: str
    is_example: bool
    done: list[UnitDone] = field(default_factory=list)
    failed: list[UnitFailed] = field(default_factory=list)
    back: list[PendingUnit] = field(default_factory=list)
    claims: list[PendingUnit] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to write."""
        return not (self.done or self.failed or self.back or self.claims or self.columns)


@dataclass
class Changes:
    """What one transaction writes.

    Args:
        runs: Changes by run id.
        signals: Ids of signals that were heard.
    """

    runs: dict[str, RunChanges] = field(default_factory=dict)
    signals: list[int] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to write."""
        return not self.signals and all(run.is_empty for run in self.runs.values())
