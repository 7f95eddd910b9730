"""The files of all pages of a run as one ZIP, written page by page to the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from typing import BinaryIO

from apps.archivair.kept_page import KeptPage
from apps.archivair.outputs import page_files
from apps.archivair.packing import entry

MEDIA_TYPE = "application/zip"


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
