"""Documents and scan check on the page: cut, join, name, turn, take back; who may only look."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from apps.archivair import jobs
from apps.archivair.batch.stream import encode_stream
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.views import scan_check
from shared.contracts.finding import Finding
from shared.contracts.identity.principal import DEMO_TENANT
from shared.store import decisions
from tests.apps.archivair.test_page import (
    ADMIN,
    PAGE,
    context,
    line,
    order,
    pdf,
    read,
    reader as reader,
    reading_of,
    reads_two_lines,
    run_of,
    store as store,
    texts,
    waits_from_page_three,
)
from tests.jobs.in_process import work_off
from tests.shared.people_of_tests import VIEWER, person, sit_down

pytestmark = pytest.mark.timeout(240)
STARTS = {1: "bauantrag", 3: "genehmigung"}
NAME = "archivair_documents"


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Every third page begins a document, whatever the model of today says."""

    def encode(stream):
        pages, name = [], ""
        for page in stream.pages:
            name = STARTS.get(page.page, name)
            chances = tuple(float(one == name) for one in class_ids())
            begins = float(page.page in STARTS)
            pages.append(replace(page, boundary_chance=begins, class_chances=chances))
        return encode_stream(replace(stream, pages=tuple(pages), candidates=()))

    monkeypatch.setattr(jobs, "encode_stream", encode)


def with_files(*files, **query):
    """The page with files (name, content) chosen as one batch."""
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.session_state["archivair_source"] = "file"
    for name, value in query.items():
        page.query_params[name] = value
    chosen = [(name, content, "application/pdf") for name, content in files]
    return page.run().file_uploader[0].set_value(chosen).run()


def go_to(page, number):
    return press(page, f"page_{number}")


def press(page, name):
    page = page.button(key=f"{NAME}_{name}").click().run()
    assert not page.exception
    return page


def documents(page):
    """Class and pages of each row of the table."""
    (table,) = [one.value for one in page.table if "Art" in one.value]
    kinds = [name.replace("\\", "") for name in table["Art"]]
    return list(zip(kinds, table["Seiten"], strict=True))


def said(store):
    """What is decided, by item."""
    run = run_of(store)
    return {key: one.value for key, one in decisions.current(ADMIN, store, run.id).items()}


def again(store, **query):
    """The same run in another tab."""
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_of(store).id
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


APPLICATION, PERMIT = "Bauantrag (Formular, Gesuch)", "Baugenehmigung, Bauschein, Nachtrag"


def test_cuts_are_set_moved_and_taken_back_and_survive_a_reload(reader, store):
    page = read(with_files(("akte.pdf", pdf(5))), store)
    assert not page.exception
    assert "5 Seiten, 2 Dokumente, " in texts(page)
    assert "**Felder von Dokument 1:** keine gefunden" in texts(page)
    assert documents(page) == [(APPLICATION, "Seiten 1 bis 2"), (PERMIT, "Seiten 3 bis 5")]
    go_to(page, 3)
    press(page, "later")
    assert said(store) == {"schnitt:3": "nein", "schnitt:4": "ja"}
    assert [pages for _, pages in documents(page)] == ["Seiten 1 bis 3", "Seiten 4 bis 5"]
    press(page, "undo")
    assert said(store) == {}
    press(page, "join")
    assert [pages for _, pages in documents(page)] == ["Seiten 1 bis 5"]
    press(page, "cut")
    go_to(page, 2)
    press(page, "cut")
    wanted = ["Seite 1", "Seite 2", "Seiten 3 bis 5"]
    assert [pages for _, pages in documents(page)] == wanted
    assert [pages for _, pages in documents(again(store))] == wanted


def test_a_class_a_turn_and_another_file_are_decisions(reader, store):
    page = read(with_files(("akte.pdf", pdf(3))), store)
    go_to(page, 3)
    page.selectbox(key=f"{NAME}_class_3").set_value("foto").run()
    press(page, "turn")
    press(page, "elsewhere")
    assert said(store) == {"klasse:3": "foto", "drehung:3": "90", "andere_akte:3": "ja"}
    assert documents(page)[1] == ("Foto", "Seite 3")
    labels = {button.key: button.label for button in page.button}
    assert labels[f"{NAME}_undo"] == "Zurücknehmen: Zuordnung der Seite 3"
    assert labels[f"{NAME}_elsewhere"] == "Gehört doch zu dieser Akte"
    press(page, "undo")
    press(page, "undo")
    press(page, "undo")
    assert said(store) == {}
    assert documents(page)[1] == (PERMIT, "Seite 3")
    assert page.button(key=f"{NAME}_undo").disabled


def test_what_somebody_else_decided_meanwhile_is_not_overwritten(reader, store):
    page = read(with_files(("akte.pdf", pdf(3))), store)
    go_to(page, 3)
    other = go_to(again(store), 3)
    press(other, "join")
    press(page, "later" if not page.button(key=f"{NAME}_later").disabled else "join")
    assert said(store) == {"schnitt:3": "nein"}
    assert "Vorgangsnummer" in texts(page)


