"""TIFF, GeoTIFF, COG and JPEG 2000: read in windows, whatever their size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window

from shared.contracts.finding import Finding
from shared.errors import (
    N_,
    BandsMissing,
    DamagedImage,
    ImageTooLarge,
    ImageWithoutColour,
    UnsupportedBitDepth,
    UnsupportedImage,
)
from shared.geo.georeference import Georeference, place
from shared.geo.raster import (
    OpenOptions,
    Patch,
    RasterInfo,
    RasterLimits,
    RasterSource,
    Rgb,
    hash_file,
    shrunk_size,
)

DRIVERS = {"TIFF": "GTiff", "JP2": "JP2OpenJPEG"}
COLOUR_BANDS = (1, 2, 3)
BLOCK_CACHE_BYTES = 256 * 2**20
"""The library would keep decoded pieces up to a twentieth of the machine's memory."""
STRIP_BYTES = BLOCK_CACHE_BYTES // 4

_EXTRA_BANDS = Finding(
    "hint",
    "mehr_baender",
    N_("Das Bild hat {found} Kanäle. Verwendet werden die Kanäle 1, 2 und 3 als Rot, Grün, Blau."),
    N_("Andere Kanäle wählen Sie auf der Kommandozeile mit --bands."),
)
_PAGES = Finding(
    "hint", "mehrseitig", N_("Die Datei enthält {pages} Bilder. Verwendet wird das erste.")
)


class WindowedImage(RasterSource):
    """An image on disk of which only windows are decoded."""

    decoded = False

    def __init__(
        self,
        dataset: DatasetReader,
        info: RasterInfo,
        bands: Sequence[int],
        memory: MemoryFile | None,
    ) -> None:
        self._dataset = dataset
        self._bands = list(bands)
        self._memory = memory
        self.info = info

    def read(self, x0: int, y0: int, x1: int, y1: int) -> Patch:
        """Decode a window.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """
        window = Window(x0, y0, x1 - x0, y1 - y0)
        try:
            with _small_cache():
                pixels = self._dataset.read(self._bands, window=window)
                mask = self._dataset.dataset_mask(window=window)
        except RasterioError as cause:
            raise DamagedImage() from cause
        return Patch(self._to_rgb(pixels), mask > 0)

    def overview(self, longest_side_px: int) -> Patch:
        """Shrink the whole image; uses the file's own overviews where it has some.

        Raises:
            DamagedImage: The file breaks off or is broken.
        """
        width, height = shrunk_size(self.info.width, self.info.height, longest_side_px)
        strips = [
            self._read_strip(first, min(first + self._strip_rows(height), height), (width, height))
            for first in range(0, height, self._strip_rows(height))
        ]
        pixels, masks = zip(*strips, strict=True)
        return Patch(self._to_rgb(np.concatenate(pixels, axis=1)), np.concatenate(masks) > 0)

    def _strip_rows(self, height: int) -> int:
        """Return how many rows of an overview are read at once.

        The bands are read one after the other; what is decoded for the first must still be there
        for the last, or the whole file would be decoded once for each.

        Args:
            height: Rows of the overview.
        """
        rows = STRIP_BYTES // (self.info.width * self.info.bands)
        return max(1, height * rows // self.info.height)

    def _read_strip(self, first: int, end: int, size: tuple[int, int]) -> tuple[Rgb, Rgb]:
        width, height = size
        scale = self.info.height / height
        window = Window(0, first * scale, self.info.width, (end - first) * scale)
        method = Resampling.nearest if self._colours() else Resampling.average
        shape = (end - first, width)
        try:
            with _small_cache():
                pixels = self._dataset.read(
                    self._bands,
                    window=window,
                    out_shape=(len(self._bands), *shape),
                    resampling=method,
                )
                return pixels, self._dataset.dataset_mask(window=window, out_shape=shape)
        except RasterioError as cause:
            raise DamagedImage() from cause

    def close(self) -> None:
        """Close the file."""
        self._dataset.close()
        if self._memory is not None:
            self._memory.close()

    def _colours(self) -> bool:
        return len(self._bands) == 1

    def _to_rgb(self, pixels: Rgb) -> Rgb:
        if not self._colours():
            return np.ascontiguousarray(pixels.transpose(1, 2, 0))
        table = np.zeros((256, 3), dtype=np.uint8)
        for index, colour in self._dataset.colormap(self._bands[0]).items():
            table[index] = colour[:3]
        return np.asarray(table[pixels[0]])


def open_windowed(
    file: Path | bytes,
    name: str,
    file_format: str,
    options: OpenOptions,
    sha256: str | None = None,
) -> WindowedImage:
    """Open a TIFF or JPEG 2000 of unknown origin.

    Args:
        file: Path or content.
        name: File name shown to people.
        file_format: "TIFF" or "JP2", recognised from the content.
        options: What a person said about it, and the limits.
        sha256: Hash of the content where it is known already.

    Raises:
        DamagedImage: Truncated or broken.
        ImageTooLarge: More pixels than the limit, or pieces too large to decode.
        UnsupportedBitDepth: Not 8 bits per band.
        ImageWithoutColour: One band without a colour table.
        BandsMissing: Two bands, or a band was asked for that is not there.
        CoordinatesInDegrees: The coordinate system has no metres.
        CoordinatesUnknown: The coordinate system cannot be read.
    """
    memory = MemoryFile(file) if isinstance(file, bytes) else None
    try:
        dataset = _open(memory.name if memory else str(file), DRIVERS[file_format])
        try:
            bands, notes = _choose_bands(dataset, options)
            _refuse_too_large(dataset, options.limits)
            info = RasterInfo(
                name=name,
                sha256=sha256 or hash_file(file),
                width=dataset.width,
                height=dataset.height,
                bands=dataset.count,
                file_format=file_format,
                notes=notes,
            )
            return WindowedImage(
                dataset, place(info, _georeference(dataset), options), bands, memory
            )
        except BaseException:
            dataset.close()
            raise
    except BaseException:
        if memory is not None:
            memory.close()
        raise


def _small_cache() -> rasterio.Env:
    return rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE_BYTES)


