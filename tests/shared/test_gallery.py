"""The gallery's own pages in Streamlit's test bench, and what starting it loads."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Route
from streamlit.testing.v1 import AppTest

from shared import __version__
from shared.auth import guard_state, session
from shared.registry import discover
from shared.registry.manifest import RESERVED_IDS
from shared.settings import REPOSITORY, get_settings
from shared.store import runs
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow
from shared.store.run_views import RunOrder
from shared.store.store import process_store
from shared.themes import load_theme
from shared.ui.assets import asset_routes, first_page_redirect
from shared.ui.house_probe import house_probe
from shared.ui.navigation import FIXED_PATHS, opens_one_app
from shared.ui.probe import probe
from tests.shared.app_folders import make_app
from tests.shared.people_of_tests import ADMIN, CLERK, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

REAL_SESSION = session.current_session


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nobody at the model server's address."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path))
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    yield
    forget_process_state()


def gallery(**query: str) -> AppTest:
    page = AppTest.from_file(str(REPOSITORY / "apps" / "gallery.py"), default_timeout=60)
    page.query_params["sprache"] = "de"
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def cards(page: AppTest) -> list[str]:
    return [heading.value for heading in page.header]


def test_home_shows_a_card_with_its_action_for_each_app() -> None:
    page = gallery()
    assert not page.exception
    assert [title.value for title in page.title] == ["KI-Anwendungen für die Verwaltung"]
    assert "aviary" in cards(page)
    assert page.button(key="try_aviary").label == "Mit Beispiel ausprobieren"


def test_the_action_of_a_card_opens_the_app_with_its_sample() -> None:
    page = gallery()
    page.button(key="try_aviary").click().run()
    assert [title.value for title in page.title] == ["aviary"]
    assert page.query_params["beispiel"] == "1"


def test_search_tolerates_a_typo_and_an_empty_result_offers_a_way_back() -> None:
    page = gallery()
    page.text_input(key="suche").set_value("luftbidl").run()
    assert cards(page) == ["aviary", "Musterstadt"]
    assert "2 Anwendungen" in [text.value for text in page.markdown]
    page.text_input(key="suche").set_value("gibtesnicht").run()
    assert cards(page) == []
    assert "0 Anwendungen" in [text.value for text in page.markdown]
    page.button(key="reset_filters").click().run()
    assert "aviary" in cards(page)


def test_the_switch_changes_language_and_url() -> None:
    page = gallery()
    page.button(key="gallery_language_en").click().run()
    assert [title.value for title in page.title] == ["AI apps for public administration"]
    assert page.query_params["sprache"] == "en"
    page.button(key="gallery_language_de").click().run()
    assert [title.value for title in page.title] == ["KI-Anwendungen für die Verwaltung"]


def test_setting_decides_where_nobody_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_LANGUAGE", "en")
    get_settings.cache_clear()
    page = AppTest.from_file(str(REPOSITORY / "apps" / "gallery.py"), default_timeout=60).run()
    assert [title.value for title in page.title] == ["AI apps for public administration"]


def test_a_single_chosen_app_is_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not opens_one_app(get_settings())
    monkeypatch.setenv("URBANKI_APPS", "aviary")
    get_settings.cache_clear()
    assert opens_one_app(get_settings())
    assert [title.value for title in gallery().title] == ["aviary"]


def test_the_badge_of_the_sample_data_leads_to_the_town_where_it_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    badge = ":blue-badge[Beispieldaten]"
    links = {link.proto.label: link.proto.page for link in gallery().get("page_link")}
    assert links[badge] == "musterstadt"
    monkeypatch.setenv("URBANKI_APPS", "aviary")
    get_settings.cache_clear()
    page = gallery()
    assert badge in [text.value for text in page.markdown]
    assert badge not in [link.proto.label for link in page.get("page_link")]


@pytest.mark.parametrize(("path", "of"), [("start", ()), ("aviary", ("aviary",))])
def test_the_first_page_keeps_its_own_address(path: str, of: tuple[str, ...]) -> None:
    """Streamlit knows it as "/" alone, and says in English that there is no other."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=[first_page_redirect(*of)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.get(f"/{path}?beispiel=1")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["location"]) == (307, "/?beispiel=1")


