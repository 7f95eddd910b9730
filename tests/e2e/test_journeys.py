"""From the home page to the first result and its export, for every app of the registry."""

import contextlib
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError as PlaywrightTimeout, expect

from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from tests.e2e.browser import WAIT_MS, observed_page
from tests.e2e.gallery_process import RunningGallery
from tests.shared.app_folders import takes_uploads, upload_path

QUESTIONS = ("Was kam heraus?", "Wie sicher ist das?", "Woher kommt das?", "Was tun?")
MAX_CLICKS = 3
MAX_SECONDS = 60
DOWNLOAD_CLICKS = 2
every_app = pytest.mark.parametrize("app", manifests(), ids=lambda app: app.id)


def result_is_there(page: Page) -> bool:
    return all(page.get_by_text(question, exact=True).first.is_visible() for question in QUESTIONS)


@every_app
def test_example_leads_to_a_result(
    browser: Browser, gallery: RunningGallery, app: AppManifest, artefacts: Path
) -> None:
    with observed_page(browser, gallery.url) as observed:
        observed.open("/")
        page = observed.page
        began = time.monotonic()
        card = page.locator(f".st-key-card_{app.id}")
        card.get_by_role("button", name="Mit Beispiel ausprobieren").click()
        clicks = 1
        while not result_is_there(page):
            assert time.monotonic() - began < MAX_SECONDS
            page.wait_for_timeout(500)
            main = page.locator('[data-testid="stBaseButton-primary"]:enabled')
            running = page.locator('[data-test-script-state="running"]').count()
            if not running and not result_is_there(page) and main.count() == 1:
                main.click()
                clicks += 1
        assert clicks <= MAX_CLICKS
        observed.settle()
        observed.screenshot(artefacts / f"journey-{app.id}.png")
        assert page.locator('[data-testid="stException"]').count() == 0
        assert "Beispieldaten" in page.locator("body").inner_text()
        assert_download_works(page)
        assert observed.foreign_requests == []
        assert observed.console_errors == []


def assert_download_works(page: Page) -> None:
    """Take the first file along.

    A click on a button that is replaced at that very moment is lost, so one may click once more.
    """
    button = page.locator('[data-testid="stDownloadButton"] button').first
    refusals: list[str] = []
    for _ in range(DOWNLOAD_CLICKS):
        with contextlib.suppress(PlaywrightTimeout):
            with page.expect_download() as download:
                button.click()
                refusals += page.locator('[data-testid="stDownloadButtonError"]').all_inner_texts()
            assert download.value.path().stat().st_size > 0
            return
    raise AssertionError(f"no file came: {refusals}")


@every_app
def test_reload_and_back_do_no_harm(
    browser: Browser, gallery: RunningGallery, app: AppManifest
) -> None:
    with observed_page(browser, gallery.url) as observed:
        observed.open("/")
        observed.open(f"/{app.id}")
        observed.page.reload()
        observed.settle()
        observed.page.go_back()
        observed.settle()
        assert observed.page.locator('[data-testid="stException"]').count() == 0
        assert observed.console_errors == []


@every_app
def test_strange_addresses_do_no_harm(
    browser: Browser, gallery: RunningGallery, app: AppManifest
) -> None:
    with observed_page(browser, gallery.url) as observed:
        for query in (
            "?beispiel=gibt_es_nicht",
            "?ergebnis=<script>alert(1)</script>",
            "?x=" + 2000 * "y",
        ):
            observed.open(f"/{app.id}{query}")
            assert observed.page.locator('[data-testid="stException"]').count() == 0
        assert observed.console_errors == []


def test_filtered_home_can_be_shared(browser: Browser, gallery: RunningGallery) -> None:
    """A search is in the address, so that it can be sent to somebody."""
    with observed_page(browser, gallery.url) as observed:
        observed.open("/")
        cards = observed.page.locator("h2")
        every = cards.count()
        field = observed.page.get_by_role("searchbox").first
        field.fill("solr")
        field.press("Enter")
        expect(cards).not_to_have_count(every, timeout=WAIT_MS)
        observed.settle()
        address = observed.page.url
        assert "solr" in address
        shown = cards.all_inner_texts()
    with observed_page(browser, gallery.url) as other:
        other.page.goto(address)
        other.settle()
        expect(other.page.locator("h2")).to_have_text(shown, timeout=WAIT_MS)


@pytest.mark.parametrize(
    "app", [app for app in manifests() if takes_uploads(app)], ids=lambda app: app.id
)
def test_the_switch_of_the_language_keeps_the_choice(
    browser: Browser, gallery: RunningGallery, app: AppManifest
) -> None:
    """The browser knows a choice by its words, which the switch replaces."""
    with observed_page(browser, gallery.url) as observed:
        observed.open(upload_path(app.id))
        page = observed.page
        page.get_by_text("Eigene Datei", exact=True).click()
        observed.settle()
        for button, choice in (("English", "My own file"), ("Deutsch", "Eigene Datei")):
            page.get_by_role("button", name=button, exact=True).click()
            page.get_by_role("radio", name=choice).wait_for(state="attached")
            observed.settle()
            assert page.get_by_role("radio", name=choice).is_checked()
            assert page.locator('input[type="file"]').count() == 1
        assert observed.console_errors == []
