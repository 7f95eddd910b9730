"""How requests reach the model server: token, time limit, one retry after a break, back-off."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Protocol, TypedDict

import httpx

from shared.clients.answers import check_answer, error_from_body
from shared.clients.retry import MAX_TRIES, RECONNECT_WAIT_S, Pace, Stop
from shared.contracts.model_server import TaskResponse
from shared.errors import (
    AnswerMismatch,
    Cancelled,
    ModelCrashed,
    ModelServerDown,
    ModelServerTimeout,
)
from shared.settings import read_or_make_secret

CONNECT_TIMEOUT_S = 0.8
_BROKEN_OFF = (httpx.NetworkError, httpx.RemoteProtocolError)
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class TokenSource(Protocol):
    """Where the bearer token comes from."""

    def token(self) -> str:
        """Return a token that is good for this request."""

    def renew(self) -> str:
        """Return a new token after the server refused the last one."""


class InstallationToken:
    """The secret that gallery and model server of one installation share.

    Args:
        file: Its file, made when it is missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self._known = ""

    def token(self) -> str:
        """Return the secret, read once."""
        with self._lock:
            self._known = self._known or read_or_make_secret(self._file)
            return self._known

    def renew(self) -> str:
        """Read the file again; somebody may have replaced it."""
        with self._lock:
            self._known = read_or_make_secret(self._file)
            return self._known


class CallOptions(TypedDict, total=False):
    """Keyword arguments of every task.

    Args:
        version: Version of the model; the newest if not given.
        timeout_s: Seconds for each request with all its retries; the setting if not given.
        stop: Asked before every request and wait; True ends the call with `Cancelled`.
    """

    version: str
    timeout_s: float
    stop: Stop


class JobOptions(CallOptions, total=False):
    """Keyword arguments of the methods that keep many requests in flight.

    Args:
        in_flight: Most requests at the same time; the client's if not given.
    """

    in_flight: int


@dataclass(frozen=True, slots=True)
class Call:
    """What all requests of one call share.

    Args:
        route: Path, for example "/segment".
        model: Name of the model that must answer.
        options: Options of the task; entries that are None are left to the server.
        timeout_s: Seconds for each request with all its retries.
        stop: Asked before every request and wait.
    """

    route: str
    model: str
    options: Mapping[str, object]
    timeout_s: float
    stop: Stop

    @property
    def given_options(self) -> dict[str, object]:
        """Options without those that are None."""
        return {key: value for key, value in self.options.items() if value is not None}


class Transport:
    """Send requests and check answers.

    Args:
        base_url: Address of the server.
        token: Source of the bearer token.
        pace: Clock, sleep and jitter.
        connections: Most open connections.
    """

    def __init__(self, base_url: str, token: TokenSource, pace: Pace, connections: int) -> None:
        self._token = token
        self._pace = pace
        self._http = httpx.Client(
            base_url=base_url,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=connections),
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def send(self, call: Call, items: Sequence[bytes]) -> TaskResponse:
        """Send one request and return its checked answer.

        Args:
            call: Task, options and limits.
            items: Encoded images, or UTF-8 texts for `embed`.
        """
        build = partial(self._http.build_request, "POST", call.route)
        kind: dict[str, str] = {}
        if call.route == "/embed":
            texts = [item.decode("utf-8", "surrogatepass") for item in items]
            # Escaped, so that broken characters reach the server and fail as one item.
            body = json.dumps({**call.given_options, "texts": texts})
            build = partial(build, content=body.encode("ascii"))
            kind = {"Content-Type": "application/json"}
        else:
            parts = [("images", ("image", item, "application/octet-stream")) for item in items]
            fields = {"options": json.dumps(call.given_options)}
            build = partial(build, files=parts, data=fields)
        return check_answer(self._exchange(build, kind, call).content, items, call.model)

    def get(self, path: str, timeout_s: float) -> httpx.Response:
        """Ask once, and again only with a new token; an answer of any status is returned.

        Raises:
            ModelServerDown: Nobody answers.
        """
        limit = httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
        ask = partial(self._http.get, path, timeout=limit)
        try:
            answer = ask(headers=_bearer(self._token.token()))
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                answer = ask(headers=_bearer(self._token.renew()))
        except httpx.RequestError as cause:
            raise ModelServerDown() from cause
        return answer

    def _exchange(
        self, build: Callable[..., httpx.Request], kind: Mapping[str, str], call: Call
    ) -> httpx.Response:
        deadline = self._pace.clock() + call.timeout_s
        attempts = _Attempts()
        token = self._token.token()
        while True:
            self._pace.wait(0, call.stop)
            left = deadline - self._pace.clock()
            if left <= 0:
                raise ModelServerTimeout()
            limit = httpx.Timeout(left, connect=min(CONNECT_TIMEOUT_S, left))
            request = build(headers={**kind, **_bearer(token)}, timeout=limit)
            try:
                response = self._receive(request, deadline, call.stop)
            except httpx.RequestError as cause:
                attempts.count_break(cause)
                self._pace.wait(RECONNECT_WAIT_S, call.stop)
                continue
            if response.status_code == HTTPStatus.OK:
                return response
            if response.status_code == HTTPStatus.UNAUTHORIZED and not attempts.renewed:
                attempts.renewed = True
                token = self._token.renew()
                continue
            wait_s = self._pace.backoff_s(response.headers, attempts.refusals)
            attempts.count_refusal(response)
            if self._pace.clock() + wait_s >= deadline:
                raise error_from_body(response.content)
            self._pace.wait(wait_s, call.stop)

    def _receive(self, request: httpx.Request, deadline: float, stop: Stop) -> httpx.Response:
        """Read an answer piece by piece, because httpx limits only the wait for each piece."""
        response = self._http.send(request, stream=True)
        pieces = []
        try:
            for piece in response.iter_bytes():
                pieces.append(piece)
                if self._pace.clock() >= deadline:
                    raise ModelServerTimeout()
                if stop():
                    raise Cancelled()
        finally:
            response.close()
        return httpx.Response(
            response.status_code, headers=_kept(response.headers), content=b"".join(pieces)
        )


@dataclass(slots=True)
class _Attempts:
    """What went wrong so far with one request."""

    breaks: int = 0
    refusals: int = 0
    renewed: bool = False

    def count_break(self, cause: httpx.RequestError) -> None:
        """Allow one break of the connection, none that waited for its whole time.

        Raises:
            ModelServerDown: Nobody answers, twice.
            ModelCrashed: The server broke off twice while it had the request.
            ModelServerTimeout: The answer did not come in time.
            AnswerMismatch: The answer cannot be unpacked.
        """
        self.breaks += 1
        if isinstance(cause, httpx.DecodingError):
            raise AnswerMismatch() from cause
        unreachable = isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout)
        if not unreachable and isinstance(cause, httpx.TimeoutException):
            raise ModelServerTimeout() from cause
        if not unreachable and not isinstance(cause, _BROKEN_OFF):
            raise ModelServerDown() from cause
        if self.breaks > 1:
            raise (ModelServerDown() if unreachable else ModelCrashed()) from cause

    def count_refusal(self, response: httpx.Response) -> None:
        """Allow a few answers that say "later".

        Raises:
            UrbanKiError: The refusal is final or came too often.
        """
        self.refusals += 1
        if response.status_code not in _LATER or self.refusals >= MAX_TRIES:
            raise error_from_body(response.content)


def _kept(headers: httpx.Headers) -> dict[str, str]:
    """Return what still describes the answer after it was unpacked."""
    return {"retry-after": headers["retry-after"]} if "retry-after" in headers else {}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
