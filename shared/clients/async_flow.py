"""The way to the model server for event loops: the twin of `transport` and `flow`."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Sequence,
)
from copy import copy
from http import HTTPStatus
from typing import Any, Self

import httpx

from shared.clients.answers import Kind, ModelPin
from shared.clients.calls import Call, Payload, Task
from shared.clients.checking import check_answer, typed_results
from shared.clients.exchange import (
    Exchange,
    Question,
    bearer,
    completed,
    headers_for,
    request_builder,
    timeout,
)
from shared.clients.flow import LOOK_S, name_results
from shared.clients.jobs import Bundle, Job, JobInput, TileResult, cut
from shared.clients.retry import Pace
from shared.clients.transport import TokenSource, count_nothing
from shared.contracts.model_server import ItemFailed, TaskResponse
from shared.errors import Cancelled, ModelServerDown, UrbanKiError


class AsyncTransport:
    """Send requests and check answers; for one event loop. See `Transport` for the arguments."""

    def __init__(self, base_url: str, token: TokenSource, pace: Pace, connections: int) -> None:
        self._token = token
        self._pace = pace
        self._count: Callable[[str], None] = count_nothing
        self._http = httpx.AsyncClient(
            base_url=base_url,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=connections),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def with_token(self, token: TokenSource) -> Self:
        """Return the same way with another token; see `Transport.with_token`."""
        other = copy(self)
        other._token = token
        return other

    def counted(self, count: Callable[[str], None]) -> Self:
        """Return the same way, which tells of each answer; see `Transport.counted`."""
        other = copy(self)
        other._count = count
        return other

    async def send(self, call: Call, items: Sequence[Payload]) -> TaskResponse:
        """Send one request and return its checked answer; see `Transport.send`."""
        content = await self._exchange(call, items)
        answer = check_answer(content, items, call.model, call.version)
        self._count(call.task)
        return answer

    async def get(self, path: str, timeout_s: float) -> httpx.Response:
        """Ask once, and again only with a new token; see `Transport.get`."""
        # A token may come from a file or another server, which would hold the event loop up.
        token = await asyncio.to_thread(self._token.token)
        answer = await self._ask(path, timeout_s, token)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            token = await asyncio.to_thread(self._token.renew)
            answer = await self._ask(path, timeout_s, token)
        return answer

    async def _ask(self, path: str, timeout_s: float, token: str) -> httpx.Response:
        request = self._http.build_request(
            "GET", path, headers=bearer(token), timeout=timeout(timeout_s)
        )
        try:
            return await self._receive(request, Question(timeout_s, self._pace.clock))
        except httpx.RequestError as cause:
            raise ModelServerDown() from cause

    async def _exchange(self, call: Call, items: Sequence[Payload]) -> bytes:
        build = request_builder(self._http, call, items)
        course = Exchange(call, self._pace)
        token = await asyncio.to_thread(self._token.token)
        while True:
            request = build(headers=headers_for(call, token), timeout=course.limit())
            try:
                response = await self._receive(request, course)
            except httpx.RequestError as cause:
                wait_s = course.wait_after_break(cause)
            else:
                if response.status_code == HTTPStatus.OK:
                    return response.content
                if course.needs_new_token(response):
                    token = await asyncio.to_thread(self._token.renew)
                    continue
                wait_s = course.wait_after_refusal(response)
            await self._pace.wait_async(wait_s, call.stop)

    async def _receive(self, request: httpx.Request, course: Exchange | Question) -> httpx.Response:
        """Read an answer and meanwhile look every 0.2 s whether it is still wanted."""
        reading = asyncio.create_task(self._read(request, course))
        try:
            while not (await asyncio.wait({reading}, timeout=LOOK_S))[0]:
                course.check_progress(0)
            return reading.result()
        finally:
            await _end({reading})

    async def _read(self, request: httpx.Request, course: Exchange | Question) -> httpx.Response:
        response = await self._http.send(request, stream=True)
        pieces = []
        try:
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                course.check_progress(len(piece))
        finally:
            await response.aclose()
        return completed(response, pieces)


async def send_all(
    transport: AsyncTransport, task: Task[Kind], items: Sequence[Payload]
) -> list[Kind | ItemFailed]:
    """Send items one request after the other and keep their order; see `flow.send_all`."""
    results: list[Kind | ItemFailed] = []
    pin = ModelPin()
    for first, part in cut(items, task.most_per_request):
        answer = await transport.send(task.call, part)
        pin.check(answer.model)
        results += typed_results(answer, task, first)
    return results


async def map_concurrently(
    transport: AsyncTransport,
    task: Task[Kind],
    job: Job,
    inputs: Iterable[JobInput] | AsyncIterable[JobInput],
) -> AsyncGenerator[TileResult[Kind | ItemFailed], None]:
    """Keep many requests in flight and yield the results as they come.

    See `flow.map_concurrently`; here requests under way end together with the work, and a source
    that has nothing yet holds up neither results nor `stop`.
    """
    reader = _Reader(inputs)
    pin = ModelPin()
    running: dict[asyncio.Task[list[TileResult[Kind | ItemFailed]]], Bundle] = {}

    async def send(bundle: Bundle) -> list[TileResult[Kind | ItemFailed]]:
        call = task.call.at_resolution(bundle.inputs[0].gsd_m)
        return name_results(await transport.send(call, bundle.payloads), task, bundle, pin)

    try:
        while not job.finished:
            if task.call.stop():
                raise Cancelled()
            await reader.read(job)
            bundle = job.take()
            if bundle is not None:
                running[asyncio.create_task(send(bundle))] = bundle
            waiting: set[asyncio.Task[Any]] = {*running, *reader.pending}
            if not waiting:
                continue
            await asyncio.wait(
                waiting, timeout=0 if bundle else LOOK_S, return_when=asyncio.FIRST_COMPLETED
            )
            for ended in [one for one in running if one.done()]:
                for result in _outcome(job, running.pop(ended), ended):
                    job.tell(result)
                    yield result
    finally:
        await _end({*running, *reader.pending})


class _Reader:
    """Reads the inputs of a job beside everything else.

    Args:
        inputs: The items, at once or as they come.
    """

    def __init__(self, inputs: Iterable[JobInput] | AsyncIterable[JobInput]) -> None:
        self._source = _as_async(inputs)
        self.pending: set[asyncio.Task[JobInput | None]] = set()
        """The one item that is being waited for, if any."""

    async def read(self, job: Job) -> None:
        """Give the job what is there, as far as it wants more."""
        while job.wants_more or self.pending:
            if not self.pending:
                self.pending = {asyncio.create_task(self._next())}
                # A source that need not wait has answered after this.
                await asyncio.sleep(0)
            (reading,) = self.pending
            if not reading.done():
                return
            self.pending = set()
            item = reading.result()
            if item is None:
                job.end()
            else:
                job.add(item)

    async def _next(self) -> JobInput | None:
        return await anext(self._source, None)


async def _as_async(
    inputs: Iterable[JobInput] | AsyncIterable[JobInput],
) -> AsyncIterator[JobInput]:
    if isinstance(inputs, AsyncIterable):
        async for item in inputs:
            yield item
    else:
        for item in inputs:
            yield item


def _outcome(
    job: Job, bundle: Bundle, ended: asyncio.Task[list[TileResult[Kind | ItemFailed]]]
) -> Sequence[TileResult[Kind | ItemFailed]]:
    error = ended.exception()
    if isinstance(error, UrbanKiError):
        return job.settle(bundle, error)
    job.settle(bundle, None)
    return ended.result()


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait until it has let go of its connections."""
    for task in tasks:
        task.cancel()
    # What they ended with is no longer of interest, but has to be looked at.
    await asyncio.gather(*tasks, return_exceptions=True)
