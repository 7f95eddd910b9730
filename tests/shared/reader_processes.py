"""The process that reads files of strangers for this one, as the system sees it."""

from __future__ import annotations

from contextlib import suppress

import psutil


def reader_process() -> psutil.Process:
    """Return the one that runs."""
    (found,) = (one for one in psutil.Process().children() if is_reader(one))
    return found


def is_reader(process: psutil.Process) -> bool:
    """Say whether a process reads files of strangers."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return "shared.limited_reader" in process.cmdline()
    return False
