"""Rounds of the supervisor with workers that answer when the test says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import DataError

from shared.contracts.jobs import StoredFile
from shared.errors import DatabaseUnreachable
from shared.jobs import rounds as rounds_module
from shared.jobs.board import OPEN_RUNS
from shared.jobs.messages import Failure, UnitReply
from shared.jobs.placing import GRACE_S
from shared.jobs.queue import Queue
from shared.jobs.results import Inconsistent, commit
from shared.jobs.rounds import CANCEL_WITHIN_S
from shared.store import runs
from shared.store.engine import session_scope
from shared.store.models import RunRow, SignalRow, UnitRow
from shared.store.store import Store
from tests.jobs.desk import ANNA, NOW, TIMEOUT_S, Desk
from tests.jobs.sample_jobs import MODEL, NEWER_MODEL
from tests.timing import wait_until

AWAY = Failure("modellserver_aus", "", retry="wait")


@pytest.fixture
def desk(store_sqlite: Store) -> Iterator[Desk]:
    made = Desk(store_sqlite, "one", "two")
    yield made
    made.rounds.close()
    made.fleet.close()


def test_a_run_goes_its_way(desk: Desk) -> None:
    run = desk.begin(count=3)
    assert desk.look(run).state == "running"
    assert desk.states(run) == ["leased", "leased", "queued"]
    for _ in range(2):
        desk.answer_units(*desk.task())
    desk.round()
    desk.answer_units(*desk.task())
    desk.round()
    wait_until(lambda: desk.round() or any(o.step == "finish" for o in desk.hands.orders.values()))
    token, order = desk.task("finish")
    assert order.outcomes is not None
    content = desk.store.files.read("musterstadt", order.outcomes.sha256, "")
    assert content.count(b'"key"') == 3
    desk.end(token, summary={"units": 3})
    desk.round()
    assert (desk.look(run).state, desk.look(run).summary) == ("done", {"units": 3})
    assert not desk.store.files.exists("musterstadt", order.outcomes.sha256)


def test_the_size_of_bundles_follows_what_was_measured(desk: Desk) -> None:
    desk.begin(count=40)
    for _ in range(2):
        desk.answer_units(*desk.task())
    desk.round()
    assert [len(order.units) for order in desk.hands.orders.values()] == [2, 2]


def test_after_a_failed_transaction_the_answers_are_written_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = desk.begin(count=2)
    for _ in range(2):
        desk.answer_units(*desk.task())
    with monkeypatch.context() as patch:

        def away(*_: object) -> None:
            raise DatabaseUnreachable()

        patch.setattr(rounds_module, "commit", away)
        with pytest.raises(DatabaseUnreachable):
            desk.round()
    desk.rounds.doubt()
    assert desk.states(run) == ["leased", "leased"]
    desk.round()
    assert desk.states(run) == ["done", "done"]
    assert desk.look(run).units_done == 2


def test_a_transaction_that_was_written_although_it_failed_counts_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = desk.begin(count=4)
    for _ in range(2):
        desk.answer_units(*desk.task())
    with monkeypatch.context() as patch:

        def lose_the_answer(*arguments: object) -> None:
            commit(*arguments)  # type: ignore[arg-type]
            raise DatabaseUnreachable()

        patch.setattr(rounds_module, "commit", lose_the_answer)
        with pytest.raises(DatabaseUnreachable):
            desk.round()
    desk.rounds.doubt()
    with pytest.raises(Inconsistent):
        desk.round()  # what was remembered of the run is wrong now
    desk.rounds.doubt()
    desk.round()
    assert desk.look(run).units_done == 2
    assert desk.states(run) == ["done", "done", "leased", "leased"]
    assert len(desk.hands.orders) == 2, "what was handed out only in the database is handed out"


def test_a_run_that_cannot_be_written_harms_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned = desk.begin(count=1)
    good = desk.begin(count=1, other=True)

    def refuse_one(queue: Queue, changes: object, now: datetime) -> object:
        if changes.runs.get(poisoned.id) and changes.runs[poisoned.id].done:  # type: ignore[attr-defined]
            raise DataError("UPDATE", {}, Exception("value out of range"))
        return commit(queue, changes, now)  # type: ignore[arg-type]

    monkeypatch.setattr(rounds_module, "commit", refuse_one)
    desk.answer_units(*desk.task(run=poisoned))
    desk.answer_units(*desk.task(run=good))
    desk.settle()
    assert desk.look(poisoned).state == "failed"
    assert desk.look(poisoned).message_code == "unerwarteter_fehler"
    assert desk.look(good).units_done == 1
    assert "value out of range" in caplog.text


def test_a_task_past_its_limit_is_broken_off(desk: Desk) -> None:
    run = desk.begin(count=1)
    token, _ = desk.task()
    for _ in range(10):
        desk.round((TIMEOUT_S + GRACE_S) / 10)
    assert token not in desk.hands.orders
    assert desk.hands.restarted == [desk.hands.workers[token]]
    unit = runs.units(ANNA, desk.store, run.id)[0]
    assert (unit.error_code, unit.error_details) == ("teil_zu_lange", {"limit_s": 10})


def test_the_time_that_the_supervisor_itself_stood_still_does_not_count(desk: Desk) -> None:
    run = desk.begin(count=1)
    desk.round(600)
    assert desk.states(run) == ["leased"]
    desk.answer_units(*desk.task())
    desk.round()
    assert desk.states(run) == ["done"]


def test_crashes_of_bundles_and_of_single_units(desk: Desk) -> None:
    run = desk.begin(count=6)
    for _ in range(2):
        desk.answer_units(*desk.task())
    desk.round()
    token, order = desk.task()
    suspects = [ordinal for ordinal, _ in order.units]
    assert len(suspects) == 2
    desk.end(token, "crashed")
    desk.fleet._places["one"] = desk.fleet._places["two"] = 1  # they are back
    desk.round()
    for _ in range(2):
        token = desk.unit_task(suspects[0])
        assert len(desk.hands.orders[token].units) == 1
        desk.end(token, "crashed")
        desk.fleet._places["one"] = desk.fleet._places["two"] = 1
        desk.round()
    assert desk.look(run).units_failed == 1
    failed = runs.units(ANNA, desk.store, run.id, states=("failed",))
    assert [(unit.ordinal, unit.error_code) for unit in failed] == [
        (suspects[0], "worker_abgestuerzt")
    ]


def test_a_stopped_run_ends_with_its_tasks_or_breaks_them_off(desk: Desk) -> None:
    run = desk.begin(count=4)
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    desk.answer_units(*desk.task())
    desk.round()
    assert desk.look(run).state == "running"
    assert len(desk.hands.orders) == 1, "nothing new is begun"
    desk.round(CANCEL_WITHIN_S / 2)
    desk.round(CANCEL_WITHIN_S / 2)
    assert desk.look(run).state == "cancelled"
    assert len(desk.hands.restarted) == 1
    assert desk.states(run) == ["done", "queued", "queued", "queued"] or desk.states(run) == [
        "queued", "done", "queued", "queued",
    ]  # fmt: skip


def test_a_late_word_to_stop_does_not_stop_a_run_that_goes_on(desk: Desk) -> None:
    run = desk.begin(count=4)
    with session_scope(desk.store.engine) as session:
        session.add(SignalRow(run_id=run.id, kind="cancel"))  # its request is withdrawn already
    desk.round()
    desk.round(CANCEL_WITHIN_S)
    assert desk.look(run).state == "running"
    assert desk.hands.restarted == []


def test_a_run_waits_and_probes_with_one_unit(desk: Desk) -> None:
    run = desk.begin(count=8)
    for _ in range(2):
        token, order = desk.task()
        desk.end(token, units=(UnitReply(order.units[0][0], 0.1, failure=AWAY),))
    desk.round()
    assert (desk.look(run).state, desk.look(run).message_code) == ("waiting", "modellserver_aus")
    assert desk.hands.orders == {}
    desk.round(1)
    assert [len(order.units) for order in desk.hands.orders.values()] == [1]
    token, order = desk.task()
    desk.end(token, units=(UnitReply(order.units[0][0], 0.1, failure=AWAY),))
    desk.round()
    desk.round(2.9)
    assert desk.hands.orders == {}, "the second pause is five seconds"
    desk.round(2.9)
    desk.answer_units(*desk.task())
    desk.round()
    assert (desk.look(run).state, desk.look(run).message_code) == ("running", None)
    assert len(desk.hands.orders) == 2


def test_files_of_a_deleted_run_are_removed(desk: Desk) -> None:
    run = desk.begin(count=1)
    file = desk.store.files.write("musterstadt", b"x", name="x.txt", media_type="text/plain")
    with session_scope(desk.store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run.id))
        session.add(SignalRow(run_id=run.id, kind="deleted"))
    token, order = desk.task()
    desk.answer_units(token, order, file=file)
    desk.round()
    assert not desk.store.files.exists("musterstadt", file.sha256)


def test_a_file_stays_while_another_task_may_be_writing_the_same(desk: Desk) -> None:
    run = desk.begin(count=2)
    file = desk.store.files.write("musterstadt", b"x", name="x.txt", media_type="text/plain")
    with session_scope(desk.store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run.id))
        session.add(SignalRow(run_id=run.id, kind="deleted"))
    token, order = desk.task()
    desk.answer_units(token, order, file=file)
    desk.round()
    assert desk.store.files.exists("musterstadt", file.sha256), "the purge removes it"


def test_a_lost_cluster_costs_no_try(desk: Desk) -> None:
    run = desk.begin(count=2)
    desk.hands.is_there = False
    desk.rounds.lose_cluster()
    desk.round()
    assert desk.states(run) == ["queued", "queued"]
    assert (desk.look(run).state, desk.look(run).message_code) == ("waiting", "rechenverbund_weg")

    desk.hands.is_there = True
    desk.hands.orders.clear()
    wait_until(lambda: desk.fleet.look() or desk.fleet.size == 2)
    desk.round(2)
    desk.answer_units(*desk.task())
    desk.round()
    assert desk.look(run).state == "running"
    assert desk.look(run).units_done == 1


def test_a_cluster_that_is_away_when_a_task_is_handed_out(desk: Desk) -> None:
    desk.order(count=2)
    desk.hands.is_there = False
    desk.round()
    desk.round()
    assert desk.fleet.size == 0
    assert desk.hands.orders == {}


def test_only_some_runs_are_open_and_all_get_their_turn(desk: Desk) -> None:
    ordered = [desk.order(count=1, number=number) for number in range(OPEN_RUNS + 4)]
    desk.round()
    assert len(desk.rounds._board.runs) == OPEN_RUNS
    runs.request_cancel(ANNA, desk.store, ordered[0].id, now=NOW)
    desk.end(desk.task("facts", ordered[0])[0], unit_timeout_s=TIMEOUT_S, attempts=3)
    desk.round()
    desk.round()
    assert desk.look(ordered[0]).state == "cancelled"
    assert ordered[OPEN_RUNS].id in desk.rounds._board.runs


def test_a_run_that_waited_before_the_restart_is_probed(desk: Desk) -> None:
    run = desk.begin(count=8)
    with session_scope(desk.store.engine) as session:
        row = session.get_one(RunRow, run.id)
        row.state, row.message_code = "waiting", "modellserver_aus"
    for token in list(desk.hands.orders):
        desk.end(token, "lost")
    desk.rounds.doubt()
    desk.round()
    assert [len(order.units) for order in desk.hands.orders.values()] == [1]
    desk.answer_units(*desk.task())
    desk.round()
    assert (desk.look(run).state, desk.look(run).message_code) == ("running", None)


def test_winding_up_writes_what_has_ended_and_gives_the_rest_back(desk: Desk) -> None:
    run = desk.begin(count=3)
    token, order = desk.task()
    desk.answer_units(token, order)
    desk.rounds.wind_up()
    assert sorted(desk.states(run)) == ["done", "queued", "queued"]


def test_units_that_were_tried_often_enough_are_given_up(desk: Desk) -> None:
    fault = Failure("interner_fehler", "", retry="attempts")
    run = desk.begin(count=1)
    for pause_s in (1.0, 5.0, 0.0):
        token, order = desk.task()
        desk.end(token, units=(UnitReply(order.units[0][0], 0.1, failure=fault),))
        desk.round()
        if pause_s:
            assert desk.hands.orders == {}
            for _ in range(3):
                desk.round(pause_s / 2.9)
    run = desk.look(run)
    assert (run.state, run.message_code, run.units_failed) == ("failed", "interner_fehler", 1)


def test_an_answer_about_foreign_units_is_passed_over(desk: Desk) -> None:
    run = desk.begin(count=4)
    token, _ = desk.task()
    desk.end(token, units=(UnitReply(3, 0.1, {"forged": True}),))
    desk.round()
    assert "done" not in desk.states(run)


def test_the_times_of_a_run_are_those_of_the_supervisor(desk: Desk) -> None:
    run = desk.look(desk.begin(count=1))
    assert run.started_at == NOW
    with session_scope(desk.store.engine) as session:
        lease_until = session.get_one(UnitRow, (run.id, 0)).lease_until
    assert lease_until == NOW + timedelta(seconds=60)


def test_models_are_noted_while_the_run_goes_on(desk: Desk) -> None:
    run = desk.begin(count=4)
    for model in (MODEL, NEWER_MODEL):
        token, order = desk.task()
        desk.answer_units(token, order, models=(model,))
    desk.round()
    noted = Queue(desk.store, desk.rounds._queue.lease).load(run.id)
    assert noted is not None
    assert set(noted.models) == {MODEL, NEWER_MODEL}


def test_a_file_of_the_result_has_its_row(desk: Desk) -> None:
    run = desk.begin(count=0)
    wait_until(lambda: desk.round() or any(o.step == "finish" for o in desk.hands.orders.values()))
    file: StoredFile = desk.store.files.write(
        "musterstadt", b"table", name="Tabelle.csv", media_type="text/csv"
    )
    desk.end(desk.task("finish")[0], summary={}, files=(file,))
    desk.round()
    assert runs.result_files(ANNA, desk.store, run.id) == {"Tabelle.csv": file}
