"""What the guard relies on in Streamlit and uvicorn, asked of the real server.

A new release of either may change any of it: these tests hold the private parts in place.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from shared.auth import local_accounts, sessions
from shared.auth.local_accounts import Account
from shared.auth.sessions import SessionView
from shared.contracts.identity.principal import HOME_TENANT
from shared.settings import REPOSITORY, Settings
from shared.store.engine import make_engine, read_scope
from shared.store.identity_models import AuditRow
from tests.auth.people import add_account, signed_in
from tests.auth.small_gallery import MOST_UPLOAD, PAGE
from tests.store.servers import free_port, sqlite_template

pytestmark = pytest.mark.server
READY_WITHIN_S = 60.0
WITHIN_S = 20.0


@dataclass(frozen=True)
class SmallGallery:
    """A running server and its database."""

    url: str
    engine: Engine

    def sign_in(self, account: Account) -> tuple[str, SessionView]:
        return signed_in(self.engine, account, now=datetime.now(UTC))

    def ask(self, method: str, path: str, cookie: str = "", **more: object) -> httpx.Response:
        headers = {"cookie": f"ukg_session={cookie}"} | dict(more.pop("headers", {}))  # type: ignore[call-overload]
        return httpx.request(
            method,
            f"{self.url}{path}",
            headers=headers,
            trust_env=False,
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallGallery]:
    folder = tmp_path_factory.mktemp("small")
    settings = Settings(_env_file=None, data_dir=folder)
    Path(folder, "gallery.db").write_bytes(sqlite_template())
    page = folder / "page.py"
    page.write_text(PAGE, encoding="utf-8")
    engine = make_engine(settings)
    local_accounts.first_start(engine, datetime.now(UTC))
    port = free_port()
    command = [sys.executable, "-m", "tests.auth.small_gallery", str(folder), str(port), str(page)]
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process, folder / "log")
            yield SmallGallery(url, engine)
        finally:
            process.terminate()
            process.wait(10)
            engine.dispose()
    assert "Traceback" not in (folder / "log").read_text("utf-8")


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text("utf-8")
        try:
            if httpx.get(f"{url}/_stcore/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(log.read_text("utf-8"))


@pytest.fixture(scope="module")
def clerk(small: SmallGallery) -> Account:
    return add_account(small.engine)


@pytest.fixture(scope="module")
def other(small: SmallGallery) -> Account:
    return add_account(small.engine, "berta", {HOME_TENANT: "admin"})


@dataclass
class Page:
    """An open page: its websocket, Streamlit's id of it, what it shows."""

    connection: ClientConnection
    id: str
    texts: list[str]


@contextlib.contextmanager
def _open(small: SmallGallery, cookie: str, resumed: str = "") -> Iterator[Page]:
    """Show a page until the block ends."""
    protocols = [Subprotocol("streamlit")]
    if resumed:
        protocols += [Subprotocol("xsrf"), Subprotocol(resumed)]
    with connect(
        small.url.replace("http", "ws") + "/_stcore/stream",
        origin=Origin(small.url),
        subprotocols=protocols,
        additional_headers={"cookie": f"ukg_session={cookie}", "x-ukg-session": "forged"},
        proxy=None,
        max_size=None,
    ) as connection:
        yield _shown(connection)


def _shown(connection: ClientConnection) -> Page:
    request = BackMsg()
    request.rerun_script.query_string = ""
    connection.send(request.SerializeToString())
    page = Page(connection, "", [])
    while True:
        content = connection.recv(WITHIN_S)
        message = ForwardMsg.FromString(content if isinstance(content, bytes) else b"")
        kind = message.WhichOneof("type")
        if kind == "new_session":
            page.id = message.new_session.initialize.session_id
        elif kind == "delta" and message.delta.new_element.HasField("markdown"):
            page.texts.append(message.delta.new_element.markdown.body)
        elif kind == "script_finished":
            return page


