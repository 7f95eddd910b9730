"""One folder makes an app, nothing else changes; a broken folder harms nobody."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from shared.registry.discover import manifests
from shared.settings import REPOSITORY
from tests.e2e.browser import observed_page
from tests.e2e.gallery_process import running_pages
from tests.e2e.sign_in import sign_in_for_all

FIXTURE_APPS = Path(__file__).parent / "fixture_apps"
PARTS = ("apps", "shared", ".streamlit")


@pytest.fixture(scope="module")
def gallery_with_more_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gallery process of a copy of the checkout with two more app folders, no model server."""
    copy = tmp_path_factory.mktemp("checkout")
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in PARTS:
        if (REPOSITORY / part).exists():
            shutil.copytree(REPOSITORY / part, copy / part, ignore=skip)
    shutil.copytree(FIXTURE_APPS / "zehnte", copy / "apps" / "zehnte")
    shutil.copytree(FIXTURE_APPS / "zehnte", copy / "apps" / "kaputt")
    manifest = copy / "apps" / "kaputt" / "app.toml"
    text = manifest.read_text(encoding="utf-8").replace('"zehnte"', '"kaputt"')
    manifest.write_text(text.replace("Zehnte", "Kaputte"), encoding="utf-8")
    (copy / "apps" / "kaputt" / "page.py").write_text("def nicht fertig(:\n", encoding="utf-8")
    data = copy / "data"
    data.mkdir()
    with running_pages(data, copy) as url:
        sign_in_for_all(url, data)
        yield url


def test_new_folder_has_card_page_and_profile(
    browser: Browser, gallery_with_more_apps: str
) -> None:
    with observed_page(browser, gallery_with_more_apps) as observed:
        observed.open("/")
        page = observed.page
        card = page.locator(".st-key-card_zehnte")
        assert "Zehnte Anwendung" in card.inner_text()
        card.get_by_role("button", name="Mit Beispiel ausprobieren").click()
        page.get_by_text("Die zehnte Anwendung antwortet.").wait_for()
        observed.settle()
        assert page.locator("h1").inner_text() == "Zehnte Anwendung"
        assert page.title().startswith("Zehnte Anwendung")
        observed.open("/zehnte?ansicht=steckbrief")
        assert "Ein Test entscheidet." in page.locator("body").inner_text()
        assert observed.console_errors == []
        assert observed.failed_requests == []


def test_broken_folder_says_so_and_harms_nobody(
    browser: Browser, gallery_with_more_apps: str
) -> None:
    with observed_page(browser, gallery_with_more_apps) as observed:
        observed.open("/")
        page = observed.page
        card = page.locator(".st-key-card_kaputt").inner_text()
        assert "Kaputte Anwendung" in card
        assert "Diese Anwendung konnte nicht geladen werden." in card
        assert "UK-" in card
        assert "SyntaxError" not in page.locator("body").inner_text()
        for app in manifests():
            assert app.title in page.locator(f".st-key-card_{app.id}").inner_text()
        for app in manifests():
            observed.open(f"/{app.id}")
            assert page.locator("h1").inner_text() == app.title
        observed.open("/kaputt")
        assert "konnte nicht geladen werden" in page.locator("body").inner_text()
        assert page.locator('[data-testid="stException"]').count() == 0
