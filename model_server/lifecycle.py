"""How a worker ends and renews itself without losing a request.

SIGTERM: the worker says that it is not ready, answers what it has in hand and then ends. SIGHUP, or
`POST /models/reload`: it reads the catalogue again. A worker that grew too large ends like after
SIGTERM, and one that is stuck in a batch ends at once; the supervisor starts a new one.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import psutil

from model_server.start import is_worker

DRAIN_S = 30.0
LEAST_LIFE_S = 300.0
"""A worker that is too large from the start must not spend its time with being replaced."""
STUCK = 70
"""Exit code of a worker that gave itself up: EX_SOFTWARE of sysexits.h."""
_POLL_S = 0.1
_MOST_POLL_S = 5.0
_SPARE_S = 5.0
_log = logging.getLogger(__name__)


class Duty:
    """What a worker still takes on and has in hand; the guard keeps the count.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.running = 0
        self.is_ending = False
        self.is_said_to_be_large = False
        self._clock = clock
        self._began = clock()
        self._batch_began: float | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the worker began."""
        return self._clock() - self._began

    @property
    def batch_s(self) -> float:
        """Seconds since the batch began that runs now; 0 when none does."""
        began = self._batch_began
        return 0.0 if began is None else self._clock() - began

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Mark the time of one batch; a worker runs one at a time."""
        self._batch_began = self._clock()
        try:
            yield
        finally:
            self._batch_began = None


DUTY = Duty()


def end_gently(duty: Duty, drain_s: float = DRAIN_S) -> None:
    """Let SIGTERM take effect only after everything in hand was answered.

    Must be called in the main thread, after the web server has put up its own handler.

    Args:
        duty: The worker's duty.
        drain_s: Most seconds until the web server's own handler is called.
    """
    end_now: Any = signal.getsignal(signal.SIGTERM)

    def finish() -> None:
        until = time.monotonic() + drain_s
        while duty.running and time.monotonic() < until:
            time.sleep(_POLL_S)
        end_now(signal.SIGTERM, None)

    def begin(number: int, frame: FrameType | None) -> None:
        del number, frame
        if not duty.is_ending:
            duty.is_ending = True
            threading.Thread(target=finish, name="drain", daemon=True).start()

    signal.signal(signal.SIGTERM, begin)


def end_when_stuck(
    duty: Duty, limit_s: float, end: Callable[[int], object] = os._exit
) -> threading.Thread:
    """End this worker at once when a batch never ends.

    Weights may hold an endless loop, and no thread can be ended from outside: everybody would wait
    in vain for the worker from then on, while it says that it is ready.

    Args:
        duty: The worker's duty.
        limit_s: Seconds after which nobody waits for a batch any more.
        end: Ends the process with an exit code.

    Returns:
        The thread that watches.
    """

    def watch() -> None:
        while duty.batch_s <= limit_s:
            time.sleep(min(limit_s / 4, _MOST_POLL_S))
        _log.error("a batch runs for more than %d s, ending", limit_s)
        end(STUCK)

    watching = threading.Thread(target=watch, name="stuck-watch", daemon=True)
    watching.start()
    return watching


def ignore_hangup() -> None:
    """Let SIGHUP do nothing while a process starts; it would end it, and nothing is read yet."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def reload_on_hangup(reload: Callable[[], object]) -> None:
    """Call a function in a thread of its own when SIGHUP comes; must be called in the main thread.

    Signals that come while it runs lead to one more call, however many they are.

    Args:
        reload: Reads everything again.
    """
    # Of all means to wake a thread, this one alone may interrupt itself.
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def work() -> None:
        while True:
            asked.get()
            while not asked.empty():
                asked.get()
            try:
                reload()
            except Exception:
                _log.exception("the models could not be read again")

    threading.Thread(target=work, name="reload", daemon=True).start()
    signal.signal(signal.SIGHUP, lambda number, _: asked.put(number))


def pass_on_hangup() -> None:
    """Let the supervisor pass SIGHUP on to its workers instead of replacing them all."""
    ignore_hangup()
    from circus.sighandler import SysHandler

    SysHandler.handle_hup = lambda _: tell_workers(psutil.Process())


def tell_workers(supervisor: psutil.Process) -> None:
    """Send SIGHUP to the workers of a supervisor, this process excepted."""
    for child in supervisor.children():
        with contextlib.suppress(psutil.Error):
            if child.pid != os.getpid() and is_worker(child.cmdline()):
                child.send_signal(signal.SIGHUP)


def wait_for_workers(drain_s: float = DRAIN_S) -> None:
    """Let the supervisor wait longer for its workers than they may take to finish.

    Args:
        drain_s: Seconds that a worker may take.
    """
    from circus.arbiter import Arbiter

    start = Arbiter.__init__

    @functools.wraps(start)
    def start_patiently(self: object, watchers: Any, *given: object, **more: object) -> None:  # noqa: ANN401
        for watcher in watchers:
            watcher.graceful_timeout = drain_s + _SPARE_S
        start(self, watchers, *given, **more)

    Arbiter.__init__ = start_patiently


def end_when_too_large(limit_bytes: int, duty: Duty) -> None:
    """Ask this worker to end when its memory has grown beyond the limit, but not in its first time.

    Args:
        limit_bytes: Resident memory; 0 means no limit.
        duty: The worker's duty.
    """
    if not limit_bytes or duty.is_ending:
        return
    resident = psutil.Process().memory_info().rss
    if resident <= limit_bytes:
        return
    if duty.age_s >= LEAST_LIFE_S:
        _log.warning("%d MiB are more than allowed, ending", resident >> 20)
        os.kill(os.getpid(), signal.SIGTERM)
    elif not duty.is_said_to_be_large:
        duty.is_said_to_be_large = True
        _log.error("%d MiB so soon are more than allowed; the limit is too low", resident >> 20)
