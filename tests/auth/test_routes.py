"""The account pages: signing in and out, changing the password, and all that must not work."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from starlette.routing import Route

from shared.auth import local_accounts, routes, sessions
from shared.auth.audit_log import log_folder
from shared.auth.cookies import session_cookie
from shared.auth.local_accounts import Account
from shared.auth.randomness import new_token
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import DatabaseBusy, NotAllowed
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import SessionRow
from tests.auth.audit_trail import trail
from tests.auth.browsers import ORIGIN, PUBLIC, Browser, Gallery, hidden, target
from tests.auth.people import LIMITS, NOW, PASSWORD, add_account, later, signed_in
from tests.store.servers import sqlite_template

NEW = "Möwe-Kutter-Anker-Deich-88"
REFUSED = "Anmeldung nicht möglich. Prüfen Sie Name und Passwort oder warten Sie kurz."
EXPIRED = "Das Formular ist abgelaufen."
PORT = 8501
ENDED = "Sie wurden abgemeldet. Gespeicherte Arbeit bleibt erhalten."
FORMS = ["/konto/anmelden", "/konto/abmelden", "/konto/passwort", "/konto/kommune"]
ELSEWHERE = (
    "//evil.example",
    "https://evil.example",
    f"http://localhost:{PORT}@evil.example",
    "http://127.0.0.1:8501.evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/sovia/../..//evil.example",
    "javascript:alert(1)",
    "/%2f%2fevil.example",
    "%2f%2fevil.example",
    "//evil。example",
    "http://127.0.0.1:0/",
    "/sovia\r\nSet-Cookie: a=b",
    "/sovia\0",
    "/sovia#@evil.example",
    " //evil.example",
    "\t//evil.example",
    "/konto/abmelden",
    "/" + "a" * 41,
    "/sovia?" + "a" * 501,
    "/Sovia",
    "",
)


@pytest.fixture
def settings(local_settings: Settings) -> Settings:
    """SQLite: the other database has nothing that these pages would notice."""
    local_settings.data_dir.mkdir()
    Path(local_settings.data_dir, "gallery.db").write_bytes(sqlite_template())
    return local_settings


@pytest.fixture
def gallery(house: Engine, settings: Settings) -> Iterator[Gallery]:
    found = Gallery(house, settings)
    yield found
    found.runner.close()


@pytest.fixture
def browser(gallery: Gallery, anna: Account) -> Browser:
    """Nobody has signed in with it yet; Anna has an account."""
    return gallery.browser()


def events(gallery: Gallery) -> list[tuple[str, str, str]]:
    return [(entry.event, entry.outcome, entry.reason_code) for entry in trail(gallery.engine)]


def count_sessions(gallery: Gallery) -> int:
    with read_scope(gallery.engine) as session:
        return len(session.scalars(select(SessionRow.id)).all())


def neutral(page: httpx.Response) -> str:
    """A page without the token of its form, the name typed into it and the focus after it."""
    text = page.text.replace(hidden(page)["formular"], "").replace(" autofocus", "")
    return re.sub(r'(autocomplete="username".*) value="[a-z]+"', r"\1", text)


# --- Signing in ---


def test_a_person_signs_in_and_sees_what_she_wanted(gallery: Gallery, browser: Browser) -> None:
    assert browser.ping() == 401
    answer = browser.sign_in(query="?weiter=/sovia%3Flauf%3D7")
    assert target(answer) == ("/sovia", {"lauf": "7"})
    lines = answer.headers.get_list("set-cookie")
    assert lines == [
        f"ukg_session={browser.cookie()}; Path=/; HttpOnly; SameSite=Lax",
        "ukg_formular=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
    ]
    assert browser.ping() == 204
    session = sessions.lookup(gallery.engine, browser.cookie(), NOW)
    assert session is not None and session.principal.role == "sachbearbeitung"
    assert session.absolute_expires_at == NOW + timedelta(seconds=LIMITS.absolute_s)
    assert events(gallery) == [("login", "ok", "")]
    entry = trail(gallery.engine)[0]
    assert (entry.ip_prefix, entry.tenant, bool(entry.subject_hmac)) == (
        "192.0.2.0/24",
        HOME_TENANT,
        True,
    )


def test_who_is_signed_in_needs_no_form(browser: Browser) -> None:
    browser.sign_in()
    assert target(browser.get("/konto/anmelden?weiter=/aviary")) == ("/aviary", {})


def test_the_start_page_is_where_it_goes_on_without_a_wish(browser: Browser) -> None:
    assert target(browser.sign_in()) == ("/", {})


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "falsch"),
        ("niemand", PASSWORD),
        ("zu", PASSWORD),
        ("anna", ""),
        ("", PASSWORD),
        ("", ""),
        ("anna", "x" * 10_000),
        ("anna", "ä" * 10_000),
        ("a" * 10_000, PASSWORD),
        ("an\0na", PASSWORD),
        ("\u202eanna", PASSWORD),
        ("an\u200bna", PASSWORD),
        ("аnna", PASSWORD),  # a Cyrillic letter
        ("anna\r\nSet-Cookie: a=b", PASSWORD),
        ('"><script>alert(1)</script>', PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ],
)
def test_all_refusals_are_the_same(
    gallery: Gallery, browser: Browser, name: str, password: str
) -> None:
    add_account(gallery.engine, "zu")
    local_accounts.disable(gallery.engine, "zu", NOW)
    usual = gallery.browser().sign_in("anna", "ein anderes falsches")
    answer = browser.sign_in(name, password)
    assert answer.status_code == usual.status_code == 401
    assert REFUSED in answer.text
    assert neutral(answer) == neutral(usual)
    assert answer.headers.get_list("set-cookie") == []
    assert browser.ping() == 401
    assert events(gallery)[1:] == [("login", "refused", "anmeldung_abgelehnt")]
    assert count_sessions(gallery) == 0


def test_missing_fields_read_as_empty_ones(browser: Browser) -> None:
    answer = browser.post("/konto/anmelden", browser.form())
    assert (answer.status_code, REFUSED in answer.text) == (401, True)


def test_after_six_wrong_passwords_the_right_one_must_wait(
    gallery: Gallery, browser: Browser
) -> None:
    usual = browser.sign_in("anna", "falsch")
    for number in range(5):
        browser.sign_in("anna", f"falsch {number}")
    blocked = browser.sign_in()
    assert blocked.status_code == 401
    assert neutral(blocked) == neutral(usual)
    gallery.clock.now = later(seconds=31)
    assert target(browser.sign_in()) == ("/", {})


def test_a_person_without_a_role_learns_it(gallery: Gallery, browser: Browser) -> None:
    local_accounts.set_role(gallery.engine, "anna", HOME_TENANT, None, NOW)
    answer = browser.sign_in()
    assert answer.status_code == 403
    text = "Ihr Konto hat keine Rolle. Bitte wenden Sie sich an Ihre Administration."
    assert text in answer.text
    assert (browser.cookie(), count_sessions(gallery)) == ("", 0)
    assert events(gallery) == [("login", "refused", "rolle_fehlt")]


def test_a_name_stays_in_the_form_and_a_password_never(browser: Browser) -> None:
    page = browser.sign_in("ANNA", "ganz-falsches-Passwort").text
    assert 'value="anna"' in page
    assert "ganz-falsches-Passwort" not in page


def test_the_form_keeps_its_goal_after_a_refusal(browser: Browser) -> None:
    answer = browser.sign_in("anna", "falsch", "?weiter=/sovia")
    again = hidden(answer) | {"benutzername": "anna", "passwort": PASSWORD}
    assert target(browser.post("/konto/anmelden", again)) == ("/sovia", {})


# --- Where a form comes from ---


def test_a_form_without_its_token_does_nothing(gallery: Gallery, browser: Browser) -> None:
    for token in ("", "x", "1.2", "\0"):
        answer = browser.sign_in(formular=token)
        assert (answer.status_code, EXPIRED in answer.text) == (403, True)
    assert (count_sessions(gallery), events(gallery)) == (0, [])


def test_a_form_without_its_cookie_does_nothing(gallery: Gallery, browser: Browser) -> None:
    sent = browser.form("?weiter=/sovia") | {"benutzername": "anna", "passwort": PASSWORD}
    browser.client.cookies.clear()
    answer = browser.post("/konto/anmelden", sent)
    assert (answer.status_code, EXPIRED in answer.text) == (403, True)
    assert count_sessions(gallery) == 0
    # The page that says so holds a form that works, and knows where to go.
    again = hidden(answer) | {"benutzername": "anna", "passwort": PASSWORD}
    assert target(browser.post("/konto/anmelden", again)) == ("/sovia", {})


def test_an_expired_form_keeps_its_goal(gallery: Gallery, browser: Browser) -> None:
    sent = browser.form("?weiter=/sovia") | {"benutzername": "anna", "passwort": PASSWORD}
    gallery.clock.now = later(hours=1, seconds=1)
    answer = browser.post("/konto/anmelden", sent)
    assert (answer.status_code, EXPIRED in answer.text) == (403, True)
    assert (hidden(answer)["weiter"], 'value="anna"' in answer.text) == ("/sovia", True)
    again = hidden(answer) | {"benutzername": "anna", "passwort": PASSWORD}
    assert target(browser.post("/konto/anmelden", again)) == ("/sovia", {})


def test_nobody_is_signed_in_under_another_name_unasked(gallery: Gallery, browser: Browser) -> None:
    """Login CSRF: the attacker's own form and password, sent by the browser of somebody else."""
    add_account(gallery.engine, "mallory")
    attacker = gallery.browser()
    sent = attacker.form() | {"benutzername": "mallory", "passwort": PASSWORD}
    for is_first in (True, False):
        answer = browser.post("/konto/anmelden", sent)
        assert (answer.status_code, EXPIRED in answer.text, is_first) == (403, True, is_first)
        browser.form()  # the second time the browser has a form cookie of its own
    assert (browser.cookie(), count_sessions(gallery)) == ("", 0)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8501", ""])
