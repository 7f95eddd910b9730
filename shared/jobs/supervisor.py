"""The one process that works on the jobs: takes the lease, does its rounds, ends cleanly."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty, SimpleQueue

from shared.errors import (
    ClusterUnreachable,
    DatabaseBusy,
    DatabaseUnreachable,
    StorageFull,
    UrbanKiError,
    new_reference,
)
from shared.jobs.cluster import Cluster, TaskEnded
from shared.jobs.fleet import Fleet
from shared.jobs.lease import Lease, LeaseLost
from shared.jobs.queue import Queue
from shared.jobs.results import Inconsistent
from shared.jobs.rounds import Rounds
from shared.settings import Settings
from shared.store.schema import prepare_database
from shared.store.store import Store

POLL_S = 0.3
IDLE_POLL_S = 0.5
STANDBY_POLL_S = 1.0
DRAIN_S = 5.0
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0)
"""Pauses while the database does not answer."""
AWAY = (DatabaseUnreachable, DatabaseBusy, StorageFull)
_log = logging.getLogger(__name__)


def prepare(settings: Settings, stop: threading.Event) -> bool:
    """Make the database ready; waits for one that does not answer, False when told to stop.

    Args:
        settings: The database.
        stop: Set to end.

    Raises:
        SchemaDiffers: The tables belong to another version of the program.
    """
    failures = 0
    while not stop.is_set():
        try:
            prepare_database(settings)
            return True
        except AWAY as error:
            pause(error, failures, stop)
            failures += 1
    return False


def pause(error: UrbanKiError, failures: int, stop: threading.Event) -> None:
    """Wait because the database is away; the first of several failures goes into the log.

    Args:
        error: What happened.
        failures: How often it has happened already.
        stop: Ends the pause early.
    """
    if failures == 0:
        _log.error("%s %s", error, error.remedy)
    stop.wait(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])


class Supervisor:
    """Works on the jobs of a database as long as it holds the lease.

    Args:
        store: Database and files.
        lease: The right to work.
        cluster: Where tasks run.
        ended: Filled by the cluster.
        clock: Monotonic seconds.
        moment: The time for people.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        cluster: Cluster,
        ended: SimpleQueue[TaskEnded],
        *,
        clock: Callable[[], float] = time.monotonic,
        moment: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lease = lease
        self._ended = ended
        self._clock = clock
        self._fleet = Fleet(cluster, clock)
        self._rounds = Rounds(Queue(store, lease, moment), self._fleet, clock)
        self._failures = 0

    def run(self, stop: threading.Event) -> None:
        """Work until somebody asks to stop; a lease that is lost is waited for again.

        Args:
            stop: Set to end.
        """
        try:
            while not stop.is_set():
                if self._is_in_charge(stop):
                    self._work(stop)
        finally:
            self._rounds.close()
            self._fleet.close()

    def _is_in_charge(self, stop: threading.Event) -> bool:
        try:
            if self._lease.try_take():
                return True
        except AWAY as error:
            self._pause(error, stop)
            return False
        stop.wait(STANDBY_POLL_S)
        return False

    def _work(self, stop: threading.Event) -> None:
        self._rounds.doubt()
        try:
            while not stop.is_set():
                self._look_at_fleet()
                self._do_round(stop)
                self._collect(POLL_S if self._rounds.has_runs else IDLE_POLL_S)
            self._drain()
        except LeaseLost:
            _log.warning("another supervisor works now")
            self._rounds.let_go()

    def _look_at_fleet(self) -> None:
        try:
            self._fleet.look()
        except ClusterUnreachable:
            self._rounds.lose_cluster()

    def _do_round(self, stop: threading.Event) -> None:
        self._collect(0)  # whatever came during a pause, so that nothing done counts as late
        try:
            self._rounds.do()
            self._failures = 0
        except AWAY as error:
            self._rounds.doubt()
            self._pause(error, stop)
        except Inconsistent:
            self._rounds.doubt()
        except LeaseLost:
            raise
        except Exception:
            # One order that nobody foresaw must not keep all others from being worked on.
            _log.exception("%s a round failed", new_reference())
            self._rounds.doubt()
            self._pause(UrbanKiError(), stop)

    def _pause(self, error: UrbanKiError, stop: threading.Event) -> None:
        pause(error, self._failures, stop)
        self._failures += 1

    def _collect(self, wait_s: float) -> None:
        """Take what has ended; wait for the first of it."""
        try:
            self._rounds.take(self._ended.get(timeout=wait_s))
            while True:
                self._rounds.take(self._ended.get_nowait())
        except Empty:
            return

    def _drain(self) -> None:
        """Wait a little for what is nearly done, give the rest back, and let the next one work."""
        until = self._clock() + DRAIN_S
        while not self._rounds.is_idle and self._clock() < until:
            self._collect(min(POLL_S, max(0.0, until - self._clock())))
        try:
            self._rounds.wind_up()
            self._lease.release()
        except (*AWAY, Inconsistent) as error:
            # Whoever comes next finds the units that are handed out and queues them again.
            _log.warning("ended without a last word: %r", error)
