"""Which sessions go on: remembered for a second, and watched while websockets are open."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from anyio import CapacityLimiter, to_thread

from shared.auth import sessions
from shared.auth.asgi import AsgiApp, Message, Receive, Scope, Send
from shared.auth.services import AccountServices
from shared.auth.sessions import SessionView
from shared.errors import UrbanKiError

REMEMBERED = timedelta(seconds=1)
POLL_S = 1.0
UNANSWERED_S = 15.0
"""So long may the database fail to say that sessions go on."""
ENDED_CODE = 4401
_MOST_REMEMBERED = 1000
_LOOKUPS_AT_ONCE = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Lookup:
    asked_at: datetime
    found: asyncio.Task[SessionView | None]


class LiveSessions:
    """The sessions of this process's browsers; everything runs in one event loop.

    Args:
        services: Database, clock, and which sessions count here.
    """

    def __init__(self, services: AccountServices) -> None:
        self._services = services
        self._limiter = CapacityLimiter(_LOOKUPS_AT_ONCE)
        self._lookups: dict[str, _Lookup] = {}
        self._watched: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._poll: asyncio.Task[None] | None = None

    async def view(self, cookie: str) -> SessionView | None:
        """Return the session of a cookie, as the database knew it within the last second.

        The many requests of one page ask the database once.

        Args:
            cookie: Its value; empty for none.

        Raises:
            DatabaseUnreachable: Nobody can tell; other errors of the database too.
        """
        if not cookie:
            return None
        now = self._services.clock()
        known = self._lookups.get(cookie)
        if known is None or not timedelta() <= now - known.asked_at < REMEMBERED:
            if len(self._lookups) >= _MOST_REMEMBERED:
                self._lookups.clear()
            known = self._lookups[cookie] = _Lookup(now, self._ask(cookie, now))
        # One browser that goes away must not take the answer from the others.
        view = await asyncio.shield(known.found)
        return view if view is not None and view.idle_expires_at > now else None

    def forget(self) -> None:
        """Ask the database again; answers that are on their way are for those who asked."""
        self._lookups.clear()

    @contextmanager
    def watch(self, session_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when a session ends, wherever that happens.

        Args:
            session_id: Its name.
        """
        ended = asyncio.Event()
        self._watched[session_id].add(ended)
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._poll_while_watched())
            self._poll.add_done_callback(self._poll_ended)
        try:
            yield ended
        finally:
            self._watched[session_id].discard(ended)
            if not self._watched[session_id]:
                del self._watched[session_id]

    def _ask(self, cookie: str, now: datetime) -> asyncio.Task[SessionView | None]:
        services = self._services

        def look_up() -> SessionView | None:
            return services.present(sessions.lookup(services.engine, cookie, now))

        async def found() -> SessionView | None:
            return await to_thread.run_sync(look_up, limiter=self._limiter)

        return asyncio.create_task(found())

    async def _poll_while_watched(self) -> None:
        answered_at = monotonic()
        while self._watched:
            await asyncio.sleep(POLL_S)
            asked = frozenset(self._watched)
            try:
                async with asyncio.timeout(answered_at + UNANSWERED_S - monotonic()):
                    going_on = await self._living(asked)
            except (UrbanKiError, TimeoutError) as error:
                _log.warning("open pages are not checked: %s", type(error).__name__)
                if monotonic() - answered_at < UNANSWERED_S:
                    continue
                going_on = frozenset()
            answered_at = monotonic()
            self._end(asked - going_on)

    async def _living(self, session_ids: frozenset[str]) -> frozenset[str]:
        services = self._services
        ask = partial(sessions.living, services.engine, session_ids, services.clock())
        return await to_thread.run_sync(ask, abandon_on_cancel=True)

    def _end(self, session_ids: Set[str]) -> None:
        if session_ids:
            self.forget()
        for session_id in session_ids:
            for ended in self._watched.get(session_id, ()):
                ended.set()

    def _poll_ended(self, poll: asyncio.Task[None]) -> None:
        """End everything when nobody looks any more; that is a defect, and the safe side of it."""
        if not poll.cancelled() and (error := poll.exception()) is not None:
            _log.error("open pages are no longer checked", exc_info=error)
            self._end(frozenset(self._watched))


async def serve_until(
    ended: asyncio.Event, app: AsgiApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a websocket until its session ends; then it is closed with code 4401.

    Args:
        ended: From `LiveSessions.watch`.
        app: The application.
        scope: Of the websocket.
        receive: From the browser.
        send: To the browser; nothing of the application goes there after the end.
    """
    end = asyncio.create_task(ended.wait())

    async def send_before_end(message: Message) -> None:
        if not ended.is_set():
            await send(message)

    async def receive_before_end() -> Message:
        coming = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((coming, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not coming.done():
                coming.cancel()
        if not ended.is_set():
            return coming.result()
        await send({"type": "websocket.close", "code": ENDED_CODE})
        return {"type": "websocket.disconnect", "code": ENDED_CODE}

    try:
        await app(scope, receive_before_end, send_before_end)
    finally:
        end.cancel()
        with suppress(asyncio.CancelledError):
            await end
