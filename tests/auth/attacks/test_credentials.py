"""What is no session: secrets in the wrong place, values that only look like one, ended ones."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import select

from shared.auth import local_accounts, sessions
from shared.auth.account_paths import PASSWORD as PASSWORD_PATH, SIGN_IN, SIGN_OUT, TENANT
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.sessions import SessionView
from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.contracts.identity.tokens import sign_token
from shared.store.engine import read_scope
from shared.store.identity_models import SessionRow
from tests.auth.attacks.stack import ATTACKER, Stack, assert_nobody, cookie_header
from tests.auth.browsers import Browser, target
from tests.auth.people import LIMITS, NOW, PASSWORD, add_account, add_tenant, later, signed_in
from tests.oidc import forge

ADMIN = Principal("admin", "Admin", {HOME_TENANT: "admin"}, HOME_TENANT)
SERVICE = Principal("job", "", {HOME_TENANT: "service"}, HOME_TENANT, kind="service")


@dataclass(frozen=True)
class Known:
    """What the attacker has found out about a session that goes on."""

    cookie: str
    view: SessionView
    form_cookie: str
    token_sha256: str


@pytest.fixture
def known(stack: Stack, victim: Browser) -> Known:
    view = sessions.lookup(stack.engine, victim.cookie(), NOW)
    assert view is not None
    with read_scope(stack.engine) as session:
        token_sha256 = session.scalars(select(SessionRow.token_sha256)).one()
    stranger = stack.browser(ATTACKER)
    stranger.form()
    form_cookie = stranger.cookie("ukg_formular")
    assert form_cookie
    return Known(victim.cookie(), view, form_cookie, token_sha256)


def installation_token(principal: Principal) -> str:
    return sign_token(principal, OKPKey.derive_key("installation"), "urn:urbanki:1", forge.NOW)


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def as_cookie(value: str, name: str = "ukg_session") -> dict[str, Any]:
    return {"headers": {"Cookie": f"{name}={value}"}}


def urlsafe(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


BASIC = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
WRONG_PLACES: dict[str, Callable[[Known], dict[str, Any]]] = {
    "bearer-access-token": lambda _: bearer(forge.token()),
    "bearer-installation-token": lambda _: bearer(installation_token(ADMIN)),
    "bearer-service-token": lambda _: bearer(installation_token(SERVICE)),
    "bearer-cookie-value": lambda known: bearer(known.cookie),
    "basic-name-and-password": lambda _: {"headers": {"Authorization": f"Basic {BASIC}"}},
    "cookie-value-in-query": lambda known: {"query": f"?ukg_session={known.cookie}"},
    "cookie-value-in-path": lambda known: {"query": f";ukg_session={known.cookie}"},
    "cookie-value-in-own-header": lambda known: {"headers": {"Ukg_session": known.cookie}},
    "session-headers": lambda known: {
        "headers": {
            "X-UKG-Session": known.view.id,
            "X-UKG-Subject": known.view.principal.subject,
            "x_ukg_session": known.view.id,
        }
    },
    "token-as-cookie": lambda _: as_cookie(forge.token()),
    "session-name-as-cookie": lambda known: as_cookie(known.view.id),
    "session-name-padded": lambda known: as_cookie(known.view.id.ljust(43, "A")),
    "form-secret-as-cookie": lambda known: as_cookie(known.view.csrf_secret),
    "form-cookie-as-session": lambda known: as_cookie(known.form_cookie),
    "hash-of-table-as-cookie": lambda known: as_cookie(known.token_sha256),
    "hash-of-cookie-as-cookie": lambda known: as_cookie(urlsafe(known.cookie)),
    "account-as-cookie": lambda known: as_cookie(known.view.principal.subject.ljust(43, "_")),
    "other-prefix": lambda known: as_cookie(known.cookie, "__Secure-ukg_session"),
    "host-prefix-on-http": lambda known: as_cookie(known.cookie, "__Host-ukg_session"),
    "name-in-capitals": lambda known: as_cookie(known.cookie, "UKG_SESSION"),
    "value-in-other-case": lambda known: as_cookie(known.cookie.swapcase()),
    "value-cut": lambda known: as_cookie(known.cookie[:-1]),
    "value-and-more": lambda known: as_cookie(f"{known.cookie}A"),
    "value-quoted": lambda known: as_cookie(f'"{known.cookie}"'),
    "value-percent-encoded": lambda known: as_cookie(
        f"%{ord(known.cookie[0]):x}{known.cookie[1:]}"
    ),
    "value-with-sql": lambda known: as_cookie("' OR 1=1 --".ljust(43)),
    "value-wildcards": lambda known: as_cookie("%" * 43),
    "streamlit-sign-in": lambda known: as_cookie(known.cookie, "_streamlit_user"),
}


@pytest.mark.parametrize("name", WRONG_PLACES)
def test_secrets_in_the_wrong_place_are_nobody(stack: Stack, known: Known, name: str) -> None:
    assert_nobody(stack, **WRONG_PLACES[name](known))
    assert stack.opens_stream(cookie_header(known.cookie)), "the session itself goes on"


def _sign_out(stack: Stack, victim: Browser) -> None:
    assert target(victim.sign_out())[0] == SIGN_IN


def _change_password(stack: Stack, victim: Browser) -> None:
    new = "Möwe-Kutter-Anker-Deich-88"
    typed = {"bisher": PASSWORD, "neu": new, "wiederholung": new}
    assert target(victim.post(PASSWORD_PATH, victim.password_forms()[0] | typed))[0] == "/"


def _change_password_elsewhere(stack: Stack, victim: Browser) -> None:
    elsewhere = stack.browser()
    elsewhere.sign_in()
    _change_password(stack, elsewhere)


def _switch_tenant(stack: Stack, victim: Browser) -> None:
    view = sessions.lookup(stack.engine, victim.cookie(), NOW)
    assert view is not None
    token = stack.services.tokens.give(TENANT, view.csrf_secret, NOW)
    assert target(victim.post(TENANT, {TOKEN_FIELD: token, "kommune": "nachbarstadt"}))[0] == "/"


def _sign_in_anew(stack: Stack, victim: Browser) -> None:
    """In the same browser, from a form that was open already."""
    other = stack.browser()
    sent = other.form() | {"benutzername": "anna", "passwort": PASSWORD}
    both = {"cookie": f"ukg_formular={other.cookie('ukg_formular')}; ukg_session={victim.cookie()}"}
    assert target(stack.browser().post(SIGN_IN, sent, headers=both))[0] == "/"


def _idle(stack: Stack, victim: Browser) -> None:
    stack.clock.now = later(minutes=30)


def _ten_hours(stack: Stack, victim: Browser) -> None:
    """Someone works all day long."""
    view = sessions.lookup(stack.engine, victim.cookie(), NOW)
    assert view is not None
    for minutes in range(0, 600, 20):
        sessions.touch(stack.engine, view.id, LIMITS, later(minutes=minutes))
    stack.clock.now = later(hours=10)


def _disable(stack: Stack, victim: Browser) -> None:
    local_accounts.disable(stack.engine, "anna", NOW)
    stack.clock.now += timedelta(seconds=1)


def _reset(stack: Stack, victim: Browser) -> None:
    local_accounts.reset_password(stack.engine, "anna", NOW)
    stack.clock.now += timedelta(seconds=1)


def _end_all(stack: Stack, victim: Browser) -> None:
    account = local_accounts.get_account(stack.engine, "anna")
    assert sessions.end_by_subject(stack.engine, account.id)
    stack.clock.now += timedelta(seconds=1)


ENDS = {
    "signed-out": _sign_out,
    "password-changed": _change_password,
    "password-changed-elsewhere": _change_password_elsewhere,
    "municipality-changed": _switch_tenant,
    "signed-in-anew": _sign_in_anew,
    "idle-30-minutes": _idle,
    "ten-hours": _ten_hours,
    "account-disabled": _disable,
    "password-reset": _reset,
    "ended-by-administration": _end_all,
}


@pytest.fixture
def two_places(stack: Stack) -> Browser:
    """The browser of a clerk who works in two municipalities."""
    add_tenant(stack.engine, "nachbarstadt")
    roles: Any = {HOME_TENANT: "sachbearbeitung", "nachbarstadt": "viewer"}
    add_account(stack.engine, "anna", roles)
    browser = stack.browser()
    browser.sign_in()
    return browser


@pytest.mark.parametrize("name", ENDS)
def test_a_stolen_cookie_ends_with_its_session(
    stack: Stack, two_places: Browser, name: str
) -> None:
    stolen = two_places.cookie()
    headers = {"cookie": f"ukg_session={stolen}"}
    assert stack.browser(ATTACKER).get("/sovia", headers=headers).status_code == 200
    ENDS[name](stack, two_places)
    assert_nobody(stack, headers=headers)


FORMS = {
    "sign-out-for-password": (SIGN_OUT, PASSWORD_PATH),
    "sign-out-for-municipality": (SIGN_OUT, TENANT),
    "password-for-sign-out": (PASSWORD_PATH, SIGN_OUT),
    "password-for-municipality": (PASSWORD_PATH, TENANT),
    "municipality-for-password": (TENANT, PASSWORD_PATH),
    "municipality-for-sign-out": (TENANT, SIGN_OUT),
    "sign-in-for-municipality": (SIGN_IN, TENANT),
    "sign-in-for-sign-out": (SIGN_IN, SIGN_OUT),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_does_what_it_was_made_for_alone(stack: Stack, victim: Browser, name: str) -> None:
    made_for, sent_to = FORMS[name]
    view = sessions.lookup(stack.engine, victim.cookie(), NOW)
    assert view is not None
    token = stack.services.tokens.give(made_for, view.csrf_secret, NOW)
    new = "Möwe-Kutter-Anker-Deich-88"
    fields = {"bisher": PASSWORD, "neu": new, "wiederholung": new, "kommune": HOME_TENANT}
    with stack.unchanged():
        answer = victim.post(sent_to, fields | {TOKEN_FIELD: token})
        assert answer.status_code == 403
        assert "Das Formular ist abgelaufen." in answer.text
    assert victim.ping() == 204


OVERRIDES: dict[str, dict[str, Any]] = {
    "header": {"headers": {"X-HTTP-Method-Override": "POST"}},
    "header-of-another-kind": {"headers": {"X-Method-Override": "POST", "X-HTTP-Method": "POST"}},
    "query": {"params": {"_method": "POST"}},
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_header_makes_a_link_a_form(stack: Stack, victim: Browser, name: str) -> None:
    """A picture on another site could name such an address."""
    with stack.unchanged():
        for path in (SIGN_OUT, TENANT):
            assert victim.get(path, **OVERRIDES[name]).status_code == 405
    assert victim.ping() == 204


def test_people_who_sign_in_at_once_get_their_own_sessions(stack: Stack) -> None:
    names = [f"person{number}" for number in range(6)]
    accounts = {name: add_account(stack.engine, name) for name in names}
    browsers = {name: stack.browser(ATTACKER) for name in names}
    forms = {name: browsers[name].form() for name in names}

    async def at_once() -> None:
        posts = [
            browsers[name].client.post(
                SIGN_IN,
                data=forms[name] | {"benutzername": name, "passwort": PASSWORD},
                headers={"origin": stack.origin},
            )
            for name in names
        ]
        await asyncio.gather(*posts)

    stack.runner.run(at_once())
    for name in names:
        view = sessions.lookup(stack.engine, browsers[name].cookie(), NOW)
        assert view is not None
        assert view.principal.subject == accounts[name].id
        page = browsers[name].get("/sovia").text
        assert page == f"{view.id} {accounts[name].id}"
    assert len({browsers[name].cookie() for name in names}) == len(names)


def test_a_session_of_another_installation_is_nobody(stack: Stack, known: Known) -> None:
    """The same account and secret, but a row that is not in this database."""
    cookie, view = signed_in(stack.engine, local_accounts.get_account(stack.engine, "anna"))
    sessions.end(stack.engine, view.id)
    assert_nobody(stack, **as_cookie(cookie))
