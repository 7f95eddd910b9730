"""The operator's commands for accounts and sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.auth import __main__ as command, local_accounts, sessions
from shared.auth.local_accounts import Account
from shared.errors import SignInRefused
from shared.settings import Settings
from tests.auth.audit_trail import trail
from tests.auth.people import HOME, NOW, add_tenant, signed_in

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command here; exit code, stdout, stderr."""
    monkeypatch.setattr(command, "load_settings", lambda: settings)

    def call(*words: str) -> tuple[int, str, str]:
        code = command.main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def result(answer: tuple[int, str, str]) -> Any:
    code, out, err = answer
    assert (code, err) == (0, "")
    return json.loads(out)


def may_sign_in(engine: Engine, name: str, password: str) -> Account:
    return local_accounts.sign_in(engine, name, password, ip_prefix=HOME, now=NOW)


def last_event(engine: Engine) -> tuple[str, str, str]:
    row = trail(engine)[-1]
    return row.event, row.reason_code, row.object_id


def test_an_account_is_added_to_an_empty_installation(engine: Engine, run: Run) -> None:
    made = result(run("accounts", "add", "Chef", "--role", "admin", "--display-name", "Rita Chef"))
    assert (made["username"], made["display_name"]) == ("chef", "Rita Chef")
    assert made["roles"] == {"musterstadt": "admin"}
    account = may_sign_in(engine, "chef", made["first_password"])
    assert account.must_change
    assert not account.is_first
    assert last_event(engine) == ("account_change", "command:add", account.id)
    assert local_accounts.first_start(engine, NOW) == [], "the first start makes no more"


def test_an_account_is_added_for_some_apps_of_another_municipality(house: Engine, run: Run) -> None:
    words = ("accounts", "add", "maxi", "--role", "viewer", "--tenant", "herten")
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.startswith("Die Kommune „herten“ gibt es nicht.")
    add_tenant(house, "herten")
    made = result(run(*words, "--app", "sovia", "--app", "aviary"))
    assert made["apps"] == {"herten": ["aviary", "sovia"]}
    assert made["display_name"] == "maxi"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "admin", "--role", "viewer"), "Das Konto „admin“ gibt es schon."),
        (("add", "a", "--role", "viewer"), "Das ist kein Name für ein Konto."),
        (("add", "maxi", "--role", "chefin"), "Die Rolle „chefin“ gibt es nicht."),
        (("add", "maxi"), "Die Eingabe ist ungültig: Es fehlt: --role."),
        (("disable", "niemand"), "Dieses Konto gibt es nicht."),
        (("enable", "niemand"), "Dieses Konto gibt es nicht."),
        (("reset-password", "niemand"), "Dieses Konto gibt es nicht."),
        (("disable", "admin"), "Das ist die letzte Administration der Kommune"),
        (("erase", "admin"), "Die Eingabe ist ungültig: "),
    ],
)
def test_what_cannot_be_done_is_one_german_line(
    house: Engine, run: Run, words: tuple[str, ...], said: str
) -> None:
    code, out, err = run("accounts", *words)
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert trail(house) == []


def test_accounts_are_listed_without_their_secrets(house: Engine, run: Run) -> None:
    code, out, _ = run("accounts", "list")
    listed = json.loads(out)["accounts"]
    assert code == 0
    assert [one["username"] for one in listed] == ["admin", "ansicht", "sachbearbeitung"]
    assert all(one["must_change"] for one in listed)
    assert "argon2" not in out


def test_a_disabled_account_cannot_sign_in_until_it_is_enabled(
    house: Engine, anna: Account, run: Run
) -> None:
    cookie, _ = signed_in(house, anna)
    assert result(run("accounts", "disable", "ANNA"))["disabled"]
    assert sessions.lookup(house, cookie, NOW) is None
    assert last_event(house) == ("account_change", "command:disable", anna.id)
    assert not result(run("accounts", "enable", "anna"))["disabled"]
    assert last_event(house) == ("account_change", "command:enable", anna.id)


@pytest.mark.parametrize("words", [("accounts", "reset-password"), ("reset-password",)])
def test_a_new_password_ends_the_old_one_and_its_sessions(
    house: Engine, anna: Account, run: Run, words: tuple[str, ...]
) -> None:
    cookie, _ = signed_in(house, anna)
    made = result(run(*words, "anna"))
    assert sessions.lookup(house, cookie, NOW) is None
    assert may_sign_in(house, "anna", made["first_password"]).must_change
    with pytest.raises(SignInRefused):
        may_sign_in(house, "anna", "Hafen-Biene-Wolke-Tulpe-407")
    assert last_event(house) == ("account_change", "command:reset_password", anna.id)


def test_sessions_are_listed_and_ended(house: Engine, anna: Account, run: Run) -> None:
    admin, begun = local_accounts.get_account(house, "admin"), datetime.now(UTC)
    signed_in(house, admin, now=begun - timedelta(days=1))
    assert result(run("sessions", "list")) == {"sessions": []}
    _, of_anna = signed_in(house, anna, now=begun - timedelta(seconds=1), ip_prefix=HOME)
    signed_in(house, admin, now=begun)
    code, out, _ = run("sessions", "list")
    listed = json.loads(out)["sessions"]
    assert code == 0
    assert [(one["id"] == of_anna.id, one["display_name"]) for one in listed] == [
        (True, "Anna"),
        (False, "Administration"),
    ]
    assert (listed[0]["subject"], listed[0]["ip_prefix"]) == (anna.id, HOME)
    assert of_anna.csrf_secret not in out
    assert result(run("sessions", "end", "--subject", "niemand")) == {"ended": 0}
    assert result(run("sessions", "end", "--subject", anna.id)) == {"ended": 1}
    assert last_event(house) == ("session_end", "command:1", "")
    assert sessions.by_id(house, of_anna.id, begun) is None
    assert result(run("sessions", "end", "--all")) == {"ended": 2}, "one has ended by itself"


@pytest.mark.parametrize("words", [(), ("--subject", "x", "--all")])
def test_whose_sessions_end_must_be_said(house: Engine, run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run("sessions", "end", *words)
    assert (code, out) == (2, "")
    assert err.startswith("Die Eingabe ist ungültig:")