def test_a_viewer_looks_and_a_stranger_sees_nothing(reader, store, monkeypatch):
    read(with_files(("akte.pdf", pdf(3))), store)
    sit_down(VIEWER, monkeypatch.setattr)
    page = again(store)
    assert documents(page)[0] == (APPLICATION, "Seiten 1 bis 2")
    keys = {button.key for button in page.button}
    assert f"{NAME}_page_3" in keys
    assert not {f"{NAME}_{name}" for name in ("cut", "join", "turn", "elsewhere", "undo")} & keys
    assert "entscheidet die Sachbearbeitung" in texts(page)
    sit_down(person("admin", DEMO_TENANT), monkeypatch.setattr)
    page = again(store)
    assert not page.exception
    assert not page.table
    assert "akte.pdf" not in texts(page)


def test_a_long_batch_is_shown_in_parts(reader, store):
    page = read(with_files(("lang.pdf", pdf(26))), store)
    numbers = {key for key in (one.key or "" for one in page.button) if f"{NAME}_page_" in key}
    assert len(numbers) == 24
    page.selectbox(key=f"{NAME}_table_selected").set_value(1).run()
    assert "Seite 3 von 26" in texts(page)
    go_to(page, 24)
    press(page, "forward")
    numbers = {key for key in (one.key or "" for one in page.button) if f"{NAME}_page_" in key}
    assert numbers == {f"{NAME}_page_25", f"{NAME}_page_26"}
    assert "Seite 25 von 26" in texts(page)


def test_documents_are_named_while_pages_are_still_read(reader, store):
    reader.read = waits_from_page_three
    page = order(with_files(("akte.pdf", pdf(4))))
    work_off(store, until=lambda: run_of(store).state == "waiting")
    page.run()
    assert not page.exception
    assert "2 Seiten, " in texts(page)
    assert "Gezeigt wird, was bis jetzt gelesen ist" in texts(page)
    assert documents(page)


def test_several_files_are_one_batch_and_a_bad_one_is_left_out(reader, store):
    page = with_files(("a.pdf", pdf(2)), ("b.pdf", pdf(1, 200)), ("kaputt.pdf", b"%PDF-1.7\nx"))
    shown = texts(page)
    assert "kaputt" in shown
    assert "beschädigt oder unvollständig" in shown
    page = read(page, store)
    assert not page.exception
    assert [file.name for file in run_of(store).inputs] == ["a.pdf", "b.pdf"]
    assert "3 Seiten, 2 Dokumente" in texts(page)
    page.query_params["ansicht"] = "scan"
    page.run()
    (table,) = [one.value for one in page.table if "Datei" in one.value]
    assert list(table["Datei"]) == ["a\\.pdf", "a\\.pdf", "b\\.pdf"]


def test_two_files_of_one_name_are_refused(reader):
    page = with_files(("a.pdf", pdf(2)), ("a.pdf", pdf(1, 200)))
    assert "Zwei Dateien heißen „a“" in texts(page)
    assert not [button for button in page.button if button.key == "archivair_start"]


def sees_faults(page):
    codes = {1: (), 2: ("unscharf", "zu_hell"), 3: ("kopfstehend",)}[page.index]
    findings = tuple(Finding("hint", code, "Etwas ist aufgefallen.") for code in codes)
    return reading_of(page, line(("Wort", 0.99)), findings=findings)


def test_the_scan_check_names_faults_and_lists_what_to_scan_again(reader, store):
    reader.read = sees_faults
    read(with_files(("akte.pdf", pdf(3))), store)
    page = again(store, ansicht="scan")
    assert not page.exception
    assert "3 Seiten geprüft. 1 Seite sollte neu gescannt werden." in texts(page)
    (table,) = [one.value for one in page.table if "Scan-Prüfung" in one.value]
    assert list(table["Scan-Prüfung"]) == [
        "in Ordnung",
        "unscharf, zu hell",
        "steht auf dem Kopf",
    ]
    assert "Seite 2 :orange-badge[unscharf] :orange-badge[zu hell]" in texts(page)
    page.toggle(key="archivair_scan_only").set_value(True).run()
    (table,) = [one.value for one in page.table if "Scan-Prüfung" in one.value]
    assert list(table["Seite"]) == ["2"]
    run = run_of(store)
    listed = scan_check._csv(context(), run.id).decode("utf-8-sig").splitlines()
    assert listed[0] == "Seite;Datei;Seite in der Datei;Grund;Was tun?"
    assert listed[1].startswith("2;akte.pdf;2;unscharf, zu hell;Reinigen Sie das Glas")
    assert len(listed) == 2
    assert scan_check._pdf(context(), run.id).startswith(b"%PDF-")


def test_a_batch_without_faults_says_so(reader, store):
    reader.read = reads_two_lines
    read(with_files(("akte.pdf", pdf(2))), store)
    page = again(store, ansicht="scan")
    assert "Keine Seite muss neu gescannt werden." in "\n".join(one.value for one in page.success)


def test_beside_a_refused_file_the_usable_one_is_named(reader, store):
    page = with_files(("gut.pdf", pdf(2)), ("leer.pdf", b"%PDF-1.4 nothing"))
    assert "„gut.pdf“: Seiten 2." in texts(page)
    assert "Die Datei hat 2 Seiten" not in texts(page)
