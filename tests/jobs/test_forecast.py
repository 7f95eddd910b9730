"""The forecast: right where time can be foreseen, wide where it cannot."""

import heapq
import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings, strategies as st

from shared.jobs.forecast import (
    LEAST_UNITS,
    SAMPLE,
    Interval,
    exponential_mean,
    forecast,
    sample_ordinals,
)

TOTAL = 400
SEEDS = range(30)
OFTEN = 0.85
SMALL = 0.75
HALF_TIME_ERROR = 0.25

Times = Callable[[random.Random, int], list[float]]


def _uniform(chance: random.Random, total: int) -> list[float]:
    return [chance.uniform(0.5, 1.5) for _ in range(total)]


def _constant(chance: random.Random, total: int) -> list[float]:
    del chance
    return [0.7] * total


def _drifting(first: float, last: float) -> Times:
    def times(chance: random.Random, total: int) -> list[float]:
        return [
            (first + (last - first) * place / total) * chance.uniform(0.7, 1.3)
            for place in range(total)
        ]

    return times


def _alike_neighbours(chance: random.Random, total: int) -> list[float]:
    """Easy and hard stretches, as files of a batch make them."""
    times: list[float] = []
    while len(times) < total:
        level = chance.choice([0.5, 1.0, 1.5])
        times += [level * chance.uniform(0.7, 1.3) for _ in range(chance.randint(3, 20))]
    return times[:total]


def _heavy(chance: random.Random, total: int) -> list[float]:
    return [chance.lognormvariate(0, 0.8) for _ in range(total)]


def _step(first: float, last: float) -> Times:
    def times(chance: random.Random, total: int) -> list[float]:
        return [
            (first if place < total / 4 else last) * chance.uniform(0.7, 1.3)
            for place in range(total)
        ]

    return times


KINDS: dict[str, Times] = {
    "constant": _constant,
    "uniform": _uniform,
    "slower": _drifting(0.5, 1.0),
    "much slower": _drifting(0.5, 1.5),
    "faster": _drifting(1.0, 0.5),
}
WILD: dict[str, Times] = {
    "much faster": _drifting(1.5, 0.5),
    "alike neighbours": _alike_neighbours,
    "heavy": _heavy,
    "slower at once": _step(0.5, 1.5),
    "faster at once": _step(1.5, 0.5),
}
"""Times that no forecast hits exactly; its interval must say so."""


def run_until(times: Sequence[float], lanes: int, done: int) -> tuple[list[float], float, float]:
    """Work through a run; return the seconds of the first units, when they were over, and the end.

    Units are begun in order, each on the lane that is free first.
    """
    free = [0.0] * lanes
    ends: list[tuple[float, int]] = []
    for place, seconds in enumerate(times):
        start = heapq.heappop(free)
        heapq.heappush(free, start + seconds)
        ends.append((start + seconds, place))
    ends.sort()
    finished = sorted(place for _, place in ends[:done])
    return [times[place] for place in finished], ends[done - 1][0], ends[-1][0]


def at_share(
    kind: Times, seed: int, lanes: int, *, total: int = TOTAL, share: float = 0.5
) -> tuple[Interval, float]:
    """Return the forecast when a share of a run is done, and how long it really took then."""
    times = kind(random.Random(seed), total)  # noqa: S311  # repeatable
    done = int(total * share)
    seconds, now, end = run_until(times, lanes, done)
    interval = forecast(done, total, seconds, lanes)
    assert interval is not None
    return interval, end - now


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_at_half_time_the_forecast_is_off_by_a_quarter_at_the_most(kind: str, lanes: int) -> None:
    for seed in SEEDS:
        interval, truth = at_share(KINDS[kind], seed, lanes)
        assert abs(interval.middle_s - truth) <= HALF_TIME_ERROR * truth


def share_within(kind: Times, total: int) -> float:
    """Return how often the true end lies within the interval that was given at half time."""
    hits = 0
    for seed in SEEDS:
        interval, truth = at_share(kind, seed, 2, total=total)
        hits += interval.low_s <= truth <= interval.high_s
    return hits / len(SEEDS)


