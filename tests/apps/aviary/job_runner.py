"""The real supervisor with one worker inside this process, for doubles of the model server."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue

from shared.jobs import worker
from shared.jobs.cluster import TaskEnded
from shared.jobs.lease import Lease, Owner
from shared.jobs.supervisor import Supervisor
from shared.jobs.worker import do_order, versions
from shared.store.engine import read_scope
from shared.store.models import RunRow
from shared.store.run_views import ACTIVE
from shared.store.store import Store

WITHIN_S = 60


class InProcessCluster:
    """Does each task at once."""

    kind = "lokal"

    def __init__(self, ended: SimpleQueue[TaskEnded]) -> None:
        self._ended = ended

    def connect(self) -> None:
        pass

    def places(self) -> Mapping[str, int]:
        return {"hier": 1}

    def versions_of(self, name: str) -> Mapping[str, str] | None:
        return versions()

    def submit(self, token: str, name: str, order: str) -> None:
        self._ended.put(TaskEnded(token, "answered", do_order(order)))

    def forget(self, token: str) -> None:
        pass

    def restart(self, name: str) -> None:
        pass

    def close(self) -> None:
        pass


class OneClient:
    """Gives the same client to every municipality."""

    def __init__(self, client: object) -> None:
        self._client = client

    def of(self, tenant: str) -> object:
        return self._client


def work_off(store: Store, client: object, monkeypatch) -> None:
    """Work on the jobs until none is left.

    Args:
        store: Their database and files.
        client: Stands for the model server.
        monkeypatch: Puts it into the worker.
    """
    worker._files.cache_clear()
    monkeypatch.setattr(worker, "_clients", lambda: OneClient(client))
    ended: SimpleQueue[TaskEnded] = SimpleQueue()
    stop = threading.Event()
    lease = Lease(store.engine, Owner.this_process())
    supervisor = Supervisor(store, lease, InProcessCluster(ended), ended)
    thread = threading.Thread(target=supervisor.run, args=(stop,))
    thread.start()
    try:
        until = time.monotonic() + WITHIN_S
        while _active(store) and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        stop.set()
        thread.join()
    assert not _active(store), "the jobs were not done in time"


def _active(store: Store) -> int:
    with read_scope(store.engine) as session:
        return session.query(RunRow).filter(RunRow.state.in_(ACTIVE)).count()