def shown(page: AppTest) -> str:
    kinds = ("title", "header", "markdown", "error", "html")
    return "\n".join(str(element.proto) for kind in kinds for element in page.get(kind))


def test_started_without_the_guard_it_shows_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "current_session", REAL_SESSION)
    monkeypatch.setattr(guard_state, "is_active", lambda: False)
    page = gallery()
    assert not page.exception
    assert [title.value for title in page.title] == ["Bitte über apps/main.py starten."]
    assert len(page.main) == 1


def test_without_a_login_there_is_only_the_way_to_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "current_session", REAL_SESSION)
    monkeypatch.setattr(guard_state, "is_active", lambda: True)
    page = gallery()
    assert not page.exception
    assert "Bitte melden Sie sich neu an." in shown(page)
    assert "/konto/anmelden" in shown(page)
    assert cards(page) == []
    assert not page.button


def test_home_shows_what_the_person_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_down(person("viewer", app_grants=frozenset({"archivair"})), monkeypatch.setattr)
    page = gallery()
    assert not page.exception
    assert not page.error
    assert cards(page) == ["ArchivAIr"]


def test_a_name_is_text_and_never_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    named = person("viewer", display_name="![x](http://fremd/x.png) **Kim**")
    sit_down(named, monkeypatch.setattr)
    label = menu_label(gallery())
    assert "Kim" in label
    assert "![x]" not in label
    assert " **" not in label


def test_the_administration_is_for_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Test admin" in menu_label(gallery())
    sit_down(CLERK, monkeypatch.setattr)
    page = AppTest.from_file(str(REPOSITORY / "apps" / "accounts.py"), default_timeout=60)
    page.query_params["sprache"] = "de"
    page.run()
    assert "Dafür fehlt Ihnen die Berechtigung" in shown(page)
    assert not page.table
    with read_scope(process_store().engine) as reading:
        rows = [tuple(row) for row in reading.execute(select(AuditRow.event, AuditRow.role))]
    assert rows == [("denied", "sachbearbeitung")]


def menu_label(page: AppTest) -> str:
    return "\n".join(str(block.proto) for block in page.get("popover"))


def test_paths_of_the_house() -> None:
    house = {"modelle", "datenraum", "impressum", "barrierefreiheit", "datenschutz"} | {
        "verwaltung"
    }
    assert {"", "start", *house} == FIXED_PATHS


LOADED = (
    "import sys; sys.path.insert(0, '.')\n"
    "from tests.shared.people_of_tests import ADMIN, sit_down; sit_down(ADMIN)\n"
    "from streamlit.testing.v1 import AppTest\n"
    "page = AppTest.from_file('apps/gallery.py', default_timeout=60).run()\n"
    "assert not page.exception and page.title\n"
    "print(' '.join(sorted(name for name in sys.modules if '.' not in name)))"
)


