"""Waiting and measuring on a machine that has other things to do as well."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120
"""So long a test waits for what it needs; how long that may take is checked apart."""
TRIES = 3


def wait_until(is_so: Callable[[], object], within_s: float = PATIENCE_S, what: str = "") -> float:
    """Wait until something is so and return how long that took."""
    start = time.monotonic()
    while not is_so():
        if time.monotonic() - start > within_s:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - start


def fastest_s(
    act: Callable[[], object], within_s: float, clock: Callable[[], float] = time.monotonic
) -> float:
    """Return the seconds that an act takes: of a few tries the first that is fast enough.

    A busy machine holds anybody up for a second now and then; what is slow is slow each time.

    Args:
        act: What is measured; it can be repeated.
        within_s: Seconds that it may take.
        clock: Seconds that pass, or `time.thread_time` for those that this thread works.
    """
    shortest = float("inf")
    for _ in range(TRIES):
        start = clock()
        act()
        shortest = min(shortest, clock() - start)
        if shortest <= within_s:
            break
    return shortest
