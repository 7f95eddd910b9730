"""Every kind of address asked by everybody: each role at home and elsewhere, guests, nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from shared.auth import local_accounts, sessions
from shared.auth.kiosk import MOST_AT_THE_DOOR, MOST_GUESTS, KioskGuests
from shared.auth.kiosk_routes import kiosk_routes
from shared.auth.services import account_services
from shared.auth.upload_rules import SESSION_HEADER
from shared.contracts.identity.principal import (
    DEMO_TENANT,
    HOME_TENANT,
    PLATFORM_TENANT,
    Principal,
)
from shared.settings import Settings
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import AccountRoleRow, SessionRow
from shared.store.store import open_store
from tests.auth.attacks.stack import ATTACKER, Stack, assert_nobody, cookie_header
from tests.auth.browsers import Browser
from tests.auth.people import LIMITS, NOW, add_account, add_tenant

FOREIGN, ASLEEP = "nachbarstadt", "ruhestadt"
ADDRESSES = {
    "page": ("GET", "/start"),
    "app-for-viewers": ("GET", "/sovia"),
    "app-for-clerks": ("GET", "/archivair"),
    "app-below": ("GET", "/archivair/akte"),
    "app-in-capitals": ("GET", "/ARCHIVAIR"),
    "app-by-post": ("POST", "/archivair"),
    "upload": ("PUT", "/_stcore/upload_file/own/file"),
    "delete-upload": ("DELETE", "/_stcore/upload_file/own/file"),
    "metrics": ("GET", "/_stcore/metrics"),
    "agent": ("POST", "/_stcore/agent/mcp"),
    "streamlit-login": ("GET", "/auth/login"),
    "streamlit-callback": ("GET", "/oauth2callback"),
    "unknown-account-page": ("GET", "/konto/admin"),
}
CLERK = {"page", "app-for-viewers", "app-for-clerks", "app-below", "app-in-capitals", "app-by-post"}
UPLOADS = {"upload", "delete-upload"}
OPEN_TO = {
    "nobody": set(),
    "without-role": {"page"},
    "gast": {"page"},
    "viewer": {"page", "app-for-viewers"},
    "sachbearbeitung": CLERK | UPLOADS,
    "admin": CLERK | UPLOADS | {"metrics"},
    "service": {"page"},
    "plattform_admin": {"page"},
    "admin-elsewhere": {"page"},
    "admin-of-sleeping-municipality": {"page"},
    "platform-role-in-municipality": {"page"},
    "admin-of-platform": {"page"},
    "unknown-role": {"page"},
}
"""Which addresses answer whom; all else is refused."""
ROLES = {
    "without-role": (HOME_TENANT, ""),
    "gast": (HOME_TENANT, "gast"),
    "viewer": (HOME_TENANT, "viewer"),
    "sachbearbeitung": (HOME_TENANT, "sachbearbeitung"),
    "admin": (HOME_TENANT, "admin"),
    "service": (HOME_TENANT, "service"),
    "plattform_admin": (PLATFORM_TENANT, "plattform_admin"),
    "admin-elsewhere": (FOREIGN, "admin"),
    "admin-of-sleeping-municipality": (ASLEEP, "admin"),
    "platform-role-in-municipality": (HOME_TENANT, "plattform_admin"),
    "admin-of-platform": (PLATFORM_TENANT, "admin"),
    "unknown-role": (HOME_TENANT, "kaiser"),
}
"""Municipality and role in the database, whoever has put it there."""


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """With more municipalities."""
    add_tenant(stack.engine, FOREIGN)
    add_tenant(stack.engine, ASLEEP, active=False)
    add_tenant(stack.engine, PLATFORM_TENANT)
    return stack


def cookie_of(stack: Stack, who: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sign somebody in who has this role, and has opened the page named "own"."""
    tenant, role = ROLES[who]
    account = add_account(stack.engine, "jemand", {})
    with session_scope(stack.engine) as session:
        if role:
            values = {"account_id": account.id, "tenant": tenant, "role": role}
            session.execute(insert(AccountRoleRow).values(**values))
    acting = Principal(account.id, "", {}, HOME_TENANT if who == "admin-elsewhere" else tenant)
    about: dict[str, Any] = {"mode": "lokal", "limits": LIMITS, "now": NOW}
    cookie, view = sessions.create(stack.engine, acting, **about)
    own = {SESSION_HEADER: view.id}
    monkeypatch.setattr(
        "shared.auth.upload_rules.header_at_connect", lambda page, name: own.get(name, "")
    )
    return cookie


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("who", OPEN_TO)
def test_an_address_answers_those_alone_who_may(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, who: str, address: str
) -> None:
    headers = {}
    if who != "nobody":
        headers = {"cookie": f"ukg_session={cookie_of(stack, who, monkeypatch)}"}
    method, path = ADDRESSES[address]
    with stack.unchanged():
        answer = stack.browser(ATTACKER).ask(method, path, headers=headers)
    is_open = address in OPEN_TO[who]
    assert (answer.status_code == 200) is is_open
    assert len(stack.reached) == is_open
    if not is_open:
        assert answer.status_code in ({302, 401, 404} if who == "nobody" else {403, 404})


