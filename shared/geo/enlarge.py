"""From the cells of a model to the pixels of the image: class, confidence and margin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.geo.nodata import NO_DATA
from shared.geo.tiling import Strip

CHUNK_ROWS = 64
"""Rows that are enlarged at once; a few float planes of them fit into the processor's cache."""

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClassStrip:
    """Finished rows of a class map on the pixels of the image.

    Args:
        y0: First row [px].
        codes: Class of each pixel, 255 without data; uint8 of shape (rows, columns).
        confidence: Probability of that class [%], 255 without data; same shape.
        margin: Lead over the second class [%], 255 without data; same shape.
    """

    y0: int
    codes: Codes
    confidence: Codes
    margin: Codes


@dataclass(frozen=True, slots=True)
class _Axis:
    """Between which cells the centre of each pixel lies along one axis."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    share: Values
    nearest: NDArray[np.intp]

    @classmethod
    def of(cls, length: int, grid: int, stride: int) -> _Axis:
        cells = -(-grid // stride)
        place = (np.arange(length) + 0.5) * (grid / (length * stride)) - 0.5
        place = np.clip(place, 0, cells - 1)
        low = np.floor(place).astype(np.intp)
        nearest = np.minimum(np.floor(place + 0.5).astype(np.intp), cells - 1)
        return cls(low, np.minimum(low + 1, cells - 1), (place - low).astype(np.float32), nearest)


def classify_strips(
    strips: Iterable[Strip],
    *,
    codes: Sequence[int],
    grid: tuple[int, int],
    stride: int,
    size: tuple[int, int],
    valid: Callable[[int, int], Mask],
) -> Iterator[ClassStrip]:
    """Say for every pixel of the image which class is most probable there.

    Probabilities are interpolated linearly between the centres of the cells and divided by their
    sum, so a cell that says nothing (no data, failed tile) takes no part; of equal classes the
    first wins. Memory holds one strip of cells and a few rows of pixels.

    Args:
        strips: Joined probabilities on the cells, from top to bottom without gap; 0 to 1.
        codes: Class code of each channel, below 255.
        grid: Columns and rows of the image on the model's pixels.
        stride: Model pixels per side of a cell.
        size: Columns and rows of the image itself [px].
        valid: Gives the rows y0 to y1 of the image's data mask, shape (y1 - y0, columns).

    Yields:
        Strips of at most `CHUNK_ROWS` rows from top to bottom, without gap.

    Raises:
        ValueError: The strips do not cover the image, or a strip has other channels.
    """
    columns, rows = (_Axis.of(*axis, stride) for axis in zip(size, grid, strict=True))
    held: Values | None = None
    first, done = 0, 0
    for strip in strips:
        if len(strip.values) != len(codes):
            message = f"{len(strip.values)} channels for {len(codes)} classes"
            raise ValueError(message)
        values = np.where(strip.covered, strip.values, np.float32(0))
        held = values if held is None else np.concatenate([held, values], axis=1)
        ready = int(np.searchsorted(rows.high, first + held.shape[1]))
        for y0 in range(done, ready, CHUNK_ROWS):
            part = slice(y0, min(y0 + CHUNK_ROWS, ready))
            yield _classify(held, first, part, (rows, columns), codes, valid(part.start, part.stop))
        done = ready
        if done == size[1]:
            return
        kept = int(rows.low[done]) - first
        held, first = held[:, kept:], first + kept
    message = f"row {done} and those below have no cells"
    raise ValueError(message)


def _classify(
    held: Values,
    first: int,
    part: slice,
    axes: tuple[_Axis, _Axis],
    codes: Sequence[int],
    valid: Mask,
) -> ClassStrip:
    rows, columns = axes
    top, end = int(rows.low[part.start]), int(rows.high[part.stop - 1]) + 1
    cells = held[:, top - first : end - first]
    low, high, share = rows.low[part] - top, rows.high[part] - top, rows.share[part, None]
    total = np.zeros(valid.shape, dtype=np.float32)
    best, second = np.full_like(total, -1), np.full_like(total, -1)
    places = np.zeros(valid.shape, dtype=np.uint8)
    for place, layer in enumerate(cells):
        wide = layer[:, columns.low]
        wide += columns.share * (layer[:, columns.high] - wide)
        full = wide[low]
        full += share * (wide[high] - full)
        total += full
        better = full > best
        np.maximum(second, np.where(better, best, full), out=second)
        np.copyto(best, full, where=better)
        np.copyto(places, place, where=better)
    known = np.asarray(cells.any(axis=0))[np.ix_(rows.nearest[part] - top, columns.nearest)] & valid
    scale = np.where(known, 100 / np.where(known, total, 1), 0)
    found = np.array(codes, dtype=np.uint8)[places]
    return ClassStrip(
        part.start,
        *(
            np.where(known, plane, NO_DATA).astype(np.uint8)
            for plane in (
                found,
                np.rint(best * scale),
                np.rint((best - np.maximum(second, 0)) * scale),
            )
        ),
    )
