"""Puts the script into every page that takes it away when its session has ended."""

from __future__ import annotations

from shared.auth.asgi import Headers, Message, Send
from shared.auth.security_headers import is_html

TAG = b'<script src="/konto/wache.js" defer></script>'
_HEAD_END = b"</head>"


def with_watch_script(send: Send, *, has_body: bool) -> Send:
    """Return a `send` that puts the script at the end of a page's head.

    Args:
        send: Towards the browser.
        has_body: False for the answer to HEAD.
    """
    start: Message = {}
    page = bytearray()

    async def watching_send(message: Message) -> None:
        if message["type"] == "http.response.start" and is_html(list(message.get("headers", []))):
            start.update(message)
            return
        if not start:
            await send(message)
            return
        page.extend(message.get("body", b""))
        if message.get("more_body", False):
            return
        content = bytes(page).replace(_HEAD_END, TAG + _HEAD_END, 1)
        kept: Headers = [item for item in start["headers"] if item[0].lower() != b"content-length"]
        if has_body:
            kept.append((b"content-length", str(len(content)).encode()))
        await send({**start, "headers": kept})
        await send({"type": "http.response.body", "body": content})

    return watching_send
