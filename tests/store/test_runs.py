"""Runs as pages see them: ordered once, seen by their own municipality alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import delete, func, select, update

from shared.contracts.jobs import Priority, StoredFile
from shared.errors import NotFound
from shared.store import artifacts, runs
from shared.store.artifact_rows import remember
from shared.store.engine import read_scope, session_scope
from shared.store.joins import JOIN
from shared.store.models import RunFileRow, RunRow, SignalRow, UnitRow
from shared.store.runs import RunOrder
from shared.store.store import Store
from tests.store.seed import seed_units
from tests.store.servers import acting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA, BERTA, FREMD = acting("herten"), acting("herten", "berta"), acting("marl")
ADMIN = acting("herten", "chefin", "admin")
ORDER = RunOrder("archivair", "ocr", "Akte", (), {"sprache": "deu"})


def submit(store: Store, order: RunOrder = ORDER, principal=ANNA, now=NOW, **more) -> str:
    return runs.submit(principal, store, order, now=now, **more).id


def change(store: Store, run_id: str, **values: object) -> None:
    """Do what the supervisor would do."""
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.id == run_id).values(**values))


def signals(store: Store) -> list[tuple[str, str]]:
    with read_scope(store.engine) as session:
        query = select(SignalRow.run_id, SignalRow.kind).order_by(SignalRow.id)
        return [(run_id, kind) for run_id, kind in session.execute(query)]


def upload(store: Store, content: bytes = b"Akte", principal=ANNA) -> StoredFile:
    return artifacts.save(
        principal,
        store,
        content,
        name="Akte.pdf",
        media_type="application/pdf",
        kind="upload",
        is_example=False,
        now=datetime.now(UTC),
    )


def test_an_order_is_kept_as_it_was_given(store: Store) -> None:
    file = upload(store)
    order = replace(ORDER, inputs=(file,), title="Ä" * 250, priority=Priority.INTERACTIVE)
    made = runs.submit(ANNA, store, order, now=NOW)
    found = runs.get(ANNA, store, made.id)
    assert found == made
    assert found.state == "queued"
    assert found.is_active
    assert found.title == "Ä" * 200
    assert found.inputs == (file,)
    assert found.parameters == {"sprache": "deu"}
    assert found.started_by == "anna"
    assert found.created_at == NOW
    assert found.units_total is None
    assert (found.units_done, found.units_failed) == (0, 0)
    assert signals(store) == [(made.id, "new")]
    with read_scope(store.engine) as session:
        row = session.scalars(select(RunRow)).one()
        assert row.priority == 0
        assert row.input_sha256 == file.sha256


def test_a_title_holds_nothing_invisible(store: Store) -> None:
    run = runs.submit(ANNA, store, replace(ORDER, title="a\x00b\u202ec \ud800/d"), now=NOW)
    assert run.title == "abc /d"


def test_equal_orders_at_once_start_one_run(store: Store) -> None:
    barrier = Barrier(8)

    def order(_: int) -> str:
        barrier.wait()
        return submit(store)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(order, range(8)))
    assert len(ids) == 1
    assert signals(store) == [(ids.pop(), "new")]


def test_equal_repetitions_at_once_start_one_run(store: Store) -> None:
    first = submit(store)
    change(store, first, state="failed")
    barrier = Barrier(8)

    def order(_: int) -> str:
        barrier.wait()
        return submit(store)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(order, range(8)))
    assert len(ids) == 1
    assert first not in ids


@pytest.mark.parametrize("state", ["queued", "running", "waiting", "done"])
def test_an_equal_order_finds_the_run(store: Store, state: str) -> None:
    first = submit(store)
    change(store, first, state=state)
    assert submit(store, now=NOW + timedelta(hours=1)) == first
    assert runs.get(ANNA, store, first).created_at == NOW


@pytest.mark.parametrize(
    ("state", "repeat"), [("failed", False), ("cancelled", False), ("done", True)]
)
def test_an_equal_order_starts_again(store: Store, state: str, repeat: bool) -> None:
    first = submit(store)
    change(store, first, state=state)
    second = submit(store, repeat=repeat)
    assert second != first
    assert submit(store) == second
    assert runs.get(ANNA, store, first).state == state


def test_a_run_that_works_is_not_started_again_by_force(store: Store) -> None:
    first = submit(store)
    assert submit(store, repeat=True) == first


@pytest.mark.parametrize(
    "other",
    [
        {"app": "aviary"},
        {"job": "layout"},
        {"parameters": {"sprache": "frk"}},
        {"fingerprint": "modell-2"},
        {"is_example": True},
    ],
)
def test_another_order_is_another_run(store: Store, other: dict[str, object]) -> None:
    assert submit(store) != submit(store, replace(ORDER, **other))


def test_other_people_and_files_make_other_runs(store: Store) -> None:
    one, two = upload(store, b"1"), upload(store, b"2")
    ids = {
        submit(store),
        submit(store, principal=BERTA),
        submit(store, principal=FREMD),
        submit(store, replace(ORDER, inputs=(one,))),
        submit(store, replace(ORDER, inputs=(two,))),
        submit(store, replace(ORDER, inputs=(one, two))),
        submit(store, replace(ORDER, inputs=(two, one))),
    }
    assert len(ids) == 7


def test_a_name_or_title_makes_no_other_run(store: Store) -> None:
    file = upload(store)
    first = submit(store, replace(ORDER, inputs=(file,)))
    renamed = replace(file, name="Kopie.pdf")
    assert submit(store, replace(ORDER, inputs=(renamed,), title="Kopie")) == first


def test_inputs_must_be_stored_files_of_the_municipality(store: Store) -> None:
    foreign = upload(store, principal=FREMD)
    unknown = StoredFile("x.pdf", "application/pdf", "0" * 64, 1)
    for file in (foreign, unknown):
        with pytest.raises(NotFound):
            submit(store, replace(ORDER, inputs=(file,)))
    assert signals(store) == []


def test_no_function_shows_a_foreign_run(store: Store) -> None:
    run_id = submit(store)
    for look in (
        lambda: runs.get(FREMD, store, run_id),
        lambda: runs.units(FREMD, store, run_id),
        lambda: runs.result_files(FREMD, store, run_id),
        lambda: runs.request_cancel(FREMD, store, run_id, now=NOW),
        lambda: runs.go_on(FREMD, store, run_id),
        lambda: runs.runs_ahead(FREMD, store, run_id),
        lambda: runs.get(ANNA, store, "gibt-es-nicht"),
    ):
        with pytest.raises(NotFound):
            look()
    assert runs.recent(FREMD, store, everybody=True) == []
    assert signals(store) == [(run_id, "new")]


def test_recent_runs_come_newest_first(store: Store) -> None:
    ids = [
        submit(
            store,
            replace(ORDER, app=app, title=str(hour), parameters={"n": hour}),
            principal,
            NOW + timedelta(hours=hour),
        )
        for hour, (app, principal) in enumerate(
            [("archivair", ANNA), ("aviary", ANNA), ("archivair", BERTA), ("archivair", FREMD)]
        )
    ]
    change(store, ids[0], summary_json={"gross": 1}, provenance_json={"gross": 1})

    def found(**choice: object) -> list[str]:
        return [run.id for run in runs.recent(ANNA, store, **choice)]

    assert found() == [ids[1], ids[0]]
    assert found(app="archivair") == [ids[0]]
    assert found(limit=1) == [ids[1]]
    assert found(everybody=True) == [ids[2], ids[1], ids[0]]
    assert found(everybody=True, app="archivair") == [ids[2], ids[0]]
    assert runs.recent(ANNA, store)[1].summary is None
    assert runs.get(ANNA, store, ids[0]).summary == {"gross": 1}


def test_units_are_seen_in_their_order(store: Store) -> None:
    states = ["done", "queued", "failed", "leased", "done", "done", "failed"]
    run_id = seed_units(ANNA, store, 7, now=NOW, state_of=lambda ordinal: states[ordinal])

    def ordinals(**choice: object) -> list[int]:
        return [unit.ordinal for unit in runs.units(ANNA, store, run_id, **choice)]

    assert ordinals() == [0, 2, 4, 5, 6]
    assert ordinals(limit=3) == [0, 2, 4]
    assert ordinals(after=2) == [4, 5, 6]
    assert ordinals(after=2, limit=2) == [4, 5]
    assert ordinals(states=("failed",)) == [2, 6]
    assert ordinals(states=("failed",), limit=1, after=2) == [6]
    assert ordinals(states=("queued", "leased"), limit=9) == [1, 3]
    assert ordinals(states=()) == []
    assert ordinals(states=(), limit=5) == []
    run = runs.get(ANNA, store, run_id)
    assert (run.units_total, run.units_done, run.units_failed) == (7, 3, 2)


def test_a_unit_is_seen_with_its_values_and_file(store: Store) -> None:
    run_id = seed_units(
        ANNA, store, 2, now=NOW, state_of=lambda ordinal: ("done", "failed")[ordinal]
    )
    file = store.files.write("herten", b"[]", name="Seite 1.json", media_type="application/json")
    with session_scope(store.engine) as session:
        plain = replace(file, media_type="text/plain")
        artifact = remember(session, "herten", plain, kind="result", is_example=False, now=NOW)
        session.execute(
            update(UnitRow)
            .where(UnitRow.ordinal == 0)
            .values(artifact_id=artifact, file_name=file.name, file_media_type=file.media_type)
        )
        session.execute(
            update(UnitRow).where(UnitRow.ordinal == 1).values(error_details={"limit_s": 3})
        )
    done, failed = runs.units(ANNA, store, run_id)
    assert done.key == "teil-0000000"
    assert done.data == {"wert": 0}
    assert done.file == file
    assert done.seconds == 1.0
    assert artifacts.read(ANNA, store, done.file) == b"[]"
    assert failed.data is failed.file is None
    assert failed.error_code == "auftrag"
    assert failed.error_message == "Der Auftrag ist gescheitert."
    assert failed.error_details == {"limit_s": 3}


def test_result_files_are_found_by_name(store: Store) -> None:
    run_id = submit(store)
    assert runs.result_files(ANNA, store, run_id) == {}
    files = [
        store.files.write("herten", b"%d" % number, name=f"{number}.csv", media_type="text/csv")
        for number in (2, 1)
    ]
    with session_scope(store.engine) as session:
        for ordinal, file in enumerate(files):
            artifact = remember(session, "herten", file, kind="result", is_example=False, now=NOW)
            session.add(
                RunFileRow(
                    run_id=run_id,
                    role="result",
                    ordinal=ordinal,
                    name=file.name,
                    media_type=file.media_type,
                    artifact_id=artifact,
                )
            )
    assert list(runs.result_files(ANNA, store, run_id).items()) == [
        ("2.csv", files[0]),
        ("1.csv", files[1]),
    ]


def test_a_stop_is_asked_for_once(store: Store) -> None:
    run_id = submit(store)
    runs.request_cancel(ANNA, store, run_id, now=NOW)
    runs.request_cancel(ADMIN, store, run_id, now=NOW + timedelta(hours=1))
    assert runs.get(ANNA, store, run_id).cancel_requested
    assert signals(store) == [(run_id, "new"), (run_id, "cancel")]


def test_whether_a_stopped_run_is_being_joined(store: Store) -> None:
    run_id = submit(store)
    change(store, run_id, state="cancelled")
    assert not runs.is_joining(ANNA, store, run_id)
    with session_scope(store.engine) as session:
        session.execute(delete(SignalRow))
        session.add(SignalRow(run_id=run_id, kind=JOIN))
    assert runs.is_joining(ANNA, store, run_id)
    assert not runs.is_joining(FREMD, store, run_id)
    change(store, run_id, state="done")
    assert not runs.is_joining(ANNA, store, run_id)


@pytest.mark.parametrize("withdraw", ["stop", "go on"])
def test_a_join_is_withdrawn(store: Store, withdraw: str) -> None:
    run_id = submit(store)
    change(store, run_id, state="cancelled")
    with session_scope(store.engine) as session:
        session.execute(delete(SignalRow))
        session.add(SignalRow(run_id=run_id, kind=JOIN))
    for _ in range(2):
        if withdraw == "stop":
            runs.request_cancel(ANNA, store, run_id, now=NOW)
        else:
            runs.go_on(ANNA, store, run_id)
    assert signals(store) == [(run_id, "cancel" if withdraw == "stop" else "retry")]
    assert not runs.is_joining(ANNA, store, run_id)


def test_what_has_ended_cannot_be_stopped(store: Store) -> None:
    run_id = submit(store)
    change(store, run_id, state="done")
    runs.request_cancel(ANNA, store, run_id, now=NOW)
    assert not runs.get(ANNA, store, run_id).cancel_requested


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_going_on_repeats_only_what_has_no_result(store: Store, state: str) -> None:
    states = ["done", "failed", "queued", "failed"]
    run_id = seed_units(ANNA, store, 4, now=NOW, state_of=lambda ordinal: states[ordinal])
    change(
        store,
        run_id,
        state=state,
        message_code="auftrag",
        finished_at=NOW,
        cancel_requested_at=NOW,
    )
    with session_scope(store.engine) as session:
        session.execute(delete(SignalRow))
        session.execute(
            update(UnitRow).where(UnitRow.state == "failed").values(attempts=3, crashes=2)
        )
    run = runs.go_on(ANNA, store, run_id)
    assert run.state == "queued"
    assert (run.units_done, run.units_failed) == (1, 0)
    assert run.message_code is run.finished_at is None
    assert not run.cancel_requested
    assert signals(store) == [(run_id, "retry")]
    with read_scope(store.engine) as session:
        query = select(UnitRow.state, UnitRow.attempts, UnitRow.crashes, UnitRow.error_code)
        found = [tuple(row) for row in session.execute(query.order_by(UnitRow.ordinal))]
    assert found == [
        ("done", 0, 0, None),
        ("queued", 0, 0, None),
        ("queued", 0, 0, None),
        ("queued", 0, 0, None),
    ]


@pytest.mark.parametrize("state", ["queued", "running", "waiting", "done"])
def test_there_is_nothing_to_go_on_with(store: Store, state: str) -> None:
    run_id = submit(store)
    change(store, run_id, state=state)
    assert runs.go_on(ANNA, store, run_id).state == state
    assert signals(store) == [(run_id, "new")]


def test_runs_ahead_are_those_of_the_municipality_that_still_work(store: Store) -> None:
    ids = [
        submit(store, replace(ORDER, parameters={"n": n}), principal, NOW + timedelta(seconds=n))
        for n, principal in enumerate([ANNA, BERTA, FREMD, ANNA, ANNA, BERTA])
    ]
    change(store, ids[3], state="done")
    assert runs.runs_ahead(ANNA, store, ids[4]) == 2
    assert runs.runs_ahead(ANNA, store, ids[0]) == 0


def test_a_deleted_run_takes_its_parts_along(store: Store) -> None:
    run_id = seed_units(ANNA, store, 3, now=NOW)
    with session_scope(store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run_id))
    with read_scope(store.engine) as session:
        assert session.scalar(select(func.count()).select_from(UnitRow)) == 0
