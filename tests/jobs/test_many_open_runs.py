"""Runs of one municipality and class take turns, also when there are more than are kept open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from shared.jobs.board import MOST_OPEN_RUNS, OPEN_RUNS, TURNS_WHILE_OPEN
from shared.jobs.messages import Failure, UnitReply
from shared.store import runs
from shared.store.runs import RunView
from shared.store.store import Store
from tests.jobs.desk import ANNA, NOW, TIMEOUT_S, Desk
from tests.jobs.houses import House
from tests.timing import wait_until

WORKERS = 2


@pytest.fixture
def desk(store_sqlite: Store) -> Iterator[Desk]:
    made = Desk(store_sqlite, "one", "two")
    yield made
    made.rounds.close()
    made.fleet.close()


def ordered(desk: Desk, count: int, units: int) -> list[RunView]:
    """Runs whose units are known, in the order of their orders."""
    made = [desk.order(units, number=number) for number in range(count)]
    for run in made:
        assert desk.rounds._queue.add_units(run.id, [f"key {number}" for number in range(units)])
    return made


def work(desk: Desk, turns: int) -> list[str]:
    """Let so many tasks end, each before the next round; return whose units they did."""
    served: list[str] = []
    while len(served) < turns:
        desk.round()
        for token, order in list(desk.hands.orders.items()):
            if order.step == "facts":
                desk.end(token, unit_timeout_s=TIMEOUT_S, attempts=3)
            else:
                assert order.step == "units"
                desk.answer_units(token, order)
                served.append(order.run_id)
    return served


def test_one_more_run_does_not_wait_for_the_end_of_another(desk: Desk) -> None:
    long = ordered(desk, OPEN_RUNS, 500)
    work(desk, 2 * OPEN_RUNS)
    small = desk.order(2, small=True)
    assert desk.rounds._queue.add_units(small.id, ["key 0", "key 1"])
    served = work(desk, 3 * OPEN_RUNS)
    assert small.id in served
    assert all(desk.look(run).state == "running" for run in long)


def test_all_of_many_runs_get_their_turns_before_one_comes_again(desk: Desk) -> None:
    made = ordered(desk, 3 * OPEN_RUNS, 100)
    most_open = 0
    served: Counter[str] = Counter()
    for _ in range(len(made) * TURNS_WHILE_OPEN // WORKERS):
        served.update(work(desk, WORKERS))
        most_open = max(most_open, len(desk.rounds._board.runs))
    assert len(served) == len(made)
    assert max(served.values()) - min(served.values()) < TURNS_WHILE_OPEN
    assert most_open <= OPEN_RUNS + WORKERS


def test_of_many_small_runs_the_first_end_first(desk: Desk) -> None:
    """Whoever only began them all in turn would end none for a long time."""
    made = [desk.order(1, number=number) for number in range(20 * OPEN_RUNS)]
    answered = 0
    while answered < 4 * 2 * OPEN_RUNS:
        desk.round()
        for token, order in list(desk.hands.orders.items()):
            answered += 1
            if order.step == "facts":
                desk.end(token, unit_timeout_s=TIMEOUT_S, attempts=3)
            elif order.step == "split":
                desk.end(token, keys=("key 0",))
            elif order.step == "units":
                desk.answer_units(token, order)
            else:
                desk.end(token, summary={})
    desk.round()
    done = [desk.look(run).state == "done" for run in made]
    assert sum(done) >= OPEN_RUNS
    assert all(done[: OPEN_RUNS // 2])
    assert not any(done[4 * OPEN_RUNS :])


def test_every_unit_of_many_runs_is_done_once(desk: Desk) -> None:
    made = ordered(desk, OPEN_RUNS + 4, 5)
    done: Counter[tuple[str, int]] = Counter()
    for _ in range(400):
        desk.round()
        for token, order in list(desk.hands.orders.items()):
            if order.step == "facts":
                desk.end(token, unit_timeout_s=TIMEOUT_S, attempts=3)
            elif order.step == "units":
                done.update((order.run_id, ordinal) for ordinal, _ in order.units)
                desk.answer_units(token, order)
            else:
                desk.end(token, summary={})
        if all(desk.look(run).state == "done" for run in made):
            break
    assert done == {(run.id, ordinal): 1 for run in made for ordinal in range(5)}
    assert [desk.look(run).units_done for run in made] == [5] * len(made)


def test_a_pause_before_the_next_try_is_kept(desk: Desk) -> None:
    """What only the memory knows is not lost to make room."""
    made = ordered(desk, OPEN_RUNS + 4, 50)
    fault = Failure("interner_fehler", "", retry="attempts")
    wait_until(lambda: desk.round() or _ended_facts(desk) or _has_units(desk))
    token, order = desk.task()
    (ordinal, _), *_rest = order.units
    desk.end(token, units=(UnitReply(ordinal, 0.1, failure=fault),))
    failed_at = desk.now
    while desk.now < failed_at + 0.9:
        desk.round(0.01)
        for token, other in list(desk.hands.orders.items()):
            again = other.run_id == order.run_id and ordinal in [unit for unit, _ in other.units]
            assert not again, "the pause is a second"
            desk.answer_units(token, other)
    assert order.run_id in desk.rounds._board.runs
    assert len(desk.rounds._board.runs) < MOST_OPEN_RUNS
    assert made


def _ended_facts(desk: Desk) -> None:
    for token, order in list(desk.hands.orders.items()):
        if order.step == "facts":
            desk.end(token, unit_timeout_s=TIMEOUT_S, attempts=3)


def _has_units(desk: Desk) -> bool:
    return any(order.step == "units" for order in desk.hands.orders.values())


def test_a_run_behind_the_others_can_be_stopped(desk: Desk) -> None:
    made = ordered(desk, OPEN_RUNS + 8, 50)
    work(desk, OPEN_RUNS)
    behind = [run for run in made if run.id not in desk.rounds._board.runs]
    assert behind
    for run in behind:
        runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    desk.round()
    desk.round()
    assert {desk.look(run).state for run in behind} == {"cancelled"}


@pytest.mark.server
def test_a_small_run_does_not_wait_behind_many_long_ones_of_its_class(local_house: House) -> None:
    house = local_house
    house.start_supervisor()
    house.wait_ready()
    long = [
        house.order(count=20_000, seconds=0.002, number=number, job="long")
        for number in range(OPEN_RUNS)
    ]
    wait_until(lambda: all(house.look(run).units_done for run in long))
    small = house.order(count=10, small=True, job="long")
    wait_until(lambda: house.look(small).state == "done")
    assert {house.look(run).state for run in long} == {"running"}
    for run in long:
        runs.request_cancel(ANNA, house.store, run.id, now=run.created_at)
    for run in long:
        house.wait(run, "cancelled")
    wait_until(lambda: all(house.look(run).summary for run in long))
