"""Where an image holds data: masks, no-data values, alpha and pure black or white collars."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shared.geo.raster import Mask, Patch, RasterInfo, RasterSource, Rgb

NO_DATA = 255
"""Code of pixels without data in every class raster."""
STRIP_ROWS = 512
LEAST_COLLAR_PX = 50
COLLAR_COLOURS = (0, 255)
CACHED_STRIPS = 4

Labels = NDArray[np.int32]
Counts = NDArray[np.int64]


def combine_masks(
    pixels: NDArray[np.number],
    *,
    internal: Mask | None = None,
    alpha: NDArray[np.number] | None = None,
    nodata: float | None = None,
) -> Mask:
    """Join everything a file says about missing data; one word against a pixel is enough.

    Args:
        pixels: Bands without alpha, shape (bands, height, width).
        internal: Mask of the file, True where it holds data.
        alpha: Opacity; 0 means no data.
        nodata: Value that means no data where all bands have it; NaN is possible.

    Returns:
        True where the image holds data, shape (height, width).
    """
    valid = np.ones(pixels.shape[1:], dtype=bool) if internal is None else internal.copy()
    if alpha is not None:
        valid &= alpha > 0
    if nodata is not None:
        missing = np.isnan(pixels) if np.isnan(nodata) else pixels == nodata
        valid &= ~missing.all(axis=0)
    return valid


def shrink_valid(valid: Mask, margin_px: int) -> Mask:
    """Take back the pixels next to missing data, of which a model has not seen enough.

    The edge of the array is no missing data: behind it the neighbouring tile goes on.

    Args:
        valid: True where there is data, shape (height, width).
        margin_px: How far the model looks [px]; the diagonal counts as one step.

    Raises:
        ValueError: The margin is negative.
    """
    if margin_px < 0:
        message = f"a margin of {margin_px} px is negative"
        raise ValueError(message)
    if margin_px == 0 or valid.all():
        return valid
    reach = np.ones((2 * margin_px + 1, 1), dtype=np.uint8)
    kept = valid.astype(np.uint8)
    for kernel in (reach, reach.T):
        kept = cv2.erode(kept, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(kept > 0)


class ValidPixels:
    """Where an open image holds data, without its collar.

    A collar is a patch of pure black or pure white pixels, at least `LEAST_COLLAR_PX` large, that
    reaches the edge of the image; pixels without data may be part of it and connect it. A black
    roof inside stays, whatever its size.

    Args:
        source: The open image.
        strips: Compressed masks of the collar, strip by strip; empty where there is none.
    """

    def __init__(self, source: RasterSource, strips: Sequence[bytes]) -> None:
        self._source = source
        self._strips = tuple(strips)
        self._unpack = lru_cache(maxsize=CACHED_STRIPS)(self._unpack_strip)

    @property
    def has_collar(self) -> bool:
        """True where a collar was found."""
        return bool(self._strips)

    def read(self, x0: int, y0: int, x1: int, y1: int) -> Patch:
        """Read a window; its collar counts as missing data.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """
        patch = self._source.read(x0, y0, x1, y1)
        if not self._strips:
            return patch
        numbers = range(y0 // STRIP_ROWS, (y1 - 1) // STRIP_ROWS + 1)
        collar = np.concatenate([self._unpack(number)[:, x0:x1] for number in numbers])
        first = y0 - numbers[0] * STRIP_ROWS
        return replace(patch, valid=patch.valid & ~collar[first : first + y1 - y0])

    def _unpack_strip(self, number: int) -> Mask:
        return _unpacked(self._strips[number], self._source.info.width)


def find_valid(source: RasterSource) -> ValidPixels:
    """Find the collar of an image.

    First the four edges are read: without a pure black or white pixel there, there is no collar,
    and the image is not read any further. Otherwise it is read once, in strips; patches are
    followed from strip to strip, so the result is exact. Held in memory are one strip of pixels,
    compressed masks and a few bytes for each patch.

    Args:
        source: The open image.

    Raises:
        DamagedImage: The file breaks off or is broken.
    """
    colours = [colour for colour in COLLAR_COLOURS if _on_edge(source, colour)]
    if not colours:
        return ValidPixels(source, ())
    tables = [_Patches() for _ in colours]
    packed: list[list[bytes]] = [[] for _ in colours]
    height = source.info.height
    for first, patch in _strips(source):
        for colour, table, kept in zip(colours, tables, packed, strict=True):
            candidates = _candidates(patch, colour)
            kept.append(_packed(candidates))
            table.add(_label(candidates), first == 0, first + len(candidates) == height)
    in_collar = [table.in_collar() for table in tables]
    shared = [
        _collar(strips, kept, source.info.width)
        for strips, kept in zip(
            zip(*packed, strict=True), zip(*in_collar, strict=True), strict=True
        )
    ]
    found = any(mask.any() for mask in (_unpacked(one, source.info.width) for one in shared))
    return ValidPixels(source, shared if found else ())


def without_collar(patch: Patch) -> Patch:
    """Count the collar of a whole image that is held in memory, a shrunk one for example.

    Args:
        patch: The image; its edges are the image's.
    """
    height, width = patch.valid.shape
    info = RasterInfo("", "", width, height, 3, "")
    return find_valid(_Held(patch, info)).read(0, 0, width, height)


class _Held(RasterSource):
    """An image in memory."""

    decoded = True

    def __init__(self, patch: Patch, info: RasterInfo) -> None:
        self._patch, self.info = patch, info

    def read(self, x0: int, y0: int, x1: int, y1: int) -> Patch:
        rows, columns, nir = slice(y0, y1), slice(x0, x1), self._patch.nir
        return Patch(
            self._patch.rgb[rows, columns],
            self._patch.valid[rows, columns],
            None if nir is None else nir[rows, columns],
        )

    def overview(self, longest_side_px: int) -> Patch:
        return self._patch

    def close(self) -> None:
        """There is nothing to close."""


class _Patches:
    """Patches of one colour, strip by strip, and which of them touch across a seam."""

    def __init__(self) -> None:
        self._sizes: list[Counts] = []
        self._on_edge: list[Mask] = []
        self._touching: list[Counts] = []
        self._last_row: Labels | None = None
        self._before = self._count = 0

    def add(self, labels: Labels, at_top: bool, at_bottom: bool) -> None:
        """Take in the next strip.

        Args:
            labels: Number of each pixel's patch in the strip, 0 for none.
            at_top: The strip's first row is the image's.
            at_bottom: The strip's last row is the image's.
        """
        sizes = np.bincount(labels.ravel())
        on_edge = np.zeros(len(sizes), dtype=bool)
        on_edge[labels[:, [0, -1]]] = True
        for row, is_edge in ((labels[0], at_top), (labels[-1], at_bottom)):
            on_edge[row] |= is_edge
        if self._last_row is not None:
            both = (self._last_row > 0) & (labels[0] > 0)
            pairs = (self._last_row[both] + self._before, labels[0][both] + self._count)
            self._touching.append(np.stack(pairs).astype(np.int64))
        self._sizes.append(sizes)
        self._on_edge.append(on_edge)
        self._last_row = labels[-1].copy()
        self._before, self._count = self._count, self._count + len(sizes)

    def in_collar(self) -> list[Mask]:
        """Tell for each strip which of its patches are part of the collar; 0 never is."""
        first, second = np.concatenate([np.empty((2, 0), dtype=np.int64), *self._touching], axis=1)
        ones = np.ones(len(first), dtype=bool)
        graph = coo_array((ones, (first, second)), shape=(self._count, self._count))
        _, whole = connected_components(graph, directed=False)
        size = np.bincount(whole, weights=np.concatenate(self._sizes))
        on_edge = np.bincount(whole, weights=np.concatenate(self._on_edge)) > 0
        kept = (on_edge & (size >= LEAST_COLLAR_PX))[whole]
        strips = np.split(kept, np.cumsum([len(sizes) for sizes in self._sizes])[:-1])
        for strip in strips:
            strip[0] = False
        return strips


def _strips(source: RasterSource) -> Iterator[tuple[int, Patch]]:
    width, height = source.info.width, source.info.height
    for first in range(0, height, STRIP_ROWS):
        yield first, source.read(0, first, width, min(first + STRIP_ROWS, height))


def _candidates(patch: Patch, colour: int) -> Mask:
    return _is_pure(patch.rgb, colour) | ~patch.valid


def _is_pure(rgb: Rgb, colour: int) -> Mask:
    red, green, blue = np.moveaxis(rgb, 2, 0)
    return np.asarray((red == colour) & (green == colour) & (blue == colour))


def _on_edge(source: RasterSource, colour: int) -> bool:
    width, height = source.info.width, source.info.height
    edges = [(0, 0, width, 1), (0, height - 1, width, height)]
    edges += [(0, 0, 1, height), (width - 1, 0, width, height)]
    return any(_is_pure(source.read(*edge).rgb, colour).any() for edge in edges)


def _label(candidates: Mask) -> Labels:
    return np.asarray(cv2.connectedComponents(candidates.astype(np.uint8), connectivity=4)[1])


def _collar(strips: Sequence[bytes], in_collar: Sequence[Mask], width: int) -> bytes:
    masks = [
        kept[_label(_unpacked(strip, width))] for strip, kept in zip(strips, in_collar, strict=True)
    ]
    return _packed(np.logical_or.reduce(masks))


def _packed(mask: Mask) -> bytes:
    return zlib.compress(np.packbits(mask, axis=1).tobytes(), level=1)


def _unpacked(data: bytes, width: int) -> Mask:
    columns = -(-width // 8)
    bits = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(-1, columns)
    return np.unpackbits(bits, axis=1, count=width).astype(bool)
