"""All pages once more while `URBANKI_IDENTITY_SOURCE=cookie` tells them who is signed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import checks
from tests.e2e.browser import WAIT_MS, Observed, observed_page
from tests.e2e.gallery_process import RunningGallery, running_gallery
from tests.e2e.pages import GalleryPage, account_pages, app_pages, house_pages
from tests.e2e.sign_in import SHOWN_NAME
from tests.e2e.test_journeys import (  # noqa: F401  # run here with another gallery
    assert_download_works,
    test_reload_and_back_do_no_harm,
    test_the_switch_of_the_language_keeps_the_choice,
)

pytestmark = pytest.mark.timeout(900)
RESULT_WITHIN_MS = 240_000


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGallery]:
    """A gallery whose pages read the cookie; takes the place of the one of all browser tests."""
    source = {"URBANKI_IDENTITY_SOURCE": "cookie"}
    with running_gallery(tmp_path_factory.mktemp("by_cookie"), source) as running:
        yield running


def use(observed: Observed, shown: GalleryPage) -> None:
    """Do what a page is for, and one thing that makes it run again."""
    page = observed.page
    if shown.shows_result:
        observed.wait_for_result(RESULT_WITHIN_MS)
        assert_download_works(page)
    role = "link" if shown.is_plain else "button"
    page.get_by_role(role, name="English", exact=True).click()
    expect(page.locator("html[lang=en]")).to_have_count(1, timeout=WAIT_MS)
    if not shown.is_plain:
        observed.settle()
        expect(page.get_by_role("button", name=SHOWN_NAME)).to_be_visible()


def test_every_page_opens_and_answers(browser: Browser, gallery: RunningGallery) -> None:
    pages = [*account_pages(), *house_pages(browser, gallery.url), *app_pages()]
    assert {"verwaltung", "datenraum", "modelle"} <= {shown.name for shown in pages}
    for shown in pages:
        with observed_page(browser, gallery.url, signed_in=shown.signed_in) as observed:
            (observed.open_plain if shown.is_plain else observed.open)(shown.path)
            use(observed, shown)
            assert "Please sign in again." not in observed.page.locator("body").inner_text()
            findings = [
                *checks.check_structure(observed.page, "en"),
                *checks.check_requests(observed),
            ]
            assert [one for one in findings if one.grave] == [], shown.name
