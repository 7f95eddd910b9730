"""Pages in another order: the files of the archive, the extract, the page of the clerk."""

import io
import json
import zipfile
from datetime import timedelta
from itertools import pairwise

import pdfplumber
import pikepdf
import pytest
from streamlit.testing.v1 import AppTest

from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.batch.contents import decode_batch
from apps.archivair.batch.edits import OTHER_DOCUMENT, edits_of
from apps.archivair.batch.making import make_batch
from apps.archivair.batch.stream import STREAM_NAME, decode_stream
from apps.archivair.ordering import export_order
from apps.archivair.redaction.choices import make_plan
from apps.archivair.redaction.job import choice_of
from apps.archivair.redaction.profiles import load_profile
from shared.errors import NotAllowed, NotFound
from shared.settings import REPOSITORY
from shared.store import artifacts, decisions, runs
from tests.apps.archivair.run_doubles import APPLICATION, NOW, PERMIT, finished_run
from tests.jobs.in_process import work_off
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person, sit_down

PAGE = str(REPOSITORY / "tests" / "apps" / "archivair" / "review_page.py")
NAME, ORDER = "archivair_documents", "archivair_order"
NEIGHBOUR = person("admin", "nachbarstadt", subject="test-neighbour")
LETTER = ("Sehr geehrter Herr Eiche", "die Unterlagen sind vollständig", "Gemarkung: Musterstadt")
ONE_DOCUMENT = {"schnitt:2": "nein", "schnitt:3": "nein"}
TWO_DOCUMENTS = {"schnitt:2": "nein", "schnitt:3": "ja"}
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def run_id(store, monkeypatch) -> str:
    return finished_run(store, monkeypatch, APPLICATION, PERMIT, LETTER)


def say(store, run_id, *more, acting=CLERK, **items):
    """Decide; `platz_2="1.5"` is about `platz:2`, a pair about its first with its second."""
    told = [(key.replace("_", ":", 1), value, "") for key, value in items.items()]
    for key, value, reason in [*told, *more]:
        known = decisions.current(ADMIN, store, run_id).get(key)
        seen = known.id if known else None
        decisions.decide(acting, store, run_id, key, value, reason, now=NOW, seen=seen)


def said(store, run_id):
    return {key: one.value for key, one in decisions.current(CLERK, store, run_id).items()}


def batch_of(store, run_id):
    file = runs.result_files(CLERK, store, run_id)[STREAM_NAME]
    stream = decode_stream(artifacts.read(CLERK, store, file))
    return make_batch(stream, edits_of(decisions.current(CLERK, store, run_id)))


