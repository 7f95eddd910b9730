"""Readers that go wrong, each named after what it does; they run in processes of their own."""

import ctypes
import os
import resource
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from shared.errors import FileTypeRefused, ImageTooLarge, NotFound

SECRET = "Baugeheimnis 4711"


@dataclass(frozen=True, slots=True)
class Place:
    environment: dict[str, str]
    descriptors: tuple[int, ...]
    limits: dict[str, tuple[int, int]]
    name: str


def count(content: bytes) -> int:
    return len(content)


def echo(content: bytes, factor: int, *, marks: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (content.decode() * factor, *marks)


def refuse(content: bytes) -> int:
    raise ImageTooLarge(megapixels=12.5, limit=3)


def refuse_by_name(content: bytes, allowed: str) -> int:
    raise FileTypeRefused(allowed=allowed)


def refuse_like_the_house(content: bytes) -> int:
    raise NotFound()


def eat_memory(content: bytes) -> int:
    eaten = [bytearray(16 * 2**20) for _ in range(10_000)]
    return len(eaten)


def run_for_ever(content: bytes) -> int:
    while True:
        pass


def run_for_ever_whatever_it_is_told(content: bytes) -> int:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CPU, (resource.getrlimit(resource.RLIMIT_CPU)[1],) * 2)
    return run_for_ever(content)


def sleep(content: bytes, seconds: float) -> int:
    time.sleep(seconds)
    return len(content)


def leave(content: bytes) -> int:
    os._exit(3)


def leave_quietly(content: bytes) -> int:
    os._exit(0)


def break_memory(content: bytes) -> int:
    return ctypes.string_at(0)[0]


def abort(content: bytes) -> int:
    os.abort()


def tell_the_content(content: bytes) -> int:
    os.write(1, SECRET.encode())
    os.write(2, SECRET.encode())
    raise ValueError(SECRET)


def be_unlike_its_type(content: bytes) -> int:
    return "seven"


def write(content: bytes, path: str) -> int:
    Path(path).write_bytes(content)
    return len(content)


def look_around(content: bytes) -> Place:
    descriptors = tuple(sorted(int(one.name) for one in Path("/proc/self/fd").iterdir()))
    kinds = ("RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_CPU")
    limits = {kind: resource.getrlimit(getattr(resource, kind)) for kind in kinds}
    return Place(dict(os.environ), descriptors, limits, Path("/proc/self/cmdline").read_text())


def say(content: bytes) -> int:
    """Answer with what the file says, past all our own code."""
    while content:
        content = content[os.write(3, content) :]
    os._exit(0)


def talk_for_ever(content: bytes) -> int:
    os.write(3, struct.pack("!cQ", b"R", 2**40))
    while True:
        os.write(3, b"9" * 65536)
