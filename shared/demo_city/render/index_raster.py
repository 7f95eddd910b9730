"""Which polygon each pixel centre shows: exact, and fast for thousands of small polygons."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

Index = NDArray[np.int32]
SMALL_PX: Final = 3_000
"""Polygons whose rectangle has fewer pixels are filled here, larger ones by GDAL."""
WIDEST_PX: Final = 8_192


def index_raster(
    areas: NDArray[np.object_], numbers: NDArray[np.int64], shape: tuple[int, int]
) -> Index:
    """Return the number of the polygon that covers each pixel centre; the highest number wins.

    Args:
        areas: Polygons in pixel coordinates, columns right and rows down, no corner on the centre
            of a row.
        numbers: Their numbers, from 1, ascending.
        shape: Rows and columns.

    Returns:
        Numbers; 0 where there is no polygon.
    """
    left, top, right, bottom = shapely.bounds(areas).reshape(-1, 4).T
    meets = (right > 0) & (bottom > 0) & (left < shape[1]) & (top < shape[0])
    small = (right - left) * (bottom - top) < SMALL_PX
    painted = np.zeros(shape, np.int32)
    large = np.flatnonzero(meets & ~small)
    if large.size:
        shapes = zip(_shapes(areas[large]), numbers[large].tolist(), strict=True)
        rasterize(shapes, out=painted)
    few = np.flatnonzero(meets & small)
    if few.size:
        _fill_small(painted, areas[few], numbers[few].astype(np.int32))
    return painted


def _shapes(areas: NDArray[np.object_]) -> list[dict[str, object]]:
    """Return polygons as GeoJSON; all at once is several times faster than one by one."""
    _, places, (rings, polygons) = shapely.to_ragged_array(areas)[:3]
    pairs = places.tolist()
    lines = [pairs[start:end] for start, end in pairwise(rings.tolist())]
    return [
        {"type": "Polygon", "coordinates": lines[start:end]}
        for start, end in pairwise(polygons.tolist())
    ]


def _fill_small(painted: Index, areas: NDArray[np.object_], numbers: Index) -> None:
    """Fill polygons span by span: where their edges cross the middle line of a row."""
    row, first, last, polygon = _spans(areas, painted.shape)
    length = last - first
    keep = length > 0
    row, first, length, polygon = row[keep], first[keep], length[keep], polygon[keep]
    total = int(length.sum())
    before = np.cumsum(length) - length
    places = np.repeat(row * painted.shape[1] + first - before, length) + np.arange(total)
    number = np.repeat(numbers[polygon], length)
    level = painted.reshape(-1)
    # Spans come in ascending order of their polygons: of several writes to a pixel the last one,
    # which has the highest number, stays.
    level[places] = np.maximum(level.take(places), number)


def _spans(
    areas: NDArray[np.object_], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return row, first column, end column and polygon of each span, polygon by polygon."""
    _, places, (rings, polygons) = shapely.to_ragged_array(areas)[:3]
    ring = np.repeat(np.arange(len(rings) - 1), np.diff(rings))
    owner = np.repeat(np.arange(len(polygons) - 1), np.diff(polygons))[ring]
    joined = ring[1:] == ring[:-1]
    start, end, owner = places[:-1][joined], places[1:][joined], owner[:-1][joined]
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    rows, columns = shape
    top = np.clip(np.ceil(low - 0.5), 0, rows).astype(np.int64)
    count = np.clip(np.ceil(high - 0.5), 0, rows).astype(np.int64) - top
    crossed = count > 0
    start, end, owner, top, count = (values[crossed] for values in (start, end, owner, top, count))
    wide, high = (end - start).T
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - top, count)
    # Multiplied first: a crossing in the very middle of a pixel comes out exactly everywhere.
    across = (row + 0.5 - start[edge, 1]) * wide[edge] / high[edge] + start[edge, 0]
    column = np.ceil(np.clip(across, 0, columns) - 0.5).astype(np.int64)
    # One whole number orders the crossings by polygon, row and column at once.
    key = np.sort((owner[edge] * rows + row) * WIDEST_PX + column)
    line, column = np.divmod(key, WIDEST_PX)
    polygon, row = np.divmod(line[::2], rows)
    return row, column[::2], column[1::2], polygon