@pytest.mark.parametrize("path", FORMS)
def test_forms_of_other_places_do_nothing(
    gallery: Gallery, browser: Browser, path: str, origin: str
) -> None:
    browser.sign_in()
    change, sign_out = browser.password_forms()
    stranger = gallery.browser()
    sent = {
        "/konto/anmelden": stranger.form() | {"benutzername": "anna", "passwort": PASSWORD},
        "/konto/abmelden": sign_out,
        "/konto/passwort": change | {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW},
        "/konto/kommune": sign_out | {"kommune": HOME_TENANT},
    }[path]
    sender = stranger if path == "/konto/anmelden" else browser
    answer = sender.post(path, sent, headers={"origin": origin})
    assert answer.status_code == 403
    assert "Das Formular kam nicht von einer Seite dieser Galerie." in answer.text
    assert (browser.ping(), count_sessions(gallery)) == (204, 1)
    assert events(gallery) == [("login", "ok", "")]


def test_a_form_without_an_origin_does_nothing(browser: Browser) -> None:
    sent = browser.form() | {"benutzername": "anna", "passwort": PASSWORD}
    assert browser.ask("POST", "/konto/anmelden", data=sent).status_code == 403


def test_a_token_does_not_count_after_signing_in(gallery: Gallery, browser: Browser) -> None:
    sent = browser.form() | {"benutzername": "anna", "passwort": PASSWORD}
    assert target(browser.post("/konto/anmelden", sent))
    browser.sign_out()
    assert browser.post("/konto/anmelden", sent).status_code == 403
    browser.form()
    assert browser.post("/konto/anmelden", sent).status_code == 403
    assert count_sessions(gallery) == 0


