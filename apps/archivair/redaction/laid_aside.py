"""Keep the images of many pages on the disk: a file of 2,000 pages does not fit into memory.

    with PagesAside() as aside:
        pages = [aside.lay(page) for page in read]

Many images share one file without a name: one file each would take more of them than a process may
open.
"""

from __future__ import annotations

import errno
import mmap
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import ArchivePage
from shared.errors import StorageFull

FILE_BYTES = 1 << 30
"""Room of one file; it takes space on the disk only as far as it is written."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PagesAside:
    """Files without names that hold images; each ends with the last page that lies in it.

    Args:
        room: Bytes of one file; a larger image has its own.
    """

    def __init__(self, room: int = FILE_BYTES) -> None:
        self._room = room
        self._open = ExitStack()
        self._file: BinaryIO | None = None
        self._mapped: mmap.mmap | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take no more pages; those that lie here stay readable."""
        self._open.close()
        self._file = self._mapped = None

    def lay(self, page: ArchivePage) -> ArchivePage:
        """Return the same page with its image on the disk.

        Args:
            page: The page.

        Raises:
            StorageFull: There is no space for it.
            OSError: A file cannot be made for another reason.
        """
        image = np.ascontiguousarray(page.image)
        try:
            mapped, start = self._write(image)
        except OSError as cause:
            if cause.errno not in _NO_SPACE:
                raise
            raise StorageFull(folder=tempfile.gettempdir()) from cause
        flat = np.frombuffer(mapped, dtype=np.uint8, count=image.size, offset=start)
        return replace(page, image=flat.reshape(image.shape))

    def _write(self, image: NDArray[np.uint8]) -> tuple[mmap.mmap, int]:
        """Write an image behind the others and return where; in a new file if it is full.

        It is written as to a file and only read through memory: a full disk is an error there, but
        would end the process here.
        """
        file, mapped = self._file, self._mapped
        if file is None or mapped is None or file.tell() + image.nbytes > len(mapped):
            file, mapped = self._begin(max(self._room, image.nbytes))
        start = file.tell()
        left = image.data.cast("B")
        while left:
            left = left[file.write(left) :]
        return mapped, start

    def _begin(self, size: int) -> tuple[BinaryIO, mmap.mmap]:
        self._open.close()
        self._file = self._mapped = None
        made = tempfile.TemporaryFile(prefix="urbanki-", buffering=0)  # noqa: SIM115  # the stack closes it
        file = self._open.enter_context(made)
        file.truncate(size)
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        self._file, self._mapped = file, mapped
        return file, mapped
