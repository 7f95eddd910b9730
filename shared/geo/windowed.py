"""TIFF, GeoTIFF, COG and JPEG 2000: read in windows, whatever their size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window

from shared.contracts.finding import Finding
from shared.errors import (
    N_,
    BandsMissing,
    DamagedImage,
    ImageDriverMissing,
    ImageTooLarge,
    ImageWithoutColour,
    UnsupportedBitDepth,
    UnsupportedImage,
)
from shared.geo.georeference import Georeference, place
from shared.geo.nodata import combine_masks
from shared.geo.opacity import holds_opacity
from shared.geo.raster import (
    Mask,
    OpenOptions,
    Patch,
    RasterInfo,
    RasterLimits,
    RasterSource,
    Rgb,
    hash_file,
    shrunk_size,
)
from shared.geo.stretch import Stretch, measure_stretch
from shared.geo.taken_on import day_of_dataset

DRIVERS = {"TIFF": "GTiff", "JP2": "JP2OpenJPEG"}
COLOUR_BANDS = (1, 2, 3)
NEAR_INFRARED = 4
"""Where an aerial image of four bands holds near infrared, unless it says that it is alpha."""
OVERVIEWS = "OVERVIEWS"
"""Group of notes in a file, of which GDAL knows one: the name of a file with overviews."""
BLOCK_CACHE_BYTES = 256 * 2**20
"""The library would keep decoded pieces up to a twentieth of the machine's memory."""
STRIP_BYTES = BLOCK_CACHE_BYTES // 4

_EXTRA_BANDS = Finding(
    "hint",
    "mehr_baender",
    N_("Das Bild hat {found} Kanäle. Verwendet werden die Kanäle 1, 2 und 3 als Rot, Grün, Blau."),
    N_("Andere Kanäle kann Ihre Systembetreuung mit dem Befehl der Anwendung wählen (--bands)."),
)
_NEAR_INFRARED = Finding(
    "ok",
    "nahes_infrarot",
    N_("Der vierte Kanal wird als nahes Infrarot gelesen."),
    N_("Andere Kanäle kann Ihre Systembetreuung mit dem Befehl der Anwendung wählen (--bands)."),
)
_ONLY_OPACITY = Finding(
    "hint",
    "vierter_kanal_deckung",
    N_("Der vierte Kanal enthält nur 0 und 255. Er wird nicht als nahes Infrarot gelesen."),
)
_PAGES = Finding(
    "hint", "mehrseitig", N_("Die Datei enthält {pages} Bilder. Verwendet wird das erste.")
)


@dataclass(frozen=True, slots=True)
class _Signs:
    """What a file says about missing data where it says more than one thing.

    The library follows one sign alone: a mask before the no-data value, that before alpha.
    """

    colours: list[int]
    alphas: list[int]
    mask: bool
    nodata: float | None


