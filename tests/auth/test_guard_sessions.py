"""What the guard remembers about sessions, and how it ends websockets whose session has ended."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.auth import live_sessions, local_accounts, sessions
from shared.auth.live_sessions import LiveSessions
from shared.auth.local_accounts import Account
from shared.auth.sessions import SessionView
from shared.errors import DatabaseBusy
from tests.auth.guarded import Guarded, Socket
from tests.auth.people import NOW, later, signed_in
from tests.timing import PATIENCE_S

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
POLL_S = 0.02


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sessions, "POLL_S", POLL_S)


class Counted:
    """Counts questions to the database, and may answer late."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.asked, self.answered_at = 0, monotonic()
        self.problem: type[Exception] | None = None
        real = getattr(sessions, name)

        def counting(*args: Any) -> Any:
            self.asked += 1
            if self.problem is not None:
                raise self.problem
            found = real(*args)
            self.answered_at = monotonic()
            return found

        monkeypatch.setattr(sessions, name, counting)


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch, "lookup")


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch, "living")


def test_one_page_asks_the_database_once(
    guarded: Guarded, annas_cookie: str, lookups: Counted
) -> None:
    async def page() -> list[int]:
        paths = ["/", *(f"/static/js/{number}.js" for number in range(30))]
        answers = await asyncio.gather(
            *(guarded.asked(path, cookie=annas_cookie) for path in paths)
        )
        return [answer.status for answer in answers]

    assert guarded.run(page()) == [200] * 31
    assert lookups.asked == 1


def test_an_answer_counts_for_a_second(
    guarded: Guarded, annas_cookie: str, lookups: Counted
) -> None:
    for after_s, asked in ((0, 1), (0.9, 1), (1.0, 2), (1.9, 2), (2.0, 3), (1.5, 4)):
        guarded.clock.now = later(seconds=after_s)
        guarded.ask("/static/a", cookie=annas_cookie)
        assert lookups.asked == asked


def test_a_session_ends_while_it_is_remembered(
    guarded: Guarded, annas_cookie: str, lookups: Counted
) -> None:
    guarded.clock.now = later(minutes=29, seconds=59.5)
    assert guarded.ask("/static/a", cookie=annas_cookie).status == 200
    guarded.clock.now = later(minutes=30)
    assert guarded.ask("/static/a", cookie=annas_cookie).status == 401
    assert lookups.asked == 1


def test_nobody_is_looked_up_without_a_cookie(guarded: Guarded, lookups: Counted) -> None:
    guarded.ask("/static/a")
    guarded.ask("/static/a", headers=[(b"cookie", b"ukg_session=short")])
    guarded.ask("/konto/ping", cookie="x" * 43)
    assert lookups.asked == 0


def test_a_form_makes_the_guard_ask_again(guarded: Guarded, engine: Engine, anna: Account) -> None:
    """The browser's next request comes right after the answer: nobody may be remembered then."""
    cookie, session = signed_in(engine, anna)
    assert guarded.ask(cookie=cookie).status == 200
    guarded.app.work = lambda: sessions.end(engine, session.id) and None
    guarded.ask("/static/a", cookie=cookie)
    assert guarded.ask(cookie=cookie).status == 200, "only forms are worth a question"
    seen: list[bool] = []

    async def sign_out() -> None:
        body = [{"type": "http.request", "body": b""}]

        async def receive() -> Any:
            return body.pop()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append((await guarded.asked(cookie=cookie)).status == 302)

        scope = guarded._scope("http", "/konto/abmelden", cookie, None, [b"localhost"], None)
        await guarded.guard({**scope, "method": "POST"}, receive, send)

    guarded.run(sign_out())
    assert seen == [True]


def test_only_forms_make_the_guard_ask_again(
    guarded: Guarded, annas_cookie: str, lookups: Counted
) -> None:
    """Pages ping all the time."""
    for path, method in (("/", "GET"), ("/konto/ping", "GET"), ("/x", "POST"), ("/", "GET")):
        guarded.ask(path, method, cookie=annas_cookie)
    assert lookups.asked == 1


