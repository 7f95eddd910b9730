"""Signing in: the same answer and the same work for all refusals, and waits for who guesses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, event, func, select

from shared.auth import attempts, local_accounts, passwords
from shared.auth.local_accounts import Account, get_account
from shared.errors import SignInRefused, UrbanKiError
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import LoginAttemptRow
from tests.auth.people import HOME, NOW, PASSWORD, add_account, at_once, later
from tests.timing import PATIENCE_S

ELSEWHERE = "198.51.100.0/24"


def tried(engine: Engine, name: str, password: str, *, home: str = HOME, **after: float) -> bool:
    """Whether somebody is let in."""
    try:
        local_accounts.sign_in(engine, name, password, ip_prefix=home, now=later(**after))
    except SignInRefused:
        return False
    return True


def guess(engine: Engine, count: int, name: str = "anna", *, home: str = HOME) -> None:
    for number in range(count):
        assert not tried(engine, name, f"falsches Passwort {number}", home=home)


def test_the_right_password_opens_the_account(house: Engine, anna: Account) -> None:
    found = local_accounts.sign_in(house, " ANNA ", PASSWORD, ip_prefix=HOME, now=NOW)
    assert found == anna
    assert found.principal().role == "sachbearbeitung"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "falsch"),
        ("anna", ""),
        ("anna", PASSWORD.lower()),
        ("anna", PASSWORD + "\0"),
        ("anna", PASSWORD + "\ud800"),
        ("anna", "x" * 10_000),
        ("niemand", PASSWORD),
        ("", PASSWORD),
        ("", ""),
        ("an\0na", PASSWORD),
        ("\u202eanna", PASSWORD),
        ("аnna", PASSWORD),  # a Cyrillic letter
        ("an\u200bna", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("a\ud800", PASSWORD),
        ("a" * 100_000, PASSWORD),
        ("zu", PASSWORD),
    ],
)
def test_all_refusals_read_the_same(house: Engine, anna: Account, name: str, password: str) -> None:
    add_account(house, "zu")
    local_accounts.disable(house, "zu", NOW)
    with pytest.raises(SignInRefused) as refused:
        local_accounts.sign_in(house, name, password, ip_prefix=HOME, now=NOW)
    text = f"{refused.value} {refused.value.remedy}"
    assert text == ("Anmeldung nicht möglich. Prüfen Sie Name und Passwort oder warten Sie kurz.")


def test_wide_letters_are_the_plain_ones(house: Engine, anna: Account) -> None:
    assert tried(house, "ＡＮＮＡ", PASSWORD)
    assert tried(house, "anna", PASSWORD.replace("H", "Ｈ"))


def test_a_very_long_password_is_refused_before_it_is_hashed(
    house: Engine, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> bool:
        raise AssertionError("hashed")

    monkeypatch.setattr(passwords, "fits", never)
    assert not tried(house, "anna", "x" * 10_000)


@contextmanager
def work(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Statements of the block, and `verify` with its cost for each password that is looked at."""
    found: list[str] = []
    real = passwords.fits

    def fits(stored: str, plain: str) -> bool:
        found.append(f"verify {stored.split('$')[3]}")
        return real(stored, plain)

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "fits", fits)
        yield found
    event.remove(engine, "before_cursor_execute", note)


