"""Accounts: the first start, names, passwords, rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select

from shared.auth import local_accounts, sessions
from shared.auth.account_names import account_name
from shared.auth.local_accounts import Account, create_account, get_account, list_accounts
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import (
    AccountNameInvalid,
    AccountNameTaken,
    AccountRightsInvalid,
    AccountUnknown,
    OldPasswordWrong,
    PasswordGuessable,
    PasswordLength,
    PasswordUnchanged,
    SignInRefused,
    TextInvalid,
    TextTooLong,
    UrbanKiError,
)
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import AccountRow, TenantRow
from tests.auth.people import (
    HOME,
    NOW,
    PASSWORD,
    add_account,
    add_tenant,
    at_once,
    later,
    signed_in,
)

NEW = "Kamel-Laterne-Brezel-Insel-118"


def enter(engine: Engine, name: str, password: str) -> Account:
    return local_accounts.sign_in(engine, name, password, ip_prefix=HOME, now=NOW)


def test_the_first_start_makes_three_accounts_and_the_second_none(engine: Engine) -> None:
    made = local_accounts.first_start(engine, NOW)
    assert [(one.username, one.role) for one in made] == [
        ("admin", "admin"),
        ("sachbearbeitung", "sachbearbeitung"),
        ("ansicht", "viewer"),
    ]
    for one in made:
        account = enter(engine, one.username, one.password)
        assert (account.must_change, account.is_first) == (True, True)
        assert dict(account.principal().roles_by_tenant) == {HOME_TENANT: one.role}
        assert one.password not in repr(one)
    assert len({one.password for one in made}) == 3
    assert local_accounts.first_start(engine, NOW) == []
    with read_scope(engine) as session:
        assert session.scalars(select(TenantRow.slug)).all() == [HOME_TENANT]


def start(engine: Engine, _number: int) -> list[str]:
    return [one.password for one in local_accounts.first_start(engine, NOW)]


def test_three_processes_at_once_make_the_accounts_once(settings: Settings, engine: Engine) -> None:
    engine.dispose()
    made = sorted(at_once(settings, 3, start), key=len)
    assert [len(one) for one in made] == [0, 0, 3]
    assert [account.username for account in list_accounts(engine)] == [
        *("admin", "ansicht", "sachbearbeitung"),
    ]
    enter(engine, "admin", made[2][0])


def test_first_accounts_are_named_until_their_password_is_changed(engine: Engine) -> None:
    assert local_accounts.unchanged_first_accounts(engine) == []
    made = {one.username: one.password for one in local_accounts.first_start(engine, NOW)}
    assert local_accounts.unchanged_first_accounts(engine) == sorted(made)
    admin = get_account(engine, "admin")
    local_accounts.set_password(engine, admin.id, made["admin"], NEW, NOW)
    assert local_accounts.unchanged_first_accounts(engine) == ["ansicht", "sachbearbeitung"]
    assert get_account(engine, "admin").must_change is False
    local_accounts.reset_password(engine, "ansicht", NOW)
    assert local_accounts.unchanged_first_accounts(engine) == ["sachbearbeitung"]


def test_a_new_account_gets_a_password_that_must_be_changed(house: Engine) -> None:
    account, made = create_account(house, "Bea", "Bea B.", {HOME_TENANT: "viewer"}, now=NOW)
    assert made is not None
    assert (account.username, account.must_change, account.is_first) == ("bea", True, False)
    assert enter(house, "bea", made) == account
    own, none = create_account(house, "bo", "Bo", {}, PASSWORD, now=NOW)
    assert (none, own.must_change) == (None, False)
    assert own.principal().roles_by_tenant == {}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Anna.Müller", "anna.müller"),
        ("ＡＮＮＡ", "anna"),
        ("ﬁnn", "finn"),
        ("Mu\u0308ller", "müller"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("a.b_c-d@rathaus", "a.b_c-d@rathaus"),
        ("x" * 64, "x" * 64),
    ],
)
def test_names_that_look_the_same_are_the_same(typed: str, kept: str) -> None:
    assert account_name(typed) == kept
    assert account_name(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "a", "x" * 65, "x" * 100_000, "an na", "an\tna", "an\nna", "an\0na"),
        *("аnna", "annа", "ɑnna", "αnna", "ınna", "rené", "anna\u0301"),
        *("\u202eanna", "an\u200bna", "an\u00adna", "anna\ufeff", "\u2066anna\u2069"),
        *(".anna", "anna.", "-anna", "anna;", "<b>anna", "a'b", "a/b", "😀😀", "\ud800ab"),
    ],
)
def test_other_names_are_refused(typed: str) -> None:
    assert account_name(typed) is None


def test_a_refused_name_makes_no_account(house: Engine) -> None:
    for name in ("аdmin", "admin\0", "\u202enimda"):
        with pytest.raises(AccountNameInvalid):
            create_account(house, name, "X", {}, now=NOW)
    with pytest.raises(AccountNameTaken, match="„admin“"):
        create_account(house, "ＡＤＭＩＮ", "X", {HOME_TENANT: "viewer"}, now=NOW)
    assert len(list_accounts(house)) == 3


@pytest.mark.parametrize(
    ("shown", "error"), [("a\0b", TextInvalid), ("", TextTooLong), ("x" * 201, TextTooLong)]
)
def test_a_name_for_pages_is_a_text(house: Engine, shown: str, error: type[UrbanKiError]) -> None:
    with pytest.raises(error):
        create_account(house, "bea", shown, {}, now=NOW)


@pytest.mark.parametrize(
    ("roles", "grants", "reason"),
    [
        ({"nirgends": "viewer"}, {}, "Kommune „nirgends“"),
        ({HOME_TENANT: "kaiser"}, {}, "Rolle „kaiser“"),
        ({HOME_TENANT: "service"}, {}, "Rolle „service“"),
        ({HOME_TENANT: "Admin"}, {}, "Rolle „Admin“"),
        ({HOME_TENANT: "viewer"}, {HOME_TENANT: frozenset()}, "leer oder nennt"),
        ({HOME_TENANT: "viewer"}, {HOME_TENANT: frozenset({"../x"})}, "leer oder nennt"),
        ({}, {HOME_TENANT: frozenset({"sovia"})}, "hat das Konto keine Rolle"),
    ],
)
def test_impossible_rights_make_no_account(
    house: Engine, roles: Any, grants: Any, reason: str
) -> None:
    with pytest.raises(AccountRightsInvalid, match=reason):
        create_account(house, "bea", "Bea", roles, app_grants=grants, now=NOW)
    with pytest.raises(AccountUnknown):
        get_account(house, "bea")


def test_roles_and_apps_change(house: Engine, anna: Account) -> None:
    add_tenant(house, "herten")
    local_accounts.set_role(house, "anna", "herten", "viewer", later(hours=1))
    local_accounts.set_apps(house, "anna", "herten", frozenset({"sovia", "aviary"}), NOW)
    account = get_account(house, "anna")
    assert dict(account.rights.roles) == {HOME_TENANT: "sachbearbeitung", "herten": "viewer"}
    assert dict(account.rights.apps) == {"herten": {"sovia", "aviary"}}
    assert [one.username for one in list_accounts(house, "herten")] == ["anna"]
    with pytest.raises(AccountRightsInvalid):
        local_accounts.set_apps(house, "anna", "herten", frozenset(), NOW)
    with pytest.raises(AccountRightsInvalid):
        local_accounts.set_apps(house, "anna", "marl", frozenset({"sovia"}), NOW)
    local_accounts.set_role(house, "anna", "herten", None, NOW)
    account = get_account(house, "anna")
    assert (dict(account.rights.roles), dict(account.rights.apps)) == (
        {HOME_TENANT: "sachbearbeitung"},
        {},
    )


def test_taking_back_the_list_of_apps_opens_all(house: Engine, anna: Account) -> None:
    local_accounts.set_apps(house, "anna", HOME_TENANT, frozenset({"sovia"}), NOW)
    assert get_account(house, "anna").principal().app_grants == {"sovia"}
    local_accounts.set_apps(house, "anna", HOME_TENANT, None, NOW)
    assert get_account(house, "anna").principal().app_grants is None


@pytest.mark.parametrize(
    "act",
    [
        lambda engine: get_account(engine, "niemand"),
        lambda engine: get_account(engine, "\0"),
        lambda engine: local_accounts.disable(engine, "niemand", NOW),
        lambda engine: local_accounts.enable(engine, "niemand", NOW),
        lambda engine: local_accounts.reset_password(engine, "niemand", NOW),
        lambda engine: local_accounts.set_role(engine, "niemand", HOME_TENANT, "viewer", NOW),
        lambda engine: local_accounts.set_apps(engine, "niemand", HOME_TENANT, None, NOW),
        lambda engine: local_accounts.set_password(engine, "niemand", PASSWORD, NEW, NOW),
    ],
)
def test_an_unknown_account_is_named_as_such(
    house: Engine, act: Callable[[Engine], object]
) -> None:
    with pytest.raises(AccountUnknown):
        act(house)


def test_a_new_password_replaces_the_old_and_ends_other_sessions(
    house: Engine, anna: Account
) -> None:
    here, _ = signed_in(house, anna)
    there, view = signed_in(house, anna)
    local_accounts.set_password(house, anna.id, PASSWORD, NEW, NOW, keep=view.id)
    assert sessions.lookup(house, here, NOW) is None
    assert sessions.lookup(house, there, NOW) is not None
    enter(house, "anna", NEW)
    with pytest.raises(SignInRefused):
        enter(house, "anna", PASSWORD)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("falsch", NEW, OldPasswordWrong),
        ("", NEW, OldPasswordWrong),
        ("x" * 10_000, NEW, OldPasswordWrong),
        (PASSWORD, PASSWORD, PasswordUnchanged),
        (PASSWORD, "zu kurz", PasswordLength),
        (PASSWORD, "x" * 10_000, PasswordLength),
        (PASSWORD, "", PasswordLength),
        (PASSWORD, "password1234", PasswordGuessable),
    ],
)
def test_a_refused_change_leaves_the_password(
    house: Engine, anna: Account, old: str, new: str, error: type[UrbanKiError]
) -> None:
    cookie, _ = signed_in(house, anna)
    with pytest.raises(error):
        local_accounts.set_password(house, anna.id, old, new, NOW)
    assert enter(house, "anna", PASSWORD).must_change is False
    assert sessions.lookup(house, cookie, NOW) is not None


def test_whoever_found_an_open_page_cannot_guess_the_password_for_ever(
    house: Engine, anna: Account
) -> None:
    for _ in range(5):
        with pytest.raises(OldPasswordWrong):
            local_accounts.set_password(house, anna.id, "geraten", NEW, NOW)
    with pytest.raises(OldPasswordWrong):
        local_accounts.set_password(house, anna.id, PASSWORD, NEW, NOW)
    local_accounts.set_password(house, anna.id, PASSWORD, NEW, later(seconds=30))


def test_a_password_may_not_be_the_person_s_name(house: Engine) -> None:
    account = add_account(house, "annamariamueller")
    for name in ("annamariamueller", "AnnaMariaMueller"):
        with pytest.raises(PasswordGuessable):
            local_accounts.set_password(house, account.id, PASSWORD, name, NOW)


def test_a_reset_gives_a_password_to_change_and_ends_all_sessions(
    house: Engine, anna: Account
) -> None:
    cookie, _ = signed_in(house, anna)
    made = local_accounts.reset_password(house, "Anna", NOW)
    assert sessions.lookup(house, cookie, NOW) is None
    assert enter(house, "anna", made).must_change is True


def test_a_disabled_account_is_refused_until_it_is_enabled(house: Engine, anna: Account) -> None:
    local_accounts.disable(house, "anna", NOW)
    assert get_account(house, "anna").disabled is True
    with pytest.raises(SignInRefused):
        enter(house, "anna", PASSWORD)
    local_accounts.enable(house, "anna", NOW)
    enter(house, "anna", PASSWORD)


def test_passwords_are_kept_as_hashes_only(house: Engine, anna: Account) -> None:
    with read_scope(house) as session:
        hashes = session.scalars(select(AccountRow.password_hash)).all()
    assert len(set(hashes)) == 4
    assert all(one.startswith("$argon2id$") and PASSWORD not in one for one in hashes)
