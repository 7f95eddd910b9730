"""Refusals that come again and again: the audit tells of each of the first, then at every doubling.

Nobody can fill the audit with refusals, and no row has to wait for a later one: what was written
stays true when the process ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import NamedTuple

TOLD_SINGLY = 10
"""So many of a minute have a row each; then the 20th, the 40th, the 80th of that minute."""
MOST_KEYS = 10_000


class RepeatKey(NamedTuple):
    """What counts as the same.

    Args:
        event: What happened.
        who: The person; the network where nobody is known.
        reason: Why it was refused.
    """

    event: str
    who: str
    reason: str


@dataclass(slots=True)
class Repeats:
    """Counts the refusals of this process in the present minute; threads may share it."""

    _minute: int = 0
    _counts: dict[RepeatKey, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def number(self, key: RepeatKey, now: datetime) -> int:
        """Count a refusal, and return the how manieth of its minute it is.

        Args:
            key: What counts as the same. Of very many, the strangers of a minute count as one.
            now: The moment.
        """
        minute = int(now.timestamp() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._counts.clear()
            if key not in self._counts and len(self._counts) >= MOST_KEYS:
                key = key._replace(who="")
            self._counts[key] = self._counts.get(key, 0) + 1
            return self._counts[key]


def has_row(number: int) -> bool:
    """Say whether the audit tells of the refusal with this number.

    Args:
        number: From `Repeats.number`.
    """
    doublings, rest = divmod(number, TOLD_SINGLY)
    return number <= TOLD_SINGLY or (rest == 0 and doublings.bit_count() == 1)
