"""Results are written exactly once, whatever comes late, twice, or after a deletion."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from shared.contracts.jobs import StoredFile
from shared.errors import NotFound
from shared.jobs.changes import Changes, PendingUnit, RunChanges, UnitDone, UnitFailed
from shared.jobs.lease import Lease, LeaseLost, Owner
from shared.jobs.messages import Failure
from shared.jobs.queue import Queue
from shared.jobs.results import Inconsistent, Written, commit, end_run, forget_files
from shared.store import runs
from shared.store.engine import read_scope, session_scope
from shared.store.models import ArtifactRow, RunFileRow, RunRow, SignalRow, UnitRow
from shared.store.runs import RunOrder
from shared.store.store import Store
from tests.store.servers import acting

ANNA = acting("musterstadt", "anna")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BAD = Failure("bild_beschaedigt", "kaputt", {"page": 3})


@pytest.fixture
def queue(store: Store) -> Queue:
    lease = Lease(store.engine, Owner.this_process())
    assert lease.try_take()
    return Queue(store, lease, lambda: NOW)


@pytest.fixture
def run_id(queue: Queue) -> str:
    order = RunOrder(app="probe", job="probe", title="Probe", inputs=())
    run = runs.submit(ANNA, queue.store, order, now=NOW)
    assert queue.add_units(run.id, [f"key {number}" for number in range(4)])
    return run.id


def changes_of(run_id: str, **lists: object) -> Changes:
    return Changes({run_id: RunChanges("musterstadt", True, **lists)})  # type: ignore[arg-type]


def claimed(queue: Queue, run_id: str) -> list[PendingUnit]:
    units = queue.queued_units(run_id, -1, 10)
    commit(queue, changes_of(run_id, claims=units), NOW)
    return units


def states(queue: Queue, run_id: str) -> list[str]:
    with read_scope(queue.store.engine) as session:
        query = select(UnitRow.state).where(UnitRow.run_id == run_id).order_by(UnitRow.ordinal)
        return list(session.scalars(query))


def done(*ordinals: int, file: StoredFile | None = None) -> list[UnitDone]:
    return [UnitDone(ordinal, {"value": ordinal}, file, 0.5) for ordinal in ordinals]


def write(queue: Queue, content: bytes = b"content", name: str = "Seite.txt") -> StoredFile:
    return queue.store.files.write("musterstadt", content, name=name, media_type="text/plain")


def test_results_states_and_counters_are_written_together(queue: Queue, run_id: str) -> None:
    units = claimed(queue, run_id)
    assert states(queue, run_id) == ["leased"] * 4
    failed = [UnitFailed(units[2], BAD, 0.1)]
    changes = changes_of(
        run_id, done=done(0, 1), failed=failed, back=[units[3]], columns={"seconds_per_unit": 0.5}
    )
    assert commit(queue, changes, NOW) == Written()

    run = runs.get(ANNA, queue.store, run_id)
    assert states(queue, run_id) == ["done", "done", "failed", "queued"]
    assert (run.units_done, run.units_failed, run.seconds_per_unit) == (2, 1, 0.5)
    views = runs.units(ANNA, queue.store, run_id)
    assert views[1].data == {"value": 1}
    assert (views[2].error_code, views[2].error_details) == ("bild_beschaedigt", {"page": 3})


def test_the_same_result_twice_counts_once(queue: Queue, run_id: str) -> None:
    claimed(queue, run_id)
    assert commit(queue, changes_of(run_id, done=done(0, 1)), NOW).is_as_expected
    assert not commit(queue, changes_of(run_id, done=done(0, 1)), NOW).is_as_expected
    assert runs.get(ANNA, queue.store, run_id).units_done == 2


def test_a_late_result_of_a_unit_that_was_given_back_changes_nothing(
    queue: Queue, run_id: str
) -> None:
    units = claimed(queue, run_id)
    commit(queue, changes_of(run_id, back=units), NOW)
    commit(queue, changes_of(run_id, done=done(0)), NOW)
    assert states(queue, run_id) == ["queued"] * 4
    assert runs.get(ANNA, queue.store, run_id).units_done == 0


def test_a_unit_is_handed_out_only_once(queue: Queue, run_id: str) -> None:
    units = claimed(queue, run_id)
    with pytest.raises(Inconsistent):
        commit(queue, changes_of(run_id, claims=units[:1]), NOW)


def test_who_lost_the_lease_writes_nothing(queue: Queue, run_id: str) -> None:
    claimed(queue, run_id)
    queue.lease.release()
    with pytest.raises(LeaseLost):
        commit(queue, changes_of(run_id, done=done(0)), NOW)
    with pytest.raises(LeaseLost):
        end_run(queue, run_id, "done", now=NOW)
    assert states(queue, run_id) == ["leased"] * 4


def test_a_new_supervisor_queues_what_the_old_one_had_handed_out(queue: Queue, run_id: str) -> None:
    claimed(queue, run_id)
    queue.lease.release()
    lease = Lease(queue.store.engine, Owner.this_process())
    assert lease.try_take()
    Queue(queue.store, lease).requeue_abandoned(())
    assert states(queue, run_id) == ["queued"] * 4


def test_what_workers_have_is_not_queued_again(queue: Queue, run_id: str) -> None:
    claimed(queue, run_id)
    queue.requeue_abandoned({(run_id, 1), (run_id, 3)})
    assert states(queue, run_id) == ["queued", "leased", "queued", "leased"]


def test_files_of_units_get_their_rows_with_the_result(queue: Queue, run_id: str) -> None:
    claimed(queue, run_id)
    file = write(queue)
    other = write(queue, name="Zweite.txt")
    commit(queue, changes_of(run_id, done=[*done(0, file=file), *done(1, file=other)]), NOW)

    views = runs.units(ANNA, queue.store, run_id)
    assert [view.file for view in views] == [file, other]
    with read_scope(queue.store.engine) as session:
        row = session.scalars(select(ArtifactRow)).one()
        assert (row.kind, row.is_example, row.tenant) == ("intermediate", True, "musterstadt")


def test_nothing_of_a_deleted_run_is_written_and_its_file_is_named(
    queue: Queue, run_id: str
) -> None:
    claimed(queue, run_id)
    file = write(queue)
    with session_scope(queue.store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run_id))
    stray = commit(queue, changes_of(run_id, done=done(0, file=file)), NOW).stray

    assert stray == [("musterstadt", file)]
    forget_files(queue, stray)
    assert not queue.store.files.exists("musterstadt", file.sha256)
    with read_scope(queue.store.engine) as session:
        assert session.scalars(select(ArtifactRow)).all() == []
    with pytest.raises(NotFound):
        runs.get(ANNA, queue.store, run_id)


def test_a_stray_file_that_somebody_else_keeps_stays(queue: Queue, run_id: str) -> None:
    claimed(queue, run_id)
    file = write(queue)
    commit(queue, changes_of(run_id, done=done(0, file=file)), NOW)
    forget_files(queue, [("musterstadt", file)])
    assert queue.store.files.exists("musterstadt", file.sha256)


def test_units_are_noted_once(queue: Queue, run_id: str) -> None:
    assert not queue.add_units(run_id, ["another"])
    assert runs.get(ANNA, queue.store, run_id).units_total == 4


def test_the_end_of_a_run_is_written_with_files_and_origin(queue: Queue, run_id: str) -> None:
    units = claimed(queue, run_id)
    commit(queue, changes_of(run_id, done=done(0), failed=[UnitFailed(units[1], BAD)]), NOW)
    file = write(queue, b"table", "Tabelle.csv")
    assert end_run(queue, run_id, "done", now=NOW, summary={"rows": 1}, files=[file])

    run = runs.get(ANNA, queue.store, run_id)
    assert (run.state, run.finished_at, run.summary) == ("done", NOW, {"rows": 1})
    assert run.expires_at is not None
    assert run.expires_at > NOW
    assert run.provenance is not None
    assert run.provenance["failed_units"][0]["key"] == "key 1"
    assert runs.result_files(ANNA, queue.store, run_id) == {"Tabelle.csv": file}
    assert states(queue, run_id) == ["done", "failed", "queued", "queued"]
    assert not end_run(queue, run_id, "failed", now=NOW), "it has ended"


def test_new_files_of_a_repeated_run_replace_the_old_ones(queue: Queue, run_id: str) -> None:
    end_run(queue, run_id, "done", now=NOW, summary={}, files=[write(queue, b"old", "alt.csv")])
    with session_scope(queue.store.engine) as session:
        session.execute(update(RunRow).values(state="queued"))
    new = write(queue, b"new", "neu.csv")
    end_run(queue, run_id, "done", now=NOW, summary={}, files=[new])
    assert runs.result_files(ANNA, queue.store, run_id) == {"neu.csv": new}
    with read_scope(queue.store.engine) as session:
        assert len(session.scalars(select(RunFileRow)).all()) == 1


def test_outcomes_are_read_in_order(queue: Queue, run_id: str) -> None:
    units = claimed(queue, run_id)
    file = write(queue)
    failed = [UnitFailed(units[0], BAD)]
    commit(queue, changes_of(run_id, done=done(1, file=file), failed=failed), NOW)
    outcomes = list(queue.outcomes(run_id))
    assert [outcome.ordinal for outcome in outcomes] == [0, 1, 2, 3]
    assert (outcomes[0].error_code, outcomes[0].error_details) == ("bild_beschaedigt", {"page": 3})
    assert (outcomes[1].data, outcomes[1].file) == ({"value": 1}, file)


def test_signals_are_heard_once(queue: Queue, run_id: str) -> None:
    runs.request_cancel(ANNA, queue.store, run_id, now=NOW)
    heard = queue.signals()
    assert [signal.kind for signal in heard] == ["new", "cancel"]
    commit(queue, Changes(signals=[signal.id for signal in heard]), NOW)
    assert queue.signals() == []
    with read_scope(queue.store.engine) as session:
        assert session.scalars(select(SignalRow)).all() == []


def test_active_runs_are_listed_in_the_order_of_their_orders(queue: Queue, run_id: str) -> None:
    order = RunOrder(app="probe", job="probe", title="Zweite", inputs=(), parameters={"a": 1})
    second = runs.submit(ANNA, queue.store, order, now=NOW)
    assert [head.id for head in queue.active_runs()] == [run_id, second.id]
    end_run(queue, run_id, "cancelled", now=NOW)
    assert [head.id for head in queue.active_runs()] == [second.id]
    assert queue.load(run_id) is None
    assert queue.head(run_id) is None
