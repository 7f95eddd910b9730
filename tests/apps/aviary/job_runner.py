"""The jobs of a store, worked off inside this process with a double of the model server."""

from __future__ import annotations

from shared.jobs import worker
from shared.store.store import Store
from tests.jobs import in_process


class OneClient:
    """Gives the same client to every municipality."""

    def __init__(self, client: object) -> None:
        self._client = client

    def of(self, tenant: str) -> object:
        return self._client


def work_off(store: Store, client: object, monkeypatch, until=None) -> None:
    """Work on the jobs until none is left, or until something is so.

    Args:
        store: Their database and files.
        client: Stands for the model server.
        monkeypatch: Puts it into the worker.
        until: Says whether to end now.
    """
    worker._files.cache_clear()
    monkeypatch.setattr(worker, "_clients", lambda: OneClient(client))
    in_process.work_off(store, until)
