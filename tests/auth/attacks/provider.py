"""The gallery in mode `keycloak` before a provider that says whatever an attacker wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from sqlalchemy import Engine

from shared.auth.provider import SignInProvider
from shared.auth.provider_routes import provider_routes
from shared.auth.secret_box import load_secret_box
from shared.auth.services import account_services
from shared.settings import Settings
from tests.auth.attacks.stack import Stack
from tests.auth.browsers import ORIGIN, Browser
from tests.auth.people import LIMITS
from tests.oidc import forge
from tests.oidc.forge import changed
from tests.oidc.stub_provider import PROTOCOL, WELL_KNOWN, Asked, Reply, StubProvider, said

CERTS, TOKEN, END = (f"{PROTOCOL}/{name}" for name in ("certs", "token", "logout"))
NOW = datetime.fromtimestamp(forge.NOW, UTC)
Sign = Callable[[bytes], bytes]


class Realm:
    """Keys and tokens of the stub; each part can be bent.

    Args:
        stub: Answers for it.
    """

    def __init__(self, stub: StubProvider) -> None:
        self.stub = stub
        self.nonce = ""
        stub.replies[WELL_KNOWN] = lambda _: said(stub.document())
        stub.replies[CERTS] = lambda _: said(forge.key_set())
        stub.replies[TOKEN] = lambda _: said(self.tokens())
        stub.replies[END] = lambda _: Reply(204)

    def access(self, sign: Sign = forge.with_rs256, head: Any = forge.HEADER, **more: Any) -> str:
        claims = {**forge.ACCESS, "iss": self.stub.issuer}
        return forge.token(changed(claims, **more), head, sign)

    def identity(self, sign: Sign = forge.with_rs256, head: Any = forge.HEADER, **more: Any) -> str:
        claims = {**forge.IDENTITY, "iss": self.stub.issuer, "nonce": self.nonce}
        return forge.token(changed(claims, **more), head, sign)

    def notice(
        self, sign: Sign = forge.with_rs256, head: Any = forge.LOGOUT_HEADER, **more: Any
    ) -> str:
        claims = {**forge.LOGOUT, "iss": self.stub.issuer}
        return forge.token(changed(claims, **more), head, sign)

    def tokens(self, **more: str) -> dict[str, str]:
        right = {
            "access_token": self.access(),
            "refresh_token": "refresh-1",
            "id_token": self.identity(),
        }
        return right | more

    def hands_out(self, **more: str) -> None:
        """Answer the next code with other tokens; an empty one is left out."""
        given = {name: value for name, value in self.tokens(**more).items() if value}
        self.stub.replies[TOKEN] = lambda _: said(given)

    def says(self, path: str, reply: Reply) -> None:
        def answer(_: Asked) -> Reply:
            return reply

        self.stub.replies[path] = answer


class ProviderStack(Stack):
    """The whole way of a request, with sign-in at the stub."""

    def __init__(self, engine: Engine, settings: Settings, stub: StubProvider) -> None:
        self.realm = Realm(stub)
        self.now = NOW
        oidc = stub.settings(
            redirect_uri=f"{ORIGIN}/konto/rueckruf", post_logout_uri=f"{ORIGIN}/konto/anmelden"
        )
        provider = SignInProvider(
            oidc, load_secret_box(settings), clock=lambda: self.now.timestamp()
        )
        settings = settings.model_copy(update={"auth_mode": "keycloak"})
        services = account_services(engine, settings, LIMITS, "Galerie", provider=provider)
        super().__init__(
            engine,
            settings,
            account_pages=partial(provider_routes, provider=provider),
            services=replace(services, clock=lambda: self.now),
        )

    def begins(self, browser: Browser) -> dict[str, str]:
        """Begin a login, and return what the address at the provider says."""
        answer = browser.get("/konto/anmelden?start=1&weiter=/sovia")
        assert answer.status_code == 303, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        asked = {name: values[0] for name, values in query.items()}
        self.realm.nonce = asked["nonce"]
        return asked

    def comes_back(self, browser: Browser, **query: str) -> httpx.Response:
        usual = {"code": "c-1", "iss": self.realm.stub.issuer}
        return browser.get(f"/konto/rueckruf?{urlencode(usual | query)}")

    def signs_in(self, browser: Browser) -> httpx.Response:
        asked = self.begins(browser)
        return self.comes_back(browser, state=asked["state"])
