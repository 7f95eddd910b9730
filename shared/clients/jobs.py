"""A job of many items: how they are cut into requests, and how one bad item is found.

Nothing is sent here: `flow` and `async_flow` send what a job hands out and say how it ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.clients.calls import Payload, Task
from shared.clients.checking import failed_item
from shared.clients.options import JobOptions
from shared.contracts.model_server import ItemFailed
from shared.errors import ModelCrashed, RequestTooLarge, UrbanKiError

REQUEST_BYTES = 48 * 2**20
TILES_PER_REQUEST = 4

Got = TypeVar("Got", covariant=True)


class JobInput(Protocol):
    """One item of a job."""

    @property
    def tile_id(self) -> str:
        """The caller's name for it; comes back with the result."""

    @property
    def gsd_m(self) -> float | None:
        """Ground sampling distance in metres where it differs from the job's."""

    @property
    def payload(self) -> Payload:
        """What is sent for it."""


@dataclass(frozen=True, slots=True)
class TileInput:
    """One image of a job.

    Args:
        tile_id: The caller's name for it; comes back with the result.
        image: Encoded image.
        gsd_m: Ground sampling distance in metres where it differs from the job's.
    """

    tile_id: str
    image: bytes
    gsd_m: float | None = None

    @property
    def payload(self) -> Payload:
        """What is sent for it."""
        return Payload((self.image,))


@dataclass(frozen=True, slots=True)
class PairInput:
    """Two images of one place of a job.

    Args:
        tile_id: The caller's name for it; comes back with the result.
        before: Encoded older image.
        after: Encoded newer image of the same size.
        gsd_m: Ground sampling distance in metres where it differs from the job's.
    """

    tile_id: str
    before: bytes
    after: bytes
    gsd_m: float | None = None

    @property
    def payload(self) -> Payload:
        """What is sent for it."""
        return Payload((self.before, self.after))


@dataclass(frozen=True, slots=True)
class TileResult(Generic[Got]):
    """What became of one item of a job."""

    tile_id: str
    result: Got


@dataclass(frozen=True, slots=True)
class Bundle:
    """The items of one request, all of the same resolution.

    Args:
        inputs: The items.
    """

    inputs: tuple[JobInput, ...]

    @property
    def payloads(self) -> list[Payload]:
        """What is sent."""
        return [item.payload for item in self.inputs]


class Job:
    """Decides what is read, sent and sent again.

    The first requests are small, so that the first result comes soon and a short job keeps all
    lanes busy; they double until `tiles_per_request`. At most `in_flight` times as many items as
    that are held. When the server breaks off twice over a request or finds it too large, nothing
    else is sent until each of its items was sent alone: what goes wrong then is to blame, its
    neighbours are not.

    Args:
        task: What is asked for.
        options: Lanes, size of the requests, and who hears of each result.
        in_flight: Lanes where the options name none.

    Raises:
        ValueError: Fewer than one lane or item per request.
    """

    def __init__(self, task: Task[Any], options: JobOptions, in_flight: int) -> None:
        self.in_flight = options.get("in_flight", in_flight)
        wanted = options.get("tiles_per_request", TILES_PER_REQUEST)
        if self.in_flight < 1 or wanted < 1:
            raise ValueError("in_flight and tiles_per_request must be at least 1")
        self._on_result = options.get("on_result")
        self._most = min(wanted, task.most_per_request)
        self._filling: list[JobInput] = []
        self._bytes = 0
        self._left_over: JobInput | None = None
        self._suspects: deque[JobInput] = deque()
        self._sent = 0
        self._running = 0
        self._lonely = False
        self._probing = False
        self._read_all = False

    @property
    def finished(self) -> bool:
        """Whether everything was read and answered."""
        waiting = self._filling or self._left_over or self._suspects
        return self._read_all and not waiting and not self._running

    @property
    def wants_more(self) -> bool:
        """Whether the next item should be read now."""
        return self._may_send and not self._read_all and not self._is_full

    def add(self, item: JobInput) -> None:
        """Take the next item in, after `wants_more` said yes."""
        size = item.payload.size
        same = not self._filling or item.gsd_m == self._filling[0].gsd_m
        if same and (not self._filling or self._bytes + size <= REQUEST_BYTES):
            self._filling.append(item)
            self._bytes += size
        else:
            self._left_over = item

    def end(self) -> None:
        """Note that there are no more items."""
        self._read_all = True

    def take(self) -> Bundle | None:
        """Return the next request; None while something else has to happen first."""
        if self._suspects and not self._running:
            self._probing = True
            return self._hand_out((self._suspects.popleft(),))
        if not self._may_send or not (self._is_full or (self._read_all and self._filling)):
            return None
        bundle = self._hand_out(tuple(self._filling))
        self._sent += 1
        self._filling, self._bytes = [], 0
        if self._left_over is not None:
            first, self._left_over = self._left_over, None
            self.add(first)
        return bundle

    def settle(self, bundle: Bundle, error: UrbanKiError | None) -> list[TileResult[ItemFailed]]:
        """Note that a request ended.

        Args:
            bundle: The request.
            error: What it failed with as a whole; None for an answer.

        Returns:
            The failure of an item that is to blame; others are sent again and have no result yet.

        Raises:
            UrbanKiError: The error is not one for which a single item can be to blame.
        """
        lonely = self._lonely
        self._running -= 1
        self._probing = False
        if error is None:
            return []
        if not isinstance(error, ModelCrashed | RequestTooLarge):
            raise error
        if len(bundle.inputs) == 1 and (lonely or isinstance(error, RequestTooLarge)):
            (item,) = bundle.inputs
            return [TileResult(item.tile_id, failed_item(item.payload, error))]
        self._suspects += bundle.inputs
        return []

    def tell(self, result: TileResult[Any]) -> None:
        """Show a result to whoever wanted to hear of it before it is handed out."""
        if self._on_result is not None:
            self._on_result(result)

    @property
    def _may_send(self) -> bool:
        return not self._suspects and not self._probing and self._running < self.in_flight

    @property
    def _is_full(self) -> bool:
        return self._left_over is not None or len(self._filling) >= self._size

    @property
    def _size(self) -> int:
        """Items of the next request: one in each lane, then two, four, ..."""
        doublings = min(self._sent // self.in_flight, self._most.bit_length())
        return int(min(self._most, 2**doublings))

    def _hand_out(self, inputs: tuple[JobInput, ...]) -> Bundle:
        # A request that had company at any time may have been broken off by its neighbour.
        self._lonely = not self._running
        self._running += 1
        return Bundle(inputs)


def cut(items: Sequence[Payload], most: int) -> Iterator[tuple[int, Sequence[Payload]]]:
    """Yield (index of the first item, items) of each request, in order.

    Args:
        items: Items, any number.
        most: Most items per request; a request also stays below 48 MiB unless one item is larger.
    """
    start = size = 0
    for index, item in enumerate(items):
        if index > start and (index - start == most or size + item.size > REQUEST_BYTES):
            yield start, items[start:index]
            start, size = index, 0
        size += item.size
    if start < len(items):
        yield start, items[start:]
