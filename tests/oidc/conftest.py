"""One realm for the whole suite."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.auth.discovery import Provider, discover
from shared.auth.oidc_flow import SignedIn, begin_login, finish_login
from shared.auth.oidc_settings import OidcSettings
from shared.contracts.identity.provider_keys import provider_keys
from shared.contracts.identity.signed import TrustedKey
from tests.oidc.browser import Browser
from tests.oidc.memory import Logins
from tests.oidc.real_keycloak import temporary_realm
from tests.oidc.realm import GALLERY, Person, Realm, settings_of, started_referee
from tests.oidc.stub_provider import StubProvider, stub_provider


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """The referee, or a fresh realm of the Keycloak at `KEYCLOAK_URL`."""
    if address := os.environ.get("KEYCLOAK_URL"):
        with temporary_realm(address) as real:
            yield real
    else:
        log: Path = tmp_path_factory.mktemp("referee") / "log.txt"
        with started_referee(log) as referee:
            yield referee
        assert "Error" not in log.read_text(encoding="utf-8"), "the referee has failed"


class House:
    """The gallery's side of the sign-in for one client.

    Args:
        realm: Where people sign in.
        client: Which client it is.
    """

    def __init__(self, realm: Realm, client: str = GALLERY) -> None:
        self.settings: OidcSettings = settings_of(realm, client)
        self.provider: Provider = discover(self.settings)
        self.keys = provider_keys(self.settings)
        self.logins = Logins()

    def key_for(self, kid: str) -> TrustedKey:
        return self.keys.key_for(kid, time.monotonic())

    def begin(self, next_path: str = "/", binding: str = "") -> tuple[str, str]:
        start = begin_login(
            self.settings,
            self.provider,
            self.logins,
            next_path=next_path,
            browser_binding=binding,
            now=time.time(),
        )
        return start.url, start.browser_binding

    def finish(self, answer: list[tuple[str, str]], binding: str) -> SignedIn:
        return finish_login(
            self.settings,
            self.provider,
            self.logins,
            self.key_for,
            answer=answer,
            browser_binding=binding,
            now=time.time(),
        )

    def sign_in(self, browser: Browser, person: Person | None = None) -> SignedIn:
        url, binding = self.begin()
        return self.finish(browser.answer(url, person), binding)


@pytest.fixture
def house(realm: Realm) -> House:
    return House(realm)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    """A provider that answers whatever the test wants."""
    with stub_provider() as running:
        yield running