def test_an_answer_on_its_way_is_not_remembered_after_a_form(
    guarded: Guarded, annas_cookie: str, lookups: Counted
) -> None:
    async def crossing() -> None:
        live = LiveSessions(guarded.services)
        first = asyncio.ensure_future(live.view(annas_cookie))
        await asyncio.sleep(0)
        live.forget()
        assert await first is not None
        await live.view(annas_cookie)

    guarded.run(crossing())
    assert lookups.asked == 2


def test_a_browser_that_goes_away_takes_no_answer_from_others(
    guarded: Guarded, annas_cookie: str
) -> None:
    async def both() -> SessionView | None:
        live = LiveSessions(guarded.services)
        gone = asyncio.ensure_future(live.view(annas_cookie))
        stays = asyncio.ensure_future(live.view(annas_cookie))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert guarded.run(both()) is not None


def test_memory_is_bounded(
    guarded: Guarded, annas_cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions, "_MOST_REMEMBERED", 10)

    async def flood() -> int:
        live = LiveSessions(guarded.services)
        for number in range(35):
            assert await live.view(f"{number:043}") is None
        assert await live.view(annas_cookie) is not None
        return len(live._lookups)

    assert guarded.run(flood()) <= 10


async def _talks(socket: Socket, text: bytes) -> bool:
    await socket.say(text)
    return any(message.get("bytes") == text for message in socket.sent)


def test_a_websocket_works_both_ways_until_the_browser_goes(
    guarded: Guarded, annas_cookie: str
) -> None:
    async def talk() -> Socket:
        socket = guarded.open_socket(cookie=annas_cookie)
        await socket.until("websocket.accept")
        assert await _talks(socket, b"one")
        await asyncio.sleep(5 * POLL_S)
        assert await _talks(socket, b"two")
        await socket.close()
        return socket

    socket = guarded.run(talk())
    assert [message["type"] for message in socket.sent].count("websocket.close") == 0
    assert guarded.app.received[-1] == {"type": "websocket.disconnect", "code": 1001}
    assert socket.sent[-1]["bytes"] == b"too late"
    assert guarded.guard._live._watched == {}


def _sign_out(engine: Engine, session: SessionView, _account: Account) -> datetime:
    sessions.end(engine, session.id)
    return NOW


def _disable(engine: Engine, _session: SessionView, account: Account) -> datetime:
    local_accounts.disable(engine, account.username, NOW)
    return NOW


def _idle(_engine: Engine, _session: SessionView, _account: Account) -> datetime:
    return later(minutes=30)


@pytest.mark.parametrize("end", [_sign_out, _disable, _idle])
def test_the_end_of_a_session_closes_its_websockets(
    guarded: Guarded, engine: Engine, anna: Account, end: Any
) -> None:
    cookie, session = signed_in(engine, anna)
    other, _ = signed_in(engine, anna, limits=sessions.Limits(36_000, 36_000))

    async def watched() -> tuple[list[Socket], Socket]:
        ending = [guarded.open_socket(cookie=cookie) for _ in range(2)]
        staying = guarded.open_socket(cookie=other)
        for socket in (*ending, staying):
            await socket.until("websocket.accept")
        guarded.clock.now = end(engine, session, anna)
        for socket in ending:
            closed = await socket.until("websocket.close")
            assert closed["code"] == 4401
            await asyncio.wait_for(socket.task, 5)
        if end is not _disable:
            assert await _talks(staying, b"still there")
            await staying.close()
        else:
            await staying.until("websocket.close")
            await staying.task
        return ending, staying

    ending, _ = guarded.run(watched())
    assert guarded.socket_answer(cookie=cookie) == "websocket.close", "also within the second"
    gone = {"type": "websocket.disconnect", "code": 4401}
    assert guarded.app.received.count(gone) >= len(ending)
    for socket in ending:
        assert socket.sent[-1]["type"] == "websocket.close", "nothing goes out after the end"
        assert [message["type"] for message in socket.sent].count("websocket.close") == 1


