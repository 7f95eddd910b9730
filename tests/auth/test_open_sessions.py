"""Sessions as an administration sees them: those of its municipality, and nothing of the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
from sqlalchemy import Engine

from shared.auth import open_sessions, sessions
from shared.auth.local_accounts import Account
from shared.auth.open_sessions import OpenSession
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.errors import NotAllowed
from shared.settings import Settings
from shared.store.store import Store, open_store
from tests.auth.audit_trail import trail
from tests.auth.people import HOME, NOW, add_account, add_tenant, later, signed_in

CHIEF = Principal("chief", "Chefin", {HOME_TENANT: "admin"}, HOME_TENANT)


@pytest.fixture
def store(house: Engine, settings: Settings) -> Iterator[Store]:
    add_tenant(house, "herten")
    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


def test_the_list_names_who_is_here_and_since_when(store: Store, anna: Account) -> None:
    _, view = signed_in(store.engine, anna, ip_prefix=HOME)
    signed_in(store.engine, add_account(store.engine, "fern", {"herten": "viewer"}))
    _, old = signed_in(store.engine, add_account(store.engine, "alt"), now=later(hours=-1))
    mine = Principal("chief", "", {HOME_TENANT: "admin"}, HOME_TENANT, session_id=view.id)
    found = open_sessions.open_sessions(mine, store, now=later(minutes=1))
    assert found == [OpenSession(view.id, "Anna", NOW, view.absolute_expires_at, HOME, True)]
    assert old.id not in repr(found)


def test_the_list_holds_nothing_that_measures_work() -> None:
    names = {"id", "display_name", "created_at", "ends_at", "ip_prefix", "is_own"}
    assert {one.name for one in fields(OpenSession)} == names


def test_an_ended_session_is_gone_and_the_audit_says_so(store: Store, anna: Account) -> None:
    cookie, view = signed_in(store.engine, anna)
    other, _ = signed_in(store.engine, anna)
    assert open_sessions.end_session(CHIEF, store, view.id, now=NOW) is True
    assert sessions.lookup(store.engine, cookie, NOW) is None
    assert sessions.lookup(store.engine, other, NOW) is not None
    assert open_sessions.end_session(CHIEF, store, view.id, now=NOW) is False
    (row,) = trail(store.engine)
    assert (row.event, row.object_id, row.tenant) == ("session_end", view.id, HOME_TENANT)


def test_all_sessions_of_a_person_end_here_alone(store: Store) -> None:
    both = add_account(store.engine, "beide", {"herten": "viewer", HOME_TENANT: "viewer"})
    here = [signed_in(store.engine, both)[0] for _ in range(2)]
    _, view = signed_in(store.engine, both)
    there, _ = sessions.switch_tenant(store.engine, view.id, "herten", NOW)
    assert open_sessions.end_sessions_of(CHIEF, store, both.id, now=NOW) == 2
    assert [sessions.lookup(store.engine, cookie, NOW) for cookie in here] == [None, None]
    assert sessions.lookup(store.engine, there, NOW) is not None
    assert open_sessions.end_sessions_of(CHIEF, store, both.id, now=NOW) == 0
    assert [(row.event, row.reason_code) for row in trail(store.engine)] == [
        ("session_end", "alle:2")
    ]


def test_a_session_elsewhere_is_not_hers_to_end(store: Store) -> None:
    fern = add_account(store.engine, "fern", {"herten": "viewer"})
    cookie, view = signed_in(store.engine, fern)
    assert open_sessions.end_session(CHIEF, store, view.id, now=NOW) is False
    assert open_sessions.end_sessions_of(CHIEF, store, fern.id, now=NOW) == 0
    assert sessions.lookup(store.engine, cookie, NOW) is not None
    assert trail(store.engine) == []


@pytest.mark.parametrize("role", ["gast", "viewer", "sachbearbeitung", "service"])
def test_only_an_administration_may(store: Store, anna: Account, role: Role) -> None:
    cookie, view = signed_in(store.engine, anna)
    who = Principal("x", "X", {HOME_TENANT: role, "herten": "admin"}, HOME_TENANT)
    for act in (
        lambda: open_sessions.open_sessions(who, store, now=NOW),
        lambda: open_sessions.end_session(who, store, view.id, now=NOW),
        lambda: open_sessions.end_sessions_of(who, store, anna.id, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert sessions.lookup(store.engine, cookie, NOW) is not None
