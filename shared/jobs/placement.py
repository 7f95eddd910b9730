"""Whose turn it is, and how much of it at once: pure rules without clock and database."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from shared.contracts.jobs import Priority

BUNDLE_S = 1.0
"""A task should take about so long: long against its own cost, short for whoever comes next."""
MOST_UNITS = 64
LOWER_CLASS_EVERY = 8
"""At least every so many turns go to a class that would otherwise only wait."""

BACK_OFF_S = (1.0, 5.0, 25.0)


def back_off_s(tries: int) -> float:
    """Return the pause before the next try.

    Args:
        tries: Tries so far, from 1.
    """
    return BACK_OFF_S[min(tries, len(BACK_OFF_S)) - 1]


def bundle_size(seconds_per_unit: float | None, remaining: int, workers: int) -> int:
    """Return how many units the next task should do.

    Args:
        seconds_per_unit: Measured seconds of a unit; None before the first.
        remaining: Units of the run that nobody has begun.
        workers: Units that can be done at the same time.
    """
    if seconds_per_unit is None:
        return 1
    fitting = MOST_UNITS if seconds_per_unit <= 0 else int(BUNDLE_S / seconds_per_unit)
    fair_share = math.ceil(remaining / max(1, workers))
    return max(1, min(MOST_UNITS, fitting, fair_share))


class Turns:
    """Round robin over municipalities, then over the runs of each, within classes of priority."""

    def __init__(self) -> None:
        self._classes: dict[Priority, OrderedDict[str, OrderedDict[str, None]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._places: dict[str, tuple[Priority, str]] = {}
        self._waited = dict.fromkeys(Priority, 0)

    def add(self, run_id: str, tenant: str, priority: Priority) -> None:
        """Let a run take part; it comes last.

        Args:
            run_id: The run.
            tenant: Its municipality.
            priority: Its class.
        """
        self._places[run_id] = (priority, tenant)
        self._classes[priority].setdefault(tenant, OrderedDict())[run_id] = None

    def remove(self, run_id: str) -> None:
        """Take a run out, if it takes part."""
        place = self._places.pop(run_id, None)
        if place is not None:
            priority, tenant = place
            runs = self._classes[priority][tenant]
            del runs[run_id]
            if not runs:
                del self._classes[priority][tenant]

    def next(self, has_work: Callable[[str], bool]) -> str | None:
        """Return the run whose turn it is; None when no run has work.

        Args:
            has_work: Says whether a run can give work right now.
        """
        for priority in self._order():
            chosen = self._next_of(self._classes[priority], has_work)
            if chosen is not None:
                for other in Priority:
                    self._waited[other] += bool(self._classes[other])
                self._waited[priority] = 0
                return chosen
        return None

    def _order(self) -> list[Priority]:
        """Return the classes, the one first that has waited for too long."""
        late = [one for one in Priority if self._waited[one] >= LOWER_CLASS_EVERY - 1]
        late.sort(key=lambda one: -self._waited[one])
        return [*late, *(one for one in Priority if one not in late)]

    def _next_of(
        self, tenants: OrderedDict[str, OrderedDict[str, None]], has_work: Callable[[str], bool]
    ) -> str | None:
        for tenant in list(tenants):
            for run_id in list(tenants[tenant]):
                if has_work(run_id):
                    tenants[tenant].move_to_end(run_id)
                    tenants.move_to_end(tenant)
                    return run_id
        return None
