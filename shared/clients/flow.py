"""Sending long lists one request after the other, and jobs with many requests in flight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event

from shared.clients.answers import Kind, ModelPin
from shared.clients.calls import Payload, Task
from shared.clients.checking import typed_results
from shared.clients.jobs import Bundle, Job, JobInput, PairInput, TileInput, TileResult, cut
from shared.clients.transport import Transport
from shared.contracts.model_server import ItemFailed, TaskResponse
from shared.errors import Cancelled, UrbanKiError

__all__ = ["PairInput", "TileInput", "TileResult", "map_concurrently", "send_all"]
LOOK_S = 0.2


def send_all(
    transport: Transport, task: Task[Kind], items: Sequence[Payload]
) -> list[Kind | ItemFailed]:
    """Send items in as few requests as allowed, one after the other, and keep their order.

    Args:
        transport: Way to the server.
        task: What is asked for.
        items: Any number.
    """
    results: list[Kind | ItemFailed] = []
    pin = ModelPin()
    for first, part in cut(items, task.most_per_request):
        answer = transport.send(task.call, part)
        pin.check(answer.model)
        results += typed_results(answer, task, first)
    return results


def map_concurrently(
    transport: Transport,
    task: Task[Kind],
    job: Job,
    inputs: Iterable[JobInput],
) -> Iterator[TileResult[Kind | ItemFailed]]:
    """Send requests in threads and yield the results as they come; the first error ends the work.

    Args:
        transport: Way to the server.
        task: What is asked for. Its `stop` raises `Cancelled` here within 0.2 s; requests under
            way are left to end by themselves.
        job: Cuts the inputs into requests.
        inputs: Read lazily, never further ahead of the results than the job's requests hold.
    """
    ended = Event()
    pool = ThreadPoolExecutor(job.in_flight, thread_name_prefix="model-server-client")
    source = iter(inputs)
    pin = ModelPin()
    running: dict[Future[list[TileResult[Kind | ItemFailed]]], Bundle] = {}

    def halt() -> bool:
        return ended.is_set() or task.call.stop()

    def send(bundle: Bundle) -> list[TileResult[Kind | ItemFailed]]:
        call = replace(task.call.at_resolution(bundle.inputs[0].gsd_m), stop=halt)
        return name_results(transport.send(call, bundle.payloads), task, bundle, pin)

    try:
        while not job.finished:
            if task.call.stop():
                raise Cancelled()
            _read(job, source)
            bundle = job.take()
            if bundle is not None:
                running[pool.submit(send, bundle)] = bundle
            # Another request may be ready to go; otherwise only an answer brings things forward.
            for future in wait(running, 0 if bundle else LOOK_S, FIRST_COMPLETED).done:
                for result in _outcome(job, running.pop(future), future):
                    job.tell(result)
                    yield result
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


def name_results(
    answer: TaskResponse, task: Task[Kind], bundle: Bundle, pin: ModelPin
) -> list[TileResult[Kind | ItemFailed]]:
    """Give the results of a checked answer the names of the items.

    Raises:
        ModelChanged: Another model answered before.
        AnswerMismatch: A value has another shape than the task promises.
    """
    pin.check(answer.model)
    results = typed_results(answer, task, 0)
    return [
        TileResult(item.tile_id, result)
        for item, result in zip(bundle.inputs, results, strict=True)
    ]


def _read(job: Job, source: Iterator[JobInput]) -> None:
    while job.wants_more:
        item = next(source, None)
        if item is None:
            job.end()
        else:
            job.add(item)


def _outcome(
    job: Job, bundle: Bundle, future: Future[list[TileResult[Kind | ItemFailed]]]
) -> Sequence[TileResult[Kind | ItemFailed]]:
    try:
        results = future.result()
    except UrbanKiError as error:
        return job.settle(bundle, error)
    job.settle(bundle, None)
    return results
