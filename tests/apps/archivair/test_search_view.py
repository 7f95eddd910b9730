"""The search on its page: hits with their places, filters, all files, nothing of other people."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import delete
from streamlit.testing.v1 import AppTest

from apps.archivair.index import INDEX_NAME
from apps.archivair.search_places import (
    Address,
    AddressBook,
    bounds_around,
    draw_plan,
)
from apps.archivair.views import search_map
from apps.archivair.views.search_map import Town, addresses_of
from shared.settings import REPOSITORY
from shared.store import deletion, runs
from shared.store.engine import session_scope
from shared.store.models import RunFileRow
from tests.apps.archivair.run_doubles import APPLICATION, finished_run
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person, sit_down

PAGE = str(REPOSITORY / "tests" / "apps" / "archivair" / "search_page.py")
pytestmark = pytest.mark.timeout(240)


def opened(run_id: str, **query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in {"ergebnis": run_id, **query}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def searched(page: AppTest, words: str) -> AppTest:
    page.text_input(key="archivair_search_words").set_value(words).run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "subheader")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    boxes = [
        str(element.proto) for kind in ("info", "warning", "error") for element in page.get(kind)
    ]
    return "\n".join([*shown, *boxes]).replace("\\", "")


def test_a_misspelt_street_is_found_marked_and_shown_on_the_scan(run_id):
    page = searched(opened(run_id), "Lindenstrase 12")
    shown = texts(page)
    assert "1 Treffer auf 2 Seiten." in shown
    assert "(Seiten 1 bis 2) · Seite 1" in shown or "(Seite 1) · Seite 1" in shown
    assert "**Lindenstraße** **12**" in shown
    assert "Seite 1 auf dem Scan" in shown
    assert "Übereinstimmung" in shown


def test_a_word_of_the_same_meaning_says_how_it_was_found(run_id):
    shown = texts(searched(opened(run_id), "Bauerlaubnis"))
    assert "Gefunden über: Bauschein." in shown


def test_the_other_hit_is_shown_on_a_click(run_id):
    page = searched(opened(run_id), "Karl Müller")
    assert "2 Treffer" in texts(page)
    assert "Seite 1 auf dem Scan" in texts(page)
    page.button(key="archivair_search_show_2").click().run()
    assert not page.exception
    assert "Seite 2 auf dem Scan" in texts(page)


def test_a_class_narrows_and_alone_lists_documents(run_id):
    page = opened(run_id)
    assert "Geben Sie ein Suchwort ein" in texts(page)
    page.multiselect(key="archivair_search_classes").set_value(["statik"]).run()
    assert "0 Treffer" in texts(page)
    page = searched(page, "Karl Müller")
    assert "0 Treffer" in texts(page)
    page.multiselect(key="archivair_search_classes").set_value([]).run()
    assert "2 Treffer" in texts(page)
    page.number_input(key="archivair_search_first_year").set_value(1999).run()
    assert "0 Treffer" in texts(page)


def test_a_street_alone_lists_the_documents_of_its_files(run_id):
    page = opened(run_id)
    page.text_input(key="archivair_search_street").set_value("Lindenstr").run()
    assert not page.exception
    assert "Treffer auf 2 Seiten" in texts(page)
    assert "0 Treffer" not in texts(page)


def test_what_is_read_is_never_markdown(store, monkeypatch):
    run_id = finished_run(store, monkeypatch, ("Bauschein ![x](http://fremd/x.png) <b>",))
    page = searched(opened(run_id), "Bauschein")
    assert not any("![x](" in str(one.value) for one in page.markdown)
    assert "1 Treffer" in texts(page)


def test_all_files_are_those_of_the_municipality_and_of_the_same_kind(store, monkeypatch):
    other = person("sachbearbeitung", tenant="neustadt")
    finished_run(store, monkeypatch, *[("Garage Sonnenweg",)] * 3, acting=ADMIN, name="alt.pdf")
    finished_run(store, monkeypatch, *[("Garage fremd",)] * 4, acting=other)
    finished_run(store, monkeypatch, *[("Garage erfunden",)] * 5, is_example=True)
    own = finished_run(store, monkeypatch, APPLICATION)
    sit_down(VIEWER, monkeypatch.setattr)
    page = searched(opened(own), "Garage")
    assert "0 Treffer" in texts(page)
    page.toggle(key="archivair_search_everywhere").set_value(True).run()
    assert not page.exception
    shown = texts(page)
    assert "3 Treffer auf 4 Seiten." in shown
    assert "fremd" not in shown
    assert "erfunden" not in shown


def test_a_deleted_batch_is_found_no_more(store, monkeypatch):
    gone = finished_run(store, monkeypatch, *[("Garage Sonnenweg",)] * 3)
    own = finished_run(store, monkeypatch, APPLICATION)
    file = runs.result_files(CLERK, store, gone)[INDEX_NAME]
    assert store.files.exists(CLERK.active_tenant, file.sha256)
    deletion.delete_run(CLERK, store, gone)
    page = searched(opened(own), "Garage")
    page.toggle(key="archivair_search_everywhere").set_value(True).run()
    assert "0 Treffer auf 1 Seiten." in texts(page)
    assert not store.files.exists(CLERK.active_tenant, file.sha256)


def test_a_batch_without_index_says_what_to_do(store, monkeypatch, run_id):
    with session_scope(store.engine) as session:
        session.execute(delete(RunFileRow).where(RunFileRow.name == INDEX_NAME))
    page = searched(opened(run_id), "Bauschein")
    assert "ohne Suche gelesen" in texts(page)
    page.toggle(key="archivair_search_everywhere").set_value(True).run()
    assert "1 Stapel lässt sich nicht durchsuchen" in texts(page)


def test_the_english_page_speaks_english(run_id):
    shown = texts(searched(opened(run_id, sprache="en"), "Bauerlaubnis"))
    assert "1 hit on 2 pages." in shown or "hits on 2 pages." in shown
    assert "Treffer" not in shown


def frame():
    return gpd.GeoDataFrame(
        {
            "street": ["Lindenstraße", "Lindenstraße", "Am Markt"],
            "house_number": [12, 12, 1.0],
            "suffix": ["", "a", None],
            "old_street": ["Hermannstraße", "Hermannstraße", None],
        },
        geometry=[shapely.Point(100, 200), shapely.Point(120, 200), shapely.Point(900, 900)],
        crs="EPSG:25832",
    )


@pytest.mark.parametrize(
    ("street", "number", "place"),
    [
        ("Lindenstraße", "12", (100, 200)),
        ("LINDENSTR.", "012", (100, 200)),
        ("Lindenftraße", "12 A", (120, 200)),
        ("Hermannstr.", "12", (100, 200)),
        ("Am Markt", "1", (900, 900)),
        ("Lindenstraße", "13", None),
        ("Birkenstraße", "12", None),
        ("", "12", None),
        ("Lindenstraße", "", None),
    ],
)
def test_addresses_are_found_by_old_and_misread_names_but_never_by_another_number(
    street, number, place
):
    assert AddressBook(addresses_of(frame())).find(street, number) == place


def test_a_plan_holds_all_places_the_right_way_up():
    bounds = bounds_around([(100.0, 200.0), (900.0, 300.0)])
    plan = draw_plan([shapely.box(100, 200, 140, 220)], bounds)
    left, lower = plan.to_pixels((100.0, 200.0)), plan.to_pixels((900.0, 300.0))
    assert left[0] < lower[0]
    assert left[1] > lower[1]
    for x, y in (left, lower):
        assert 0 < x < plan.width_px
        assert 0 < y < plan.height_px
    assert plan.jpeg.startswith(b"\xff\xd8")
    west, south, east, north = bounds_around([(5.0, 5.0)])
    assert (east - west, north - south) == (400.0, 400.0)


def test_hits_are_pinned_where_the_address_is_known(run_id, monkeypatch):
    book = AddressBook([Address("Lindenstraße", "12", (100.0, 200.0))])
    monkeypatch.setattr(search_map, "_town", lambda ctx, *, is_example: Town(book, None))
    shown = texts(searched(opened(run_id), "Karl Müller"))
    assert "Wo die Grundstücke liegen" in shown
    assert "ist nicht bekannt" not in shown


def test_unknown_addresses_are_named_in_the_table(run_id):
    shown = texts(searched(opened(run_id), "Karl Müller"))
    assert "Wo diese Adressen liegen, ist nicht bekannt." in shown
