"""The workers that can be used: found again when they were away, checked before their first use."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from shared.errors import ClusterUnreachable, UrbanKiError, VersionsDiffer
from shared.jobs.board import Task
from shared.jobs.cluster import Cluster
from shared.jobs.worker import versions

LOOK_EVERY_S = 5.0
LOOK_AGAIN_S = 0.5
"""How often the workers are counted: usually, and while some are missing."""
RECONNECT_S = (1.0, 5.0, 10.0)
MOST_SILENT_LOOKS = 3
WITHOUT_WORKERS_S = 15.0
HURRY_S = 30.0
LOST_S = 12.0
"""Longer than twice the pause between two looks."""
_log = logging.getLogger(__name__)


class Fleet:
    """Keeps in touch with a cluster.

    Args:
        cluster: Where tasks run.
        clock: Monotonic seconds.
    """

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self.cluster = cluster
        self.trouble: UrbanKiError | None = None
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cluster")
        self._is_closing = threading.Event()
        self._connecting: Future[None] | None = None
        self._is_connected = False
        self._tries = 0
        self._places: dict[str, int] = {}
        self._refused: dict[str, UrbanKiError] = {}
        self._last_seen: dict[str, float] = {}
        self._silent_looks = 0
        self._look_at = self._hurry_until = float("-inf")
        self._seen_at = clock()

    @property
    def size(self) -> int:
        """Number of tasks that can run at the same time."""
        return sum(self._places.values())

    def look(self) -> None:
        """Connect where that is needed, and count the workers now and then.

        Raises:
            ClusterUnreachable: A cluster that was there is away now.
        """
        if not self._is_connected:
            self._connect()
        now = self._clock()
        if not self._is_connected or now < self._look_at:
            return
        found = self._count()
        if found is None:
            return
        # Whoever is forgotten here counts as lost just the same: each new worker has a new name.
        seen = {name: at for name, at in self._last_seen.items() if now - at < LOST_S}
        self._last_seen = seen | dict.fromkeys(found, now)
        self._places = {name: found[name] for name in self._places if name in found}
        self._refused = {name: self._refused[name] for name in self._refused if name in found}
        self._use_new(found)
        hurry = not self._places or now < self._hurry_until
        self._look_at = now + (LOOK_AGAIN_S if hurry else LOOK_EVERY_S)
        if self._places:
            self._seen_at = now
        self.trouble = self._trouble_now(now)

    def _connect(self) -> None:
        """Connect in a thread: starting workers takes seconds, and rounds must go on meanwhile."""
        if self._connecting is None:
            pause_s = RECONNECT_S[min(self._tries, len(RECONNECT_S)) - 1] if self._tries else 0.0
            self._connecting = self._thread.submit(self._connect_after, pause_s)
        try:
            self._connecting.result(timeout=0)
        except TimeoutError:
            return
        except ClusterUnreachable as error:
            self._report(error)
            self._tries += 1
            self._connecting = None
            return
        self._connecting = None
        self._is_connected, self._tries, self._silent_looks = True, 0, 0
        self._look_at, self._seen_at = float("-inf"), self._clock()

    def _connect_after(self, pause_s: float) -> None:
        if self._is_closing.wait(pause_s):
            raise ClusterUnreachable()
        self.cluster.connect()

    def _count(self) -> Mapping[str, int] | None:
        """Return the workers; None when nobody answers, which a busy machine may do now and then.

        Raises:
            ClusterUnreachable: Nobody has answered several times.
        """
        try:
            found = self.cluster.places()
        except ClusterUnreachable:
            self._silent_looks += 1
            self._look_at = self._clock() + LOOK_AGAIN_S
            if self._silent_looks >= MOST_SILENT_LOOKS:
                raise
            return None
        self._silent_looks = 0
        return found

    def _use_new(self, found: Mapping[str, int]) -> None:
        for worker in found.keys() - self._places.keys() - self._refused.keys():
            answer = self._versions_of(worker)
            if answer is None:  # on its way out, or not quite there yet
                self._hurry()
                continue
            error = _difference(answer)
            if error is None:
                self._places[worker] = found[worker]
            else:
                _log.error("%s: %s %s", worker, error, error.remedy)
                self._refused[worker] = error

    def _versions_of(self, worker: str) -> Mapping[str, str] | None:
        try:
            return self.cluster.versions_of(worker)
        except ClusterUnreachable:
            return None

    def _trouble_now(self, now: float) -> UrbanKiError | None:
        if self._places:
            return None
        if self._refused:
            return next(iter(self._refused.values()))
        return ClusterUnreachable() if now - self._seen_at >= WITHOUT_WORKERS_S else self.trouble

    def _report(self, error: UrbanKiError) -> None:
        if self.trouble is None:
            _log.error("%s %s", error, error.remedy)
        self.trouble = error

    def lose(self, error: UrbanKiError | None = None) -> None:
        """Give a cluster up, with its workers on this machine; `look` tries to find it again.

        Args:
            error: What is wrong with it; None when it was only let go.
        """
        if error is not None:
            self._report(error)
        self._is_connected, self._places, self._connecting = False, {}, None
        self._refused.clear()
        self._last_seen.clear()
        self._thread.submit(self.cluster.close)

    def close(self) -> None:
        """End the workers of this machine, leave those of another."""
        self._is_closing.set()
        self._thread.submit(self.cluster.close).result()
        self._thread.shutdown()

    def free_places(self, tasks: Iterable[Task]) -> list[str]:
        """Return a worker for each further task that can be begun now.

        Args:
            tasks: Tasks in flight.
        """
        used = Counter(task.worker for task in tasks)
        free: list[str] = []
        for name, count in self._places.items():
            free.extend([name] * max(0, count - used[name]))
        return free

    def drop(self, worker: str) -> None:
        """Use a worker no more: it is gone or about to be restarted."""
        self._places.pop(worker, None)
        self._look_at = float("-inf")
        self._hurry()

    def _hurry(self) -> None:
        """Look often for a while: a worker is being replaced."""
        self._hurry_until = self._clock() + HURRY_S

    def is_lost(self, worker: str) -> bool:
        """Say whether a worker went away without a word, so that its task never ends.

        Args:
            worker: A worker that was used.
        """
        is_used = worker in self._places or not self._is_connected
        return not is_used and self._clock() - self._last_seen.get(worker, 0.0) >= LOST_S

    def details(self) -> Mapping[str, object]:
        """Return what pages read about the workers."""
        return {
            "workers": self.size,
            "cluster": self.cluster.kind,
            "message_code": None if self.trouble is None else self.trouble.code,
        }


def _difference(found: Mapping[str, str]) -> VersionsDiffer | None:
    for name, expected in versions().items():
        if found.get(name) != expected:
            return VersionsDiffer(name=name, found=found.get(name) or "?", expected=expected)
    return None
