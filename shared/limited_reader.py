"""The other side of `shared.limited_reading`: a fresh process for each file, with limits.

`python -m shared.limited_reader NUMBER` is the server. It opens no file itself: it loads our own
modules once, then copies itself for every file, ends what takes too long, and tells how each copy
ended. It ends when the gallery lets go of descriptor NUMBER, and its copies end with it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from pydantic import TypeAdapter

from shared.errors import InputError
from shared.jobs.worker_process import end_with_parent

AHEAD = "LOAD_AHEAD"
"""Name by which the module of a function may list further modules that it will need."""
ANSWER_BYTES = "LONGEST_ANSWER_BYTES"
"""Name by which the module of a function may allow longer answers than a mebibyte."""
SIZES = struct.Struct("!QQ")
"""Before a question: bytes of its arguments, bytes of its file."""
ANSWER = struct.Struct("!cQ")
"""Before an answer: what it is, and its bytes."""
ENDING = struct.Struct("!i?")
"""How a copy ended: exit code, or minus the number of a signal; and whether it took too long."""
RESULT, REFUSAL, NO_MEMORY, FAULT = b"R", b"E", b"M", b"F"
MOST_ORDER_BYTES = 1024
IDLE_S = 900.0
"""After this time without a file the server ends; the next file starts another."""
_OPEN_FILES = 64
_CHANNEL = 3
_ENDED_FIRST = "1000"
"""The kernel takes a copy before the gallery when memory runs out (proc_pid_oom_score_adj(5))."""


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one file may cost.

    Args:
        memory_mb: Address space beside the file itself [2**20 bytes].
        cpu_s: Processor time of all threads together [s].
        wall_s: Time until the process is ended, whatever it waits for [s].
        answer_bytes: Longest answer that the gallery takes.
    """

    memory_mb: int
    cpu_s: int
    wall_s: float
    answer_bytes: int = 2**20


@dataclass(frozen=True, slots=True)
class Order:
    """What the server is asked for; two descriptors come along: question and answer, ending."""

    function: str
    limits: ReadingLimits


@dataclass(frozen=True, slots=True)
class Refusal:
    """An `InputError` as plain data."""

    module: str
    name: str
    details: dict[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class Interface:
    """How arguments and result of a function become JSON and are checked when they come back."""

    arguments: dict[str, TypeAdapter[Any]]
    result: TypeAdapter[Any]


ORDER = TypeAdapter(Order)
REFUSALS = TypeAdapter(Refusal)


@lru_cache(maxsize=64)
def interface_of(function: Callable[..., object]) -> Interface:
    """Read the types of a function whose first argument is the content of a file."""
    hints = get_type_hints(function)
    result = hints.pop("return")
    _content, *others = hints
    return Interface({name: TypeAdapter(hints[name]) for name in others}, TypeAdapter(result))


@dataclass(frozen=True, slots=True)
class _Copy:
    pid: int
    told: socket.socket
    until: float


def serve(control: socket.socket) -> None:
    """Take orders until the other side is gone or nothing has come for long."""
    copies: dict[int, _Copy] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            ready = selector.select(_pause(copies))
            if not ready and not copies:
                return
            for key, _ in ready:
                if key.fd in copies:
                    selector.unregister(key.fd)
                    _tell_ending(key.fd, copies.pop(key.fd))
                elif (started := _take_order(control)) is None:
                    return
                else:
                    watch, copy = started
                    copies[watch] = copy
                    selector.register(watch, selectors.EVENT_READ)
            for copy in _late(copies):
                os.kill(copy.pid, signal.SIGKILL)


def _pause(copies: dict[int, _Copy]) -> float:
    """Return the seconds until something must be done unasked."""
    now = time.monotonic()
    return min((max(0.0, copy.until - now) for copy in copies.values()), default=IDLE_S)


def _late(copies: dict[int, _Copy]) -> Iterator[_Copy]:
    now = time.monotonic()
    return (copy for copy in copies.values() if copy.until <= now)


def _take_order(control: socket.socket) -> tuple[int, _Copy] | None:
    """Start a copy; None when the gallery is gone."""
    message, descriptors, _, _ = socket.recv_fds(control, MOST_ORDER_BYTES, 2)
    if not message:
        return None
    order = ORDER.validate_json(message)
    channel, told = descriptors
    with suppress(Exception):
        interface_of(load(order.function))  # once for all; a copy says what is wrong with it
    pid = os.fork()
    if pid == 0:
        _be_a_copy(channel, order)
    os.close(channel)
    until = time.monotonic() + order.limits.wall_s
    return os.pidfd_open(pid), _Copy(pid, socket.socket(fileno=told), until)


def _tell_ending(watch: int, copy: _Copy) -> None:
    os.close(watch)
    _, status = os.waitpid(copy.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    was_late = code == -signal.SIGKILL and copy.until <= time.monotonic()
    with copy.told, suppress(OSError):  # nobody may be waiting any more
        copy.told.send(ENDING.pack(code, was_late))


def _be_a_copy(channel: int, order: Order) -> NoReturn:
    """Read one file, answer and end; never return into the server's code."""
    code = 1
    try:
        end_with_parent()
        _let_go_of_everything_but(channel)
        with socket.socket(fileno=_CHANNEL) as connection:
            arguments, content = _receive(connection)
            _set_limits(order.limits)
            kind, body = _answer(order.function, arguments, content)
            connection.sendall(ANSWER.pack(kind, len(body)) + body)
        code = 0
    finally:
        os._exit(code)


def _let_go_of_everything_but(channel: int) -> None:
    """Keep one descriptor; what libraries print might tell about the file and goes nowhere."""
    os.dup2(channel, _CHANNEL)
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > _CHANNEL:
            with suppress(OSError):  # that of the look itself is closed already
                os.close(number)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(_CHANNEL):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _receive(connection: socket.socket) -> tuple[bytes, bytes]:
    with connection.makefile("rb") as stream:
        argument_bytes, file_bytes = SIZES.unpack(stream.read(SIZES.size))
        return stream.read(argument_bytes), stream.read(file_bytes)


def _set_limits(limits: ReadingLimits) -> None:
    """Bound this process for good; no file can be written, not even a core dump."""
    Path("/proc/self/oom_score_adj").write_text(_ENDED_FIRST, encoding="ascii")
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = taken * resource.getpagesize() + limits.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    for none in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(none, (0, 0))


def _answer(name: str, arguments: bytes, content: bytes) -> tuple[bytes, bytes]:
    try:
        function = load(name)
        interface = interface_of(function)
        given = {
            key: interface.arguments[key].validate_python(value)
            for key, value in json.loads(arguments).items()
        }
        return RESULT, interface.result.dump_json(function(content, **given))
    except InputError as refusal:
        kind = type(refusal)
        told = {"module": kind.__module__, "name": kind.__qualname__, "details": refusal.details}
        return REFUSAL, json.dumps(told).encode()
    except MemoryError:
        return NO_MEMORY, b""
    except Exception as fault:
        # Name and place alone: the message may hold what stands in the file.
        last = traceback.extract_tb(fault.__traceback__)[-1]
        return FAULT, f"{type(fault).__name__} {last.filename}:{last.lineno}".encode()


def load(name: str) -> Callable[..., Any]:
    """Return the function "module:name" and load what its module wants ahead."""
    module_name, _, function_name = name.partition(":")
    module = importlib.import_module(module_name)
    for other in getattr(module, AHEAD, ()):
        importlib.import_module(other)
    function: Callable[..., Any] = getattr(module, function_name)
    return function


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
