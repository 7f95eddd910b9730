"""How often somebody may ask: one token bucket per subject, in the memory of each worker process.

Every worker counts for itself, so a server with two workers lets through up to twice as much.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from shared.contracts.identity.principal import Role
from shared.settings import Settings

MOST_BUCKETS = 10_000
DROPPED_AT_ONCE = 2
_ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit.

    Args:
        per_second: Requests per second in the long run, above 0.
        burst: Requests at once after a pause, at least 1.
    """

    per_second: float
    burst: int


@dataclass(slots=True)
class _Bucket:
    """Tokens that are left, and when that was so."""

    left: float
    at: float


class TokenBuckets:
    """The buckets of one process.

    Args:
        rates: Limit of each role.
        most: Buckets that are kept. Each request drops a few that are full again, the longest
            unused first; above the limit those go even when they are not.
    """

    def __init__(self, rates: Mapping[Role, Rate], most: int = MOST_BUCKETS) -> None:
        self._rates = rates
        self._most = most
        self._buckets: OrderedDict[tuple[str, Role], _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """Count the buckets that are kept."""
        return len(self._buckets)

    def take(self, subject: str, role: Role, now: float) -> float:
        """Take one token.

        Args:
            subject: Who asks.
            role: Role, which decides the limit.
            now: Seconds of a clock that never goes back.

        Returns:
            0 when there was a token, otherwise the seconds until there is one.
        """
        rate = self._rates[role]
        key = (subject, role)
        bucket = self._buckets.pop(key, None) or _Bucket(rate.burst, now)
        self._make_room(now)
        self._buckets[key] = bucket
        bucket.left = _filled(bucket, rate, now)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / rate.per_second
        bucket.left -= 1
        return 0.0

    def _make_room(self, now: float) -> None:
        for key, bucket in list(islice(self._buckets.items(), DROPPED_AT_ONCE)):
            rate = self._rates[key[1]]
            # A full bucket says no more than a missing one.
            if _filled(bucket, rate, now) >= rate.burst:
                del self._buckets[key]
        while len(self._buckets) >= self._most:
            self._buckets.popitem(last=False)


def read_rates(settings: Settings) -> dict[Role, Rate]:
    """Return the limit of each role; administrators have that of clerks."""
    staff = _rate(settings.rate_sachbearbeitung)
    return {
        "gast": _rate(settings.rate_gast),
        "viewer": _rate(settings.rate_viewer),
        "sachbearbeitung": staff,
        "admin": staff,
        "service": _rate(settings.rate_service),
    }


def whole_seconds(wait_s: float) -> int:
    """Round a wait up to whole seconds, at least 1, as `Retry-After` wants it."""
    return max(1, math.ceil(wait_s - _ROUNDING_S))


def _rate(text: str) -> Rate:
    per_second, burst = text.split("/")
    return Rate(float(per_second), int(burst))


def _filled(bucket: _Bucket, rate: Rate, now: float) -> float:
    return min(rate.burst, bucket.left + (now - bucket.at) * rate.per_second)
