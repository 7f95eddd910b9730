"""The guard in front of the service: access, request id, limits, German error bodies.

BentoML's own layers for time and concurrency lie outside of any middleware and answer in English
without `Retry-After`. The guard therefore keeps both limits itself; BentoML's are set a little
wider and only catch what the guard would miss.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from bentoml.exceptions import ServiceUnavailable
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model_server.access import Access, require_path
from model_server.inputs import Refusal
from model_server.lifecycle import DUTY, Duty
from model_server.metrics import METRICS
from model_server.notes import RequestNote, get_note, put_note
from model_server.replies import Reply
from shared.contracts.identity.tokens import TokenRefused
from shared.contracts.model_server import MAX_BODY_BYTES, REQUEST_ID_PATTERN
from shared.errors import (
    BadRequest,
    LengthRequired,
    ModelServerBusy,
    ModelServerFault,
    ModelServerNotReady,
    ModelServerTimeout,
    NotAllowed,
    NotSignedIn,
    RequestTooLarge,
    UnsupportedContentType,
    UrbanKiError,
)
from shared.settings import Settings

OPEN_PATHS = frozenset({"/livez", "/readyz"})
FORM = "multipart/form-data"
JSON = "application/json"
TASK_TYPES = {
    "/segment": (FORM,),
    "/change": (FORM,),
    "/ocr": (FORM,),
    "/layout": (FORM,),
    "/classify": (FORM,),
    "/embed": (JSON, FORM),
}
MAX_JSON_BYTES = 4 * 2**20
READ_TIMEOUT_S = 30.0
_MEBI = 2**20
_log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware that every request passes.

    Args:
        app: The service.
        settings: How tokens are checked, limits and time.
        read_timeout_s: Seconds in which a body must have arrived.
        duty: Where requests in hand are counted; nothing new is taken on while it ends.
        access: Checks tokens and roles; made from the settings if not given.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        read_timeout_s: float = READ_TIMEOUT_S,
        duty: Duty = DUTY,
        access: Access | None = None,
    ) -> None:
        self._app = app
        self._access = access or Access(settings)
        self._is_public = settings.public
        self._timeout_s = settings.model_server_timeout_s
        self._read_timeout_s = read_timeout_s
        workers = settings.model_server_workers
        self._most = math.ceil(settings.model_server_max_concurrency / workers)
        self._duty = duty
        logging.getLogger("bentoml._internal.server.http_app").addFilter(_is_no_refusal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, pass it on, and write every refusal in the house's form."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.monotonic()
        headers = Headers(scope=scope)
        note = RequestNote(_request_id(headers))
        put_note(scope, note)
        reply = Reply(scope, send, note)
        try:
            await self._admit(scope, headers, note)
            if scope["path"] in TASK_TYPES:
                await self._run_task(scope, receive, reply, headers)
            else:
                await self._app(scope, receive, reply.send)
        except UrbanKiError as error:
            await reply.refuse(error)
        except Exception:
            _log.exception("%s failed", note.request_id)
            await reply.refuse(ModelServerFault())
        finally:
            _log_line(scope, note, reply.status, time.monotonic() - start)

    async def _admit(self, scope: Scope, headers: Headers, note: RequestNote) -> None:
        path = scope["path"]
        if not self._is_public and not _is_local(scope):
            raise NotAllowed()
        if path not in OPEN_PATHS:
            try:
                note.principal = await self._access.identify_later(path, headers)
            except TokenRefused as reason:
                note.refused_for = str(reason)
                raise NotSignedIn() from reason
            require_path(note.principal, path)
        if scope["method"] != "POST" or path not in TASK_TYPES:
            return
        kind = _content_type(headers)
        if kind not in TASK_TYPES[path]:
            raise UnsupportedContentType()
        length = headers.get("content-length")
        if length is None and headers.get("transfer-encoding", "").lower() != "chunked":
            raise LengthRequired()
        limit = _body_limit(kind)
        if length is not None and (not length.isdigit() or int(length) > limit):
            raise RequestTooLarge(limit_mb=limit // _MEBI)

    async def _run_task(
        self, scope: Scope, receive: Receive, reply: Reply, headers: Headers
    ) -> None:
        if self._duty.is_ending:
            raise ModelServerNotReady()
        if self._duty.running >= self._most:
            raise ModelServerBusy()
        principal = get_note(scope).principal
        if principal is not None and scope["method"] == "POST":
            self._access.count(principal)
        depth = METRICS.queue_depth.labels(scope["path"].strip("/"))
        self._duty.running += 1
        depth.inc()
        body = _Body(receive, _body_limit(_content_type(headers)), self._read_timeout_s)
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                # BentoML swallows the cancellation and says 503, so the reply must know better.
                reply.is_late = limit.expired
                work = self._app(scope, body.receive, reply.send)
                await _run_unless_gone(work, body, lambda: bool(reply.status))
        except TimeoutError as cause:
            raise ModelServerTimeout() from cause
        finally:
            depth.dec()
            self._duty.running -= 1


class _Body:
    """Counts a body while it arrives and stops reading at once when it is too large or slow."""

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._until = asyncio.get_running_loop().time() + seconds
        self._count = 0
        self._complete = asyncio.Event()

    async def receive(self) -> Message:
        if self._complete.is_set():
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as cause:
            raise BadRequest(field=f"Übertragung länger als {self._seconds:g} s") from cause
        self._count += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._complete.set()
        if self._count > self._limit:
            raise RequestTooLarge(limit_mb=self._limit // _MEBI)
        return message

    async def wait_until_gone(self) -> None:
        """Return when the client hangs up after it has sent everything."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _run_unless_gone(
    work: Awaitable[None], body: _Body, has_begun: Callable[[], bool]
) -> None:
    """Answer a request, but give it up as soon as nobody waits for the answer any more.

    Args:
        work: Answers the request.
        body: Its body, which tells when the client hangs up.
        has_begun: Says whether the answer is under way; it is finished then.
    """
    answering = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(body.wait_until_gone())
    try:
        await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
        if answering.done() or has_begun():
            await answering
    finally:
        answering.cancel()
        watching.cancel()
        await asyncio.gather(answering, watching, return_exceptions=True)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if re.fullmatch(REQUEST_ID_PATTERN, given) else uuid.uuid4().hex


def _is_local(scope: Scope) -> bool:
    """Refuse what came in over a network card, wherever the server was told to listen."""
    host = (scope.get("server") or ("",))[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _content_type(headers: Headers) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


def _body_limit(content_type: str) -> int:
    return MAX_JSON_BYTES if content_type == JSON else MAX_BODY_BYTES


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Keep tracebacks of refused or late requests out of the log; the guard's line names them."""
    expected = (Refusal, ServiceUnavailable)
    return not (record.exc_info and isinstance(record.exc_info[1], expected))


def _log_line(scope: Scope, note: RequestNote, status: int, seconds: float) -> None:
    if scope["path"] in OPEN_PATHS:
        return
    _log.info(
        "%s %s %s -> %d tenant=%s model=%s items=%d ms=%d%s%s",
        note.request_id,
        scope["method"],
        quote(scope["path"][:80]),
        status,
        note.tenant,
        note.model,
        note.items,
        seconds * 1000,
        "" if note.error is None else f" {note.error.code}",
        note.refused_for and f" token={note.refused_for}",
    )
