"""A map that comes late, because the computer is busy, takes the notice of its failure back."""

import pytest
from playwright.sync_api import Route, expect

from shared.settings import REPOSITORY
from tests.e2e.browser import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
HOUSE = "http://haus.test"
SCRIPT = (REPOSITORY / "shared" / "ui" / "assets" / "page.js").read_text(encoding="utf-8")
FILES = {
    "/seite": '<!doctype html><html lang="de"><body><script src="/teile/page.js"></script>'
    '<iframe title="streamlit_folium.st_folium" src="/rahmen"></iframe></body></html>',
    "/rahmen": "<!doctype html><p></p>",
    "/teile/page.js": f"const STREAMLIT_STRINGS = {{ rule: [] }};\n{SCRIPT}",
}


def answer(route: Route) -> None:
    path = route.request.url.removeprefix(HOUSE)
    kind = "text/javascript" if path.endswith(".js") else "text/html"
    route.fulfill(body=FILES.get(path, ""), content_type=f"{kind}; charset=utf-8")


def test_the_notice_goes_when_the_map_comes() -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.route("**/*", answer)
        page.goto(f"{HOUSE}/seite")
        page.evaluate("document.body.append('Streamlit schreibt.')")
        notice = page.get_by_text("Die Karte konnte nicht geladen werden.")
        expect(notice).to_be_visible()
        frame = page.locator("iframe")
        assert frame.get_attribute("title") == "Karte"
        page.frames[1].evaluate(
            """document.body.innerHTML = '<div class="leaflet-container">Karte</div>'"""
        )
        expect(notice).to_have_count(0)
        expect(frame).to_be_visible()
