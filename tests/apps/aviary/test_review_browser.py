"""The review in a real browser by its keys alone, with the real jobs and the shipped model."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from shared.settings import Settings
from shared.store import decisions
from shared.store.store import open_store
from tests.e2e.browser import Observed, chromium, observed_page
from tests.e2e.gallery_process import running_gallery
from tests.shared.people_of_tests import ADMIN

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(420)]
WITHIN_MS = 120_000
LOOK_MS = 600
"""A person looks longer than `view_verdict.LEAST_LOOK_S`."""


def figure(page: Page, place: int):
    """Of the review: 0 reviewed, 1 accepted, 2 rejected, 3 share of right ones."""
    return page.locator('.st-key-aviary_review_figures [data-testid="stMetricValue"]').nth(place)


def find_line(page: Page):
    return page.locator(".st-key-live_aviary_review")


def shown_find(page: Page) -> str:
    return find_line(page).inner_text()


def press(observed: Observed, key: str, reviewed: int) -> None:
    """Press a key as a person does, and wait for what it must bring about."""
    page = observed.page
    observed.settle()
    page.wait_for_timeout(LOOK_MS)
    before = shown_find(page)
    page.keyboard.press(key)
    expect(figure(page, 0)).to_have_text(str(reviewed), timeout=WITHIN_MS)
    expect(find_line(page)).not_to_have_text(before, timeout=WITHIN_MS)


def test_keys_decide_and_every_decision_stays(tmp_path):
    (tmp_path / "haus").mkdir()
    with (
        running_gallery(tmp_path / "haus") as gallery,
        chromium() as browser,
        observed_page(browser, gallery.url) as observed,
    ):
        page = observed.page
        observed.open("/aviary?beispiel=1")
        figure(page, 0).wait_for(timeout=WITHIN_MS)
        observed.settle()
        decide_by_keys(observed)
        address = page.url.removeprefix(gallery.url)
        check_pictures(page)
        check_downloads(page)
        observed.open(address)
        check_state(page)
        with observed_page(browser, gallery.url) as other:
            other.open(address)
            check_state(other.page)
            check_two_tabs(observed, other, address)
        check_switch(observed)
        check_log(tmp_path / "haus", address)
        assert observed.foreign_requests == []
        assert observed.console_errors == []


def decide_by_keys(observed: Observed) -> None:
    """Accept, reject, leave open, and take the last one back."""
    page = observed.page
    first = shown_find(page)
    press(observed, "j", 1)
    second = shown_find(page)
    press(observed, "n", 2)
    third = shown_find(page)
    press(observed, "u", 3)
    assert shown_find(page) not in {first, second, third}
    press(observed, "z", 2)
    assert shown_find(page) == third
    expect(figure(page, 1)).to_have_text("1")
    expect(figure(page, 2)).to_have_text("1")


def check_pictures(page: Page) -> None:
    """Both pictures are there, each with words for those who cannot see it."""
    pictures = page.locator('.st-key-aviary_step_4 [data-testid="stImage"] img')
    expect(pictures).to_have_count(2)
    for place in range(2):
        assert pictures.nth(place).evaluate("image => image.naturalWidth") == 480
        assert (pictures.nth(place).get_attribute("alt") or "").startswith("Nr. ")
    names = page.locator(".st-key-aviary_review_buttons").evaluate(
        "row => [...row.querySelectorAll('[aria-label]')].map(part => part.ariaLabel).join(' ')"
    )
    assert "Shortcut" not in names


def check_downloads(page: Page) -> None:
    coco = json.loads(download(page, "Geprüfte Funde (COCO)"))
    assert (len(coco["annotations"]), len(coco["rejected"])) == (1, 1)
    with zipfile.ZipFile(io.BytesIO(download(page, "Geprüfte Funde (YOLO)"))) as archive:
        (labels,) = [name for name in archive.namelist() if name.startswith("labels/")]
        assert len(archive.read(labels).splitlines()) == 1


def download(page: Page, label: str) -> bytes:
    with page.expect_download(timeout=WITHIN_MS) as started:
        page.get_by_role("button", name=label).click()
    return started.value.path().read_bytes()


def check_state(page: Page) -> None:
    expect(figure(page, 0)).to_have_text("2", timeout=WITHIN_MS)
    expect(figure(page, 1)).to_have_text("1")
    expect(figure(page, 2)).to_have_text("1")


def check_two_tabs(first: Observed, second: Observed, address: str) -> None:
    """What one tab decides, the other one shows; `test_review_page` tests two at once."""
    press(first, "j", 3)
    second.open(address)
    expect(figure(second.page, 0)).to_have_text("3", timeout=WITHIN_MS)
    expect(figure(second.page, 1)).to_have_text("2")
    expect(find_line(second.page)).to_have_text(shown_find(first.page))


def check_switch(observed: Observed) -> None:
    """Switched off, the keys do nothing any more; the buttons are still reached by Tab."""
    page = observed.page
    observed.settle()
    switch = page.locator(".st-key-aviary_review_keys input")
    switch.focus()
    page.keyboard.press("Space")
    page.locator(".st-key-aviary_review_buttons kbd").first.wait_for(
        state="detached", timeout=WITHIN_MS
    )
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("j")
    page.wait_for_timeout(2 * LOOK_MS)
    expect(figure(page, 0)).to_have_text("3")
    page.locator(".st-key-aviary_review_say_angenommen button").focus()
    press(observed, "Enter", 4)


def check_log(data_dir, address: str) -> None:
    store = open_store(Settings(_env_file=None, data_dir=data_dir))
    (run_id,) = parse_qs(urlsplit(address).query)["ergebnis"]
    log = [one.value for one in decisions.history(ADMIN, store, run_id)]
    assert log == [
        "angenommen", "abgelehnt", "unklar", "zurueckgenommen", "angenommen", "angenommen",
    ]  # fmt: skip
    store.engine.dispose()
