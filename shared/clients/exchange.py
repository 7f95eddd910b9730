"""The course of one request: time limit, one retry after a break, back-off; without sending.

`Transport` and `AsyncTransport` send; what to do after each try is decided here, once for both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

import httpx

from shared.clients.calls import Call, Payload
from shared.clients.checking import error_from_body
from shared.clients.retry import MAX_TRIES, RECONNECT_WAIT_S, Pace
from shared.errors import (
    AnswerMismatch,
    Cancelled,
    ModelCrashed,
    ModelServerDown,
    ModelServerTimeout,
)

CONNECT_TIMEOUT_S = 0.8
MAX_ANSWER_BYTES = 512 * 2**20
MAX_QUESTION_ANSWER_BYTES = 16 * 2**20
_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout)
_BROKEN_OFF = (httpx.NetworkError, httpx.RemoteProtocolError)
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Exchange:
    """What went wrong so far with one request, and what to do next.

    Args:
        call: Limits of the request.
        pace: Clock and jitter.
    """

    def __init__(self, call: Call, pace: Pace) -> None:
        self._stop = call.stop
        self._pace = pace
        self._deadline = pace.clock() + call.timeout_s
        self._unreachable = 0
        self._broken_off = 0
        self._refusals = 0
        self._received = 0
        self._renewed = False

    def limit(self) -> httpx.Timeout:
        """Return the time limits of the next try.

        Raises:
            Cancelled: Somebody wants to stop.
            ModelServerTimeout: No time is left.
        """
        self._received = 0
        return timeout(self._left_s())

    def check_progress(self, received: int) -> None:
        """Decide whether it is worth waiting for the rest of an answer.

        Args:
            received: Unpacked bytes that came since the last look.

        Raises:
            Cancelled: Somebody wants to stop.
            ModelServerTimeout: No time is left.
            AnswerMismatch: The answer grows beyond 512 MiB.
        """
        self._received += received
        if self._received > MAX_ANSWER_BYTES:
            raise AnswerMismatch()
        self._left_s()

    def wait_after_break(self, cause: httpx.RequestError) -> float:
        """Allow one break of the connection, none that waited for its whole time.

        Returns:
            Seconds to wait before the next try.

        Raises:
            ModelServerDown: Nobody answers, or not after the server broke off once.
            ModelCrashed: The server broke off twice while it had the request.
            ModelServerTimeout: The answer did not come in time.
            AnswerMismatch: The answer cannot be unpacked.
        """
        if isinstance(cause, httpx.DecodingError):
            raise AnswerMismatch() from cause
        if isinstance(cause, _UNREACHABLE):
            self._unreachable += 1
        elif isinstance(cause, httpx.TimeoutException):
            raise ModelServerTimeout() from cause
        elif isinstance(cause, _BROKEN_OFF):
            self._broken_off += 1
        else:
            raise ModelServerDown() from cause
        if self._broken_off > 1:
            raise ModelCrashed() from cause
        if self._unreachable + self._broken_off > 1:
            raise ModelServerDown() from cause
        return RECONNECT_WAIT_S

    def needs_new_token(self, response: httpx.Response) -> bool:
        """Say whether the token was refused for the first time."""
        refused = response.status_code == HTTPStatus.UNAUTHORIZED and not self._renewed
        self._renewed = self._renewed or refused
        return refused

    def wait_after_refusal(self, response: httpx.Response) -> float:
        """Allow a few answers that say "later".

        Returns:
            Seconds to wait before the next try.

        Raises:
            UrbanKiError: The refusal is final, came too often, or the wait would last too long.
        """
        wait_s = self._pace.backoff_s(response.headers, self._refusals)
        self._refusals += 1
        if (
            response.status_code not in _LATER
            or self._refusals >= MAX_TRIES
            or self._pace.clock() + wait_s >= self._deadline
        ):
            raise error_from_body(response.content)
        return wait_s

    def _left_s(self) -> float:
        if self._stop():
            raise Cancelled()
        left = self._deadline - self._pace.clock()
        if left <= 0:
            raise ModelServerTimeout()
        return left


class Question:
    """How long and how large the answer to a question about the server may get.

    Args:
        timeout_s: Seconds until its last byte must be here.
        clock: Monotonic time in seconds.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deadline = clock() + timeout_s
        self._received = 0

    def check_progress(self, received: int) -> None:
        """Decide whether it is worth waiting for the rest of an answer.

        Args:
            received: Unpacked bytes that came since the last look.

        Raises:
            ModelServerDown: No time is left.
            AnswerMismatch: The answer grows beyond 16 MiB.
        """
        self._received += received
        if self._received > MAX_QUESTION_ANSWER_BYTES:
            raise AnswerMismatch()
        if self._clock() >= self._deadline:
            raise ModelServerDown()


def request_builder(
    http: httpx.Client | httpx.AsyncClient, call: Call, items: Sequence[Payload]
) -> Callable[..., httpx.Request]:
    """Return a function that makes the same request for each try, given `headers` and `timeout`.

    Args:
        http: Knows the address.
        call: Task and options.
        items: What to send, 1 to what the task allows.
    """
    build = partial(http.build_request, "POST", call.route)
    if call.names:
        files = [
            (name, ("image", item.parts[place], "application/octet-stream"))
            for place, name in enumerate(call.names)
            for item in items
        ]
        return partial(build, files=files, data={"options": json.dumps(call.given_options)})
    texts = [item.parts[0].decode("utf-8", "surrogatepass") for item in items]
    # Escaped, so that broken characters reach the server and fail as one item.
    body = json.dumps({**call.given_options, "texts": texts}).encode("ascii")
    return partial(build, content=body)


def headers_for(call: Call, token: str) -> dict[str, str]:
    """Return the headers of a request."""
    kind = {} if call.names else {"Content-Type": "application/json"}
    return {**kind, **bearer(token)}


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries the token."""
    return {"Authorization": f"Bearer {token}"}


def timeout(left_s: float) -> httpx.Timeout:
    """Return limits of one try: the whole time, but little of it to reach the server."""
    return httpx.Timeout(left_s, connect=min(CONNECT_TIMEOUT_S, left_s))


def completed(response: httpx.Response, pieces: Sequence[bytes]) -> httpx.Response:
    """Return an answer that was read piece by piece, with the headers that still describe it."""
    kept: Mapping[str, str] = {
        name: response.headers[name] for name in ("retry-after",) if name in response.headers
    }
    return httpx.Response(response.status_code, headers=kept, content=b"".join(pieces))
