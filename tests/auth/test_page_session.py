"""Who sits in front of a page: the row of the session alone says it, any doubt means nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import Engine, select

from shared.auth import guard_state, local_accounts, session, sessions
from shared.auth.local_accounts import Account
from shared.auth.services import AccountServices, account_services
from shared.auth.session import SESSION_KEY, SUBJECT_KEY
from shared.auth.sessions import SessionView
from shared.contracts.identity.policy import RESULT_DELETE, refusal
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import NotAllowed, NotFound, NotSignedIn
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow
from tests.auth.browsers import Clock
from tests.auth.people import LIMITS, NOW, add_account, signed_in

SOURCES = ["header", "cookie"]


@dataclass
class Seat:
    """A page in front of somebody.

    Args:
        services: What the process works with.
        clock: Its time.
        cookie: Of her session.
        view: Her session.
        put: Replaces things for the time of the test.
    """

    services: AccountServices
    clock: Clock
    cookie: str
    view: SessionView
    put: pytest.MonkeyPatch

    def connect(self, view: SessionView | None = None, cookie: str = "", **user: Any) -> None:
        """Open the websocket as the guard and the browser would."""
        view, cookie = view or self.view, cookie or f"ukg_session={self.cookie}"
        told = {SESSION_KEY: view.id, SUBJECT_KEY: view.principal.subject}
        headers = SimpleNamespace(get_all=lambda name: [cookie] if name == "cookie" else [])
        self.put.setattr(st, "user", told | user)
        self.put.setattr(type(st.context), "headers", headers)

    def later(self, **amount: float) -> None:
        self.clock.now += timedelta(**amount)


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def seat(
    house: Engine,
    settings: Settings,
    anna: Account,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Seat]:
    """Anna in front of a page, behind the guard."""
    settings = settings.model_copy(update={"identity_source": source})
    clock = Clock()
    services = replace(account_services(house, settings, LIMITS, "Galerie"), clock=clock)
    cookie, view = signed_in(house, anna)
    monkeypatch.setattr(session, "process_services", lambda: services)
    monkeypatch.setattr(session, "_remembered", {})
    monkeypatch.setattr(guard_state, "is_active", lambda: True)
    monkeypatch.setattr(st, "session_state", {})
    made = Seat(services, clock, cookie, view, monkeypatch)
    made.connect()
    yield made


def assert_nobody() -> None:
    with pytest.raises(NotSignedIn):
        session.principal()
    with pytest.raises(NotSignedIn):
        session.require_page("aviary")


def test_the_page_knows_her_and_her_rights(seat: Seat, anna: Account) -> None:
    acting = session.principal()
    assert acting.subject == anna.id
    assert acting.session_id == seat.view.id
    assert (acting.role, acting.active_tenant) == ("sachbearbeitung", HOME_TENANT)
    assert session.current_session() == seat.view


def test_beside_the_page_the_row_says_who_she_is(seat: Seat) -> None:
    """A file is made when somebody asks for it, in a thread without a page."""
    seat.put.setattr(st, "user", {})
    seat.connect(cookie="none=1", **{SESSION_KEY: None})
    assert session.principal(seat.view.id) == seat.view.principal
    sessions.end(seat.services.engine, seat.view.id)
    seat.later(seconds=2)
    for session_id in (seat.view.id, "0193a945-0a00-79d5-86ab-2a355b3e080f", ""):
        with pytest.raises(NotSignedIn):
            session.principal(session_id)


def test_without_the_guard_nobody_is_signed_in(seat: Seat) -> None:
    seat.put.setattr(guard_state, "is_active", lambda: False)
    assert_nobody()


@pytest.mark.parametrize("source", ["header"], indirect=True)
@pytest.mark.parametrize(
    "user",
    [
        {SESSION_KEY: None},
        {SESSION_KEY: ""},
        {SESSION_KEY: "0193a945-0a00-79d5-86ab-2a355b3e080f"},
        {SUBJECT_KEY: None},
        {SUBJECT_KEY: "somebody-else"},
        {SESSION_KEY: True, SUBJECT_KEY: True},
    ],
    ids=["no_session", "empty", "unknown", "no_subject", "other_subject", "no_text"],
)
def test_doubtful_headers_name_nobody(seat: Seat, user: dict[str, Any]) -> None:
    seat.connect(**user)
    assert_nobody()


@pytest.mark.parametrize("source", ["header"], indirect=True)
def test_the_cookie_alone_counts_for_nothing(seat: Seat) -> None:
    seat.connect(**{SESSION_KEY: None, SUBJECT_KEY: None})
    assert_nobody()


@pytest.mark.parametrize("source", ["cookie"], indirect=True)
@pytest.mark.parametrize("cookie", ["ukg_session=x", "{0}; {0}", "other=1"], ids=["no", "two", "o"])
def test_doubtful_cookies_name_nobody(seat: Seat, cookie: str) -> None:
    seat.connect(cookie=cookie.format(f"ukg_session={seat.cookie}"))
    assert_nobody()


@pytest.mark.parametrize("source", ["cookie"], indirect=True)
def test_the_headers_alone_count_for_nothing(seat: Seat) -> None:
    seat.connect(cookie="other=1")
    assert_nobody()


def test_a_session_ends_by_itself(seat: Seat) -> None:
    session.principal()
    seat.later(seconds=LIMITS.idle_s)
    assert_nobody()


def test_the_end_counts_although_the_row_is_remembered(seat: Seat) -> None:
    seat.later(seconds=LIMITS.idle_s - 1)
    session.principal()
    seat.later(seconds=1)
    assert_nobody()


def test_what_ended_elsewhere_is_over_within_two_seconds(seat: Seat) -> None:
    session.principal()
    sessions.end(seat.services.engine, seat.view.id)
    seat.later(seconds=2)
    assert_nobody()


def test_a_disabled_account_sees_nothing_more(seat: Seat, anna: Account) -> None:
    session.principal()
    local_accounts.disable(seat.services.engine, anna.username, NOW)
    seat.later(seconds=2)
    assert_nobody()


def test_a_withdrawn_role_acts_within_two_seconds(seat: Seat) -> None:
    session.principal()
    local_accounts.set_role(seat.services.engine, "anna", HOME_TENANT, "viewer", NOW)
    seat.later(seconds=2)
    assert session.principal().role == "viewer"


def test_a_printed_password_opens_no_page(seat: Seat, house: Engine) -> None:
    first = local_accounts.get_account(house, "ansicht")
    cookie, view = signed_in(house, first)
    assert view.must_change
    seat.connect(view, f"ukg_session={cookie}")
    assert_nobody()


def test_a_session_of_another_mode_opens_no_page(seat: Seat, anna: Account) -> None:
    cookie, view = signed_in(seat.services.engine, anna, mode="kiosk")
    seat.connect(view, f"ukg_session={cookie}")
    assert_nobody()


def test_a_page_goes_on_for_nobody_else(seat: Seat, house: Engine) -> None:
    """What it remembers belongs to the first, whatever Streamlit lets a browser resume."""
    session.principal()
    bert = add_account(house, "bert")
    cookie, view = signed_in(house, bert)
    seat.connect(view, f"ukg_session={cookie}")
    assert_nobody()


def test_the_database_is_asked_once_in_two_seconds(seat: Seat) -> None:
    asked: list[str] = []
    for name in ("by_id", "lookup"):
        real = getattr(sessions, name)

        def counted(*arguments: Any, real: Any = real, name: str = name) -> Any:
            asked.append(name)
            return real(*arguments)

        seat.put.setattr(sessions, name, counted)
    for _ in range(5):
        session.principal()
        seat.later(seconds=0.39)
    assert len(asked) == 1
    seat.later(seconds=0.1)
    session.principal()
    assert len(asked) == 2


def test_pages_need_an_app_role_and_grant(seat: Seat) -> None:
    assert session.require_page("aviary").id == "aviary"
    for slug in ("gibtesnicht", "../shared"):
        with pytest.raises(NotFound):
            session.require_page(slug)
    local_accounts.set_apps(
        seat.services.engine, "anna", HOME_TENANT, frozenset({"archivair"}), NOW
    )
    seat.later(seconds=2)
    with pytest.raises(NotAllowed):
        session.require_page("aviary")


def test_a_refusal_stands_in_the_audit(seat: Seat) -> None:
    session.note_denial(refusal(RESULT_DELETE), "UK-0123ABCD", "aviary")
    columns = (AuditRow.event, AuditRow.app, AuditRow.object_id, AuditRow.outcome)
    with read_scope(seat.services.engine) as reading:
        (row,) = reading.execute(select(*columns, AuditRow.reason_code, AuditRow.request_id))
    assert tuple(row) == (
        *("denied", "aviary", "result/delete", "refused"),
        *(NotAllowed.code, "UK-0123ABCD"),
    )


def test_a_page_goes_on_when_the_audit_takes_nothing(
    seat: Seat, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NotFound()

    services = replace(seat.services, write_audit=full)
    monkeypatch.setattr(session, "process_services", lambda: services)
    session.note_denial(refusal(RESULT_DELETE), "UK-0123ABCD")
    assert "UK-0123ABCD audit: nicht_gefunden" in caplog.text
