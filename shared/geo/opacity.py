"""A fourth band that a file does not call opacity, but that is nothing else."""

from __future__ import annotations

from itertools import product

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

WINDOW_PX = 64
PLACES = (0.1, 0.5, 0.9)
"""Where windows are read, in shares of width and height."""
CLEAR, OPAQUE = 0, 255


def holds_opacity(dataset: DatasetReader, band: int) -> bool:
    """Tell whether a band holds nothing but "there" and "not there" in the windows looked at.

    Read as near infrared, such a band makes plants of everything.

    Args:
        dataset: The open file, 8 bits per band.
        band: Number of the band, from 1.
    """
    seen: set[int] = set()
    for across, down in product(PLACES, PLACES):
        x0 = round(across * max(0, dataset.width - WINDOW_PX))
        y0 = round(down * max(0, dataset.height - WINDOW_PX))
        window = Window(
            x0, y0, min(WINDOW_PX, dataset.width - x0), min(WINDOW_PX, dataset.height - y0)
        )
        try:
            seen.update(np.unique(dataset.read(band, window=window)).tolist())
        except RasterioError:
            return False  # whoever reads the pixels there says what is wrong with them
        if not seen <= {CLEAR, OPAQUE}:
            return False
    return OPAQUE in seen
