"""The gallery's account pages as a running server, and a browser that goes all the way."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urljoin

import httpx
import uvicorn
from sqlalchemy import Engine, select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from shared.auth import sessions
from shared.auth.account_paths import SIGN_OUT
from shared.auth.guard import Guard, GuardRules
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.provider import SignInProvider
from shared.auth.provider_routes import provider_routes
from shared.auth.services import AccountServices, account_services
from shared.auth.sessions import Limits, SessionView
from shared.settings import Settings
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import SessionRow
from tests.oidc.browser import Browser
from tests.oidc.realm import GALLERY, RETURN, Notice, Person

ORIGIN = RETURN[GALLERY]
LIMITS = Limits(idle_s=1800, absolute_s=36_000)
RULES = GuardRules(
    hosts=frozenset(),
    proxies=(),
    apps=lambda: {"sovia": "viewer", "aviary": "sachbearbeitung"},
    max_upload_bytes=1,
    policy="default-src 'self'; form-action 'self'",
    frame_policy="default-src 'self'",
)
STARTS_WITHIN_S = 120
LINK = re.compile(r'<a class="account-link" href="([^"]*)">')


@dataclass
class Gallery:
    """Account pages and one page behind them.

    Args:
        services: What they work with.
        port: Where they really listen; browsers and the provider know the address `ORIGIN`.
    """

    services: AccountServices
    port: int

    @property
    def engine(self) -> Engine:
        return self.services.engine

    @property
    def provider(self) -> SignInProvider:
        assert self.services.provider is not None
        return self.services.provider

    def browser(self) -> Visitor:
        return Visitor(self)

    def session_ids(self) -> list[str]:
        with read_scope(self.engine) as session:
            return list(session.scalars(select(SessionRow.id)))

    def let_run_out(self, at: datetime) -> None:
        """Let the provider's word end then, for all sessions."""
        with session_scope(self.engine) as session:
            session.execute(update(SessionRow).values(access_expires_at=at))

    def hear(self, notice: Notice) -> httpx.Response:
        """Pass on what the provider has sent to the back channel."""
        headers = {"content-type": notice.content_type}
        url = f"http://127.0.0.1:{self.port}/konto/rueckkanal"
        return httpx.request(notice.method, url, content=notice.body, headers=headers, timeout=30)


class Visitor(Browser):
    """A browser that does not stop where the gallery begins."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__(stops=(), transports={ORIGIN: _Elsewhere(gallery.port)})
        self.gallery = gallery

    def get(self, path: str) -> httpx.Response:
        return self._client.get(urljoin(ORIGIN, path))

    def post(self, path: str, data: dict[str, str], origin: str = ORIGIN) -> httpx.Response:
        return self._client.post(urljoin(ORIGIN, path), data=data, headers={"origin": origin})

    def open(self, path: str, person: Person | None = None) -> httpx.Response:
        """Follow everything from a page of the gallery on, and sign in where asked to."""
        return self._client.get(self.go(urljoin(ORIGIN, path), person))

    def ping(self) -> int:
        return self.get("/konto/ping").status_code

    def session(self) -> SessionView | None:
        cookie = self._client.cookies.get("ukg_session", domain="localhost.local") or ""
        services = self.gallery.services
        return sessions.lookup(services.engine, cookie, services.clock())

    def sign_out(self) -> httpx.Response:
        session = self.session()
        assert session is not None
        services = self.gallery.services
        token = services.tokens.give(SIGN_OUT, session.csrf_secret, services.clock())
        return self.post(SIGN_OUT, {TOKEN_FIELD: token})


@contextmanager
def running_gallery(
    engine: Engine, settings: Settings, provider: SignInProvider
) -> Iterator[Gallery]:
    """Serve the account pages and end the server afterwards."""
    services = account_services(
        engine, settings, LIMITS, "Galerie", public_origin=ORIGIN, provider=provider
    )

    def page(request: Request) -> Response:
        session = sessions.by_id(engine, request.headers["x-ukg-session"], services.clock())
        if session is None:  # the guard remembers it for a second
            return Response(status_code=401)
        acting = session.principal
        return HTMLResponse(f"{escape(acting.display_name)} {acting.role} {acting.active_tenant}")

    routes = [*provider_routes(services, provider), Route("/{app}", page), Route("/", page)]
    app = Guard(Starlette(routes=routes), services, RULES)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            end = time.monotonic() + STARTS_WITHIN_S
            while not server.started:
                assert time.monotonic() < end, "the gallery does not start"
                time.sleep(0.01)
            yield Gallery(services, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)


class _Elsewhere(httpx.HTTPTransport):
    """Goes to another port than the address says, like a proxy would."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self._port),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return super().handle_request(there)
