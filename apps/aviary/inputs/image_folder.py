"""Images that lie on the server, in one folder for each municipality.

Nothing is uploaded and nothing is held in memory: a check reads such a file in place, and a run
gets a copy that is written in a stream. World files and overviews beside an image do not count.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from shared.errors import FileMissing

ENDINGS = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp")
MOST_LISTED = 500
_READ_ONLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A link is not followed, and a pipe is not waited for."""


@dataclass(frozen=True, slots=True)
class FolderImage:
    """An image that can be chosen.

    Args:
        name: File name, without folder.
        size_bytes: Its size [B].
        changed: When it was written, with zone.
        path: Where it lies.
        mark: Changes when the file does: a hash of its name, size and time.
    """

    name: str
    size_bytes: int
    changed: datetime
    path: Path
    mark: str


def list_images(root: Path | None, tenant: str) -> tuple[FolderImage, ...]:
    """Return the images of a municipality by name; links and folders in its folder do not count.

    Args:
        root: Folder with one folder for each municipality; None where there is none.
        tenant: Name of the municipality.
    """
    folder = _folder_of(root, tenant)
    if folder is None:
        return ()
    found: list[FolderImage] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_image = entry.name.lower().endswith(ENDINGS) and entry.name[0] != "."
                if is_image and entry.is_file(follow_symlinks=False):
                    found.append(_image(Path(entry.path), entry.stat(follow_symlinks=False)))
    except OSError as cause:
        raise FileMissing(name=tenant) from cause
    return tuple(sorted(found, key=lambda one: one.name.casefold())[:MOST_LISTED])


def _folder_of(root: Path | None, tenant: str) -> Path | None:
    """Return the folder of a municipality; None for one that would lead elsewhere."""
    if root is None or not tenant or tenant[0] == "." or Path(tenant).name != tenant:
        return None
    folder = root / tenant
    return folder if folder.is_dir() and not folder.is_symlink() else None


def _image(path: Path, about: os.stat_result) -> FolderImage:
    told = f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0{about.st_ino}"
    mark = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    changed = datetime.fromtimestamp(about.st_mtime, UTC)
    return FolderImage(path.name, about.st_size, changed, path, mark)


@contextmanager
def open_in_place(path: Path) -> Iterator[BinaryIO]:
    """Open a plain file, but never what a link points to.

    Raises:
        FileMissing: It is not there, cannot be read, or is no plain file.
    """
    try:
        descriptor = os.open(path, _READ_ONLY)
    except OSError as cause:
        raise FileMissing(name=path.name) from cause
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileMissing(name=path.name)
        yield stream


@contextmanager
def bytes_or_place(content: bytes, path: str) -> Iterator[bytes | Path]:
    """Give what `open_raster` opens: bytes, or a file by the descriptor that is open already.

    By its descriptor the file has no neighbours, which a run would not have either.

    Args:
        content: All bytes; empty where the file lies on disk.
        path: Where it lies; empty where its bytes are given.

    Raises:
        FileMissing: It cannot be read.
    """
    if not path:
        yield content
        return
    with open_in_place(Path(path)) as stream:
        yield Path(f"/proc/self/fd/{stream.fileno()}")