@pytest.mark.parametrize("total", [60, 400, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_most_ends_lie_within_the_interval(kind: str, total: int) -> None:
    assert share_within(KINDS[kind], total) >= OFTEN


@pytest.mark.parametrize("total", [400, 1000])
@pytest.mark.parametrize("kind", WILD)
def test_the_interval_is_wide_where_time_is_wild(kind: str, total: int) -> None:
    assert share_within(WILD[kind], total) >= OFTEN


@pytest.mark.parametrize("kind", KINDS)
def test_ten_measured_units_say_less_but_do_not_lie(kind: str) -> None:
    assert share_within(KINDS[kind], 20) >= SMALL


def test_the_interval_is_no_wider_than_the_times_are_uncertain() -> None:
    """An interval from nothing to for ever would always be right."""
    for seed in SEEDS:
        interval, truth = at_share(KINDS["uniform"], seed, 2)
        assert interval.high_s - interval.low_s <= 0.5 * truth
        interval, truth = at_share(KINDS["uniform"], seed, 2, total=1000)
        assert interval.high_s - interval.low_s <= 0.3 * truth


def test_an_even_sample_is_as_good_as_all_seconds() -> None:
    total, done = 20_000, 10_000
    times = KINDS["much slower"](random.Random(3), total)  # noqa: S311
    seconds, now, end = run_until(times, 2, done)
    sample = [seconds[place] for place in sample_ordinals(done)]
    assert len(sample) == SAMPLE
    interval = forecast(done, total, sample, 2)
    assert interval is not None
    assert interval.low_s <= end - now <= interval.high_s
    assert abs(interval.middle_s - (end - now)) <= HALF_TIME_ERROR * (end - now)


def test_equal_units_are_worked_out_by_hand() -> None:
    """90 units of 2 s on 3 lanes: 60 s, give or take half a unit."""
    interval = forecast(10, 100, [2.0] * 10, 3)
    assert interval == Interval(pytest.approx(59.0), pytest.approx(61.0))
    assert interval is not None
    assert interval.middle_s == pytest.approx(60.0)


def test_two_levels_are_worked_out_by_hand() -> None:
    """The mean is corrected at the start: two values weigh 1/3 and 2/3 at a window of 2."""
    assert exponential_mean([3.0, 6.0], window=2) == pytest.approx(5.0)
    assert exponential_mean([4.0], window=20) == pytest.approx(4.0)
    assert exponential_mean([1.0] * 50 + [2.0] * 500, window=20) == pytest.approx(2.0)


@pytest.mark.parametrize("done", range(LEAST_UNITS))
def test_before_five_units_nothing_is_said(done: int) -> None:
    assert forecast(done, 100, [1.0] * done, 2) is None
    assert forecast(LEAST_UNITS, 100, [1.0] * LEAST_UNITS, 2) is not None


def test_five_units_are_done_but_fewer_were_measured() -> None:
    assert forecast(50, 100, [1.0] * 4, 2) is None


def test_a_run_that_waits_has_no_forecast() -> None:
    assert forecast(50, 100, [1.0] * 50, 0) is None


def test_a_run_that_is_over_takes_no_more_time() -> None:
    assert forecast(7, 7, [1.0] * 7, 2) == Interval(0.0, 0.0)
    assert forecast(0, 0, [], 0) == Interval(0.0, 0.0)


def test_fewer_units_than_lanes_take_as_long_as_one() -> None:
    interval = forecast(99, 100, [1.0] * 20, 8)
    assert interval == Interval(pytest.approx(0.5), pytest.approx(1.5))


@pytest.mark.parametrize(
    ("done", "total", "seconds", "lanes"),
    [(-1, 5, [], 1), (6, 5, [], 1), (5, 9, [1.0], -1), (5, 9, [-1.0], 1), (5, 9, [math.nan], 1)],
)
def test_impossible_counts_are_refused(
    done: int, total: int, seconds: list[float], lanes: int
) -> None:
    with pytest.raises(ValueError, match="unit"):
        forecast(done, total, seconds, lanes)


SECONDS = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=LEAST_UNITS, max_size=200)


@given(
    seconds=SECONDS, left=st.integers(1, 100_000), lanes=st.integers(1, 64), extra=st.integers(0)
)
@settings(deadline=None)
def test_an_interval_is_finite_and_in_order(
    seconds: list[float], left: int, lanes: int, extra: int
) -> None:
    done = len(seconds) + extra % 100_000
    interval = forecast(done, done + left, seconds, lanes)
    assert interval is not None
    assert 0 <= interval.low_s <= interval.middle_s <= interval.high_s < math.inf


@given(seconds=SECONDS, left=st.integers(1, 1000), factor=st.floats(0.01, 100))
@settings(deadline=None)
def test_the_unit_of_time_makes_no_difference(
    seconds: list[float], left: int, factor: float
) -> None:
    done = len(seconds)
    plain = forecast(done, done + left, seconds, 2)
    scaled = forecast(done, done + left, [factor * one for one in seconds], 2)
    assert plain is not None
    assert scaled is not None
    assert scaled.low_s == pytest.approx(factor * plain.low_s, rel=1e-6, abs=1e-6 * factor)
    assert scaled.high_s == pytest.approx(factor * plain.high_s, rel=1e-6, abs=1e-6 * factor)


@given(seconds=SECONDS, window=st.floats(0, 50))
def test_the_exponential_mean_lies_between_the_extremes(
    seconds: list[float], window: float
) -> None:
    mean = exponential_mean(seconds, window)
    assert min(seconds) * (1 - 1e-9) <= mean <= max(seconds) * (1 + 1e-9)


@given(done=st.integers(0, 10**6))
def test_the_sample_is_even_and_ends_with_the_newest(done: int) -> None:
    places = sample_ordinals(done)
    assert len(places) == min(done, SAMPLE) == len(set(places))
    if places:
        assert places[-1] == done - 1
        gaps = [b - a for a, b in zip([-1, *places], places, strict=False)]
        assert max(gaps) - min(gaps) <= 1
