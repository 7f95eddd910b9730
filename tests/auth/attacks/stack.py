"""The gallery as attackers meet it: guard, account pages and a page behind them, real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from sqlalchemy import Engine, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from shared.auth.guard import Guard, GuardRules
from shared.auth.request_rules import METHODS, Network
from shared.auth.routes import account_routes
from shared.auth.services import AccountServices
from shared.contracts.identity.principal import Role
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import (
    AccountAppRow,
    AccountRoleRow,
    AccountRow,
    SessionRow,
    TenantRow,
)
from shared.store.models import Base
from tests.auth.browsers import ORIGIN, Browser, Gallery
from tests.auth.guarded import FRAME_POLICY, MOST_UPLOAD, PAGE_POLICY

APPS: Mapping[str, Role] = {"sovia": "viewer", "archivair": "sachbearbeitung"}
REFUSED = {401, 404}
ATTACKER = "198.51.100.7"
WHO_MAY_DO_WHAT = (AccountRow, AccountRoleRow, AccountAppRow, TenantRow, SessionRow)
Rows = dict[str, list[tuple[Any, ...]]]


class Stack(Gallery):
    """The whole way of a request in one process.

    Args:
        engine: The database.
        settings: Of the gallery.
        proxies: Networks of trusted proxies.
        account_pages: Makes the routes of the mode.
        services: Instead of the usual ones.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        proxies: tuple[Network, ...] = (),
        account_pages: Callable[[AccountServices], list[Route]] = account_routes,
        services: AccountServices | None = None,
    ) -> None:
        super().__init__(engine, settings)
        self.services = services or self.services
        self.reached: list[str] = []
        rules = GuardRules(
            frozenset(), proxies, lambda: APPS, MOST_UPLOAD, PAGE_POLICY, FRAME_POLICY
        )
        routes: list[BaseRoute] = [
            *account_pages(self.services),
            WebSocketRoute("/_stcore/stream", self._stream),
            Route("/{path:path}", self._page, methods=[*METHODS]),
        ]
        self.guard = Guard(Starlette(routes=routes), self.services, rules)

    def browser(self, address: str = "192.0.2.77") -> Browser:
        made = Browser(self, self.guard)  # type: ignore[arg-type]
        transport = httpx.ASGITransport(self.guard, client=(address, 4711))  # type: ignore[arg-type]
        made.client = httpx.AsyncClient(transport=transport, base_url=self.origin)
        return made

    def rows(self) -> Rows:
        """Everything that says who may do what."""
        with read_scope(self.engine) as session:
            return {row.__tablename__: _all_of(session, row) for row in WHO_MAY_DO_WHAT}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check that the block changes no account, no right and no session."""
        before = self.rows()
        yield
        assert self.rows() == before

    @contextmanager
    def begins_no_session(self) -> Iterator[None]:
        """Check that the block begins no session and ends none."""
        before = self.rows()[SessionRow.__tablename__]
        yield
        assert self.rows()[SessionRow.__tablename__] == before

    def opens_stream(self, *headers: tuple[bytes, bytes]) -> bool:
        """Say whether a websocket opens, of a page of this gallery, with these headers."""
        sent: list[Any] = []
        incoming = [{"type": "websocket.disconnect", "code": 1001}, {"type": "websocket.connect"}]

        async def receive() -> Any:
            await asyncio.sleep(0)
            return incoming.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        host = ORIGIN.removeprefix("http://").encode()
        scope = {
            "type": "websocket",
            "path": "/_stcore/stream",
            "raw_path": b"/_stcore/stream",
            "query_string": b"",
            "headers": [(b"host", host), (b"origin", ORIGIN.encode()), *headers],
            "client": (ATTACKER, 4711),
            "subprotocols": [],
        }

        async def opened() -> None:
            await asyncio.wait_for(self.guard(scope, receive, send), 10)

        self.runner.run(opened())
        return any(message["type"] == "websocket.accept" for message in sent)

    async def _page(self, request: Request) -> Response:
        headers = request.headers
        self.reached.append(request.url.path)
        return PlainTextResponse(f"{headers['x-ukg-session']} {headers['x-ukg-subject']}")

    async def _stream(self, websocket: WebSocket) -> None:
        self.reached.append("stream")
        await websocket.accept()


def _all_of(session: Any, row: type[Base]) -> list[tuple[Any, ...]]:
    return sorted((tuple(found) for found in session.execute(select(row.__table__))), key=repr)


def cookie_header(value: str) -> tuple[bytes, bytes]:
    return (b"cookie", f"ukg_session={value}".encode())


def assert_nobody(stack: Stack, **sent: Any) -> None:
    """Check that a request with these headers, cookies or query is a stranger's, everywhere."""
    stranger = stack.browser(ATTACKER)
    query, headers = str(sent.get("query", "")), dict(sent.get("headers", {}))
    reached = len(stack.reached)
    with stack.unchanged():
        for method in ("GET", "POST", "HEAD"):
            page = stranger.ask(method, f"/sovia{query}", headers=headers)
            assert page.status_code == 302
            assert page.headers["location"].startswith("/konto/anmelden")
        for path in ("/media/a.png", "/_stcore/host-config", "/_stcore/metrics", "/konto/ping"):
            assert stranger.get(f"{path}{query}", headers=headers).status_code in REFUSED
        upload = stranger.ask("PUT", f"/_stcore/upload_file/a/b{query}", headers=headers)
        assert upload.status_code in REFUSED
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        assert not stack.opens_stream(*raw)
    assert len(stack.reached) == reached
    assert stranger.cookie() == ""