def test_one_question_for_all_websockets(
    guarded: Guarded, engine: Engine, anna: Account, polls: Counted
) -> None:
    cookies = [signed_in(engine, anna)[0] for _ in range(5)]

    async def watched() -> tuple[float, float]:
        sockets = [guarded.open_socket(cookie=cookie) for cookie in cookies * 4]
        for socket in sockets:
            await socket.until("websocket.accept")
        before, began = polls.asked, monotonic()
        while polls.asked < before + 5:
            await asyncio.sleep(POLL_S / 2)
        asked, took_s = polls.asked - before, monotonic() - began
        for socket in sockets:
            await socket.close()
        poll = guarded.guard._live._poll
        assert poll is not None
        await asyncio.wait_for(poll, PATIENCE_S)
        left = polls.asked
        await asyncio.sleep(5 * POLL_S)
        assert polls.asked == left, "without websockets nobody asks"
        return (asked - 1) * POLL_S, took_s

    least_s, took_s = guarded.run(watched())
    assert took_s >= least_s, "twenty websockets ask as often as one"


def test_after_a_pause_websockets_are_watched_again(
    guarded: Guarded, engine: Engine, anna: Account
) -> None:
    cookie, session = signed_in(engine, anna)

    async def twice() -> None:
        first = guarded.open_socket(cookie=cookie)
        await first.until("websocket.accept")
        await first.close()
        await asyncio.sleep(5 * POLL_S)
        second = guarded.open_socket(cookie=cookie)
        await second.until("websocket.accept")
        sessions.end(engine, session.id)
        assert (await second.until("websocket.close"))["code"] == 4401
        await second.task

    guarded.run(twice())


def test_a_database_that_is_away_for_a_moment_ends_nothing(
    guarded: Guarded, engine: Engine, annas_cookie: str, polls: Counted
) -> None:
    async def watched() -> None:
        socket = guarded.open_socket(cookie=annas_cookie)
        await socket.until("websocket.accept")
        polls.problem = DatabaseBusy
        before = polls.asked
        while polls.asked < before + 2:
            await asyncio.sleep(POLL_S)
        assert await _talks(socket, b"still there")
        polls.problem = None
        await asyncio.sleep(3 * POLL_S)
        assert await _talks(socket, b"and now")
        await socket.close()

    guarded.run(watched())


def test_a_database_that_stays_away_ends_everything(
    guarded: Guarded, annas_cookie: str, polls: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions, "UNANSWERED_S", 0.2)

    async def watched() -> None:
        socket = guarded.open_socket(cookie=annas_cookie)
        await socket.until("websocket.accept")
        polls.problem, answered_at = DatabaseBusy, polls.answered_at
        assert (await socket.until("websocket.close"))["code"] == 4401
        assert monotonic() - answered_at >= 0.2, "not before the limit"
        await socket.task
        polls.problem = None
        again = guarded.open_socket(cookie=annas_cookie)
        await again.until("websocket.accept")
        await asyncio.sleep(5 * POLL_S)
        assert await _talks(again, b"as before")
        await again.close()

    guarded.run(watched())


def test_a_database_that_never_answers_ends_everything(
    guarded: Guarded, annas_cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions, "UNANSWERED_S", 0.1)
    answer = asyncio.Event()

    async def silent(*_: object) -> frozenset[str]:
        await answer.wait()
        return frozenset()

    monkeypatch.setattr(guarded.guard._live, "_living", silent)

    async def watched() -> None:
        socket = guarded.open_socket(cookie=annas_cookie)
        assert (await socket.until("websocket.close"))["code"] == 4401
        await socket.task

    guarded.run(watched())


def test_a_broken_watch_ends_everything(
    guarded: Guarded, annas_cookie: str, polls: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    polls.problem = ValueError

    async def watched() -> None:
        socket = guarded.open_socket(cookie=annas_cookie)
        assert (await socket.until("websocket.close"))["code"] == 4401
        await socket.task

    with caplog.at_level(logging.ERROR):
        guarded.run(watched())
    assert "no longer checked" in caplog.text


def test_an_error_of_the_application_reaches_the_server(
    guarded: Guarded, annas_cookie: str
) -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("defect")

    guarded.guard._app = broken

    async def opened() -> None:
        with pytest.raises(KeyError):
            await guarded.open_socket(cookie=annas_cookie).task

    guarded.run(opened())
    assert guarded.guard._live._watched == {}
