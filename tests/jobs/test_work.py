"""Which units of a run come next, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.contracts.jobs import Priority
from shared.jobs.changes import PendingUnit
from shared.jobs.messages import Failure
from shared.jobs.queue import StoredRun
from shared.jobs.work import RunWork, back_off_s, crashed, tried

GONE = Failure("modellserver_aus", "", retry="wait")


def stored_run(**changes: object) -> StoredRun:
    facts = {
        "id": "run", "tenant": "a", "priority": Priority.NORMAL, "app": "probe", "job": "probe",
        "state": "running", "inputs": (), "parameters": {}, "is_example": True,
        "units_total": 1000, "units_done": 0, "units_failed": 0, "seconds_per_unit": None,
        "is_started": True, "is_cancelled": False, "models": (),
    }  # fmt: skip
    return StoredRun(**{**facts, **changes})  # type: ignore[arg-type]


class Rows:
    """Units that wait in the database."""

    def __init__(self, count: int) -> None:
        self.units = [PendingUnit(ordinal, f"key {ordinal}") for ordinal in range(count)]
        self.asked = 0

    def fetch(self, after: int, most: int) -> Sequence[PendingUnit]:
        self.asked += 1
        return [unit for unit in self.units if unit.ordinal > after][:most]


def ordinals(units: Sequence[PendingUnit]) -> list[int]:
    return [unit.ordinal for unit in units]


def test_units_come_in_order_and_are_read_a_few_at_a_time() -> None:
    rows = Rows(600)
    work = RunWork(stored_run(), rows.fetch)
    taken = [unit for _ in range(12) for unit in work.take(50, 0)]
    assert ordinals(taken) == list(range(600))
    assert rows.asked == 3
    assert not work.has_units(0)


def test_a_unit_that_failed_comes_back_when_its_pause_is_over() -> None:
    work = RunWork(stored_run(), Rows(2).fetch)
    first, second = work.take(2, 0)
    work.give_back([tried(first)], due=5)
    work.give_back([second])
    assert work.take(2, 4) == [second]
    assert not work.has_units(4)
    assert work.take(2, 5) == [PendingUnit(0, "key 0", attempts=1)]


def test_units_that_may_have_crashed_are_done_alone() -> None:
    work = RunWork(stored_run(), Rows(5).fetch)
    bundle = work.take(3, 0)
    work.suspect(bundle)
    work.give_back(bundle)
    assert [ordinals(work.take(10, 0)) for _ in range(4)] == [[0], [1], [2], [3, 4]]


def test_a_unit_that_crashed_before_the_restart_is_done_alone() -> None:
    rows = Rows(3)
    rows.units[1] = crashed(rows.units[1])
    work = RunWork(stored_run(), rows.fetch)
    assert [ordinals(work.take(10, 0)) for _ in range(3)] == [[0], [1], [2]]


def test_when_many_wait_for_their_next_try_no_more_are_begun() -> None:
    work = RunWork(stored_run(), Rows(3000).fetch)
    for _ in range(40):
        work.give_back([tried(unit) for unit in work.take(64, 0)], due=25)
    assert not work.has_units(0)
    assert work.has_units(25)


def test_a_run_waits_longer_after_each_failed_probe() -> None:
    work = RunWork(stored_run(), Rows(1).fetch)
    assert work.hold(GONE, 0, was_probe=False)
    assert not work.may_begin(0.9)
    assert work.may_begin(1)
    assert not work.hold(GONE, 1, was_probe=False), "it was begun before the wait"
    assert work.may_begin(1)
    pauses = []
    for _ in range(3):
        work.hold(GONE, 100, was_probe=True)
        assert work.waiting is not None
        pauses.append(work.waiting.again_at - 100)
    assert pauses == [5, 25, 25]


def test_another_cause_to_wait_is_told() -> None:
    work = RunWork(stored_run(), Rows(1).fetch)
    work.hold(GONE, 0, was_probe=False)
    assert work.hold(Failure("ablage_weg", "", retry="wait"), 1, was_probe=True)


@pytest.mark.parametrize(("tries", "pause_s"), [(1, 1), (2, 5), (3, 25), (9, 25)])
def test_pauses_grow(tries: int, pause_s: float) -> None:
    assert back_off_s(tries) == pause_s


def test_the_mean_follows_slowly() -> None:
    work = RunWork(stored_run(), Rows(1).fetch)
    work.measure(1.0)
    work.measure(2.0)
    assert work.seconds == pytest.approx(1.1)


def test_what_is_left_counts_what_is_in_flight() -> None:
    work = RunWork(stored_run(units_total=10, units_done=3, units_failed=2), Rows(0).fetch)
    assert work.remaining == 5
    assert RunWork(stored_run(units_total=None), Rows(0).fetch).remaining == 0


def test_units_in_flight_when_the_run_was_read_come_only_from_their_workers() -> None:
    work = RunWork(stored_run(), Rows(4).fetch, frozenset({0, 2}))
    assert ordinals(work.take(1, 0)) == [1]
    work.give_back([PendingUnit(2, "key 2")])
    assert ordinals(work.take(9, 0)) == [2, 3]
