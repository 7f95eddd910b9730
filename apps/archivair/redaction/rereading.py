"""Read finished pages again from their pixels alone, for the proof."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import PageWord
from apps.archivair.pages import PageImage, make_preview
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.redaction.verify import PageReader


def reread_with(engines: Engines) -> PageReader:
    """Return what reads pixels again, without any text layer.

    Args:
        engines: What reads.
    """

    def read(pixels: NDArray[np.uint8], dpi: float) -> list[PageWord]:
        reading = read_page(bare_page(pixels, dpi), engines)
        return [PageWord(word.text, word.box) for line in reading.lines for word in line.words]

    return read


def bare_page(pixels: NDArray[np.uint8], dpi: float) -> PageImage:
    """Return pixels as a page without file and text layer.

    Args:
        pixels: Grey or red, green, blue.
        dpi: Dots per inch.
    """
    gray = pixels[:, :, 1] if pixels.ndim == 3 else pixels
    return PageImage(np.ascontiguousarray(gray), dpi, 1, "", "", make_preview(gray))
