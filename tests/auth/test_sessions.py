"""Sessions: what their cookie shows, when they end, and that all processes see the same."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, delete, event, select, update

from shared.auth import local_accounts, sessions
from shared.auth.local_accounts import Account
from shared.auth.sessions import Limits
from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.errors import NotAllowed, NotSignedIn
from shared.settings import Settings
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import AccountRow, SessionRow, TenantRow
from tests.auth.people import (
    LIMITS,
    NOW,
    add_account,
    add_tenant,
    at_once,
    later,
    many_sessions,
    signed_in,
)

PROVIDED = Principal("kc-1", "Bea", {"herten": "viewer", "marl": "admin"}, "herten")


def everything(engine: Engine) -> str:
    """All rows of all tables as text."""
    found = MetaData()
    found.reflect(engine)
    with read_scope(engine) as session:
        return "\n".join(
            repr(tuple(row))
            for table in found.sorted_tables
            for row in session.execute(select(table))
        )


def test_a_cookie_finds_its_session_and_nothing_else_does(house: Engine, anna: Account) -> None:
    cookie, view = signed_in(house, anna)
    assert sessions.lookup(house, cookie, NOW) == view
    assert sessions.by_id(house, view.id, NOW) == view
    assert view.principal.session_id == view.id
    assert (view.principal.subject, view.principal.role) == (anna.id, "sachbearbeitung")
    for wrong in (
        "",
        "x",
        view.id,
        cookie[:-1],
        cookie + "A",
        cookie.swapcase(),
        "ä" * 43,
        "\0" * 43,
    ):
        assert sessions.lookup(house, wrong, NOW) is None


def test_a_cookie_is_256_random_bits_and_the_database_does_not_hold_it(
    house: Engine, anna: Account, settings: Settings
) -> None:
    cookies = [signed_in(house, anna)[0] for _ in range(20)]
    assert len(set(cookies)) == 20
    assert {len(cookie) for cookie in cookies} == {43}
    cookies.append(sessions.renew(house, signed_in(house, anna)[1].id, NOW))
    kept = everything(house)
    assert anna.id in kept
    files = [path.read_bytes() for path in settings.data_dir.glob("gallery.db*")]
    for cookie in cookies:
        assert cookie not in kept
        assert not any(cookie.encode() in content for content in files)


def test_looking_writes_nothing(house: Engine, anna: Account) -> None:
    cookie, _ = signed_in(house, anna)
    statements: list[str] = []

    @event.listens_for(house, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sessions.lookup(house, cookie, later(minutes=5))
    assert [one.split()[0] for one in statements] == ["SELECT"]


@pytest.mark.parametrize("after_s", [1800, 1801, 36_000, 10**6])
def test_idle_sessions_end(house: Engine, anna: Account, after_s: int) -> None:
    cookie, view = signed_in(house, anna)
    assert sessions.lookup(house, cookie, later(seconds=1799)) is not None
    assert sessions.lookup(house, cookie, later(seconds=after_s)) is None
    assert sessions.living(house, [view.id, "none"], later(seconds=1799)) == {view.id}
    assert sessions.living(house, [view.id], later(seconds=after_s)) == frozenset()


def test_what_a_person_does_keeps_a_session_but_not_for_ever(house: Engine, anna: Account) -> None:
    cookie, view = signed_in(house, anna)
    for minutes in range(20, 600, 20):
        sessions.touch(house, view.id, LIMITS, later(minutes=minutes))
        assert sessions.lookup(house, cookie, later(minutes=minutes + 19)) is not None
    sessions.touch(house, view.id, LIMITS, later(minutes=599))
    assert sessions.lookup(house, cookie, later(minutes=599.9)) is not None
    assert sessions.lookup(house, cookie, later(hours=10)) is None


def test_an_ended_session_is_not_brought_back_by_work(house: Engine, anna: Account) -> None:
    cookie, view = signed_in(house, anna)
    sessions.touch(house, view.id, LIMITS, later(seconds=1800))
    assert sessions.lookup(house, cookie, later(seconds=1800)) is None
    with pytest.raises(NotSignedIn):
        sessions.renew(house, view.id, later(seconds=1800))


def seen_at(engine: Engine, session_id: str) -> Any:
    with read_scope(engine) as session:
        return session.scalar(select(SessionRow.seen_at).where(SessionRow.id == session_id))


def test_activity_is_written_at_most_once_a_minute(house: Engine, anna: Account) -> None:
    _, view = signed_in(house, anna)
    for seconds in (1, 30, 59):
        sessions.touch(house, view.id, LIMITS, later(seconds=seconds))
        assert seen_at(house, view.id) == NOW
    sessions.touch(house, view.id, LIMITS, later(seconds=60))
    assert seen_at(house, view.id) == later(seconds=60)


def test_a_kiosk_that_is_used_ends_close_to_90_s_after_the_last_touch(house: Engine) -> None:
    kiosk = Limits(idle_s=90, absolute_s=1800)
    guest = Principal("gast-1", "", {"demo": "gast"}, "demo", kind="guest")
    cookie, view = sessions.create(house, guest, mode="kiosk", limits=kiosk, now=NOW)
    for seconds in range(0, 60, 5):
        sessions.touch(house, view.id, kiosk, later(seconds=seconds))
    assert sessions.lookup(house, cookie, later(seconds=55 + 75)) is not None
    assert sessions.lookup(house, cookie, later(seconds=55 + 90)) is None


def test_a_new_value_replaces_the_old_one(house: Engine, anna: Account) -> None:
    cookie, view = signed_in(house, anna)
    fresh = sessions.renew(house, view.id, NOW)
    assert sessions.lookup(house, cookie, NOW) is None
    assert sessions.lookup(house, fresh, NOW) == view


def test_a_withdrawn_role_counts_at_once(house: Engine, anna: Account) -> None:
    cookie, _ = signed_in(house, anna)
    local_accounts.set_role(house, "anna", HOME_TENANT, "viewer", NOW)
    found = sessions.lookup(house, cookie, NOW)
    assert found is not None
    assert found.principal.role == "viewer"
    local_accounts.set_role(house, "anna", HOME_TENANT, None, NOW)
    found = sessions.lookup(house, cookie, NOW)
    assert found is not None
    assert dict(found.principal.roles_by_tenant) == {}


def test_a_municipality_that_is_not_active_gives_no_role(house: Engine) -> None:
    add_tenant(house, "herten")
    both = add_account(house, "bea", {HOME_TENANT: "viewer", "herten": "admin"})
    cookie, _ = signed_in(house, both)
    with session_scope(house) as session:
        session.execute(update(TenantRow).where(TenantRow.slug == "herten").values(active=False))
    found = sessions.lookup(house, cookie, NOW)
    assert found is not None
    assert dict(found.principal.roles_by_tenant) == {HOME_TENANT: "viewer"}
    with session_scope(house) as session:
        session.execute(delete(TenantRow).where(TenantRow.slug == HOME_TENANT))
    found = sessions.lookup(house, cookie, NOW)
    assert found is not None
    assert dict(found.principal.roles_by_tenant) == {}


def test_apps_belong_to_the_municipality_that_is_shown(house: Engine) -> None:
    add_tenant(house, "herten")
    roles = {HOME_TENANT: "viewer", "herten": "admin"}
    grants = {"herten": frozenset({"sovia", "aviary"})}
    both = add_account(house, "bea", roles, app_grants=grants)
    cookie, view = signed_in(house, both)
    assert view.principal.app_grants is None
    assert dict(view.principal.roles_by_tenant) == roles
    fresh, view = sessions.switch_tenant(house, view.id, "herten", NOW)
    assert (view.principal.active_tenant, view.principal.role) == ("herten", "admin")
    assert view.principal.app_grants == grants["herten"]
    assert sessions.lookup(house, cookie, NOW) is None
    assert sessions.lookup(house, fresh, NOW) == view
    local_accounts.set_apps(house, "bea", "herten", frozenset({"sovia"}), NOW)
    found = sessions.lookup(house, fresh, NOW)
    assert found is not None
    assert found.principal.app_grants == {"sovia"}


def test_nobody_switches_to_a_municipality_without_a_role(house: Engine, anna: Account) -> None:
    add_tenant(house, "herten")
    cookie, view = signed_in(house, anna)
    for tenant in ("herten", "unbekannt", ""):
        with pytest.raises(NotAllowed):
            sessions.switch_tenant(house, view.id, tenant, NOW)
    assert sessions.lookup(house, cookie, NOW) == view


def test_a_disabled_account_is_out_at_once(house: Engine, anna: Account) -> None:
    cookie, view = signed_in(house, anna)
    with session_scope(house) as session:
        session.execute(update(AccountRow).where(AccountRow.id == anna.id).values(disabled=True))
    assert sessions.lookup(house, cookie, NOW) is None
    with pytest.raises(NotSignedIn):
        signed_in(house, anna)
    local_accounts.disable(house, "anna", NOW)
    local_accounts.enable(house, "anna", NOW)
    assert sessions.lookup(house, cookie, NOW) is None
    assert sessions.living(house, [view.id], NOW) == frozenset()


def test_a_provider_s_session_keeps_the_rights_of_its_token(house: Engine) -> None:
    cookie, view = sessions.create(house, PROVIDED, mode="keycloak", limits=LIMITS, now=NOW)
    assert dict(view.principal.roles_by_tenant) == dict(PROVIDED.roles_by_tenant)
    assert (view.principal.app_grants, view.must_change) == (None, False)
    narrow = Principal("kc-2", "Bo", {"marl": "viewer"}, "marl", app_grants=frozenset())
    _, other = sessions.create(house, narrow, mode="keycloak", limits=LIMITS, now=NOW)
    assert other.principal.app_grants == frozenset()
    assert sessions.lookup(house, cookie, NOW) == view


def test_an_account_s_id_in_another_mode_is_somebody_else(house: Engine) -> None:
    admin = local_accounts.get_account(house, "admin")
    stranger = Principal(admin.id, "X", {"marl": "viewer"}, "marl")
    _, view = sessions.create(house, stranger, mode="keycloak", limits=LIMITS, now=NOW)
    assert dict(view.principal.roles_by_tenant) == {"marl": "viewer"}
    assert view.must_change is False


def test_sessions_end_one_by_one_by_person_and_by_provider(house: Engine, anna: Account) -> None:
    first, second, third = (signed_in(house, anna)[1].id for _ in range(3))
    assert sessions.end(house, first) is True
    assert sessions.end(house, first) is False
    assert sessions.end_by_subject(house, anna.id, but=third) == 1
    assert sessions.living(house, [first, second, third], NOW) == {third}
    assert sessions.end_by_provider_session(house, "", anna.id) == 0
    assert sessions.living(house, [third], NOW) == {third}


def provided(engine: Engine, sid: str, subject: str = "kc-1") -> str:
    principal = Principal(subject, "", {"herten": "viewer"}, "herten")
    _, view = sessions.create(engine, principal, mode="keycloak", limits=LIMITS, now=NOW)
    with session_scope(engine) as session:
        change = update(SessionRow).where(SessionRow.id == view.id)
        session.execute(change.values(provider_sid=sid or None))
    return view.id


def test_a_notice_of_the_provider_ends_what_it_names(house: Engine) -> None:
    ids = [provided(house, sid) for sid in ("a", "b", "")]
    foreign = provided(house, "a", "kc-2")
    assert sessions.end_by_provider_session(house, "", "") == 0
    assert sessions.end_by_provider_session(house, "a", "kc-1") == 1
    assert sessions.living(house, [*ids, foreign], NOW) == {*ids[1:], foreign}
    assert sessions.end_by_provider_session(house, "a", "") == 1
    assert sessions.end_by_provider_session(house, "", "kc-1") == 2
    assert sessions.living(house, [*ids, foreign], NOW) == frozenset()


def test_purging_removes_only_what_has_ended(house: Engine, anna: Account) -> None:
    cookie, _ = signed_in(house, anna)
    signed_in(house, anna, limits=Limits(idle_s=60, absolute_s=60))
    assert sessions.purge(house, later(seconds=59)) == 0
    assert sessions.purge(house, later(seconds=60)) == 1
    assert sessions.lookup(house, cookie, later(seconds=60)) is not None


def test_a_first_password_must_be_changed(house: Engine) -> None:
    admin = local_accounts.get_account(house, "admin")
    assert signed_in(house, admin)[1].must_change is True


def test_eight_processes_work_at_once(settings: Settings, house: Engine) -> None:
    """How long it takes stands in `shared/auth/evaluation.json`."""
    house.dispose()
    assert at_once(settings, 8, many_sessions) == [200] * 8
