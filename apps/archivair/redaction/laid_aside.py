"""Keep the images of many pages on the disk: a file of 2,000 pages does not fit into memory."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import numpy as np

from apps.archivair.archive_files.page_content import ArchivePage
from shared.errors import StorageFull


def laid_aside(page: ArchivePage) -> ArchivePage:
    """Return the same page with its image in a file without a name, which ends with the page.

    Args:
        page: The page.

    Raises:
        StorageFull: There is no space for it.
    """
    try:
        with tempfile.TemporaryFile(prefix="urbanki-") as file:
            file.write(np.ascontiguousarray(page.image).data)
            file.flush()
            mapped = np.memmap(file, dtype=np.uint8, mode="r", shape=page.image.shape)
    except OSError as cause:
        raise StorageFull(folder=tempfile.gettempdir()) from cause
    return replace(page, image=mapped.view(np.ndarray))
