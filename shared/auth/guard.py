"""Pure ASGI guard around the one Streamlit process: host names, paths, security headers."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_HEADER_BYTES = 16 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
CLOSED_PATHS = ("/_stcore/metrics", "/_stcore/agent")
_PATH_TRICKS = re.compile(r"//|\\|%2f|%5c|(\.|%2e){2}|%00|\x00|[^\x20-\x7e]", re.IGNORECASE)
_HOST = re.compile(r"(localhost|127(?:\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_state = {"active": False}


def is_active() -> bool:
    """Say whether this process serves its pages behind the guard."""
    return _state["active"]


def content_security_policy(inline_scripts: tuple[str, ...] = (), frame: bool = False) -> str:
    """Return the policy that keeps every request on this machine.

    Args:
        inline_scripts: Exact texts of the inline scripts that the page may run.
        frame: True for the map's own frame, whose component runs generated code.
    """
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in inline_scripts
    )
    script = "'unsafe-inline' 'unsafe-eval'" if frame else f"'wasm-unsafe-eval'{hashes}"
    return (
        f"default-src 'self'; script-src 'self' {script}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "frame-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self'"
    )


class Guard:
    """Refuses foreign host names and tricks, adds the security headers.

    A page of another site could reach a server on this machine through a name that it points to
    127.0.0.1 (DNS rebinding); therefore only loopback names are answered.

    Args:
        app: The application behind the guard.
        policy: Content security policy of the pages.
        frame_policy: The policy of component frames.
    """

    def __init__(self, app: AsgiApp, policy: str, frame_policy: str) -> None:
        self._app = app
        self._policy = policy
        self._frame_policy = frame_policy
        _state["active"] = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        status = _refusal(scope)
        if status is None:
            await self._app(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403})
        else:
            await _refuse(status, self._with_headers(scope, send))

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        in_frame = str(scope.get("path", "")).startswith("/component/")
        policy = self._frame_policy if in_frame else self._policy
        added = {
            b"content-security-policy": policy.encode(),
            b"x-content-type-options": b"nosniff",
            b"referrer-policy": b"same-origin",
            b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
            b"cross-origin-opener-policy": b"same-origin",
            b"cross-origin-resource-policy": b"same-origin",
            b"x-frame-options": b"SAMEORIGIN",
        }

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [item for item in message.get("headers", []) if item[0].lower() not in added]
                message = {**message, "headers": [*kept, *added.items()]}
            await send(message)

        return guarded_send


def _refusal(scope: Scope) -> int | None:
    """Return the HTTP status of a refusal, or None if the request may pass."""
    headers: list[tuple[bytes, bytes]] = scope.get("headers", [])
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return 431
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return 400
    path = str(scope.get("path", ""))
    raw_path = (scope.get("raw_path") or path.encode()).decode("latin-1").partition("?")[0]
    if _PATH_TRICKS.search(raw_path):
        return 400
    # The decoded path, because that is what the application answers: "%5f" is a "_" too.
    if path.startswith(CLOSED_PATHS):
        return 404
    if scope["type"] == "websocket":
        return None if _same_origin(headers, hosts[0]) else 403
    return None if scope["method"] in METHODS else 405


def _same_origin(headers: list[tuple[bytes, bytes]], host: str) -> bool:
    origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
    return origins in ([f"http://{host}"], [f"https://{host}"])


async def _refuse(status: int, send: Send) -> None:
    body = {
        400: "Ungültige Anfrage. / Invalid request.",
        404: "Nicht gefunden. / Not found.",
        405: "Nicht möglich. / Not allowed.",
        431: "Die Anfrage ist zu groß. / The request is too large.",
    }[status].encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
