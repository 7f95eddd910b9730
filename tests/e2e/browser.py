"""A Chromium that notes every request, error and missing file of a page and its frames."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error as PlaywrightError,
    Page,
    Request,
    Response,
    TimeoutError as PlaywrightTimeout,
    expect,
    sync_playwright,
)

from shared.ui.html_patch import LANGUAGE_COOKIE
from tests.e2e.sign_in import COOKIE, shared_cookie

Mode = Literal["light", "dark", "mobile"]
Language = Literal["de", "en"]
MODES: tuple[Mode, ...] = ("light", "dark", "mobile")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # The locale of a context does not reach the websocket, by which Streamlit's script is asked.
    "--accept-lang=de-DE,de",
]
LOADED = '[data-testid="stApp"][data-test-script-state="notRunning"] h1'
SETTLE_MS = 400
WAIT_MS = 60_000
LOOK_MS = 10_000
# Patience for what has no limit of its own, as a busy machine needs it: not 5 s, and not 30 s.
expect.set_options(timeout=WAIT_MS)
FIRST_QUESTION = re.compile("Was kam heraus|What came out")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    program = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if program is None:
        message = "Chromium is missing; ./gallery test installs it"
        raise RuntimeError(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Observed:
    """A page and what happened on it."""

    page: Page
    origin: str
    foreign_requests: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)
    pending: set[Request] = field(default_factory=set)

    def open(self, path: str) -> None:
        """Go to a path of the gallery and wait until its script has run."""
        self.page.goto(f"{self.origin}{path}", wait_until="domcontentloaded")
        self.settle()

    def open_plain(self, path: str) -> None:
        """Go to a page of the gallery that is no Streamlit."""
        self.page.goto(f"{self.origin}{path}", wait_until="networkidle")

    def settle(self) -> None:
        """Wait until the script is done and the page has stopped changing."""
        self.page.wait_for_selector(LOADED, timeout=WAIT_MS, state="attached")
        self._wait_for_answers()
        self.page.wait_for_timeout(SETTLE_MS)

    def _wait_for_answers(self) -> None:
        """Wait until no request is open.

        Where a frame was replaced while it loaded, Playwright sometimes never says that the network
        is idle; then it counts that every request has been answered.
        """
        for _ in range(WAIT_MS // LOOK_MS):
            try:
                self.page.wait_for_load_state("networkidle", timeout=LOOK_MS)
            except PlaywrightTimeout:
                if self.pending:
                    continue
            return
        open_requests = sorted(f"{one.method} {one.url}" for one in self.pending)
        raise AssertionError(f"the page never settles: {open_requests}")

    def wait_for_result(self, within_ms: int) -> None:
        """Wait until the four questions are answered."""
        self.page.get_by_text(FIRST_QUESTION).first.wait_for(timeout=within_ms)
        self.settle()

    def screenshot(self, file: Path) -> None:
        """Save the whole page, not just the visible part of Streamlit's scroll area."""
        height = self.page.evaluate(
            """Math.max(...[...document.querySelectorAll('[data-testid="stMain"]'),
               document.documentElement].map(element => element.scrollHeight))"""
        )
        size = self.page.viewport_size or {"width": 1366, "height": 768}
        self.page.set_viewport_size({"width": size["width"], "height": min(height, 8000)})
        self.page.screenshot(path=file)
        self.page.set_viewport_size(size)

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        own = urlsplit(self.origin).netloc
        if parts.scheme not in {"data", "blob"} and parts.netloc != own:
            self.foreign_requests.append(request.url)

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.failed_requests.append(f"{response.status} {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(message.text)

    def watch(self) -> None:
        """Begin to take notes."""
        self.page.on("request", self._on_request)
        self.page.on("request", lambda request: self.pending.add(request))
        self.page.on("requestfinished", lambda request: self.pending.discard(request))
        self.page.on("requestfailed", lambda request: self.pending.discard(request))
        self.page.on("websocket", lambda socket: self._on_socket(socket.url))
        self.page.on("response", self._on_response)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _on_socket(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.origin).netloc:
            self.foreign_requests.append(url)


@contextlib.contextmanager
def observed_page(
    browser: Browser,
    origin: str,
    mode: Mode = "light",
    language: Language = "de",
    *,
    signed_in: bool = True,
) -> Iterator[Observed]:
    """Open a fresh profile in one mode and language.

    Args:
        browser: The browser.
        origin: Address of the gallery.
        mode: Colours and size.
        language: Of the browser.
        signed_in: Whether it brings the cookie of whoever has signed in for all.
    """
    context: BrowserContext = browser.new_context(**_profile(mode, language))
    context.set_default_timeout(WAIT_MS)
    cookie = shared_cookie(origin) if signed_in else ""
    try:
        if cookie:
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": origin}])
        if language != "de":
            context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": origin}])
        observed = Observed(context.new_page(), origin)
        observed.watch()
        yield observed
    finally:
        _close(context)


def _close(context: BrowserContext) -> None:
    """Let every page come to rest, then close them all.

    Chromium may forget a page that it is told to close while another one takes its place; then
    Playwright waits for ever, see https://github.com/microsoft/playwright/issues/42366.
    """
    for page in context.pages:
        with contextlib.suppress(PlaywrightError):
            page.goto("about:blank", timeout=LOOK_MS)
    context.close()


def _profile(mode: Mode, language: Language) -> dict[str, Any]:
    size = {"width": 390, "height": 844} if mode == "mobile" else {"width": 1366, "height": 768}
    return {
        "locale": {"de": "de-DE", "en": "en-GB"}[language],
        "color_scheme": "dark" if mode == "dark" else "light",
        "viewport": size,
        "accept_downloads": True,
        "service_workers": "block",
    }
