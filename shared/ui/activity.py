"""What a person does on an open page keeps her signed in; what the page does by itself does not.

The browser says in each message of the websocket why it asks for a run: the timer of a fragment, or
somebody who clicked or typed. It asks once by itself when the connection is made.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from anyio import to_thread
from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg

from shared.auth import sessions
from shared.auth.asgi import AsgiApp, Message, Receive, Scope, Send
from shared.auth.services import AccountServices
from shared.auth.upload_rules import SESSION_HEADER
from shared.errors import UrbanKiError

NOTED_EVERY = timedelta(seconds=5)
"""Often enough for the shortest sessions, those of the kiosk."""
_log = logging.getLogger(__name__)


class Activity:
    """Stands behind the guard and notes at the session when a person does something on a page.

    Args:
        app: The Streamlit application.
        services: Sessions, their limits, clock.
    """

    def __init__(self, app: AsgiApp, services: AccountServices) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; look at what comes over websockets."""
        session_id = dict(scope.get("headers", [])).get(SESSION_HEADER.encode(), b"").decode()
        if scope["type"] == "websocket" and session_id:
            receive = self._noting(receive, session_id)
        await self._app(scope, receive, send)

    def _noting(self, receive: Receive, session_id: str) -> Receive:
        runs, noted_at = 0, datetime.min.replace(tzinfo=self._services.clock().tzinfo)

        async def noting_receive() -> Message:
            nonlocal runs, noted_at
            message = await receive()
            while forgets_for_all(message.get("bytes") or b""):
                message = await receive()
            if asks_for_run(message.get("bytes") or b""):
                runs += 1
                now = self._services.clock()
                if runs > 1 and not timedelta() <= now - noted_at < NOTED_EVERY:
                    noted_at = now
                    await to_thread.run_sync(self._touch, session_id, now)
            return message

        return noting_receive

    def _touch(self, session_id: str, now: datetime) -> None:
        services = self._services
        try:
            sessions.touch(services.engine, session_id, services.limits, now)
        except UrbanKiError as error:
            # The click goes on; the next one is noted again.
            _log.warning("activity: %s", error.code)


def forgets_for_all(content: bytes) -> bool:
    """Say whether a message would empty the memory of all pages; no page of ours sends it.

    Args:
        content: As for `asks_for_run`.
    """
    message = _read(content)
    return message is not None and message.HasField("clear_cache")


def asks_for_run(content: bytes) -> bool:
    """Say whether a message of the browser asks for a run of the script that no timer wants.

    Args:
        content: A message of Streamlit's protocol, or anything that somebody sends.
    """
    message = _read(content)
    if message is None or not message.HasField("rerun_script"):
        return False
    return not message.rerun_script.is_auto_rerun


def _read(content: bytes) -> BackMsg | None:
    try:
        message: BackMsg = BackMsg.FromString(content)
    except DecodeError:
        return None
    return message