def test_two_login_pages_of_a_browser_both_work(browser: Browser) -> None:
    first = browser.form("?weiter=/sovia")
    assert browser.get("/konto/anmelden").headers.get_list("set-cookie") == []
    typed = {"benutzername": "anna", "passwort": PASSWORD}
    assert target(browser.post("/konto/anmelden", first | typed)) == ("/sovia", {})


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"x" * 70_000, {}, 413),
        (b"a=1", {"content-length": "70000"}, 413),
        (b"a=1&a=2", {}, 400),
        (b"a=%ff", {}, 400),
        (b"a=1", {"content-type": "application/json"}, 400),
        (b"&".join(b"f%d=" % number for number in range(50)), {}, 400),
    ],
)
def test_damaged_and_large_forms_get_a_page(
    gallery: Gallery, browser: Browser, content: bytes, headers: dict[str, str], status: int
) -> None:
    usual = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/konto/anmelden", "/konto/abmelden", "/konto/passwort"):
        answer = browser.post(path, content=content, headers=usual | headers)
        assert answer.status_code == status
        assert "Das Formular ist" in answer.text
    assert events(gallery) == []


def test_a_large_body_without_a_length_is_not_collected(browser: Browser) -> None:
    given = 0

    async def parts() -> Any:
        nonlocal given
        for _ in range(1000):
            given += 10_000
            yield b"x" * 10_000

    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post("/konto/anmelden", content=parts(), headers=headers).status_code == 413
    assert given <= 100_000


# --- Cookies ---


