"""How a worker ends and renews itself without losing a request.

SIGTERM: the worker says that it is not ready, answers what it has in hand and then ends. SIGHUP, or
`POST /models/reload`: it reads the catalogue again. A worker that grew too large ends like after
SIGTERM, and the supervisor starts a new one.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import psutil

from model_server.start import is_worker

DRAIN_S = 30.0
_POLL_S = 0.1
_SPARE_S = 5.0
_log = logging.getLogger(__name__)


class Duty:
    """What a worker still takes on and has in hand; the guard keeps the count."""

    def __init__(self) -> None:
        self.running = 0
        self.is_ending = False


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


def reload_on_hangup(reload: Callable[[], object]) -> None:
    """Call a function in a thread of its own whenever SIGHUP comes; main thread only."""

    def begin(number: int, frame: FrameType | None) -> None:
        del number, frame
        threading.Thread(target=reload, name="reload", daemon=True).start()

    signal.signal(signal.SIGHUP, begin)


def pass_on_hangup() -> None:
    """Let the supervisor pass SIGHUP on to its workers instead of replacing them all."""
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
    """Ask this worker to end when its memory has grown beyond the limit.

    Args:
        limit_bytes: Resident memory; 0 means no limit.
        duty: The worker's duty.
    """
    if not limit_bytes or duty.is_ending:
        return
    resident = psutil.Process().memory_info().rss
    if resident > limit_bytes:
        _log.warning("%d MiB are more than allowed, ending", resident >> 20)
        os.kill(os.getpid(), signal.SIGTERM)
