"""Retention: each app's own periods, the operator's first; nothing early, nothing kept too long."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from shared.registry.discover import APPS_FOLDER, find_app
from shared.registry.manifest import AppManifest, Retention
from shared.settings import Settings
from shared.store import artifacts, dataspace, decisions, feedback, retention, runs
from shared.store.engine import read_scope, session_scope
from shared.store.joins import JOIN
from shared.store.models import ArtifactRow, DecisionRow, RunRow, SignalRow, UnitRow
from shared.store.retention import LONGEST_SESSION, Periods, Purged, purge
from shared.store.store import Store
from tests.store.filled import DAY, NOW, decided, finished, ordered, published, stored
from tests.store.servers import acting

ANNA, ADMIN = acting(), acting(role="admin", subject="chefin")
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def thirty_ninety_two_hundred_days(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Periods(uploads=30 * DAY, results=90 * DAY, decisions=200 * DAY)
    monkeypatch.setattr(retention, "periods", lambda settings, app: kept)


def count(store: Store, model: type) -> int:
    with read_scope(store.engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_nothing_is_removed_before_its_time(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    decided(store, ANNA, run, "eins")
    assert purge(store, NOW + 30 * DAY - SECOND) == Purged()
    assert artifacts.read(ANNA, store, run.inputs[0]) == b"Eingabe eins"
    assert runs.get(ANNA, store, run.id).expires_at == NOW + 90 * DAY


def test_files_that_were_read_go_first(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    assert purge(store, NOW + 30 * DAY) == Purged(uploads=1, files=1)
    assert not store.files.exists(ANNA.active_tenant, run.inputs[0].sha256)
    result = runs.result_files(ANNA, store, run.id)["ergebnis eins.txt"]
    assert artifacts.read(ANNA, store, result) == b"Ergebnis eins"
    assert purge(store, NOW + 31 * DAY) == Purged()


def test_results_go_with_their_run(store: Store) -> None:
    finished(store, ANNA, "eins")
    kept = finished(store, ANNA, "zwei", ended_at=NOW + DAY)
    purged = purge(store, NOW + 90 * DAY)
    assert (purged.runs, purged.uploads, purged.files) == (1, 2, 4)
    assert [run.id for run in runs.recent(ANNA, store)] == [kept.id]
    assert purge(store, NOW + 91 * DAY).runs == 1
    assert (count(store, RunRow), count(store, UnitRow), count(store, ArtifactRow)) == (0, 0, 0)
    assert list(store.files.keys()) == []


def test_a_part_that_nobody_joined_goes_with_its_run(store: Store) -> None:
    run = finished(store, ANNA, "eins", state="cancelled")
    with session_scope(store.engine) as session:
        session.execute(delete(SignalRow))
        session.add(SignalRow(run_id=run.id, kind=JOIN))
    purge(store, NOW + 90 * DAY)
    assert (count(store, RunRow), count(store, SignalRow)) == (0, 0)


def test_decisions_outlive_the_results(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    decided(store, ANNA, run, "eins")
    purged = purge(store, NOW + 90 * DAY)
    assert (purged.runs, purged.results) == (0, 1)
    assert purge(store, NOW + 91 * DAY) == Purged()
    kept = runs.get(ANNA, store, run.id)
    assert (kept.title, kept.summary) == ("Auftrag eins", None)
    assert count(store, UnitRow) == 0
    assert [one.value for one in decisions.history(ANNA, store, run.id)] == ["bestaetigt"]
    assert list(store.files.keys()) == []
    purged = purge(store, NOW + 200 * DAY)
    assert (purged.decisions, purged.runs) == (1, 1)
    assert (count(store, DecisionRow), count(store, RunRow)) == (0, 0)


def test_a_log_of_decisions_goes_as_a_whole(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    first = decisions.decide(ANNA, store, run.id, "dach", "ja", now=NOW)
    decisions.undo(ANNA, store, run.id, "dach", now=NOW + 50 * DAY, seen=first.id)
    assert purge(store, NOW + 200 * DAY).decisions == 0
    assert purge(store, NOW + 250 * DAY).decisions == 2


def test_hints_stay_a_year_without_their_run(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    feedback.flag(ANNA, store, "aviary", 0, "falsch", now=NOW, run_id=run.id)
    assert purge(store, NOW + 90 * DAY).runs == 1
    [hint] = feedback.list_feedback(ADMIN, store)
    assert (hint.text, hint.run_id) == ("falsch", None)
    assert purge(store, NOW + 364 * DAY).feedback == 0
    assert purge(store, NOW + 365 * DAY).feedback == 1
    assert feedback.list_feedback(ADMIN, store) == []


def test_what_still_works_is_never_purged(store: Store) -> None:
    waiting = [finished(store, ANNA, f"w {state}", state=state) for state in runs.ACTIVE]
    waiting.append(ordered(store, ANNA, "neu"))
    assert purge(store, NOW + 5000 * DAY) == Purged()
    assert count(store, RunRow) == len(waiting)
    for run in waiting:
        assert artifacts.read(ANNA, store, run.inputs[0]).startswith(b"Eingabe ")


def test_a_run_that_goes_on_is_dated_anew(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    purge(store, NOW + DAY)
    runs.go_on(ANNA, store, run.id)
    assert purge(store, NOW + 90 * DAY) == Purged()
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).values(state="done", finished_at=NOW + 90 * DAY))
    assert purge(store, NOW + 179 * DAY).runs == 0
    assert runs.get(ANNA, store, run.id).expires_at == NOW + 180 * DAY
    assert purge(store, NOW + 180 * DAY).runs == 1


def test_a_run_that_never_started_ends_too(store: Store) -> None:
    run = ordered(store, ANNA, "eins")
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.id == run.id).values(state="cancelled"))
    assert purge(store, NOW + 90 * DAY).runs == 1


def test_a_file_that_two_runs_name_stays_for_the_younger(store: Store) -> None:
    old = finished(store, ANNA, "eins")
    order = runs.RunOrder("aviary", "suchen", "noch einmal", old.inputs)
    runs.submit(ANNA, store, order, now=NOW + 80 * DAY)
    purge(store, NOW + 90 * DAY)
    assert artifacts.read(ANNA, store, old.inputs[0]) == b"Eingabe eins"


def test_old_versions_of_layers_end_with_the_results_unless_somebody_uses_them(
    store: Store,
) -> None:
    run = finished(store, ANNA, "eins")
    versions = [published(store, ANNA, run, rows=n, now=NOW) for n in range(1, 4)]
    young = published(store, ANNA, run, rows=9, now=NOW + 89 * DAY)
    reader = ordered(store, ANNA, "leser")
    dataspace.note_use(ANNA, store, reader.id, [versions[1].id])
    assert purge(store, NOW + 89 * DAY).layers == 0
    assert purge(store, NOW + 90 * DAY).layers == 2
    kept = dataspace.list_layers(ANNA, store, all_versions=True)
    assert [layer.id for layer in kept] == [young.id, versions[1].id]
    assert len(dataspace.read_table(ANNA, store, "aviary/dach")) == 9
    assert purge(store, NOW + 5000 * DAY).layers == 0


def test_unused_uploads_and_files_without_row_go(store: Store) -> None:
    stored(store, ANNA, b"nie gebraucht")
    store.files.write("musterstadt", b"spaetes Ergebnis", name="x", media_type="text/plain")
    assert purge(store, NOW + timedelta(hours=23)).files == 0
    assert purge(store, NOW + 2 * DAY).files == 2
    assert list(store.files.keys()) == []


def test_many_runs_in_all_municipalities_are_purged(store_sqlite: Store) -> None:
    store = store_sqlite
    for number in range(130):
        finished(store, acting(f"stadt{number % 3}"), f"lauf {number}")
    assert purge(store, NOW + 90 * DAY).runs == 130
    assert list(store.files.keys()) == []


def test_an_app_with_a_broken_manifest_loses_nothing(
    store_sqlite: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finished(store_sqlite, ANNA, "eins")
    monkeypatch.setattr(retention, "periods", lambda settings, app: None)
    assert purge(store_sqlite, NOW + 5000 * DAY) == Purged()
    assert "aviary" in caplog.text


class TestPeriods:
    @pytest.fixture(autouse=True)
    def thirty_ninety_two_hundred_days(self) -> None:
        """Not here: the real periods."""

    def test_each_app_says_its_own(self, local_settings: Settings) -> None:
        for path in APPS_FOLDER.glob("*/app.toml"):
            app = find_app(path.parent.name)
            assert isinstance(app, AppManifest)
            assert "[retention]" in path.read_text(encoding="utf-8")
            kept = retention.periods(local_settings, app.id)
            assert kept is not None
            assert kept.results == app.retention.results_days * DAY

    @pytest.mark.parametrize(
        "wrong",
        [{"results_days": -1}, {"uploads_days": 36_501}, {"days": 3}, {"uploads_days": "x"}],
    )
    def test_a_manifest_with_wrong_periods_is_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="Retention"):
            Retention.model_validate(wrong)

    def test_an_app_whose_folder_is_gone_has_the_default(self, local_settings: Settings) -> None:
        kept = retention.periods(local_settings, "verschwunden")
        assert kept == Periods(uploads=30 * DAY, results=365 * DAY, decisions=730 * DAY)
        assert Retention().results_days == 365

    def test_the_operator_s_periods_come_first(self, local_settings: Settings) -> None:
        changed = local_settings.model_copy(
            update={"retention_uploads_days": 1, "retention_results_days": 0}
        )
        kept = retention.periods(changed, "aviary")
        assert kept is not None
        assert (kept.uploads, kept.results) == (DAY, LONGEST_SESSION)
        assert retention.expiry(changed, "aviary", NOW) == NOW + timedelta(hours=10)

    def test_a_broken_app_has_none(
        self, local_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        folder = tmp_path / "kaputt"
        folder.mkdir()
        (folder / "app.toml").write_text("id = ", encoding="utf-8")
        monkeypatch.setattr(retention, "find_app", lambda app: find_app(app, tmp_path))
        assert retention.periods(local_settings, "kaputt") is None
        assert retention.expiry(local_settings, "kaputt", NOW) is None

    def test_settings_of_the_store_are_used(self, store_sqlite: Store) -> None:
        settings = store_sqlite.settings.model_copy(update={"retention_results_days": 5})
        store = replace(store_sqlite, settings=settings)
        finished(store, ANNA, "eins")
        assert purge(store, NOW + 5 * DAY - SECOND).runs == 0
        assert purge(store, NOW + 5 * DAY).runs == 1


def test_old_versions_end_also_when_the_app_has_no_runs_any_more(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    published(store, ANNA, run, rows=1, now=NOW + 80 * DAY)
    young = published(store, ANNA, run, rows=2, now=NOW + 80 * DAY)
    assert purge(store, NOW + 91 * DAY).runs == 1
    assert purge(store, NOW + 170 * DAY).layers == 1
    kept = dataspace.list_layers(ANNA, store, all_versions=True)
    assert [layer.id for layer in kept] == [young.id]


def test_what_was_purged_is_not_readable_in_the_journal(store_sqlite: Store) -> None:
    finished(store_sqlite, ANNA, "spurwort")
    purge(store_sqlite, NOW + 5000 * DAY)
    for file in store_sqlite.settings.data_dir.glob("gallery.db*"):
        assert b"spurwort" not in file.read_bytes(), file.name
