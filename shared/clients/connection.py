"""What both clients of the model server have in common: opening, closing, asking for its state."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from copy import copy
from typing import Self

from shared.clients import async_flow, flow
from shared.clients.answers import Kind
from shared.clients.async_flow import AsyncTransport
from shared.clients.calls import Payload, Task, Tasks
from shared.clients.health import (
    CATALOG_TIMEOUT_S,
    HEALTH_TIMEOUT_S,
    ServerHealth,
    catalog_from,
    state_from,
    with_figures,
)
from shared.clients.jobs import Job, JobInput, TileResult
from shared.clients.options import JobOptions
from shared.clients.own_tokens import own_tokens
from shared.clients.retry import Pace
from shared.clients.transport import TokenSource, Transport
from shared.contracts.model_catalog import Catalog
from shared.contracts.model_server import ItemFailed
from shared.errors import AnswerMismatch, ModelServerDown, SignInServiceDown
from shared.settings import Settings


class Connection:
    """The way to the one model server of this installation; threads may share it.

    Args:
        settings: Where the server listens, its time limit and the folder of the keys.
        token: Source of the bearer token; see `own_tokens` for the default.
        pace: Clock, sleep and seeded jitter; tests replace it.
        in_flight: Most requests at the same time in the `map_` methods.
    """

    def __init__(
        self,
        settings: Settings,
        token: TokenSource | None = None,
        *,
        pace: Pace | None = None,
        in_flight: int = 8,
    ) -> None:
        self._in_flight = in_flight
        self._tasks = Tasks(settings.model_server_timeout_s)
        self._transport = Transport(
            settings.model_server_address,
            token or own_tokens(settings),
            pace or Pace(),
            connections=2 * in_flight,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def acting_as(self, token: TokenSource) -> Self:
        """Return a client that acts for somebody else, over the connections of this one.

        Closing either of them closes both.

        Args:
            token: Source of the bearer token of whoever asks.
        """
        other = copy(self)
        other._transport = self._transport.with_token(token)
        return other

    def counted(self, count: Callable[[str], None]) -> Self:
        """Return a client that tells of each request to a task that was answered.

        Closing either of them closes both.

        Args:
            count: Hears the task; with the `map_` methods in several threads at once.
        """
        other = copy(self)
        other._transport = self._transport.counted(count)
        return other

    def models(self) -> Catalog:
        """Return the catalogue of all models.

        Raises:
            ModelServerError: Nobody answers, or not with a catalogue.
        """
        return catalog_from(self._transport.get("/models", CATALOG_TIMEOUT_S))

    def health(self) -> ServerHealth:
        """Return the state of the server within about 2 s; never raises when it is away.

        It also counts as away while the provider gives no token to ask it with.
        """
        try:
            health = state_from(self._transport.get("/readyz", HEALTH_TIMEOUT_S))
            if health.state != "ready":
                return health
            return with_figures(health, self._transport.get("/metrics", HEALTH_TIMEOUT_S))
        except (ModelServerDown, SignInServiceDown, AnswerMismatch):
            return ServerHealth("down")

    def _send(self, task: Task[Kind], items: Iterable[bytes]) -> list[Kind | ItemFailed]:
        return self._send_payloads(task, [Payload((item,)) for item in items])

    def _send_payloads(self, task: Task[Kind], items: Sequence[Payload]) -> list[Kind | ItemFailed]:
        return flow.send_all(self._transport, task, items)

    def _map(
        self,
        task: Task[Kind],
        inputs: Iterable[JobInput],
        options: JobOptions,
        in_flight: int | None = None,
    ) -> Iterator[TileResult[Kind | ItemFailed]]:
        job = Job(task, options, in_flight or self._in_flight)
        return flow.map_concurrently(self._transport, task, job, inputs)


class AsyncConnection:
    """The same for one event loop; see `Connection` for the arguments and methods."""

    def __init__(
        self,
        settings: Settings,
        token: TokenSource | None = None,
        *,
        pace: Pace | None = None,
        in_flight: int = 8,
    ) -> None:
        self._in_flight = in_flight
        self._tasks = Tasks(settings.model_server_timeout_s)
        self._transport = AsyncTransport(
            settings.model_server_address,
            token or own_tokens(settings),
            pace or Pace(),
            connections=2 * in_flight,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    def acting_as(self, token: TokenSource) -> Self:
        """Return a client that acts for somebody else; see `Connection.acting_as`."""
        other = copy(self)
        other._transport = self._transport.with_token(token)
        return other

    def counted(self, count: Callable[[str], None]) -> Self:
        """Return a client that tells of each answered request; see `Connection.counted`."""
        other = copy(self)
        other._transport = self._transport.counted(count)
        return other

    async def models(self) -> Catalog:
        """Return the catalogue of all models; see `Connection.models`."""
        return catalog_from(await self._transport.get("/models", CATALOG_TIMEOUT_S))

    async def health(self) -> ServerHealth:
        """Return the state of the server; see `Connection.health`."""
        try:
            health = state_from(await self._transport.get("/readyz", HEALTH_TIMEOUT_S))
            if health.state != "ready":
                return health
            return with_figures(health, await self._transport.get("/metrics", HEALTH_TIMEOUT_S))
        except (ModelServerDown, SignInServiceDown, AnswerMismatch):
            return ServerHealth("down")

    async def _send(self, task: Task[Kind], items: Iterable[bytes]) -> list[Kind | ItemFailed]:
        return await self._send_payloads(task, [Payload((item,)) for item in items])

    async def _send_payloads(
        self, task: Task[Kind], items: Sequence[Payload]
    ) -> list[Kind | ItemFailed]:
        return await async_flow.send_all(self._transport, task, items)

    def _map(
        self,
        task: Task[Kind],
        inputs: Iterable[JobInput] | AsyncIterable[JobInput],
        options: JobOptions,
        in_flight: int | None = None,
    ) -> AsyncGenerator[TileResult[Kind | ItemFailed], None]:
        job = Job(task, options, in_flight or self._in_flight)
        return async_flow.map_concurrently(self._transport, task, job, inputs)
