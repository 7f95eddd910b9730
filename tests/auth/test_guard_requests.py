"""What nobody may send, headers that only the guard may set, and where a request comes from."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import Engine
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.auth import guard_state
from shared.auth.local_accounts import Account
from shared.auth.request_rules import client_address
from tests.auth.browsers import PUBLIC
from tests.auth.guarded import HOST, OWN_ORIGIN, Guarded, Serve
from tests.auth.people import signed_in

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
OPEN = "/konto/ping"


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1:8501", b"localhost:8501", b"LOCALHOST", b"[::1]:8501", b"127.8.9.1", b"[::1]"],
)
def test_names_of_this_machine_pass(guarded: Guarded, host: bytes) -> None:
    assert guarded.ask(OPEN, hosts=[host]).status == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"evil.example"],
        [b"127.0.0.1.evil.example"],
        [b"localhost.evil.example:8501"],
        [b"evil.localhost"],
        [b"192.168.0.7:8501"],
        [b"127.0.0.1:8501@evil.example"],
        [b"evil.example@127.0.0.1"],
        [b"127.0.0.1", b"127.0.0.1"],
        [b"127.0.0.1", b"evil.example"],
        [b"127.0.0.1,evil.example"],
        [b"127.0.0.1:"],
        [b"127.0.0.1:123456"],
        [b"127.0.0.1/"],
        [b"ki.example.de."],
        [b"-ki.example.de"],
        [b"[::2]"],
        [b"\xc3\xa4.example"],
        [b""],
    ],
)
def test_other_names_are_refused(guarded: Guarded, hosts: list[bytes]) -> None:
    """A foreign page must not reach us through a name that points here (DNS rebinding)."""
    answer = guarded.ask(OPEN, hosts=hosts)
    assert answer.status == 400
    assert "Ungültige Anfrage" in answer.body.decode()
    assert guarded.socket_answer(hosts=hosts) == "websocket.close"
    assert guarded.app.scopes == []


@pytest.mark.parametrize("host", [b"ki.example.de", b"KI.example.de:8443"])
def test_own_names_pass_with_any_port(serve: Serve, host: bytes) -> None:
    served = serve(hosts=frozenset({"ki.example.de"}))
    assert served.ask(OPEN, hosts=[host]).status == 200
    assert served.ask(OPEN, hosts=[b"www.ki.example.de"]).status == 400


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
        "/%c3%a4",
        "/%0d%0aset-cookie:x",
        "/%7f",
        "/a%252fb",
        "/konto%252e%252e",
        "/%2Fevil.example",
        "_stcore/metrics",
        "",
    ],
)
def test_path_tricks_are_refused(guarded: Guarded, path: str) -> None:
    assert guarded.ask(path).status == 400
    assert guarded.socket_answer(path) == "websocket.close"
    assert guarded.app.scopes == []


def test_a_server_may_leave_out_the_raw_path(guarded: Guarded) -> None:
    scope = guarded._scope("http", OPEN, "", None, (HOST,), None) | {"method": "GET"}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    del scope["raw_path"]
    guarded.run(guarded.guard(scope, receive, send))
    assert sent[0]["status"] == 200
    guarded.run(guarded.guard({**scope, "path": "/konto/../x"}, receive, send))
    assert sent[-2]["status"] == 400


def test_tricks_after_the_question_mark_are_the_pages_business(
    guarded: Guarded, annas_cookie: str
) -> None:
    assert guarded.ask("/aviary?a=..%2F", cookie=annas_cookie).status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "PROPFIND", "get", ""])
def test_other_methods_are_refused(guarded: Guarded, method: str) -> None:
    assert guarded.ask(OPEN, method).status == 405
    assert guarded.app.scopes == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_methods(guarded: Guarded, method: str) -> None:
    assert guarded.ask(OPEN, method).status == 200


def test_a_request_has_one_end_alone(guarded: Guarded) -> None:
    """A proxy that believes the other length would see a second request in the body."""
    length, chunked = (b"content-length", b"5"), (b"transfer-encoding", b"chunked")
    assert guarded.ask(OPEN, "POST", headers=[length]).status == 200
    assert guarded.ask(OPEN, "POST", headers=[chunked]).status == 200
    guarded.app.scopes.clear()
    answer = guarded.ask(OPEN, "POST", headers=[length, chunked])
    assert answer.status == 400
    assert answer.header("connection") == "close"
    assert guarded.app.scopes == []


def test_large_headers_are_refused(guarded: Guarded) -> None:
    assert guarded.ask(OPEN, headers=[(b"x", b"y" * 16_000)]).status == 200
    assert guarded.ask(OPEN, headers=[(b"x", b"y" * 17_000)]).status == 431
    many = [(b"x" * 100, b"y" * 100)] * 90
    assert guarded.ask(OPEN, headers=many).status == 431
    assert guarded.socket_answer(headers=[OWN_ORIGIN, *many]) == "websocket.close"


@pytest.mark.parametrize(
    "name",
    [
        b"x-ukg-session",
        b"X-UKG-Session",
        b"x_ukg_session",
        b"X-Ukg_SUBJECT",
        b"x-ukg-subject",
        b"x-ukg-anything",
        b"x-ukg-",
        b"x-forwarded-for",
        b"X_Forwarded_Proto",
        b"x-forwarded-host",
    ],
)
def test_nobody_else_sets_the_guards_headers(
    guarded: Guarded, annas_cookie: str, name: bytes
) -> None:
    forged = [(name, b"1"), (name, b"2"), (b"x-ukgx", b"3"), OWN_ORIGIN]
    for headers in (forged, [*reversed(forged)]):
        guarded.ask(cookie=annas_cookie, headers=headers)
        assert {"1", "2"}.isdisjoint(value for _, value in guarded.app.last_headers)
        assert ("x-ukgx", "3") in guarded.app.last_headers
    assert guarded.socket_answer(cookie=annas_cookie, headers=forged) == "websocket.accept"
    assert {"1", "2"}.isdisjoint(value for _, value in guarded.app.last_headers)


def test_open_paths_get_no_forged_headers_either(guarded: Guarded) -> None:
    guarded.ask(OPEN, headers=[(b"x-ukg-session", b"forged")])
    assert guarded.app.last_headers == [("host", HOST.decode())]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_application_learns_who_it_is(
    guarded: Guarded, engine: Engine, anna: Account, kind: str
) -> None:
    cookie, session = signed_in(engine, anna)
    if kind == "http":
        guarded.ask(cookie=cookie)
    else:
        guarded.socket_answer(cookie=cookie)
    assert guarded.app.last_headers[-2:] == [
        ("x-ukg-session", session.id),
        ("x-ukg-subject", anna.id),
    ]
    assert session.id != cookie


PROXY = ip_network("198.51.100.0/24")
INNER = ip_network("::1/128")
ADDRESSES: list[tuple[str, list[bytes], str]] = [
    ("192.0.2.77", [], "192.0.2.77"),
    ("192.0.2.77", [b"203.0.113.5"], "192.0.2.77"),
    ("198.51.100.1", [], "198.51.100.1"),
    ("198.51.100.1", [b"203.0.113.5"], "203.0.113.5"),
    ("198.51.100.1", [b"6.6.6.6, 203.0.113.5"], "203.0.113.5"),
    ("198.51.100.1", [b"6.6.6.6", b"203.0.113.5"], "203.0.113.5"),
    ("198.51.100.1", [b"6.6.6.6, 203.0.113.5,198.51.100.9"], "203.0.113.5"),
    ("198.51.100.1", [b"198.51.100.8, 198.51.100.9"], "198.51.100.8"),
    ("198.51.100.1", [b"203.0.113.5:4711"], "203.0.113.5"),
    ("198.51.100.1", [b"[2001:db8::7]:4711"], "2001:db8::7"),
    ("198.51.100.1", [b"2001:db8::7"], "2001:db8::7"),
    ("198.51.100.1", [b"6.6.6.6, unknown"], "198.51.100.1"),
    ("198.51.100.1", [b"6.6.6.6, "], "198.51.100.1"),
    ("::ffff:198.51.100.1", [b"203.0.113.5"], "203.0.113.5"),
    ("::1", [b"::ffff:203.0.113.5"], "203.0.113.5"),
]


@pytest.mark.parametrize(("peer", "forwarded", "expected"), ADDRESSES)
def test_only_trusted_proxies_say_where_a_request_comes_from(
    serve: Serve, peer: str, forwarded: list[bytes], expected: str
) -> None:
    served = serve(proxies=(PROXY, INNER))
    headers = [(b"x-forwarded-for", value) for value in forwarded]
    served.ask(OPEN, headers=headers, client=(peer, 4711))
    assert served.app.scopes[-1]["client"] == (expected, 0)


def test_without_proxies_nobody_is_believed(guarded: Guarded) -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.5")]
    guarded.ask(OPEN, headers=headers, client=("127.0.0.1", 4711))
    assert guarded.app.scopes[-1]["client"] == ("127.0.0.1", 0)
    assert client_address({"client": None, "headers": headers}, (PROXY,)) == ""


def test_uvicorn_believes_nobody_behind_the_guards_back(guarded: Guarded) -> None:
    """By default it believes everybody on this machine."""
    middleware = ProxyHeadersMiddleware(guarded.guard, "127.0.0.1")  # type: ignore[arg-type]
    headers = [(b"x-forwarded-for", b"203.0.113.5"), (b"x-forwarded-proto", b"https")]
    scope = guarded._scope("http", OPEN, "", headers, (HOST,), ("127.0.0.1", 4711))

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    guarded.run(middleware({**scope, "method": "GET", "scheme": "http"}, receive, send))  # type: ignore[arg-type]
    assert guarded.app.scopes[-1]["client"] == ("127.0.0.1", 0)
    assert guarded.app.scopes[-1]["scheme"] == "http"


@pytest.mark.parametrize(
    ("origins", "accepted"),
    [
        ([b"http://127.0.0.1:8501"], True),
        ([b"https://127.0.0.1:8501"], True),
        ([b"HTTP://127.0.0.1:8501"], True),
        ([], False),
        ([b"null"], False),
        ([b""], False),
        ([b"http://evil.example"], False),
        ([b"http://localhost:8501"], False),
        ([b"http://127.0.0.1"], False),
        ([b"http://127.0.0.1:85010"], False),
        ([b"http://127.0.0.1:8501.evil.example"], False),
        ([b"ftp://127.0.0.1:8501"], False),
        ([b"http://127.0.0.1:8501", b"http://evil.example"], False),
        ([b"http://127.0.0.1:8501", b"http://127.0.0.1:8501"], False),
    ],
)
def test_websockets_need_the_own_origin(
    guarded: Guarded, annas_cookie: str, origins: list[bytes], accepted: bool
) -> None:
    headers = [(b"origin", origin) for origin in origins]
    first = guarded.socket_answer(cookie=annas_cookie, headers=headers)
    assert first == ("websocket.accept" if accepted else "websocket.close")
    assert len(guarded.app.scopes) == accepted
    reasons = [row["reason_code"] for row in guarded.denials()]
    assert reasons == ([] if accepted else ["fremde_herkunft"])


@pytest.mark.parametrize(
    ("host", "origin", "accepted"),
    [
        (b"ki.example.de", b"https://ki.example.de", True),
        (b"ki.example.de", b"http://ki.example.de", False),
        (b"127.0.0.1:8501", b"http://127.0.0.1:8501", True),
        (b"127.0.0.1:8501", b"https://ki.example.de", False),
    ],
)
def test_under_the_public_name_only_https_counts(
    serve: Serve, engine: Engine, anna: Account, host: bytes, origin: bytes, accepted: bool
) -> None:
    served = serve(PUBLIC, hosts=frozenset({"ki.example.de"}))
    cookie = signed_in(engine, anna)[0]
    headers = [(b"origin", origin), (b"cookie", f"__Host-ukg_session={cookie}".encode())]
    first = served.socket_answer(hosts=[host], headers=headers)
    assert first == ("websocket.accept" if accepted else "websocket.close")


def test_other_messages_pass_untouched(guarded: Guarded) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guarded.run(guarded.guard({"type": "lifespan"}, send, send))  # type: ignore[arg-type]
    assert sent == [{"type": "lifespan.startup.complete"}]
    assert guarded.app.scopes == [{"type": "lifespan"}]


def test_pages_learn_that_the_guard_is_there(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(guard_state._state, "active", False)
    assert not guard_state.is_active()
    serve()
    assert guard_state.is_active()
