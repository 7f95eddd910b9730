"""Cutting long lists into requests and keeping many small requests in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from threading import Event
from typing import Generic, TypeVar

from shared.clients.answers import Kind, ModelPin, crashed_item, typed_results
from shared.clients.retry import Stop
from shared.clients.transport import Call, Transport
from shared.contracts.model_server import ItemFailed
from shared.errors import Cancelled, ModelCrashed

REQUEST_BYTES = 48 * 2**20
_LOOK_S = 0.2

Sent = TypeVar("Sent")
Got = TypeVar("Got")


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


@dataclass(frozen=True, slots=True)
class TileResult(Generic[Got]):
    """What became of one image of a job."""

    tile_id: str
    result: Got


def send_all(
    transport: Transport, call: Call, items: Sequence[bytes], kind: type[Kind]
) -> list[Kind | ItemFailed]:
    """Send items in as few requests as allowed, one after the other, and keep their order.

    Args:
        transport: Way to the server.
        call: Task, options and limits.
        items: Encoded items, any number.
        kind: Class of a good result.
    """
    results: list[Kind | ItemFailed] = []
    pin = ModelPin()
    for first, part in cut(items, kind.most_per_request):
        answer = transport.send(call, part)
        pin.check(answer.model)
        results += typed_results(answer, kind, first)
    return results


def send_one(
    transport: Transport,
    prepare: Callable[[TileInput], Call],
    kind: type[Kind],
    pin: ModelPin,
    tile: TileInput,
    stop: Stop,
) -> TileResult[Kind | ItemFailed]:
    """Send one tile of a job; a tile that crashes the server twice fails alone.

    Args:
        transport: Way to the server.
        prepare: Makes task, options and limits of a tile.
        kind: Class of a good result.
        pin: The job's model.
        tile: What to send.
        stop: Asked before every wait.
    """
    try:
        answer = transport.send(replace(prepare(tile), stop=stop), [tile.image])
    except ModelCrashed as cause:
        return TileResult(tile.tile_id, crashed_item(tile.image, cause))
    pin.check(answer.model)
    return TileResult(tile.tile_id, typed_results(answer, kind, 0)[0])


def cut(items: Sequence[bytes], most: int) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield (index of the first item, items) of each request, in order.

    Args:
        items: Encoded items.
        most: Most items per request; a request also stays below 48 MiB unless one item is larger.
    """
    start = size = 0
    for index, item in enumerate(items):
        if index > start and (index - start == most or size + len(item) > REQUEST_BYTES):
            yield start, items[start:index]
            start, size = index, 0
        size += len(item)
    if start < len(items):
        yield start, items[start:]


def map_concurrently(
    inputs: Iterable[Sent],
    send: Callable[[Sent, Stop], Got],
    in_flight: int,
    on_result: Callable[[Got], None] | None,
    stop: Stop,
) -> Iterator[Got]:
    """Send inputs in threads and yield the results as they come; the first error ends the work.

    Args:
        inputs: Read lazily, at most `in_flight` ahead of the results.
        send: Sends one input; its second argument must be asked before each wait.
        in_flight: Most inputs under way.
        on_result: Called in the consumer's thread before a result is yielded.
        stop: True raises `Cancelled`; requests under way are left to end by themselves.
    """
    ended = Event()
    pool = ThreadPoolExecutor(in_flight, thread_name_prefix="model-server-client")
    source = iter(inputs)
    running: set[Future[Got]] = set()

    def halt() -> bool:
        return ended.is_set() or stop()

    try:
        while True:
            if stop():
                raise Cancelled()
            for item in islice(source, in_flight - len(running)):
                running.add(pool.submit(send, item, halt))
            if not running:
                return
            done, running = wait(running, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                if on_result is not None:
                    on_result(result)
                yield result
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)