WISHES: dict[str, dict[str, Any]] = {
    "query": {"params": {"kommune": FOREIGN, "tenant": FOREIGN, "rolle": "admin", "role": "admin"}},
    "query-of-the-session": {"params": {"ukg_subject": "admin", "x-ukg-subject": "admin"}},
    "query-mode": {"params": {"mode": "kiosk", "auth_mode": "", "URBANKI_AUTH_MODE": "kiosk"}},
    "headers": {"headers": {"X-Tenant": FOREIGN, "X-Role": "admin", "X-Roles": "admin"}},
    "proxy-headers": {"headers": {"X-Forwarded-User": "admin", "Remote-User": "admin"}},
    "guards-headers": {"headers": {"X-UKG-Role": "admin", "x_ukg_tenant": FOREIGN}},
    "cookies": {"cookies": "kommune=nachbarstadt; rolle=admin; role=admin"},
    "bearer": {"headers": {"Authorization": "Bearer admin"}},
    "rewritten-address": {"headers": {"X-Original-URL": "/start", "X-Rewrite-URL": "/start"}},
}


@pytest.mark.parametrize("name", WISHES)
def test_nobody_chooses_role_or_municipality(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    wish = dict(WISHES[name])
    cookie = f"ukg_session={cookie_of(stack, 'viewer', monkeypatch)}"
    cookie = "; ".join(filter(None, [cookie, wish.pop("cookies", "")]))
    headers = {"cookie": cookie} | wish.pop("headers", {})
    browser = stack.browser(ATTACKER)
    with stack.unchanged():
        for path in ("/archivair", "/_stcore/metrics"):
            assert browser.get(path, headers=headers, **wish).status_code == 403
        assert browser.ask("PUT", "/_stcore/upload_file/own/x", headers=headers).status_code == 403
        assert browser.get("/sovia", headers=headers, **wish).status_code == 200
    assert stack.reached == ["/sovia"]


# --- guests ---------------------------------------------------------------------------------


@pytest.fixture
def kiosk(house: Engine, settings: Settings) -> Iterator[Stack]:
    """The kiosk of a house that has accounts from another time."""
    chosen = settings.model_copy(update={"mode": "kiosk"})
    guests = KioskGuests(open_store(settings))
    services = replace(
        account_services(house, chosen, LIMITS, "Galerie"), guests=guests, clock=lambda: NOW
    )
    made = Stack(
        house,
        chosen,
        account_pages=lambda services: kiosk_routes(services, guests),
        services=services,
    )
    yield made
    made.runner.close()
    guests.store.engine.dispose()


ESCAPES = {
    "sign-in": ("GET", "/konto/anmelden", 404),
    "sign-in-form": ("POST", "/konto/anmelden", 404),
    "password": ("GET", "/konto/passwort", 404),
    "sign-out": ("POST", "/konto/abmelden", 404),
    "municipality": ("POST", "/konto/kommune", 404),
    "provider": ("GET", "/konto/rueckruf", 404),
    "back-channel": ("POST", "/konto/rueckkanal", 404),
    "administration": ("GET", "/konto/verwaltung", 404),
    "metrics": ("GET", "/_stcore/metrics", 403),
    "upload": ("PUT", "/_stcore/upload_file/own/x", 403),
    "delete": ("DELETE", "/_stcore/upload_file/own/x", 403),
    "agent": ("GET", "/_stcore/agent/mcp", 404),
    "streamlit-login": ("GET", "/auth/login", 404),
    "app-for-clerks": ("GET", "/archivair", 403),
    "app-with-query": ("GET", "/archivair?rolle=admin&kommune=musterstadt&mode=", 403),
    "new-tab": ("GET", "/archivair/akte", 403),
}


def opens_page(kiosk: Stack, address: str) -> bool:
    """Visit as a browser does: ask for the page, then open its websocket."""
    visitor = kiosk.browser(address)
    status = visitor.get("/").status_code
    return status == 200 and kiosk.opens_stream(cookie_header(visitor.cookie()))


def test_a_visitor_without_cookies_takes_no_place_from_others(kiosk: Stack) -> None:
    for _ in range(3 * MOST_GUESTS):
        assert kiosk.browser(ATTACKER).get("/").status_code == 200
    assert opens_page(kiosk, "203.0.113.9")
    assert opens_page(kiosk, ATTACKER)
    with read_scope(kiosk.engine) as session:
        rows = session.scalar(select(func.count()).select_from(SessionRow))
    assert rows == MOST_AT_THE_DOOR + 1


def test_the_places_are_for_open_pages_and_the_21st_waits(kiosk: Stack) -> None:
    for _ in range(MOST_GUESTS):
        assert opens_page(kiosk, ATTACKER)
    assert not opens_page(kiosk, "203.0.113.9")
    assert kiosk.browser("203.0.113.9").get("/").status_code == 503


@pytest.mark.parametrize("name", ESCAPES)
def test_guests_stay_where_they_are(kiosk: Stack, name: str) -> None:
    method, path, status = ESCAPES[name]
    guest = kiosk.browser(ATTACKER)
    assert guest.get("/").status_code == 200
    reached = len(kiosk.reached)
    with kiosk.unchanged():
        assert guest.ask(method, path, headers={"origin": kiosk.origin}).status_code == status
    assert len(kiosk.reached) == reached


def test_an_account_is_nobody_in_the_kiosk(kiosk: Stack) -> None:
    """The cookie of an administration makes a guest of her like of everybody else."""
    account = local_accounts.get_account(kiosk.engine, "admin")
    about: dict[str, Any] = {"mode": "lokal", "limits": LIMITS, "now": NOW}
    cookie, _ = sessions.create(kiosk.engine, account.principal(), **about)
    headers = {"cookie": f"ukg_session={cookie}"}
    browser: Browser = kiosk.browser(ATTACKER)
    page = browser.get("/sovia", headers=headers)
    assert account.id not in page.text
    assert browser.get("/_stcore/metrics", headers=headers).status_code == 401
    assert not kiosk.opens_stream(cookie_header(cookie))


def test_a_guest_is_nobody_where_people_sign_in(stack: Stack) -> None:
    acting = Principal("gast-1", "", {DEMO_TENANT: "gast"}, DEMO_TENANT, kind="guest")
    about: dict[str, Any] = {"mode": "kiosk", "limits": LIMITS, "now": NOW}
    cookie, _ = sessions.create(stack.engine, acting, **about)
    assert_nobody(stack, headers={"cookie": f"ukg_session={cookie}"})


def test_a_session_of_the_provider_is_nobody_where_accounts_are_local(stack: Stack) -> None:
    acting = Principal("f1e2", "", {HOME_TENANT: "admin"}, HOME_TENANT)
    about: dict[str, Any] = {"mode": "keycloak", "limits": LIMITS, "now": NOW}
    cookie, _ = sessions.create(stack.engine, acting, **about)
    assert_nobody(stack, headers={"cookie": f"ukg_session={cookie}"})
