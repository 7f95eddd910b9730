"""A raster of bytes on disk, written from the top and read again in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STRIP_ROWS = 512

Bytes = NDArray[np.uint8]


class RowFile:
    """One byte a pixel, so that a raster larger than the memory can be worked on.

    Args:
        path: A new file in a folder of the caller's.
        width: Columns [px].
    """

    def __init__(self, path: Path, width: int) -> None:
        self._file = path.open("w+b")
        self._width = width
        self.rows = 0

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, rows: Bytes) -> None:
        """Write the next rows, shape (rows, columns)."""
        self._file.seek(self.rows * self._width)
        self._file.write(np.ascontiguousarray(rows).data)
        self.rows += len(rows)

    def read(self, y0: int, y1: int, step: int = 1) -> Bytes:
        """Return every `step`-th row from y0 to before y1."""
        numbers = range(y0, y1, step)
        if step == 1:
            self._file.seek(y0 * self._width)
            content = self._file.read((y1 - y0) * self._width)
            return np.frombuffer(content, dtype=np.uint8).reshape(-1, self._width)
        return np.concatenate([self.read(row, row + 1) for row in numbers])

    def strips(self) -> Iterator[Bytes]:
        """Return all rows from top to bottom in strips."""
        for y0 in range(0, self.rows, STRIP_ROWS):
            yield self.read(y0, min(y0 + STRIP_ROWS, self.rows))
