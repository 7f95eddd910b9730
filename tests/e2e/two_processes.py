"""Two gallery processes of one installation, as one browser sees them, and how long it waits.

`python -m tests.e2e.two_processes` starts both and prints the times as JSON, null without Chromium.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page
from websockets.exceptions import ConnectionClosed

from shared.auth.account_paths import SIGN_IN
from shared.auth.pages import NAME_FIELD, PASSWORD_FIELD
from tests.e2e.browser import CHROMIUM_NAMES, LOADED, WAIT_MS, chromium, observed_page
from tests.e2e.gallery_process import running_pages
from tests.e2e.sign_in import COOKIE, NAME, PASSWORD, SHOWN_NAME, add_account
from tests.e2e.websocket import Visitor, visitor

FIRST_APP, SECOND_APP = "aviary", "archivair"
CLOSED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Waits:
    """What a person waits for, in seconds.

    Args:
        form_to_page_s: From submitting the form to the page.
        second_process_s: Until the page of the second process, without a form.
        websocket_closed_s: From signing out at the first until the second closes a websocket.
        page_replaced_s: From signing out at the first until the page of the second is gone.
    """

    form_to_page_s: float
    second_process_s: float
    websocket_closed_s: float
    page_replaced_s: float


@dataclass(frozen=True)
class Seen:
    """What became of a visit to both processes.

    Args:
        waits: How long it took.
        forms: Login forms of the second process that the browser met before signing out.
        close_code: With which the second process closed the websocket.
    """

    waits: Waits
    forms: int
    close_code: int


@contextlib.contextmanager
def both_processes(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Run two processes over one database, each with an app of its own; give their addresses.

    Args:
        data_dir: Empty folder of both.
    """
    with (
        running_pages(data_dir, environment={"URBANKI_APPS": FIRST_APP}) as first,
        running_pages(data_dir, environment={"URBANKI_APPS": SECOND_APP}) as second,
    ):
        add_account(data_dir)
        yield first, second


def sign_in_and_out(browser: Browser, first: str, second: str) -> Seen:
    """Sign in at the first process, visit the second, sign out at the first again.

    Args:
        browser: The browser.
        first: Address of the process with the form.
        second: Address of the other.
    """
    with observed_page(browser, first, signed_in=False) as observed:
        page = observed.page
        observed.open_plain(f"/{FIRST_APP}")
        page.locator(f'[name="{NAME_FIELD}"]').fill(NAME)
        page.locator(f'[name="{PASSWORD_FIELD}"]').fill(PASSWORD)
        began = time.monotonic()
        page.get_by_role("button", name="Anmelden").click()
        page.wait_for_selector(LOADED, timeout=WAIT_MS, state="attached")
        form_to_page_s = time.monotonic() - began

        other = page.context.new_page()
        forms: list[str] = []
        other.on("request", lambda request: forms.append(request.url))
        began = time.monotonic()
        other.goto(f"{second}/{SECOND_APP}", wait_until="commit")
        other.wait_for_selector(LOADED, timeout=WAIT_MS, state="attached")
        second_process_s = time.monotonic() - began
        met = sum(urlsplit(url).path == SIGN_IN for url in forms)

        cookie = next(one["value"] for one in page.context.cookies() if one["name"] == COOKIE)
        with visitor(second, cookie) as beside, ThreadPoolExecutor(1) as pool:
            beside.visit()
            closed = pool.submit(_closed, beside)
            began = _sign_out(page)
            other.wait_for_url(f"{second}{SIGN_IN}**", timeout=WAIT_MS, wait_until="commit")
            page_replaced_s = time.monotonic() - began
            code, closed_at = closed.result()
        for left in (page, other):
            left.wait_for_url(f"**{SIGN_IN}**", timeout=WAIT_MS)
    waits = (form_to_page_s, second_process_s, closed_at - began, page_replaced_s)
    return Seen(Waits(*(round(wait, 2) for wait in waits)), met, code)


def _sign_out(page: Page) -> float:
    """Sign out by the menu and return the moment of the click."""
    page.get_by_role("button", name=SHOWN_NAME).click()
    button = page.locator(".account-menu").get_by_role("button", name="Abmelden")
    button.wait_for()
    began = time.monotonic()
    button.click(no_wait_after=True)
    return began


def _closed(beside: Visitor) -> tuple[int, float]:
    """Wait until the process closes a websocket; return its code and the moment."""
    try:
        while True:
            beside.connection.recv(CLOSED_WITHIN_S)
    except ConnectionClosed as closed:
        return (0 if closed.rcvd is None else closed.rcvd.code), time.monotonic()


def main() -> int:
    """Run the command."""
    waits = None
    if any(shutil.which(name) for name in CHROMIUM_NAMES):
        with (
            tempfile.TemporaryDirectory() as folder,
            both_processes(Path(folder)) as (first, second),
            chromium() as browser,
        ):
            waits = asdict(sign_in_and_out(browser, first, second).waits)
    sys.stdout.write(f"{json.dumps(waits)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
