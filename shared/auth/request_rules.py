"""What every request must be before anybody asks who sent it, and where it comes from."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence, Set

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.auth.asgi import Headers, Receive, Scope, Send

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_HEADER_BYTES = 16 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_TRICKS = re.compile(r"//|\\|%2f|%5c|(\.|%2e){2}|[^\x20-\x7e]", re.IGNORECASE)
_HOST = re.compile(r"([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[::1\]")
_RESERVED = ("x-ukg-", "x-forwarded-")
"""Beginnings of headers that only the guard or a proxy may set."""


def refused_status(scope: Scope, hosts: Set[str]) -> int | None:
    """Return the HTTP status of a request that nobody may send, or None.

    A page of another site could reach a server on this machine through a name that it points to
    127.0.0.1 (DNS rebinding); therefore only own names are answered.

    Args:
        scope: ASGI scope.
        hosts: Host names of the gallery besides the loopback names, in small letters, no port.
    """
    headers: Headers = scope["headers"]
    if _has_two_lengths(headers):
        return 400
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return 431
    if not _is_served(sole(headers, b"host").lower(), hosts) or not _is_plain_path(scope):
        return 400
    if scope["type"] == "http" and scope["method"] not in METHODS:
        return 405
    return None


def sole(headers: Headers, name: bytes) -> str:
    """Return the value of a header; empty where it is missing or stands there twice."""
    values = [value.decode("latin-1") for key, value in headers if key == name]
    return values[0] if len(values) == 1 else ""


def has_own_origin(headers: Headers, public_origin: str) -> bool:
    """Say whether a page of this gallery opens a websocket; browsers always say from where.

    Args:
        headers: Of the request, its host already checked.
        public_origin: Address of the gallery; empty for none. Under its name nothing else counts.
    """
    host, origin = sole(headers, b"host").lower(), sole(headers, b"origin").lower()
    if public_origin.endswith(f"://{host}"):
        return origin == public_origin
    return origin in (f"http://{host}", f"https://{host}")


def kept_headers(headers: Headers) -> Headers:
    """Return the headers without those that only the guard or a proxy may set.

    Names are compared as WSGI and CGI programs read them: there "_" and "-" are the same.

    Args:
        headers: As they came.
    """
    return [
        (name, value)
        for name, value in headers
        if not name.decode("latin-1").lower().replace("_", "-").startswith(_RESERVED)
    ]


def client_address(scope: Scope, proxies: Sequence[Network]) -> str:
    """Return where a request comes from; what proxies say counts only from trusted ones.

    Each proxy adds the address that it saw at the end of `X-Forwarded-For`, so the list is read
    from there, as long as the one who wrote an entry is trusted.

    Args:
        scope: ASGI scope; its `client` is the other end of the socket.
        proxies: Networks of trusted proxies.
    """
    peer = scope.get("client")
    address = _address(str(peer[0])) if peer else None
    hops = [
        part
        for name, value in scope["headers"]
        if name == b"x-forwarded-for"
        for part in value.decode("latin-1").split(",")
    ]
    while hops and address is not None and any(address in network for network in proxies):
        hop = _address(_without_port(hops.pop().strip()))
        if hop is None:
            break
        address = hop
    return "" if address is None else str(address)


def keep_socket_address() -> None:
    """Let uvicorn name the other end of the socket as `client`.

    By default it believes `X-Forwarded-For` of everybody on this machine, and Streamlit has no
    option for that.
    """

    async def pass_on(
        self: ProxyHeadersMiddleware, scope: Scope, receive: Receive, send: Send
    ) -> None:
        await self.app(scope, receive, send)  # type: ignore[arg-type]

    ProxyHeadersMiddleware.__call__ = pass_on  # type: ignore[method-assign, assignment]


def _is_served(host: str, hosts: Set[str]) -> bool:
    found = _HOST.fullmatch(host)
    return found is not None and (found[1] in hosts or _LOOPBACK.fullmatch(found[1]) is not None)


def _is_plain_path(scope: Scope) -> bool:
    """Look at the path as it came, and as the application will read it."""
    path = str(scope["path"])
    raw_path = (scope.get("raw_path") or path.encode()).decode("latin-1").partition("?")[0]
    return path.startswith("/") and not (_TRICKS.search(raw_path) or _TRICKS.search(path))


def _has_two_lengths(headers: Headers) -> bool:
    """Say whether a proxy could see the end of a request elsewhere (RFC 9112, section 6.1)."""
    names = {name for name, _ in headers}
    return {b"transfer-encoding", b"content-length"} <= names


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