def test_a_planted_cookie_does_not_become_a_session(gallery: Gallery, browser: Browser) -> None:
    planted = new_token()
    browser.client.cookies.set("ukg_session", planted)
    browser.client.cookies.set("ukg_formular", "A" * 43)
    sent = browser.form() | {"benutzername": "anna", "passwort": PASSWORD}
    raw = {"cookie": f"ukg_session={planted}; ukg_formular={'A' * 43}"}
    answer = gallery.browser().post("/konto/anmelden", sent, headers=raw)
    assert target(answer) == ("/", {})
    value = answer.headers.get_list("set-cookie")[0].partition(";")[0]
    assert planted not in value
    assert sessions.lookup(gallery.engine, planted, NOW) is None
    assert sessions.lookup(gallery.engine, value.partition("=")[2], NOW) is not None


def test_a_session_that_was_there_ends_at_the_next_sign_in(
    gallery: Gallery, browser: Browser
) -> None:
    mallory = add_account(gallery.engine, "mallory")
    planted, _ = signed_in(gallery.engine, mallory)
    form = browser.get("/konto/anmelden")
    cookies = f"ukg_session={planted}; ukg_formular={browser.cookie('ukg_formular')}"
    sent = hidden(form) | {"benutzername": "anna", "passwort": PASSWORD}
    answer = gallery.browser().post("/konto/anmelden", sent, headers={"cookie": cookies})
    assert target(answer) == ("/", {})
    assert sessions.lookup(gallery.engine, planted, NOW) is None
    assert count_sessions(gallery) == 1
    assert events(gallery) == [("logout", "ok", "neue_anmeldung"), ("login", "ok", "")]


def test_of_two_cookies_of_one_name_none_counts(gallery: Gallery, browser: Browser) -> None:
    browser.sign_in()
    good, stranger = f"ukg_session={browser.cookie()}", gallery.browser()
    for cookies in (
        f"{good}; {good}",
        f"ukg_session={new_token()}; {good}",
        f"{good}; ukg_session=",
    ):
        assert stranger.get("/konto/ping", headers={"cookie": cookies}).status_code == 401
        assert stranger.get("/konto/passwort", headers={"cookie": cookies}).status_code == 303
    form = stranger.get("/konto/anmelden")
    own = f"ukg_formular={stranger.cookie('ukg_formular')}"
    sent = hidden(form) | {"benutzername": "anna", "passwort": PASSWORD}
    two = {"cookie": f"{own}; ukg_formular={new_token()}"}
    assert gallery.browser().post("/konto/anmelden", sent, headers=two).status_code == 403


def test_two_hundred_cookies_hide_nothing(gallery: Gallery, browser: Browser) -> None:
    browser.sign_in()
    many = "; ".join(f"c{number}=ü{number}" for number in range(200))
    headers = {"cookie": f"{many}; ukg_session={browser.cookie()}; {many}".encode()}
    assert gallery.browser().get("/konto/ping", headers=headers).status_code == 204
    assert (
        gallery.browser().get("/konto/ping", headers={"cookie": many.encode()}).status_code == 401
    )


def test_behind_https_cookies_are_secure_and_the_origin_is_the_public_one(
    house: Engine, settings: Settings, anna: Account
) -> None:
    gallery = Gallery(house, settings, PUBLIC)
    browser = gallery.browser()
    answer = browser.sign_in()
    assert target(answer) == ("/", {})
    for line in answer.headers.get_list("set-cookie"):
        assert line.startswith("__Host-ukg_") and line.endswith("; Secure")
    assert browser.ping() == 204
    plain = {"cookie": f"ukg_session={browser.cookie('__Host-ukg_session')}"}
    assert gallery.browser().get("/konto/ping", headers=plain).status_code == 401
    other = gallery.browser()
    sent = other.form() | {"benutzername": "anna", "passwort": PASSWORD}
    for origin in ("http://ki.example.de", ORIGIN):
        assert other.post("/konto/anmelden", sent, headers={"origin": origin}).status_code == 403
    gallery.runner.close()


# --- Where it goes on ---


@pytest.mark.parametrize("path", ELSEWHERE)
def test_signing_in_leads_to_no_other_place(browser: Browser, path: str) -> None:
    assert browser.form(f"?weiter={quote(path, safe='')}")["weiter"] == "/"
    assert target(browser.sign_in(weiter=path)) == ("/", {})
    signed_in_already = browser.get(f"/konto/anmelden?weiter={quote(path, safe='')}")
    assert signed_in_already.headers["location"] == "/"


@pytest.mark.parametrize("path", ELSEWHERE)
def test_changing_the_password_leads_to_no_other_place(
    gallery: Gallery, browser: Browser, path: str
) -> None:
    browser.sign_in()
    assert hidden(browser.get(f"/konto/passwort?weiter={quote(path, safe='')}"))["weiter"] == "/"
    sent = browser.password_forms()[0] | {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW}
    assert browser.post("/konto/passwort", sent | {"weiter": path}).headers["location"] == "/"


