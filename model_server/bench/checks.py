"""What must hold besides speed: recovery after a kill, and memory after calls of all kinds."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from model_server.bench.load import Client, summarise
from model_server.bench.mixed import MixedKind, mixed_calls
from model_server.bench.server import POLL_S, Running, ServerFailed, is_ready
from model_server.bench.tree import Memory, worker_ids
from model_server.bench.workload import Call
from model_server.start import is_worker

GIVE_UP_S = 60.0
LOAD_WITHIN_S = 600.0
BUSY_CPU_S = 0.4
"""CPU seconds after which the server is surely at work on calls."""
MIXED_CLIENTS = 4


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the server came back after a worker was killed.

    Args:
        seconds: From the kill until all workers were there and a new call was answered.
        failed_calls: Calls that failed for their clients although these tried twice.
        retried: Calls that were sent again.
        calls: Calls in all.
    """

    seconds: float
    failed_calls: int
    retried: int
    calls: int


def recover(
    server: Running,
    token: Callable[[], str],
    calls: Sequence[Call],
    send: Callable[[], None],
    receive: Callable[[], dict[str, Any]],
) -> Recovery:
    """Kill a worker with SIGKILL while clients send, and wait until it was replaced.

    With several workers the others go on answering; then the time counts until the new process is
    there.

    Args:
        server: The server.
        token: Gives bearer tokens.
        calls: Calls of which one shows that the server answers again.
        send: Starts the load.
        receive: Waits for the load's report.

    Raises:
        ServerFailed: The server did not come back, or the load was over before the kill.
    """
    before = worker_ids(server.tree, is_worker)
    idle_s = server.tree.cpu_s()
    send()
    _wait_until(lambda: server.tree.cpu_s() - idle_s >= BUSY_CPU_S, "load")
    start = time.monotonic()
    os.kill(before[0], signal.SIGKILL)
    _wait_until(lambda: _is_whole(server, before), "new worker")
    client = Client(server.url, token)
    client.run(iter(calls[:1]))
    seconds = time.monotonic() - start
    report = receive()
    if not report["retried"] and len(before) == 1:
        raise ServerFailed("the load was over before the worker was killed")
    failed = sum(report["errors"].values()) + sum(client.tally.errors.values())
    return Recovery(round(seconds, 2), failed, report["retried"], report["answered"])


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + GIVE_UP_S
    while not is_so():
        if time.monotonic() > until:
            raise ServerFailed(f"no {what} within {GIVE_UP_S:.0f} s")
        time.sleep(POLL_S)


def _is_whole(server: Running, before: Sequence[int]) -> bool:
    now = worker_ids(server.tree, is_worker)
    return before[0] not in now and len(now) == len(before) and is_ready(f"{server.url}/readyz")


@dataclass(frozen=True, slots=True)
class Filled:
    """A server that has all its models in memory and worked for a while.

    Args:
        memory: Its memory.
        report: What its clients counted.
    """

    memory: Memory
    report: dict[str, Any]


def fill(
    server: Running,
    token: Callable[[], str],
    kinds: Sequence[MixedKind],
    calls: int,
    seed: int,
) -> Filled:
    """Send calls of all kinds and read the memory.

    Args:
        server: A server that preloaded all models.
        token: Gives bearer tokens.
        kinds: Kinds of calls.
        calls: How many.
        seed: Seed of their order.
    """
    plan = itertools.islice(mixed_calls(kinds, seed), calls)
    shares: list[list[Call]] = [[] for _ in range(MIXED_CLIENTS)]
    for place, call in enumerate(plan):
        shares[place % MIXED_CLIENTS].append(call)
    clients = [Client(server.url, token) for _ in shares]
    with ThreadPoolExecutor(MIXED_CLIENTS) as pool:
        list(pool.map(lambda pair: pair[0].run(iter(pair[1])), zip(clients, shares, strict=True)))
    return Filled(server.tree.memory(), summarise([client.tally for client in clients]))
