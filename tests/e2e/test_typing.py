"""Letters go into the field of a review, keys of buttons stay keys, Enter stays where it is."""

import pytest
from playwright.sync_api import Page, Route

from shared.settings import REPOSITORY
from tests.e2e.browser import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
HOUSE = "http://haus.test"
SCRIPT = (REPOSITORY / "shared" / "ui" / "assets" / "page.js").read_text(encoding="utf-8")
PAGE = """<!doctype html><html lang="de"><body>
<script src="/teile/page.js"></script>
<div class="st-key-typing_probe"><input type="text" value="alt">
<button>Unleserlich <span aria-label="Taste U">U</span></button></div>
<input type="checkbox"><input type="text" id="andere" value="">
<button id="seite">Suchen</button>
<script>
// As Streamlit does it: keys of buttons are heard at the document, but not in fields.
window.heard = []; window.clicked = 0;
document.querySelector("#seite").addEventListener("click", () => { window.clicked += 1; });
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT") return;
  window.heard.push(event.key);
  if (event.key === "Enter") event.preventDefault();
});
</script></body></html>"""
FILES = {"/seite": PAGE, "/teile/page.js": f"const STREAMLIT_STRINGS = {{ rule: [] }};\n{SCRIPT}"}


def answer(route: Route) -> None:
    path = route.request.url.removeprefix(HOUSE)
    kind = "text/javascript" if path.endswith(".js") else "text/html"
    route.fulfill(body=FILES.get(path, ""), content_type=f"{kind}; charset=utf-8")


def value(page: Page) -> str:
    return page.locator('.st-key-typing_probe input[type="text"]').input_value()


def heard(page: Page) -> list[str]:
    found: list[str] = page.evaluate("window.heard.splice(0)")
    return found


def test_typing_corrects_and_keys_stay_keys() -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.route("**/*", answer)
        page.goto(f"{HOUSE}/seite")

        for key in ("u", "U", "Enter", "Escape", " "):
            page.keyboard.press(key)
        assert (value(page), heard(page)) == ("alt", ["u", "U", "Enter", "Escape", " "])

        page.keyboard.type("Ulm")
        assert (value(page), heard(page)) == ("lm", ["U"])
        page.keyboard.type("u!")
        assert (value(page), heard(page)) == ("lmu!", [])

        page.locator("#seite").focus()
        page.keyboard.press("Enter")
        assert (page.evaluate("window.clicked"), heard(page)) == (1, [])
        page.keyboard.press("Control+b")
        assert value(page) == "lmu!"

        page.locator("#andere").focus()
        page.keyboard.type("abc")
        assert (page.locator("#andere").input_value(), value(page)) == ("abc", "lmu!")

        page.locator("input[type=checkbox]").focus()
        page.keyboard.type("neu")
        assert value(page) == "neu"

        page.evaluate("document.querySelector('.st-key-typing_probe').remove()")
        page.locator("#seite").focus()
        page.keyboard.press("Enter")
        assert heard(page) == ["Control", "b", "Enter"]
