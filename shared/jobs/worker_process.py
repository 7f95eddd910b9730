"""What a worker process of this machine does first; Dask loads this module as a preload."""

from __future__ import annotations

import ctypes
import logging
import os
import signal

from shared.log_lines import keep_to_one_line
from shared.settings import get_settings

_PR_SET_PDEATHSIG = 1  # prctl(2)


def dask_setup(_worker: object) -> None:
    """End together with the supervisor, and write the log as the other parts do."""
    end_with_parent()
    set_up_log(get_settings().log_level)


def set_up_log(level: str) -> None:
    """Write our own messages from a level on, and of the libraries only what is wrong.

    Args:
        level: Name of the level.
    """
    keep_to_one_line()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("distributed", "alembic", "httpx"):
        logging.getLogger(library).setLevel(logging.WARNING)


def end_with_parent() -> None:
    """Let the kernel end this process when its parent is gone, whatever it is doing then.

    Dask's own thread for this cannot act while foreign code holds the interpreter.
    """
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)
