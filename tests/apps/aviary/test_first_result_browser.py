"""One click brings somebody from the start page to a result, in a real browser."""

from __future__ import annotations

import pytest

from tests.e2e.browser import chromium, observed_page
from tests.e2e.gallery_process import running_gallery

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(420)]
WITHIN_MS = 120_000


def test_the_example_is_one_click_away_from_the_start_page(tmp_path):
    (tmp_path / "haus").mkdir()
    with (
        running_gallery(tmp_path / "haus") as gallery,
        chromium() as browser,
        observed_page(browser, gallery.url) as observed,
    ):
        page = observed.page
        observed.open("/start")
        page.locator(".st-key-try_aviary button").first.click(timeout=WITHIN_MS)
        observed.wait_for_result(WITHIN_MS)
        picture = page.frame_locator("iframe").first.locator("img.leaflet-image-layer")
        assert picture.count() == 1