# --- Changing the password ---


@pytest.fixture
def printed(gallery: Gallery) -> str:
    """The printed password of the account "neu", which must be changed."""
    roles: Any = {HOME_TENANT: "viewer"}
    _, made = local_accounts.create_account(gallery.engine, "neu", "Neu", roles, now=NOW)
    assert made is not None
    return made


def test_a_printed_password_must_be_changed_first(
    gallery: Gallery, browser: Browser, printed: str
) -> None:
    wanted = ("/konto/passwort", {"weiter": "/sovia", "sprache": "de"})
    assert target(browser.sign_in("neu", printed, "?weiter=/sovia")) == wanted
    assert browser.ping() == 401
    assert target(browser.get("/konto/anmelden?weiter=/sovia")) == wanted
    page = browser.get("/konto/passwort?weiter=/sovia")
    assert "Bitte wählen Sie ein eigenes Passwort. Danach geht es weiter." in page.text
    old = browser.cookie()
    sent = hidden(page) | {"bisher": printed, "neu": NEW, "wiederholung": NEW}
    assert target(browser.post("/konto/passwort", sent)) == ("/sovia", {})
    assert browser.ping() == 204
    assert browser.cookie() not in {"", old}
    assert sessions.lookup(gallery.engine, old, NOW) is None
    assert target(gallery.browser().sign_in("neu", NEW)) == ("/", {})
    assert gallery.browser().sign_in("neu", printed).status_code == 401
    assert events(gallery)[:2] == [("login", "ok", ""), ("account_change", "ok", "passwort")]


def test_who_must_change_may_still_sign_out(
    gallery: Gallery, browser: Browser, printed: str
) -> None:
    browser.sign_in("neu", printed)
    assert target(browser.sign_out())[0] == "/konto/anmelden"
    assert count_sessions(gallery) == 0


def test_only_a_session_without_a_duty_opens_pages(gallery: Gallery, anna: Account) -> None:
    _, session = signed_in(gallery.engine, anna)
    assert routes.may_use_pages(session)
    assert not routes.may_use_pages(replace(session, must_change=True))
    assert not routes.may_use_pages(None)


@pytest.mark.parametrize(
    ("change", "text", "field"),
    [
        ({"bisher": "falsch"}, "Das bisherige Passwort stimmt nicht", "bisher"),
        ({"bisher": ""}, "Das bisherige Passwort stimmt nicht", "bisher"),
        ({"wiederholung": NEW + "x"}, "Die beiden neuen Passwörter sind nicht gleich.", "wieder"),
        ({"wiederholung": ""}, "Die beiden neuen Passwörter sind nicht gleich.", "wieder"),
        ({"neu": "kurz", "wiederholung": "kurz"}, "braucht 12 bis 128 Zeichen", "neu"),
        ({"neu": "", "wiederholung": ""}, "braucht 12 bis 128 Zeichen", "neu"),
        ({"neu": "x" * 10_000, "wiederholung": "x" * 10_000}, "braucht 12 bis 128", "neu"),
        ({"neu": "password1234", "wiederholung": "password1234"}, "leicht zu erraten", "neu"),
        ({"neu": PASSWORD, "wiederholung": PASSWORD}, "Das neue Passwort ist das bisherige", "neu"),
    ],
)
def test_a_refused_change_says_why_at_its_field(
    gallery: Gallery, browser: Browser, change: dict[str, str], text: str, field: str
) -> None:
    browser.sign_in()
    sent = browser.password_forms()[0] | {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW}
    answer = browser.post("/konto/passwort", sent | {"weiter": "/sovia"} | change)
    assert answer.status_code == 400
    assert hidden(answer)["weiter"] == "/sovia"
    wrong = [one for one in Read(answer).inputs if one.get("aria-invalid")]
    assert [one["name"][:6] for one in wrong] == [field]
    assert "fehler" in wrong[0]["aria-describedby"].split()
    assert text in Read(answer).texts["fehler"]
    assert target(gallery.browser().sign_in()) == ("/", {})
    refused = ("account_change", "refused", "passwort_bisher")
    assert (refused in events(gallery)) is ("bisher" in change)
    assert ("account_change", "ok", "passwort") not in events(gallery)


def test_a_change_ends_the_other_sessions(gallery: Gallery, browser: Browser) -> None:
    elsewhere = gallery.browser()
    elsewhere.sign_in()
    browser.sign_in()
    sent = browser.password_forms()[0] | {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW}
    browser.post("/konto/passwort", sent)
    assert (elsewhere.ping(), browser.ping()) == (401, 204)


