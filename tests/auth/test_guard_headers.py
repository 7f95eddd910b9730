"""What the guard adds to answers: security headers, the watch script, nothing for caches."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from shared.auth.local_accounts import Account
from shared.auth.routes import WATCH_SCRIPT
from tests.auth.browsers import PUBLIC
from tests.auth.guarded import FRAME_POLICY, PAGE, PAGE_POLICY, Guarded, Serve
from tests.auth.people import signed_in

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
TAG = b'<script src="/konto/wache.js" defer></script>'
FRAME = "/component/streamlit_folium.st_folium/index.html"
ADDED = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
    "strict-transport-security": "",
}


@pytest.mark.parametrize("path", ["/", "/media/a", "/konto/ping", "//trick", "/_stcore/agent"])
@pytest.mark.parametrize("is_known", [True, False])
def test_every_answer_has_the_security_headers(
    guarded: Guarded, annas_cookie: str, path: str, is_known: bool
) -> None:
    guarded.app.headers = [(name.title().encode(), b"own") for name in ADDED if name[0] != "s"]
    answer = guarded.ask(path, cookie=annas_cookie if is_known else "")
    assert {name: answer.header(name) for name in ADDED} == ADDED
    passed = bool(guarded.app.scopes)
    assert answer.header("server") == ("x" if passed else "")


@pytest.mark.parametrize("path", ["/", "/konto/ping", "//trick"])
def test_on_https_browsers_shall_never_use_http_again(serve: Serve, path: str) -> None:
    served = serve(PUBLIC, hosts=frozenset({"ki.example.de"}))
    answer = served.ask(path, hosts=[b"ki.example.de"])
    assert answer.header("strict-transport-security") == "max-age=31536000"


SET_COOKIES = [
    (b"set-cookie", b"_streamlit_xsrf=2|a|b|1; Path=/; SameSite=Strict"),
    (b"Set-Cookie", b"a=b; secure; Path=/"),
]


def test_on_https_no_cookie_goes_over_http(serve: Serve, annas_cookie: str) -> None:
    served = serve(PUBLIC, hosts=frozenset({"ki.example.de"}))
    served.app.headers = SET_COOKIES
    session = [(b"cookie", f"__Host-ukg_session={annas_cookie}".encode())]
    for path in ("/", "/_stcore/host-config"):
        answer = served.ask(path, hosts=[b"ki.example.de"], headers=session)
        given = [
            value for name, value in answer.messages[0]["headers"] if name in dict(SET_COOKIES)
        ]
        assert given == [SET_COOKIES[0][1] + b"; Secure", SET_COOKIES[1][1]]


def test_on_http_cookies_stay_as_they_are(guarded: Guarded, annas_cookie: str) -> None:
    guarded.app.headers = SET_COOKIES[:1]
    assert guarded.ask(cookie=annas_cookie).header("set-cookie") == SET_COOKIES[0][1].decode()


@pytest.mark.parametrize(
    ("path", "content_type", "expected"),
    [
        ("/", b"text/html; charset=utf-8", "no-store"),
        ("/", b"TEXT/HTML", "no-store"),
        ("/konto/anmelden", b"text/html", "no-store"),
        ("/static/a", b"text/html", "no-store"),
        ("/static/a", b"image/png", "public"),
        ("/static/js/index.js", b"text/javascript", "public"),
        (FRAME, b"text/html", "public"),
    ],
)
def test_no_cache_keeps_a_page(
    guarded: Guarded, annas_cookie: str, path: str, content_type: bytes, expected: str
) -> None:
    guarded.app.content_type = content_type
    guarded.app.headers = [(b"Cache-Control", b"public")]
    assert guarded.ask(path, cookie=annas_cookie).header("cache-control") == expected


@pytest.mark.parametrize("body", [[PAGE], [PAGE[:30], PAGE[30:]], [b"", PAGE, b""]])
def test_every_page_watches_its_session(
    guarded: Guarded, annas_cookie: str, body: list[bytes]
) -> None:
    guarded.app.body = body
    answer = guarded.ask(cookie=annas_cookie)
    assert answer.body == PAGE.replace(b"</head>", TAG + b"</head>")
    assert answer.header("content-length") == str(len(answer.body))
    assert WATCH_SCRIPT.name in TAG.decode()


def test_the_script_stands_there_once(guarded: Guarded, annas_cookie: str) -> None:
    guarded.app.body = [b"<head></head><pre></head></pre>"]
    assert guarded.ask(cookie=annas_cookie).body.count(TAG) == 1


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/konto/anmelden", b"text/html"),
        (FRAME, b"text/html"),
        ("/static/a", b"text/html"),
        ("/x", b"text/plain"),
        ("/favicon.png", b"image/png"),
    ],
)
def test_nothing_else_is_changed(
    guarded: Guarded, annas_cookie: str, path: str, content_type: bytes
) -> None:
    guarded.app.content_type = content_type
    guarded.app.body = [PAGE[:30], PAGE[30:]]
    answer = guarded.ask(path, cookie=annas_cookie)
    assert answer.body == PAGE
    assert len(answer.messages) == 3
    assert answer.header("content-length") == str(len(PAGE))


def test_the_answer_to_head_states_no_wrong_length(guarded: Guarded, annas_cookie: str) -> None:
    guarded.app.body = [b""]
    answer = guarded.ask("/", "HEAD", cookie=annas_cookie)
    assert answer.status == 200
    assert answer.header("content-length") == ""
    assert answer.body == b""


def test_only_frames_may_run_generated_code(guarded: Guarded, annas_cookie: str) -> None:
    answer = guarded.ask(FRAME, cookie=annas_cookie)
    assert answer.header("content-security-policy") == FRAME_POLICY
    assert "'unsafe-eval'" in FRAME_POLICY
    assert "'unsafe-eval'" not in PAGE_POLICY.replace("'wasm-unsafe-eval'", "")
    assert "script-src 'self' 'wasm-unsafe-eval' 'sha256-" in PAGE_POLICY
    assert "'unsafe-inline'" not in PAGE_POLICY.split("style-src")[0]


def test_a_secure_cookie_is_read_under_its_own_name(
    serve: Serve, engine: Engine, anna: Account
) -> None:
    served = serve(PUBLIC, hosts=frozenset({"ki.example.de"}))
    value = signed_in(engine, anna)[0]
    for name, status in (("__Host-ukg_session", 200), ("ukg_session", 302)):
        headers = [(b"cookie", f"{name}={value}".encode())]
        assert served.ask(hosts=[b"ki.example.de"], headers=headers).status == status
