"""Dask as the supervisor uses it: some places to work, one task at a time in each.

Dask runs tasks and replaces dead workers; what is to be done, tried again or given up is decided by
the supervisor alone. Each task is bound to the place that was free for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Literal, Protocol

import dask
from distributed import Client, Future, KilledWorker, LocalCluster
from distributed.client import ClosedClientError
from distributed.core import Status

from shared.errors import ClusterUnreachable
from shared.jobs.cluster_keys import temporary_security
from shared.jobs.worker import describe, do_order
from shared.settings import Settings

HOST = "127.0.0.1"
ANSWER_WITHIN_S = 4.0
REBUILD_AFTER_S = 120.0
CLOSE_WITHIN_S = 10.0
_log = logging.getLogger(__name__)

Ending = Literal["answered", "crashed", "lost"]

CONFIG: Mapping[str, Any] = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.admin.low-level-log-length": 100,
    "distributed.diagnostics.nvml": False,
    "distributed.diagnostics.computations.max-history": 1,
    "distributed.diagnostics.erred-tasks.max-history": 1,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.memory.monitor-interval": "250ms",
    # Dask would give up a worker that is still starting on a busy machine, and never replace it.
    "distributed.deploy.lost-worker-timeout": "1 day",
    "distributed.comm.timeouts.connect": f"{ANSWER_WITHIN_S}s",
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.tick.limit": "1 minute",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.log-length": 100,
    "distributed.client.scheduler-info-interval": "60s",
}
"""No dashboard, no figures nobody reads, and no decision of Dask's own about what runs again."""


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task is over.

    Args:
        token: Its name.
        ending: "answered" by the worker, "crashed" with it, or "lost" with the cluster.
        reply: JSON of the worker's reply; empty for the others.
    """

    token: str
    ending: Ending
    reply: str = ""


def task_prefix(settings: Settings) -> str:
    """Return how the names of all tasks of an installation begin, whichever process made them.

    Args:
        settings: Its database makes an installation what it is.
    """
    digest = hashlib.sha256(settings.database_address.encode()).hexdigest()
    return f"urbanki-{digest[:12]}"


class Cluster(Protocol):
    """Where tasks run."""

    kind: str
    """"lokal", or the address of the scheduler."""

    def connect(self) -> None:
        """Start or find the workers.

        Raises:
            ClusterUnreachable: The scheduler does not answer.
        """

    def places(self) -> Mapping[str, int]:
        """Return how many tasks each worker can do at the same time.

        Raises:
            ClusterUnreachable: The scheduler does not answer.
        """

    def versions_of(self, worker: str) -> Mapping[str, str] | None:
        """Return what runs on a worker; empty without our code, None when it does not answer.

        Raises:
            ClusterUnreachable: It does not answer.
        """

    def submit(self, token: str, worker: str, order: str) -> None:
        """Begin a task; its end arrives in the queue given at the start.

        Raises:
            ClusterUnreachable: The scheduler does not answer.
        """

    def forget(self, token: str) -> None:
        """Lose interest in a task; its end is not reported any more."""

    def restart(self, worker: str) -> None:
        """End a worker's process, whatever it does, and start another; returns at once."""

    def close(self) -> None:
        """End workers of this machine, leave those of another."""


