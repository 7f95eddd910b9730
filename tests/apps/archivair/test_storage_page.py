"""The storage on its page: export job, lists, sample, publishing, deletion."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from apps.archivair.address_register import AddressRegister, Place, address_key
from apps.archivair.batch.edits import field_key, field_reason
from apps.archivair.data_files import UNCHECKED, retention, xbau_map
from apps.archivair.documents.patterns import FIELD_NAMES
from apps.archivair.publishing import FACTS_SCHEMA
from apps.archivair.review import sample_key
from apps.archivair.views import review_desk, storage_export, storage_fields, storage_publish
from apps.archivair.views.storage_delete import delete_batch, what_goes
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import NotAllowed, NotFound
from shared.i18n import get_translator
from shared.registry.discover import find_app
from shared.settings import REPOSITORY, get_settings
from shared.store import dataspace, decisions, runs
from shared.store.layers import Layer, Publication
from shared.store.store import Store
from shared.ui import AppContext
from tests.apps.archivair.run_doubles import NOW
from tests.jobs.in_process import work_off
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person, sit_down

PAGE = str(REPOSITORY / "tests" / "apps" / "archivair" / "review_page.py")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_desk, "LEAST_LOOK_S", 0.0)


@pytest.fixture
def offered(monkeypatch) -> dict[str, object]:
    """Downloads of the page by their label."""
    found: dict[str, object] = {}

    def note(ctx, files, **_more) -> None:
        found.update({one.label: one for one in files})

    for module in (storage_export, storage_fields):
        monkeypatch.setattr(module, "export_bar", note)
    return found


def opened(run_id: str, **query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in {"ergebnis": run_id, "teil": "ablage", **query}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def keys(page: AppTest) -> set[str]:
    return {str(one.key) for one in page.button}


def texts(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "success")
    return "\n".join(str(one.value) for kind in kinds for one in page.get(kind)).replace("\\", "")


def tables(page: AppTest) -> str:
    return "".join(one.value.to_csv() for one in page.table).replace("\\", "")


def context() -> AppContext:
    manifest = find_app("archivair")
    return AppContext(manifest, get_translator("de", "archivair"), get_settings())


def publish_as_asked(run_id: str, store: Store, monkeypatch, choice: str = "tabelle") -> Layer:
    """Prepare the publication on the page and publish it as the dialog of the house does."""
    asked: list[Publication] = []
    monkeypatch.setattr(
        storage_publish, "publish_button", lambda ctx, run, what: asked.append(what)
    )
    page = opened(run_id)
    if choice != "tabelle":
        page.radio(key="archivair_publish_facts").set_value(choice).run()
    assert not asked
    press(page, f"archivair_publish_facts_make_{choice}")
    page.run()
    assert asked[0] == asked[-1]
    return dataspace.publish(CLERK, store, run_id, asked[-1], now=NOW)


def correct(store: Store, run_id: str, name: str, old: str, new: str) -> None:
    reason = field_reason(old, new)
    key = field_key(1, name)
    decisions.decide(CLERK, store, run_id, key, "korrigiert", reason, now=NOW, seen=None)


def test_the_export_is_made_once_and_anew_after_a_decision(run_id, store, offered):
    page = press(opened(run_id), "archivair_storage_start")
    work_off(store)
    page.run()
    assert not page.exception
    assert "archivair_storage_start" not in keys(page)
    with zipfile.ZipFile(io.BytesIO(offered["Ablage (ZIP)"].content())) as archive:
        names = archive.namelist()
    assert {"manifest.json", "fields.csv", "transfervermerk.pdf", "batch.json"} <= set(names)
    assert any(name.startswith("documents/001_") and name.endswith(".pdf") for name in names)
    correct(store, run_id, "bauherr", "Karl Müller", "Karla Möller")
    page.run()
    assert "hat sich etwas geändert" in texts(page)
    (export,) = runs.recent(CLERK, store, app="archivair", job="export", everybody=True)
    assert f"{export.created_at.astimezone(LOCAL_ZONE):%H:%M} Uhr" in texts(page)
    assert "archivair_storage_start" in keys(page)


def test_the_lists_hold_what_was_decided(run_id, store, offered):
    correct(store, run_id, "bauherr", "Karl Müller", "Karla Möller")
    opened(run_id)
    content = offered["Felder (CSV)"].content()
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows = content.decode("utf-8-sig").splitlines()
    assert head.split(";")[6:8] == ["feld", "wert"]
    assert any(";bauherr;Karla Möller;Karl Müller;" in row for row in rows)
    with zipfile.ZipFile(io.BytesIO(offered["Felder (Excel)"].content())) as book:
        cells = "".join(
            book.read(name).decode() for name in book.namelist() if name.endswith(".xml")
        )
    for text in ("Karla Möller", "beteiligte/bauherr/name", "Element in XBau, ungeprüft"):
        assert text in cells


def test_unchecked_data_says_so(run_id):
    page = opened(run_id)
    assert (xbau_map().status, retention().status) == (UNCHECKED, UNCHECKED)
    assert tuple(xbau_map().elements) == FIELD_NAMES
    shown = texts(page)
    assert "Die Zuordnung zu XBau ist ungeprüft" in shown
    assert "Diese Hinweise sind ungeprüft" in shown
    assert "ArchivG NRW § 10" in tables(page)
    english = opened(run_id, sprache="en")
    assert "must be offered to the archive" in tables(english)


def test_the_sample_is_decided_kept_and_taken_back(run_id, store, monkeypatch):
    page = opened(run_id)
    assert "Stichprobe: 0 von 1 Seiten verglichen, 0 mit Mangel." in texts(page)
    assert "Sie haben diesen Stapel selbst gelesen." in texts(page)
    press(page, "archivair_sample_mangel")
    (said,) = decisions.current(CLERK, store, run_id).values()
    assert (said.value, json.loads(said.reason)) == ("mangel", {"zweite_person": False})
    assert said.item_key in (sample_key(1), sample_key(2))
    press(page, "archivair_sample_back")
    second = person("sachbearbeitung", subject="test-zweite")
    sit_down(second, monkeypatch.setattr)
    page = opened(run_id)
    assert "selbst gelesen" not in texts(page)
    press(page, "archivair_sample_in_ordnung")
    (said,) = decisions.current(CLERK, store, run_id).values()
    assert (said.value, json.loads(said.reason)) == ("in_ordnung", {"zweite_person": True})
    assert "Stichprobe: 1 von 1 Seiten verglichen, 0 mit Mangel." in texts(opened(run_id))


def test_the_storage_answers_the_four_questions_with_the_batch(run_id):
    shown = texts(opened(run_id))
    assert "2 Dokumente" in shown
    assert "nicht von einer amtlichen Stelle" in shown
    assert "Heben Sie das Papier auf." in shown


def test_a_person_publishes_facts_without_any_name(run_id, store, monkeypatch):
    layer = publish_as_asked(run_id, store, monkeypatch)
    assert layer.name == "archivair/building_file_facts/akte"
    assert (layer.version, layer.run_id, layer.kind) == (1, run_id, "table")
    assert layer.provenance
    table = dataspace.read_table(CLERK, store, layer.name)
    assert list(table["strasse"]) == ["Lindenstraße"]
    assert table["datum_antrag"][0] == "1957-05-03"
    assert not {"karl", "müller"} & set(table.to_csv().casefold().replace(",", " ").split())


def test_points_are_offered_where_the_register_knows_the_address(run_id, store, monkeypatch):
    assert not opened(run_id).radio
    place = Place("Lindenstraße", "12", 356_000.0, 5_645_000.0, 612.0)
    register = AddressRegister({address_key("Lindenstraße", "12"): place}, source="stadt/addresses")
    monkeypatch.setattr(storage_publish, "load_register", lambda *_, **__: register)
    layer = publish_as_asked(run_id, store, monkeypatch, "karte")
    assert (layer.name, layer.crs) == ("archivair/building_files/akte", "EPSG:25832")
    frame = dataspace.read_layer(CLERK, store, layer.name)
    assert list(frame["anschrift"]) == ["Lindenstraße 12"]
    assert (frame["erstes_jahr"][0], frame["letztes_jahr"][0]) == (1957, 1957)


@pytest.mark.parametrize(("acting", "is_refused"), [(VIEWER, False), (person("gast"), True)])
def test_who_may_only_look_cannot_publish_export_or_delete(run_id, monkeypatch, acting, is_refused):
    sit_down(acting, monkeypatch.setattr)
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"], page.query_params["teil"] = run_id, "ablage"
    page.run()
    assert not page.exception
    assert bool(page.error) is is_refused
    assert not {
        key for key in keys(page) if key.startswith(("archivair_publish", "archivair_batch"))
    }
    assert "archivair_storage_start" not in keys(page)


def test_another_municipality_sees_nothing_of_it(run_id, store, monkeypatch):
    stranger = person("admin", tenant="nachbarstadt")
    layer = publish_as_asked(run_id, store, monkeypatch)
    with pytest.raises(NotFound):
        dataspace.find_layer(stranger, store, layer.name, owner=layer.owner)
    with pytest.raises(NotAllowed):
        publication = Publication(
            layer.name, "x", layer.file, FACTS_SCHEMA, layer.licence, layer.credit_line
        )
        dataspace.publish(VIEWER, store, run_id, publication, now=NOW)
    with pytest.raises((NotFound, NotAllowed)):
        runs.get(stranger, store, run_id)
    sit_down(stranger, monkeypatch.setattr)
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"], page.query_params["teil"] = run_id, "ablage"
    page.run()
    assert not {key for key in keys(page) if key.startswith("archivair_")}


def test_deletion_says_what_goes_and_leaves_nothing(run_id, store):
    page = press(opened(run_id), "archivair_storage_start")
    work_off(store)
    press(page.run(), "archivair_sample_mangel")
    press(opened(run_id), "archivair_batch_delete")
    page = press(opened(run_id), "archivair_batch_delete")
    told = dict(page.table[-1].value.to_numpy()[:, 1:].tolist())
    assert told["Gelieferte Dateien"] == told["Exporte und Freigaben"] == "1"
    assert (told["Gelesene Seiten"], told["Entscheidungen"]) == ("2", "1")
    assert page.button(key="archivair_batch_delete_yes").label == "Ja, löschen"
    run = runs.get(CLERK, store, run_id)
    delete_batch(context(), run, what_goes(context(), run))  # the click: in a browser
    assert runs.recent(ADMIN, store, everybody=True) == []
    assert list(store.files.keys()) == []
