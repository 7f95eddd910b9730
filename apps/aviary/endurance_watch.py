"""Watches how much memory processes hold, by kind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import psutil

LOOK_S = 0.2
MEBIBYTE = 2**20

Family = Callable[[], Mapping[str, Sequence[psutil.Process]]]


class Watch:
    """Looks at processes five times a second as long as its `with` block lasts.

    Args:
        family: Names the processes that live now, by their kind.
    """

    def __init__(self, family: Family) -> None:
        self._family = family
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)
        self.peak_mb: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            for kind, processes in self._family().items():
                held = max((_resident_mb(one) for one in processes), default=0)
                self.peak_mb[kind] = max(held, self.peak_mb.get(kind, 0))


def _resident_mb(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss // MEBIBYTE)
    except psutil.NoSuchProcess:
        return 0
