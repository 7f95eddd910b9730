"""Bodies: to whose page they go, how many bytes, how slowly."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit import runtime

from shared.auth import upload_rules
from shared.auth.local_accounts import Account
from shared.auth.upload_rules import FRAMING_BYTES, BodyTooLarge, BodyTooSlow, limited
from shared.contracts.identity.principal import HOME_TENANT
from shared.ui.streamlit_sessions import file_mark
from tests.auth.guarded import MOST_UPLOAD, Guarded
from tests.auth.people import add_account, signed_in

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
MOST = MOST_UPLOAD + FRAMING_BYTES
METHODS = ["PUT", "DELETE", "POST", "GET", "OPTIONS"]


class Pages:
    """Stands for Streamlit's runtime: headers of the websockets that show pages."""

    def __init__(self) -> None:
        self.headers: dict[str, list[tuple[str, str]]] = {}

    def get_client(self, session_id: str) -> Any:
        if session_id not in self.headers:
            return None
        context = SimpleNamespace(headers=self.headers[session_id])
        return SimpleNamespace(client_context=context)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    found = Pages()
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: found)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_uploads_go_to_own_pages_only(
    guarded: Guarded, engine: Engine, anna: Account, pages: Pages, method: str
) -> None:
    mine, session = signed_in(engine, anna)
    second_login, _ = signed_in(engine, anna)
    stranger, _ = signed_in(engine, add_account(engine, "berta"))
    pages.headers["page"] = [("Host", "x"), ("X-UKG-Session", session.id)]
    path = "/_stcore/upload_file/page/file"
    assert guarded.ask(path, method, cookie=mine).status == 200
    for cookie in (second_login, stranger):
        assert guarded.ask(path, method, cookie=cookie).status == 403
    for unknown in ("other", "", "pag", "page%2e", "Page"):
        foreign = f"/_stcore/upload_file/{unknown}"
        assert guarded.ask(foreign, method, cookie=mine).status == 403
    assert len(guarded.app.scopes) == 1
    assert {row["reason_code"] for row in guarded.denials()} == {"fremde_seite"}
    assert {row["object_id"] for row in guarded.denials()} == {"upload"}


@pytest.mark.parametrize("method", METHODS)
def test_files_of_a_page_are_for_its_login_only(
    guarded: Guarded, engine: Engine, anna: Account, method: str
) -> None:
    mine, session = signed_in(engine, anna)
    second_login, _ = signed_in(engine, anna)
    stranger, _ = signed_in(engine, add_account(engine, "berta"))
    mark = file_mark(session.id)
    assert guarded.ask(f"/media/{mark}0123.png", method, cookie=mine).status == 200
    for cookie in (second_login, stranger):
        assert guarded.ask(f"/media/{mark}0123.png", method, cookie=cookie).status == 403
    for unknown in ("", "0123.png", f"x{mark}", mark[:-1], f"a/{mark}", f"%20{mark}"):
        assert guarded.ask(f"/media/{unknown}", method, cookie=mine).status == 403
    assert len(guarded.app.scopes) == 1
    assert {row["reason_code"] for row in guarded.denials()} == {"fremde_seite"}
    assert {row["object_id"] for row in guarded.denials()} == {"media"}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-ukg-session", "")],
        [("x-ukg-subject", "{0}")],
        [("x-ukg-session", "{0}"), ("x-ukg-session", "{0}")],
    ],
)
def test_a_page_of_doubtful_origin_is_nobodys(
    guarded: Guarded,
    engine: Engine,
    anna: Account,
    pages: Pages,
    headers: list[tuple[str, str]],
) -> None:
    cookie, session = signed_in(engine, anna)
    pages.headers["page"] = [(name, value.format(session.id)) for name, value in headers]
    assert guarded.ask("/_stcore/upload_file/page/file", "PUT", cookie=cookie).status == 403


def test_people_who_only_look_upload_nothing(
    guarded: Guarded, engine: Engine, house: Engine, pages: Pages
) -> None:
    viewer = add_account(engine, "vera", {HOME_TENANT: "viewer"})
    cookie, session = signed_in(engine, viewer)
    pages.headers["page"] = [("x-ukg-session", session.id)]
    assert guarded.ask("/_stcore/upload_file/page/file", "PUT", cookie=cookie).status == 403
    assert [row["reason_code"] for row in guarded.denials()] == ["keine_berechtigung"]


@pytest.fixture
def own_page(engine: Engine, anna: Account, pages: Pages) -> str:
    """The cookie of a clerk who has opened the page named "page"."""
    cookie, session = signed_in(engine, anna)
    pages.headers["page"] = [("x-ukg-session", session.id)]
    return cookie


def _put(guarded: Guarded, cookie: str, *parts: bytes, declared: str = "") -> int:
    headers = [(b"content-length", declared.encode())] if declared else []
    path = "/_stcore/upload_file/page/file"
    return guarded.ask(path, "PUT", cookie=cookie, parts=parts, headers=headers).status


