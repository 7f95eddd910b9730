"""What an administration may do with accounts: in its municipality, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.auth import administration, local_accounts, sessions
from shared.auth.administration import ManagedAccount
from shared.auth.local_accounts import get_account
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.errors import (
    AccountElsewhere,
    AccountNameTaken,
    AccountUnknown,
    AccountWithoutRole,
    AppsInvalid,
    LastAdmin,
    NotAllowed,
    OwnPassword,
    RoleUnknown,
    SignInRefused,
    UrbanKiError,
)
from shared.settings import Settings
from shared.store.store import Store, open_store
from tests.auth.audit_trail import trail
from tests.auth.people import HOME, NOW, add_account, add_tenant, later, signed_in

Act = Callable[[Principal, Store], Any]


@pytest.fixture
def store(house: Engine, settings: Settings) -> Iterator[Store]:
    """The database after the first start, with two more municipalities."""
    add_tenant(house, "herten")
    add_tenant(house, "marl")
    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def chief(store: Store) -> Principal:
    """The administration of the home municipality."""
    return get_account(store.engine, "admin").principal()


def admin_of(*tenants: str, active: str = "") -> Principal:
    return Principal("far", "Fern", dict.fromkeys(tenants, "admin"), active or tenants[0])


def managed(principal: Principal, store: Store, name: str) -> ManagedAccount:
    found = administration.accounts(principal, store)
    return next(one for one in found if one.username == name)


def changes(store: Store) -> list[tuple[str, str, str]]:
    """Object, outcome and reason of every change that the audit tells of."""
    found = [one for one in trail(store.engine) if one.event == "account_change"]
    return [(one.object_id, one.outcome, one.reason_code) for one in found]


ACTS: dict[str, Act] = {
    "accounts": lambda who, store: administration.accounts(who, store),
    "create": lambda who, store: administration.create(
        who, store, "neu", "Neu", "viewer", None, now=NOW
    ),
    "disable": lambda who, store: administration.disable(who, store, "ansicht", now=NOW),
    "enable": lambda who, store: administration.enable(who, store, "ansicht", now=NOW),
    "reset": lambda who, store: administration.reset_password(who, store, "ansicht", now=NOW),
    "role": lambda who, store: administration.set_role(who, store, "ansicht", "admin", now=NOW),
    "apps": lambda who, store: administration.set_apps(who, store, "ansicht", None, now=NOW),
    "elsewhere": lambda who, store: administration.accounts_elsewhere(who, store),
    "take_in": lambda who, store: administration.take_in(who, store, "ansicht", "viewer", now=NOW),
}
every_act = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
every_change = pytest.mark.parametrize(
    "act",
    [ACTS[name] for name in ("disable", "enable", "reset", "role", "apps")],
    ids=("disable", "enable", "reset", "role", "apps"),
)


@every_act
@pytest.mark.parametrize("role", ["gast", "viewer", "sachbearbeitung", "service"])
def test_only_an_administration_may(store: Store, act: Act, role: Role) -> None:
    before = local_accounts.list_accounts(store.engine)
    with pytest.raises(NotAllowed):
        act(Principal("x", "X", {HOME_TENANT: role}, HOME_TENANT), store)
    assert local_accounts.list_accounts(store.engine) == before


@every_act
def test_who_administers_elsewhere_is_nobody_here(store: Store, act: Act) -> None:
    with pytest.raises(NotAllowed):
        act(Principal("x", "X", {"herten": "admin", HOME_TENANT: "viewer"}, HOME_TENANT), store)


@every_change
def test_accounts_of_others_do_not_exist(store: Store, act: Act) -> None:
    before = local_accounts.list_accounts(store.engine)
    with pytest.raises(AccountUnknown):
        act(admin_of("herten", HOME_TENANT), store)
    assert local_accounts.list_accounts(store.engine) == before
    assert changes(store) == []


def test_the_list_tells_nothing_of_other_municipalities(store: Store, chief: Principal) -> None:
    add_account(store.engine, "fern", {"herten": "viewer"})
    add_account(
        store.engine,
        "beide",
        {"herten": "admin", HOME_TENANT: "viewer"},
        app_grants={"herten": frozenset({"sovia"}), HOME_TENANT: frozenset({"aviary"})},
    )
    found = administration.accounts(chief, store)
    assert [one.username for one in found] == ["admin", "ansicht", "beide", "sachbearbeitung"]
    both = managed(chief, store, "beide")
    assert (both.role, both.apps) == ("viewer", frozenset({"aviary"}))
    assert (both.is_elsewhere, both.is_whole, both.is_own) == (True, False, False)
    own = managed(chief, store, "admin")
    assert (own.is_elsewhere, own.is_whole, own.is_own, own.apps) == (False, True, True, None)
    assert "herten" not in repr(found)
    assert "sovia" not in repr(found)


def test_the_list_says_that_somebody_guesses_but_counts_nothing(
    store: Store, chief: Principal
) -> None:
    for number in range(5):
        assert managed(chief, store, "ansicht").was_guessed_at is False, number
        with pytest.raises(SignInRefused):
            local_accounts.sign_in(store.engine, "ansicht", "falsch", ip_prefix=HOME, now=NOW)
    assert managed(chief, store, "ansicht").was_guessed_at is True
    assert not any("count" in one.name for one in fields(ManagedAccount))


def test_a_new_account_belongs_to_the_own_municipality(store: Store, chief: Principal) -> None:
    made = administration.create(
        chief, store, " Bea ", "Bea B.", "sachbearbeitung", frozenset({"sovia"}), now=NOW
    )
    account = local_accounts.sign_in(store.engine, "bea", made.password, ip_prefix=HOME, now=NOW)
    assert (made.username, account.must_change) == ("bea", True)
    assert dict(account.rights.roles) == {HOME_TENANT: "sachbearbeitung"}
    assert dict(account.rights.apps) == {HOME_TENANT: frozenset({"sovia"})}
    assert changes(store) == [(account.id, "ok", "angelegt")]
    assert made.password not in repr(made) + repr(trail(store.engine))


def test_a_double_click_shows_a_password_that_works(store: Store, chief: Principal) -> None:
    def order(name: str = "bea", role: Role = "viewer", s: int = 0) -> str:
        return administration.create(
            chief, store, name, "Bea", role, None, now=later(seconds=s)
        ).password

    first, second = order(), order(s=1)
    assert first != second
    local_accounts.sign_in(store.engine, "bea", second, ip_prefix=HOME, now=later(seconds=2))
    for other in ({"s": 11}, {"role": "admin"}):
        with pytest.raises(AccountNameTaken):
            order(**other)
    account = get_account(store.engine, "bea")
    new = "Kamel-Laterne-Brezel-Insel-118"
    local_accounts.set_password(store.engine, account.id, second, new, later(seconds=3))
    with pytest.raises(AccountNameTaken):
        order(s=4)
    local_accounts.sign_in(store.engine, "bea", new, ip_prefix=HOME, now=later(seconds=5))


def test_a_name_that_somebody_else_has_is_not_reset(store: Store, chief: Principal) -> None:
    fern, password = local_accounts.create_account(
        store.engine, "fern", "Fern", {"herten": "viewer"}, now=NOW
    )
    with pytest.raises(AccountNameTaken):
        administration.create(chief, store, "fern", "Fern", "viewer", None, now=NOW)
    local_accounts.sign_in(store.engine, "fern", str(password), ip_prefix=HOME, now=NOW)
    assert dict(get_account(store.engine, "fern").rights.roles) == dict(fern.rights.roles)


@pytest.mark.parametrize("role", ["gast", "service", "plattform_admin", "kaiser"])
def test_no_other_role_can_be_given(store: Store, chief: Principal, role: Any) -> None:
    add_account(store.engine, "anna")
    with pytest.raises(RoleUnknown):
        administration.create(chief, store, "neu", "Neu", role, None, now=NOW)
    with pytest.raises(RoleUnknown):
        administration.set_role(chief, store, "anna", role, now=NOW)
    both = admin_of("herten", HOME_TENANT)
    with pytest.raises(RoleUnknown):
        administration.take_in(both, store, "anna", role, now=NOW)
    assert managed(chief, store, "anna").role == "sachbearbeitung"


def test_locking_ends_all_sessions_and_unlocking_opens_again(
    store: Store, chief: Principal
) -> None:
    anna = add_account(store.engine, "anna")
    cookie, _ = signed_in(store.engine, anna)
    administration.disable(chief, store, "anna", now=NOW)
    assert managed(chief, store, "anna").disabled
    assert sessions.lookup(store.engine, cookie, NOW) is None
    administration.enable(chief, store, "anna", now=NOW)
    assert not managed(chief, store, "anna").disabled
    assert changes(store) == [(anna.id, "ok", "gesperrt"), (anna.id, "ok", "entsperrt")]


def test_a_reset_password_must_be_changed(store: Store, chief: Principal) -> None:
    anna = add_account(store.engine, "anna")
    cookie, _ = signed_in(store.engine, anna)
    made = administration.reset_password(chief, store, "anna", now=NOW)
    assert sessions.lookup(store.engine, cookie, NOW) is None
    signed = local_accounts.sign_in(store.engine, "anna", made, ip_prefix=HOME, now=NOW)
    assert signed.must_change
    assert changes(store) == [(anna.id, "ok", "passwort_neu")]
    assert made not in repr(trail(store.engine))


def test_nobody_resets_the_password_she_signs_in_with(store: Store, chief: Principal) -> None:
    with pytest.raises(OwnPassword):
        administration.reset_password(chief, store, "admin", now=NOW)
    assert changes(store) == [(chief.subject, "refused", "eigenes_passwort")]


@pytest.mark.parametrize("act", ["disable", "enable", "reset_password"])
def test_password_and_lock_of_shared_accounts_need_all_their_administrations(
    store: Store, chief: Principal, act: str
) -> None:
    """Otherwise the administration of A would sign in as somebody of B."""
    both = add_account(store.engine, "beide", {"herten": "admin", HOME_TENANT: "viewer"})
    add_account(store.engine, "mehr", {"herten": "admin"})
    cookie, _ = signed_in(store.engine, both)
    with pytest.raises(AccountElsewhere) as refusal:
        getattr(administration, act)(chief, store, "beide", now=NOW)
    assert "herten" not in str(refusal.value)
    assert sessions.lookup(store.engine, cookie, NOW) is not None
    assert changes(store) == [(both.id, "refused", "konto_auch_anderswo")]
    everywhere = admin_of(HOME_TENANT, "herten")
    getattr(administration, act)(everywhere, store, "beide", now=NOW)


def test_a_dormant_municipality_counts_too(store: Store, chief: Principal) -> None:
    add_tenant(store.engine, "alt", active=False)
    add_account(store.engine, "beide", {"alt": "admin", HOME_TENANT: "viewer"})
    with pytest.raises(AccountElsewhere):
        administration.reset_password(chief, store, "beide", now=NOW)


def test_a_new_role_counts_here_alone_and_ends_the_sessions_here(
    store: Store, chief: Principal
) -> None:
    both = add_account(store.engine, "beide", {"herten": "admin", HOME_TENANT: "viewer"})
    here, _ = signed_in(store.engine, both)
    there, view = signed_in(store.engine, both)
    there, _ = sessions.switch_tenant(store.engine, view.id, "herten", NOW)
    administration.set_role(chief, store, "beide", "viewer", now=NOW)
    assert sessions.lookup(store.engine, here, NOW) is not None
    administration.set_role(chief, store, "beide", "sachbearbeitung", now=NOW)
    assert sessions.lookup(store.engine, here, NOW) is None
    left = sessions.lookup(store.engine, there, NOW)
    assert left is not None
    assert left.principal.roles_by_tenant == {"herten": "admin", HOME_TENANT: "sachbearbeitung"}
    assert [reason for _, _, reason in changes(store)] == ["rolle:viewer", "rolle:sachbearbeitung"]


def test_the_role_of_a_shared_account_can_be_taken(store: Store, chief: Principal) -> None:
    both = add_account(
        store.engine,
        "beide",
        {"herten": "admin", HOME_TENANT: "viewer"},
        app_grants={"herten": frozenset({"sovia"}), HOME_TENANT: frozenset({"aviary"})},
    )
    administration.set_role(chief, store, "beide", None, now=NOW)
    rights = get_account(store.engine, "beide").rights
    assert (dict(rights.roles), dict(rights.apps)) == (
        {"herten": "admin"},
        {"herten": frozenset({"sovia"})},
    )
    assert changes(store) == [(both.id, "ok", "rolle:keine")]
    with pytest.raises(AccountUnknown):
        administration.set_role(chief, store, "beide", "viewer", now=NOW)


def test_no_account_is_left_without_any_role(store: Store, chief: Principal) -> None:
    with pytest.raises(AccountWithoutRole):
        administration.set_role(chief, store, "ansicht", None, now=NOW)
    assert managed(chief, store, "ansicht").role == "viewer"


@pytest.mark.parametrize(
    "act",
    [
        lambda who, store: administration.disable(who, store, "admin", now=NOW),
        lambda who, store: administration.set_role(who, store, "admin", "viewer", now=NOW),
    ],
)
def test_the_last_administration_stays_and_the_audit_tells_of_the_attempt(
    store: Store, chief: Principal, act: Act
) -> None:
    with pytest.raises(LastAdmin):
        act(chief, store)
    assert changes(store) == [(chief.subject, "refused", "letzte_administration")]
    assert managed(chief, store, "admin").role == "admin"


def test_apps_are_those_of_the_own_municipality(store: Store, chief: Principal) -> None:
    both = add_account(
        store.engine,
        "beide",
        {"herten": "viewer", HOME_TENANT: "viewer"},
        app_grants={"herten": frozenset({"sovia"})},
    )
    cookie, _ = signed_in(store.engine, both)
    administration.set_apps(chief, store, "beide", frozenset({"aviary"}), now=NOW)
    found = sessions.lookup(store.engine, cookie, NOW)
    assert found is not None
    assert found.principal.app_grants == {"aviary"}
    administration.set_apps(chief, store, "beide", None, now=NOW)
    assert dict(get_account(store.engine, "beide").rights.apps) == {"herten": frozenset({"sovia"})}
    with pytest.raises(AppsInvalid):
        administration.set_apps(chief, store, "beide", frozenset(), now=NOW)
    assert changes(store)[-1][1:] == ("refused", "anwendungen_ungueltig")


def test_role_and_apps_change_at_once_or_not_at_all(store: Store, chief: Principal) -> None:
    with pytest.raises(AppsInvalid):
        administration.set_role(chief, store, "ansicht", "admin", now=NOW, apps=frozenset())
    assert managed(chief, store, "ansicht").role == "viewer"
    some = frozenset({"aviary"})
    administration.set_role(chief, store, "ansicht", "admin", now=NOW, apps=some)
    found = managed(chief, store, "ansicht")
    assert (found.role, found.apps) == ("admin", some)
    administration.set_role(chief, store, "ansicht", "viewer", now=NOW)
    assert managed(chief, store, "ansicht").apps == some
    administration.set_role(chief, store, "ansicht", "admin", now=NOW, apps=None)
    assert managed(chief, store, "ansicht").apps is None
    assert [reason for _, _, reason in changes(store)] == [
        "anwendungen_ungueltig",
        "rolle:admin:anwendungen",
        "rolle:viewer",
        "rolle:admin:anwendungen",
    ]


def test_accounts_of_municipalities_that_are_hers_too_can_be_taken_in(store: Store) -> None:
    anna = add_account(store.engine, "anna", {"herten": "viewer"})
    add_account(store.engine, "halb", {"herten": "viewer", "marl": "viewer"})
    add_account(store.engine, "schon", {"herten": "viewer", HOME_TENANT: "viewer"})
    add_account(store.engine, "fremd", {"marl": "viewer"})
    both = admin_of(HOME_TENANT, "herten")
    assert administration.accounts_elsewhere(both, store) == ["anna"]
    for name in ("halb", "schon", "fremd", "niemand"):
        with pytest.raises(AccountUnknown):
            administration.take_in(both, store, name, "admin", now=NOW)
    administration.take_in(both, store, "anna", "sachbearbeitung", now=NOW)
    assert managed(both, store, "anna").role == "sachbearbeitung"
    assert changes(store) == [(anna.id, "ok", "rolle:sachbearbeitung")]


def test_an_administration_of_one_municipality_takes_in_nobody(
    store: Store, chief: Principal
) -> None:
    """Otherwise it could make an account shared, and the other one could not lock it any more."""
    add_account(store.engine, "anna", {"herten": "viewer"})
    assert administration.accounts_elsewhere(chief, store) == []
    with pytest.raises(AccountUnknown):
        administration.take_in(chief, store, "anna", "viewer", now=NOW)


def test_a_refusal_of_the_policy_is_no_change(store: Store) -> None:
    clerk = Principal("x", "X", {HOME_TENANT: "sachbearbeitung"}, HOME_TENANT)
    with pytest.raises(UrbanKiError):
        administration.disable(clerk, store, "ansicht", now=NOW)
    assert changes(store) == []