class DaskCluster:
    """Workers of this machine, or those of a scheduler elsewhere.

    Args:
        settings: Address, number and memory of the workers.
        workers: Worker processes on this machine.
        ended: Takes what happened; it is filled from another thread.
    """

    def __init__(self, settings: Settings, workers: int, ended: SimpleQueue[TaskEnded]) -> None:
        self.kind = settings.dask_address or "lokal"
        self._settings = settings
        self._workers = workers
        self._ended = ended
        self._local: LocalCluster | None = None
        self._client: Client | None = None
        self._futures: dict[str, Future] = {}
        self._prefix = task_prefix(settings)
        self._restarting: set[str] = set()
        self._complete_at = time.monotonic()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="worker-restart")

    def connect(self) -> None:
        """Start or find the workers."""
        dask.config.set(CONFIG)
        self._complete_at = time.monotonic()
        try:
            if self._settings.dask_address:
                self._client = Client(
                    self._settings.dask_address,
                    timeout=ANSWER_WITHIN_S,
                    set_as_default=False,
                    direct_to_workers=False,
                )
                self._forbid_retries(self._client)
            else:
                self._local = self._start_local()
                self._client = Client(self._local, set_as_default=False)
        except ClusterUnreachable:
            self.close()
            raise
        except (OSError, TimeoutError, RuntimeError, TypeError, ValueError) as cause:
            # The last three are what Dask raises over keys and addresses that do not fit.
            _log.warning("no connection to %s", self.kind, exc_info=True)
            self.close()
            raise ClusterUnreachable() from cause

    def _start_local(self) -> LocalCluster:
        return LocalCluster(
            n_workers=self._workers,
            threads_per_worker=1,
            processes=True,
            host=HOST,
            security=temporary_security(),
            memory_limit=f"{self._settings.job_worker_mb}MB",
            preload=["shared.jobs.worker_process"],
            local_directory=str(self._settings.data_dir.resolve() / "workers"),
            dashboard_address=f"{HOST}:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.ERROR,
            scheduler_sync_interval=3600,
        )

    def _forbid_retries(self, client: Client) -> None:
        """Let a scheduler elsewhere report a dead worker at once, as ours does."""

        def forbid(dask_scheduler: Any) -> None:  # noqa: ANN401  # travels by value: no import
            dask_scheduler.allowed_failures = 0

        self._ask(client._run_on_scheduler, forbid)

    def places(self) -> Mapping[str, int]:
        """Return the workers; each does one task, so that a crash harms no other."""
        names = self._ask(self._connected().scheduler.ncores)
        found = {name: 1 for name in names if name not in self._restarting}
        self._check_local(len(found))
        return found

    def _check_local(self, found: int) -> None:
        """Start all anew when a worker of this machine does not come back.

        Raises:
            ClusterUnreachable: It has been away for two minutes.
        """
        if self._local is None or found >= self._workers:
            self._complete_at = time.monotonic()
        elif time.monotonic() - self._complete_at >= REBUILD_AFTER_S:
            _log.error("only %s of %s workers are left, all are started anew", found, self._workers)
            raise ClusterUnreachable()

    def versions_of(self, worker: str) -> Mapping[str, str] | None:
        """Return what runs on a worker; one that is still busy for a supervisor before is ended."""
        client = self._connected()
        answers = self._ask(client._run, describe, workers=[worker], on_error="return")
        answer = answers.get(worker)
        if isinstance(answer, tuple):
            found, running = answer
            if any(name.startswith(self._prefix) for name in running):
                self.restart(worker)
                return None
            return dict(found)
        if answer is None or isinstance(answer, OSError | TimeoutError):
            return None
        _log.error("worker %s cannot run our code: %r", worker, answer)
        return {}

    def submit(self, token: str, worker: str, order: str) -> None:
        """Begin a task."""
        client = self._connected()
        try:
            future = client.submit(
                do_order, order, key=token, workers=[worker], pure=False, retries=0
            )
            self._futures[token] = future
            future.add_done_callback(self._on_done)
        except (OSError, RuntimeError, ClosedClientError) as cause:
            raise ClusterUnreachable() from cause

    def _on_done(self, future: Future) -> None:
        """Report the end of a task; runs in a thread of Dask's."""
        token = str(future.key)
        if token not in self._futures:
            return
        try:
            self._report(TaskEnded(token, "answered", future.result(timeout=ANSWER_WITHIN_S)))
        except KilledWorker:
            self._report(TaskEnded(token, "crashed"))
        except (CancelledError, OSError, TimeoutError):
            self._report(TaskEnded(token, "lost"))
        except Exception:
            _log.exception("task %s failed outside of the job's own code", token)
            self._report(TaskEnded(token, "crashed"))

    def _report(self, ended: TaskEnded) -> None:
        if self._futures.pop(ended.token, None) is not None:
            self._ended.put(ended)

    def forget(self, token: str) -> None:
        """Lose interest in a task."""
        future = self._futures.pop(token, None)
        if future is not None and self._client is not None:
            future.release()

    def restart(self, worker: str) -> None:
        """End a worker's process and start another."""
        self._restarting.add(worker)
        self._background.submit(self._restart, worker)

    def _restart(self, worker: str) -> None:
        """Let the worker's nanny kill it; it starts another one by itself.

        Dask's own way asks the worker politely first and waits for it, which takes seconds and
        always ends the same with foreign code that never returns.
        """

        def kill(dask_worker: Any) -> None:  # noqa: ANN401  # travels by value: no import
            import os  # there, not here
            import signal

            os.kill(dask_worker.pid, signal.SIGKILL)

        try:
            answers = self._ask(
                self._connected()._run, kill, workers=[worker], nanny=True, on_error="return"
            )
            failed = [answer for answer in answers.values() if answer is not None]
            if failed or not answers:
                _log.error("worker %s cannot be restarted: %r", worker, failed)
        except ClusterUnreachable:
            _log.warning("worker %s could not be restarted", worker, exc_info=True)
        finally:
            self._restarting.discard(worker)

    def close(self) -> None:
        """End workers of this machine, leave those of another."""
        self._futures.clear()
        client, local = self._client, self._local
        self._client = self._local = None
        if client is not None:
            self._close(client)
        if local is not None:
            # At once: what they were doing was given back already.
            for nanny in list(local.workers.values()):
                nanny.close_gracefully()  # so that it starts no other
                if nanny.pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(nanny.pid, signal.SIGKILL)
            self._close(local)

    def _close(self, part: Client | LocalCluster) -> None:
        try:
            part.close(timeout=CLOSE_WITHIN_S)
        except (OSError, TimeoutError):
            _log.warning("the cluster did not close in time", exc_info=True)

    def _connected(self) -> Client:
        if self._client is None or self._client.status not in ("running", Status.running):
            raise ClusterUnreachable()
        return self._client

    def _ask(self, method: Callable[..., Any], *values: object, **options: object) -> Any:  # noqa: ANN401
        """Call a coroutine of Dask's and wait for a few seconds at most."""
        try:
            return self._connected().sync(
                method, *values, callback_timeout=ANSWER_WITHIN_S, **options
            )
        except (OSError, TimeoutError, CancelledError) as cause:
            raise ClusterUnreachable() from cause
