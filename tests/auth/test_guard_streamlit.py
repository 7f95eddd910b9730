"""What the guard relies on in Streamlit and uvicorn, asked of the real server.

A new release of either may change any of it: these tests hold the private parts in place.
"""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from shared.auth import sessions
from shared.auth.local_accounts import Account
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow
from tests.auth.small_gallery import MOST_UPLOAD
from tests.auth.small_visits import (
    WITHIN_S,
    SmallGallery,
    is_refused,
    open_page,
    upload,
    upload_address,
    xsrf,
)
from tests.timing import TRIES, wait_until

pytestmark = pytest.mark.server


def test_pages_learn_from_the_headers_who_it_is(small: SmallGallery, clerk: Account) -> None:
    cookie, session = small.sign_in(clerk)
    expected = [("ukg_session", session.id), ("ukg_subject", clerk.id)]
    with open_page(small, cookie) as page:
        assert page.texts[0] == f"user={expected}"


def test_nobody_gets_anything(small: SmallGallery) -> None:
    status = {
        path: small.ask("GET", path).status_code
        for path in (
            *("/", "/x", "/index.html", "/_stcore/host-config", "/_stcore/metrics", "/media/x.png"),
            *("/static/js/x.js", "/_stcore/agent/openapi.json", "/auth/login", "/_stcore/health"),
            *("/component/x/index.html", "/konto/wache.js", "/konto/anmelden", "/konto/rueckruf"),
        )
    }
    assert {path for path, code in status.items() if code == 200} == {
        "/_stcore/health",
        "/konto/wache.js",
        "/konto/anmelden",
    }
    assert {code for code in status.values() if code != 200} == {302, 401, 404}
    assert is_refused(small, "")


def test_pages_watch_their_session(small: SmallGallery, clerk: Account) -> None:
    cookie, _ = small.sign_in(clerk)
    page = small.ask("GET", "/", cookie)
    assert page.status_code == 200
    assert page.text.count('<script src="/konto/wache.js" defer></script></head>') == 1
    assert page.headers["cache-control"] == "no-store"
    assert len(page.content) == int(page.headers["content-length"])


def test_metrics_and_agents(small: SmallGallery, clerk: Account, other: Account) -> None:
    admin, _ = small.sign_in(other)
    assert small.ask("GET", "/_stcore/metrics", admin).status_code == 200
    assert small.ask("GET", "/_stcore/metrics", small.sign_in(clerk)[0]).status_code == 403
    for method in ("GET", "POST"):
        assert small.ask(method, "/_stcore/agent/mcp", admin).status_code == 404


def test_nobody_on_this_machine_says_where_he_comes_from(
    small: SmallGallery, clerk: Account
) -> None:
    forged = {"x-forwarded-for": "203.0.113.9"}
    cookie, _ = small.sign_in(clerk)
    assert small.ask("GET", "/_stcore/metrics", cookie, headers=forged).status_code in {401, 403}
    with_cookie = forged | {"cookie": f"ukg_session={cookie}"}
    assert small.ask("GET", "/_stcore/metrics", headers=with_cookie).status_code == 403
    with read_scope(small.engine) as session:
        prefixes = session.scalars(select(AuditRow.ip_prefix).where(AuditRow.event == "denied"))
        assert set(prefixes) == {"127.0.0.0/24"}


def test_uploads_go_to_own_pages_only(small: SmallGallery, clerk: Account, other: Account) -> None:
    """Streamlit itself answers everybody who knows the id of a page."""
    mine, _ = small.sign_in(clerk)
    elsewhere, _ = small.sign_in(clerk)
    stranger, _ = small.sign_in(other)
    with open_page(small, mine) as page:
        for method in ("PUT", "DELETE"):
            assert upload(small, mine, page.id, 10, method).status_code == 204
            for cookie in (elsewhere, stranger):
                assert upload(small, cookie, page.id, 10, method).status_code == 403
            assert upload(small, mine, "unknown", 10, method).status_code == 403
    wait_until(lambda: upload(small, mine, page.id, 10).status_code == 403)


def test_large_uploads_end_early(small: SmallGallery, clerk: Account) -> None:
    cookie, _ = small.sign_in(clerk)
    with open_page(small, cookie) as page:
        assert upload(small, cookie, page.id, MOST_UPLOAD).status_code == 204
        answer = upload(small, cookie, page.id, MOST_UPLOAD + 100_000)
        assert answer.status_code == 413
        assert "zu groß" in answer.text
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        chunked = small.ask(
            "PUT",
            upload_address(page.id),
            headers=xsrf(small, cookie) | {"content-type": "multipart/form-data; boundary=b"},
            content=iter([head, *[b"x" * 10_000] * 40]),
        )
        assert chunked.status_code == 413


@pytest.mark.parametrize("is_open", [True, False])
def test_a_page_is_resumed_with_its_own_login_only(
    small: SmallGallery, clerk: Account, other: Account, is_open: bool
) -> None:
    mine, _ = small.sign_in(clerk)
    with open_page(small, mine) as page:
        if not is_open:
            page.connection.close()
            time.sleep(0.5)
        for cookie in (small.sign_in(clerk)[0], small.sign_in(other)[0]):
            with open_page(small, cookie, resumed=page.id) as taken:
                assert taken.id != page.id
                assert "runs=1" in taken.texts
        with open_page(small, mine, resumed=page.id) as again:
            assert again.id == page.id
            assert "runs=2" in again.texts


def test_the_end_of_the_session_closes_the_page(small: SmallGallery, clerk: Account) -> None:
    for _ in range(TRIES):  # a busy machine holds anybody up for a second now and then
        cookie, session = small.sign_in(clerk)
        with open_page(small, cookie) as page:
            began = time.monotonic()
            sessions.end(small.engine, session.id)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    page.connection.recv(WITHIN_S)
            took_s = time.monotonic() - began
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
        if took_s <= 2:
            break
    assert took_s <= 2
    assert is_refused(small, cookie, resumed=page.id)
    assert small.ask("GET", "/", cookie).status_code == 302
