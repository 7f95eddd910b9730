"""The guard in front of everything: host names, paths, methods, headers."""

import asyncio
from typing import Any
from urllib.parse import unquote

import pytest

from shared.auth.guard import Guard, content_security_policy, is_active

PAGE_POLICY = content_security_policy(("alert(1)",))
FRAME_POLICY = content_security_policy(frame=True)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
    elif scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        headers = [(b"Server", b"x"), (b"X-Frame-Options", b"ALLOWALL")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


def ask(
    path: str = "/",
    *,
    kind: str = "http",
    method: str = "GET",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> list[dict[str, Any]]:
    """Send one request through the guard and return what comes back."""
    given = [(b"host", b"127.0.0.1:8501")] if headers is None else headers
    scope = {
        "type": kind,
        "method": method,
        "path": unquote(path.partition("?")[0]),
        "raw_path": path.encode(),
        "headers": given,
    }
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    guard = Guard(application, PAGE_POLICY, FRAME_POLICY)
    asyncio.run(guard(scope, receive, send))
    return sent


def status(*args: Any, **kwargs: Any) -> int:
    return int(ask(*args, **kwargs)[0]["status"])


@pytest.mark.parametrize(
    "host", [b"127.0.0.1:8501", b"localhost:8501", b"LOCALHOST", b"[::1]:8501", b"127.8.9.1"]
)
def test_names_of_this_machine_pass(host: bytes) -> None:
    assert status(headers=[(b"host", host)]) == 200
    assert is_active()


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"evil.example"],
        [b"127.0.0.1.evil.example"],
        [b"localhost.evil.example:8501"],
        [b"192.168.0.7:8501"],
        [b"127.0.0.1:8501@evil.example"],
        [b"127.0.0.1", b"evil.example"],
        [b""],
    ],
)
def test_other_names_are_refused(hosts: list[bytes]) -> None:
    """A foreign page must not reach us through a name that points here (DNS rebinding)."""
    sent = ask(headers=[(b"host", host) for host in hosts])
    assert sent[0]["status"] == 400
    assert "Ungültige Anfrage" in sent[1]["body"].decode()


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/a/../b",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/%00",
        "/a%2e%2e/..;/b",
        "/a/%2e%2E/b",
        "/a/.%2e/b",
        "/\u00e4",
    ],
)
def test_path_tricks_are_refused(path: str) -> None:
    assert status(path) == 400


def test_tricks_after_the_question_mark_are_the_pages_business() -> None:
    assert status("/aviary?a=..%2F") == 200


@pytest.mark.parametrize(
    "path", ["/_stcore/metrics", "/_stcore/agent/mcp", "/%5fstcore/metrics", "/_stcore/%6Detrics"]
)
def test_closed_paths_do_not_exist(path: str) -> None:
    assert status(path) == 404


def test_methods() -> None:
    assert status(method="PUT") == 200
    assert status(method="TRACE") == 405
    assert status(method="CONNECT") == 405


def test_large_headers_are_refused() -> None:
    headers = [(b"host", b"localhost"), (b"x", b"y" * 17_000)]
    assert status(headers=headers) == 431


@pytest.mark.parametrize(
    ("origins", "accepted"),
    [
        ([b"http://127.0.0.1:8501"], True),
        ([b"https://127.0.0.1:8501"], True),
        ([], False),
        ([b"null"], False),
        ([b"http://evil.example"], False),
        ([b"http://localhost:8501"], False),
        ([b"http://127.0.0.1:8501", b"http://evil.example"], False),
    ],
)
def test_websockets_need_the_own_origin(origins: list[bytes], accepted: bool) -> None:
    headers = [(b"host", b"127.0.0.1:8501"), *((b"origin", origin) for origin in origins)]
    (message,) = ask(kind="websocket", headers=headers)
    assert (message["type"] == "websocket.accept") is accepted


def test_other_messages_pass_untouched() -> None:
    assert ask(kind="lifespan", headers=[]) == [{"type": "lifespan.startup.complete"}]


def test_security_headers_replace_those_of_the_application() -> None:
    headers = dict(ask()[0]["headers"])
    assert headers[b"content-security-policy"] == PAGE_POLICY.encode()
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"referrer-policy"] == b"same-origin"
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"
    assert b"X-Frame-Options" not in headers
    assert headers[b"Server"] == b"x"
    refused = dict(ask(headers=[])[0]["headers"])
    assert b"content-security-policy" in refused


def test_only_frames_may_run_generated_code() -> None:
    frame = dict(ask("/component/streamlit_folium.st_folium/index.html")[0]["headers"])
    assert frame[b"content-security-policy"] == FRAME_POLICY.encode()
    assert "'unsafe-eval'" in FRAME_POLICY
    assert "'unsafe-eval'" not in PAGE_POLICY.replace("'wasm-unsafe-eval'", "")
    assert "script-src 'self' 'wasm-unsafe-eval' 'sha256-" in PAGE_POLICY
    assert "'unsafe-inline'" not in PAGE_POLICY.split("style-src")[0]


@pytest.mark.parametrize("policy", [PAGE_POLICY, FRAME_POLICY])
def test_no_policy_names_a_foreign_host(policy: str) -> None:
    sources = {word for part in policy.split(";") for word in part.split()[1:]}
    plain = {word for word in sources if not word.startswith("'sha256-")}
    assert plain <= {
        "'self'",
        "'none'",
        "'unsafe-inline'",
        "'unsafe-eval'",
        "'wasm-unsafe-eval'",
        "data:",
        "blob:",
    }
