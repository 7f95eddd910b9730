"""When the framework starts a batch: as soon as requests wait and the worker is free.

BentoML's dispatcher (1.4.39) delays a request by about as long as the last ones waited, in the hope
of others that could join: after a rush a single request stood idle for a second. And while a batch
runs it looks every millisecond whether it has ended, which costs several milliseconds of processor
time per batch. Its loop is replaced here by one that sleeps until something happened. Under load
batches fill all the same, because requests queue up meanwhile. Requests that nobody waits for any
more are left out.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bentoml._internal.marshal.dispatcher import CorkDispatcher

_log = logging.getLogger(__name__)


_split = CorkDispatcher.split_job


def start_batches_at_once() -> None:
    """Put our loop in the place of the framework's, for all of its dispatchers."""
    CorkDispatcher.controller = run_queue
    CorkDispatcher.split_job = split_job


def split_job(dispatcher: Any, job: Any, split_indexes: list[int]) -> tuple[Any, Any]:  # noqa: ANN401
    """Split a request that is larger than a batch; when it is given up, so is its second part.

    Args:
        dispatcher: The method's `CorkDispatcher`.
        job: The request.
        split_indexes: Where its parts begin, and its end.
    """
    first, second = _split(dispatcher, job, split_indexes)
    job.future.add_done_callback(lambda _: second.future.cancel())
    return first, second


async def run_queue(dispatcher: Any) -> None:  # noqa: ANN401  # the library has no types
    """Start batches of one method of the service, one at a time, for ever.

    Args:
        dispatcher: The method's `CorkDispatcher`.
    """
    batches: set[asyncio.Task[None]] = set()
    while True:
        try:
            async with dispatcher._wake_event:
                await dispatcher._wake_event.wait_for(lambda: _may_start(dispatcher))
            jobs = tuple(dispatcher._get_inputs())
            dispatcher._sema.acquire()
            batch = asyncio.create_task(_run(dispatcher, jobs))
            batches.add(batch)
            batch.add_done_callback(batches.discard)
        except Exception:
            # The loop serves all requests to come; the one at fault is answered by its time limit.
            _log.exception("a batch could not be started")


async def _run(dispatcher: Any, jobs: tuple[Any, ...]) -> None:  # noqa: ANN401
    await dispatcher.outbound_call(jobs, training=True)
    async with dispatcher._wake_event:
        dispatcher._wake_event.notify_all()


def _may_start(dispatcher: Any) -> bool:  # noqa: ANN401
    if dispatcher._sema.is_locked():
        return False
    queue = dispatcher._queue
    waiting = [job for job in queue if not job.future.done()]
    queue.clear()
    queue.extend(waiting)
    return bool(queue)
