"""The documents in a real browser by keys alone: each key decides what it says and nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from shared.settings import get_settings
from shared.store import decisions
from shared.store.decisions import TAKEN_BACK
from tests.apps.archivair.test_documents_page import again, run_of, told as told, with_files
from tests.apps.archivair.test_page import ADMIN, pdf, read, reader as reader, store as store
from tests.e2e.browser import Observed, chromium, observed_page
from tests.e2e.gallery_process import running_pages
from tests.e2e.sign_in import sign_in_for_all

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]
WITHIN_MS = 120_000


def summary(page: Page):
    return page.locator(".st-key-live_archivair_documents")


def press(observed: Observed, key: str, wanted: str) -> None:
    """Press a key and wait for the number of documents that it must bring about."""
    observed.settle()
    observed.page.keyboard.press(key)
    expect(summary(observed.page)).to_contain_text(wanted, timeout=WITHIN_MS)


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text)).to_be_visible(timeout=WITHIN_MS)


def test_keys_cut_join_and_take_back(reader, store):
    read(with_files(("akte.pdf", pdf(5))), store)
    run = run_of(store)
    data_dir = get_settings().data_dir
    with (
        running_pages(data_dir) as url,
        chromium() as browser,
    ):
        sign_in_for_all(url, data_dir)
        with observed_page(browser, url) as observed:
            page = observed.page
            observed.open(f"/archivair?ergebnis={run.id}")
            title(page, "Seite 1 von 5")
            for number in (2, 3, 4):
                observed.settle()
                page.keyboard.press("ArrowRight")
                title(page, f"Seite {number} von 5")
            press(observed, "s", "3 Dokumente")
            press(observed, "s", "2 Dokumente")
            press(observed, "z", "3 Dokumente")
            press(observed, "z", "2 Dokumente")
            observed.settle()
            assert observed.console_errors == []
            assert observed.foreign_requests == []
    log = [(one.item_key, one.value) for one in decisions.history(ADMIN, store, run.id)]
    said = [("schnitt:4", "ja"), ("schnitt:4", "nein")]
    assert log == [*said, ("schnitt:4", TAKEN_BACK), ("schnitt:4", TAKEN_BACK)]
    assert not decisions.current(ADMIN, store, run.id)
    assert "5 Seiten, 2 Dokumente" in "\n".join(one.value for one in again(store).markdown)
