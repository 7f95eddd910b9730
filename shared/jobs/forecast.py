"""How long the rest of a run will take: measured, as an interval, never guessed.

The level is the mean of all units, drawn towards the exponential mean of the latest ones as far as
their difference stands out from the noise (shrinkage after James and Stein, 1961). The same
difference shows a drift, of which three quarters are believed to go on. The noise is the larger of
two estimates: successive differences, which a drift hardly touches (von Neumann et al. 1941,
doi:10.1214/aoms/1177731677), and means of groups, which see that neighbours are alike. The interval
covers the error of the mean, a drift that hides in the noise, the spread of the units that are
left, and that a drift may end or grow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LEAST_UNITS = 5
"""Fewer measured units say nothing."""
SAMPLE = 64
"""As many seconds, spread evenly over all finished units, are enough for `forecast`."""
_WINDOW = 1 / 4
"""Time constant of the exponential mean as a share of the measured units."""
_Z = 1.645
"""Nine of ten values of a normal distribution lie within this many deviations."""
_SMALL_SAMPLE = 1.2
"""Widens `_Z` to the same quantile of Student's distribution, as 1 + this / degrees of freedom."""
_GOES_ON = 0.75
_GOES_ON_DEVIATION = 0.4
"""How much of a drift goes on, and how far off that may be."""
_HIDDEN_DRIFT = 0.3
"""A drift that noise hides: deviation over all finished units, as a share of the mean."""
_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Interval:
    """When it will be over.

    Args:
        low_s: Seconds from now at the least.
        high_s: Seconds from now at the most; nine of ten ends lie between the two.
    """

    low_s: float
    high_s: float

    @property
    def middle_s(self) -> float:
        """The one figure, where there is no room for two."""
        return (self.low_s + self.high_s) / 2


def forecast(
    done: int, total: int, seconds_per_unit: Sequence[float], in_flight: int
) -> Interval | None:
    """Say how long the rest of a run takes; None while nobody can know.

    Args:
        done: Units that are over, with or without a result.
        total: All units of the run.
        seconds_per_unit: Measured seconds of finished units, oldest first: all of them, or some
            spread evenly over all of them (`sample_ordinals`).
        in_flight: Units that are worked on at the same time; 0 while the run waits.

    Raises:
        ValueError: A count or a measured time is negative, or more units are done than there are.
    """
    if not 0 <= done <= total or in_flight < 0:
        raise ValueError("more units are done than there are, or a count is negative")
    if any(not seconds >= 0 for seconds in seconds_per_unit):
        raise ValueError("a unit cannot have taken less than no time")
    left = total - done
    if not left:
        return Interval(0.0, 0.0)
    if min(len(seconds_per_unit), done) < LEAST_UNITS or not in_flight:
        return None
    level_s, error_s = _seconds_of_the_rest(done, left, seconds_per_unit)
    lanes = min(in_flight, left)
    # Units already begun shorten the rest by half a unit, idle lanes at the end lengthen it by
    # about as much; which of the two wins is not known.
    edge_s = level_s / 2
    low_s = (level_s - error_s) * left / lanes - edge_s
    return Interval(max(0.0, low_s), (level_s + error_s) * left / lanes + edge_s)


def sample_ordinals(done: int) -> list[int]:
    """Return up to `SAMPLE` places spread evenly over the first units, the newest among them.

    Args:
        done: Units that are over; they are handed out in order, so these are about the first.
    """
    count = min(done, SAMPLE)
    return [(step + 1) * done // count - 1 for step in range(count)]


def exponential_mean(seconds: Sequence[float], window: float) -> float:
    """Return the mean in which the latest count most, corrected for what is missing at the start.

    Args:
        seconds: Measured seconds, oldest first, at least one.
        window: Time constant in units.
    """
    weights = _weights(len(seconds), window)
    return sum(weight * value for weight, value in zip(weights, seconds, strict=True))


def _weights(count: int, window: float) -> list[float]:
    """Return weights that sum to 1, which is what the correction of the bias amounts to."""
    decay = 1 - 1 / max(window, 1.0)
    raw = [decay ** (count - 1 - place) for place in range(count)]
    total = sum(raw)
    return [weight / total for weight in raw]


def _seconds_of_the_rest(done: int, left: int, seconds: Sequence[float]) -> tuple[float, float]:
    """Return the mean seconds of the units that are left, and how far off that may be."""
    count = len(seconds)
    window = _WINDOW * count
    weights = _weights(count, window)
    mean_s = sum(seconds) / count
    difference_s = exponential_mean(seconds, window) - mean_s
    # Places are shares of the finished units: all begin at 0, now is 1, their mean lies at 1/2.
    lag = sum(weight * (count - place - 0.5) for place, weight in enumerate(weights)) / count
    drift_s = difference_s / (0.5 - lag)
    variance = _variance(seconds, mean_s, drift_s)
    doubt = variance * max(sum(weight**2 for weight in weights) - 1 / count, 0.0)
    belief = difference_s**2 / (difference_s**2 + doubt) if difference_s**2 > 0 else 0.0
    now_s = mean_s + belief * difference_s
    # A drift is carried on at most as far as it was seen, and doubles or halves at the most.
    ahead = min(left / done, 1.0) / 2
    step_s = min(max(belief * drift_s * (lag + ahead), -now_s / 2), now_s)
    hidden = _shrunk(doubt / (0.5 - lag) ** 2, (_HIDDEN_DRIFT * mean_s) ** 2)
    error = (
        variance / count
        + variance / left
        + hidden * (0.5 + _GOES_ON * ahead) ** 2
        + (_GOES_ON_DEVIATION * step_s) ** 2
    )
    quantile = _Z * (1 + _SMALL_SAMPLE / (min(count, 2 * _GROUPS) - 1))
    return now_s + _GOES_ON * step_s, quantile * math.sqrt(error)


def _shrunk(measured: float, expected: float) -> float:
    """Return the variance that is left when a measurement and an expectation are joined."""
    return measured * expected / (measured + expected) if measured * expected > 0 else 0.0


def _variance(seconds: Sequence[float], mean_s: float, drift_s: float) -> float:
    """Return the noise of one unit, the larger of two estimates."""
    count = len(seconds)
    steps = pairwise(seconds)
    single = sum((after - before) ** 2 for before, after in steps) / (2 * (count - 1))
    if count < 2 * _GROUPS:
        return single
    cuts = [round(group * count / _GROUPS) for group in range(_GROUPS + 1)]
    squares = 0.0
    for group, (start, end) in enumerate(pairwise(cuts)):
        on_line_s = mean_s + drift_s * ((group + 0.5) / _GROUPS - 0.5)
        squares += (sum(seconds[start:end]) / (end - start) - on_line_s) ** 2
    return max(single, count / _GROUPS * squares / (_GROUPS - 2))
