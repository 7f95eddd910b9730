"""The screen: profile, list, own boxes, told names, release by a person, and who may."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from apps.archivair.redaction import job
from apps.archivair.views.storage_delete import what_goes
from shared.i18n import get_translator
from shared.registry.discover import find_app
from shared.settings import REPOSITORY, get_settings
from shared.store import artifacts, decisions, runs
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow
from shared.store.store import Store, process_store
from shared.ui import AppContext
from tests.apps.archivair.run_doubles import APPLICATION, PERMIT, finished_run
from tests.jobs.in_process import forget_worker, work_off
from tests.shared.people_of_tests import CLERK, VIEWER, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "tests" / "apps" / "archivair" / "redaction" / "redaction_page.py")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Store]:
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(job, "reread_with", lambda engines: lambda pixels, dpi: ())
    begin_process()
    forget_worker()
    sit_down(CLERK, monkeypatch.setattr)
    yield process_store()
    forget_worker()
    forget_process_state()


@pytest.fixture
def run_id(store, monkeypatch) -> str:
    return finished_run(store, monkeypatch, APPLICATION, PERMIT)


def opened(run_id: str, profile: str = "nachbar") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_id
    page.run()
    assert not page.exception
    page.selectbox(key="archivair_redaction_profile").set_value(profile).run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    shown = (*page.markdown, *page.caption, *page.warning, *page.info, *page.error)
    return "\n".join(one.value for one in shown)


def ticks(page: AppTest):
    return [one for one in page.checkbox if "_tick_" in str(one.key)]


def test_the_screen_says_what_goes_why_and_that_nobody_checked_the_profile(store, run_id):
    page = opened(run_id)
    text = said(page)
    assert "rechtlich ungeprüft" in text
    assert "oft unvollständig" in text and "Ein Mensch muss jede Seite ansehen" in text
    assert "findet auch sie nicht" in text
    assert "Bankverbindung" in text and "Grundriss" in text
    (tick,) = [one for one in ticks(page) if one.value]
    assert tick.label == "Entfernen: Name einer Person, Seite 1"
    assert "Karl Müller" in text and "Name nach einer Beschriftung" in text


def test_nothing_claims_to_find_persons_in_photos(store, run_id):
    """No finder exists for what two profiles ask for: the screen says so instead."""
    for profile in ("nachbar", "forschung"):
        text = said(opened(run_id, profile))
        assert "Person auf einem Foto" not in text
        assert "Personen auf Fotos erkennt die Software nicht." in text
    assert "Fotos" not in said(opened(run_id, "eigentuemer"))


def test_a_tick_is_kept_and_survives_a_reload(store, run_id):
    page = opened(run_id)
    ticks(page)[0].uncheck().run()
    assert not page.exception
    assert [one.value for one in decisions.current(CLERK, store, run_id).values()] == ["bleibt"]
    again = opened(run_id)
    again.toggle(key="archivair_redaction_only").set_value(False).run()
    assert not any(one.value for one in ticks(again))
    assert [one.value for one in ticks(opened(run_id, "forschung"))] == [True]


def test_a_box_by_numbers_and_a_told_name(store, run_id):
    page = opened(run_id)
    assert not page.number_input
    page.toggle(key="archivair_redaction_own").set_value(True).run()
    page.number_input(key="archivair_redaction_left").set_value(50).run()
    page.button(key="archivair_redaction_add").click().run()
    assert not page.exception
    assert any(key.startswith("kasten:1:414-") for key in decisions.current(CLERK, store, run_id))
    assert "eigener Kasten" in said(page)
    page.text_area(key="archivair_redaction_fact_others").set_value("Lena Musterstadt").run()
    assert not page.exception
    assert decisions.current(CLERK, store, run_id)["fall:others"].reason == '["Lena Musterstadt"]'
    assert len([one for one in ticks(page) if one.value]) == 2


def test_a_person_releases_and_the_audit_tells_of_it(store, run_id):
    page = opened(run_id)
    assert page.button(key="archivair_redaction_release").disabled
    page.checkbox(key="archivair_redaction_looked_nachbar_1").check().run()
    page.button(key="archivair_redaction_release").click().run()
    assert not page.exception
    work_off(store)
    (written,) = runs.recent(CLERK, store, app="archivair", job="redact")
    assert (written.state, written.units_failed) == ("done", 0)
    files = runs.result_files(CLERK, store, written.id)
    content = artifacts.read(CLERK, store, files["auszug_nachbar_geschwaerzt.zip"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".pdf")]
    assert name.startswith("001_") and name.endswith("_nachbar.pdf")
    with read_scope(store.engine) as session:
        told = session.scalars(select(AuditRow.reason_code)).all()
    assert "schwaerzung:nachbar" in told
    assert "Geschwärzte Dokumente" in "".join(
        str(one.label) for one in opened(run_id).get("download_button")
    )
    whole = AppTest.from_file(str(REPOSITORY / "apps/archivair/page.py"), default_timeout=120)
    whole.query_params["ergebnis"], whole.query_params["ansicht"] = run_id, "schwaerzen"
    whole.run()
    assert "Vorgangsnummer" not in said(whole)
    assert "Geschwärzte Dokumente" in "".join(
        str(one.label) for one in whole.get("download_button")
    )
    reading = runs.get(CLERK, store, run_id)
    ctx = AppContext(find_app("archivair"), get_translator("de", "archivair"), get_settings())
    assert [one.id for one in what_goes(ctx, reading).exports] == [written.id]


def test_a_failed_proof_is_shown_plainly_and_gives_no_file(store, run_id, monkeypatch):
    from apps.archivair.archive_files.page_content import PageWord

    rest = [PageWord("Müller", (600, 900, 700, 920))]
    monkeypatch.setattr(job, "reread_with", lambda engines: lambda pixels, dpi: rest)
    page = opened(run_id)
    page.checkbox(key="archivair_redaction_looked_nachbar_1").check().run()
    page.button(key="archivair_redaction_release").click().run()
    work_off(store)
    (written,) = runs.recent(CLERK, store, app="archivair", job="redact")
    assert runs.result_files(CLERK, store, written.id) == {}
    page = opened(run_id)
    assert "Es gibt dafür keine Datei" in said(page)
    assert not page.get("download_button")


def test_who_only_reads_sees_the_list_and_releases_nothing(store, run_id, monkeypatch):
    sit_down(VIEWER, monkeypatch.setattr)
    page = opened(run_id)
    assert "Freigeben darf die Sachbearbeitung." in said(page)
    assert all(one.disabled for one in ticks(page))
    assert not [one for one in page.button if one.key == "archivair_redaction_release"]


def test_who_looked_for_one_reader_has_not_looked_for_another(store, run_id):
    page = opened(run_id)
    page.checkbox(key="archivair_redaction_looked_nachbar_1").check().run()
    assert not page.button(key="archivair_redaction_release").disabled
    page.selectbox(key="archivair_redaction_profile").set_value("forschung").run()
    assert page.button(key="archivair_redaction_release").disabled