def test_home_loads_neither_engines_nor_maps_nor_data_frames() -> None:
    """Streamlit itself imports plotly when it is installed; nothing of ours does."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    heavy = {"torch", "ultralytics", "bentoml", "onnxruntime", "rapidocr", "cv2", "scipy"}
    heavy |= {"folium", "branca", "streamlit_folium", "pandas", "pyarrow", "geopandas", "rasterio"}
    assert loaded & heavy == set()
    assert "streamlit" in loaded


EVERYWHERE = "0.0.0.0"  # noqa: S104  # must be refused
OPEN_ADDRESS = ["--server.address", EVERYWHERE, "--server.headless", "true", "--server.port", "0"]


@pytest.mark.server
def test_an_open_address_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    """Started from another folder, by both ways."""
    main = str(REPOSITORY / "apps" / "main.py")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "URBANKI_DATA_DIR": str(tmp_path / "data"),
    }
    by_setting = subprocess.run(
        [sys.executable, main],
        cwd=tmp_path,
        env={**environment, "URBANKI_HOST": EVERYWHERE},
        capture_output=True,
        text=True,
        timeout=120,
    )
    by_flag = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", main, *OPEN_ADDRESS],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    for refused in (by_setting, by_flag):
        assert refused.returncode == 2
        assert "Die Galerie wäre von außen erreichbar" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_every_address_of_the_gallery_is_reserved() -> None:
    roots = {route.path.split("/")[1] for route in asset_routes(load_theme("default"))}  # type: ignore[attr-defined]
    assert (FIXED_PATHS | roots) - {""} <= RESERVED_IDS


def test_an_app_with_a_taken_name_shows_its_card_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Streamlit refuses two pages of one address, and with them the whole gallery."""
    make_app(tmp_path, "start", title="Doppelt")
    taken = discover.find_app("start", tmp_path)
    found = [*discover.discover(), taken]
    monkeypatch.setattr("shared.registry.discover.discover", lambda **_: found)
    page = gallery()
    assert not page.exception
    assert {"aviary", "Doppelt"} <= set(cards(page))
    assert "Diese Anwendung konnte nicht geladen werden." in str([one.proto for one in page.error])


def test_home_lists_the_last_runs_of_the_person() -> None:
    assert "Zuletzt bearbeitet" not in cards(gallery())
    for number in range(7):
        order = RunOrder("aviary", "find", f"Luftbild {number}", (), {"n": number})
        runs.submit(ADMIN, process_store(), order, now=datetime.now(UTC))
    page = gallery()
    assert not page.exception
    assert "Zuletzt bearbeitet" in cards(page)
    links = [link.proto for link in page.get("page_link") if "ergebnis" in str(link.proto)]
    assert len(links) == 5
    assert "Luftbild 6" in links[0].label


def test_home_works_without_its_database(tmp_path: Path) -> None:
    process_store().engine.dispose()
    file = tmp_path / "gallery.db"
    file.rename(tmp_path / "gone.db")
    file.mkdir()
    page = gallery()
    assert not page.exception
    assert "aviary" in cards(page)
    captions = [caption.value for caption in page.caption]
    assert "Ihre letzten Ergebnisse können gerade nicht gelesen werden." in captions


def health() -> httpx.Response:
    (route,) = [
        route
        for route in asset_routes(load_theme("default"))
        if isinstance(route, Route) and route.path == "/healthz"
    ]

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=[route]))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/healthz")

    return asyncio.run(ask())


@pytest.mark.parametrize("setting", ["URBANKI_PUBLIC_URL=https://ki.example", "URBANKI_HOST=::"])
def test_strangers_read_no_detail_of_the_parts(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*setting.split("=", 1))
    get_settings.cache_clear()
    assert health().json() == {"status": "ok"}


def test_health_names_every_part_and_no_secret(tmp_path: Path) -> None:
    house_probe().look_now()
    probe().look_now()
    answer = health()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "status": "ok",
        "version": __version__,
        "model_server": "down",
        "jobs": "away",
        "database": "ready",
        "storage": "ready",
    }
    assert str(tmp_path) not in answer.text


def test_whoever_runs_the_platform_reads_why_there_are_no_apps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sit_down(person("plattform_admin", "plattform"), monkeypatch.setattr)
    page = gallery()
    assert not page.exception
    assert [str(note.proto.title) for note in page.info] == [
        "Mit diesem Konto wird die Plattform betrieben."
    ]
    assert not page.text_input
    assert not page.checkbox
    assert cards(page) == []
    links = [str(link.proto.label) for link in page.get("page_link")]
    assert links == ["Impressum", "Barrierefreiheit", "Datenschutz"]


def test_a_page_that_ends_early_still_has_its_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_APPS", "aviary")
    begin_process()
    page = gallery(ansicht="steckbrief")
    assert not page.exception
    assert page.button(key="aviary_open")
    assert "Impressum" in [str(link.proto.label) for link in page.get("page_link")]
