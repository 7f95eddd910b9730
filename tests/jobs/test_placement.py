"""Whose turn it is and how much of it at once."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from shared.contracts.jobs import Priority
from shared.jobs.placement import LOWER_CLASS_EVERY, MOST_UNITS, Turns, bundle_size


def always(_run_id: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("seconds", "remaining", "workers", "expected"),
    [
        (None, 1000, 2, 1),  # nobody knows how long a unit takes
        (0.0, 1000, 2, MOST_UNITS),
        (0.001, 1000, 2, MOST_UNITS),
        (0.1, 1000, 2, 10),
        (0.4, 1000, 2, 2),
        (7.0, 1000, 2, 1),
        (0.01, 10, 2, 5),  # the end is shared
        (0.01, 3, 8, 1),
        (0.01, 0, 0, 1),
    ],
)
def test_a_bundle_takes_about_a_second(
    seconds: float | None, remaining: int, workers: int, expected: int
) -> None:
    assert bundle_size(seconds, remaining, workers) == expected


def test_municipalities_take_turns_and_so_do_their_runs() -> None:
    turns = Turns()
    for run in ("a1", "a2", "a3"):
        turns.add(run, "a", Priority.NORMAL)
    turns.add("b1", "b", Priority.NORMAL)
    order = [turns.next(always) for _ in range(8)]
    assert order == ["a1", "b1", "a2", "b1", "a3", "b1", "a1", "b1"]


def test_urgent_runs_come_first_but_nobody_starves() -> None:
    turns = Turns()
    for priority in Priority:
        turns.add(priority.name, "a", priority)
    drawn = [turns.next(always) for _ in range(10 * LOWER_CLASS_EVERY)]
    counts = Counter(drawn)
    assert drawn[0] == "INTERACTIVE"
    assert counts["INTERACTIVE"] > 5 * LOWER_CLASS_EVERY
    for name in ("NORMAL", "BULK"):
        places = [place for place, run in enumerate(drawn) if run == name]
        gaps = [after - before for before, after in itertools.pairwise(places)]
        assert max(gaps) <= LOWER_CLASS_EVERY + 1


def test_runs_without_work_are_passed_over() -> None:
    turns = Turns()
    turns.add("a1", "a", Priority.INTERACTIVE)
    turns.add("a2", "a", Priority.BULK)
    assert turns.next(lambda run_id: run_id == "a2") == "a2"
    assert turns.next(lambda _run_id: False) is None


def test_what_was_removed_gets_no_turn() -> None:
    turns = Turns()
    turns.add("a1", "a", Priority.NORMAL)
    turns.remove("a1")
    turns.remove("never there")
    assert turns.next(always) is None