def test_a_form_of_another_session_changes_nothing(gallery: Gallery, browser: Browser) -> None:
    add_account(gallery.engine, "mallory")
    attacker = gallery.browser()
    attacker.sign_in("mallory")
    browser.sign_in()
    typed = {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW}
    mine, sign_out = browser.password_forms()
    for form in (attacker.password_forms()[0], {"formular": ""}, mine | sign_out):
        answer = browser.post("/konto/passwort", form | typed)
        assert (answer.status_code, EXPIRED in answer.text) == (403, True)
    assert target(gallery.browser().sign_in()) == ("/", {})


def test_without_a_session_there_is_no_password_to_change(browser: Browser) -> None:
    assert target(browser.get("/konto/passwort")) == ("/konto/anmelden", {"sprache": "de"})
    answer = browser.post("/konto/passwort", {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW})
    assert target(answer) == ("/konto/anmelden", {"ende": "1", "sprache": "de"})


@pytest.mark.parametrize("mode", ["keycloak", "kiosk"])
def test_a_session_that_began_in_another_mode_does_not_count(
    gallery: Gallery, browser: Browser, anna: Account, mode: str
) -> None:
    cookie, _ = signed_in(gallery.engine, anna, mode=mode)
    headers = {"cookie": f"ukg_session={cookie}"}
    assert browser.get("/konto/ping", headers=headers).status_code == 401
    assert target(browser.get("/konto/passwort", headers=headers))[0] == "/konto/anmelden"
    changed = browser.post("/konto/passwort", {"neu": ""}, headers=headers)
    assert target(changed)[0] == "/konto/anmelden"


# --- Signing out ---


def test_after_signing_out_nothing_works_any_more(gallery: Gallery, browser: Browser) -> None:
    browser.sign_in()
    old, change = browser.cookie(), browser.password_forms()[0]
    answer = browser.sign_out()
    assert target(answer) == ("/konto/anmelden", {"ende": "1", "sprache": "de"})
    removed = "ukg_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    assert answer.headers.get_list("set-cookie") == [removed]
    assert (browser.cookie(), browser.ping(), count_sessions(gallery)) == ("", 401, 0)
    assert ENDED in browser.get(answer.headers["location"]).text
    assert events(gallery) == [("login", "ok", ""), ("logout", "ok", "")]
    # The cookie of before, as a thief or the back button would send it.
    headers = {"cookie": f"ukg_session={old}"}
    assert browser.get("/konto/ping", headers=headers).status_code == 401
    assert browser.get("/konto/passwort", headers=headers).status_code == 303
    page = browser.get("/konto/anmelden", headers=headers)
    assert (page.status_code, ENDED in page.text) == (200, True)
    assert removed in page.headers.get_list("set-cookie")
    typed = {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW}
    assert target(browser.post("/konto/passwort", change | typed, headers=headers))
    assert gallery.browser().sign_in().status_code == 303


def test_no_page_stays_in_the_memory_of_a_browser(browser: Browser) -> None:
    answers = [browser.get("/konto/anmelden"), browser.sign_in("anna", "falsch"), browser.sign_in()]
    answers += [browser.get("/konto/passwort"), browser.get("/konto/ping"), browser.sign_out()]
    answers += [browser.get("/konto/abmelden"), browser.post("/konto/anmelden", content=b"")]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


def test_nobody_is_signed_out_by_another_page(gallery: Gallery, browser: Browser) -> None:
    add_account(gallery.engine, "mallory")
    attacker = gallery.browser()
    attacker.sign_in("mallory")
    browser.sign_in()
    change, _ = browser.password_forms()
    for form in ({"formular": ""}, attacker.password_forms()[1], change, {"weiter": "/"}):
        answer = browser.post("/konto/abmelden", form)
        assert (answer.status_code, EXPIRED in answer.text) == (403, True)
    assert browser.get("/konto/abmelden").status_code == 405
    assert browser.ping() == 204


def test_signing_out_twice_is_no_error(browser: Browser) -> None:
    browser.sign_in()
    form = browser.password_forms()[1]
    for _ in range(2):
        assert target(browser.post("/konto/abmelden", form))[0] == "/konto/anmelden"


def test_a_form_that_signs_out_counts_as_long_as_the_session(
    gallery: Gallery, browser: Browser
) -> None:
    browser.sign_in()
    form = browser.password_forms()[1]
    session = sessions.lookup(gallery.engine, browser.cookie(), NOW)
    assert session is not None
    for minutes in range(0, 580, 20):
        sessions.touch(gallery.engine, session.id, LIMITS, later(minutes=minutes))
    gallery.clock.now = later(minutes=580)
    assert browser.ping() == 204
    assert target(browser.post("/konto/abmelden", form))[0] == "/konto/anmelden"
    assert browser.ping() == 401


