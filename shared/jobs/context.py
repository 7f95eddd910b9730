"""What the three functions of a job work with inside a worker."""

from __future__ import annotations

from collections import Counter, OrderedDict
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from shared.clients.model_server import ModelServerClient
from shared.clients.own_tokens import own_tokens
from shared.contracts.jobs import JsonObject, StoredFile
from shared.jobs.messages import Order
from shared.settings import Settings
from shared.store.file_store import FileStore

SERVICE_SUBJECT = "jobs"
_MOST_CLIENTS = 8


class ModelClients:
    """One client of the model server for each municipality, made when a job asks for it.

    Args:
        settings: Where the server listens and the keys of this installation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: OrderedDict[str, ModelServerClient] = OrderedDict()
        self._lock = Lock()

    def of(self, tenant: str) -> ModelServerClient:
        """Return the client that acts for a municipality.

        Args:
            tenant: Its id.
        """
        with self._lock:
            client = self._clients.get(tenant)
            if client is None:
                token = own_tokens(
                    self._settings, role="service", subject=SERVICE_SUBJECT, tenant=tenant
                )
                client = self._clients[tenant] = ModelServerClient(self._settings, token)
            self._clients.move_to_end(tenant)
            if len(self._clients) > _MOST_CLIENTS:
                # Not closed: a neighbouring thread may still be using it.
                self._clients.popitem(last=False)
            return client


class WorkerContext:
    """The context of one order.

    Args:
        order: What is to be done.
        files: Files of the installation.
        clients: Clients of the model server.
    """

    def __init__(self, order: Order, files: FileStore, clients: ModelClients) -> None:
        self._order = order
        self._files = files
        self._clients = clients
        self._models: ModelServerClient | None = None
        self._calls: Counter[str] = Counter()
        self._lock = Lock()

    @property
    def inputs(self) -> tuple[StoredFile, ...]:
        """Files that the run reads."""
        return self._order.inputs

    @property
    def parameters(self) -> JsonObject:
        """What a person chose."""
        return self._order.parameters

    @property
    def is_example(self) -> bool:
        """True when the input is synthetic example data."""
        return self._order.is_example

    @property
    def models(self) -> ModelServerClient:
        """Client of the model server; its answered calls are counted."""
        with self._lock:
            if self._models is None:
                self._models = self._clients.of(self._order.tenant).counted(self._count)
            return self._models

    def take_calls(self) -> dict[str, int]:
        """Return the answered calls of the model server by task since the last look."""
        with self._lock:
            taken, self._calls = self._calls, Counter()
        return dict(taken)

    def _count(self, task: str) -> None:
        with self._lock:
            self._calls[task] += 1

    def input_path(self, index: int = 0) -> Path:
        """Return where an input lies on this machine."""
        return self._path_of(self._order.inputs[index])

    def outcomes_path(self) -> Path:
        """Return where the file with the outcomes of all units lies on this machine.

        Raises:
            ValueError: The order brings none.
        """
        if self._order.outcomes is None:
            raise ValueError("this order brings no outcomes")
        return self._path_of(self._order.outcomes)

    def read(self, file: StoredFile) -> bytes:
        """Return a file that a unit wrote."""
        return self._files.read(self._order.tenant, file.sha256, file.name)

    def write(self, name: str, content: bytes | BinaryIO, media_type: str) -> StoredFile:
        """Keep a file of a unit or of the result."""
        return self._files.write(self._order.tenant, content, name=name, media_type=media_type)

    def _path_of(self, file: StoredFile) -> Path:
        return self._files.local_path(self._order.tenant, file.sha256, file.name)
