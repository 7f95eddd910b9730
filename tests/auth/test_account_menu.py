"""The menu of whoever is signed in: what it says, and its forms as the account pages take them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.auth import local_accounts, sessions
from shared.auth.account_paths import SIGN_OUT, TENANT
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import NotAllowed
from shared.i18n import get_translator
from shared.settings import Settings
from shared.ui import account_menu
from tests.auth.audit_trail import trail
from tests.auth.browsers import Browser, Gallery, target
from tests.auth.people import LIMITS, NOW, add_account, add_tenant, later, signed_in
from tests.store.servers import sqlite_template

NEIGHBOUR = "nachbarstadt"
_FORM = re.compile(r'<form method="post" action="([^"]+)">(.*?)</form>')
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@pytest.fixture
def settings(local_settings: Settings) -> Settings:
    local_settings.data_dir.mkdir()
    Path(local_settings.data_dir, "gallery.db").write_bytes(sqlite_template())
    return local_settings


@pytest.fixture
def gallery(house: Engine, settings: Settings) -> Iterator[Gallery]:
    made = Gallery(house, settings)
    add_tenant(house, NEIGHBOUR)
    yield made
    made.runner.close()


@pytest.fixture
def browser(gallery: Gallery) -> Browser:
    """Anna, signed in, with a role in two municipalities."""
    roles = {HOME_TENANT: "sachbearbeitung", NEIGHBOUR: "viewer"}
    add_account(gallery.engine, "anna", roles)  # type: ignore[arg-type]
    made = gallery.browser()
    made.sign_in()
    return made


def menu(gallery: Gallery, browser: Browser, language: str = "de") -> str:
    view = sessions.lookup(gallery.engine, browser.cookie(), NOW)
    assert view is not None
    t = get_translator(language)  # type: ignore[arg-type]
    return account_menu._menu(gallery.services, view, t)


def forms(html: str) -> dict[str, dict[str, str]]:
    """Fields of each form by its address without query."""
    return {
        unescape(action).partition("?")[0]: {
            name: unescape(value) for name, value in _FIELD.findall(body)
        }
        for action, body in _FORM.findall(html)
    }


def last_event(gallery: Gallery) -> tuple[str, str, str]:
    entry = trail(gallery.engine)[-1]
    return entry.event, entry.outcome, entry.reason_code


def role_of(gallery: Gallery, browser: Browser) -> tuple[str, str]:
    view = sessions.lookup(gallery.engine, browser.cookie(), NOW)
    assert view is not None
    return view.principal.active_tenant, view.principal.role


def test_it_says_who_she_is_here(gallery: Gallery, browser: Browser) -> None:
    shown = menu(gallery, browser)
    assert "<br />Rolle: Sachbearbeitung<br />Kommune: Musterstadt</p>" in shown
    assert "/verwaltung" not in shown
    assert "Passwort ändern" in shown
    assert "Casework" in menu(gallery, browser, "en")


def test_names_are_text_and_never_markup(gallery: Gallery, browser: Browser) -> None:
    add_tenant(gallery.engine, '<b>"x')
    local_accounts.set_role(gallery.engine, "anna", '<b>"x', "viewer", NOW)
    shown = menu(gallery, browser)
    assert "<b>" not in shown
    assert "&lt;b&gt;&quot;x" in shown


def test_the_form_stays_the_same_until_the_session_ends(gallery: Gallery, browser: Browser) -> None:
    before = menu(gallery, browser)
    gallery.clock.now = later(seconds=LIMITS.absolute_s // 2)
    assert menu(gallery, browser) == before


def test_she_signs_out(gallery: Gallery, browser: Browser) -> None:
    answer = browser.post(SIGN_OUT, forms(menu(gallery, browser))[SIGN_OUT])
    assert target(answer) == ("/konto/anmelden", {"ende": "1", "sprache": "de"})
    assert browser.ping() == 401


def test_she_changes_the_municipality_and_gets_a_new_cookie(
    gallery: Gallery, browser: Browser
) -> None:
    cookie = browser.cookie()
    fields = forms(menu(gallery, browser))[TENANT]
    answer = browser.post(TENANT, fields | {"kommune": NEIGHBOUR, "weiter": "/datenraum"})
    assert target(answer) == ("/datenraum", {})
    assert browser.cookie() != cookie
    assert sessions.lookup(gallery.engine, cookie, NOW) is None
    assert role_of(gallery, browser) == (NEIGHBOUR, "viewer")
    assert "<br />Rolle: Ansicht<br />Kommune: nachbarstadt</p>" in menu(gallery, browser)
    assert last_event(gallery) == ("tenant_switch", "ok", "")


@pytest.mark.parametrize("tenant", ["fremdstadt", "", "MUSTERSTADT"], ids=["other", "none", "case"])
def test_a_municipality_without_a_role_stays_closed(
    gallery: Gallery, browser: Browser, tenant: str
) -> None:
    add_tenant(gallery.engine, "fremdstadt")
    fields = forms(menu(gallery, browser))[TENANT]
    answer = browser.post(TENANT, fields | {"kommune": tenant})
    assert answer.status_code == 403
    assert role_of(gallery, browser) == (HOME_TENANT, "sachbearbeitung")
    assert last_event(gallery) == ("tenant_switch", "refused", NotAllowed.code)


def test_only_its_own_form_changes_the_municipality(gallery: Gallery, browser: Browser) -> None:
    made = forms(menu(gallery, browser))
    add_account(gallery.engine, "bert")
    _, other = signed_in(gallery.engine, local_accounts.get_account(gallery.engine, "bert"))
    foreign = gallery.services.tokens.give(TENANT, other.csrf_secret, NOW)
    for token in ("", "1.2", made[SIGN_OUT]["formular"], foreign):
        answer = browser.post(TENANT, {"formular": token, "kommune": NEIGHBOUR})
        assert answer.status_code == 403
    assert role_of(gallery, browser) == (HOME_TENANT, "sachbearbeitung")


def test_it_leads_to_no_other_place(gallery: Gallery, browser: Browser) -> None:
    fields = forms(menu(gallery, browser))[TENANT] | {"kommune": NEIGHBOUR}
    answer = browser.post(TENANT, fields | {"weiter": "//evil.example"})
    assert target(answer) == ("/", {})


def test_without_a_session_it_leads_to_the_form(gallery: Gallery) -> None:
    answer = gallery.browser().post(TENANT, {"kommune": HOME_TENANT})
    assert target(answer) == ("/konto/anmelden", {"ende": "1", "sprache": "de"})


def test_one_municipality_needs_no_choice(gallery: Gallery) -> None:
    add_account(gallery.engine, "bert")
    browser = gallery.browser()
    browser.sign_in("bert")
    assert list(forms(menu(gallery, browser))) == [SIGN_OUT]