def test_the_work_is_the_same_whether_or_not_there_is_an_account(
    house: Engine, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_account(house, "zu")
    local_accounts.disable(house, "zu", NOW)
    done = []
    for name in ("anna", "niemand", "kein Name!", "zu"):
        with work(house, monkeypatch) as found:
            assert not tried(house, name, "falsches Passwort")
        done.append(found)
    assert [one for one in done[0] if one.startswith("verify")] == ["verify m=8,t=1,p=1"]
    assert done[1:] == [done[0]] * 3


def test_the_hash_of_nobody_costs_what_a_real_one_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert passwords._HASHER.check_needs_rehash(passwords.NOBODYS_HASH) is False
    assert (passwords._HASHER.time_cost, passwords._HASHER.memory_cost) == (3, 64 * 1024)
    assert (passwords._HASHER.parallelism, passwords._HASHER.type.name) == (1, "ID")


def test_six_wrong_passwords_block_and_the_right_one_must_wait(
    house: Engine, anna: Account
) -> None:
    guess(house, 6)
    assert not tried(house, "anna", PASSWORD)
    assert not tried(house, "anna", PASSWORD, seconds=29)
    assert tried(house, "anna", PASSWORD, seconds=30)
    assert tried(house, "anna", PASSWORD)


def test_four_wrong_passwords_do_not(house: Engine, anna: Account) -> None:
    guess(house, 4)
    assert get_account(house, "anna").failed_count == 4
    assert tried(house, "anna", PASSWORD)
    assert get_account(house, "anna").failed_count == 0
    guess(house, 4)
    assert tried(house, "anna", PASSWORD)


def test_a_block_does_not_tell_whether_there_is_an_account(house: Engine, anna: Account) -> None:
    rows = []
    for name in ("anna", "niemand"):
        guess(house, 7, name)
        with read_scope(house) as session:
            rows.append(
                session.execute(
                    select(
                        LoginAttemptRow.kind, LoginAttemptRow.failed, LoginAttemptRow.blocked_until
                    ).order_by(LoginAttemptRow.last_at, LoginAttemptRow.kind)
                ).all()
            )
    assert sorted(map(tuple, rows[1])) == sorted(map(tuple, [*rows[0], *rows[0]]))


def test_waits_double_up_to_a_quarter_of_an_hour(house: Engine, anna: Account) -> None:
    now, waits = NOW, []
    for _ in range(5):
        assert attempts.begin(house, "anna", HOME, now)
    for _ in range(8):
        wait = 0
        while not attempts.begin(house, "anna", HOME, now):
            wait += 15
            now += timedelta(seconds=15)
        waits.append(wait)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_block_is_for_one_network(house: Engine, anna: Account) -> None:
    guess(house, 10, home=ELSEWHERE)
    assert not tried(house, "anna", PASSWORD, home=ELSEWHERE)
    assert tried(house, "anna", PASSWORD)


def test_a_block_is_for_one_name(house: Engine, anna: Account) -> None:
    add_account(house, "bea")
    guess(house, 10)
    assert not tried(house, "anna", PASSWORD)
    assert tried(house, "bea", PASSWORD)


def test_guessing_from_everywhere_blocks_for_a_quarter_of_an_hour(
    house: Engine, anna: Account
) -> None:
    for network in range(6):
        guess(house, 5, home=f"203.0.{network}.0/24")
    assert not tried(house, "anna", PASSWORD)
    assert not tried(house, "anna", PASSWORD, minutes=14.9)
    assert not tried(house, "anna", "falsch", minutes=15)
    assert tried(house, "anna", PASSWORD, minutes=15)


def test_nobody_is_locked_out_for_good(house: Engine, anna: Account) -> None:
    """A thousand guesses later the person gets in after a quarter of an hour."""
    for number in range(1000):
        tried(house, "anna", "falsch", home=f"203.0.{number % 200}.0/24")
    assert tried(house, "anna", PASSWORD, minutes=15)


def test_attempts_during_a_wait_do_not_make_it_longer(house: Engine, anna: Account) -> None:
    guess(house, 5)
    for seconds in range(1, 30):
        assert not tried(house, "anna", PASSWORD, seconds=seconds)
    assert tried(house, "anna", PASSWORD, seconds=30)


def test_after_a_day_a_name_starts_afresh(house: Engine, anna: Account) -> None:
    for _ in range(9):
        attempts.begin(house, "anna", HOME, NOW)
    assert not tried(house, "anna", "falsch", hours=25)
    assert tried(house, "anna", PASSWORD, hours=25)
    assert attempts.purge(house, later(hours=25)) == 0
    guess(house, 2)
    assert attempts.purge(house, later(hours=24)) == 0
    assert attempts.purge(house, later(hours=24, seconds=1)) == 2


def guesses(engine: Engine, number: int) -> int:
    return sum(attempts.begin(engine, "anna", HOME, NOW) for _ in range(5))


def test_many_guesses_at_once_are_no_way_around(settings: Settings, house: Engine) -> None:
    house.dispose()
    assert sum(at_once(settings, 4, guesses)) == attempts.FREE_ATTEMPTS


def test_a_hash_with_other_parameters_is_renewed(
    house: Engine, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", other)
    assert tried(house, "anna", PASSWORD)
    row = local_accounts.required_row(house, local_accounts.named("anna"))
    assert "m=16,t=2,p=1" in row.password_hash
    assert tried(house, "anna", PASSWORD)
    changed_at = get_account(house, "anna").changed_at
    assert changed_at == NOW


def test_at_most_two_passwords_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, lock = [0], [0], threading.Lock()
    gate = threading.Event()

    class Slow:
        def verify(self, *_: str) -> bool:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                if inside[0] == 2:
                    gate.set()
            assert gate.wait(PATIENCE_S)
            gate.wait(0.05)
            with lock:
                inside[0] -= 1
            return True

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    threads = [threading.Thread(target=passwords.fits, args=("", "")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert most == [2]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unsinn", ""),
        ("", ""),
    ],
)
def test_networks_of_addresses(address: str, network: str) -> None:
    assert attempts.ip_prefix(address) == network


def test_errors_show_neither_name_nor_password() -> None:
    error: UrbanKiError = SignInRefused()
    assert error.details == {}


def test_names_are_not_kept_in_the_clear(house: Engine) -> None:
    guess(house, 1, "geheimer name")
    with read_scope(house) as session:
        keys = session.scalars(select(LoginAttemptRow.key_sha256)).all()
        assert session.scalar(select(func.count()).select_from(LoginAttemptRow)) == 2
    assert all(len(key) == 64 and "geheim" not in key for key in keys)
