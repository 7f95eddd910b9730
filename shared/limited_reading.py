"""Open files of strangers outside the gallery's process, with bounds on memory and time.

`read_limited` calls a function of ours on the bytes of a file, in a process that is made for this
one file and then ends. Whatever a damaged or hostile file does to a decoder there, the gallery and
the files of other people go on. Nothing but checked JSON comes back; see `shared.limited_reader`.
"""

from __future__ import annotations

import atexit
import inspect
import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import BoundedSemaphore, Lock
from typing import Concatenate, ParamSpec, TypeVar

from pydantic import ValidationError

from shared.errors import (
    FileTooCostly,
    FileUnreadable,
    InputError,
    ReadingNotPossible,
    RequestError,
)
from shared.limited_reader import (
    ANSWER,
    ANSWER_BYTES,
    ENDING,
    FAULT,
    NO_MEMORY,
    ORDER,
    REFUSAL,
    REFUSALS,
    RESULT,
    SIZES,
    Order,
    ReadingLimits,
    interface_of,
)
from shared.settings import REPOSITORY

P = ParamSpec("P")
R = TypeVar("R")

LIMITS = ReadingLimits(memory_mb=1536, cpu_s=60, wall_s=90)
"""The costliest image allowed, 50 megapixels with transparency, takes 1,280 MB and 11 s."""
MOST_AT_ONCE = 2
WAIT_S = 30.0
"""How long a file waits while others are read."""
START_S = 30.0
STOP_S = 2.0
ATTEMPTS = 2
_BLOCK_BYTES = 2**16
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "GDAL_SKIP": "OGR_VRT,HTTP,WFS,CSW,OAPIF",
}
"""All that the processes get: no secret, no threads before they are copied, and no part of GDAL
that opens what a file names."""
_log = logging.getLogger(__name__)
_places = BoundedSemaphore(MOST_AT_ONCE)


