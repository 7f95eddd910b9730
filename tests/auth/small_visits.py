"""A real Streamlit server behind the guard, and people who open pages of it without a browser."""

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
from sqlalchemy import Engine
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from shared.auth import local_accounts
from shared.auth.local_accounts import Account
from shared.auth.sessions import SessionView
from shared.contracts.identity.principal import HOME_TENANT
from shared.settings import REPOSITORY, Settings
from shared.store.engine import make_engine
from tests.auth.people import add_account, signed_in
from tests.auth.small_gallery import PAGE
from tests.ports import free_port
from tests.store.servers import sqlite_template

READY_WITHIN_S = 120.0
WITHIN_S = 60.0


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
            timeout=WITHIN_S,
            trust_env=False,
            **more,  # type: ignore[arg-type]
        )


@contextlib.contextmanager
def running_small_gallery(folder: Path) -> Iterator[SmallGallery]:
    """Serve one page behind the guard; what the server says stands in the file "log"."""
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
            process.wait(60)
            engine.dispose()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallGallery]:
    folder = tmp_path_factory.mktemp("small")
    with running_small_gallery(folder) as running:
        yield running
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
    """An open page: its websocket, Streamlit's id of it, its texts, its files and those to come."""

    connection: ClientConnection
    id: str
    texts: list[str]
    downloads: list[str]
    made_when_asked: list[str]


@contextlib.contextmanager
def open_page(small: SmallGallery, cookie: str, resumed: str = "") -> Iterator[Page]:
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
        open_timeout=WITHIN_S,
        max_size=None,
    ) as connection:
        yield shown(connection)


def shown(connection: ClientConnection) -> Page:
    request = BackMsg()
    request.rerun_script.query_string = ""
    connection.send(request.SerializeToString())
    page = Page(connection, "", [], [], [])
    while True:
        content = connection.recv(WITHIN_S)
        message = ForwardMsg.FromString(content if isinstance(content, bytes) else b"")
        kind = message.WhichOneof("type")
        if kind == "new_session":
            page.id = message.new_session.initialize.session_id
        elif kind == "delta" and message.delta.new_element.HasField("markdown"):
            page.texts.append(message.delta.new_element.markdown.body)
        elif kind == "delta" and message.delta.new_element.HasField("download_button"):
            button = message.delta.new_element.download_button
            if button.HasField("deferred_file_id"):
                page.made_when_asked.append(button.deferred_file_id)
            else:
                page.downloads.append(button.url)
        elif kind == "script_finished":
            return page


def made_file(page: Page, file_id: str) -> str:
    """Ask for a file that is made then, as a click does; return its address."""
    request = BackMsg()
    asked = request.backend_operation_request
    asked.request_id, asked.session_id, asked.deferred_file.file_id = "1", page.id, file_id
    page.connection.send(request.SerializeToString())
    while True:
        content = page.connection.recv(WITHIN_S)
        message = ForwardMsg.FromString(content if isinstance(content, bytes) else b"")
        if message.HasField("backend_operation_response"):
            return message.backend_operation_response.deferred_file.url


def is_refused(small: SmallGallery, cookie: str, resumed: str = "") -> bool:
    with pytest.raises(InvalidStatus) as refused, open_page(small, cookie, resumed):
        pass
    return refused.value.response.status_code == 403


def upload_address(page_id: str) -> str:
    return f"/_stcore/upload_file/{page_id}/0123"


def xsrf(small: SmallGallery, cookie: str) -> dict[str, str]:
    """Streamlit's own token against forgery, as a page sends it."""
    given = small.ask("GET", "/_stcore/health", cookie).cookies["_streamlit_xsrf"]
    return {"cookie": f"ukg_session={cookie}; _streamlit_xsrf={given}", "x-xsrftoken": given}


def upload(
    small: SmallGallery, cookie: str, page_id: str, size: int, method: str = "PUT"
) -> httpx.Response:
    files = {"file": ("a.bin", b"x" * size)} if method == "PUT" else None
    return small.ask(method, upload_address(page_id), headers=xsrf(small, cookie), files=files)