def test_bytes_are_counted_whatever_was_declared(guarded: Guarded, own_page: str) -> None:
    assert _put(guarded, own_page, b"x" * MOST) == 200
    assert _put(guarded, own_page, b"x" * MOST, b"y") == 413
    assert _put(guarded, own_page, b"x" * (MOST + 1), declared="10") == 413
    assert _put(guarded, own_page, *[b"x" * 1000] * 70, declared="nonsense") == 413
    assert all(len(message["body"]) <= MOST for message in guarded.app.received)


@pytest.mark.parametrize(
    ("declared", "status"),
    [(str(MOST), 200), (str(MOST + 1), 413), ("9" * 19, 413), ("-5", 200), ("9" * 30, 200)],
)
def test_what_is_declared_too_large_is_not_read(
    guarded: Guarded, own_page: str, declared: str, status: int
) -> None:
    """What is no number of a length that a server lets through is counted all the same."""
    assert _put(guarded, own_page, b"x", declared=declared) == status
    assert len(guarded.app.scopes) == (status == 200)


def test_the_answer_says_what_is_wrong(guarded: Guarded, own_page: str) -> None:
    path = "/_stcore/upload_file/page/file"
    answer = guarded.ask(path, "PUT", cookie=own_page, parts=[b"x" * (MOST + 1)])
    assert "zu groß" in answer.body.decode()
    assert answer.header("x-content-type-options") == "nosniff"


def test_only_uploads_have_this_limit(guarded: Guarded) -> None:
    """Forms have their own, with a page that says so."""
    large = b"x" * (MOST + 1)
    assert guarded.ask("/konto/anmelden", "POST", parts=[large]).status == 200


def test_an_answer_that_has_begun_is_not_followed_by_another(
    guarded: Guarded, own_page: str
) -> None:
    async def hasty(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    guarded.guard._app = hasty
    path = "/_stcore/upload_file/page/file"
    answer = guarded.ask(path, "PUT", cookie=own_page, parts=[b"x" * (MOST + 1)])
    assert [message["type"] for message in answer.messages] == ["http.response.start"]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_rules, "PATIENCE_S", 0.15)
    monkeypatch.setattr(upload_rules, "LEAST_BYTES_PER_S", 1000)


def _dripping(parts: int, size: int, every_s: float) -> Any:
    left = [parts]

    async def receive() -> Any:
        await asyncio.sleep(every_s)
        left[0] -= 1
        return {"type": "http.request", "body": b"x" * size, "more_body": left[0] > 0}

    return receive


async def _read(receive: Any) -> int:
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            return size


@pytest.mark.parametrize(
    ("parts", "size", "every_s", "arrives"),
    [(1, 1, 0.05, True), (1, 1, 0.4, False), (40, 1, 0.02, False), (40, 100, 0.02, True)],
)
def test_slow_senders_hold_no_place(
    guarded: Guarded, hurried: None, parts: int, size: int, every_s: float, arrives: bool
) -> None:
    """Each byte on time is not enough: drops may come for hours."""
    received = limited(_dripping(parts, size, every_s))
    if arrives:
        assert guarded.run(_read(received)) == parts * size
        return
    began = time.monotonic()
    with pytest.raises(BodyTooSlow):
        guarded.run(_read(received))
    assert time.monotonic() - began < parts * every_s


def test_only_waiting_for_the_sender_counts(
    guarded: Guarded, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_rules, "PATIENCE_S", 0.3)

    async def busy_application() -> int:
        received = limited(_dripping(3, 1, 0.01))
        size = 0
        for _ in range(3):
            size += len((await received())["body"])
            await asyncio.sleep(0.2)
        return size

    assert guarded.run(busy_application()) == 3


@pytest.mark.parametrize(
    "last",
    [
        {"type": "http.request", "body": b"x"},
        {"type": "http.request", "body": b"x", "more_body": False},
        {"type": "http.disconnect"},
    ],
)
def test_after_the_body_the_browser_has_all_the_time(
    guarded: Guarded, hurried: None, last: dict[str, Any]
) -> None:
    async def long_answer() -> Any:
        coming = [last]

        async def receive() -> Any:
            if coming:
                return coming.pop()
            await asyncio.sleep(0.4)
            return {"type": "http.disconnect"}

        received = limited(receive)
        await received()
        return (await received())["type"]

    assert guarded.run(long_answer()) == "http.disconnect"


def test_the_sum_counts(guarded: Guarded) -> None:
    with pytest.raises(BodyTooLarge):
        guarded.run(_read(limited(_dripping(3, 4, 0), 11)))
    assert guarded.run(_read(limited(_dripping(3, 4, 0), 12))) == 12


def test_a_slow_form_is_answered(guarded: Guarded, hurried: None) -> None:
    async def slow() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = guarded._scope("http", "/konto/anmelden", "", None, [b"localhost"], None)
        await guarded.guard({**scope, "method": "POST"}, _dripping(2, 1, 0.4), send)
        return sent

    sent = guarded.run(slow())
    assert sent[0]["status"] == 408
    assert "zu langsam" in sent[1]["body"].decode()
