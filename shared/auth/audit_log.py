"""The audit's copy beside the logs: one file of JSON lines for each UTC day.

A file is named after the day of its rows, so a new one begins each day without anything being
renamed under the processes that write. It tells of rows that somebody cut off the database's end.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from shared.settings import Settings

PRIVATE = 0o600
LONGEST_LINE_BYTES = 16 * 1024
_NAME = re.compile(r"audit-(\d{4}-\d{2}-\d{2})\.jsonl")
_PATIENCE_S, _LOOK_EVERY_S = 1.0, 0.005
_log = logging.getLogger(__name__)


def log_folder(settings: Settings) -> Path:
    """Return the folder of the copy: that of the logs."""
    return settings.data_dir / "logs"


def append(folder: Path, day: date, line: str) -> None:
    """Add a line to the file of a day: whole or not at all, after those of other processes.

    Args:
        folder: Of the copy; it is made.
        day: UTC day of the row.
        line: JSON without line breaks.

    Raises:
        OSError: It cannot be written, for example because the disk is full.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(_file(folder, day), flags, PRIVATE)
    try:
        with _alone(handle):
            state = os.fstat(handle)
            if state.st_mode & 0o077:
                os.fchmod(handle, PRIVATE)
            # A process that was killed may have left half a line.
            is_torn = state.st_size > 0 and os.pread(handle, 1, state.st_size - 1) != b"\n"
            _write(handle, state.st_size, f"{chr(10) if is_torn else ''}{line}\n".encode("ascii"))
    finally:
        os.close(handle)


def days(folder: Path) -> list[date]:
    """Return the days that have a file, in order.

    Raises:
        OSError: The folder cannot be read.
    """
    if not folder.exists():
        return []
    found = (_NAME.fullmatch(file.name) for file in folder.iterdir())
    return sorted(date.fromisoformat(name[1]) for name in found if name and _is_date(name[1]))


def lines(folder: Path, day: date) -> Iterator[bytes]:
    """Yield the lines of a day, without breaks; one that is too long comes in pieces.

    Raises:
        OSError: The file cannot be read.
    """
    with _file(folder, day).open("rb") as opened:
        while line := opened.readline(LONGEST_LINE_BYTES):
            yield line.rstrip(b"\n")


def remove_before(folder: Path, first: date) -> int:
    """Remove the files of the days before one, and return their number; failures are logged.

    Args:
        folder: Of the copy.
        first: The first day that stays.
    """
    removed = 0
    try:
        for day in days(folder):
            if day < first:
                _file(folder, day).unlink(missing_ok=True)
                removed += 1
    except OSError:
        _log.exception("old files of the audit's copy cannot be removed")
    return removed


def _file(folder: Path, day: date) -> Path:
    return folder / f"audit-{day.isoformat()}.jsonl"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@contextmanager
def _alone(handle: int) -> Iterator[None]:
    """Hold the lock of a file; a process that was stopped with it must not stop all others."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_LOOK_EVERY_S)
    yield  # closing the file ends the lock


def _write(handle: int, size: int, content: bytes) -> None:
    """Write all bytes, or take back those of a disk that became full in between."""
    try:
        if os.write(handle, content) < len(content):
            raise OSError("written in part")
    except OSError:
        os.ftruncate(handle, size)
        raise
