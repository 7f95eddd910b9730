"""Signing in and out at a real provider, through the guard and the account pages as they run."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from sqlalchemy import Engine, select

from shared.auth import keycloak, provider_routes, refreshing, sessions
from shared.auth.audit_log import log_folder
from shared.auth.keycloak import GrantRefused, TokenAnswer
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.oidc_settings import OidcSettings
from shared.auth.person_tokens import person_tokens
from shared.auth.provider import SignInProvider
from shared.auth.secret_box import load_secret_box
from shared.auth.session_tokens import StoredTokens
from shared.errors import NotSignedIn, SignInServiceDown
from shared.settings import Settings
from shared.store.engine import make_engine, read_scope, session_scope
from shared.store.identity_models import PendingLoginRow, SessionRow
from tests.auth.audit_trail import trail
from tests.auth.people import add_account
from tests.oidc.browser import SignInPage
from tests.oidc.gallery import LIMITS, LINK, ORIGIN, Gallery, Visitor, running_gallery
from tests.oidc.realm import (
    CLERK,
    DEMOTED,
    GONE,
    GRANTED,
    LOSING,
    NOBODY,
    RETURNING,
    SECOND,
    Realm,
    settings_of,
)
from tests.store.servers import local_settings, sqlite_template  # noqa: F401  # fixtures
from tests.timing import TRIES, wait_until

HEARD_WITHIN_S = 60
NO_ROLE = "Ihr Konto hat keine Rolle. Bitte wenden Sie sich an Ihre Administration."
FAILED = "Die Anmeldung ist nicht gelungen. Bitte beginnen Sie die Anmeldung noch einmal."
DOWN = "Der Anmeldedienst ist nicht erreichbar."
ENDED = "Sie wurden abgemeldet. Gespeicherte Arbeit bleibt erhalten."
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}")


@pytest.fixture
def settings(local_settings: Settings) -> Settings:  # noqa: F811
    local_settings.data_dir.mkdir()
    Path(local_settings.data_dir, "gallery.db").write_bytes(sqlite_template())
    return local_settings.model_copy(update={"auth_mode": "keycloak"})


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def gallery(realm: Realm, engine: Engine, settings: Settings) -> Iterator[Gallery]:
    while not realm.notices.empty():
        realm.notices.get()
    provider = SignInProvider(settings_of(realm), load_secret_box(settings))
    with running_gallery(engine, settings, provider) as running:
        yield running


@pytest.fixture
def visitor(gallery: Gallery) -> Iterator[Visitor]:
    with gallery.browser() as opened:
        yield opened


def events(gallery: Gallery) -> list[tuple[str, str, str]]:
    return [(entry.event, entry.outcome, entry.reason_code) for entry in trail(gallery.engine)]


def soon(seconds: float = 30) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def text_of(page: httpx.Response) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page.text))


def way_back(visitor: Visitor, person: Any = CLERK, path: str = "/sovia") -> str:
    """Sign in, but stop with the address that the provider sends the browser to."""
    visitor._stops = (f"{ORIGIN}/konto/rueckruf",)
    found = visitor.go(f"{ORIGIN}{path}", person)
    visitor._stops = ()
    return found


def tokens_of(gallery: Gallery) -> Any:
    (session_id,) = gallery.session_ids()
    tokens = StoredTokens(gallery.engine, gallery.provider.box, session_id).read()
    assert tokens is not None
    return tokens


# --- signing in -----------------------------------------------------------------------------


def test_a_person_signs_in_and_sees_what_she_wanted(gallery: Gallery, visitor: Visitor) -> None:
    assert visitor.ping() == 401
    page = visitor.open("/sovia?lauf=7", CLERK)
    assert str(page.url) == f"{ORIGIN}/sovia?lauf=7"
    assert text_of(page).startswith("Anna Beispiel sachbearbeitung herten")
    assert visitor.ping() == 204
    session = visitor.session()
    assert session is not None
    assert session.mode == sessions.KEYCLOAK
    assert dict(session.principal.roles_by_tenant) == dict.fromkeys(
        ("herten", "musterstadt"), "sachbearbeitung"
    )
    assert session.absolute_expires_at - session.created_at == timedelta(seconds=LIMITS.absolute_s)
    assert events(gallery) == [("login", "ok", "")]


def test_the_cookies_are_for_this_host_alone_and_not_for_scripts(visitor: Visitor) -> None:
    back = way_back(visitor)
    (given,) = visitor.get("/konto/anmelden?start=1").headers.get_list("set-cookie") or [""]
    assert given == ""  # the browser has it already
    (line,) = visitor.get(back).headers.get_list("set-cookie")
    assert re.fullmatch(r"ukg_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax", line)


def test_app_grants_hold(visitor: Visitor) -> None:
    assert visitor.open("/sovia", GRANTED).status_code == 200
    session = visitor.session()
    assert session is not None
    assert session.principal.app_grants == frozenset({"sovia"})
    assert visitor.get("/aviary").status_code == 403


def test_the_municipality_can_be_changed(gallery: Gallery, visitor: Visitor) -> None:
    visitor.open("/", CLERK)
    visitor.open("/konto/anmelden?start=1", CLERK)
    session = visitor.session()
    assert session is not None
    token = gallery.services.tokens.give(
        "/konto/kommune", session.csrf_secret, gallery.services.clock()
    )
    sent = {TOKEN_FIELD: token, "kommune": "musterstadt", "weiter": "/sovia"}
    assert visitor.post("/konto/kommune", sent).status_code == 303
    assert text_of(visitor.get("/sovia")).startswith("Anna Beispiel sachbearbeitung musterstadt")
    # Renewed tokens name the groups in their own order; what the person has chosen stays.
    gallery.let_run_out(soon())
    visitor.ping()
    assert "musterstadt" in visitor.get("/sovia").text


def test_without_a_wish_the_sign_in_page_waits_for_a_click(visitor: Visitor) -> None:
    page = visitor.get("/konto/anmelden")
    assert page.status_code == 200
    assert "Sie melden sich beim Anmeldedienst Ihrer Kommune an." in text_of(page)
    (link,) = LINK.findall(page.text)
    assert visitor.get(unescape(link)).status_code == 303
    assert page.headers["cache-control"] == "no-store"
    assert "English" in page.text
    assert "municipality" in visitor.get("/konto/anmelden?sprache=en").text


def test_a_login_begins_at_the_host_that_the_provider_sends_people_back_to(
    gallery: Gallery,
) -> None:
    url = f"http://127.0.0.1:{gallery.port}/konto/anmelden?weiter=/sovia"
    answer = httpx.get(url)
    assert "set-cookie" not in answer.headers
    there = f"{ORIGIN}/konto/anmelden?start=hier&weiter=%2Fsovia&sprache=de"
    assert answer.headers["location"] == there
    # Behind a proxy that names another host it does not go round in circles.
    again = httpx.get(there.replace(ORIGIN, f"http://127.0.0.1:{gallery.port}"))
    assert again.headers["location"].startswith(gallery.provider.settings.issuer)


def test_whoever_was_signed_out_reads_so_first(gallery: Gallery, visitor: Visitor) -> None:
    visitor.open("/konto/anmelden?start=1", CLERK)
    (session_id,) = gallery.session_ids()
    sessions.end(gallery.engine, session_id)
    page = visitor.get("/konto/anmelden?weiter=/sovia")
    assert (page.status_code, ENDED in text_of(page)) == (200, True)
    assert ENDED in text_of(visitor.get("/konto/anmelden?ende=1&weiter=/sovia"))
    assert visitor.get("/konto/anmelden?weiter=/sovia").status_code == 303


def test_whoever_is_signed_in_is_not_asked_again(visitor: Visitor) -> None:
    visitor.open("/konto/anmelden?start=1", CLERK)
    answer = visitor.get("/konto/anmelden?start=1&weiter=/sovia")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sovia")


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/konto/abmelden", ""]
)
def test_a_login_leads_to_no_other_place(visitor: Visitor, wanted: str) -> None:
    page = visitor.open(f"/konto/anmelden?{urlencode({'start': 1, 'weiter': wanted})}", CLERK)
    assert str(page.url) == f"{ORIGIN}/"


def test_a_second_login_replaces_the_session(gallery: Gallery, visitor: Visitor) -> None:
    first, second = way_back(visitor), ""
    visitor._stops = (f"{ORIGIN}/konto/rueckruf",)
    second = visitor.go(f"{ORIGIN}/konto/anmelden?start=1&weiter=/aviary")
    visitor._stops = ()
    visitor.get(first)
    (before,) = gallery.session_ids()
    answer = visitor.get(second)
    assert answer.headers["location"] == "/aviary"
    (after,) = gallery.session_ids()
    assert after != before
    assert events(gallery)[1:] == [("logout", "ok", "neue_anmeldung"), ("login", "ok", "")]


# --- what must not work ---------------------------------------------------------------------


def test_a_person_without_a_role_is_told_so_and_stays_out(
    gallery: Gallery, visitor: Visitor
) -> None:
    page = visitor.get(way_back(visitor, NOBODY))
    assert (page.status_code, NO_ROLE in text_of(page)) == (403, True)
    assert gallery.session_ids() == []
    assert events(gallery) == [("login", "refused", "rolle_fehlt")]
    with pytest.raises(SignInPage):
        visitor.go(f"{ORIGIN}/konto/anmelden?start=1")


def refused(gallery: Gallery, page: httpx.Response, reason: str) -> None:
    assert (page.status_code, FAILED in text_of(page)) == (400, True)
    assert not re.search(r"ukg_session=\w", page.headers.get("set-cookie", ""))
    assert gallery.session_ids() == []
    assert events(gallery)[-1] == ("login", "refused", f"anmeldung_gescheitert:{reason}")


def test_an_answer_counts_only_in_the_browser_that_has_asked(
    gallery: Gallery, visitor: Visitor
) -> None:
    back = way_back(visitor)
    with gallery.browser() as victim:
        refused(gallery, victim.get(back), "browser")
        # With a login of its own under way it has a cookie, but another one.
    with gallery.browser() as victim:
        victim.get("/konto/anmelden?start=1")
        refused(gallery, victim.get(way_back(visitor)), "browser")


def test_an_answer_counts_once(gallery: Gallery, visitor: Visitor) -> None:
    back = way_back(visitor)
    assert visitor.get(back).status_code == 303
    # The back button: she is signed in already.
    assert visitor.get(back).headers["location"] == "/"
    sessions.end(gallery.engine, gallery.session_ids()[0])
    refused(gallery, visitor.get(back), "state")


def changed(address: str, **values: str) -> str:
    parts = urlsplit(address)
    query = {name: found[0] for name, found in parse_qs(parts.query).items()} | values
    return parts._replace(query=urlencode(query)).geturl()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: changed(url, state="A" * 43), "state"),
        (lambda url: url.replace("state=", "zustand="), "state"),
        (lambda url: changed(url, iss="https://evil.example/realms/urbanki"), "iss"),
        (lambda url: changed(url, code="invented"), "code"),
        (lambda url: changed(url, code="a b"), "code_form"),
        (lambda url: f"{url}&code=second", "repeated"),
        (
            lambda url: changed(
                url, error="<script>alert(1)</script>", error_description="\r\nX: y"
            ),
            "provider_said_no",
        ),
    ],
    ids=["state", "no_state", "issuer", "code", "code_form", "repeated", "error"],
)
def test_a_wrong_answer_begins_no_session(
    gallery: Gallery, visitor: Visitor, change: Callable[[str], str], reason: str
) -> None:
    page = visitor.get(change(way_back(visitor)))
    refused(gallery, page, reason)
    assert "alert(" not in page.text


def test_a_login_that_takes_too_long_has_to_begin_anew(
    gallery: Gallery, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = way_back(visitor)
    monkeypatch.setattr("shared.auth.oidc_flow.PENDING_S", 0)
    time.sleep(0.01)
    refused(gallery, visitor.get(back), "late")


def test_a_session_of_a_local_account_does_not_count(
    gallery: Gallery, visitor: Visitor, engine: Engine, settings: Settings
) -> None:
    from shared.auth import local_accounts

    now = datetime.now(UTC)
    local_accounts.first_start(engine, now)
    account = add_account(engine)
    cookie, view = sessions.create(
        engine, account.principal(), mode=sessions.LOCAL, limits=LIMITS, now=now
    )
    visitor._client.cookies.set("ukg_session", cookie, domain="localhost.local", path="/")
    assert visitor.ping() == 401
    assert visitor.get("/").status_code == 302
    assert gallery.services.present(view) is None


def test_there_are_no_pages_of_local_accounts(visitor: Visitor) -> None:
    visitor.open("/konto/anmelden?start=1", CLERK)
    assert visitor.post("/konto/anmelden", {"benutzername": "a"}).status_code == 405
    assert visitor.get("/konto/passwort").status_code == 404


def test_old_logins_do_not_pile_up(
    gallery: Gallery, visitor: Visitor, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        visitor.get("/konto/anmelden?start=1")
    monkeypatch.setattr("shared.auth.one_use.PENDING_S", 0)
    time.sleep(0.01)
    visitor.get("/konto/anmelden?start=1")
    with read_scope(engine) as session:
        assert len(session.scalars(select(PendingLoginRow)).all()) == 1


# --- the provider's word --------------------------------------------------------------------


def test_a_session_is_renewed_before_the_word_of_the_provider_ends(
    realm: Realm, gallery: Gallery, visitor: Visitor
) -> None:
    assert "admin" in visitor.open("/sovia", DEMOTED).text
    old = tokens_of(gallery)
    assert visitor.ping() == 204
    assert tokens_of(gallery) == old
    realm.give_roles(DEMOTED, ("viewer",))
    gallery.let_run_out(soon())
    assert visitor.ping() == 204
    assert tokens_of(gallery).refresh_token != old.refresh_token
    assert "viewer" in visitor.get("/sovia").text


def end_word_of(gallery: Gallery, visitor: Visitor) -> None:
    """Let the provider's word end soon, for one session alone."""
    view = visitor.session()
    assert view is not None
    with session_scope(gallery.engine) as session:
        row = session.get_one(SessionRow, view.id)
        row.access_expires_at = soon()


