"""Who reaches which path: nobody, clerks, guests, people who must change their password first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.routing import Match, Route

from shared.auth import local_accounts, sessions
from shared.auth.kiosk import new_guest
from shared.auth.kiosk_routes import kiosk_routes
from shared.auth.local_accounts import Account
from shared.auth.provider_routes import provider_routes
from shared.auth.request_rules import METHODS
from shared.auth.routes import account_routes
from shared.auth.services import AccountServices
from shared.auth.sessions import SessionView
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import DatabaseBusy, DatabaseUnreachable
from shared.settings import Settings
from tests.auth.guarded import Guarded
from tests.auth.people import HOME, LIMITS, NOW, add_account, later, signed_in

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
OPEN_PATHS = [
    "/healthz",
    "/_stcore/health",
    "/konto/anmelden",
    "/konto/abmelden",
    "/konto/passwort",
    "/konto/kommune",
    "/konto/ping",
    "/konto/wache.js",
    "/oberflaeche/page.js",
    "/oberflaeche/gallery.css",
    "/oberflaeche/favicon.svg",
    "/oberflaeche/default_dark.svg",
    "/oberflaeche/schriften/atkinson-hyperlegible-latin-400-normal.woff2",
]
PAGES = [
    "/",
    "/start",
    "/aviary",
    "/sovia",
    "/konto/verwaltung",
    "/favicon.png",
    "/x/y",
]
PARTS = [
    "/_stcore/host-config",
    "/_stcore/stream",
    "/_stcore/upload_file/a/b",
    "/_stcore/metrics",
    "/_stcore/metrics/",
    "/_stcore/script-health-check",
    "/_stcore/bidi-components/x/y.js",
    "/_stcore/healthy",
    "/component/streamlit_folium.st_folium/index.html",
    "/media/0123.png",
    "/static/js/index.js",
    "/app/static/x.png",
    "/oberflaeche/other.svg",
    "/oberflaeche/page.js/x",
]
CLOSED = [
    "/_stcore/agent",
    "/_stcore/agent/mcp",
    "/_stcore/agent/openapi.json",
    "/%5fstcore/agent/mcp",
    "/_stcore/%61gent/interact",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
    "/konto/",
    "/konto/x",
    "/konto/anmelden/",
    "/konto/verwaltung/x",
]


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_what_is_open(guarded: Guarded, path: str) -> None:
    assert guarded.ask(path).status == 200
    assert guarded.app_asked == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_led_to_the_login_form(guarded: Guarded, path: str, method: str) -> None:
    answer = guarded.ask(path, method)
    assert answer.status == 302
    assert answer.header("location").split("?")[0] == "/konto/anmelden"
    assert guarded.app.scopes == []


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/", "/konto/anmelden"),
        ("/sovia", "/konto/anmelden?weiter=%2Fsovia"),
        ("/sovia?lauf=7&a=b", "/konto/anmelden?weiter=%2Fsovia%3Flauf%3D7%26a%3Db"),
        ("/sovia?a=<script>", "/konto/anmelden"),
        ("/a/b", "/konto/anmelden"),
        ("/sovia?u=https://evil.example", "/konto/anmelden"),
    ],
)
def test_the_login_leads_back_to_pages_only(guarded: Guarded, asked: str, location: str) -> None:
    assert guarded.ask(asked).header("location") == location


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PARTS)
def test_nobody_gets_parts_of_pages(guarded: Guarded, path: str, method: str) -> None:
    assert guarded.ask(path, method).status == 401
    assert guarded.app.scopes == []


@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/konto/ping", "/_stcore/agent/mcp"])
def test_nobody_opens_a_websocket(guarded: Guarded, path: str) -> None:
    assert guarded.socket_answer(path) == "websocket.close"
    assert guarded.app.scopes == []


@pytest.mark.parametrize("path", ["/", "/konto/ping", "/healthz", "/_stcore/streamx", "/media/a"])
def test_there_is_one_websocket(guarded: Guarded, annas_cookie: str, path: str) -> None:
    assert guarded.socket_answer(path, cookie=annas_cookie) == "websocket.close"
    assert guarded.socket_answer(cookie=annas_cookie) == "websocket.accept"


@pytest.mark.parametrize("path", CLOSED)
def test_closed_paths_do_not_exist(guarded: Guarded, annas_cookie: str, path: str) -> None:
    for cookie in ("", annas_cookie):
        answer = guarded.ask(path, cookie=cookie)
        assert answer.status == 404
        is_page = path.startswith("/konto/")
        assert ("Diese Seite gibt es nicht." in answer.body.decode()) == is_page
        assert guarded.ask(path, "POST", cookie=cookie).status == 404
    assert guarded.app.scopes == []


OPEN_BY_MODE = {
    "lokal": {"anmelden", "abmelden", "passwort", "kommune", "ping", "wache.js"},
    "keycloak": {
        *("anmelden", "abmelden", "rueckruf", "rueckkanal"),
        *("kommune", "ping", "wache.js"),
    },
    "kiosk": {"weiter", "neustart", "ping", "wache.js"},
}


@pytest.mark.parametrize("mode", OPEN_BY_MODE)
def test_each_mode_has_its_own_account_pages(
    engine: Engine, settings: Settings, house: Engine, mode: str
) -> None:
    """What a mode does not answer would be answered by Streamlit, with its page."""
    update = {"mode": "kiosk"} if mode == "kiosk" else {"auth_mode": mode}
    served = Guarded(engine, settings.model_copy(update=update))
    names = set().union(*OPEN_BY_MODE.values())
    status = {name: served.ask(f"/konto/{name}").status for name in sorted(names)}
    served.runner.close()
    assert {name for name in names if status[name] == 200} == OPEN_BY_MODE[mode]
    assert {status[name] for name in names - OPEN_BY_MODE[mode]} == {404}


def _routes(services: AccountServices, mode: str) -> list[Route]:
    if mode == "kiosk":
        return kiosk_routes(services, OnePlace(services.engine))
    if mode == "keycloak":
        return provider_routes(services, SimpleNamespace())  # type: ignore[arg-type]
    return account_routes(services)


@pytest.mark.parametrize("mode", OPEN_BY_MODE)
def test_open_account_pages_are_those_that_answer_every_method(guarded: Guarded, mode: str) -> None:
    routes = _routes(guarded.services, mode)
    own = [route for route in routes if "{" not in route.path]
    assert {route.path.removeprefix("/konto/") for route in own} == OPEN_BY_MODE[mode]
    for route in own:
        for method in METHODS:
            asked = {"type": "http", "path": route.path, "method": method}
            assert route.matches(asked)[0] is Match.FULL, (route.path, method)


@pytest.mark.parametrize(
    "path",
    [*PAGES, *(part for part in PARTS if not part.startswith(("/_stcore/upload", "/media")))],
)
def test_clerks_get_pages_and_their_parts(guarded: Guarded, annas_cookie: str, path: str) -> None:
    expected = 403 if path.startswith("/_stcore/metrics") else 200
    assert guarded.ask(path, cookie=annas_cookie).status == expected
    assert len(guarded.app.scopes) == (expected == 200)


@pytest.mark.parametrize(
    ("cookies", "status"),
    [
        ("ukg_session={0}", 200),
        ("a=b; ukg_session={0}; c=d", 200),
        ("ukg_session={0}; ukg_session={0}", 302),
        ("ukg_session={0}; ukg_session=planted", 302),
        ("ukg_session=", 302),
        ("ukg_session=x{0}", 302),
        ("UKG_SESSION={0}", 302),
        ("__Host-ukg_session={0}", 302),
    ],
)
def test_one_cookie_counts(guarded: Guarded, annas_cookie: str, cookies: str, status: int) -> None:
    header = (b"cookie", cookies.format(annas_cookie).encode())
    assert guarded.ask(headers=[header]).status == status


def test_two_cookie_headers_are_one_cookie_too_many(guarded: Guarded, annas_cookie: str) -> None:
    header = (b"cookie", f"ukg_session={annas_cookie}".encode())
    assert guarded.ask(headers=[header, header]).status == 302


def test_after_the_end_a_cookie_counts_no_more(
    guarded: Guarded, engine: Engine, anna: Account
) -> None:
    cookie, session = signed_in(engine, anna)
    assert guarded.ask(cookie=cookie).status == 200
    sessions.end(engine, session.id)
    guarded.clock.now = later(seconds=1)
    assert guarded.ask(cookie=cookie).status == 302
    assert guarded.ask("/media/a", cookie=cookie).status == 401


def _admin(engine: Engine) -> str:
    return signed_in(engine, add_account(engine, "berta", {HOME_TENANT: "admin"}))[0]


def test_metrics_are_for_the_administration(
    guarded: Guarded, engine: Engine, house: Engine
) -> None:
    assert guarded.ask("/_stcore/metrics", cookie=_admin(engine)).status == 200
    assert guarded.denials() == []


def test_a_refusal_stands_in_the_audit(guarded: Guarded, annas_cookie: str) -> None:
    answer = guarded.ask("/_stcore/metrics", cookie=annas_cookie)
    assert answer.status == 403
    assert "Berechtigung" in answer.body.decode()
    assert answer.header("content-type").startswith("text/plain")
    assert guarded.denials() == [
        {
            "app": "",
            "object_id": "metrics",
            "outcome": "refused",
            "reason_code": "keine_berechtigung",
            "ip_prefix": HOME,
            "role": "sachbearbeitung",
        }
    ]


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("path", ["/archivair", "/archivair/", "/ARCHIVAIR", "/archivair/x"])
def test_an_app_needs_its_role(
    guarded: Guarded, engine: Engine, house: Engine, path: str, language: str
) -> None:
    viewer = signed_in(engine, add_account(engine, "vera", {HOME_TENANT: "viewer"}))[0]
    answer = guarded.ask(f"{path}?sprache={language}", cookie=viewer)
    assert answer.status == 403
    text = {"de": "Dafür fehlt Ihnen die Berechtigung", "en": "You are not allowed"}[language]
    assert text in answer.body.decode()
    assert [row["app"] for row in guarded.denials()] == ["archivair"]
    assert guarded.ask("/sovia", cookie=viewer).status == 200


def test_an_app_needs_its_grant(guarded: Guarded, engine: Engine, house: Engine) -> None:
    account = add_account(engine, app_grants={HOME_TENANT: frozenset({"aviary"})})
    cookie = signed_in(engine, account)[0]
    assert guarded.ask("/sovia", cookie=cookie).status == 403
    assert guarded.ask("/aviary", cookie=cookie).status == 200
    assert guarded.ask("/", cookie=cookie).status == 200


def test_an_admin_of_one_municipality_is_nobody_elsewhere(
    guarded: Guarded, engine: Engine, house: Engine
) -> None:
    cookie, session = signed_in(engine, add_account(engine, "eva", {}))
    assert session.principal.role == "gast"
    assert guarded.ask("/sovia", cookie=cookie).status == 403
    assert guarded.ask("/_stcore/metrics", cookie=cookie).status == 403


def test_who_must_change_the_password_gets_nothing_else(
    guarded: Guarded, engine: Engine, house: Engine
) -> None:
    account = add_account(engine)
    local_accounts.reset_password(engine, "anna", NOW)
    cookie = signed_in(engine, account)[0]
    answer = guarded.ask("/sovia?lauf=7", cookie=cookie)
    assert answer.status == 302
    assert answer.header("location") == "/konto/passwort?weiter=%2Fsovia%3Flauf%3D7"
    for path in ("/media/a", "/_stcore/host-config", "/_stcore/metrics", "/static/js/index.js"):
        assert guarded.ask(path, cookie=cookie).status == 401
    assert guarded.ask("/_stcore/upload_file/a/b", "PUT", cookie=cookie).status == 401
    assert guarded.socket_answer(cookie=cookie) == "websocket.close"
    assert guarded.app.scopes == []
    assert guarded.ask("/konto/passwort", cookie=cookie).status == 200


@dataclass
class OnePlace:
    """Stands for the kiosk."""

    engine: Engine
    taken: bool = False
    began: list[tuple[str, datetime]] = field(default_factory=list)
    entered: list[tuple[str, datetime]] = field(default_factory=list)

    def begin(self, ip: str, now: datetime) -> tuple[str, SessionView] | None:
        self.began.append((ip, now))
        if self.taken:
            return None
        return sessions.create(self.engine, new_guest(), mode="kiosk", limits=LIMITS, now=now)

    def enter(self, session_id: str, now: datetime) -> bool:
        self.entered.append((session_id, now))
        if self.taken:
            sessions.end(self.engine, session_id)
        return not self.taken


@pytest.fixture
def kiosk(engine: Engine, settings: Settings, house: Engine) -> Any:
    place = OnePlace(engine)
    served = Guarded(engine, settings.model_copy(update={"mode": "kiosk"}), guests=place)
    yield served, place
    served.runner.close()


def test_guests_need_no_login(kiosk: tuple[Guarded, OnePlace]) -> None:
    served, place = kiosk
    answer = served.ask("/")
    assert answer.status == 200
    assert place.began == [("192.0.2.77", NOW)]
    name, _, rest = answer.header("set-cookie").partition("=")
    assert name == "ukg_session" and rest.endswith("; Path=/; HttpOnly; SameSite=Lax")
    again = served.ask("/", cookie=rest.partition(";")[0])
    assert again.status == 200 and again.header("set-cookie") == ""
    assert len(place.began) == 1
    assert served.ask("/sovia", cookie=rest.partition(";")[0]).status == 403
    upload = served.ask("/_stcore/upload_file/a/b", "PUT", cookie=rest.partition(";")[0])
    assert upload.status == 403
    assert [row["reason_code"] for row in served.denials()] == ["keine_berechtigung"] * 2


def test_without_a_place_guests_wait(kiosk: tuple[Guarded, OnePlace]) -> None:
    served, place = kiosk
    place.taken = True
    answer = served.ask("/")
    assert answer.status == 503
    assert "Bitte warten" in answer.body.decode()
    assert answer.header("refresh") == answer.header("retry-after") == "10"
    assert served.app.scopes == []


def test_an_open_page_takes_a_place(kiosk: tuple[Guarded, OnePlace]) -> None:
    served, place = kiosk
    cookie = served.ask("/").header("set-cookie").partition("=")[2].partition(";")[0]
    for path in ("/", "/static/a", "/konto/ping"):
        assert served.ask(path, cookie=cookie).status == 200
    assert place.entered == []
    assert served.socket_answer(cookie=cookie, headers=[]) == "websocket.close"
    assert place.entered == []
    assert served.socket_answer(cookie=cookie) == "websocket.accept"
    assert len(place.entered) == 1
    place.taken = True
    assert served.socket_answer(cookie=cookie) == "websocket.close"
    assert served.ask("/static/a", cookie=cookie).status == 401
    assert served.ask("/", cookie=cookie).status == 503


def test_only_pages_begin_a_guests_session(kiosk: tuple[Guarded, OnePlace]) -> None:
    served, place = kiosk
    assert served.ask("/media/a").status == 401
    assert served.ask("/", "HEAD").status == 503
    assert served.socket_answer() == "websocket.close"
    assert place.began == []


@pytest.mark.parametrize(
    ("path", "method", "counts"),
    [
        ("/", "GET", True),
        ("/aviary", "GET", True),
        ("/", "HEAD", False),
        ("/static/a", "GET", False),
        ("/static/a", "PUT", False),
        ("/konto/ping", "GET", False),
        ("/_stcore/host-config", "GET", False),
        ("/_stcore/upload_file/own/b", "PUT", True),
        ("/_stcore/upload_file/own/b", "DELETE", False),
    ],
)
def test_what_people_do_keeps_the_session(
    guarded: Guarded,
    engine: Engine,
    anna: Account,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    method: str,
    counts: bool,
) -> None:
    cookie, session = signed_in(engine, anna)
    monkeypatch.setattr("shared.auth.upload_rules.header_at_connect", lambda *_: session.id)
    guarded.clock.now = later(minutes=10)
    assert guarded.ask(path, method, cookie=cookie).status == 200
    kept = sessions.by_id(engine, session.id, guarded.clock.now)
    assert kept is not None
    assert kept.idle_expires_at == later(minutes=40 if counts else 30)


def test_a_websocket_alone_keeps_nobody_in(guarded: Guarded, engine: Engine, anna: Account) -> None:
    cookie, session = signed_in(engine, anna)
    guarded.clock.now = later(minutes=10)
    assert guarded.socket_answer(cookie=cookie) == "websocket.accept"
    kept = sessions.by_id(engine, session.id, guarded.clock.now)
    assert kept is not None and kept.idle_expires_at == session.idle_expires_at


def _broken(*_: object) -> None:
    raise DatabaseUnreachable


def test_without_a_database_nobody_gets_in(
    guarded: Guarded, annas_cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "lookup", _broken)
    page = guarded.ask(cookie=annas_cookie)
    assert page.status == DatabaseUnreachable.http_status
    assert DatabaseUnreachable.user_message in page.body.decode()
    part = guarded.ask("/media/a", cookie=annas_cookie)
    assert part.status == DatabaseUnreachable.http_status
    assert part.header("content-type").startswith("text/plain")
    assert guarded.socket_answer(cookie=annas_cookie) == "websocket.close"
    assert guarded.app.scopes == []


def test_what_cannot_be_noted_is_refused_all_the_same(
    guarded: Guarded,
    annas_cookie: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise DatabaseBusy

    monkeypatch.setattr("shared.auth.audit.write", busy)
    assert guarded.ask("/_stcore/metrics", cookie=annas_cookie).status == 403
    assert DatabaseBusy.code in caplog.text
    assert guarded.app.scopes == []


def test_the_session_of_another_mode_counts_as_none(
    engine: Engine, settings: Settings, annas_cookie: str
) -> None:
    served = Guarded(engine, settings.model_copy(update={"auth_mode": "keycloak"}))
    assert served.ask(cookie=annas_cookie).status == 302
    served.runner.close()


def test_roles_come_from_the_row(guarded: Guarded, engine: Engine, anna: Account) -> None:
    cookie = signed_in(engine, anna)[0]
    assert guarded.ask("/archivair", cookie=cookie).status == 200
    local_accounts.set_role(engine, "anna", HOME_TENANT, "viewer", now=NOW)
    guarded.clock.now = later(seconds=1)
    assert guarded.ask("/archivair", cookie=cookie).status == 403
