"""The model server dies while a page waits: German words, recovery by itself, no traceback."""

import contextlib
import os
import signal
import time

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from tests.e2e.browser import observed_page
from tests.e2e.gallery_process import RunningGallery
from tests.e2e.test_journeys import QUESTIONS, result_is_there

every_app_with_model = pytest.mark.parametrize(
    "app", [app for app in manifests() if app.model_tasks], ids=lambda app: app.id
)
RECOVERY_S = 60


def kill_model_server(gallery: RunningGallery) -> None:
    """kill -9 to the supervisor and all its workers."""
    for process in gallery.part("bentoml"):
        with contextlib.suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)


def is_ready(gallery: RunningGallery) -> bool:
    try:
        return httpx.get(f"{gallery.model_server_url}/readyz", timeout=1).is_success
    except httpx.HTTPError:
        return False


def wait_for_text(page: Page, text: str, seconds: float) -> None:
    page.get_by_text(text).first.wait_for(timeout=seconds * 1000)


@every_app_with_model
@pytest.mark.timeout(240)
def test_page_waits_for_a_killed_model_server(
    browser: Browser, gallery: RunningGallery, app: AppManifest
) -> None:
    with observed_page(browser, gallery.url) as observed:
        observed.open(f"/{app.id}")
        page = observed.page
        kill_model_server(gallery)
        page.locator('[data-testid="stBaseButton-primary"]').click()
        wait_for_text(page, "Der Modellserver antwortet nicht.", 20)
        deadline = time.monotonic() + RECOVERY_S
        while not result_is_there(page):
            assert time.monotonic() < deadline, "the page did not go on by itself"
            assert page.locator('[data-testid="stException"]').count() == 0
            page.wait_for_timeout(500)
        assert page.get_by_text(QUESTIONS[0], exact=True).first.is_visible()
        # The words vanish with the last run of the page, which may still be under way.
        gone = page.get_by_text("Der Modellserver antwortet nicht.")
        expect(gone).to_have_count(0, timeout=20_000)
        assert "Traceback" not in page.locator("body").inner_text()
    assert is_ready(gallery)
    assert "Traceback" not in gallery.log("gallery")


@pytest.mark.timeout(120)
def test_killed_worker_is_replaced(gallery: RunningGallery) -> None:
    """Only a worker dies: its supervisor starts another within 15 s."""
    deadline = time.monotonic() + RECOVERY_S
    while not is_ready(gallery):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    workers = [process for process in gallery.part("bentoml") if not process.children()]
    os.kill(max(workers, key=lambda process: process.memory_info().rss).pid, signal.SIGKILL)
    killed_at = time.monotonic()
    time.sleep(0.5)
    while not is_ready(gallery):
        assert time.monotonic() - killed_at < 45
        time.sleep(0.2)


@every_app_with_model
@pytest.mark.timeout(240)
def test_model_server_dies_during_the_work(
    browser: Browser, gallery: RunningGallery, app: AppManifest
) -> None:
    with observed_page(browser, gallery.url) as observed:
        page = observed.page
        page.goto(f"{gallery.url}/{app.id}?beispiel=1")
        page.locator('[data-testid="stApp"] h1').wait_for()
        kill_model_server(gallery)
        deadline = time.monotonic() + RECOVERY_S
        while not result_is_there(page):
            assert time.monotonic() < deadline, "the page did not go on by itself"
            assert page.locator('[data-testid="stException"]').count() == 0
            page.wait_for_timeout(500)
    assert "Traceback" not in gallery.log("gallery")
