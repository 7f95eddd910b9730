"""The page: before there is a town, while its images are made, and with all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from apps.musterstadt import jobs, town
from shared.demo_city import CityStore, Tile
from shared.errors import StorageFull
from shared.settings import REPOSITORY
from shared.store.store import process_store
from tests.jobs import in_process
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "apps" / "musterstadt" / "page.py")
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    begin_process()
    in_process.forget_worker()
    sit_down(ADMIN, monkeypatch.setattr)
    yield
    forget_process_state()


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page: AppTest) -> str:
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def labels_of_files(page: AppTest) -> list[str]:
    return [button.label for button in page.get("download_button")]


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


@pytest.mark.usefixtures("no_town")
def test_without_a_town_the_page_says_that_it_is_made() -> None:
    page = opened(beispiel="1")
    assert not page.exception
    assert "werden gerade gerechnet" in texts(page)
    assert "ergebnis" in page.query_params
    assert not page.metric


@pytest.mark.usefixtures("town_here")
def test_with_vectors_alone_the_page_shows_the_map_and_how_far_the_images_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whoever ran other tests before may have rendered tiles of the shared town.
    monkeypatch.setattr(CityStore, "is_ready", lambda *_: False)
    town._picture.cache_clear()
    page = opened(beispiel="1")
    assert not page.exception
    shown = texts(page)
    assert "Das Luftbild entsteht gerade: 0" in shown
    assert "Dach geneigt" in "".join(str(element.proto) for element in page.get("html"))
    assert metrics(page)["Einwohner"] == f"{town.town_figures().inhabitants:,}".replace(",", ".")


@pytest.mark.usefixtures("town_here")
def test_each_choice_shows_without_an_error() -> None:
    page = opened(beispiel="1")
    for area in ("close-market", "whole", "05999000-01"):
        page.selectbox(key="musterstadt_area").select(area).run()
        assert not page.exception
    layers = page.selectbox(key="musterstadt_layer").options
    assert "Gebäude" in layers
    for name in ("buildings", "parcels", "events", "solar_units", "none"):
        page.selectbox(key="musterstadt_layer").select(name).run()
        assert not page.exception, name
    for picture in ("infrared", "map"):
        page.selectbox(key="musterstadt_picture").select(picture).run()
        assert not page.exception
    assert "Das Luftbild entsteht gerade" not in texts(page)


def test_the_job_renders_what_is_missing_and_ends(
    town_here: CityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []

    def prepare(self: CityStore, tile: object, now: object) -> bool:
        rendered.append(tile.key)
        return True

    monkeypatch.setattr(CityStore, "prepare", prepare)
    monkeypatch.setenv("URBANKI_DEMO_CITY_IMAGES", "centre")
    begin_process()
    page = opened(beispiel="1")
    in_process.work_off(process_store())
    page.run()
    assert not page.exception
    assert len(rendered) == 16
    assert sorted(rendered) == sorted(tile.key for tile in jobs.wanted_tiles())
    assert page.session_state["musterstadt_area"] == "centre"


def test_an_image_that_fails_is_told_with_its_reason_and_one_way_to_go_on(
    town_here: CityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(self: CityStore, tile: Tile, now: object) -> bool:
        if tile.key == jobs.wanted_tiles()[3].key:
            raise StorageFull(folder="demo_city")
        return True

    monkeypatch.setattr(CityStore, "prepare", prepare)
    monkeypatch.setattr(CityStore, "is_ready", lambda *_: False)
    monkeypatch.setenv("URBANKI_DEMO_CITY_IMAGES", "centre")
    begin_process()
    page = opened(beispiel="1")
    in_process.work_off(process_store())
    page.run()
    assert not page.exception
    assert "15 von 16 fertig, 1 gescheitert" in texts(page)
    labels = [button.label for button in page.button]
    assert "Gescheiterte erneut versuchen" in labels
    assert "Fehlende Bilder rechnen" not in labels
    assert metrics(page), "the map and the figures stay"
    assert "Ein Luftbild gibt es hier von 0" in texts(page)


def test_images_that_are_gone_can_be_made_again(
    no_town: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CityStore, "prepare", lambda *_: True)
    monkeypatch.setenv("URBANKI_DEMO_CITY_IMAGES", "centre")
    begin_process()
    page = opened(beispiel="1")
    in_process.work_off(process_store())
    page.run()
    assert "fehlen Bilder der Stadt" in texts(page)
    first = page.query_params["ergebnis"]
    page.button(key="musterstadt_again").click().run()
    assert not page.exception
    assert page.query_params["ergebnis"] != first
    assert "werden gerade gerechnet" in texts(page)


@pytest.mark.usefixtures("town_here")
def test_the_older_picture_says_which_day_its_outlines_show() -> None:
    page = opened(beispiel="1")
    day = "Die Umrisse und die Tabelle zeigen den Stand vom 9. Mai 2026."
    assert day not in texts(page)
    page.selectbox(key="musterstadt_year").select("2023").run()
    assert day in texts(page)


@pytest.mark.usefixtures("town_here")
def test_the_shown_layer_and_all_layers_can_be_taken_along() -> None:
    page = opened(beispiel="1")
    assert labels_of_files(page) == [
        *("Bild (PNG)", "Blatt (PDF)", "Alle Ebenen (GeoPackage)", "Alle Tabellen (CSV im ZIP)"),
        "Ortsteile (GeoJSON)",
    ]
    page.selectbox(key="musterstadt_layer").select("none").run()
    assert not page.exception
    assert len(labels_of_files(page)) == 4


@pytest.mark.usefixtures("town_here")
def test_two_people_share_one_town() -> None:
    first, second = opened(beispiel="1"), opened(beispiel="1")
    assert metrics(first) == metrics(second)
    assert first.query_params["ergebnis"] == second.query_params["ergebnis"]
