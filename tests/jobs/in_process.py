"""A job runner in this process: the real supervisor, whose only worker is a plain call."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue

from sqlalchemy import select

from shared.jobs import worker
from shared.jobs.cluster import TaskEnded
from shared.jobs.lease import Lease, Owner
from shared.jobs.supervisor import Supervisor
from shared.store.engine import read_scope
from shared.store.models import RunRow
from shared.store.run_views import ACTIVE

DONE_WITHIN_S = 60


class HereCluster:
    """Does each task at once, where it is handed out."""

    kind = "hier"

    def __init__(self, ended):
        self._ended = ended

    def connect(self):
        pass

    def places(self):
        return {"hier": 1}

    def versions_of(self, name):
        return worker.versions()

    def submit(self, token, name, order):
        self._ended.put(TaskEnded(token, "answered", worker.do_order(order)))

    def forget(self, token):
        pass

    def restart(self, name):
        pass

    def close(self):
        pass


def forget_worker():
    """Let the next order read its settings anew."""
    worker._files.cache_clear()
    worker._clients.cache_clear()


def work_off(store, until=None):
    """Work on the jobs of a store until none is active, or until something is so."""
    ended, stop = SimpleQueue(), threading.Event()
    supervisor = Supervisor(
        store, Lease(store.engine, Owner.this_process()), HereCluster(ended), ended
    )
    thread = threading.Thread(target=supervisor.run, args=(stop,), daemon=True)
    thread.start()
    limit = time.monotonic() + DONE_WITHIN_S
    try:
        while not (until or (lambda: not active(store)))():
            if time.monotonic() > limit:
                raise TimeoutError("the jobs were not done in time")
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join(DONE_WITHIN_S)


def active(store):
    """Return ids of the runs that may still bring results."""
    with read_scope(store.engine) as session:
        return list(session.scalars(select(RunRow.id).where(RunRow.state.in_(ACTIVE))))
