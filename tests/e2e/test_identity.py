"""Who sits in front of a page, in the real gallery: the contract with Streamlit, and real logins.

Pages learn who is signed in from headers that the guard adds; if a new Streamlit loses them, they
read the cookie. Both ways must hold what this file says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Error as PlaywrightError, Page
from sqlalchemy import Engine
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.auth import local_accounts, sessions
from shared.contracts.identity.principal import HOME_TENANT
from shared.settings import Settings
from shared.store.engine import make_engine
from tests.e2e import checks
from tests.e2e.browser import MODES, Mode, Observed, observed_page
from tests.e2e.gallery_process import RunningGallery, running_pages
from tests.e2e.sign_in import (
    COOKIE,
    NAME,
    PASSWORD,
    SHOWN_NAME,
    add_account,
    new_cookie,
    sign_in_for_all,
)
from tests.e2e.websocket import visitor
from tests.timing import TRIES

pytestmark = pytest.mark.timeout(240)
GONE_WITHIN_S = 4.0
HOME_TITLE = "KI-Anwendungen für die Verwaltung"
NOT_SIGNED_IN = "Bitte melden Sie sich neu an."


@dataclass(frozen=True)
class House:
    """A gallery process without model server, and two people who are signed in there."""

    url: str
    engine: Engine
    anna: str
    bert: str


@pytest.fixture(scope="module", params=["header", "cookie"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("pages")
    source = {"URBANKI_IDENTITY_SOURCE": request.param}
    with running_pages(folder, environment=source) as url:
        sign_in_for_all(url, folder)
        add_account(folder, "anna", "sachbearbeitung")
        add_account(folder, "bert", "viewer")
        engine = make_engine(Settings(_env_file=None, data_dir=folder))
        yield House(url, engine, new_cookie(url, "anna"), new_cookie(url, "bert"))
        engine.dispose()


def shown(texts: list[str]) -> str:
    return "\n".join(texts)


def test_every_page_knows_who_is_there(house: House) -> None:
    with visitor(house.url) as guest:
        guest.visit()
        assert HOME_TITLE in guest.texts
        for path in sorted(guest.pages):
            guest.visit(path)
            assert NOT_SIGNED_IN not in shown(guest.texts), path


def test_nobody_resumes_the_page_of_another_person(house: House) -> None:
    """Neither while it is open nor after it was left."""
    with visitor(house.url, house.anna) as anna:
        anna.visit()
        with visitor(house.url, house.bert, anna.session_id) as bert:
            bert.visit()
            assert_no_access(bert.session_id, anna.session_id, bert.texts)
        anna.visit()
        assert HOME_TITLE in anna.texts, "her page goes on"
        left = anna.session_id
    with visitor(house.url, house.bert, left) as bert:
        bert.visit()
        assert_no_access(bert.session_id, left, bert.texts)


def assert_no_access(given: str, of_other: str, texts: list[str]) -> None:
    """A session of his own, or one that shows nothing."""
    assert given
    assert given != of_other or NOT_SIGNED_IN in shown(texts)


def test_somebody_resumes_her_own_page(house: House) -> None:
    with visitor(house.url, house.anna) as anna:
        anna.visit()
        left = anna.session_id
    with visitor(house.url, house.anna, left) as again:
        again.visit()
        assert again.session_id == left
        assert HOME_TITLE in again.texts


def test_a_withdrawn_role_acts_at_the_next_run(house: House) -> None:
    with visitor(house.url, house.bert) as bert:
        bert.visit()
        bert.visit("aviary")
        assert "aviary" in bert.texts
        now = datetime.now(UTC)
        local_accounts.set_apps(house.engine, "bert", HOME_TENANT, frozenset({"archivair"}), now)
        try:
            time.sleep(2.1)
            bert.visit("aviary")
            assert "aviary" not in bert.texts
        finally:
            local_accounts.set_apps(house.engine, "bert", HOME_TENANT, None, now)


def test_an_ended_session_closes_its_pages_and_opens_none(house: House) -> None:
    cookie = new_cookie(house.url, "anna")
    view = sessions.lookup(house.engine, cookie, datetime.now(UTC))
    assert view is not None
    with visitor(house.url, cookie) as anna:
        anna.visit()
        sessions.end(house.engine, view.id)
        ended_at = time.monotonic()
        with pytest.raises(ConnectionClosed) as closed:
            while time.monotonic() - ended_at < GONE_WITHIN_S:
                anna.connection.recv(GONE_WITHIN_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus), visitor(house.url, cookie):
        pass


def test_headers_and_second_cookies_name_nobody(house: House) -> None:
    view = sessions.lookup(house.engine, house.anna, datetime.now(UTC))
    assert view is not None
    forged = {"X-UKG-Session": view.id, "x_ukg_subject": view.principal.subject}
    two = {"Cookie": f"{COOKIE}={house.anna}; {COOKIE}={house.anna}"}
    for headers in (forged, two):
        assert httpx.get(house.url, headers=headers).status_code == 302


def fill_in(page: Page, password: str, name: str = NAME) -> None:
    page.get_by_label("Anmeldename").fill(name)
    page.get_by_label("Passwort").fill(password)
    page.get_by_role("button", name="Anmelden").click()


def grave(observed: Observed) -> list[str]:
    findings = [
        *checks.check_structure(observed.page, "de"),
        *checks.check_axe(observed.page),
        *checks.check_language(observed.page, "de"),
    ]
    return [f"{finding.check}: {finding.text}" for finding in findings if finding.grave]


@pytest.mark.parametrize("mode", MODES)
def test_from_the_form_to_the_page_and_out_again(
    browser: Browser, gallery: RunningGallery, artefacts: Path, mode: Mode
) -> None:
    with observed_page(browser, gallery.url, mode, signed_in=False) as observed:
        page = observed.page
        observed.open_plain("/datenraum")
        fill_in(page, "ganz falsches Passwort")
        page.get_by_text("Anmeldung nicht möglich.").wait_for()
        assert grave(observed) == []
        for _ in range(TRIES):  # a busy machine holds anybody up for a while now and then
            began = time.monotonic()
            fill_in(page, PASSWORD)
            page.get_by_role("heading", name="Datenraum").wait_for()
            took_s = time.monotonic() - began
            if took_s < 10:
                break
            page.context.clear_cookies()
            observed.open_plain("/datenraum")
        assert took_s < 10
        observed.settle()
        page.get_by_role("button", name=SHOWN_NAME).click()
        menu = page.locator(".account-menu")
        assert "Rolle: Administration\nKommune: Musterstadt" in menu.inner_text()
        observed.screenshot(artefacts / f"account-menu-{mode}.png")
        assert grave(observed) == []
        menu.get_by_role("button", name="Abmelden").click()
        page.get_by_text("Sie wurden abgemeldet.").wait_for()
        try:
            page.go_back()
        except PlaywrightError as error:
            # A page that was left before it had all arrived is not in the history; the form with
            # the wrong password is, and Chromium shows nothing before it may send it once more.
            assert "ERR_CACHE_MISS" in error.message
            observed.open_plain("/datenraum")
        page.wait_for_url("**/konto/anmelden**")


def test_a_first_password_is_changed_before_anything_else(
    browser: Browser, gallery: RunningGallery
) -> None:
    engine = make_engine(Settings(_env_file=None, data_dir=gallery.data_dir))
    name = "neu.hier"
    roles = {HOME_TENANT: "viewer"}
    _, first = local_accounts.create_account(engine, name, name, roles, now=datetime.now(UTC))
    engine.dispose()
    assert first is not None
    with observed_page(browser, gallery.url, signed_in=False) as observed:
        page = observed.page
        observed.open_plain("/aviary")
        fill_in(page, first, name)
        page.get_by_text("Bitte wählen Sie ein eigenes Passwort.").wait_for()
        observed.open_plain("/aviary")
        assert page.get_by_role("heading").inner_text() == "Passwort ändern"
        assert grave(observed) == []
        page.get_by_label("Bisheriges Passwort").fill(first)
        for label in ("Neues Passwort", "Neues Passwort wiederholen"):
            page.get_by_label(label, exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Passwort ändern").click()
        page.locator("h1", has_text="aviary").wait_for()
        assert observed.console_errors == []


def test_signing_out_in_one_tab_takes_the_other_away(
    browser: Browser, gallery: RunningGallery
) -> None:
    with observed_page(browser, gallery.url, signed_in=False) as observed:
        first = observed.page
        observed.open_plain("/")
        fill_in(first, PASSWORD)
        observed.settle()
        second = first.context.new_page()
        second.goto(f"{gallery.url}/datenraum")
        second.get_by_role("heading", name="Datenraum").wait_for()
        first.get_by_role("button", name=SHOWN_NAME).click()
        first.locator(".account-menu").get_by_role("button", name="Abmelden").click()
        second.wait_for_url("**/konto/anmelden**", timeout=GONE_WITHIN_S * 1000)
        assert "Gespeicherte Arbeit bleibt erhalten." in second.locator("body").inner_text()


def test_pages_without_a_right_are_refused(browser: Browser, gallery: RunningGallery) -> None:
    add_account(gallery.data_dir, "nur.ansicht", "viewer")
    cookie = new_cookie(gallery.url, "nur.ansicht")
    with observed_page(browser, gallery.url, signed_in=False) as observed:
        page = observed.page
        page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": gallery.url}])
        observed.open("/verwaltung")
        assert "Dafür fehlt Ihnen die Berechtigung" in page.locator("body").inner_text()
        assert page.get_by_role("table").count() == 0
        observed.open("/")
        page.get_by_text("Über", exact=True).click()
        assert page.get_by_role("link", name="Verwaltung", exact=True).count() == 0