def _is_refused(small: SmallGallery, cookie: str, resumed: str = "") -> bool:
    with pytest.raises(InvalidStatus) as refused, _open(small, cookie, resumed):
        pass
    return refused.value.response.status_code == 403


def test_pages_learn_from_the_headers_who_it_is(small: SmallGallery, clerk: Account) -> None:
    cookie, session = small.sign_in(clerk)
    expected = [("ukg_session", session.id), ("ukg_subject", clerk.id)]
    with _open(small, cookie) as page:
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
    assert _is_refused(small, "")


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


def _address(page_id: str) -> str:
    return f"/_stcore/upload_file/{page_id}/0123"


def _xsrf(small: SmallGallery, cookie: str) -> dict[str, str]:
    """Streamlit's own token against forgery, as a page sends it."""
    given = small.ask("GET", "/_stcore/health", cookie).cookies["_streamlit_xsrf"]
    return {"cookie": f"ukg_session={cookie}; _streamlit_xsrf={given}", "x-xsrftoken": given}


def _upload(
    small: SmallGallery, cookie: str, page_id: str, size: int, method: str = "PUT"
) -> httpx.Response:
    files = {"file": ("a.bin", b"x" * size)} if method == "PUT" else None
    return small.ask(method, _address(page_id), headers=_xsrf(small, cookie), files=files)


def test_uploads_go_to_own_pages_only(small: SmallGallery, clerk: Account, other: Account) -> None:
    """Streamlit itself answers everybody who knows the id of a page."""
    mine, _ = small.sign_in(clerk)
    elsewhere, _ = small.sign_in(clerk)
    stranger, _ = small.sign_in(other)
    with _open(small, mine) as page:
        for method in ("PUT", "DELETE"):
            assert _upload(small, mine, page.id, 10, method).status_code == 204
            for cookie in (elsewhere, stranger):
                assert _upload(small, cookie, page.id, 10, method).status_code == 403
            assert _upload(small, mine, "unknown", 10, method).status_code == 403
    time.sleep(0.5)
    assert _upload(small, mine, page.id, 10).status_code == 403


def test_large_uploads_end_early(small: SmallGallery, clerk: Account) -> None:
    cookie, _ = small.sign_in(clerk)
    with _open(small, cookie) as page:
        assert _upload(small, cookie, page.id, MOST_UPLOAD).status_code == 204
        answer = _upload(small, cookie, page.id, MOST_UPLOAD + 100_000)
        assert answer.status_code == 413
        assert "zu groß" in answer.text
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        chunked = small.ask(
            "PUT",
            _address(page.id),
            headers=_xsrf(small, cookie) | {"content-type": "multipart/form-data; boundary=b"},
            content=iter([head, *[b"x" * 10_000] * 40]),
        )
        assert chunked.status_code == 413


@pytest.mark.parametrize("is_open", [True, False])
def test_a_page_is_resumed_with_its_own_login_only(
    small: SmallGallery, clerk: Account, other: Account, is_open: bool
) -> None:
    mine, _ = small.sign_in(clerk)
    with _open(small, mine) as page:
        if not is_open:
            page.connection.close()
            time.sleep(0.5)
        for cookie in (small.sign_in(clerk)[0], small.sign_in(other)[0]):
            with _open(small, cookie, resumed=page.id) as taken:
                assert taken.id != page.id
                assert "runs=1" in taken.texts
        with _open(small, mine, resumed=page.id) as again:
            assert again.id == page.id
            assert "runs=2" in again.texts


def test_the_end_of_the_session_closes_the_page(small: SmallGallery, clerk: Account) -> None:
    cookie, session = small.sign_in(clerk)
    with _open(small, cookie) as page:
        began = time.monotonic()
        sessions.end(small.engine, session.id)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                page.connection.recv(WITHIN_S)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    assert time.monotonic() - began <= 2
    assert _is_refused(small, cookie, resumed=page.id)
    assert small.ask("GET", "/", cookie).status_code == 302