def exported(store, run_id):
    """The files that the export job of the page makes of the decisions as they stand."""
    run = runs.get(CLERK, store, run_id)
    log = decisions.current(CLERK, store, run_id)
    order = export_order(run, runs.result_files(CLERK, store, run_id), log, "sachbearbeitung")
    export = runs.submit(CLERK, store, order, now=NOW + timedelta(minutes=1))
    work_off(store)
    assert runs.get(CLERK, store, export.id).state == "done"
    (file,) = runs.result_files(CLERK, store, export.id).values()
    with zipfile.ZipFile(io.BytesIO(artifacts.read(CLERK, store, file))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_files_of_the_archive_follow_the_order(store, run_id):
    say(store, run_id, ("schnitt:3", "nein", ""), ("schnitt:2", "nein", ""),
        ("platz:3", "0.5", ""), ("schnitt:1", "nein", ""))  # fmt: skip
    files = exported(store, run_id)
    (name,) = (one for one in files if one.endswith(".pdf") and one.startswith("documents/"))
    with pdfplumber.open(io.BytesIO(files[name])) as pdf:
        texts = [page.extract_text() for page in pdf.pages]
    for text, first in zip(texts, (LETTER[0], APPLICATION[0], PERMIT[0]), strict=True):
        assert first in text
    assert not check_pdfa(files[name])
    with pikepdf.open(io.BytesIO(files[name])) as pdf:
        altos = sorted(one for one in pdf.attachments if one.endswith(".alto.xml"))
        read = [pdf.attachments[one].get_file().read_bytes().decode() for one in altos]
    assert altos == ["001_p0001.alto.xml", "001_p0002.alto.xml", "001_p0003.alto.xml"]
    for alto, first in zip(read, (LETTER[0], APPLICATION[0], PERMIT[0]), strict=True):
        assert f'CONTENT="{first.split()[0]}"' in alto
    about = json.loads(files[name.replace(".pdf", ".json")])
    assert (about["first_page"], about["last_page"]) == (3, 2)
    assert [one["page"] for one in about["pages"]] == [3, 1, 2]
    assert [one["page"] for one in json.loads(files["manifest.json"])["pages"]] == [3, 1, 2]
    batch = decode_batch(files["batch.json"])
    assert batch == batch_of(store, run_id), "the command, the job and the page make one batch"
    assert list(batch.documents[0].pages) == [3, 1, 2]
    values = {one.name: one for one in batch.documents[0].fields}
    assert (values["strasse"].value, values["strasse"].page) == ("Lindenstraße", 1)
    left, top, right, bottom = values["strasse"].bbox_px
    place = 100 + 40 * APPLICATION.index("Baugrundstück: Lindenstraße 12")
    assert left < right
    assert abs(top - place) < 5
    assert top < bottom < place + 40


def test_an_extract_follows_the_order(store, run_id):
    say(store, run_id, schnitt_2="nein", schnitt_3="nein", platz_3="0.5", schnitt_1="nein")
    batch = batch_of(store, run_id)
    profile = load_profile("forschung")
    plan = make_plan(profile, batch, batch.documents, [], (), NOW, "sachbearbeitung")
    assert [one.page for one in plan.documents[0].pages] == [3, 1, 2]
    assert set(choice_of(plan.documents[0], ()).classes) == {1, 2, 3}


def opened(run_id) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_id
    page.query_params["teil"] = "dokumente"
    page.run()
    assert not page.exception
    return page


def press(page, key):
    page = page.button(key=key).click().run()
    assert not page.exception
    return page


def rows(page):
    (table,) = [one.value for one in page.table if "Art" in one.value]
    return list(table["Seiten"])


def test_a_clerk_orders_pages_and_the_order_survives_a_reload(store, run_id):
    say(store, run_id, **{key.replace(":", "_"): one for key, one in ONE_DOCUMENT.items()})
    page = opened(run_id)
    assert rows(page) == ["Seiten 1 bis 3"]
    assert page.button(key=f"{ORDER}_front_1").disabled
    assert page.button(key=f"{ORDER}_scanned").disabled
    press(page, f"{ORDER}_back_1")
    press(page, f"{ORDER}_back_1")
    assert rows(page) == ["Seiten 2 bis 3, 1"]
    assert rows(opened(run_id)) == ["Seiten 2 bis 3, 1"]
    labels = {one.key: one.label for one in page.button}
    assert labels[f"{NAME}_undo"] == "Zurücknehmen: Reihenfolge von 2 Seiten"
    press(page, f"{NAME}_undo")
    assert rows(page) == ["Seiten 2, 1, 3"]
    press(page, f"{ORDER}_scanned")
    assert rows(page) == ["Seiten 1 bis 3"]
    press(page, f"{NAME}_undo")
    press(page, f"{NAME}_undo")
    assert said(store, run_id) == ONE_DOCUMENT
    made = [one for one in decisions.history(CLERK, store, run_id) if "platz" in one.item_key]
    assert {one.role for one in made} == {"sachbearbeitung"}
    assert sum(one.taken_back for one in made) > 3, "the log keeps what was taken back"
    assert all(before.id < after.id for before, after in pairwise(made))


def test_the_page_that_is_looked_at_moves_by_key_and_is_still_looked_at(store, run_id):
    say(store, run_id, **{key.replace(":", "_"): one for key, one in ONE_DOCUMENT.items()})
    page = opened(run_id)
    press(page, f"{ORDER}_back")
    assert page.subheader[0].value == "Seite 1 von 3"
    assert page.button(key=f"{NAME}_page_1").label.startswith("▸")
    press(page, f"{NAME}_back")
    assert page.subheader[0].value == "Seite 2 von 3"


def test_a_page_goes_into_another_document_and_a_document_can_be_split_there(store, run_id):
    say(store, run_id, **{key.replace(":", "_"): one for key, one in TWO_DOCUMENTS.items()})
    page = opened(run_id)
    assert rows(page) == ["Seiten 1 bis 2", "Seite 3"]
    assert page.button(key=f"{ORDER}_move").disabled
    page.selectbox(key=f"{ORDER}_document_1").set_value(2).run()
    press(page, f"{ORDER}_move")
    assert rows(page) == ["Seite 2", "Seiten 3, 1"]
    log = decisions.current(CLERK, store, run_id)
    assert log["platz:1"].reason == OTHER_DOCUMENT
    labels = {one.key: one.label for one in page.button}
    assert labels[f"{NAME}_undo"] == "Zurücknehmen: Platz der Seite 1"
    press(page, f"{NAME}_cut")
    assert rows(page) == ["Seite 2", "Seite 3", "Seite 1"]
    press(page, f"{NAME}_undo")
    press(page, f"{NAME}_undo")
    assert said(store, run_id) == TWO_DOCUMENTS


def test_of_two_people_the_slower_one_is_told_and_both_see_one_order(store, run_id):
    say(store, run_id, **{key.replace(":", "_"): one for key, one in ONE_DOCUMENT.items()})
    slow, fast = opened(run_id), opened(run_id)
    press(fast, f"{ORDER}_back_1")
    before = said(store, run_id)
    press(slow, f"{ORDER}_front_2")
    assert said(store, run_id) == before, "nothing of the action is stored, not even a part"
    errors = "\n".join(one.value for one in [*slow.error, *slow.markdown])
    assert "Vorgangsnummer" in errors
    assert rows(slow) == rows(opened(run_id)) == ["Seiten 2, 1, 3"]


def test_nobody_else_orders_the_pages_of_a_town(store, run_id, monkeypatch):
    for stranger, error in ((NEIGHBOUR, NotFound), (VIEWER, NotAllowed)):
        with pytest.raises(error):
            say(store, run_id, acting=stranger, platz_2="0.5")
    assert said(store, run_id) == {}
    sit_down(VIEWER, monkeypatch.setattr)
    keys = {one.key or "" for one in opened(run_id).button}
    assert not [one for one in keys if one.startswith(ORDER)]
