"""Page "Datenschutz": how long things are kept, and the way to delete them all."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.registry.discover import manifests
from shared.settings import REPOSITORY
from shared.store import runs
from shared.store.run_views import RunOrder
from shared.store.store import process_store
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    yield
    forget_process_state()


def open_page() -> AppTest:
    page = AppTest.from_file(str(REPOSITORY / "apps" / "privacy.py"), default_timeout=60)
    page.query_params["sprache"] = "de"
    page.run()
    assert not page.exception
    return page


def test_periods_are_those_of_the_manifests() -> None:
    rows = open_page().table[0].value
    kept = dict(zip(rows["Anwendung"], rows["Hochgeladene Dateien"], strict=True))
    assert kept == {app.title: f"{app.retention.uploads_days} Tage" for app in manifests()}


def test_operators_period_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_RETENTION_UPLOADS_DAYS", "1")
    monkeypatch.setenv("URBANKI_RETENTION_RESULTS_DAYS", "0")
    begin_process()
    rows = open_page().table[0].value
    assert set(rows["Hochgeladene Dateien"]) == {"1 Tag"}
    assert set(rows["Ergebnisse"]) == {"bis zum Ende der Sitzung"}


def test_the_page_tells_of_the_audit_and_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_RETENTION_AUDIT_DAYS", "30")
    begin_process()
    assert any("30 Tage lang unter einem Pseudonym" in text.value for text in open_page().markdown)


def test_deletion_of_everything_is_asked_back() -> None:
    order = RunOrder("aviary", "find", "Luftbild", (), {})
    run = runs.submit(ADMIN, process_store(), order, now=datetime.now(UTC))
    page = open_page()
    page.button(key="privacy_delete").click().run()
    assert page.button(key="privacy_delete_yes").label == "Ja, löschen"
    assert runs.get(ADMIN, process_store(), run.id).id == run.id
