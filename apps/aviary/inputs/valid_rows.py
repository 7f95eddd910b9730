"""Which pixels of an image count, row by row: its data, and the area that somebody chose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely import MultiPolygon, affinity, box

from apps.aviary.inputs.run_image import RunImage
from shared.geo.nodata import shrink_valid

CHUNK_ROWS = 512

Mask = NDArray[np.bool_]


class ValidRows:
    """Masks of an image from top to bottom; a chunk of rows is read once.

    Args:
        image: The open image.
        area_px: Part of the image that counts [px]; None for all of it.
        margin_px: How near to missing data a model's answer is not to be trusted [px].
    """

    def __init__(self, image: RunImage, area_px: MultiPolygon | None, margin_px: int) -> None:
        self._image, self._area_px, self._margin_px = image, area_px, margin_px
        self._size = image.info.width, image.info.height
        self._first = 0
        self._held: Mask = np.zeros((0, self._size[0]), dtype=bool)

    def inside(self, y0: int, y1: int) -> Mask:
        """Return which pixels of some rows lie in the area: those whose centre does."""
        shape = (y1 - y0, self._size[0])
        if self._area_px is None:
            return np.ones(shape, dtype=bool)
        part = affinity.translate(
            self._area_px.intersection(box(0, y0, self._size[0], y1)), yoff=-y0
        )
        if part.is_empty:
            return np.zeros(shape, dtype=bool)
        return np.asarray(rasterize([part], shape, dtype=np.uint8), dtype=bool)

    def __call__(self, y0: int, y1: int) -> Mask:
        """Return which pixels of some rows count.

        Args:
            y0: First row; never above that of the call before.
            y1: Row after the last.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """
        while self._first + len(self._held) < y1:
            start = self._first + len(self._held)
            chunk = self._read(start, min(start + CHUNK_ROWS, self._size[1]))
            self._held = np.concatenate([self._held[max(0, y0 - self._first) :], chunk])
            self._first = start + len(chunk) - len(self._held)
        return self._held[y0 - self._first : y1 - self._first]

    def _read(self, y0: int, y1: int) -> Mask:
        top, end = max(0, y0 - self._margin_px), min(self._size[1], y1 + self._margin_px)
        data = shrink_valid(self._image.valid_rows(top, end), self._margin_px)
        return np.asarray(data[y0 - top : y1 - top] & self.inside(y0, y1))
