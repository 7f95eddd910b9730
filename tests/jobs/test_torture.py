"""Kill everything at random moments: nothing is lost or doubled, the result is the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, update
from sqlalchemy.pool import NullPool

from shared.jobs import torture, torture_check
from shared.jobs.torture import Report, Torture
from shared.jobs.torture_check import Effects
from shared.jobs.trial import Trial
from shared.jobs.trial_postgresql import TrialPostgreSQL
from shared.store.engine import session_scope
from shared.store.ids import new_id
from shared.store.models import RunRow, UnitRow
from shared.store.store import Store

NOW = datetime(2026, 11, 27, tzinfo=UTC)
INJECTIONS = 16
SEED = 11
CLEAN = {
    "lost": 0,
    "doubled": 0,
    "failed": 0,
    "wrong_results": 0,
    "wrong_counts": 0,
    "torn": 0,
    "extra_files": 0,
    "extra_runs": 0,
    "left_over": 0,
}


def found(report: Report) -> dict[str, int]:
    """What must be 0."""
    return {name: getattr(report, name) for name in CLEAN}


@pytest.mark.server
@pytest.mark.timeout(600)
def test_a_thousand_units_survive_sixteen_kills(tmp_path: Path) -> None:
    with TrialPostgreSQL() as database, Trial(tmp_path, database_url=database.url) as trial:
        report = Torture(trial, INJECTIONS, SEED, units=1000, database=database).run()
    assert found(report) == CLEAN
    assert report.is_clean
    assert sum(report.injections.values()) == INJECTIONS
    assert {"worker", "supervisor", "reader", "database"} <= report.injections.keys()
    assert report.units == 1000 * report.rounds


@pytest.mark.server
@pytest.mark.timeout(300)
def test_the_command_tortures_sqlite_and_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert torture.main(["--injections", "4", "--seed", "3", "--units", "200"]) == 0
    out = capsys.readouterr()
    report = json.loads(out.out)
    assert report["clean"] is True
    assert sum(report["injections"].values()) == 4
    assert "database" not in report["injections"]
    assert out.err.startswith("1/4 ")


@pytest.mark.parametrize("words", [["--injections", "-1"], ["--units", "0"], ["--what"]])
def test_bad_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert torture.main(words) == 2
    assert capsys.readouterr().err.startswith("Die Eingabe ist ungültig:")


def test_a_database_in_use_is_neither_tortured_nor_emptied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrialPostgreSQL() as database, Trial(tmp_path, database_url=database.url) as trial:
        run = trial.order("nothing", 1)
        assert torture.main(["--database", database.url]) == 2
        assert "Hier sind schon Daten gespeichert." in capsys.readouterr().err
        assert trial.look(run.id).state == "queued"


def test_a_trial_leaves_an_empty_database(tmp_path: Path) -> None:
    with TrialPostgreSQL() as database:
        for number in range(2):
            with Trial(tmp_path / str(number), database_url=database.url) as trial:
                torture_check.note_effects(trial.store.engine)
                torture_check.forget_effects(trial.store.engine)
            engine = create_engine(database.url, poolclass=NullPool)
            with engine.connect() as connection:
                assert inspect(connection).get_table_names() == []


def test_what_is_written_twice_or_not_at_all_is_seen(store: Store) -> None:
    torture_check.note_effects(store.engine)
    run_id = _run_of_three(store)
    for ordinal in (0, 1, 1):
        _set_done(store, run_id, ordinal)
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).values(state="done"))
    assert torture_check.effects(store.engine, run_id) == Effects(1, 2, 1)
    with pytest.raises(LookupError), session_scope(store.engine) as session:
        session.execute(update(UnitRow).where(UnitRow.ordinal == 2).values(state="done"))
        raise LookupError  # what is rolled back has no effect
    assert torture_check.effects(store.engine, run_id) == Effects(1, 2, 1)
    torture_check.forget_effects(store.engine)
    _set_done(store, run_id, 2)  # no trigger is left


def _run_of_three(store: Store) -> str:
    run_id = new_id()
    with session_scope(store.engine) as session:
        session.add(
            RunRow(
                id=run_id, tenant="a", app="erprobung", job="work", title="t", started_by="anna",
                state="running", priority=1, idempotency_key=run_id, input_json=[],
                input_sha256="", parameters_json={}, is_example=True, created_at=NOW,
            )
        )  # fmt: skip
        session.flush()
        session.add_all(
            UnitRow(run_id=run_id, ordinal=number, key=str(number), state="leased")
            for number in range(3)
        )
    return run_id


def _set_done(store: Store, run_id: str, ordinal: int) -> None:
    with session_scope(store.engine) as session:
        session.execute(
            update(UnitRow)
            .where(UnitRow.run_id == run_id, UnitRow.ordinal == ordinal)
            .values(state="done")
        )