def read_limited(
    function: Callable[Concatenate[bytes, P], R],
    content: bytes,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call a function on the bytes of a file in a process of its own.

    Args:
        function: Of a module of ours, with types that pydantic knows; its first argument is the
            content. `LOAD_AHEAD` of its module names modules that it will need.
        content: All bytes.
        args: Its other arguments.
        kwargs: Its other arguments.

    Raises:
        InputError: What the function raised.
        FileUnreadable: It broke down on this file.
        FileTooCostly: It needs more memory or time than `LIMITS`.
        ReadingNotPossible: Too many files at once, or no process can be started.
    """
    arguments = inspect.signature(function).bind(content, *args, **kwargs).arguments
    interface = interface_of(function)
    question = {
        name: adapter.dump_python(arguments[name], mode="json")
        for name, adapter in interface.arguments.items()
        if name in arguments
    }
    order = Order(f"{function.__module__}:{function.__qualname__}", _limits_of(function))
    if not _places.acquire(timeout=WAIT_S):
        raise ReadingNotPossible()
    try:
        body = _ask(order, json.dumps(question).encode(), content)
    finally:
        _places.release()
    try:
        result: R = interface.result.validate_json(body)
    except ValidationError as cause:
        raise FileUnreadable() from cause
    return result


def _limits_of(function: Callable[..., object]) -> ReadingLimits:
    longest = getattr(sys.modules[function.__module__], ANSWER_BYTES, LIMITS.answer_bytes)
    return replace(LIMITS, answer_bytes=longest)


class _Server:
    """The process that makes one for each file."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(START_S)
        with theirs:
            try:
                self._process = _start(theirs.fileno())
            except OSError:
                self._control.close()
                raise

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def order(self, order: Order, channel: socket.socket, told: socket.socket) -> None:
        descriptors = [channel.fileno(), told.fileno()]
        socket.send_fds(self._control, [ORDER.dump_json(order)], descriptors)

    def stop(self) -> None:
        """Let it end, and what it has started with it."""
        self._control.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _start(control: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-B", "-m", "shared.limited_reader", str(control)],
        cwd=REPOSITORY,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the gallery
        pass_fds=(control,),
    )


class _Desk:
    """The running server of this process; the first file starts it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._server: _Server | None = None

    def order(self, order: Order, channel: socket.socket, told: socket.socket) -> _Server:
        """Pass an order on; raises an `OSError` when that is not possible."""
        with self._lock:
            if self._server is None or not self._server.runs:
                self._put_away()
                self._server = _Server()
            try:
                self._server.order(order, channel, told)
            except OSError:
                self._put_away()
                raise
            return self._server

    def give_up(self, server: _Server) -> None:
        """Stop a server that does not answer."""
        with self._lock:
            if self._server is server:
                self._put_away()

    def close(self) -> None:
        """Stop the server of this process."""
        with self._lock:
            self._put_away()

    def _put_away(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None


_desk = _Desk()
atexit.register(_desk.close)


@dataclass(frozen=True, slots=True)
class _Ending:
    answer: bytes
    code: int
    was_late: bool


def _ask(order: Order, question: bytes, content: bytes) -> bytes:
    """Return the JSON of a result."""
    for _ in range(ATTEMPTS):
        try:
            ending = _run(order, question, content)
        except OSError:
            _log.warning("No process can be started to read a file", exc_info=True)
            continue
        if ending is not None:
            return _result_of(ending, order)
    raise ReadingNotPossible()


def _run(order: Order, question: bytes, content: bytes) -> _Ending | None:
    """Have one file read; None when the server was lost on the way."""
    channel, their_channel = socket.socketpair()
    told, their_told = socket.socketpair()
    with channel, told:
        with their_channel, their_told:
            server = _desk.order(order, their_channel, their_told)
        until = time.monotonic() + START_S + order.limits.wall_s
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it ended; `told` says how
                _send(channel, until, SIZES.pack(len(question), len(content)), question, content)
            answer = _receive(channel, until, order.limits.answer_bytes)
            told.settimeout(_left(until))
            ending = told.recv(ENDING.size)
        except TimeoutError:
            ending = b""
    if len(ending) != ENDING.size:
        _desk.give_up(server)
        return None
    return _Ending(answer, *ENDING.unpack(ending))


def _left(until: float) -> float:
    """Return the seconds that are left, but never the 0 that would not wait at all."""
    return max(0.001, until - time.monotonic())


def _send(channel: socket.socket, until: float, *parts: bytes) -> None:
    for part in parts:
        channel.settimeout(_left(until))
        channel.sendall(part)


def _receive(channel: socket.socket, until: float, most_bytes: int) -> bytes:
    """Return what comes until the other side closes; too long an answer is cut off."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while len(received) <= ANSWER.size + most_bytes:
            channel.settimeout(_left(until))
            block = channel.recv(_BLOCK_BYTES)
            if not block:
                return bytes(received)
            received += block
        channel.shutdown(socket.SHUT_RDWR)
    return bytes(received)


def _result_of(ending: _Ending, order: Order) -> bytes:
    """Return the JSON of a result, or raise what happened instead."""
    if ending.was_late or ending.code == -signal.SIGXCPU:
        raise FileTooCostly()
    head, body = ending.answer[: ANSWER.size], ending.answer[ANSWER.size :]
    kind, size = ANSWER.unpack(head) if len(head) == ANSWER.size else (b"", 0)
    if ending.code != 0 or len(body) != size or size > order.limits.answer_bytes:
        _log.warning("%s ended with %s", order.function, ending.code)
        raise FileUnreadable()
    if kind == RESULT:
        return body
    if kind == REFUSAL:
        raise _refusal(body)
    if kind == NO_MEMORY:
        raise FileTooCostly()
    told = ascii(body[:300].decode(errors="replace")) if kind == FAULT else "no answer"
    _log.warning("%s failed: %s", order.function, told)
    raise FileUnreadable()


def _refusal(body: bytes) -> InputError:
    """Build an error of ours anew; the process that read a file chooses among them, no more."""
    try:
        told = REFUSALS.validate_json(body)
        kind = next(one for one in _kinds() if _name(one) == (told.module, told.name))
        refusal = kind(**told.details)
        refusal.remedy  # noqa: B018  # its text must find all its placeholders too
    except (ValidationError, StopIteration, LookupError, ValueError, TypeError, AttributeError):
        return FileUnreadable()
    return refusal


def _kinds(root: type[InputError] = InputError) -> Iterator[type[InputError]]:
    """Yield the errors that a file may cause; those of requests are none of them."""
    if root is not RequestError:
        yield root
        for child in root.__subclasses__():
            yield from _kinds(child)


def _name(kind: type[InputError]) -> tuple[str, str]:
    return kind.__module__, kind.__qualname__
