"""Decode TIFF, JPEG and PNG pages: header first, then pixels within the limits."""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from apps.archivair.errors import PageTooLarge, PageTooSmall, TooManyPages
from apps.archivair.file_data import FileData
from apps.archivair.large_tiff import count_tiff_pages, read_tiff_reduced, tiff_page_size
from apps.archivair.pages import (
    MIN_SIDE_PX,
    MOST_SIDE_PX,
    FileKind,
    Limits,
    OpenedPixels,
    make_preview,
    reduced_note,
)
from shared.contracts.finding import Finding
from shared.errors import N_, DamagedImage

BROKEN_FILE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, KeyError)
ORIENTATION_TAG = 0x0112
MIN_DPI, MAX_DPI = 50, 1300
PNG_JPEG_MEGAPIXELS = 178
_WHITE = 255
_DEEP_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
_TURNED = Finding("ok", "gedreht", N_("Die Seite wurde gedreht, wie die Datei es vermerkt."))
_CMYK = Finding("ok", "cmyk", N_("Die Seite hat Druckfarben (CMYK) und wurde umgerechnet."))
_ALPHA = Finding("ok", "transparenz", N_("Durchsichtige Stellen wurden als weißes Papier gelesen."))
_DEEP = Finding("ok", "farbtiefe_16", N_("Die Seite hat 16 Bit je Farbe und wurde umgerechnet."))


