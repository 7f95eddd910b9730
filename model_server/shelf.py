"""Models in memory: loaded when first needed; the least recently used leaves when room is short."""

from __future__ import annotations

import ctypes
import itertools
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import psutil

from model_server.batching import Steps
from model_server.card import Card
from model_server.catalog import ServableModel
from model_server.items import Found, Item
from model_server.metrics import METRICS

TIDY_EVERY_S = 10.0
_MEBI = 2**20
_log = logging.getLogger(__name__)


class RuntimeName(Protocol):
    """Engine and device of a loaded model."""

    @property
    def name(self) -> str:
        """Engine."""

    @property
    def device(self) -> str:
        """Device."""


class TaskModel(Steps[Item, Any, Any, Any, Found], Protocol):
    """A loaded model: the steps of its batches and what it runs on."""

    card: Card

    @property
    def runtime(self) -> RuntimeName:
        """Engine and device."""

    def warm_up(self) -> None:
        """Run one smallest batch."""


Opener = Callable[[ServableModel, int], TaskModel]
Open = Callable[[ServableModel], TaskModel]


@dataclass(slots=True)
class _Loaded:
    model: TaskModel
    servable: ServableModel
    used: int


class Shelf:
    """Keeps loaded models within a budget of memory.

    A model counts with the memory that its card states. One model always fits, however large, and
    none leaves while a batch runs that uses it.

    Args:
        opener: Loads a model.
        threads: Threads of each model's engine.
        budget_bytes: Memory that all models may take together.
    """

    def __init__(self, opener: Opener, threads: int, budget_bytes: int) -> None:
        self._opener = opener
        self._threads = threads
        self._budget_bytes = budget_bytes
        self._loaded: dict[str, _Loaded] = {}
        self._broken: set[str] = set()
        self._stale: set[str] = set()
        self._pins: Counter[str] = Counter()
        self._uses = itertools.count()
        self._lock = threading.RLock()

    def find(self, model: ServableModel) -> TaskModel | None:
        """Return a model if it is loaded."""
        loaded = self._loaded.get(model.fingerprint)
        return None if loaded is None else loaded.model

    def is_broken(self, model: ServableModel) -> bool:
        """Say whether loading failed; the catalogue must be read again before the next try."""
        return model.fingerprint in self._broken

    def open(self, model: ServableModel) -> TaskModel:
        """Return a loaded model; load it and let it answer once if needed.

        Raises:
            MemoryError: There is no room now; there may be later.
            Exception: Whatever the engine says; the model counts as broken from then on.
        """
        with self._lock:
            loaded = self._loaded.get(model.fingerprint)
            if loaded is None:
                self._make_room(model.memory_bytes)
                loaded = self.put(model, self._load(model))
            loaded.used = next(self._uses)
            return loaded.model

    def put(self, model: ServableModel, opened: TaskModel) -> _Loaded:
        """Put a loaded model onto the shelf."""
        loaded = self._loaded[model.fingerprint] = _Loaded(opened, model, next(self._uses))
        METRICS.loaded.labels(*model.key, opened.runtime.name).set(1)
        return loaded

    @contextmanager
    def batch(self) -> Iterator[Open]:
        """Give a way to open models that stay loaded until the batch ends."""
        pinned: list[str] = []

        def open_pinned(model: ServableModel) -> TaskModel:
            with self._lock:
                opened = self.open(model)
                pinned.append(model.fingerprint)
                self._pins[model.fingerprint] += 1
                return opened

        try:
            yield open_pinned
        finally:
            with self._lock:
                # Unlike `subtract` this keeps no zeros, of which every reload would leave some.
                self._pins -= Counter(pinned)
                self._drop_stale()
                self._make_room(0)

    def keep_only(self, models: Iterable[ServableModel]) -> None:
        """Drop what is in no catalogue any more, and try again what was broken."""
        with self._lock:
            self._broken.clear()
            self._stale = set(self._loaded) - {model.fingerprint for model in models}
            self._drop_stale()

    def _drop_stale(self) -> None:
        for fingerprint in [key for key in self._stale if not self._pins[key]]:
            self._drop(fingerprint)

    def _load(self, model: ServableModel) -> TaskModel:
        before = psutil.Process().memory_info().rss
        try:
            opened = self._opener(model, self._threads)
            opened.warm_up()
        except MemoryError:
            raise
        except Exception:
            self._broken.add(model.fingerprint)
            raise
        grown = max(0, psutil.Process().memory_info().rss - before)
        METRICS.memory.labels(*model.key).set(grown)
        _log.info("loaded %s %s, %d MiB more", *model.key, grown // _MEBI)
        return opened

    def _make_room(self, needed_bytes: int) -> None:
        idle = sorted(
            (key for key in self._loaded if not self._pins[key]),
            key=lambda key: self._loaded[key].used,
        )
        while idle and self._taken() + needed_bytes > self._budget_bytes:
            if not needed_bytes and len(self._loaded) == 1:
                return
            self._drop(idle.pop(0))

    def _taken(self) -> int:
        return sum(loaded.servable.memory_bytes for loaded in self._loaded.values())

    def _drop(self, fingerprint: str) -> None:
        self._stale.discard(fingerprint)
        loaded = self._loaded.pop(fingerprint)
        METRICS.loaded.labels(*loaded.servable.key, loaded.model.runtime.name).set(0)
        METRICS.memory.labels(*loaded.servable.key).set(0)
        _log.info("dropped %s %s", *loaded.servable.key)
        del loaded
        give_memory_back()


def give_memory_back() -> None:
    """Hand freed memory to the system; the C library would keep it for later."""
    ctypes.CDLL(None).malloc_trim(0)


class Tidy:
    """Hands freed memory back to the system now and then.

    Between images of many sizes the C library keeps holes that nothing fits into, and a worker
    seems to grow for ever.

    Args:
        every_s: Least seconds between two times.
        give_back: Does it.
    """

    def __init__(
        self, every_s: float = TIDY_EVERY_S, give_back: Callable[[], None] = give_memory_back
    ) -> None:
        self._every_s = every_s
        self._give_back = give_back
        self._last_s = -math.inf

    def after_batch(self, now_s: float) -> None:
        """Tidy up if the last time is long enough ago.

        Args:
            now_s: Monotonic seconds.
        """
        if now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            self._give_back()
