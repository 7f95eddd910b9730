"""Browsers that begin a request and never end it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.auth import slow_heads
from shared.auth.asgi import Receive, Scope, Send

LIMIT_S = 0.5
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, then answer; over a websocket, say one word."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.send", "text": "ok"})
        return
    while (await receive()).get("more_body"):
        pass
    length = (b"content-length", b"2")
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": b"ok"})


def without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with uvicorn as it is, and leave it so."""
    monkeypatch.setattr(H11Protocol, "connection_made", slow_heads._made)
    monkeypatch.setattr(H11Protocol, "data_received", slow_heads._received)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that the limit of the guard holds for, with less patience."""
    without_limit(monkeypatch)
    monkeypatch.setattr(slow_heads, "HEAD_S", LIMIT_S)
    slow_heads.limit_heads()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(echo, lifespan="off", log_level="error", timeout_keep_alive=60)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = server.force_exit = True
        thread.join(10)


def begun(port: int, *parts: bytes, pause_s: float = 0.0) -> socket.socket:
    """A connection over which parts are sent; the server may have closed it meanwhile."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=10)
    for part in parts:
        try:
            opened.sendall(part)
        except OSError:
            break
        time.sleep(pause_s)
    return opened


def says_ok(opened: socket.socket) -> bool:
    said = b""
    while not said.endswith(b"ok") and (more := opened.recv(1000)):
        said += more
    return said.endswith(b"ok")


def is_closed(opened: socket.socket) -> bool:
    try:
        return opened.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    ("parts", "pause_s"),
    [
        ((), 0.0),
        ((HEAD,), 0.0),
        ((HEAD, *[b"a: b\r\n"] * 12), LIMIT_S / 8),
    ],
    ids=["nothing", "half", "dripping"],
)
def test_a_head_that_never_ends_is_not_waited_for(
    port: int, parts: tuple[bytes, ...], pause_s: float
) -> None:
    with begun(port, *parts, pause_s=pause_s) as opened:
        assert is_closed(opened)


def test_the_second_request_of_a_connection_is_not_waited_for_either(port: int) -> None:
    with begun(port, HEAD + b"\r\n") as opened:
        assert says_ok(opened)
        opened.sendall(HEAD)
        assert is_closed(opened)


def test_what_comes_after_a_whole_head_has_its_own_limits(port: int) -> None:
    """A body, a pause between requests and a websocket may last longer than a head."""
    slow = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
    with begun(port, slow) as opened:
        time.sleep(2 * LIMIT_S)
        opened.sendall(b"ab")
        assert says_ok(opened)
        time.sleep(2 * LIMIT_S)
        opened.sendall(HEAD + b"\r\n")
        assert says_ok(opened)
    upgrade = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with begun(port, HEAD, upgrade) as opened:
        assert b" 101 " in opened.recv(1000)
        time.sleep(2 * LIMIT_S)
        opened.sendall(b"\x81\x81\x00\x00\x00\x00x")
        assert says_ok(opened)


def test_the_guard_sets_the_limit_for_the_server_in_use(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    without_limit(monkeypatch)
    request.getfixturevalue("guarded")
    assert AutoHTTPProtocol is H11Protocol
    assert H11Protocol.connection_made is slow_heads._connection_made
    assert H11Protocol.data_received is slow_heads._data_received
    assert slow_heads.HEAD_S <= 30