class RasterOpener:
    """A TIFF, JPEG or PNG.

    Args:
        data: Its bytes.
        kind: What the first bytes say.
        limits: Largest input.

    Raises:
        DamagedImage: The header is unreadable.
        TooManyPages: More pages than the limit.
    """

    def __init__(self, data: FileData, kind: FileKind, limits: Limits) -> None:
        self._data = data
        self._format = kind.upper()
        self._limits = limits
        self.count = self._count_frames()
        if self.count > limits.pages:
            raise TooManyPages(found=self.count, limit=limits.pages)

    def open_page(self, index: int) -> OpenedPixels:
        """Decode one page.

        Raises:
            DamagedImage: Truncated or broken.
            PageTooLarge: More pixels than can be read even in reduced scale.
            PageTooSmall: No line of text fits.
        """
        try:
            return self._decode(index)
        except Image.DecompressionBombError as cause:
            # Pillow refuses to look at so many pixels; a TIFF can still be read block by block.
            if self._format != "TIFF":
                raise PageTooLarge(megapixels="> 178", limit=PNG_JPEG_MEGAPIXELS) from cause
            return self._read_tiff_reduced(index)
        except BROKEN_FILE as cause:
            raise DamagedImage() from cause

    def close(self) -> None:
        """Release the file; a raster file is opened for each page anew."""

    def _count_frames(self) -> int:
        if self._format != "TIFF":
            return 1
        try:
            with _opened_frame(self._data, self._format, 1) as image:
                return int(getattr(image, "n_frames", 1))
        except Image.DecompressionBombError:
            return count_tiff_pages(self._data)
        except BROKEN_FILE as cause:
            raise DamagedImage() from cause

    def _decode(self, index: int) -> OpenedPixels:
        with _opened_frame(self._data, self._format, index) as image:
            width, height = image.size
            if min(width, height) < MIN_SIDE_PX:
                raise PageTooSmall(width=width, height=height)
            dpi = _stated_dpi(image)
            if self._reduction(image.size) > 1:
                if self._format == "TIFF":
                    return self._read_tiff_reduced(index)
                return self._decode_reduced(image, dpi)
            turned = (_TURNED,) if image.getexif().get(ORIENTATION_TAG, 1) in range(2, 9) else ()
            image.load()
            upright = ImageOps.exif_transpose(image)
            pixels, notes = to_eight_bits(upright)
        found = (*turned, *notes)
        return OpenedPixels(to_gray(pixels), make_preview(pixels), dpi, found, pixels=pixels)

    def _decode_reduced(self, image: Image.Image, dpi: float | None) -> OpenedPixels:
        factor, megapixels = self._reduction(image.size), image.width * image.height / 1e6
        if self._format == "JPEG":
            factor = next((step for step in (2, 4) if step >= factor), 8)
            image.draft("L", (image.width // factor, image.height // factor))
            gray = np.asarray(image.convert("L"), dtype=np.uint8)
        else:
            gray = np.asarray(image.convert("L").reduce(factor), dtype=np.uint8)
        note = reduced_note(megapixels)
        return OpenedPixels(gray, make_preview(gray), dpi / factor if dpi else None, (note,))

    def _read_tiff_reduced(self, index: int) -> OpenedPixels:
        width, height = tiff_page_size(self._data, index)
        megapixels = width * height / 1e6
        if megapixels > self._limits.reduced_megapixels:
            limit = self._limits.reduced_megapixels
            raise PageTooLarge(megapixels=round(megapixels), limit=limit)
        gray = read_tiff_reduced(self._data, index, self._reduction((width, height)))
        return OpenedPixels(gray, make_preview(gray), None, (reduced_note(megapixels),))

    def _reduction(self, size: tuple[int, int]) -> int:
        """Return by how much a page is read smaller, 1 for its full scale.

        Raises:
            PageTooSmall: What is left of a very long strip is too narrow for a line of text.
        """
        megapixels = size[0] * size[1] / 1e6
        by_area = math.ceil(math.sqrt(megapixels / self._limits.page_megapixels))
        factor = max(1, by_area, math.ceil(max(size) / MOST_SIDE_PX))
        if min(size) < factor * MIN_SIDE_PX:
            raise PageTooSmall(width=size[0], height=size[1])
        return factor


@contextmanager
def _opened_frame(data: FileData, file_format: str, index: int) -> Iterator[Image.Image]:
    """Read the header of a page.

    Pillow's warnings stay silent: this module has its own pixel limits, and damaged metadata of
    an otherwise readable scan concern nobody.
    """
    with data.open() as stream:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            image = Image.open(stream, formats=[file_format])
            if index > 1:
                image.seek(index - 1)
        with image:
            yield image


def _stated_dpi(image: Image.Image) -> float | None:
    stated = image.info.get("dpi")
    try:
        value = float(stated[0]) if stated else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return round(value, 1) if MIN_DPI <= value <= MAX_DPI else None


def to_eight_bits(image: Image.Image) -> tuple[NDArray[np.uint8], tuple[Finding, ...]]:
    """Return grey or RGB pixels with 8 bits and what had to be converted.

    Args:
        image: Picture of any mode.
    """
    if image.mode in _DEEP_MODES:
        return _squeeze_depth(np.asarray(image)), (_DEEP,)
    if image.mode == "1":
        return np.asarray(image.convert("L"), dtype=np.uint8), ()
    if image.mode == "CMYK":
        return np.asarray(image.convert("RGB"), dtype=np.uint8), (_CMYK,)
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    if has_alpha:
        seen = image.convert("RGBA")
        paper = Image.new("RGBA", seen.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        paper.alpha_composite(seen)
        return np.asarray(paper.convert("RGB"), dtype=np.uint8), (_ALPHA,)
    if image.mode == "L":
        return np.asarray(image, dtype=np.uint8), ()
    return np.asarray(image.convert("RGB"), dtype=np.uint8), ()


def _squeeze_depth(deep: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 16 bits, 32 bits or floats to 8 bits by the largest value of the page."""
    values = np.nan_to_num(deep.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0.0))
    full = 1.0 if top <= 1 else next((f for f in (255.0, 4095.0, 65535.0) if top <= f), top)
    return np.asarray(np.clip(values * (_WHITE / full), 0, _WHITE), dtype=np.uint8)


def to_gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels.

    Args:
        pixels: Grey (height, width) or RGB (height, width, 3).
    """
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
