"""Guests of the kiosk: 20 at once, gone after a while, and nothing of them stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, func, select
from starlette.applications import Starlette

from shared.auth import kiosk, sessions
from shared.auth.kiosk import (
    DOOR_S,
    GUEST_LIMITS,
    MOST_AT_THE_DOOR,
    MOST_GUESTS,
    KioskGuests,
    guests_at,
)
from shared.auth.kiosk_routes import REPORT_S, kiosk_routes, watch_script
from shared.auth.sessions import SessionView
from shared.contracts.identity.principal import DEMO_TENANT
from shared.settings import Settings
from shared.store import runs
from shared.store.engine import read_scope
from shared.store.guest_data import remove_gone_guests
from shared.store.identity_models import SessionRow
from shared.store.models import RunRow
from shared.store.run_views import RunOrder
from shared.store.store import Store, open_store
from tests.auth.audit_trail import trail
from tests.auth.browsers import Browser, Gallery
from tests.auth.people import NOW, at_once, later

IP = "192.0.2.77"


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    made = open_store(settings)
    yield made
    made.engine.dispose()


@pytest.fixture
def guests(store: Store) -> KioskGuests:
    return KioskGuests(store)


def begun(guests: KioskGuests, now: datetime = NOW) -> tuple[str, SessionView]:
    """A guest whose page has opened."""
    cookie, view = at_the_door(guests, now)
    assert guests.enter(view.id, now)
    entered = sessions.by_id(guests.store.engine, view.id, now)
    assert entered is not None
    return cookie, entered


def at_the_door(guests: KioskGuests, now: datetime = NOW, ip: str = IP) -> tuple[str, SessionView]:
    found = guests.begin(ip, now)
    assert found is not None
    return found


def ordered(store: Store, view: SessionView, title: str = "Bild") -> str:
    order = RunOrder("aviary", "run", title, (), {"title": title}, is_example=True)
    return runs.submit(view.principal, store, order, now=datetime.now(UTC)).id


def run_count(store: Store) -> int:
    with read_scope(store.engine) as session:
        return session.scalar(select(func.count()).select_from(RunRow)) or 0


def test_a_guest_is_nobody_and_sees_the_demo_alone(guests: KioskGuests, engine: Engine) -> None:
    cookie, view = begun(guests)
    assert sessions.lookup(engine, cookie, NOW) == view
    acting = view.principal
    assert (acting.role, acting.active_tenant, acting.kind) == ("gast", DEMO_TENANT, "guest")
    assert dict(acting.roles_by_tenant) == {DEMO_TENANT: "gast"}
    assert (view.mode, acting.display_name, view.must_change) == ("kiosk", "", False)
    other = begun(guests)[1].principal
    assert other.subject != acting.subject
    with read_scope(engine) as session:
        assert set(session.scalars(select(SessionRow.ip_prefix))) == {"192.0.2.0/24"}


def test_a_guest_that_went_is_gone_by_herself(guests: KioskGuests, engine: Engine) -> None:
    cookie, _ = begun(guests)
    assert (kiosk.IDLE_S, kiosk.COUNTDOWN_S, GUEST_LIMITS.absolute_s) == (90, 15, 1800)
    assert sessions.lookup(engine, cookie, later(seconds=105)) is not None
    assert sessions.lookup(engine, cookie, later(seconds=GUEST_LIMITS.idle_s)) is None


def test_nobody_stays_longer_than_half_an_hour(guests: KioskGuests, engine: Engine) -> None:
    cookie, view = begun(guests)
    for second in range(0, 1800, 20):
        sessions.touch(engine, view.id, GUEST_LIMITS, later(seconds=second))
    assert sessions.lookup(engine, cookie, later(seconds=1799)) is not None
    assert sessions.lookup(engine, cookie, later(seconds=1800)) is None


def test_the_21st_guest_waits_until_one_goes(guests: KioskGuests, engine: Engine) -> None:
    first = begun(guests)[1]
    for _ in range(MOST_GUESTS - 1):
        begun(guests)
    assert MOST_GUESTS == 20
    assert guests.begin(IP, NOW) is None
    assert guests_at(engine, NOW) == 20
    assert guests.end(first)
    assert not guests.end(first)
    begun(guests)
    assert guests.begin(IP, NOW) is None
    # Whoever has gone without a word holds no place any more.
    begun(guests, later(seconds=GUEST_LIMITS.idle_s))


def _begin_some(engine: Engine, _number: int) -> int:
    store = Store(engine, files=None, settings=None)  # type: ignore[arg-type]
    guests = KioskGuests(store)
    asked = (guests.begin(IP, NOW) for _ in range(6))
    return sum(guests.enter(begun[1].id, NOW) for begun in asked if begun is not None)


def test_places_are_counted_over_all_processes(settings: Settings, engine: Engine) -> None:
    assert sum(at_once(settings, 6, _begin_some)) == MOST_GUESTS
    assert guests_at(engine, NOW) == MOST_GUESTS


def test_whoever_only_asks_for_pages_takes_no_place(guests: KioskGuests, engine: Engine) -> None:
    for _ in range(60):
        at_the_door(guests)
    assert guests_at(engine, NOW) == 0
    with read_scope(engine) as session:
        assert session.scalar(select(func.count()).select_from(SessionRow)) == MOST_AT_THE_DOOR
    at_the_door(guests, later(seconds=DOOR_S))
    with read_scope(engine) as session:
        assert session.scalar(select(func.count()).select_from(SessionRow)) == 1


def test_a_whole_conference_behind_one_address_comes_in(guests: KioskGuests) -> None:
    waiting = [at_the_door(guests)[1] for _ in range(MOST_GUESTS)]
    assert all(guests.enter(view.id, later(seconds=1)) for view in waiting)


def test_the_oldest_of_the_same_network_makes_room(guests: KioskGuests, engine: Engine) -> None:
    inside = begun(guests)[1]
    elsewhere = at_the_door(guests, ip="198.51.100.7")[1]
    first, second = at_the_door(guests)[1], at_the_door(guests, later(seconds=1))[1]
    for _ in range(MOST_AT_THE_DOOR - 1):
        at_the_door(guests, later(seconds=2))
    found = {
        view.id: guests.enter(view.id, later(seconds=3))
        for view in (inside, elsewhere, first, second)
    }
    assert list(found.values()) == [True, True, False, True]


def test_nothing_but_an_open_page_lets_anybody_in(guests: KioskGuests, engine: Engine) -> None:
    view = at_the_door(guests)[1]
    for second in range(DOOR_S):
        sessions.touch(engine, view.id, GUEST_LIMITS, later(seconds=second))
    last = later(seconds=DOOR_S - 1)
    assert sessions.by_id(engine, view.id, last) is not None
    assert guests_at(engine, last) == 0
    assert sessions.by_id(engine, view.id, later(seconds=DOOR_S)) is None
    assert not guests.enter(view.id, later(seconds=DOOR_S))


def test_who_comes_too_late_has_no_session_any_more(guests: KioskGuests, engine: Engine) -> None:
    late = at_the_door(guests)[1]
    inside = [begun(guests)[1] for _ in range(MOST_GUESTS)]
    assert guests.enter(inside[0].id, NOW), "a second tab takes no second place"
    assert not guests.enter(late.id, NOW)
    assert sessions.by_id(engine, late.id, NOW) is None


def test_what_a_guest_did_goes_with_her(guests: KioskGuests, store: Store) -> None:
    first, second = begun(guests)[1], begun(guests)[1]
    ordered(store, first)
    kept = ordered(store, second)
    guests.end(first)
    with read_scope(store.engine) as session:
        assert list(session.scalars(select(RunRow.id))) == [kept]


def test_what_a_guest_left_behind_goes_within_the_hour(guests: KioskGuests, store: Store) -> None:
    gone, here = begun(guests)[1], begun(guests, later(minutes=3))[1]
    house = replace(
        here.principal, subject="vorfuehrung", roles_by_tenant={DEMO_TENANT: "sachbearbeitung"}
    )
    for view in (gone, here, replace(here, principal=house)):
        ordered(store, view)
    assert remove_gone_guests(store, later(minutes=3)) == 1
    assert run_count(store) == 2
    assert remove_gone_guests(store, later(minutes=3)) == 0
    assert remove_gone_guests(store, later(hours=1)) == 1


FORM = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}


def said(browser: Browser, path: str, **headers: str) -> httpx.Response:
    """What the script sends: a form without fields."""
    return browser.post(path, headers=FORM | headers)


class Kiosk(Gallery):
    """The account addresses of the kiosk, and guests that visit them."""

    def __init__(self, store: Store, settings: Settings) -> None:
        super().__init__(store.engine, settings.model_copy(update={"mode": "kiosk"}))
        self.guests = KioskGuests(store)

    def browser(self) -> Browser:
        """A browser that the guard has given a session."""
        browser = Browser(self, Starlette(routes=kiosk_routes(self.services, self.guests)))
        cookie, self.view = begun(self.guests, self.clock.now)
        browser.client.cookies.set(self.services.session_cookie.name, cookie, "127.0.0.1")
        return browser


@pytest.fixture
def house(store: Store, settings: Settings) -> Iterator[Kiosk]:
    made = Kiosk(store, settings)
    yield made
    made.runner.close()


def test_a_guest_who_only_reads_stays(house: Kiosk) -> None:
    browser = house.browser()
    for second in (60, 120, 180, 240):
        house.clock.now = later(seconds=second)
        assert said(browser, "/konto/weiter").status_code == 204
    assert browser.ping() == 204
    house.clock.now = later(seconds=240 + GUEST_LIMITS.idle_s)
    assert browser.ping() == 401
    assert said(browser, "/konto/weiter").status_code == 401


def test_the_browser_decides_when_nobody_is_there(house: Kiosk) -> None:
    """Reports and rows lag behind; the session must not end before the countdown does."""
    browser = house.browser()
    for second in range(0, 600, REPORT_S):
        house.clock.now = later(seconds=second)
        assert said(browser, "/konto/weiter").status_code == 204
        last = house.clock.now + timedelta(seconds=kiosk.IDLE_S + kiosk.COUNTDOWN_S)
        assert sessions.by_id(house.engine, house.view.id, last) is not None


def test_asking_alone_keeps_nobody(house: Kiosk) -> None:
    browser = house.browser()
    for second in range(0, GUEST_LIMITS.idle_s, 15):
        house.clock.now = later(seconds=second)
        assert browser.ping() == 204
    house.clock.now = later(seconds=GUEST_LIMITS.idle_s)
    assert browser.ping() == 401


def test_beginning_anew_leaves_nothing(house: Kiosk, store: Store, settings: Settings) -> None:
    browser = house.browser()
    ordered(store, house.view)
    answer = said(browser, "/konto/neustart")
    assert answer.status_code == 204
    given = answer.headers.get_list("set-cookie")
    assert any(one.startswith("ukg_session=;") and "Max-Age=0" in one for one in given)
    assert any(one.startswith("urbanki_sprache=;") and "Max-Age=0" in one for one in given)
    assert sessions.by_id(store.engine, house.view.id, NOW) is None
    assert run_count(store) == 0
    assert [entry.event for entry in trail(store.engine)] == ["kiosk_reset"]
    # A second tab asks for the same.
    assert said(browser, "/konto/neustart").status_code == 204
    assert len(trail(store.engine)) == 1
    assert browser.ping() == 401


@pytest.mark.parametrize("path", ["/konto/neustart", "/konto/weiter"])
def test_other_sites_cannot_end_or_prolong_a_visit(house: Kiosk, path: str) -> None:
    browser = house.browser()
    for origin in ("https://evil.example", "null"):
        assert said(browser, path, origin=origin).status_code == 403
    assert browser.ask("POST", path, headers=FORM).status_code == 403
    assert browser.get(path).status_code == 405
    assert browser.ping() == 204


def test_nobody_signs_in_at_a_kiosk(house: Kiosk) -> None:
    browser = house.browser()
    for path in ("/konto/anmelden", "/konto/passwort", "/konto/abmelden", "/konto/verwaltung"):
        assert browser.get(path).status_code == 404
        assert said(browser, path).status_code == 405


def test_the_script_knows_seconds_and_words(house: Kiosk) -> None:
    answer = house.browser().get("/konto/wache.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text == watch_script()
    assert '"idleS": 90, "countdownS": 15' in answer.text
    for word in ("Sind Sie noch da?", "Weiter nutzen", "Are you still there?", "alertdialog"):
        assert word in answer.text