def test_a_role_that_one_browser_has_lost_is_lost_in_all_at_once(
    realm: Realm, gallery: Gallery, visitor: Visitor
) -> None:
    """Nothing tells the gallery of a withdrawn role before a renewal does; then all must know."""
    visitor.open("/sovia", LOSING)
    with gallery.browser() as second:
        assert "admin" in second.open("/sovia", LOSING).text
        realm.give_roles(LOSING, ("viewer",))
        end_word_of(gallery, visitor)
        assert visitor.ping() == 204
        time.sleep(1.1)  # the guard remembers an answer for a second
        assert "viewer" in second.get("/sovia").text
        assert second.get("/aviary").status_code == 403


def test_a_new_login_with_fewer_roles_counts_in_all_browsers(
    realm: Realm, gallery: Gallery, visitor: Visitor
) -> None:
    assert "admin" in visitor.open("/sovia", RETURNING).text
    realm.give_roles(RETURNING, ("viewer",))
    with gallery.browser() as second:
        assert "viewer" in second.open("/sovia", RETURNING).text
        time.sleep(1.1)
        assert "viewer" in visitor.get("/sovia").text


def test_ten_questions_at_once_renew_once(
    gallery: Gallery, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.open("/sovia", CLERK)
    gallery.let_run_out(soon(-1))
    calls = []

    def refresh(settings: OidcSettings, token: str) -> TokenAnswer:
        calls.append(token)
        return real(settings, token)

    real = keycloak.refresh
    monkeypatch.setattr(keycloak, "refresh", refresh)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(visitor.ping())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [204] * 10
    assert len(calls) == 1


def test_the_session_of_somebody_who_was_locked_out_ends(
    realm: Realm, gallery: Gallery, visitor: Visitor
) -> None:
    visitor.open("/sovia", GONE)
    realm.disable(GONE)
    assert visitor.ping() == 204  # the word that she has is still good
    gallery.let_run_out(soon())
    assert visitor.ping() == 401
    assert gallery.session_ids() == []
    assert events(gallery)[-1] == ("session_end", "ok", "anmeldedienst")
    assert visitor.get("/sovia").status_code in {302, 401}


def silent(*_: object) -> TokenAnswer:
    raise SignInServiceDown(reason="test")


def test_a_silent_provider_ends_no_session_before_its_word_ends(
    gallery: Gallery, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.open("/sovia", CLERK)
    monkeypatch.setattr(refreshing.keycloak, "refresh", silent)
    gallery.let_run_out(soon())
    assert visitor.ping() == 204
    gallery.let_run_out(soon(-1))
    assert visitor.ping() == 401
    assert gallery.session_ids() == []


def test_sessions_that_wait_for_a_silent_provider_do_not_stop_the_others(
    gallery: Gallery, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.open("/sovia", CLERK)
    (session_id,) = gallery.session_ids()
    view = sessions.by_id(gallery.engine, session_id, datetime.now(UTC))
    assert view is not None
    release = threading.Event()

    def hang(*_: object, **__: object) -> None:
        release.wait(100)
        raise NotSignedIn

    monkeypatch.setattr(gallery.provider.__class__, "tokens_of", hang)
    gallery.let_run_out(soon())
    view = sessions.by_id(gallery.engine, session_id, datetime.now(UTC))
    waiting = [threading.Thread(target=gallery.services.present, args=(view,)) for _ in range(4)]
    for thread in waiting:
        thread.start()
    try:
        assert visitor.ping() == 204
        assert all(thread.is_alive() for thread in waiting), "those who wait still do"
    finally:
        release.set()
        for thread in waiting:
            thread.join(20)


def test_answers_that_wait_for_a_silent_provider_leave_threads_for_others(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, at_once = threading.Event(), []

    def hang(*_: object, **__: object) -> None:
        at_once.append(None)
        release.wait(100)
        raise SignInServiceDown(reason="test")

    monkeypatch.setattr(provider_routes, "finish_login", hang)
    back = f"http://127.0.0.1:{gallery.port}/konto/rueckruf?code=a"
    waiting = [
        threading.Thread(target=httpx.get, args=(back,), kwargs={"timeout": 120}) for _ in range(8)
    ]
    for thread in waiting:
        thread.start()
    try:
        wait_until(lambda: len(at_once) == 4, 60)
        time.sleep(0.3)
        assert len(at_once) == 4
    finally:
        release.set()
        for thread in waiting:
            thread.join(30)
    assert len(at_once) == 8


def test_a_provider_that_cannot_be_reached_is_named(
    engine: Engine, settings: Settings, realm: Realm
) -> None:
    away = settings_of(realm, internal_url="http://127.0.0.1:9", timeout_s=1.0)
    provider = SignInProvider(away, load_secret_box(settings))
    with running_gallery(engine, settings, provider) as gallery, gallery.browser() as visitor:
        page = visitor.get("/konto/anmelden?weiter=/sovia")
        assert (page.status_code, DOWN in text_of(page)) == (503, True)
        (link,) = LINK.findall(page.text)
        assert unescape(link) == "/konto/anmelden?start=1&weiter=%2Fsovia&sprache=de"
        back = visitor.get(f"/konto/rueckruf?code=a&state={'A' * 43}")
        assert (back.status_code, DOWN in text_of(back)) == (503, True)


# --- signing out ----------------------------------------------------------------------------


def test_a_logout_ends_both_sessions(gallery: Gallery, visitor: Visitor) -> None:
    visitor.open("/sovia", CLERK)
    tokens = tokens_of(gallery)
    answer = visitor.sign_out()
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (
        303,
        "/konto/anmelden",
    )
    assert gallery.session_ids() == []
    assert visitor.ping() == 401
    with pytest.raises(GrantRefused):
        keycloak.refresh(gallery.provider.settings, tokens.refresh_token)
    with pytest.raises(SignInPage):
        visitor.go(f"{ORIGIN}/konto/anmelden?start=1")
    assert events(gallery)[1:] == [("logout", "ok", "")]


def test_the_browser_signs_out_itself_where_the_gallery_could_not(
    gallery: Gallery, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.open("/sovia", CLERK)
    monkeypatch.setattr(keycloak, "end_session", lambda *_: False)
    page = visitor.sign_out()
    assert page.status_code == 200
    assert gallery.session_ids() == []
    (link,) = LINK.findall(page.text)
    end = visitor.go(unescape(link))
    assert end == f"{ORIGIN}/konto/anmelden"
    with pytest.raises(SignInPage):
        visitor.go(f"{ORIGIN}/konto/anmelden?start=1")


def test_a_logout_without_a_provider_says_what_is_left_to_do(
    gallery: Gallery, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.open("/sovia", CLERK)
    monkeypatch.setattr(SignInProvider, "addresses", silent)
    page = visitor.sign_out()
    assert "Bitte schließen Sie den Browser" in text_of(page)
    assert gallery.session_ids() == []
    assert visitor.ping() == 401


@pytest.mark.parametrize("token", ["", "1.2", "0.0"])
def test_nobody_is_signed_out_by_another_page(
    gallery: Gallery, visitor: Visitor, token: str
) -> None:
    visitor.open("/sovia", CLERK)
    assert visitor.post("/konto/abmelden", {TOKEN_FIELD: token}).status_code == 403
    foreign = visitor.post("/konto/abmelden", {TOKEN_FIELD: token}, origin="https://evil.example")
    assert foreign.status_code == 403
    assert visitor.get("/konto/abmelden").status_code == 405
    assert visitor.ping() == 204


def test_a_logout_without_a_session_leads_to_the_sign_in_page(visitor: Visitor) -> None:
    answer = visitor.post("/konto/abmelden", {TOKEN_FIELD: "1.2"})
    assert answer.headers["location"].startswith("/konto/anmelden?ende=1")


# --- the back channel -----------------------------------------------------------------------


def ended_elsewhere(realm: Realm, gallery: Gallery, visitor: Visitor) -> Any:
    """Let another client sign the same person out, and return what the provider sends us."""
    from tests.oidc.conftest import House

    house = House(realm, SECOND)
    url, binding = house.begin()
    visitor._stops = (house.settings.redirect_uri,)
    answer = visitor.answer(url)
    visitor._stops = ()
    theirs = house.finish(answer, binding)
    assert keycloak.end_session(house.settings, theirs.tokens.refresh_token)
    return realm.notices.get(timeout=HEARD_WITHIN_S)


def test_a_logout_elsewhere_ends_the_session_within_a_second(
    realm: Realm, gallery: Gallery
) -> None:
    took_s = inf
    for _ in range(TRIES):  # a busy machine holds anybody up for a second now and then
        with gallery.browser() as visitor:
            visitor.open("/sovia", CLERK)
            notice = ended_elsewhere(realm, gallery, visitor)
            start = time.monotonic()
            answer = gallery.hear(notice)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            assert gallery.session_ids() == []
            took_s = min(took_s, time.monotonic() - start)
            assert visitor.ping() == 401
        if took_s < 1:
            break
    assert took_s < 1
    assert events(gallery)[-1] == ("backchannel_logout", "ok", "sitzungen:1")
    # Once.
    assert gallery.hear(notice).status_code == 400
    assert events(gallery)[-1] == ("backchannel_logout", "refused", "replay")


def test_a_notice_leaves_the_sessions_of_others_alone(
    realm: Realm, gallery: Gallery, visitor: Visitor
) -> None:
    visitor.open("/sovia", CLERK)
    with gallery.browser() as other:
        other.open("/sovia", GRANTED)
        with gallery.browser() as same_person:
            same_person.open("/sovia", CLERK)
            gallery.hear(ended_elsewhere(realm, gallery, visitor))
            assert [seen.ping() for seen in (visitor, other, same_person)] == [401, 204, 204]


@pytest.mark.parametrize("body", [b"", b"logout_token=a.b.c", b"x" * 2**20, b"\xff", b"a=b"])
def test_what_is_no_notice_ends_nothing(gallery: Gallery, visitor: Visitor, body: bytes) -> None:
    visitor.open("/sovia", CLERK)
    url = f"http://127.0.0.1:{gallery.port}/konto/rueckkanal"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert httpx.post(url, content=body, headers=form).status_code == 400
    assert httpx.get(url).status_code == 405
    before = gallery.session_ids()
    access = tokens_of(gallery).access_token
    sent = httpx.post(url, data={"logout_token": access})
    assert sent.status_code == 400
    assert gallery.session_ids() == before


# --- tokens ---------------------------------------------------------------------------------


def test_pages_ask_the_model_server_with_the_token_of_the_person(
    gallery: Gallery, visitor: Visitor
) -> None:
    visitor.open("/sovia", CLERK)
    session = visitor.session()
    assert session is not None
    source = person_tokens(gallery.services, session.principal)
    assert source.token() == tokens_of(gallery).access_token == source.renew()
    gallery.let_run_out(soon())
    assert source.token() == tokens_of(gallery).access_token
    sessions.end(gallery.engine, session.id)
    with pytest.raises(NotSignedIn):
        source.token()


def test_tokens_stay_between_gallery_and_provider(
    gallery: Gallery,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    visitor.open("/sovia", CLERK)
    gallery.let_run_out(soon())
    visitor.ping()
    secret = tokens_of(gallery)
    pages = [visitor.get(path) for path in ("/sovia", "/konto/anmelden", "/konto/ping")]
    told = "".join(f"{page.headers}{page.text}" for page in pages)
    dump = Path(settings.data_dir, "gallery.db").read_bytes()
    files = [
        dump,
        *(file.read_bytes() for file in log_folder(settings).rglob("*") if file.is_file()),
    ]
    for value in (secret.access_token, secret.refresh_token, secret.id_token):
        assert value not in told
        assert value not in caplog.text
        assert not any(value.encode() in content for content in files)
    assert not TOKEN.search(told)
    assert "Anna Beispiel" in told
