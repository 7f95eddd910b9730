"""Which decisions a person made herself, so that nobody takes back those of others.

The store keeps no person beside a decision, only a role, and it stays that way: this is held in
memory alone. After a restart of the process nobody can take back what was decided before; a new
decision overrules it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from functools import lru_cache
from threading import Lock

MOST_LISTS = 500
MOST_HELD = 2_000
"""So many of her latest decisions about a run a person can take back."""


class OwnDecisions:
    """Ids of decisions by run and person, for all sessions of this process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = Lock()
        self._held: OrderedDict[tuple[str, str], deque[str]] = OrderedDict()

    def note(self, run_id: str, subject: str, decision_id: str) -> None:
        """Remember a decision.

        Args:
            run_id: The run.
            subject: Stable id of the person.
            decision_id: Id of the decision.
        """
        with self._lock:
            one = self._held.setdefault((run_id, subject), deque(maxlen=MOST_HELD))
            one.append(decision_id)
            self._held.move_to_end((run_id, subject))
            if len(self._held) > MOST_LISTS:
                self._held.popitem(last=False)

    def of(self, run_id: str, subject: str) -> tuple[str, ...]:
        """Return the ids of a person's decisions about a run, oldest first.

        Args:
            run_id: The run.
            subject: Stable id of the person.
        """
        with self._lock:
            return tuple(self._held.get((run_id, subject), ()))


@lru_cache(maxsize=1)
def own_decisions() -> OwnDecisions:
    """Return what this process knows."""
    return OwnDecisions()