def test_a_session_that_has_ended_by_itself_says_so(gallery: Gallery, browser: Browser) -> None:
    browser.sign_in()
    gallery.clock.now = later(minutes=30)
    assert browser.ping() == 401
    assert ENDED in browser.get("/konto/anmelden").text
    assert ENDED not in browser.get("/konto/anmelden").text


def test_asking_whether_a_session_goes_on_does_not_prolong_it(
    gallery: Gallery, browser: Browser
) -> None:
    browser.sign_in()
    for minute in range(30):
        gallery.clock.now = later(minutes=minute)
        assert browser.ping() == 204
    gallery.clock.now = later(minutes=30)
    assert browser.ping() == 401


# --- Methods, pages, failures ---


@pytest.mark.parametrize(
    "path",
    [
        *("/konto/anmelden", "/konto/abmelden", "/konto/passwort", "/konto/kommune"),
        *("/konto/ping", "/konto/wache.js"),
    ],
)
def test_each_route_answers_its_own_methods_only(browser: Browser, path: str) -> None:
    browser.sign_in()
    own = {
        "/konto/anmelden": {"GET": 303, "HEAD": 303, "POST": 400},
        "/konto/abmelden": {"POST": 400},
        "/konto/passwort": {"GET": 200, "HEAD": 200, "POST": 400},
        "/konto/kommune": {"POST": 400},
        "/konto/ping": {"GET": 204, "HEAD": 204},
        "/konto/wache.js": {"GET": 200, "HEAD": 200},
    }[path]
    headers = {"origin": ORIGIN}
    for method in (
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "TRACE",
        "GET\u00a0",
    ):
        answer = browser.ask(method, path, headers=headers)
        assert answer.status_code == own.get(method, 405), method
        if method == "HEAD":
            assert answer.content == b""
        elif method not in own:
            assert "Diese Art der Anfrage ist hier nicht möglich." in answer.text
            assert answer.headers["allow"].split(", ") == sorted(own)
    assert browser.ping() == 204


