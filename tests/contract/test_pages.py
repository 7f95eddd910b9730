"""Every app page runs in Streamlit's own test bench. Parametrised over the registry."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from shared.settings import REPOSITORY
from tests.e2e.checks import foreign_words

pytestmark = [
    pytest.mark.usefixtures("no_model_server"),
    pytest.mark.timeout(180),
]
every_app = pytest.mark.parametrize("app", manifests(), ids=lambda app: app.id)
every_app_with_model = pytest.mark.parametrize(
    "app", [app for app in manifests() if app.model_tasks], ids=lambda app: app.id
)
HOUSE_PAGES = sorted(
    path
    for path in (REPOSITORY / "apps").glob("*.py")
    if path.stem not in {"__init__", "__main__", "main", "home"}
)


def run_page(app: AppManifest, language: str = "de", **query: str) -> AppTest:
    page = AppTest.from_file(str(REPOSITORY / "apps" / app.id / "page.py"), default_timeout=90)
    page.query_params["sprache"] = language
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page: AppTest) -> str:
    """All texts that the page shows."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    parts = [str(element.value) for kind in kinds for element in page.get(kind)]
    parts += [button.label for button in page.button]
    return "\n".join(parts)


def primary_buttons(page: AppTest) -> list[str]:
    return [
        button.label for button in page.button if button.proto.type == "primary" and button.label
    ]


@every_app
def test_page_opens_without_model_server(app: AppManifest) -> None:
    page = run_page(app)
    assert not page.exception
    assert [title.value for title in page.title] == [app.title]
    assert len(page.header) >= 1
    assert len(primary_buttons(page)) == 1


@every_app
def test_page_is_complete_in_english(app: AppManifest) -> None:
    page = run_page(app, "en")
    assert not page.exception
    assert [title.value for title in page.title] == [app.title_en]
    assert foreign_words(texts(page), "en") == []


@every_app
def test_page_is_german_in_german(app: AppManifest) -> None:
    assert foreign_words(texts(run_page(app)), "de") == []


@every_app_with_model
def test_example_without_model_server_says_so_in_german(app: AppManifest) -> None:
    page = run_page(app, beispiel="1")
    assert not page.exception
    shown = texts(page) + "".join(str(error.proto) for error in page.error)
    assert "Der Modellserver antwortet nicht." in shown
    assert "Traceback" not in shown
    assert "Vorgangsnummer" in shown


@every_app
def test_profile_is_shown(app: AppManifest) -> None:
    page = run_page(app, ansicht="steckbrief")
    assert not page.exception
    shown = texts(page)
    assert app.human_decision in shown
    assert "Gemessene Güte" in shown


@pytest.mark.parametrize("path", HOUSE_PAGES, ids=lambda path: path.stem)
@pytest.mark.parametrize("language", ["de", "en"])
def test_house_page_opens(path: Path, language: str) -> None:
    page = AppTest.from_file(str(path), default_timeout=60)
    page.query_params["sprache"] = language
    page.run()
    assert not page.exception
    assert len(page.title) == 1
