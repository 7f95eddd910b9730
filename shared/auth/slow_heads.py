"""Connections on which no request ever gets complete: they hold places, and uvicorn waits for ever.

Its own limit begins only after the first answer. Bodies have theirs in `shared.auth.upload_rules`.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0
"""So long may the first line and the headers of a request take, together."""
_due: WeakKeyDictionary[H11Protocol, float] = WeakKeyDictionary()
_made, _received = H11Protocol.connection_made, H11Protocol.data_received


def limit_heads() -> None:
    """Let uvicorn close connections whose next request does not get complete in time."""
    H11Protocol.connection_made = _connection_made  # type: ignore[method-assign]
    H11Protocol.data_received = _data_received  # type: ignore[method-assign]


def _connection_made(self: H11Protocol, transport: asyncio.Transport) -> None:
    _made(self, transport)
    _wait(self)


def _data_received(self: H11Protocol, data: bytes) -> None:
    _received(self, data)
    is_gone = self.transport.is_closing() or self.transport.get_protocol() is not self
    if is_gone or self.conn.their_state is not h11.IDLE:
        _due.pop(self, None)
    else:
        _wait(self)


def _wait(protocol: H11Protocol) -> None:
    """Close it at the moment that was set when its head began, however often bytes arrive."""
    due = _due.setdefault(protocol, protocol.loop.time() + HEAD_S)
    protocol._unset_keepalive_if_required()
    protocol.timeout_keep_alive_task = protocol.loop.call_at(
        due, protocol.timeout_keep_alive_handler
    )
