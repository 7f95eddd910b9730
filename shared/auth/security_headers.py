"""Security headers of every answer: content security policy and its companions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from shared.auth.asgi import Headers, Message, Send

FRAMES = "/component/"
"""Pages of components, which run in frames of their own."""
_HTTPS_ONLY_S = 365 * 24 * 3600


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


def security_headers(policy: str, *, https: bool) -> Mapping[bytes, bytes]:
    """Return the headers of an answer.

    Args:
        policy: Content security policy.
        https: Whether browsers shall never ask this host over http again.
    """
    headers = {
        b"content-security-policy": policy.encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"x-frame-options": b"SAMEORIGIN",
    }
    if https:
        headers[b"strict-transport-security"] = f"max-age={_HTTPS_ONLY_S}".encode()
    return headers


def with_headers(send: Send, added: Mapping[bytes, bytes], *, in_frame: bool) -> Send:
    """Return a `send` that puts the headers in place of the application's own.

    No cache keeps a page: it would show after the logout what it showed before. Frames of
    components hold nothing of a person, and Streamlit asks for each of them twice.

    Args:
        send: Towards the browser.
        added: From `security_headers`.
        in_frame: Whether the answer is for a component.
    """

    async def guarded_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Headers = list(message.get("headers", []))
            own = dict(added)
            if is_html(headers) and not in_frame:
                own[b"cache-control"] = b"no-store"
            kept = [item for item in headers if item[0].lower() not in own]
            message = {**message, "headers": [*kept, *own.items()]}
        await send(message)

    return guarded_send


def with_cookie(send: Send, set_cookie: str) -> Send:
    """Return a `send` that gives a cookie to the browser.

    Args:
        send: Towards the browser.
        set_cookie: Value of the header.
    """

    async def giving_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = (b"set-cookie", set_cookie.encode())
            message = {**message, "headers": [*message.get("headers", []), given]}
        await send(message)

    return giving_send


def with_secure_cookies(send: Send) -> Send:
    """Return a `send` that lets browsers send no cookie of an answer over http.

    Streamlit asks only for certificates of its own, and knows nothing of a proxy that has one.

    Args:
        send: Towards the browser.
    """

    async def securing_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [_secure(item) for item in message.get("headers", [])]
            message = {**message, "headers": headers}
        await send(message)

    return securing_send


def _secure(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    if name.lower() != b"set-cookie" or b"; secure" in value.lower():
        return header
    return name, value + b"; Secure"


def is_html(headers: Headers) -> bool:
    """Say whether an answer is a page."""
    found = {name.lower(): value for name, value in headers}
    return bytes(found.get(b"content-type", b"")).lower().startswith(b"text/html")
