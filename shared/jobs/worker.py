"""What a worker does with an order; the only code of ours that Dask runs.

An order comes as JSON and goes back as JSON, whatever the code of an app does in between: its
exceptions become codes, and what no database could keep is refused here.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from shared import __version__
from shared.jobs.context import ModelClients, WorkerContext
from shared.jobs.definition import JobDefinition
from shared.jobs.lookup import find_definition
from shared.jobs.messages import Order, Reply, Step, UnitReply
from shared.jobs.outcomes import read_outcomes
from shared.jobs.placement import BUNDLE_S
from shared.jobs.steps import AppErrors, app_failure, run_summary, unit_keys, unit_result
from shared.settings import get_settings
from shared.store.file_store import FileStore


def versions() -> dict[str, str]:
    """Return the versions that must be the same on every machine of a cluster."""
    return {
        "URBAN.KI": __version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "Dask": importlib.metadata.version("dask"),
        "Distributed": importlib.metadata.version("distributed"),
    }


def describe(dask_worker: Any) -> tuple[dict[str, str], list[str]]:  # noqa: ANN401
    """Return the versions of a worker and the names of the tasks that it is busy with.

    Args:
        dask_worker: The worker; Dask knows the argument by its name.
    """
    return versions(), [str(name) for name in dask_worker.active_threads.values()]


def do_order(order_text: str) -> str:
    """Do what an order says and answer; never raises because of an app's code.

    Args:
        order_text: JSON of an `Order`.
    """
    return _answer(Order.from_json(order_text)).to_json()


def _answer(order: Order) -> Reply:
    steps: dict[Step, Callable[[JobDefinition, WorkerContext, Order], Reply]] = {
        "facts": _tell_facts,
        "split": _split,
        "units": _do_units,
        "finish": _finish,
        "join": _finish,
    }
    try:
        definition = find_definition(order.app, order.job)
        return steps[order.step](definition, WorkerContext(order, _files(), _clients()), order)
    except AppErrors as error:
        return Reply(failure=app_failure(error, f"{order.step} of run {order.run_id}"))


@lru_cache(maxsize=1)
def _files() -> FileStore:
    return FileStore(get_settings())


@lru_cache(maxsize=1)
def _clients() -> ModelClients:
    return ModelClients(get_settings())


def _tell_facts(definition: JobDefinition, _context: WorkerContext, _order: Order) -> Reply:
    return Reply(unit_timeout_s=definition.unit_timeout_s, attempts=definition.attempts)


def _split(definition: JobDefinition, context: WorkerContext, _order: Order) -> Reply:
    return Reply(keys=unit_keys(definition, context))


def _do_units(definition: JobDefinition, context: WorkerContext, order: Order) -> Reply:
    start = time.monotonic()
    replies: list[UnitReply] = []
    for ordinal, key in order.units:
        if replies and time.monotonic() - start >= BUNDLE_S:
            break
        reply = _do_unit(definition, context, order, ordinal, key)
        replies.append(reply)
        if reply.failure is not None and reply.failure.retry == "wait":
            break  # the next one would wait for the same thing
    return Reply(units=tuple(replies))


def _do_unit(
    definition: JobDefinition, context: WorkerContext, order: Order, ordinal: int, key: str
) -> UnitReply:
    context.take_calls()  # those of a unit before that failed led to no result
    start = time.perf_counter()
    try:
        result = unit_result(definition, key, context)
        seconds = time.perf_counter() - start
        calls = context.take_calls()
        return UnitReply(ordinal, seconds, result.data, result.file, result.models, calls=calls)
    except AppErrors as error:
        failure = app_failure(error, f"unit {ordinal} of run {order.run_id}")
        return UnitReply(ordinal, time.perf_counter() - start, failure=failure)


def _finish(definition: JobDefinition, context: WorkerContext, _order: Order) -> Reply:
    summary = run_summary(definition, read_outcomes(context.outcomes_path()), context)
    return Reply(summary=summary.data, files=summary.files)
