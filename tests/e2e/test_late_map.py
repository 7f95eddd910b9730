"""A map that comes late, because the computer is busy, takes back what was said about it."""

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
    "/scan": '<!doctype html><html lang="de"><body><script src="/teile/page.js"></script>'
    '<div class="st-key-picture_probe">'
    '<iframe title="streamlit_folium.st_folium" src="/rahmen"></iframe></div></body></html>',
    "/rahmen": "<!doctype html><p></p>",
    "/teile/page.js": f"const STREAMLIT_STRINGS = {{ rule: [] }};\n{SCRIPT}",
}


def answer(route: Route) -> None:
    path = route.request.url.removeprefix(HOUSE)
    kind = "text/javascript" if path.endswith(".js") else "text/html"
    route.fulfill(body=FILES.get(path, ""), content_type=f"{kind}; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "title", "noun"), [("/seite", "Karte", "Die Karte"), ("/scan", "Bild", "Das Bild")]
)
def test_a_late_map_is_waited_for_before_it_is_given_up(path: str, title: str, noun: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.clock.install()
        page.route("**/*", answer)
        page.goto(f"{HOUSE}{path}")
        page.evaluate("document.body.append('Streamlit schreibt.')")
        late = page.get_by_role("status").get_by_text(f"{noun} wird noch geladen …")
        failed = page.get_by_role("alert").get_by_text(f"{noun} konnte nicht geladen werden.")
        page.clock.run_for(3_000)
        assert late.count() == failed.count() == 0
        page.clock.run_for(10_000)
        expect(late).to_be_visible()
        assert failed.count() == 0
        page.clock.run_for(10_000)
        expect(failed).to_be_visible()
        assert late.count() == 0
        frame = page.locator("iframe")
        assert frame.get_attribute("title") == title
        page.frames[1].evaluate(
            """document.body.innerHTML = '<div class="leaflet-container">Karte</div>'"""
        )
        page.clock.run_for(2_000)
        expect(failed).to_have_count(0)
        expect(frame).to_be_visible()
