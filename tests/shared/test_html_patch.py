"""Streamlit's index page in the reader's language, and a real 404."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from streamlit import file_util

from shared.ui.html_patch import HtmlPatch, inline_scripts, patch_index, request_language

INDEX = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
HTML = [(b"content-type", b"text/html; charset=utf-8")]


def fetch(
    path: str,
    *,
    headers: list[tuple[bytes, bytes]] | None = None,
    query: bytes = b"",
    setting: str = "auto",
    method: str = "GET",
    answer: tuple[int, list[tuple[bytes, bytes]], list[bytes]] = (200, HTML, [INDEX.encode()]),
) -> tuple[int, dict[bytes, bytes], bytes, dict[bytes, bytes]]:
    """Ask the wrapper; return status, headers, body and the headers the application saw."""
    seen: dict[bytes, bytes] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope["headers"])
        status, given, chunks = answer
        await send({"type": "http.response.start", "status": status, "headers": given})
        for i, chunk in enumerate(chunks):
            more = i + 1 < len(chunks)
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    patch = HtmlPatch(application, "Stadt <A>", setting, lambda: frozenset({"", "aviary"}))
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "headers": headers or [],
        "query_string": query,
    }
    asyncio.run(patch(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body, seen


def test_the_pinned_index_page_still_has_what_we_replace() -> None:
    page = patch_index(INDEX, "de", "Stadt <A>", "/oberflaeche/schriften/a.woff2")
    assert '<html lang="de">' in page
    assert "<title>Stadt &lt;A&gt;</title>" in page
    assert "Bitte schalten Sie JavaScript ein." in page
    assert "You need to enable JavaScript" not in page
    assert "_stcore/agent" not in page
    assert "SourceSans" not in page
    assert 'href="./oberflaeche/schriften/a.woff2"' in page
    assert "favicon.png" not in page
    assert page.index("oberflaeche/page.js") < page.index('<script type="module"')
    assert page.index("oberflaeche/gallery.css") < page.index("</head>")


def test_inline_scripts_are_unchanged_so_the_policy_fits() -> None:
    assert len(inline_scripts(INDEX)) == 1
    assert inline_scripts(patch_index(INDEX, "en", "x", None)) == inline_scripts(INDEX)


@pytest.mark.parametrize(
    ("query", "cookie", "setting", "accepted", "language"),
    [
        (b"", b"", "auto", b"", "de"),
        (b"", b"", "auto", b"en-GB", "en"),
        (b"", b"", "auto", b"fr", "de"),
        (b"", b"", "de", b"en-GB", "de"),
        (b"", b"urbanki_sprache=en", "auto", b"de", "en"),
        (b"", b"urbanki_sprache=en", "de", b"de", "en"),
        (b"sprache=de", b"urbanki_sprache=en", "auto", b"en", "de"),
        (b"sprache=xx", b"urbanki_sprache=yy", "auto", b"en", "en"),
        (b"", b"\xff;;=", "auto", b"en", "en"),
    ],
)
def test_language_of_a_request(
    query: bytes, cookie: bytes, setting: str, accepted: bytes, language: str
) -> None:
    headers = [(b"cookie", cookie), (b"accept-language", accepted)]
    assert request_language({"headers": headers, "query_string": query}, setting) == language


def test_pages_are_patched_and_not_cached() -> None:
    status, headers, body, _ = fetch("/aviary", headers=[(b"accept-language", b"en")])
    assert status == 200
    assert b'<html lang="en">' in body
    assert int(headers[b"content-length"]) == len(body)
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"vary"] == b"Accept-Language, Cookie"


def test_pages_in_pieces_and_cookies_survive() -> None:
    content = INDEX.encode()
    given = [*HTML, (b"set-cookie", b"_streamlit_xsrf=1"), (b"etag", b"x")]
    answer = (200, given, [content[:500], content[500:]])
    _, headers, body, _ = fetch("/", answer=answer)
    assert b'<html lang="de">' in body
    assert headers[b"set-cookie"] == b"_streamlit_xsrf=1"
    assert b"etag" not in headers


def test_the_application_may_neither_compress_nor_say_not_modified() -> None:
    headers = [(b"accept-encoding", b"gzip"), (b"if-none-match", b"x"), (b"x-other", b"1")]
    seen = fetch("/", headers=headers)[3]
    assert set(seen) == {b"x-other"}


@pytest.mark.parametrize("path", ["/gibt-es-nicht", "/aviary/tiefer", "/ADMIN"])
def test_unknown_pages_are_a_german_404(path: str) -> None:
    status, headers, body, _ = fetch(path)
    text = body.decode()
    assert status == 404
    assert '<html lang="de">' in text
    assert "<h1>Diese Seite gibt es nicht.</h1>" in text
    assert "Stadt &lt;A&gt;" in text
    assert "<script" not in text
    assert fetch(path, query=b"sprache=en")[2].decode().count("This page does not exist.") == 2
    assert headers[b"content-type"].startswith(b"text/html")


def test_head_has_no_body() -> None:
    status, headers, body, _ = fetch("/", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers[b"content-length"]) > 1000


@pytest.mark.parametrize(
    "path",
    [
        *("/component/x/leaflet.js", "/_stcore/health", "/static/js/a.js", "/oberflaeche/page.js"),
        "/konto/anmelden",
    ],
)
def test_other_paths_pass_untouched(path: str) -> None:
    body = b'<html lang="en">'
    headers = [(b"accept-encoding", b"gzip")]
    assert fetch(path, headers=headers, answer=(200, HTML, [body]))[2:] == (body, dict(headers))


def test_frames_of_components_have_the_language_of_the_page() -> None:
    """A frame's own script sets it too, but only seconds later."""
    answer = (200, HTML, [b'<html lang="en" style=', b'"x"><title>Map</title>'])
    for cookie, language in ((b"urbanki_sprache=de", "de"), (b"urbanki_sprache=en", "en")):
        status, headers, body, _ = fetch(
            "/component/x/index.html", headers=[(b"cookie", cookie)], answer=answer
        )
        assert status == 200
        assert headers[b"cache-control"] == b"no-cache"
        assert body.decode() == f'<html lang="{language}" style="x"><title>Map</title>'


def test_a_missing_frame_stays_what_it_was() -> None:
    answer = (404, [(b"content-type", b"text/plain")], [b"not found"])
    assert fetch("/component/x/index.html", answer=answer)[0] == 404


def test_answers_that_are_no_html_pass() -> None:
    answer = (200, [(b"content-type", b"application/json")], [b"{}"])
    assert fetch("/irgendwas", answer=answer)[:3] == (200, dict(answer[1]), b"{}")
