"""What a stopped run has done is joined to a result, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.contracts.jobs import StoredFile
from shared.jobs import ending
from shared.jobs.messages import Failure, Order
from shared.jobs.rounds import CANCEL_WITHIN_S
from shared.store import runs
from shared.store.deletion import delete_run
from shared.store.engine import read_scope, session_scope
from shared.store.models import SignalRow
from shared.store.provenance import from_dict
from shared.store.runs import RunView
from shared.store.store import Store
from tests.jobs.desk import ANNA, NOW, Desk
from tests.jobs.houses import House
from tests.timing import wait_until


@pytest.fixture
def desk(store_sqlite: Store) -> Iterator[Desk]:
    made = Desk(store_sqlite, "one", "two")
    yield made
    made.rounds.close()
    made.fleet.close()


def stopped(desk: Desk, count: int = 4) -> RunView:
    """A run that was stopped when one of its units was done and none was in flight."""
    run = desk.begin(count=count)
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    desk.answer_units(*desk.task())
    desk.round()
    for token in list(desk.hands.orders):
        desk.end(token, "lost")
    desk.round()
    assert desk.look(run).state == "cancelled"
    return run


def join_task(desk: Desk) -> tuple[str, Order]:
    """The task that joins, as soon as a worker has it."""
    wait_until(lambda: desk.round() or has_join(desk))
    return desk.task("join")


def has_join(desk: Desk) -> bool:
    return any(order.step == "join" for order in desk.hands.orders.values())


def kinds(desk: Desk) -> list[str]:
    with read_scope(desk.store.engine) as session:
        return list(session.scalars(select(SignalRow.kind)))


def table(desk: Desk) -> StoredFile:
    return desk.store.files.write("musterstadt", b"x", name="Teil.csv", media_type="text/csv")


def test_what_is_done_is_joined_and_the_run_stays_stopped(desk: Desk) -> None:
    run = stopped(desk)
    assert runs.is_joining(ANNA, desk.store, run.id)
    token, order = join_task(desk)
    assert order.outcomes is not None
    content = desk.store.files.read("musterstadt", order.outcomes.sha256, "").decode()
    lines = [json.loads(line) for line in content.splitlines() if not line.startswith("#")]
    assert [line["data"] for line in lines] == [{"n": lines[0]["ordinal"]}]
    assert "units" not in [order.step for order in desk.hands.orders.values()]

    file = table(desk)
    desk.end(token, summary={"units": 1}, files=(file,))
    desk.round()
    run = desk.look(run)
    assert (run.state, run.summary, run.units_done) == ("cancelled", {"units": 1}, 1)
    assert runs.result_files(ANNA, desk.store, run.id) == {"Teil.csv": file}
    assert run.provenance is not None
    origin = from_dict(run.provenance)
    assert (origin.units_total, origin.units_failed, origin.units_left) == (4, 0, 3)
    assert not runs.is_joining(ANNA, desk.store, run.id)
    assert not desk.store.files.exists("musterstadt", order.outcomes.sha256)
    for _ in range(3):
        desk.round()
    assert desk.hands.orders == {}
    assert kinds(desk) == []


def test_a_run_without_any_result_is_not_joined(desk: Desk) -> None:
    run = desk.begin(count=4)
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    for token in list(desk.hands.orders):
        desk.end(token, "lost")
    desk.round()
    assert desk.look(run).state == "cancelled"
    assert not runs.is_joining(ANNA, desk.store, run.id)


@pytest.mark.parametrize("is_in_flight", [False, True])
def test_the_next_supervisor_joins_what_the_last_one_left(desk: Desk, is_in_flight: bool) -> None:
    run = stopped(desk)
    if is_in_flight:
        desk.hands.orders.pop(join_task(desk)[0])
    desk.rounds.let_go()
    wait_until(lambda: desk.fleet.look() or desk.fleet.size == 2)
    token, _ = join_task(desk)
    desk.end(token, summary={"units": 1})
    desk.round()
    assert (desk.look(run).state, desk.look(run).summary) == ("cancelled", {"units": 1})


def test_a_failed_transaction_forgets_no_join_in_flight(desk: Desk) -> None:
    run = stopped(desk)
    token, _ = join_task(desk)
    desk.rounds.doubt()
    desk.round()
    desk.end(token, summary={"units": 1})
    desk.round()
    assert desk.look(run).summary == {"units": 1}


def test_a_run_that_goes_on_is_not_joined(desk: Desk) -> None:
    run = stopped(desk, count=2)
    token, _ = join_task(desk)
    runs.go_on(ANNA, desk.store, run.id)
    file = table(desk)
    desk.end(token, summary={"units": 1}, files=(file,))
    desk.round()
    assert desk.look(run).state == "running"
    assert desk.look(run).summary is None
    desk.answer_units(*desk.task())
    desk.round()
    wait_until(lambda: desk.round() or any(o.step == "finish" for o in desk.hands.orders.values()))
    assert not desk.store.files.exists("musterstadt", file.sha256)
    desk.end(desk.task("finish")[0], summary={"units": 2})
    desk.round()
    run = desk.look(run)
    assert (run.state, run.summary, run.units_done) == ("done", {"units": 2}, 2)


def test_the_join_of_an_earlier_stop_ends_nothing_later(desk: Desk) -> None:
    run = stopped(desk)
    token, _ = join_task(desk)
    runs.go_on(ANNA, desk.store, run.id)
    desk.round()
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    desk.round()
    assert desk.look(run).state == "running", "its tasks are still in flight"
    desk.end(token, summary={"units": "old"})
    for other in list(desk.hands.orders):
        desk.end(other, "lost")
    desk.round()
    assert (desk.look(run).state, desk.look(run).summary) == ("cancelled", None)
    desk.end(join_task(desk)[0], summary={"units": "new"})
    desk.round()
    assert desk.look(run).summary == {"units": "new"}


def test_who_stops_once_more_gets_no_join(desk: Desk) -> None:
    run = stopped(desk)
    token, _ = join_task(desk)
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    assert not runs.is_joining(ANNA, desk.store, run.id)
    desk.round()
    desk.round(CANCEL_WITHIN_S / 2)
    desk.round(CANCEL_WITHIN_S / 2)
    assert token not in desk.hands.orders
    assert desk.hands.restarted == [desk.hands.workers[token]]
    assert (desk.look(run).state, desk.look(run).summary) == ("cancelled", None)
    for _ in range(3):
        desk.round()
    assert not has_join(desk)


def test_a_late_word_to_stop_leaves_the_join_alone(desk: Desk) -> None:
    run = stopped(desk)
    token, _ = join_task(desk)
    with session_scope(desk.store.engine) as session:
        session.add(SignalRow(run_id=run.id, kind="cancel"))
    desk.round()
    desk.round(CANCEL_WITHIN_S)
    desk.end(token, summary={"units": 1})
    desk.round()
    assert desk.look(run).summary == {"units": 1}


def test_of_a_deleted_run_no_joined_file_is_left(desk: Desk) -> None:
    run = stopped(desk)
    token, order = join_task(desk)
    delete_run(ANNA, desk.store, run.id)
    file = table(desk)
    desk.end(token, summary={"units": 1}, files=(file,))
    desk.round()
    desk.round()
    assert order.outcomes is not None
    for gone in (file, order.outcomes):
        assert not desk.store.files.exists("musterstadt", gone.sha256)
    assert kinds(desk) == []


def test_a_deletion_is_heard_before_the_join_has_begun(desk: Desk) -> None:
    run = stopped(desk)
    delete_run(ANNA, desk.store, run.id)
    assert kinds(desk) == ["deleted"]
    for _ in range(3):
        desk.round()
    assert not has_join(desk)


@pytest.mark.parametrize("how", ["failed", "crashed", "unwritable"])
def test_a_part_that_cannot_be_joined_stays_without_result(
    desk: Desk, how: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(desk)
    token, _ = join_task(desk)
    if how == "failed":
        desk.end(token, failure=Failure("bild_beschaedigt", ""))
    elif how == "unwritable":
        real = ending.end_join

        def refuse(*words: object, summary: object, **more: object) -> bool:
            if summary is not None:
                raise ValueError("cannot be written")
            return real(*words, summary=None, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(ending, "end_join", refuse)
        desk.end(token, summary={"units": 1})
    else:
        desk.end(token, "crashed")
        desk.fleet._places["one"] = desk.fleet._places["two"] = 1  # they are back
        desk.end(join_task(desk)[0], "crashed")
    desk.round()
    run = desk.look(run)
    assert (run.state, run.summary, run.message_code) == ("cancelled", None, None)
    assert run.id in caplog.text
    for _ in range(3):
        desk.round()
    assert not has_join(desk)
    assert kinds(desk) == []


def test_a_join_waits_for_what_is_away_and_the_run_stays_stopped(desk: Desk) -> None:
    run = stopped(desk)
    desk.end(join_task(desk)[0], failure=Failure("speicher_weg", "", retry="wait"))
    desk.round()
    assert desk.look(run).state == "cancelled"
    assert not has_join(desk)
    desk.end(join_task(desk)[0], summary={"units": 1})
    desk.round()
    assert (desk.look(run).state, desk.look(run).summary) == ("cancelled", {"units": 1})


@pytest.mark.server
def test_a_supervisor_killed_while_it_joins_forgets_nothing(
    local_house: House, tmp_path: Path
) -> None:
    house, gate = local_house, tmp_path / "gate"
    process = house.start_supervisor()
    house.wait_ready()
    ordered = house.order(count=500, seconds=0.05, job="long", finish=f"after {gate} sleep 0")
    wait_until(lambda: house.look(ordered).units_done > 10)
    runs.request_cancel(ANNA, house.store, ordered.id, now=ordered.created_at)
    wait_until(lambda: house.look(ordered).state == "cancelled")
    assert house.look(ordered).summary is None
    process.kill()
    process.wait()
    assert runs.is_joining(ANNA, house.store, ordered.id)
    gate.touch()
    house.start_supervisor()
    wait_until(lambda: house.look(ordered).summary is not None)
    run = house.look(ordered)
    assert run.state == "cancelled"
    assert run.summary == {"units": run.units_done}
    assert run.units_left == 500 - run.units_done > 0
    assert "Übersicht.txt" in runs.result_files(ANNA, house.store, run.id)
