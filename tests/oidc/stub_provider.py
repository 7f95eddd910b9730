"""A provider that answers whatever a test wants: nonsense, slowly, or with somebody's name."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from shared.auth.oidc_settings import OidcSettings

PROTOCOL = "/realms/urbanki/protocol/openid-connect"
WELL_KNOWN = "/realms/urbanki/.well-known/openid-configuration"


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    authorization: str
    form: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What is sent back; `None` as status closes the connection without a word."""

    status: int | None = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    byte_pause_s: float = 0.0


def said(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


class StubProvider(ThreadingHTTPServer):
    """Listens on a free port; `replies` decides by path."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.replies: dict[str, Callable[[Asked], Reply]] = {}

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def issuer(self) -> str:
        return f"{self.base}/realms/urbanki"

    def settings(self, **more: Any) -> OidcSettings:
        values: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": "urbanki-galerie",
            "client_secret": "secret-of-the-client",
            "redirect_uri": "http://localhost:8501/konto/rueckruf",
            "post_logout_uri": "http://localhost:8501/konto/anmelden",
            "timeout_s": 10.0,
        }
        return OidcSettings(**{**values, **more})

    def document(self, **changes: Any) -> dict[str, Any]:
        """Return what a realm says about itself."""
        right = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base}{PROTOCOL}/auth",
            "end_session_endpoint": f"{self.base}{PROTOCOL}/logout",
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {**right, **changes}

    def handle_error(self, *_: object) -> None:
        """Say nothing when a client goes away."""


class _Handler(BaseHTTPRequestHandler):
    server: StubProvider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        path = self.path.partition("?")[0]
        authorization = self.headers.get("authorization", "")
        asked = Asked(self.command, path, authorization, dict(parse_qsl(body)))
        self.server.asked.append(asked)
        reply = self.server.replies.get(path, lambda _: Reply(404))(asked)
        if reply.status is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        self.send_header("content-length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(len(reply.body)) if reply.byte_pause_s else ():
            self.wfile.write(reply.body[start : start + 1])
            time.sleep(reply.byte_pause_s)
        if not reply.byte_pause_s:
            self.wfile.write(reply.body)


@contextmanager
def stub_provider() -> Iterator[StubProvider]:
    """Run one and end it."""
    server = StubProvider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
