"""What is wrong with a disk or a stream, named after the fault."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Fault = Callable[[], None]


class StreamBreaks:
    """A stream that fails after its first part."""

    def __init__(self, first: bytes) -> None:
        self._first = first

    def read(self, size: int = -1) -> bytes:
        part, self._first = self._first, b""
        if not part:
            raise ConnectionResetError("the browser went away")
        return part

    def seekable(self) -> bool:
        return False


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[bool]:
    """A disk of this size at a folder; False where this account may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


@pytest.fixture
def disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Fault]]:
    """A folder and a call after which nothing more fits into it."""
    folder = tmp_path / "klein"
    with small_disk(folder, 512) as mounted:

        def fill() -> None:
            if not mounted:
                monkeypatch.setattr(os, "write", _raiser(errno.ENOSPC))
                return
            with (
                pytest.raises(OSError, match="No space left"),
                (folder / "voll").open("wb") as file,
            ):
                while True:
                    file.write(b"x" * 4096)
                    file.flush()

        yield folder, fill


@pytest.fixture
def read_only_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Fault]]:
    """A folder and a call after which nothing may be written to it."""
    folder = tmp_path / "nurlesen"
    with small_disk(folder, 2048) as mounted:

        def forbid() -> None:
            if mounted:
                command = ["mount", "-o", "remount,ro", str(folder)]
                subprocess.run(command, check=True, capture_output=True)
            elif os.geteuid() == 0:
                monkeypatch.setattr("tempfile.mkstemp", _raiser(errno.EROFS))
            else:
                for path in (folder, *folder.rglob("*/")):
                    path.chmod(0o500)

        yield folder, forbid


def _raiser(number: int) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise OSError(number, os.strerror(number))

    return fail
