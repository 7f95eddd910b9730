"""Folders that appear whole: they are made beside their place and moved there when complete."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

ATTEMPTS: Final = 8
SETTLED_S: Final = 60.0
"""A folder this much older than ours holds its lock for certain, if its process is alive."""


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces the one at its place when the block ends without error.

    Several processes may do so at the same time: each writes its own folder, the last one stays.
    What a killed process left is removed by the next one.

    Args:
        place: Where the folder will be.

    Raises:
        OSError: The folder above cannot be written.
    """
    place = place.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=_prefix(place), dir=place.parent))
    held = _hold(workshop)
    try:
        _remove_leftovers(workshop, place)
        made = workshop / "new"
        made.mkdir()
        yield made
        _put(made, place, workshop)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        os.close(held)


def _prefix(place: Path) -> str:
    return f".{place.name}-"


def _hold(folder: Path) -> int:
    """Lock a folder until its descriptor is closed or the process ends."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _remove_leftovers(workshop: Path, place: Path) -> None:
    now = workshop.stat().st_mtime
    for other in place.parent.iterdir():
        if other == workshop or not other.name.startswith(_prefix(place)):
            continue
        with suppress(OSError):  # it is held by its process, or was just removed
            if now - other.stat().st_mtime > SETTLED_S:
                held = _hold(other)
                shutil.rmtree(other, ignore_errors=True)
                os.close(held)


def _put(made: Path, place: Path, workshop: Path) -> None:
    """Move a folder to its place, also where another process does the same."""
    for attempt in range(ATTEMPTS):
        with suppress(FileNotFoundError):
            place.replace(workshop / f"old-{attempt}")
        try:
            made.replace(place)
        except OSError as cause:
            if cause.errno not in {errno.ENOTEMPTY, errno.EEXIST} or attempt == ATTEMPTS - 1:
                raise
        else:
            return
