"""The audit tells of each call of the model server once, whatever is killed or repeated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.auth import audit_chain
from shared.auth.audit import Event
from shared.auth.audit_verify import verify
from shared.jobs import rounds as rounds_module, worker
from shared.jobs.lease import Lease, LeaseLost, Owner
from shared.jobs.messages import Failure, UnitReply
from shared.jobs.queue import Queue
from shared.jobs.results import commit, end_run
from shared.settings import get_settings
from shared.store import runs
from shared.store.engine import read_scope, session_scope
from shared.store.models import LeaseRow, RunRow, UnitRow
from shared.store.runs import RunView
from shared.store.schema import prepare_database
from shared.store.store import Store
from tests.auth.audit_trail import trail
from tests.jobs.desk import ANNA, NOW, Desk
from tests.jobs.houses import House
from tests.jobs.test_worker import (
    done,
    order,
    settings as worker_settings,  # noqa: F401  # a fixture
)
from tests.shared.doubles import StandIn
from tests.store.servers import PostgresServer, postgres_template
from tests.timing import wait_until

BAD = Failure("bild_beschaedigt", "")
AGAIN = Failure("modellserver_fehler", "", retry="attempts")


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    made = Desk(store, "one")
    yield made
    made.rounds.close()
    made.fleet.close()
    made.rounds._chores._files.shutdown(wait=True)  # nobody reads when the database goes


def told(store: Store) -> list[tuple[str, str]]:
    """Run and count of each row of model calls, in their order."""
    return [
        (entry.object_id, entry.reason_code)
        for entry in trail(store.engine)
        if entry.event == Event.MODEL_CALLS
    ]


def answer(desk: Desk, calls: dict[str, int], failure: Failure | None = None) -> None:
    """Let the units in hand end, each after so many calls."""
    token, units = desk.task()
    data = None if failure else {}
    desk.end(
        token,
        units=tuple(
            UnitReply(ordinal, 20.0, data, failure=failure, calls=calls)
            for ordinal, _ in units.units
        ),
    )
    desk.settle()


def finish(desk: Desk) -> None:
    wait_until(lambda: desk.round() or any(o.step == "finish" for o in desk.hands.orders.values()))
    desk.end(desk.task("finish")[0], summary={})
    desk.round()


def kept(desk: Desk, run: RunView) -> list[str | None]:
    query = select(UnitRow.calls).where(UnitRow.run_id == run.id).order_by(UnitRow.ordinal)
    with read_scope(desk.store.engine) as session:
        return list(session.scalars(query))


def test_a_run_that_is_done_has_one_row_for_each_task(desk: Desk) -> None:
    run = desk.begin(count=3)
    for calls in ({"segment": 2}, {"segment": 1, "embed": 4}, {}):
        answer(desk, calls)
    assert kept(desk, run) == ['{"segment":2}', '{"embed":4,"segment":1}', None]
    assert told(desk.store) == []
    finish(desk)
    assert desk.look(run).state == "done"
    assert told(desk.store) == [(run.id, "embed:4"), (run.id, "segment:3")]
    assert kept(desk, run) == [None] * 3

    entry = trail(desk.store.engine)[-1]
    assert (entry.tenant, entry.role, entry.app, entry.outcome) == (
        "musterstadt", "service", "probe", "ok",
    )  # fmt: skip
    found = verify(desk.store.engine, desk.store.settings)
    assert found.is_sound
    assert found.without_copy == 0, "the copy beside the logs has both"


def test_a_run_without_calls_has_no_row(desk: Desk) -> None:
    run = desk.begin(count=1)
    answer(desk, {})
    finish(desk)
    assert desk.look(run).state == "done"
    assert trail(desk.store.engine) == []


def test_tries_that_failed_count_for_nothing(desk: Desk) -> None:
    run = desk.begin(count=2)
    answer(desk, {"segment": 7}, AGAIN)
    answer(desk, {"segment": 3}, BAD)
    for _ in range(8):
        desk.round()
    answer(desk, {"segment": 1})
    finish(desk)
    assert (desk.look(run).units_done, desk.look(run).units_failed) == (1, 1)
    assert told(desk.store) == [(run.id, "segment:1")]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_run_that_ends_early_tells_of_what_it_did(desk: Desk, how: str) -> None:
    run = desk.begin(count=3)
    answer(desk, {"ocr": 1})
    if how == "cancelled":
        runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
        answer(desk, {"ocr": 1})
        calls = "ocr:2"
    else:
        assert end_run(desk.rounds._queue, run.id, "failed", now=NOW, failure=BAD)
        calls = "ocr:1"
    assert desk.look(run).state == how
    assert told(desk.store) == [(run.id, calls)]


def test_a_run_that_goes_on_tells_only_of_what_came_on_top(desk: Desk) -> None:
    run = desk.begin(count=3)
    answer(desk, {"ocr": 1})
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    answer(desk, {"ocr": 1})
    runs.go_on(ANNA, desk.store, run.id)
    desk.round()
    desk.round()
    for token, sent in list(desk.hands.orders.items()):
        if sent.step == "join":
            desk.end(token, summary={})
            desk.round()
    answer(desk, {"ocr": 5})
    finish(desk)
    assert desk.look(run).state == "done"
    assert told(desk.store) == [(run.id, "ocr:2"), (run.id, "ocr:5")]


def test_an_answer_that_is_written_twice_counts_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = desk.begin(count=1)
    with monkeypatch.context() as patch:

        def lose_the_answer(*arguments: Any) -> None:
            commit(*arguments)
            raise rounds_module.Inconsistent

        patch.setattr(rounds_module, "commit", lose_the_answer)
        token, _ = desk.task()
        desk.end(token, units=(UnitReply(0, 20.0, {}, calls={"segment": 2}),))
        with pytest.raises(rounds_module.Inconsistent):
            desk.round()
    desk.rounds.doubt()
    desk.settle()
    finish(desk)
    assert told(desk.store) == [(run.id, "segment:2")]


def test_of_two_supervisors_that_end_a_run_one_tells(desk: Desk) -> None:
    run = desk.begin(count=2)
    answer(desk, {"segment": 2})
    desk.hands.orders.clear()
    first = desk.rounds._queue
    with session_scope(desk.store.engine) as session:
        session.execute(update(LeaseRow).values(owner=""))
    second = Lease(desk.store.engine, Owner.this_process())
    assert second.try_take()
    assert end_run(Queue(desk.store, second), run.id, "failed", now=NOW, failure=BAD)
    with pytest.raises(LeaseLost):
        end_run(first, run.id, "failed", now=NOW, failure=BAD)
    assert not end_run(Queue(desk.store, second), run.id, "done", now=NOW)
    assert told(desk.store) == [(run.id, "segment:2")]


def test_an_end_that_is_not_written_tells_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = desk.begin(count=2)
    answer(desk, {"segment": 2})
    queue = desk.rounds._queue
    with monkeypatch.context() as patch:
        patch.setattr("shared.jobs.results._provenance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            end_run(queue, run.id, "failed", now=NOW, failure=BAD)
    assert told(desk.store) == []
    assert not list((desk.store.settings.data_dir / "logs").glob("audit-*")), "nor in the copy"
    assert end_run(queue, run.id, "failed", now=NOW, failure=BAD)
    assert told(desk.store) == [(run.id, "segment:2")]


def test_an_end_waits_for_whoever_erases_a_person_and_nobody_for_ever(desk: Desk) -> None:
    run = desk.begin(count=2)
    answer(desk, {"segment": 2})
    ended: list[bool] = []
    ender = threading.Thread(
        target=lambda: ended.append(end_run(desk.rounds._queue, run.id, "failed", now=NOW))
    )
    with session_scope(desk.store.engine) as session:
        audit_chain.lock(session)
        ender.start()
        ender.join(1.0)
        session.execute(update(RunRow).values(started_by="erased:x"))
    ender.join(20.0)
    assert ended == [True]
    assert told(desk.store) == [(run.id, "segment:2")]


def test_a_worker_counts_answers_for_each_unit(
    model_server_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = model_server_stand_in.settings.model_server_url
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", port)
    get_settings.cache_clear()
    model_server_stand_in.refusals = [(503, 0)]
    reply = done(order("call 2", "call 3 bad", "ok 1", "call 1 ok"))
    assert [unit.calls for unit in reply.units] == [{"segment": 2}, {}, {}, {"segment": 1}]
    worker._clients().of("musterstadt").close()
    assert len(model_server_stand_in.requests) == 7, "one of six was refused once"


@pytest.fixture(params=["sqlite", "postgres"])
def calling_house(
    request: pytest.FixtureRequest, tmp_path: Path, model_server_stand_in: StandIn
) -> Iterator[House]:
    """An installation with workers of its own, on either database, and a stand-in for models."""
    more: dict[str, object] = {
        "model_server_url": model_server_stand_in.settings.model_server_url,
    }
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        more["database_url"] = server.url(server.new_database(postgres_template()))
    folder = tmp_path / "house"
    folder.mkdir()
    made = House(folder, job_worker_mb=300, **more)
    prepare_database(made.settings)
    yield made
    made.stop()


@pytest.mark.server
def test_killed_workers_and_supervisors_change_no_count(
    calling_house: House, tmp_path: Path
) -> None:
    house = calling_house
    process = house.start_supervisor()
    house.wait_ready()
    keys = [f"call 1 ok {number}" for number in range(200)]
    marker = tmp_path / "once"
    run = house.order(*keys, f"call 5 crash-once {marker}", "call 3 bad", job="long", seconds=0.05)
    wait_until(lambda: house.look(run).units_done > 20)
    process.kill()
    process.wait()
    assert told(house.store) == []
    house.start_supervisor()
    ended = house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 201, 1)
    assert told(house.store) == [(run.id, "segment:205")]
