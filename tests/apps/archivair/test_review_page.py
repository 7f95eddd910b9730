"""The review on its page: one field after the other, by keys, kept, taken back, in a table."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from apps.archivair.batch.edits import edits_of, field_key
from apps.archivair.documents.field_confidence import review_threshold
from apps.archivair.views import review_desk
from apps.archivair.views.loading import batch_anew
from shared.i18n import get_translator
from shared.registry.discover import find_app
from shared.settings import REPOSITORY, get_settings
from shared.store import decisions, runs
from shared.store.store import process_store
from shared.ui import AppContext
from tests.shared.people_of_tests import CLERK, GUEST, VIEWER, sit_down
from tests.shared.process_state import begin_process

PAGE = str(REPOSITORY / "tests" / "apps" / "archivair" / "review_page.py")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_desk, "LEAST_LOOK_S", 0.0)


def opened(run_id: str, percent: int | None = 100, **query: str) -> AppTest:
    """Open the review; with 100 % as threshold every field is asked."""
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in {"ergebnis": run_id, **query}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page if percent is None else with_threshold(page, run_id, percent)


def with_threshold(page: AppTest, run_id: str, percent: int) -> AppTest:
    page.slider(key=f"archivair_review_threshold_{run_id}").set_value(float(percent)).run()
    assert not page.exception
    return skip_documents(page)


def skip_documents(page: AppTest) -> AppTest:
    """Put questions about cuts and classes off, so that a field is asked next."""
    while not page.text_input:
        press(page, "say_spaeter")
    return page


def press(page: AppTest, name: str) -> None:
    page.button(key=f"archivair_review_{name}").click().run()
    assert not page.exception


def texts(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "success")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    return "\n".join([*shown, *(str(error.value) for error in page.error)]).replace("\\", "")


def left(page: AppTest) -> tuple[int, int]:
    (line,) = [one for one in texts(page).splitlines() if one.startswith("**Offen: ")]
    words = line.strip("*").split()
    return int(words[1]), int(words[3].rstrip(","))


def asked(page: AppTest) -> str:
    """Return the item that is asked."""
    return page.text_input[0].key.removeprefix("archivair_review_value_")


def go_to(page: AppTest, run_id: str, name: str) -> str:
    """Select the first field of a name in the table; return its item."""
    if not page.toggle(key="archivair_review_list").value:
        page.toggle(key="archivair_review_list").set_value(True).run()
    batch = batch_of(run_id, fields_decided=False)
    items = [(document, one) for document in batch.documents for one in document.fields]
    row = next(place for place, (_, one) in enumerate(items) if one.name == name)
    chooser = "archivair_review_rows_selected"
    page.selectbox(key=chooser).set_value(None).run()  # the same row again would be no choice
    page.selectbox(key=chooser).set_value(row).run()
    assert not page.exception
    return field_key(items[row][0].first_page, name)


def batch_of(run_id: str, *, fields_decided: bool = True):
    manifest = find_app("archivair")
    ctx = AppContext(manifest, get_translator("de", "archivair"), get_settings())
    if fields_decided:
        return batch_anew(ctx, run_id)[1]
    from apps.archivair.views.review_found import load_found

    run = runs.get(CLERK, process_store(), run_id)
    return load_found(ctx, run, decisions.current(CLERK, process_store(), run_id))


def value_of(run_id: str, name: str):
    return next(
        (one for document in batch_of(run_id).documents for one in document.fields
         if one.name == name), None,
    )  # fmt: skip


def test_enter_confirms_and_the_next_field_comes(run_id, store):
    page = opened(run_id)
    open_before, total = left(page)
    assert open_before == total > 5
    assert len(page.image) == 1
    first = asked(page)
    press(page, "say_stimmt")
    assert left(page) == (total - 1, total)
    assert " sind offen" not in texts(page)
    assert asked(page) != first
    (said,) = [one for one in decisions.history(CLERK, store, run_id) if one.item_key == first]
    value = json.loads(said.reason)
    assert (said.value, said.role) == ("stimmt", "sachbearbeitung")
    assert value["alt"] == value["neu"] != ""


def test_a_typed_value_corrects_and_keeps_its_place(run_id, store):
    page = opened(run_id)
    item = go_to(page, run_id, "bauherr")
    before = value_of(run_id, "bauherr")
    assert page.text_input[0].value == before.value == "Karl Müller"
    page.text_input[0].set_value("Karla  Möller")
    press(page, "say_stimmt")
    after = value_of(run_id, "bauherr")
    assert (after.value, after.rule, after.confidence) == ("Karla Möller", "person", 1.0)
    assert (after.page, after.bbox_px, after.raw) == (before.page, before.bbox_px, before.raw)
    (said,) = [one for one in decisions.history(CLERK, store, run_id) if one.item_key == item]
    assert (said.value, json.loads(said.reason)) == (
        "korrigiert", {"alt": "Karl Müller", "neu": "Karla Möller"},
    )  # fmt: skip


def test_a_value_against_its_grammar_is_refused_in_words_and_stays_typed(run_id, store):
    page = opened(run_id)
    item = go_to(page, run_id, "datum_antrag")
    assert page.text_input[0].value == "03.05.1957"
    page.text_input[0].set_value("31.02.1957")
    press(page, "say_stimmt")
    assert "Bitte ein Datum eingeben, zum Beispiel 03.05.1957" in texts(page)
    assert (asked(page), page.text_input[0].value) == (item, "31.02.1957")
    assert item not in decisions.current(CLERK, store, run_id)
    page.text_input[0].set_value("4. Mai 57")
    press(page, "say_stimmt")
    assert "Bitte ein Datum" not in texts(page)
    assert value_of(run_id, "datum_antrag").value == "1957-05-04"


def test_illegible_fields_leave_the_result_but_stay_in_the_table(run_id):
    page = opened(run_id)
    go_to(page, run_id, "flur")
    press(page, "say_unleserlich")
    assert value_of(run_id, "flur") is None
    rows = page.table[0].value
    assert "unleserlich" in list(rows["Stand"])
    go_to(page, run_id, "flur")
    assert page.text_input[0].value == "7"
    press(page, "say_stimmt")
    assert value_of(run_id, "flur").value == "7"


def test_what_is_put_off_comes_last_and_counts_as_open(run_id):
    page = opened(run_id)
    _, total = left(page)
    first = asked(page)
    press(page, "say_spaeter")
    assert left(page) == (total, total)
    assert asked(page) != first
    for _ in range(total - 1):
        press(page, "say_stimmt")
        skip_documents(page)
    assert asked(page) == first
    assert left(page) == (1, total)


def test_decisions_outlive_a_reload_and_a_restart_and_can_be_taken_back(run_id, store):
    page = opened(run_id)
    item = go_to(page, run_id, "gemarkung")
    page.text_input[0].set_value("Neustadt")
    press(page, "say_stimmt")
    begin_process()
    again = opened(run_id)
    assert value_of(run_id, "gemarkung").value == "Neustadt"
    assert again.button(key="archivair_review_back").label == "Zurücknehmen: Gemarkung"
    press(again, "back")
    assert (asked(again), again.text_input[0].value) == (item, "Musterstadt")
    assert value_of(run_id, "gemarkung").value == "Musterstadt"
    said = [one.value for one in decisions.history(CLERK, process_store(), run_id, item)]
    assert said == ["korrigiert", "zurueckgenommen"]


def test_a_tab_takes_its_own_answers_back_one_after_the_other(run_id):
    page = opened(run_id)
    asked_items = []
    for _ in range(2):
        asked_items.append(asked(page))
        press(page, "say_stimmt")
    for item in reversed(asked_items):
        press(page, "back")
        assert asked(page) == item


def test_a_second_tab_that_decides_later_is_told(run_id, store):
    first, second = opened(run_id), opened(run_id)
    item = asked(first)
    press(first, "say_stimmt")
    press(second, "say_unleserlich")
    assert "inzwischen geändert" in str([one.proto for one in second.error])
    assert asked(second) == item
    assert decisions.current(CLERK, store, run_id)[item].value == "stimmt"


def test_a_key_that_is_held_down_decides_about_nothing_unseen(run_id, store, monkeypatch):
    page = opened(run_id)
    monkeypatch.setattr(review_desk, "LEAST_LOOK_S", 3600.0)
    before = decisions.history(CLERK, store, run_id)
    press(page, "say_stimmt")
    assert decisions.history(CLERK, store, run_id) == before


def test_the_keys_are_those_of_the_specification_and_can_be_switched_off(run_id):
    page = opened(run_id)
    names = ("say_stimmt", "say_unleserlich", "say_spaeter", "back")

    def keys() -> list[str]:
        return [page.button(key=f"archivair_review_{one}").proto.shortcut for one in names]

    assert keys() == ["enter", "u", "escape", "z"]
    page.toggle(key="archivair_review_keys").set_value(False).run()
    assert keys() == ["", "", "", ""]


def test_the_suggested_threshold_is_that_of_the_batch_and_can_be_moved(run_id):
    page = opened(run_id, percent=None)
    found = batch_of(run_id)
    sure = sorted(one.confidence for document in found.documents for one in document.fields)
    suggested = page.slider[0].value / 100
    assert suggested == pytest.approx(review_threshold(sure))
    assert left(page) == (sum(one < suggested for one in sure), len(sure))
    with_threshold_0 = page.slider[0].set_value(0.0).run()
    assert left(with_threshold_0)[0] == 0


def test_questions_about_documents_are_answered_by_cut_and_class(run_id, store, monkeypatch):
    from apps.archivair.batch import making

    monkeypatch.setattr(making, "BOUNDARY_REVIEW_BELOW", 1.01)
    monkeypatch.setattr(making, "UNCLEAR_BELOW", 1.01)
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_id
    page.run()
    assert not page.exception
    assert "Beginnt auf Seite 2 ein neues Dokument?" in texts(page)
    assert len(page.image) == 2
    begins = batch_of(run_id).pages[1].starts_document
    press(page, "say_nein" if begins else "say_ja")
    assert batch_of(run_id).pages[1].starts_document is not begins
    press(page, "back")
    assert batch_of(run_id).pages[1].starts_document is begins
    press(page, "say_ja" if begins else "say_nein")
    assert "Welche Art ist das Dokument" in texts(page)
    page.selectbox[0].set_value("statik")
    press(page, "say_stimmt")
    assert "statik" in edits_of(decisions.current(CLERK, store, run_id)).classes.values()


def test_who_may_not_decide_sees_the_counter_and_the_table(run_id, monkeypatch):
    for acting in (VIEWER,):
        sit_down(acting, monkeypatch.setattr)
        page = opened(run_id, percent=None)
        assert "Über Felder entscheidet die Sachbearbeitung." in texts(page)
        assert not [one for one in page.button if "archivair_review_say" in str(one.key)]
        page.toggle(key="archivair_review_list").set_value(True).run()
        assert "Karl Müller" in str(page.table[0].value)
    sit_down(GUEST, monkeypatch.setattr)
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_id
    page.run()
    assert not page.slider


def test_in_english(run_id):
    page = opened(run_id, sprache="en", percent=None)
    page.slider(key=f"archivair_review_threshold_{run_id}").set_value(100.0).run()
    skip_documents(page)
    assert page.button(key="archivair_review_say_stimmt").label == "Right"
    assert "**Open: " in texts(page)


def test_the_documents_name_their_fields_and_mark_the_doubtful_ones(run_id):
    page = opened(run_id, percent=None, teil="dokumente")
    (said,) = [one for one in texts(page).splitlines() if one.startswith("**Felder von")]
    batch = batch_of(run_id)
    fields = batch.documents[0].fields
    assert said.startswith("**Felder von Dokument 1:** ")
    assert "Aktenzeichen **63/117/57**" in said
    assert "Datum des Antrags **03.05.1957**" in said
    doubtful = sum((one.kind, one.document) == ("field", 1) for one in batch.needs_review)
    assert said.count(":orange-badge[bitte prüfen]") == doubtful
    assert said.count(" · ") == len(fields) - 1