class WindowedImage(RasterSource):
    """An image on disk of which only windows are decoded."""

    decoded = False

    def __init__(
        self,
        dataset: DatasetReader,
        info: RasterInfo,
        bands: Sequence[int],
        memory: MemoryFile | None,
        stretch: Stretch | None = None,
    ) -> None:
        self._dataset = dataset
        self._stretch = stretch
        self._bands = list(bands)
        self._memory = memory
        self._signs = _several_signs(dataset)
        self.info = info

    def read(self, x0: int, y0: int, x1: int, y1: int) -> Patch:
        """Decode a window.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """
        window = Window(x0, y0, x1 - x0, y1 - y0)
        try:
            with small_cache():
                pixels = self._dataset.read(self._bands, window=window)
                mask = self._mask(window, pixels.shape[1:])
        except RasterioError as cause:
            raise DamagedImage() from cause
        return self._to_patch(pixels, mask)

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
        return self._to_patch(np.concatenate(pixels, axis=1), np.concatenate(masks))

    def _strip_rows(self, height: int) -> int:
        """Return how many rows of an overview are read at once.

        The bands are read one after the other; what is decoded for the first must still be there
        for the last, or the whole file would be decoded once for each.

        Args:
            height: Rows of the overview.
        """
        rows = STRIP_BYTES // (self.info.width * self.info.bands)
        return max(1, height * rows // self.info.height)

    def _read_strip(self, first: int, end: int, size: tuple[int, int]) -> tuple[Rgb, Mask]:
        width, height = size
        scale = self.info.height / height
        window = Window(0, first * scale, self.info.width, (end - first) * scale)
        method = Resampling.nearest if self._colours() else Resampling.average
        shape = (end - first, width)
        try:
            with small_cache():
                pixels = self._dataset.read(
                    self._bands,
                    window=window,
                    out_shape=(len(self._bands), *shape),
                    resampling=method,
                )
                return pixels, self._mask(window, shape)
        except RasterioError as cause:
            raise DamagedImage() from cause

    def _mask(self, window: Window, shape: tuple[int, int]) -> Mask:
        if self._signs is None:
            return np.asarray(self._dataset.dataset_mask(window=window, out_shape=shape) > 0)
        signs = self._signs
        pixels = self._dataset.read(
            [*signs.colours, *signs.alphas],
            window=window,
            out_shape=(len(signs.colours) + len(signs.alphas), *shape),
        )
        colours, alphas = np.split(pixels, [len(signs.colours)])
        internal = None
        if signs.mask:
            internal = np.asarray(self._dataset.read_masks(1, window=window, out_shape=shape) > 0)
        return combine_masks(
            colours,
            internal=internal,
            alpha=alphas.min(axis=0) if signs.alphas else None,
            nodata=signs.nodata,
        )

    def close(self) -> None:
        """Close the file."""
        self._dataset.close()
        if self._memory is not None:
            self._memory.close()

    def _colours(self) -> bool:
        return len(self._bands) == 1

    def _to_patch(self, pixels: NDArray[np.number], mask: Mask) -> Patch:
        bands = self._stretch.apply(pixels) if self._stretch is not None else pixels
        if not self._colours():
            rgb = np.ascontiguousarray(bands[:3].transpose(1, 2, 0), dtype=np.uint8)
            nir = np.asarray(bands[3], dtype=np.uint8) if len(bands) > len(COLOUR_BANDS) else None
            return Patch(rgb, mask, nir)
        table = np.zeros((256, 3), dtype=np.uint8)
        for index, colour in self._dataset.colormap(self._bands[0]).items():
            table[index] = colour[:3]
        return Patch(np.asarray(table[bands[0]]), mask)


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
        UnsupportedImage: Printing colours, or the file points to another one.
        ImageTooLarge: More pixels than the limit, or pieces too large to decode.
        UnsupportedBitDepth: Not 8 bits per band, and nobody has allowed to stretch the values.
        ImageDriverMissing: This installation lacks the decoder.
        ImageWithoutColour: One band without a colour table, and no grey image was asked for.
        BandsMissing: Two bands, or a band was asked for that is not there.
        CoordinatesInDegrees: The coordinate system has no metres.
        CoordinatesUnknown: The coordinate system cannot be read.
    """
    memory = MemoryFile(file) if isinstance(file, bytes) else None
    try:
        dataset = _open(memory.name if memory else str(file), DRIVERS[file_format])
        try:
            bands, notes = _choose_bands(dataset, options)
            near_infrared = _near_infrared(dataset, options)
            if near_infrared is not None and options.near_infrared:
                bands = (*bands, near_infrared)
            _refuse_too_large(dataset, options.limits)
            stretch = _stretch(dataset, bands)
            if stretch is not None:
                notes = (*notes, stretch.finding)
            info = RasterInfo(
                name=name,
                sha256=sha256 or hash_file(file),
                width=dataset.width,
                height=dataset.height,
                bands=dataset.count,
                file_format=file_format,
                notes=notes,
                has_near_infrared=near_infrared is not None,
                taken_on=options.taken_on or day_of_dataset(dataset),
            )
            return WindowedImage(
                dataset, place(info, _georeference(dataset), options), bands, memory, stretch
            )
        except BaseException:
            dataset.close()
            raise
    except BaseException:
        if memory is not None:
            memory.close()
        raise


def small_cache() -> rasterio.Env:
    """Return the surroundings in which the library keeps few decoded pieces."""
    return rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE_BYTES)


def _open(path: str, driver: str) -> DatasetReader:
    with rasterio.Env() as environment:
        if driver not in environment.drivers():
            names = {DRIVERS["JP2"]: "JPEG 2000"}
            raise ImageDriverMissing(format=names.get(driver, driver))
    try:
        with warnings.catch_warnings():
            # A missing georeference is an ordinary case here, reported by the checks.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path, driver=driver)
    except RasterioError as cause:
        raise DamagedImage() from cause
    if points_away(dataset):
        dataset.close()
        raise UnsupportedImage()
    return dataset


def points_away(dataset: DatasetReader) -> bool:
    """Tell whether a file takes its shrunk pictures from another file or from a server.

    The library follows such a note, whatever driver was asked for; so ask before reading pixels.

    Args:
        dataset: The file, just opened.
    """
    return bool(dataset.tags(ns=OVERVIEWS))


def _choose_bands(
    dataset: DatasetReader, options: OpenOptions
) -> tuple[tuple[int, ...], tuple[Finding, ...]]:
    if any(dtype != "uint8" for dtype in dataset.dtypes) and not options.stretch:
        raise UnsupportedBitDepth()
    if ColorInterp.cyan in dataset.colorinterp:
        raise UnsupportedImage()
    notes = [replace(_PAGES, details={"pages": pages})] if (pages := _pages(dataset)) > 1 else []
    if options.bands is not None:
        if max(options.bands) > dataset.count:
            raise BandsMissing(found=dataset.count, needed=max(options.bands))
        return options.bands[: len(COLOUR_BANDS)], tuple(notes)
    if dataset.count == 1 and dataset.colorinterp[0] == ColorInterp.palette:
        return (1,), tuple(notes)
    if _is_grey(dataset):
        if not options.grey:
            raise ImageWithoutColour()
        return (1,) * len(COLOUR_BANDS), tuple(notes)
    if dataset.count < len(COLOUR_BANDS):
        raise ImageWithoutColour()
    if options.near_infrared and _may_be_near_infrared(dataset):
        is_real = _near_infrared(dataset, options) is not None
        notes.append(_NEAR_INFRARED if is_real else _ONLY_OPACITY)
    if dataset.count > len(COLOUR_BANDS) + 1:
        notes.append(replace(_EXTRA_BANDS, details={"found": dataset.count}))
    return COLOUR_BANDS, tuple(notes)


def _is_grey(dataset: DatasetReader) -> bool:
    """Tell whether a file has one band, beside perhaps its opacity."""
    return dataset.colorinterp[1:] in ((), (ColorInterp.alpha,))


def _near_infrared(dataset: DatasetReader, options: OpenOptions) -> int | None:
    """Return the band of near infrared: the fourth that was asked for, or of exactly four bands."""
    if options.bands is not None:
        return options.bands[NEAR_INFRARED - 1] if len(options.bands) == NEAR_INFRARED else None
    if not _may_be_near_infrared(dataset) or holds_opacity(dataset, NEAR_INFRARED):
        return None
    return NEAR_INFRARED


def _may_be_near_infrared(dataset: DatasetReader) -> bool:
    return bool(dataset.count == NEAR_INFRARED and dataset.colorinterp[-1] != ColorInterp.alpha)


def _several_signs(dataset: DatasetReader) -> _Signs | None:
    kinds = dataset.colorinterp
    alphas = [band for band, kind in enumerate(kinds, start=1) if kind == ColorInterp.alpha]
    mask = MaskFlags.per_dataset in dataset.mask_flag_enums[0]
    mask = mask and MaskFlags.alpha not in dataset.mask_flag_enums[0]
    if sum((mask, bool(alphas), dataset.nodata is not None)) < 2:
        return None
    colours = [band for band in dataset.indexes if band not in alphas]
    return _Signs(colours, alphas, mask, dataset.nodata)


def _stretch(dataset: DatasetReader, bands: Sequence[int]) -> Stretch | None:
    if all(dtype == "uint8" for dtype in dataset.dtypes):
        return None
    try:
        return measure_stretch(dataset, bands)
    except RasterioError as cause:
        raise DamagedImage() from cause


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
