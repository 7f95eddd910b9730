"""The guard before a dummy application, over a real store; requests are bare ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import Engine, select

from shared.auth.guard import Guard, GuardRules
from shared.auth.local_accounts import Account
from shared.auth.request_rules import Network
from shared.auth.security_headers import content_security_policy
from shared.auth.services import Guests
from shared.contracts.identity.principal import Role
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow
from tests.auth.browsers import Gallery
from tests.auth.people import signed_in
from tests.timing import PATIENCE_S

HOST = b"127.0.0.1:8501"
OWN_ORIGIN = (b"origin", b"http://127.0.0.1:8501")
PAGE_POLICY = content_security_policy(("alert(1)",))
FRAME_POLICY = content_security_policy(frame=True)
PAGE = b"<html><head><title>x</title></head><body>hello</body></html>"
MOST_UPLOAD = 1000
APPS: Mapping[str, Role] = {"sovia": "viewer", "archivair": "sachbearbeitung"}
Headers = list[tuple[bytes, bytes]]
Message = dict[str, Any]


@dataclass
class Answer:
    """What came back for an HTTP request."""

    messages: list[Message]

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    def header(self, name: str) -> str:
        """All values, or nothing."""
        found = [
            value for key, value in self.messages[0]["headers"] if key.lower() == name.encode()
        ]
        return ", ".join(value.decode() for value in found)


@dataclass
class DummyApp:
    """Stands for Streamlit: notes what reaches it, and answers as it is told."""

    scopes: list[Any] = field(default_factory=list)
    received: list[Message] = field(default_factory=list)
    content_type: bytes = b"text/html; charset=utf-8"
    body: Sequence[bytes] = (PAGE,)
    headers: Headers = field(default_factory=list)
    work: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
        elif scope["type"] == "websocket":
            await self._serve_socket(receive, send)
        else:
            await self._serve(receive, send)

    async def _serve(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            self.received.append(message)
            if not message.get("more_body", False):
                break
        self.work()
        length = (b"content-length", str(sum(map(len, self.body))).encode())
        headers = [(b"content-type", self.content_type), length, (b"Server", b"x"), *self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in self.body[:-1]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": self.body[-1]})

    async def _serve_socket(self, receive: Any, send: Any) -> None:
        """Say back what the browser says, as long as it is there."""
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            self.received.append(message)
            if message["type"] == "websocket.disconnect":
                break
            await send({"type": "websocket.send", "bytes": message.get("bytes", b"")})
        await send({"type": "websocket.send", "bytes": b"too late"})

    @property
    def last_headers(self) -> list[tuple[str, str]]:
        return [(name.decode(), value.decode()) for name, value in self.scopes[-1]["headers"]]


@dataclass
class Socket:
    """A websocket from the browser's side."""

    to_app: asyncio.Queue[Message]
    sent: list[Message]
    task: asyncio.Task[None]

    async def say(self, content: bytes) -> None:
        """Say something and wait for the next message to the browser, or the end."""
        before = len(self.sent)
        self.to_app.put_nowait({"type": "websocket.receive", "bytes": content})
        async with asyncio.timeout(PATIENCE_S):
            while len(self.sent) == before and not self.task.done():
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, PATIENCE_S)

    async def until(self, kind: str) -> Message:
        """Wait for a message to the browser."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.sent:
                    if message["type"] == kind:
                        return message
                await asyncio.sleep(0.01)


class Guarded(Gallery):
    """A guarded gallery."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        public_origin: str = "",
        *,
        hosts: frozenset[str] = frozenset(),
        proxies: tuple[Network, ...] = (),
        guests: Guests | None = None,
    ) -> None:
        super().__init__(engine, settings, public_origin)
        self.services = replace(self.services, guests=guests)
        self.app = DummyApp()
        self.app_asked = 0
        rules = GuardRules(hosts, proxies, self._apps, MOST_UPLOAD, PAGE_POLICY, FRAME_POLICY)
        self.guard = Guard(self.app, self.services, rules)

    def _apps(self) -> Mapping[str, Role]:
        self.app_asked += 1
        return APPS

    def run(self, work: Awaitable[Any]) -> Any:
        async def waited() -> Any:
            return await work

        return self.runner.run(waited())

    def ask(self, path: str = "/", method: str = "GET", **more: Any) -> Answer:
        """Send one request and return what comes back."""
        answer: Answer = self.run(self.asked(path, method, **more))
        return answer

    async def asked(
        self,
        path: str = "/",
        method: str = "GET",
        *,
        cookie: str = "",
        headers: Headers | None = None,
        hosts: Sequence[bytes] = (HOST,),
        parts: Sequence[bytes] = (b"",),
        client: tuple[str, int] | None = ("192.0.2.77", 4711),
    ) -> Answer:
        sent: list[Message] = []
        bodies = [
            {"type": "http.request", "body": part, "more_body": number < len(parts)}
            for number, part in enumerate(parts, 1)
        ]

        async def receive() -> Message:
            await asyncio.sleep(0)
            return bodies.pop(0) if bodies else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = self._scope("http", path, cookie, headers, hosts, client)
        await self.guard({**scope, "method": method}, receive, send)
        return Answer(sent)

    def open_socket(self, path: str = "/_stcore/stream", **more: Any) -> Socket:
        """Open a websocket in a running loop."""
        given = {"cookie": "", "headers": [OWN_ORIGIN], "hosts": (HOST,), "client": None} | more
        to_app: asyncio.Queue[Message] = asyncio.Queue()
        to_app.put_nowait({"type": "websocket.connect"})
        sent: list[Message] = []

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = self._scope("websocket", path, **given)
        task = asyncio.ensure_future(self.guard(scope, to_app.get, send))
        return Socket(to_app, sent, task)

    def socket_answer(self, path: str = "/_stcore/stream", **more: Any) -> str:
        """Open a websocket and return the first message to the browser."""

        async def opened() -> str:
            socket = self.open_socket(path, **more)
            async with asyncio.timeout(PATIENCE_S):
                while not socket.sent and not socket.task.done():
                    await asyncio.sleep(0.01)
            if not socket.task.done():
                await socket.close()
            return str(socket.sent[0]["type"]) if socket.sent else ""

        answer: str = self.run(opened())
        return answer

    def denials(self) -> list[dict[str, str]]:
        """What the audit says about refusals."""
        columns = (AuditRow.app, AuditRow.object_id, AuditRow.outcome, AuditRow.reason_code)
        query = select(*columns, AuditRow.ip_prefix, AuditRow.role).order_by(AuditRow.ordinal)
        with read_scope(self.engine) as session:
            rows = session.execute(query.where(AuditRow.event == "denied"))
            return [dict(row._mapping) for row in rows]

    @staticmethod
    def _scope(
        kind: str,
        path: str,
        cookie: str,
        headers: Headers | None,
        hosts: Sequence[bytes],
        client: tuple[str, int] | None,
    ) -> dict[str, Any]:
        raw_path, _, query = path.partition("?")
        sent = [*((b"host", host) for host in hosts), *(headers or [])]
        if cookie:
            sent.append((b"cookie", f"ukg_session={cookie}".encode()))
        return {
            "type": kind,
            "path": unquote(raw_path, "latin-1"),
            "raw_path": raw_path.encode("latin-1", "replace"),
            "query_string": query.encode(),
            "headers": sent,
            "client": client,
        }


Serve = Callable[..., Guarded]


@pytest.fixture
def serve(engine: Engine, settings: Settings) -> Iterator[Serve]:
    """Makes guarded galleries; takes the arguments of `Guarded` after the settings."""
    made: list[Guarded] = []

    def serve_one(*args: Any, **more: Any) -> Guarded:
        made.append(Guarded(engine, settings, *args, **more))
        return made[-1]

    yield serve_one
    for one in made:
        one.runner.close()


@pytest.fixture
def guarded(serve: Serve) -> Guarded:
    """A guarded gallery of this machine alone."""
    return serve()


@pytest.fixture
def annas_cookie(engine: Engine, anna: Account) -> str:
    """The cookie of a clerk who is signed in."""
    return signed_in(engine, anna)[0]
