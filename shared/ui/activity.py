"""What a person does on an open page keeps her signed in; what the page does by itself does not.

The browser says in each message of the websocket why it asks for a run: the timer of a fragment, or
somebody who clicked or typed. It asks once by itself when the connection is made.
What is no message of Streamlit's protocol ends its page, and leaves no traces of errors in the log.
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
NO_MESSAGE_CODE = 1003
"""The other end has sent what nobody here reads (RFC 6455, section 7.4.1)."""
_OF_NO_PAGE = {None, "clear_cache", "debug_disconnect_websocket", "debug_shutdown_runtime"}
"""`clear_cache` empties the memory of all pages; Streamlit writes a line of log for the others."""
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
            receive, send = _messages_only(receive, send)
            receive = self._noting(receive, session_id)
        await self._app(scope, receive, send)

    def _noting(self, receive: Receive, session_id: str) -> Receive:
        runs, noted_at = 0, datetime.min.replace(tzinfo=self._services.clock().tzinfo)

        async def noting_receive() -> Message:
            nonlocal runs, noted_at
            message = await receive()
            while _is_of_no_page(message):
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


def _messages_only(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Close a websocket over which something comes that is no message; nothing is sent then."""
    is_over = False

    async def receive_message() -> Message:
        nonlocal is_over
        message = await receive()
        if message["type"] != "websocket.receive" or _read(message.get("bytes")) is not None:
            return message
        _log.warning("a page was closed: what came over its websocket is no message")
        await send({"type": "websocket.close", "code": NO_MESSAGE_CODE})
        is_over = True
        return {"type": "websocket.disconnect", "code": NO_MESSAGE_CODE}

    async def send_before_end(message: Message) -> None:
        if not is_over:
            await send(message)

    return receive_message, send_before_end


def _is_of_no_page(message: Message) -> bool:
    """Say whether no page of ours sends a message: it would not go further than the log."""
    if message["type"] != "websocket.receive":
        return False
    content = _read(message["bytes"])
    return content is None or content.WhichOneof("type") in _OF_NO_PAGE


def asks_for_run(content: bytes) -> bool:
    """Say whether a message of the browser asks for a run of the script that no timer wants.

    Args:
        content: A message of Streamlit's protocol, or anything that somebody sends.
    """
    message = _read(content)
    if message is None or not message.HasField("rerun_script"):
        return False
    return not message.rerun_script.is_auto_rerun


def _read(content: bytes | None) -> BackMsg | None:
    """Return a message; None for a text and for what is none."""
    if content is None:
        return None
    try:
        message: BackMsg = BackMsg.FromString(content)
    except DecodeError:
        return None
    return message
