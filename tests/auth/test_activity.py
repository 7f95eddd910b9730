"""What keeps somebody signed in on an open page: her doing, not that of the page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit.proto.BackMsg_pb2 import BackMsg

from shared.auth import sessions
from shared.auth.local_accounts import Account
from shared.auth.services import account_services
from shared.errors import DatabaseBusy
from shared.settings import Settings
from shared.ui.activity import NO_MESSAGE_CODE, Activity, asks_for_run
from tests.auth.browsers import Clock
from tests.auth.people import LIMITS, NOW, signed_in

CLICK, TIMER, OTHER = BackMsg(), BackMsg(), BackMsg()
CLICK.rerun_script.query_string = ""
TIMER.rerun_script.is_auto_rerun = True
TIMER.rerun_script.fragment_id = "a"
OTHER.stop_script = True


@dataclass
class Socket:
    """An open page whose browser sends what a test wants."""

    engine: Engine
    session_id: str
    activity: Activity
    clock: Clock
    seen: list[Any] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)

    def send(self, *contents: bytes | None, named: bool = True) -> None:
        """Send messages, a minute between each two; the first is that of the connection."""
        headers = [(b"x-ukg-session", self.session_id.encode())] if named else []
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers}
        waiting = [CLICK.SerializeToString(), *contents]

        async def receive() -> dict[str, Any]:
            if not waiting:
                return {"type": "websocket.disconnect"}
            self.clock.now += timedelta(minutes=1)
            return {"type": "websocket.receive", "bytes": waiting.pop(0)}

        async def send(message: Any) -> None:
            self.sent.append(message)

        asyncio.run(self.activity(scope, receive, send))

    @property
    def idle_moved(self) -> timedelta:
        """By how much the end of the session has moved."""
        view = sessions.by_id(self.engine, self.session_id, NOW)
        assert view is not None
        return view.idle_expires_at - (NOW + timedelta(seconds=LIMITS.idle_s))


@pytest.fixture
def socket(house: Engine, settings: Settings, anna: Account) -> Socket:
    _, view = signed_in(house, anna)
    clock = Clock()
    services = replace(account_services(house, settings, LIMITS, "Galerie"), clock=clock)
    made: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            made.append(message["bytes"])
        if message.get("code") == NO_MESSAGE_CODE:
            await send({"type": "websocket.send", "bytes": b"too late"})

    return Socket(house, view.id, Activity(application, services), clock, made)


def test_a_click_keeps_her_signed_in(socket: Socket) -> None:
    socket.send(CLICK.SerializeToString())
    assert socket.idle_moved == timedelta(minutes=2)
    assert socket.seen == [CLICK.SerializeToString()] * 2


@pytest.mark.parametrize(
    "content",
    [TIMER.SerializeToString(), OTHER.SerializeToString()],
    ids=["timer", "other"],
)
def test_what_no_person_does_keeps_nobody(socket: Socket, content: bytes) -> None:
    socket.send(content, content)
    assert socket.idle_moved == timedelta()
    assert socket.seen[1:] == [content, content]


@pytest.mark.parametrize(
    "content", [None, b"\xff\xff\xff", b"\x08"], ids=["text", "garbage", "half"]
)
def test_what_is_no_message_closes_its_page(socket: Socket, content: bytes | None) -> None:
    socket.send(content, CLICK.SerializeToString())
    assert socket.seen == [CLICK.SerializeToString()]
    assert socket.sent == [{"type": "websocket.close", "code": NO_MESSAGE_CODE}]
    assert socket.idle_moved == timedelta()


@pytest.mark.parametrize(
    "foreign",
    [
        BackMsg(),
        BackMsg(clear_cache=True),
        BackMsg(debug_disconnect_websocket=True),
        BackMsg(debug_shutdown_runtime=True),
    ],
    ids=["empty", "clear-cache", "disconnect", "shut-down"],
)
def test_what_no_page_sends_reaches_neither_memory_nor_log(
    socket: Socket, foreign: BackMsg
) -> None:
    click = CLICK.SerializeToString()
    socket.send(foreign.SerializeToString(), foreign.SerializeToString(), click)
    assert socket.seen == [click, click]


def test_a_busy_database_takes_no_click_away(
    socket: Socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(*_: object) -> None:
        raise DatabaseBusy()

    monkeypatch.setattr(sessions, "touch", busy)
    socket.send(CLICK.SerializeToString())
    assert socket.seen == [CLICK.SerializeToString()] * 2
    assert f"activity: {DatabaseBusy.code}" in caplog.text


def test_a_connection_that_comes_back_is_nobodys_doing(socket: Socket) -> None:
    socket.send()
    socket.send()
    assert socket.idle_moved == timedelta()


def test_without_a_name_nothing_is_noted(socket: Socket) -> None:
    socket.send(CLICK.SerializeToString(), named=False)
    assert socket.idle_moved == timedelta()


def test_what_is_no_websocket_passes(socket: Socket) -> None:
    passed: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    for scope in ({"type": "lifespan"}, {"type": "http", "headers": [(b"x-ukg-session", b"a")]}):
        asyncio.run(Activity(application, socket.activity._services)(scope, None, None))  # type: ignore[arg-type]
    assert passed == ["lifespan", "http"]


def test_messages_of_the_protocol() -> None:
    assert asks_for_run(CLICK.SerializeToString())
    assert not asks_for_run(TIMER.SerializeToString())
