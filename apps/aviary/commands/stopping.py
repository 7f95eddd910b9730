"""Stopping a command: at once, whatever the model server or a library is busy with."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    import psutil

Made = TypeVar("Made")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STDERR = 2
UNWRITTEN = 120
"""Exit code of a command whose output nobody could take, as Python itself gives it."""


def stoppable(work: Callable[[], Made]) -> Made:
    """Do something while this thread stays free to be interrupted.

    Python hears a signal only in its main thread, and only between two steps of it. Work that
    waits for an answer or computes in a library is done in a thread of its own, which is left
    behind when the person stops the command; see `leave`.

    Args:
        work: What is done; what it raises is raised here.

    Raises:
        KeyboardInterrupt: The person stopped the command; the work may go on for a while.
    """
    done: Future[Made] = Future()
    context = copy_context()

    def do() -> None:
        try:
            done.set_result(context.run(work))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=do, name="work", daemon=True).start()
    return done.result()


@contextlib.contextmanager
def leaving_on_signals(line: str, code: int) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the process at once, while nothing has begun that must be tidied.

    KeyboardInterrupt would come out in the middle of an import, where a library may swallow it.

    Args:
        line: What is written on stderr then.
        code: Exit code of the process.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        with contextlib.suppress(OSError):
            os.write(STDERR, line.encode())
        os._exit(code)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt once, after ending what was started inside."""
    import psutil  # takes a third of what loads before `leaving_on_signals` listens

    of_others = set(psutil.Process().children())

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)  # a second one must not disturb the tidying up
        _end_children_but(of_others)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_children_but(of_others: set[psutil.Process]) -> None:
    """End them at once: a model server would first finish answers nobody waits for."""
    import psutil

    for child in set(psutil.Process().children()) - of_others:
        with contextlib.suppress(psutil.NoSuchProcess):
            for member in (*child.children(recursive=True), child):
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off SIGINT and SIGTERM until a few short steps that belong together are done.

    A thread beside the main one hears no signals and needs no protection.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = {
        number: signal.signal(number, lambda told, _: heard.append(told)) for number in SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Keep temporary files in one folder that is removed even where a thread was left behind."""
    before = tempfile.tempdir
    folder = tempfile.mkdtemp(prefix="urbanki-aviary-")
    tempfile.tempdir = folder
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def leave(code: int) -> NoReturn:
    """End the process with an exit code, at once.

    Threads that were left behind do not hold it up, and no library is taken apart object by
    object, which costs as much as a fifth of a command whose result was kept.

    Args:
        code: The exit code.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or UNWRITTEN
    logging.shutdown()
    os._exit(code)