class Read(HTMLParser):
    """Elements of a page that its checks ask for."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        self._inside = found.get("id", "")

    def handle_data(self, data: str) -> None:
        self.texts[self._inside] = self.texts.get(self._inside, "") + data

    @property
    def inputs(self) -> list[dict[str, str]]:
        return [
            found for tag, found in self.elements if tag == "input" and found["type"] != "hidden"
        ]


def pages_of(browser: Browser) -> list[httpx.Response]:
    found = [browser.get("/konto/anmelden"), browser.sign_in("anna", "falsch")]
    browser.sign_in()
    found.append(browser.get("/konto/passwort"))
    wrong = browser.password_forms()[0] | {"bisher": "falsch", "neu": NEW, "wiederholung": NEW}
    return [*found, browser.post("/konto/passwort", wrong)]


def test_pages_need_no_script_and_name_every_field(browser: Browser) -> None:
    for page in pages_of(browser):
        read = Read(page)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        tags = [tag for tag, _ in read.elements]
        assert not {"script", "style", "iframe"} & set(tags)
        assert not any(
            name == "style" or name.startswith("on") for _, found in read.elements for name in found
        )
        labels = {found["for"] for tag, found in read.elements if tag == "label"}
        ids = {found["id"] for _, found in read.elements if "id" in found}
        assert read.inputs
        for one in read.inputs:
            assert one["id"] in labels
            assert one["autocomplete"] in {"username", "current-password", "new-password"}
            assert set(one.get("aria-describedby", "").split()) <= ids
        assert tags.count("h1") == tags.count("main") == 1
        assert sum("autofocus" in found for _, found in read.elements) == 1
        for tag, found in read.elements:
            address = found.get("href") or found.get("action") or "/"
            assert address.startswith("/") and not address.startswith("//"), tag


def test_a_refusal_is_tied_to_its_fields(browser: Browser) -> None:
    read = Read(browser.sign_in("anna", "falsch"))
    assert [one["aria-describedby"] for one in read.inputs] == ["fehler", "fehler"]
    assert read.texts["fehler"].strip() == REFUSED
    alerts = [found for _, found in read.elements if found.get("role") == "alert"]
    assert [found["id"] for found in alerts] == ["fehler"]


def test_pages_speak_english_on_request(browser: Browser) -> None:
    english = {"headers": {"accept-language": "en"}}
    page = browser.get("/konto/anmelden", **english)
    assert '<html lang="en">' in page.text
    assert {"Sign in", "Sign-in name", "Password"} <= set(page.text.replace("<", ">").split(">"))
    assert 'href="/konto/anmelden?sprache=de&amp;weiter=%2F"' in page.text
    assert 'action="/konto/anmelden?sprache=en"' in page.text
    refused = browser.post("/konto/anmelden?sprache=en", hidden(page))
    advice = "Signing in is not possible. Check name and password, or wait a moment."
    assert Read(refused).texts["fehler"].strip() == advice
    browser.sign_in()
    text = browser.get("/konto/passwort?sprache=en").text
    assert "Repeat the new password" in text
    assert "Passwort" not in text
    assert "not possible here" in browser.get("/konto/abmelden", **english).text


def test_the_language_chosen_stays_while_signing_in(browser: Browser, printed: str) -> None:
    form = hidden(browser.get("/konto/anmelden?sprache=en"))
    typed = {"benutzername": "neu", "passwort": printed}
    answer = browser.post("/konto/anmelden?sprache=en", form | typed)
    assert target(answer) == ("/konto/passwort", {"weiter": "/", "sprache": "en"})


def test_the_watch_script_asks_what_there_is(browser: Browser) -> None:
    answer = browser.get("/konto/wache.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    for path in ("/konto/ping", "/konto/anmelden"):
        assert f"{path}" in answer.text
    assert "ende=1&weiter=" in answer.text


def test_a_busy_database_lets_nobody_in(
    gallery: Gallery, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(*_: object) -> None:
        values = {"csrf_secret": "steht-in-der-Zeile"}
        raise DatabaseBusy() from OperationalError("INSERT ...", values, TimeoutError())

    gallery.services = replace(gallery.services, write_audit=busy)
    answer = gallery.browser().sign_in()
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (503, [])
    assert DatabaseBusy.user_message in answer.text
    assert f"POST /konto/anmelden: {DatabaseBusy.code}, OperationalError" in caplog.text
    assert "steht-in-der-Zeile" not in caplog.text + answer.text


def test_a_change_that_is_not_audited_signs_nobody_out(gallery: Gallery, browser: Browser) -> None:
    def busy(*_: object) -> None:
        raise DatabaseBusy()

    browser.sign_in()
    form = browser.password_forms()[0] | {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW}
    gallery.services = replace(gallery.services, write_audit=busy)
    other = gallery.browser()
    other.client.cookies = browser.client.cookies
    assert other.post("/konto/passwort", form).status_code == 503
    assert browser.ping() == 204


def test_an_error_of_ours_keeps_its_status(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotAllowed()

    monkeypatch.setattr(local_accounts, "sign_in", refuse)
    assert browser.sign_in().status_code == 403


def test_a_browser_that_goes_away_is_no_error(gallery: Gallery, browser: Browser) -> None:
    route = next(one for one in browser.app.routes if isinstance(one, Route))
    sent: list[object] = []

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    raw = [
        (b"host", b"127.0.0.1:8501"),
        (b"origin", ORIGIN.encode()),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/konto/anmelden",
        "query_string": b"",
        "headers": raw,
    }
    asyncio.run(route.app(scope, gone, send))  # type: ignore[arg-type]
    assert sent == []


def test_nothing_secret_is_logged(
    gallery: Gallery, browser: Browser, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {PASSWORD, NEW, "geheimes-falsches-Passwort", "geheimer.name"}
    browser.sign_in("geheimer.name", "geheimes-falsches-Passwort")
    secrets.add(browser.cookie("ukg_formular"))
    browser.sign_in()
    secrets.add(browser.cookie())
    change, sign_out = browser.password_forms()
    secrets |= {change["formular"], sign_out["formular"]}
    browser.post("/konto/passwort", change | {"bisher": PASSWORD, "neu": NEW, "wiederholung": NEW})
    secrets.add(browser.cookie())
    browser.sign_out()
    assert "" not in secrets
    copies = [file.read_text() for file in log_folder(settings).iterdir()]
    assert len(copies) == 1
    assert copies[0].count("\n") == 4
    gallery.engine.dispose()
    stored = Path(settings.data_dir, "gallery.db").read_bytes()
    for secret in secrets:
        assert secret not in caplog.text
        assert secret not in copies[0]
        assert secret.encode() not in stored
    # What a value in the repr of a handler's argument would show.
    assert "formular=" not in repr(gallery.services)
    assert session_cookie(secure=False).name not in caplog.text
