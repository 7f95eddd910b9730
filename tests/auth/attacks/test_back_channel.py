"""Notices of logouts that somebody forged, kept or bent: nobody is signed out by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine

from shared.settings import Settings
from tests.auth.attacks.provider import ProviderStack, Realm
from tests.auth.attacks.stack import ATTACKER
from tests.auth.browsers import Browser
from tests.oidc.conftest import stub  # noqa: F401  # fixture
from tests.oidc.forge import (
    EC_KID,
    HEADER,
    LOGOUT,
    LOGOUT_HEADER,
    rsa_entry,
    rsa_key,
    with_es256,
    with_mac,
    with_rs256,
)
from tests.oidc.stub_provider import StubProvider

PATH = "/konto/rueckkanal"
FORM = {"content-type": "application/x-www-form-urlencoded"}
MODULUS = rsa_key("ours").public_key().public_numbers().n.to_bytes(256, "big")


@pytest.fixture
def stack(engine: Engine, settings: Settings, stub: StubProvider) -> Iterator[ProviderStack]:  # noqa: F811
    made = ProviderStack(engine, settings, stub)
    yield made
    made.runner.close()


@pytest.fixture
def victim(stack: ProviderStack) -> Browser:
    """The browser of a person who has signed in at the provider."""
    browser = stack.browser()
    assert stack.signs_in(browser).status_code == 303
    return browser


def another_key(head: bytes) -> bytes:
    return with_rs256(head, "another")


def unsigned(_: bytes) -> bytes:
    return b"x"


FORGED: dict[str, Callable[[Realm], str]] = {
    "unsigned": lambda realm: realm.notice(unsigned, {**LOGOUT_HEADER, "alg": "none"}),
    "without-signature": lambda realm: realm.notice().rpartition(".")[0] + ".",
    "signature-of-another-notice": lambda realm: (
        f"{realm.notice(jti='j-9').rpartition('.')[0]}.{realm.notice().rpartition('.')[2]}"
    ),
    "signed-with-the-public-key": lambda realm: realm.notice(
        with_mac(MODULUS), {**LOGOUT_HEADER, "alg": "HS256"}
    ),
    "of-another-key": lambda realm: realm.notice(another_key),
    "of-an-algorithm-nobody-chose": lambda realm: realm.notice(
        with_es256, {**LOGOUT_HEADER, "alg": "ES256", "kid": EC_KID}
    ),
    "brings-its-key": lambda realm: realm.notice(
        another_key, {**LOGOUT_HEADER, "jwk": rsa_entry(rsa_key("another"))}
    ),
    "unknown-key": lambda realm: realm.notice(head={**LOGOUT_HEADER, "kid": "other"}),
    "for-another-client": lambda realm: realm.notice(aud="other-client"),
    "for-nobody": lambda realm: realm.notice(aud=...),
    "of-another-realm": lambda realm: realm.notice(iss=f"{realm.stub.base}/realms/master"),
    "with-nonce": lambda realm: realm.notice(nonce="n-1"),
    "has-ended": lambda realm: realm.notice(iat=1_700_000_000, exp=1_700_000_100),
    "good-for-hours": lambda realm: realm.notice(exp=LOGOUT["exp"] + 3600),
    "of-the-future": lambda realm: realm.notice(iat=LOGOUT["iat"] + 60),
    "without-name": lambda realm: realm.notice(jti=...),
    "without-event": lambda realm: realm.notice(events=...),
    "of-another-event": lambda realm: realm.notice(events={"other": {}}),
    "names-nobody": lambda realm: realm.notice(sub=..., sid=...),
    "older-type": lambda realm: realm.notice(head=HEADER),
    "access-token": lambda realm: realm.access(),
    "identity-token": lambda realm: realm.identity(),
    "identity-in-its-clothes": lambda realm: realm.identity(head=LOGOUT_HEADER),
}


def send(browser: Browser, token: str, **more: Any) -> int:
    content = urlencode({"logout_token": token}).encode()
    return browser.ask("POST", PATH, **({"content": content, "headers": FORM} | more)).status_code


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_notice_signs_nobody_out(stack: ProviderStack, victim: Browser, name: str) -> None:
    with stack.unchanged():
        assert send(stack.browser(ATTACKER), FORGED[name](stack.realm)) == 400
    assert victim.ping() == 204


def test_the_right_one_does_and_only_once(stack: ProviderStack, victim: Browser) -> None:
    """Otherwise nothing here would be an attack; kept for later, it ends no new session."""
    notice = stack.realm.notice()
    assert send(stack.browser(ATTACKER), notice) == 200
    assert stack.rows()["session"] == []
    assert victim.ping() == 401
    assert stack.signs_in(victim).status_code == 303
    with stack.unchanged():
        assert send(stack.browser(ATTACKER), notice) == 400
    assert victim.ping() == 204


STRANGERS: dict[str, dict[str, Any]] = {
    "foreign-session": {"sid": "s-2", "sub": ...},
    "foreign-person": {"sid": ..., "sub": "other"},
    "own-session-of-another-person": {"sub": "other"},
    "foreign-session-of-this-person": {"sid": "s-2"},
    "wildcards": {"sid": "%", "sub": ...},
    "sql": {"sid": "' OR '1'='1", "sub": ...},
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_notice_about_somebody_else_signs_nobody_else_out(
    stack: ProviderStack, victim: Browser, name: str
) -> None:
    with stack.unchanged():
        assert send(stack.browser(ATTACKER), stack.realm.notice(**STRANGERS[name])) == 200
    assert victim.ping() == 204


OTHER_FORMS: dict[str, Callable[[str], dict[str, Any]]] = {
    "json": lambda token: {"json": {"logout_token": token}, "content": None, "headers": {}},
    "plain-text": lambda _: {"headers": {"content-type": "text/plain"}},
    "twice": lambda token: {"content": f"logout_token={token}&logout_token={token}".encode()},
    "other-name": lambda token: {"content": f"token={token}".encode()},
    "in-the-address": lambda token: {"content": b"", "params": {"logout_token": token}},
    "too-many-fields": lambda token: {"content": b"a=1&" * 30 + f"logout_token={token}".encode()},
    "too-large": lambda token: {"content": f"logout_token={token}&x=".encode() + b"x" * 2**20},
    "multipart": lambda token: {
        "content": None,
        "headers": {},
        "files": {"logout_token": (None, token)},
    },
}


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_a_notice_comes_as_one_small_form_alone(
    stack: ProviderStack, victim: Browser, name: str
) -> None:
    notice = stack.realm.notice()
    with stack.unchanged():
        assert send(stack.browser(ATTACKER), notice, **OTHER_FORMS[name](notice)) == 400
    assert victim.ping() == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_a_notice_comes_by_one_method_alone(
    stack: ProviderStack, victim: Browser, method: str
) -> None:
    content = urlencode({"logout_token": stack.realm.notice()}).encode()
    with stack.unchanged():
        answer = stack.browser(ATTACKER).ask(method, PATH, content=content, headers=FORM)
        assert answer.status_code == 405
    assert victim.ping() == 204


def test_a_flood_of_invented_keys_asks_the_provider_once(
    stack: ProviderStack, victim: Browser
) -> None:
    stack.realm.stub.asked.clear()
    attacker = stack.browser(ATTACKER)
    with stack.unchanged():
        for number in range(30):
            head = {**LOGOUT_HEADER, "kid": f"invented-{number}"}
            assert send(attacker, stack.realm.notice(head=head)) == 400
    assert len(stack.realm.stub.asked) <= 1
