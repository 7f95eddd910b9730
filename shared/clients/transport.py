"""How requests reach the model server: the token and one connection pool for many threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from http import HTTPStatus
from typing import Protocol, Self

import httpx

from shared.clients.calls import Call, Payload
from shared.clients.checking import check_answer
from shared.clients.exchange import (
    Exchange,
    Question,
    bearer,
    completed,
    headers_for,
    request_builder,
    timeout,
)
from shared.clients.retry import Pace
from shared.contracts.model_server import TaskResponse
from shared.errors import ModelServerDown


class TokenSource(Protocol):
    """Where the bearer token comes from."""

    def token(self) -> str:
        """Return a token that is good for this request."""

    def renew(self) -> str:
        """Return a new token after the server refused the last one."""


def count_nothing(_task: str) -> None:
    """Hear of an answered call and keep nothing."""


class Transport:
    """Send requests and check answers; threads may share it.

    Args:
        base_url: Address of the server.
        token: Source of the bearer token.
        pace: Clock, sleep and jitter.
        connections: Most open connections.
    """

    def __init__(self, base_url: str, token: TokenSource, pace: Pace, connections: int) -> None:
        self._token = token
        self._pace = pace
        self._count: Callable[[str], None] = count_nothing
        self._http = httpx.Client(
            base_url=base_url,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=connections),
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def with_token(self, token: TokenSource) -> Self:
        """Return the same way to the server, over the same connections, with another token.

        Args:
            token: Source of the bearer token.
        """
        other = copy(self)
        other._token = token
        return other

    def counted(self, count: Callable[[str], None]) -> Self:
        """Return the same way to the server, which tells of each request that was answered.

        Args:
            count: Hears the task, in the thread that sent the request.
        """
        other = copy(self)
        other._count = count
        return other

    def send(self, call: Call, items: Sequence[Payload]) -> TaskResponse:
        """Send one request and return its checked answer.

        Args:
            call: Task, options and limits.
            items: What to send, 1 to what the task allows.
        """
        answer = check_answer(self._exchange(call, items), items, call.model, call.version)
        self._count(call.task)
        return answer

    def get(self, path: str, timeout_s: float) -> httpx.Response:
        """Ask once, and again only with a new token; an answer of any status is returned.

        Args:
            path: What to ask for.
            timeout_s: Seconds for each of the two tries.

        Raises:
            ModelServerDown: Nobody answers in time.
            AnswerMismatch: The answer grows beyond 16 MiB.
        """
        answer = self._ask(path, timeout_s, self._token.token())
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            answer = self._ask(path, timeout_s, self._token.renew())
        return answer

    def _ask(self, path: str, timeout_s: float, token: str) -> httpx.Response:
        request = self._http.build_request(
            "GET", path, headers=bearer(token), timeout=timeout(timeout_s)
        )
        try:
            return self._receive(request, Question(timeout_s, self._pace.clock))
        except httpx.RequestError as cause:
            raise ModelServerDown() from cause

    def _exchange(self, call: Call, items: Sequence[Payload]) -> bytes:
        build = request_builder(self._http, call, items)
        course = Exchange(call, self._pace)
        token = self._token.token()
        while True:
            request = build(headers=headers_for(call, token), timeout=course.limit())
            try:
                response = self._receive(request, course)
            except httpx.RequestError as cause:
                wait_s = course.wait_after_break(cause)
            else:
                if response.status_code == HTTPStatus.OK:
                    return response.content
                if course.needs_new_token(response):
                    token = self._token.renew()
                    continue
                wait_s = course.wait_after_refusal(response)
            self._pace.wait(wait_s, call.stop)

    def _receive(self, request: httpx.Request, course: Exchange | Question) -> httpx.Response:
        """Read an answer piece by piece, because httpx limits only the wait for each piece."""
        response = self._http.send(request, stream=True)
        pieces = []
        try:
            for piece in response.iter_bytes():
                pieces.append(piece)
                course.check_progress(len(piece))
        finally:
            response.close()
        return completed(response, pieces)