def _open(path: str, driver: str) -> DatasetReader:
    try:
        with warnings.catch_warnings():
            # A missing georeference is an ordinary case here, reported by the checks.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(path, driver=driver)
    except RasterioError as cause:
        raise DamagedImage() from cause


def _choose_bands(
    dataset: DatasetReader, options: OpenOptions
) -> tuple[tuple[int, ...], tuple[Finding, ...]]:
    if any(dtype != "uint8" for dtype in dataset.dtypes):
        raise UnsupportedBitDepth()
    if ColorInterp.cyan in dataset.colorinterp:
        raise UnsupportedImage()
    notes = [replace(_PAGES, details={"pages": pages})] if (pages := _pages(dataset)) > 1 else []
    if options.bands is not None:
        if max(options.bands) > dataset.count:
            raise BandsMissing(found=dataset.count, needed=max(options.bands))
        return options.bands, tuple(notes)
    if dataset.count == 1:
        if dataset.colorinterp[0] != ColorInterp.palette:
            raise ImageWithoutColour()
        return (1,), tuple(notes)
    if dataset.count < len(COLOUR_BANDS):
        raise ImageWithoutColour()
    if dataset.count > len(COLOUR_BANDS) + 1:
        notes.append(replace(_EXTRA_BANDS, details={"found": dataset.count}))
    return COLOUR_BANDS, tuple(notes)


def _pages(dataset: DatasetReader) -> int:
    return len(dataset.subdatasets) or 1


def _refuse_too_large(dataset: DatasetReader, limits: RasterLimits) -> None:
    pixels = dataset.width * dataset.height
    if pixels > limits.windowed_megapixels * 1_000_000:
        raise ImageTooLarge(megapixels=round(pixels / 1e6), limit=limits.windowed_megapixels)
    rows, columns = max(dataset.block_shapes)
    if rows * columns * dataset.count > limits.block_megabytes * 2**20:
        # Such a file has to be decoded as a whole, so it gets the limit of such formats.
        raise ImageTooLarge(megapixels=round(pixels / 1e6), limit=limits.decoded_megapixels)


def _georeference(dataset: DatasetReader) -> Georeference | None:
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    if (a, b, d, abs(e)) == (1.0, 0.0, 0.0, 1.0) and dataset.crs is None:
        return None
    crs = dataset.crs.to_wkt() if dataset.crs else None
    return Georeference((a, b, c, d, e, f), crs, "georeference")
