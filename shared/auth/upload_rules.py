"""What goes to a page and what comes from it: whose it is; how large a body is, and how slow."""

from __future__ import annotations

import asyncio
import math
from time import monotonic

from shared.auth.access_rules import MEDIA, UPLOADS
from shared.auth.asgi import Message, Receive, Scope
from shared.auth.request_rules import sole
from shared.auth.sessions import SessionView
from shared.ui.streamlit_sessions import file_mark, header_at_connect

SESSION_HEADER, SUBJECT_HEADER = "x-ukg-session", "x-ukg-subject"
"""What the guard adds: name of the session, which is no secret, and whose it is."""
FRAMING_BYTES = 64 * 1024
"""Room for what a form puts around a file."""
PATIENCE_S = 30.0
LEAST_BYTES_PER_S = 8 * 1024
"""Half of what the slowest line in use carries; slower senders only hold places."""


class BodyTooLarge(Exception):
    """More bytes than anybody may send."""


class BodyTooSlow(Exception):
    """The sender holds a place and sends next to nothing."""


def is_own_upload(path: str, session: SessionView) -> bool:
    """Say whether an upload goes to a page that was opened with this login.

    Streamlit itself answers everybody who knows the id of a page.

    Args:
        path: Of the request, below `/_stcore/upload_file/`.
        session: Who sends it.
    """
    streamlit_session = path.removeprefix(UPLOADS).partition("/")[0]
    return header_at_connect(streamlit_session, SESSION_HEADER) == session.id


def is_own_media(path: str, session: SessionView) -> bool:
    """Say whether a file was made for a page that was opened with this login.

    Streamlit itself gives it to everybody who knows the name.

    Args:
        path: Of the request, below `/media/`.
        session: Who asks for it.
    """
    return path.startswith(MEDIA + file_mark(session.id))


def check_declared(scope: Scope, most_bytes: float) -> None:
    """Refuse a body that is too large by its own account.

    Raises:
        BodyTooLarge: It is.
    """
    declared = sole(scope["headers"], b"content-length")
    if declared.isdigit() and len(declared) < 20 and int(declared) > most_bytes:
        raise BodyTooLarge


def limited(receive: Receive, most_bytes: float = math.inf) -> Receive:
    """Return a `receive` that counts bytes, and seconds in which the sender was waited for.

    Args:
        receive: From the browser. After the end of the body it waits for the browser to go away,
            as long as that takes.
        most_bytes: Of the whole body.

    Returns:
        It raises `BodyTooLarge` and `BodyTooSlow`.
    """
    received, waited_s, has_ended = 0, 0.0, False

    async def counted() -> Message:
        nonlocal received, waited_s, has_ended
        if has_ended:
            return await receive()
        began = monotonic()
        patience_s = PATIENCE_S + received / LEAST_BYTES_PER_S - waited_s
        try:
            message = await asyncio.wait_for(receive(), patience_s)
        except TimeoutError as late:
            raise BodyTooSlow from late
        waited_s += monotonic() - began
        received += len(message.get("body", b""))
        has_ended = not message.get("more_body", False)
        if received > most_bytes:
            raise BodyTooLarge
        return message

    return counted
