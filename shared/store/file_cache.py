"""Copies of stored files on this machine, for places that are reached over the network."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from shared.store.local_files import (
    DRAFTS,
    Draft,
    disk_errors,
    move,
    remove_drafts,
    write_draft,
)

LIMIT_BYTES = 4 << 30
IN_USE_S = 3600
"""Somebody may still hold the path of a copy that was asked for so recently."""
LONGEST_UNUSED_S = 86_400
"""Copies of what was deleted elsewhere vanish after this."""
_NOTE_USE_AFTER_S = 600
_TRIM_EVERY_S = 60
_log = logging.getLogger(__name__)


class _Refusals:
    """Log once per folder in a process: every copy in it has the same fault."""

    def __init__(self) -> None:
        self._told: set[Path] = set()
        self._lock = Lock()

    def log(self, folder: Path, error: PermissionError) -> None:
        with self._lock:
            is_told = folder in self._told
            self._told.add(folder)
        if not is_told:
            _log.warning("the cache folder belongs to another account: %s", error.strerror)


_REFUSALS = _Refusals()


class FileCache:
    """A folder of copies that any process of this machine may share.

    Above its limit the copies vanish that nobody has asked for the longest; those of the last hour
    stay, so a path that was handed out remains good for that time. Who reads the content at once
    needs no such time.

    Args:
        folder: Where the copies lie; made at the first use.
        limit_bytes: Size above which copies are removed.
        clock: Gives Unix time in seconds.
        in_use_s: Copies that were asked for so recently stay, whatever the limit [s].
        longest_unused_s: Copies that nobody has asked for so long vanish [s].
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int = LIMIT_BYTES,
        clock: Callable[[], float] = time.time,
        in_use_s: float = IN_USE_S,
        longest_unused_s: float = LONGEST_UNUSED_S,
    ) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._clock = clock
        self._in_use_s = in_use_s
        self._longest_unused_s = longest_unused_s
        self._trim_at = 0.0

    def write(self, tenant: str, content: bytes | BinaryIO) -> Draft:
        """Write a draft of a municipality; see `write_draft` for errors."""
        folder = self._folder / tenant / DRAFTS
        return write_draft(folder, content, durable=False, place=self._folder)

    def keep(self, draft: Path, key: str) -> Path:
        """Keep a draft as the copy of a stored file and return its path.

        Args:
            key: Key of the stored file.
            draft: What was downloaded or uploaded.

        Raises:
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        target = self._folder / key
        with disk_errors(self._folder):
            move(draft, target, durable=False)
        now = self._clock()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY_S
            self.trim()
        return target

    def find(self, key: str) -> Path | None:
        """Return the copy of a stored file and note that it is used; None when there is none.

        A copy in a folder of another account counts as none; the log tells of that once.
        """
        path = self._folder / key
        now = self._clock()
        try:
            status = path.stat()
            if now - status.st_atime > _NOTE_USE_AFTER_S:
                os.utime(path, ns=(int(now * 1e9), status.st_mtime_ns))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            _REFUSALS.log(self._folder, error)
            return None
        return path

    def forget(self, key: str) -> bool:
        """Remove a copy and say whether there was one."""
        try:
            (self._folder / key).unlink()
        except FileNotFoundError:
            return False
        return True

    def forget_tenant(self, tenant: str) -> None:
        """Remove all copies and drafts of a municipality."""
        # What somebody writes just now stays, and vanishes like every unused copy.
        shutil.rmtree(self._folder / tenant, ignore_errors=True)

    def trim(self) -> None:
        """Remove what is unused for too long, then the longest unused while it is too much.

        What belongs to another account stays; the log tells of that once.
        """
        now = self._clock()
        copies = []
        for path in self._folder.rglob("*"):
            try:
                if path.is_file() and path.parent.name != DRAFTS:
                    status = path.stat()
                    copies.append((status.st_atime, status.st_size, path))
            except FileNotFoundError:
                continue
            except PermissionError as error:
                _REFUSALS.log(self._folder, error)
        remaining = sum(size for _, size, _ in copies)
        for used_at, size, path in sorted(copies):
            unused_s = now - used_at
            is_wanted = unused_s <= self._longest_unused_s and remaining <= self._limit
            if unused_s <= self._in_use_s or is_wanted:
                break
            try:
                path.unlink(missing_ok=True)
            except PermissionError as error:
                _REFUSALS.log(self._folder, error)
                continue
            remaining -= size
        longest = timedelta(seconds=self._longest_unused_s)
        self.remove_drafts(datetime.fromtimestamp(now, UTC) - longest)

    def remove_drafts(self, before: datetime) -> int:
        """Remove drafts that killed processes have left."""
        return sum(remove_drafts(folder, before) for folder in self._folder.glob(f"*/{DRAFTS}"))
