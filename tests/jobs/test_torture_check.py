"""What the torture looks at shows what it should."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import update

from shared.contracts.jobs import StoredFile
from shared.jobs import torture, torture_check
from shared.jobs.torture import Torture
from shared.jobs.torture_check import Look
from shared.jobs.trial import Trial
from shared.store import artifact_rows, runs
from shared.store.engine import session_scope
from shared.store.models import RunRow, UnitRow
from shared.store.runs import RunOrder
from shared.store.store import Store
from tests.jobs.desk import ANNA, NOW


def run_of_three(store: Store) -> str:
    """A run whose three units are handed out."""
    order = RunOrder(app="probe", job="probe", title="Probe", inputs=(), parameters={})
    run_id = runs.submit(ANNA, store, order, now=NOW).id
    with session_scope(store.engine) as session:
        session.add_all(
            UnitRow(run_id=run_id, ordinal=number, key=str(number), state="leased")
            for number in range(3)
        )
    return run_id


def test_what_was_written_in_two_transactions_is_seen(store: Store) -> None:
    run_id = run_of_three(store)
    assert torture_check.look(store.engine, run_id) == Look(0, 3, 0, is_torn=False)
    first = update(UnitRow).where(UnitRow.ordinal == 0)
    for statement, is_torn in (
        (first.values(state="done"), True),  # neither its result nor the count
        (first.values(result_json={}), True),
        (update(RunRow).values(units_done=1), False),
        (first.values(state="queued", crashes=1), True),
        (first.values(result_json=None), True),
        (update(RunRow).values(units_done=0), False),
        (first.values(state="failed"), True),
        (update(RunRow).values(units_failed=1), False),
    ):
        with session_scope(store.engine) as session:
            session.execute(statement)
        assert torture_check.look(store.engine, run_id).is_torn == is_torn, str(statement)
    with session_scope(store.engine) as session:
        session.execute(first.values(state="queued"))
    assert torture_check.look(store.engine, run_id) == Look(1, 2, 1, is_torn=True)


def test_files_that_nothing_has_as_its_result_are_seen(store: Store) -> None:
    run_id = run_of_three(store)
    file = StoredFile("a.txt", "text/plain", "a" * 64, 1)
    with session_scope(store.engine) as session:
        noted = artifact_rows.remember(
            session, ANNA.active_tenant, file, kind="intermediate", is_example=True, now=NOW
        )
    assert torture_check.extra_files(store.engine) == 1
    with session_scope(store.engine) as session:
        session.execute(
            update(UnitRow)
            .where(UnitRow.run_id == run_id, UnitRow.ordinal == 0)
            .values(artifact_id=noted)
        )
    assert torture_check.extra_files(store.engine) == 0


def test_each_kind_comes_at_least_once_when_there_are_enough(tmp_path: Path) -> None:
    with Trial(tmp_path) as trial:
        kinds = set(torture.WEIGHTS)
        assert set(Torture(trial, len(kinds), 1)._first) == kinds
        assert Torture(trial, len(kinds) - 1, 1)._first == []
