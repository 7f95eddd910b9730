"""All pages of a run as one ZIP, written page by page to the disk: their files, or readings."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import (
    MOST_READING_BYTES,
    KeptPage,
    decode_reading,
    encode_reading,
)
from apps.archivair.outputs import page_files
from apps.archivair.packing import entry

MEDIA_TYPE = "application/zip"
READINGS_NAME = "lesungen.zip"
"""Name of the file with all readings of a run: input of its exports, not meant for people."""


def write_results(stream: BinaryIO, pages: Iterable[KeptPage]) -> int:
    """Write text, ALTO and JSON of each page; the same bytes for the same pages.

    Args:
        stream: Open for writing bytes.
        pages: Read one by one, never held together.

    Returns:
        Number of pages.
    """
    count = 0
    with zipfile.ZipFile(stream, "w") as archive:
        for page in pages:
            for ending, content in page_files(page.reading, page.identity).items():
                archive.writestr(entry(page.identity.stem + ending), content)
            count += 1
    return count


class ReadingsWriter:
    """Writes the readings of a run into one file.

    Args:
        stream: Open for writing bytes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(stream, "w")

    def add(self, number: int, page: KeptPage) -> None:
        """Add a page.

        Args:
            number: Its number in the batch, from 1.
            page: What was read.
        """
        self._archive.writestr(entry(_reading_name(number)), encode_reading(page))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()


class Readings:
    """The readings of a run, opened one by one.

    Args:
        path: File that a `ReadingsWriter` wrote.

    Raises:
        ReadingUnusable: It is something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as cause:
            raise ReadingUnusable() from cause

    def find(self, number: int) -> KeptPage | None:
        """Return a page without its picture; None for one that was not read.

        Args:
            number: Its number in the batch, from 1.

        Raises:
            ReadingUnusable: Another version of this program wrote it.
        """
        try:
            with self._archive.open(_reading_name(number)) as stream:
                content = stream.read(MOST_READING_BYTES + 1)
        except KeyError:
            return None
        except (zipfile.BadZipFile, zlib.error, EOFError) as cause:
            raise ReadingUnusable() from cause
        return decode_reading(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()


def _reading_name(number: int) -> str:
    return f"{number:06d}.json"
