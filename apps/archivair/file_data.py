"""The bytes of a file, in memory or on disk; on disk they are read piece by piece."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileData:
    """A file of unknown origin.

    Args:
        place: All bytes, or where they lie; an absolute path.
    """

    place: bytes | Path

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.place) if isinstance(self.place, bytes) else self.place.stat().st_size

    def open(self) -> io.BytesIO | io.BufferedReader:
        """Return the bytes as a stream."""
        return io.BytesIO(self.place) if isinstance(self.place, bytes) else self.place.open("rb")

    def start(self, count: int) -> bytes:
        """Return the first bytes.

        Args:
            count: Most bytes.
        """
        with self.open() as stream:
            return stream.read(count)

    def sha256(self) -> str:
        """Return the hash of all bytes, 64 hexadecimal digits."""
        with self.open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
