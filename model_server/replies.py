"""How the guard answers: good answers pass, every refusal gets the house's body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from bentoml import get_current_service
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Scope, Send

from model_server.answers import error_body
from model_server.metrics import METRICS
from model_server.notes import RequestNote
from shared.contracts.model_server import Readiness
from shared.errors import (
    BadRequest,
    LengthRequired,
    MethodNotAllowed,
    ModelServerBusy,
    ModelServerFault,
    ModelServerNotReady,
    ModelServerTimeout,
    NotAllowed,
    NotFound,
    NotSignedIn,
    RequestTooLarge,
    UnsupportedContentType,
    UrbanKiError,
)

READY_PATH = "/readyz"
EMPTY: Mapping[str, str] = MappingProxyType({})
RETRY_AFTER_S = {HTTPStatus.TOO_MANY_REQUESTS: 1, HTTPStatus.SERVICE_UNAVAILABLE: 2}
_BEFORE_THE_BODY = (
    NotAllowed,
    NotSignedIn,
    LengthRequired,
    RequestTooLarge,
    UnsupportedContentType,
)
"""Refusals after which the rest of the body, however long, must not be read."""
_READINESS = (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)
_BY_STATUS: dict[int, Callable[[], UrbanKiError]] = {
    400: lambda: BadRequest(field="-"),
    404: NotFound,
    405: MethodNotAllowed,
    429: ModelServerBusy,
    503: ModelServerNotReady,
    504: ModelServerTimeout,
}


class Reply:
    """Sends the answer of one request.

    Args:
        scope: The request.
        send: Sends messages to the server.
        note: What is known about the request.
    """

    def __init__(self, scope: Scope, send: Send, note: RequestNote) -> None:
        self._scope = scope
        self._send = send
        self._note = note
        self._replaced: int | None = None
        self.status = 0
        self.is_late: Callable[[], bool] = lambda: False

    async def send(self, message: Message) -> None:
        """Pass a message of the service on, or hold it back and send our own body instead."""
        if message["type"] == "http.response.start":
            status = message["status"]
            if status >= HTTPStatus.BAD_REQUEST or self._scope["path"] == READY_PATH:
                self._replaced = status
                return
            self.status = status
            MutableHeaders(scope=message)["X-Request-Id"] = self._note.request_id
        elif self._replaced is not None:
            if not message.get("more_body", False):
                await self._send_replacement(self._replaced)
            return
        await self._send(message)

    async def refuse(self, error: UrbanKiError) -> None:
        """Send an error unless the answer is already under way."""
        if self.status:
            return
        self._note.error = error
        METRICS.rejected.labels(error.code).inc()
        body = error_body(error, self._note.request_id).model_dump_json()
        headers = {"Connection": "close"} if isinstance(error, _BEFORE_THE_BODY) else {}
        if "retry_after_s" in error.details:
            headers["Retry-After"] = str(error.details["retry_after_s"])
        await self._respond(body, error.http_status, headers)

    async def _send_replacement(self, status: int) -> None:
        if self._scope["path"] == READY_PATH and status in _READINESS:
            await self._send_readiness(status)
        elif self._note.error is not None:
            await self.refuse(self._note.error)
        elif status == HTTPStatus.SERVICE_UNAVAILABLE and self.is_late():
            await self.refuse(ModelServerTimeout())
        else:
            await self.refuse(_BY_STATUS.get(status, ModelServerFault)())

    async def _send_readiness(self, status: int) -> None:
        ready = status == HTTPStatus.OK
        waiting_for = [] if ready else list(get_current_service().engine.waiting_for)
        body = Readiness(ready=ready, waiting_for=waiting_for).model_dump_json()
        await self._respond(body, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _respond(
        self, body: str, status: int, more_headers: Mapping[str, str] = EMPTY
    ) -> None:
        self.status = status
        headers = {"X-Request-Id": self._note.request_id, **more_headers}
        if status in RETRY_AFTER_S:
            headers.setdefault("Retry-After", str(RETRY_AFTER_S[HTTPStatus(status)]))
        response = Response(body, status, headers, media_type="application/json")
        # The response never reads the request, so it needs no way to receive.
        await response(self._scope, _no_messages, self._send)


async def _no_messages() -> Message:
    return {"type": "http.disconnect"}
