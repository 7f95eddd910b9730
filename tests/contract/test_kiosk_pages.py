"""Pages in front of visitors, parametrised over the registry: examples alone, and no way out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.auth.kiosk import new_guest
from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from shared.registry.story import find_story
from shared.settings import REPOSITORY, get_settings
from shared.startup import chosen_theme
from shared.themes.theme import VISITOR_FONT_SIZE_PX, streamlit_theme
from shared.ui.kiosk import is_kiosk
from tests.ports import free_port
from tests.shared.people_of_tests import sit_down
from tests.shared.process_state import begin_process, forget_process_state

GALLERY = str(REPOSITORY / "apps" / "gallery.py")
every_app = pytest.mark.parametrize("app", manifests(), ids=lambda app: app.id)


@pytest.fixture(autouse=True)
def kiosk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A guest in front of a kiosk whose model server is not there."""
    monkeypatch.setenv("URBANKI_MODE", "kiosk")
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path))
    begin_process()
    sit_down(new_guest(), monkeypatch.setattr)
    yield
    forget_process_state()


def gallery(**query: str) -> AppTest:
    page = AppTest.from_file(GALLERY, default_timeout=90)
    for name, value in ({"sprache": "de"} | query).items():
        page.query_params[name] = value
    return page.run()


def app_page(app: AppManifest, **query: str) -> AppTest:
    """The page of an app, opened by its tile."""
    page = gallery(**query)
    return page.button(key=f"try_{app.id}").click().run()


def pictures(page: AppTest) -> int:
    return str([one.proto for one in page.get("html")]).count("start-picture")


def labels(page: AppTest) -> set[str]:
    return {button.label for button in page.button}


def keys(page: AppTest) -> set[str]:
    return {button.key for button in page.button if button.key}


def test_the_start_page_has_a_tile_for_each_app_and_nothing_to_search() -> None:
    page = gallery()
    assert not page.exception
    assert [title.value for title in page.title] == ["Was kann künstliche Intelligenz im Rathaus?"]
    assert {heading.value for heading in page.header} == {app.title for app in manifests()}
    wanted = {f"try_{app.id}" for app in manifests()} | {"kiosk_restart", "gallery_language_en"}
    assert keys(page) == wanted
    assert labels(page) == {"Beispiel ansehen", "Neu beginnen", "English"}
    assert not page.text_input
    assert not page.get("pills")
    assert pictures(page) == 3
    assert "Demodaten" in str([text.value for text in page.markdown])


def test_pictures_stop_when_somebody_says_so() -> None:
    page = gallery()
    assert not page.toggle(key="kiosk_still").value
    page.toggle(key="kiosk_still").set_value(True).run()
    assert not page.exception
    assert pictures(page) == 3


def test_the_house_shows_what_the_law_asks_for_alone() -> None:
    links = {link.proto.page for link in gallery().get("page_link")}
    assert links == {"impressum", "barrierefreiheit", "datenschutz"}


@every_app
def test_a_tile_begins_the_story_with_a_picture(app: AppManifest) -> None:
    page = app_page(app)
    assert not page.exception
    assert page.query_params["geschichte"] == "1"
    story = find_story(app.id)
    assert story is not None
    assert story.step[0].title in [heading.value for heading in page.header]
    assert f"Schritt 1 von {len(story.step)}" in [text.value for text in page.caption]
    assert pictures(page) == 1
    assert page.button(key="story_back").disabled
    assert not page.button(key="story_next").disabled


@every_app
def test_nothing_can_be_brought_taken_or_told(app: AppManifest) -> None:
    """Also beside the story, on the page itself."""
    page = app_page(app)
    for name in ("geschichte", "beispiel"):
        page.query_params.pop(name, None)
    page.run()
    assert not page.exception
    for kind in ("file_uploader", "text_input", "text_area", "chat_input", "download_button"):
        assert not page.get(kind), kind
    assert not [radio for radio in page.radio if radio.key == f"{app.id}_source"]
    assert page.button(key="story_begin").label == "Geführte Vorführung beginnen"
    assert {"Auswerten", "Hinweis senden", "Löschen", "Freigeben"} & labels(page) == set()


@every_app
def test_the_story_is_complete_in_english(app: AppManifest) -> None:
    page = app_page(app, sprache="en")
    story = find_story(app.id)
    assert story is not None
    assert story.step[0].title_en in [heading.value for heading in page.header]
    assert {"Back", "Next", "End"} <= labels(page)


@every_app
def test_the_end_of_a_story_is_the_start_page(app: AppManifest) -> None:
    page = app_page(app)
    page.button(key="story_end").click().run()
    assert not page.exception
    assert f"try_{app.id}" in keys(page)


@every_app
@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "1.5", "²", "1" * 200], ids="abcdefg")
def test_a_step_that_is_none_is_the_page_itself(app: AppManifest, number: str) -> None:
    page = app_page(app)
    page.query_params["geschichte"] = number
    page.run()
    assert not page.exception
    assert "story_begin" in keys(page)


def test_beginning_anew_forgets_and_leads_to_the_start_page() -> None:
    app = manifests()[0]
    page = app_page(app)
    page.session_state[f"{app.id}_remembered"] = "something"
    page.button(key="kiosk_restart").click().run()
    assert not page.exception
    assert f"try_{app.id}" in keys(page)
    assert f"{app.id}_remembered" not in page.session_state


def test_a_query_chooses_neither_tenant_nor_role_nor_mode() -> None:
    page = gallery(mode="betrieb", tenant="musterstadt", rolle="admin", kommune="musterstadt")
    assert not page.exception
    assert is_kiosk()
    assert "Beispiel ansehen" in labels(page)


def test_type_is_read_from_a_step_away(monkeypatch: pytest.MonkeyPatch) -> None:
    large = chosen_theme(get_settings())
    assert streamlit_theme(large)["theme.baseFontSize"] == VISITOR_FONT_SIZE_PX == 20
    monkeypatch.setenv("URBANKI_MODE", "betrieb")
    get_settings.cache_clear()
    assert not is_kiosk()
    assert chosen_theme(get_settings()).base_font_size_px < 20
