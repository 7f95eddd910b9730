"""Guessing a password: no header, name, cookie or address makes the wait go away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import httpx
import pytest
from sqlalchemy import Engine

from shared.auth.attempts import FREE_ATTEMPTS
from shared.auth.local_accounts import Account, get_account
from shared.settings import Settings
from tests.auth.attacks.stack import ATTACKER, Stack
from tests.auth.browsers import Browser
from tests.auth.people import PASSWORD, add_account

pytestmark = pytest.mark.usefixtures("anna")
WRONG = "ganz falsches Passwort"
GUESSES = 12


def guess(browser: Browser, password: str = WRONG, name: str = "anna", **headers: str) -> int:
    sent = browser.form() | {"benutzername": name, "passwort": password}
    return browser.post("/konto/anmelden", sent, headers=headers).status_code


def number_to_address(number: int) -> str:
    return f"203.0.{number}.9"


HEADERS: dict[str, Callable[[int], dict[str, str]]] = {
    "x-forwarded-for": lambda number: {"X-Forwarded-For": number_to_address(number)},
    "x-forwarded-for-list": lambda number: {
        "X-Forwarded-For": f"{number_to_address(number)}, 127.0.0.1"
    },
    "x-forwarded-for-underscore": lambda number: {"X_Forwarded_For": number_to_address(number)},
    "x-real-ip": lambda number: {"X-Real-IP": number_to_address(number)},
    "forwarded": lambda number: {"Forwarded": f"for={number_to_address(number)}"},
    "x-client-ip": lambda number: {"X-Client-IP": number_to_address(number)},
    "true-client-ip": lambda number: {"True-Client-IP": number_to_address(number)},
    "cf-connecting-ip": lambda number: {"CF-Connecting-IP": number_to_address(number)},
    "x-ukg-session": lambda number: {"X-UKG-Session": str(number)},
    "user-agent": lambda number: {"User-Agent": f"browser {number}"},
    "accept-language": lambda number: {"Accept-Language": ("de", "en")[number % 2]},
}


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_takes_the_wait_away(stack: Stack, name: str) -> None:
    attacker = stack.browser(ATTACKER)
    with stack.begins_no_session():
        for number in range(GUESSES):
            assert guess(attacker, **HEADERS[name](number)) == 401
        assert guess(attacker, PASSWORD, **HEADERS[name](99)) == 401


NAMES = {
    "capitals": ("anna", "ANNA", "Anna", "aNNa"),
    "spaces": ("anna", " anna", "anna ", "  anna  "),
    "wide-letters": ("anna", "ａｎｎａ", "Ａnna", "anｎa"),
}


@pytest.mark.parametrize("name", NAMES)
def test_no_spelling_of_a_name_is_another_name(stack: Stack, name: str) -> None:
    attacker, spellings = stack.browser(ATTACKER), NAMES[name]
    with stack.begins_no_session():
        for number in range(GUESSES):
            assert guess(attacker, name=spellings[number % len(spellings)]) == 401
        for spelling in spellings:
            assert guess(attacker, PASSWORD, spelling) == 401


def _new_browser(stack: Stack, number: int) -> Browser:
    return stack.browser(ATTACKER)


def _same_network(stack: Stack, number: int) -> Browser:
    return stack.browser(f"198.51.100.{number + 1}")


def _same_long_network(stack: Stack, number: int) -> Browser:
    return stack.browser(f"2001:db8:1:{number:x}::{number + 1:x}")


def _mapped(stack: Stack, number: int) -> Browser:
    return stack.browser((ATTACKER, f"::ffff:{ATTACKER}")[number % 2])


ADDRESSES = {
    "new-browser": _new_browser,
    "addresses-of-one-network": _same_network,
    "addresses-of-one-ipv6-network": _same_long_network,
    "ipv4-as-ipv6": _mapped,
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_other_browser_or_neighbour_address_begins_afresh(stack: Stack, name: str) -> None:
    with stack.begins_no_session():
        for number in range(GUESSES):
            assert guess(ADDRESSES[name](stack, number)) == 401
        assert guess(ADDRESSES[name](stack, GUESSES), PASSWORD) == 401


def test_an_own_account_does_not_pay_for_guesses(stack: Stack) -> None:
    """Signing in with the attacker's own password in between forgives nothing."""
    add_account(stack.engine, "mallory")
    attacker = stack.browser(ATTACKER)
    for number in range(GUESSES):
        assert guess(attacker) == 401
        if number % 3 == 2:
            assert guess(stack.browser(ATTACKER), PASSWORD, "mallory") == 303
    assert guess(attacker, PASSWORD) == 401


def test_guesses_at_once_are_no_way_around(stack: Stack) -> None:
    browsers = [stack.browser(ATTACKER) for _ in range(3 * FREE_ATTEMPTS)]
    forms = [browser.form() for browser in browsers]

    async def at_once() -> list[httpx.Response]:
        posts = [
            browser.client.post(
                "/konto/anmelden",
                data=form | {"benutzername": "anna", "passwort": f"{WRONG} {number}"},
                headers={"origin": stack.origin},
            )
            for number, (browser, form) in enumerate(zip(browsers, forms, strict=True))
        ]
        return list(await asyncio.gather(*posts))

    answers = stack.runner.run(at_once())
    assert {answer.status_code for answer in answers} == {401}
    assert get_account(stack.engine, "anna").failed_count <= FREE_ATTEMPTS
    assert guess(stack.browser(ATTACKER), PASSWORD) == 401


@pytest.fixture
def behind_proxy(house: Engine, settings: Settings, anna: Account) -> Iterator[Stack]:
    made = Stack(house, settings, proxies=(ip_network("198.51.100.0/24"),))
    yield made
    made.runner.close()


def test_what_a_stranger_writes_before_the_proxy_counts_for_nothing(behind_proxy: Stack) -> None:
    """The proxy adds the true address at the end of what the browser has invented."""
    proxy = behind_proxy.browser(ATTACKER)
    for number in range(GUESSES):
        invented = f"{number_to_address(number)}, 192.0.2.50"
        assert guess(proxy, **{"X-Forwarded-For": invented}) == 401
    assert guess(proxy, PASSWORD, **{"X-Forwarded-For": "203.0.99.9, 192.0.2.51"}) == 401
    # Somebody from another network is not in the way of anybody.
    assert guess(proxy, PASSWORD, **{"X-Forwarded-For": "192.0.3.50"}) == 303


def test_guessing_an_open_page_s_password_ends_too(stack: Stack) -> None:
    """Whoever finds a browser that somebody has left cannot guess her password for ever."""
    browser = stack.browser()
    assert guess(browser, PASSWORD) == 303
    new = "Möwe-Kutter-Anker-Deich-88"
    with stack.begins_no_session():
        for number in range(GUESSES):
            typed = {"bisher": f"{WRONG} {number}", "neu": new, "wiederholung": new}
            sent = browser.password_forms()[0] | typed
            assert browser.post("/konto/passwort", sent).status_code in {400, 401, 429}
        sent = browser.password_forms()[0] | {"bisher": PASSWORD, "neu": new, "wiederholung": new}
        assert browser.post("/konto/passwort", sent).status_code != 303
