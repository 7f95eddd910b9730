"""Jobs that answer nonsense, are deleted, or are stopped at the worst moment: others go on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import delete

from shared.contracts.jobs import StoredFile
from shared.errors import ResultUnusable
from shared.jobs import chores, faults, steps
from shared.jobs.cluster import TaskEnded
from shared.jobs.definition import JobContext, JobDefinition, ResultSummary, UnitOutcome, UnitResult
from shared.jobs.inline import InlineFile, run_inline
from shared.jobs.messages import Failure, Order, UnitReply
from shared.jobs.outcomes import write_outcomes
from shared.jobs.rounds import CANCEL_WITHIN_S
from shared.store import runs
from shared.store.engine import session_scope
from shared.store.models import RunRow, SignalRow, UnitRow
from shared.store.runs import RunView
from shared.store.store import Store
from tests.jobs.desk import ANNA, NOW, Desk
from tests.timing import wait_until

TENANT = ANNA.active_tenant
BAD = Failure("bild_beschaedigt", "")


@pytest.fixture
def desk(store_sqlite: Store) -> Iterator[Desk]:
    made = Desk(store_sqlite, "one", "two")
    yield made
    made.rounds.close()
    made.fleet.close()


def finish_task(desk: Desk) -> tuple[str, Order]:
    """Do rounds until a run is being joined."""
    wait_until(lambda: desk.round() or any(o.step == "finish" for o in desk.hands.orders.values()))
    return desk.task("finish")


def delete_run(desk: Desk, run: RunView) -> None:
    """Take a run out of the database, as a person does who deletes it."""
    with session_scope(desk.store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run.id))
        session.add(SignalRow(run_id=run.id, kind="deleted"))


@pytest.mark.parametrize("text", ["{", "[]", '{"failure":null,"units":[],"files":[],"more":1}'])
def test_an_answer_that_nobody_can_read_stops_no_other_run(desk: Desk, text: str) -> None:
    run, other = desk.begin(count=1), desk.begin(count=1, other=True)
    for _ in range(2):
        token, _ = desk.task(run=run)
        desk.hands.orders.pop(token)
        desk.rounds.take(TaskEnded(token, "answered", text))
        desk.round()
    desk.round()
    assert (desk.look(run).state, desk.look(run).message_code) == ("failed", "worker_abgestuerzt")
    desk.answer_units(*desk.task(run=other))
    desk.round()
    assert desk.look(other).units_done == 1


def test_a_result_that_cannot_be_written_fails_its_run_alone(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    run = desk.begin(count=0)
    token, _ = finish_task(desk)
    desk.end(token, summary={}, files=(StoredFile("a.txt", "text/plain", "no hash", 1),))
    desk.round()
    assert (desk.look(run).state, desk.look(run).message_code) == ("failed", "unerwarteter_fehler")
    assert "is given up" in caplog.text


def test_outcomes_from_before_a_stop_are_not_joined(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()

    def write_late(stream: BinaryIO, outcomes: Iterable[UnitOutcome], owner: str) -> int:
        read = list(outcomes)
        may_write.wait(20)
        return write_outcomes(stream, read, owner)

    monkeypatch.setattr(chores, "write_outcomes", write_late)
    run = desk.begin(count=2)
    token, order = desk.task()
    desk.end(token, units=(UnitReply(order.units[0][0], 0.1, failure=BAD),))
    desk.answer_units(*desk.task())
    desk.round()  # the outcomes are being written now, with a failure
    wait_until(lambda: bool(desk.rounds._board.preparing))
    runs.request_cancel(ANNA, desk.store, run.id, now=NOW)
    desk.round()
    assert desk.look(run).state == "cancelled"
    runs.go_on(ANNA, desk.store, run.id)
    desk.round()
    desk.answer_units(*desk.task())
    desk.round()
    may_write.set()
    _, order = finish_task(desk)
    assert order.outcomes is not None
    content = desk.store.files.read(TENANT, order.outcomes.sha256, "")
    assert BAD.code.encode() not in content


def test_a_deleted_run_leaves_no_outcomes(desk: Desk) -> None:
    run = desk.begin(count=1)
    desk.answer_units(*desk.task())
    _, order = finish_task(desk)
    assert order.outcomes is not None
    delete_run(desk, run)
    desk.round()
    assert desk.store.files.exists(TENANT, order.outcomes.sha256), "it may be read just now"
    desk.round(CANCEL_WITHIN_S)
    desk.round()
    assert not desk.store.files.exists(TENANT, order.outcomes.sha256)


def test_a_run_that_is_deleted_while_its_outcomes_are_written_leaves_none(desk: Desk) -> None:
    run = desk.begin(count=1)
    desk.answer_units(*desk.task())
    desk.round()
    wait_until(lambda: len(list(desk.store.files.keys(TENANT))) == 1)
    delete_run(desk, run)
    wait_until(lambda: desk.round() or not list(desk.store.files.keys(TENANT)))
    desk.round()
    assert list(desk.store.files.keys(TENANT)) == []


def test_a_run_that_is_deleted_while_it_is_joined_leaves_no_result(desk: Desk) -> None:
    run = desk.begin(count=0)
    token, _ = finish_task(desk)
    file = desk.store.files.write(TENANT, b"x", name="x.txt", media_type="text/plain")
    with session_scope(desk.store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run.id))  # nobody has heard of it yet
    desk.end(token, summary={}, files=(file,))
    desk.round()
    desk.round()
    assert list(desk.store.files.keys(TENANT)) == []


def test_a_file_of_a_deleted_run_goes_when_nobody_can_be_writing_the_same(desk: Desk) -> None:
    run = desk.begin(count=2)
    file = desk.store.files.write(TENANT, b"x", name="x.txt", media_type="text/plain")
    delete_run(desk, run)
    token, _ = desk.task()
    for of_run, order in list(desk.hands.orders.items()):
        if of_run != token:
            desk.answer_units(of_run, order, file=file)
    other = desk.order(count=1, other=True)
    desk.round()
    desk.end(desk.task("split", other)[0], failure=BAD)
    desk.round()
    assert desk.look(other).state == "failed"
    assert desk.store.files.exists(TENANT, file.sha256), "not even when another run ends"
    desk.answer_units(*desk.task())
    desk.round()
    assert not desk.store.files.exists(TENANT, file.sha256)


def test_workers_that_are_stopped_with_the_supervisor_cost_no_try(desk: Desk) -> None:
    run = desk.begin(count=2)
    for token in list(desk.hands.orders):
        desk.end(token, "crashed")
    desk.rounds.wind_up()
    assert desk.states(run) == ["queued", "queued"]
    with session_scope(desk.store.engine) as session:
        assert [session.get_one(UnitRow, (run.id, number)).crashes for number in (0, 1)] == [0, 0]


def inline(definition: JobDefinition, folder: Path) -> int:
    """Do a job of three units and return how many units it had."""
    name, content = faults.example_input()
    path = folder / "eingabe"
    path.write_bytes(content)
    with run_inline(definition, [InlineFile(path, name, "text/plain")], {"units": 3}) as result:
        return result.units_total


@pytest.mark.parametrize(
    "keys",
    [
        "abc",
        [1, 2],
        [None],
        [object()],
        [b"a"],
        ["a", "a"],
        [""],
        ["a\0"],
        ["\ud800"],
        ["a" * 1001],
    ],
)
def test_keys_that_cannot_be_kept_are_refused(keys: object, tmp_path: Path) -> None:
    with pytest.raises(ResultUnusable):
        inline(replace(faults.NOTHING, split=lambda _: keys), tmp_path)  # type: ignore[arg-type]


def test_keys_without_end_are_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_UNITS_OF_RUN", 100)
    endless = replace(faults.NOTHING, split=lambda _: (str(one) for one in itertools.count()))  # type: ignore[arg-type]
    with pytest.raises(ResultUnusable):
        inline(endless, tmp_path)
    monkeypatch.setattr(steps, "MOST_KEY_CHARACTERS", 10)
    with pytest.raises(ResultUnusable):
        inline(replace(faults.NOTHING, split=lambda _: ["a" * 6, "b" * 6]), tmp_path)


def test_a_run_without_units_is_joined(tmp_path: Path) -> None:
    assert inline(replace(faults.WORK, split=lambda _: []), tmp_path) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "a\0"}, {"name": 1}, {"name": "a" * 301}, {"media_type": None},
        {"sha256": "f" * 63}, {"sha256": "../" + "f" * 61}, {"bytes": 2**63}, {"bytes": None},
        {"bytes": -1}, {"bytes": 1.5},
    ],
)  # fmt: skip
def test_a_file_that_was_not_written_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    file = replace(StoredFile("a.txt", "text/plain", "f" * 64, 1), **wrong)  # type: ignore[arg-type]

    def name_it(_outcomes: Iterator[UnitOutcome], _context: JobContext) -> ResultSummary:
        return ResultSummary({}, (file,))

    with pytest.raises(ResultUnusable):
        inline(replace(faults.NOTHING, finish=name_it), tmp_path)
    of_unit = replace(faults.NOTHING, process=lambda _key, _context: UnitResult({}, file))
    with pytest.raises(ResultUnusable):
        steps.unit_result(of_unit, "a", None)  # type: ignore[arg-type]
