"""Read very large TIFF pages block by block, averaged down, never as a whole."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.archivair.file_data import FileData
from shared.errors import DamagedImage

_WHITE = 255


@contextmanager
def _opened(data: FileData, index: int | None) -> Iterator[Any]:
    """Open a page (from 1) with the TIFF driver alone, whatever the bytes claim to be.

    Files that lie beside it are not looked at.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile

    from shared.geo.windowed import points_away

    try:
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            stack.enter_context(rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"))
            if isinstance(data.place, bytes):
                path = stack.enter_context(MemoryFile(data.place, ext=".tif")).name
            else:
                path = str(data.place)
            page = path if index is None else f"GTIFF_DIR:{index}:{path}"
            dataset = stack.enter_context(rasterio.open(page, driver="GTiff"))
            if points_away(dataset):
                raise DamagedImage()
            yield dataset
    except RasterioError as cause:
        raise DamagedImage() from cause


def count_tiff_pages(data: FileData) -> int:
    """Return the number of pages of a TIFF.

    Raises:
        DamagedImage: The directory is unreadable.
    """
    with _opened(data, None) as dataset:
        return max(1, len(dataset.subdatasets))


def tiff_page_size(data: FileData, index: int) -> tuple[int, int]:
    """Return width and height of a page in pixels.

    Args:
        data: The file.
        index: Number of the page from 1.

    Raises:
        DamagedImage: The directory is unreadable.
    """
    with _opened(data, index) as dataset:
        return int(dataset.width), int(dataset.height)


def read_tiff_reduced(data: FileData, index: int, factor: int) -> NDArray[np.uint8]:
    """Read a page averaged over `factor` x `factor` pixels, 0 black to 255 white.

    Args:
        data: The file.
        index: Number of the page from 1.
        factor: Reduction, 2 or more.

    Raises:
        DamagedImage: The pixels are unreadable.
    """
    from rasterio.enums import Resampling

    with _opened(data, index) as dataset:
        bands = min(dataset.count, 3)
        shape = (bands, dataset.height // factor, dataset.width // factor)
        one_bit = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "1"
        inverted = dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
        colours = dataset.colormap(1) if dataset.colorinterp[0].name == "palette" else {}
        wide = np.dtype(dataset.dtypes[0]).itemsize > 1
        pixels = dataset.read(
            list(range(1, bands + 1)),
            out_shape=shape,
            out_dtype="float32",
            resampling=Resampling.average,
        )
    gray = pixels.mean(axis=0)
    if one_bit:
        gray *= _WHITE
        inverted = inverted or (1 in colours and sum(colours[1][:3]) < sum(colours[0][:3]))
    elif wide:
        gray /= 257
    if inverted:
        gray = _WHITE - gray
    return np.asarray(np.clip(gray, 0, _WHITE), dtype=np.uint8)
