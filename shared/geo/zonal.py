"""Area of each class inside each polygon, exact to the part of a pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from shared.errors import CoordinatesMixed
from shared.geo.crs import parse_crs, require_true_metres
from shared.geo.nodata import NO_DATA
from shared.geo.polygons import as_multipolygon
from shared.geo.raster import Affine
from shared.geo.windowed import small_cache

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRIP_PX = 4_000_000
CHUNK_PX = 4_000_000
LEAST_OUTSIDE_PX = 1e-4
"""Map coordinates of a polygon that ends with the raster are no more exact than this."""
CODES = frozenset(range(NO_DATA))
LEAST_PART = 1e-9
"""Covered parts below this are rounding."""


@dataclass(frozen=True, slots=True)
class ClassRaster:
    """A raster of class codes that is read in windows.

    Args:
        width: Columns [px].
        height: Rows [px].
        transform: Pixel to map coordinates, see `RasterInfo`.
        read: Gives the codes of a window from its left, upper, right and lower edge [px], uint8
            of shape (rows, columns); `NO_DATA` where nothing is known.
        crs: "EPSG:n" in true metres.
        classes: Codes that may occur beside `NO_DATA`.

    Raises:
        ValueError: There is no pixel, the transform leads nowhere, or the classes are not different
            codes from 0 to 254.
    """

    width: int
    height: int
    transform: Affine
    read: Callable[[int, int, int, int], Codes]
    crs: str
    classes: Sequence[int] = field(default=tuple(range(10)))

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.transform
        has_place = np.isfinite(self.transform).all() and a * e != b * d
        if self.width < 1 or self.height < 1 or not has_place:
            message = f"{self.width} x {self.height} pixels at {self.transform} cover no place"
            raise ValueError(message)
        if len(set(self.classes)) < len(self.classes) or not set(self.classes) < CODES:
            message = f"{self.classes} are no classes"
            raise ValueError(message)


def class_raster_of(
    codes: Codes, transform: Affine, crs: str, classes: Sequence[int] = tuple(range(10))
) -> ClassRaster:
    """Wrap an array of codes in memory; see `ClassRaster` for the arguments."""
    height, width = codes.shape

    def read(x0: int, y0: int, x1: int, y1: int) -> Codes:
        return codes[y0:y1, x0:x1]

    return ClassRaster(width, height, transform, read, crs, classes)


@contextmanager
def open_class_raster(
    path: Path, classes: Sequence[int] = tuple(range(10))
) -> Iterator[ClassRaster]:
    """Open a GeoTIFF of codes that this software wrote; only windows of it are decoded.

    Args:
        path: File with one band of 8 bits.
        classes: Codes that may occur beside `NO_DATA`.
    """
    with rasterio.open(path) as dataset:

        def read(x0: int, y0: int, x1: int, y1: int) -> Codes:
            window = Window(x0, y0, x1 - x0, y1 - y0)
            with small_cache():
                return np.asarray(dataset.read(1, window=window), dtype=np.uint8)

        a, b, c, d, e, f = tuple(dataset.transform)[:6]
        crs = f"EPSG:{dataset.crs.to_epsg()}"
        yield ClassRaster(
            dataset.width, dataset.height, (a, b, c, d, e, f), read, crs, tuple(classes)
        )


def count_classes(raster: ClassRaster, polygons: gpd.GeoSeries) -> pd.DataFrame:
    """Measure the area of each class inside each polygon.

    Pixels that an edge cuts count with the exact part inside, so nothing has to be rescaled and
    the columns add up to the area of the polygon. The raster is read in strips of at most
    `STRIP_PX` pixels; each overlapping polygon gets its own full count.

    Args:
        raster: Codes in a metric coordinate system.
        polygons: Polygons or multipolygons in the raster's system; broken ones are repaired, None
            and empty ones have no area.

    Returns:
        One row per polygon with its index; columns `area_m2`, `class_<code>_m2` for each class,
        `no_data_m2` (inside the raster, unknown), `outside_m2` (beside the raster).

    Raises:
        CoordinatesInDegrees: The raster's system has no true metres.
        CoordinatesMixed: The polygons lie in another system, or nobody says in which.
        ValueError: The raster holds a code that is none of its classes, or a polygon has a corner
            that is no number.
    """
    _same_system(raster, polygons)
    pixel_m2 = abs(
        raster.transform[0] * raster.transform[4] - raster.transform[1] * raster.transform[3]
    )
    if not np.isfinite(shapely.get_coordinates(polygons.to_numpy())).all():
        message = "a corner of a polygon is no number"
        raise ValueError(message)
    geometries = np.array([_polygonal(one) for one in polygons], dtype=object)
    shapes = _to_pixels(geometries, raster.transform)
    frame = box(0, 0, raster.width, raster.height)
    area_px = shapely.area(shapes)
    whole = shapely.covers(frame, shapes)
    inside = shapes.copy()
    inside[~whole] = shapely.intersection(shapes[~whole], frame)
    counts = _count(raster, inside)
    outside = np.where(whole, 0.0, area_px - shapely.area(inside))
    outside[outside < LEAST_OUTSIDE_PX] = 0.0
    columns = {"area_m2": area_px * pixel_m2}
    for position, code in enumerate(raster.classes):
        columns[f"class_{code}_m2"] = counts[:, position] * pixel_m2
    columns["no_data_m2"] = counts[:, -1] * pixel_m2
    columns["outside_m2"] = outside * pixel_m2
    return pd.DataFrame(columns, index=polygons.index)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Directed edges of all polygons in pixels; the polygon lies on a fixed side.

    Args:
        owner: Index of the polygon, shape (n,).
        start: x and y of the start, shape (n, 2).
        end: x and y of the end, shape (n, 2).
    """

    owner: Ints
    start: Floats
    end: Floats


@dataclass(frozen=True, slots=True)
class _Runs:
    """Neighbouring pixels of a row that a polygon covers by the same part.

    Args:
        owner: Index of the polygon, shape (n,).
        row: Row [px].
        column: First column [px].
        length: Number of columns [px].
        part: Covered part of each pixel, 0 to 1.
    """

    owner: Ints
    row: Ints
    column: Ints
    length: Ints
    part: Floats


def _same_system(raster: ClassRaster, polygons: gpd.GeoSeries) -> None:
    expected = require_true_metres(raster.crs)
    found = polygons.crs
    if found is None or parse_crs(found.to_wkt()) != expected:
        raise CoordinatesMixed(systems=f"{raster.crs}, {found.to_string() if found else '?'}")


def _polygonal(geometry: BaseGeometry | None) -> BaseGeometry:
    if geometry is None:
        return shapely.MultiPolygon()
    if geometry.is_valid and geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    return as_multipolygon(geometry)


def _to_pixels(geometries: NDArray[np.object_], transform: Affine) -> NDArray[np.object_]:
    a, b, c, d, e, f = transform
    back = np.linalg.inv(np.array([[a, b], [d, e]]))
    moved = shapely.transform(
        shapely.force_2d(geometries), lambda points: (points - (c, f)) @ back.T
    )
    return np.asarray(shapely.orient_polygons(moved))


def _count(raster: ClassRaster, shapes: NDArray[np.object_]) -> Floats:
    """Return covered pixels of shape (polygons, classes + 1); the last column is no-data."""
    table = np.full(256, 255, dtype=np.uint8)
    table[list(raster.classes)] = np.arange(len(raster.classes))
    table[NO_DATA] = len(raster.classes)
    counts = np.zeros((len(shapes), len(raster.classes) + 1))
    edges = _edges(shapes)
    rows = max(1, STRIP_PX // raster.width)
    for y0 in range(0, raster.height, rows):
        runs = _runs(_cut(edges, y0, min(y0 + rows, raster.height)), raster.width)
        if len(runs.owner):
            _add(counts, raster, table, runs)
    return counts


def _add(counts: Floats, raster: ClassRaster, table: Codes, runs: _Runs) -> None:
    """Read the window that runs lie in and count its codes."""
    x0, x1 = int(runs.column.min()), int((runs.column + runs.length).max())
    y0, y1 = int(runs.row.min()), int(runs.row.max()) + 1
    codes = table[raster.read(x0, y0, x1, y1)]
    if codes.max() == 255:
        message = "the raster holds a code that is none of its classes"
        raise ValueError(message)
    flat, size = codes.ravel(), counts.shape[1]
    starts = (runs.row - y0) * (x1 - x0) + runs.column - x0
    owners, local = np.unique(runs.owner, return_inverse=True)
    for chunk in _chunks(runs.length):
        length = runs.length[chunk]
        shift = np.repeat(starts[chunk] - np.cumsum(length) + length, length)
        pixels = flat[np.arange(len(shift)) + shift]
        groups = np.repeat(local[chunk] * size, length) + pixels
        found = np.bincount(
            groups, weights=np.repeat(runs.part[chunk], length), minlength=len(owners) * size
        )
        counts[owners] += found.reshape(-1, size)


def _chunks(lengths: Ints) -> Iterator[slice]:
    """Divide runs so that each group holds about `CHUNK_PX` pixels."""
    ends = np.cumsum(lengths)
    cuts = np.searchsorted(ends, np.arange(CHUNK_PX, ends[-1], CHUNK_PX)).tolist()
    bounds = sorted({0, *cuts, len(lengths)})
    yield from (slice(first, last) for first, last in pairwise(bounds))


def _edges(shapes: NDArray[np.object_]) -> _Edges:
    """Take polygons apart; horizontal edges bound no area and stay out."""
    parts, owners = shapely.get_parts(shapes, return_index=True)
    polygonal = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, owners_of_rings = shapely.get_rings(parts[polygonal], return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inner = ring[1:] == ring[:-1]
    start, end = points[:-1][inner], points[1:][inner]
    owner = owners[polygonal][owners_of_rings][ring[:-1][inner]]
    slanted = start[:, 1] != end[:, 1]
    return _Edges(owner[slanted].astype(np.int64), start[slanted], end[slanted])


def _cut(edges: _Edges, y0: int, y1: int) -> _Edges:
    """Cut the edges of a strip into pieces that each lie in one pixel."""
    low = np.minimum(edges.start[:, 1], edges.end[:, 1])
    high = np.maximum(edges.start[:, 1], edges.end[:, 1])
    near = (low < y1) & (high > y0)
    strip = _Edges(edges.owner[near], edges.start[near], edges.end[near])
    return _cut_at_lines(_cut_at_lines(strip, axis=1, first=y0, last=y1), axis=0)


def _cut_at_lines(edges: _Edges, axis: int, first: float = -np.inf, last: float = np.inf) -> _Edges:
    """Cut edges where a coordinate is a whole number, and off beyond two lines.

    Args:
        edges: Edges.
        axis: 0 cuts at columns, 1 at rows.
        first: Nothing before this line is kept.
        last: Nothing behind this line is kept.
    """
    a, b = edges.start[:, axis], edges.end[:, axis]
    low = np.maximum(np.minimum(a, b), first)
    high = np.minimum(np.maximum(a, b), last)
    line = np.floor(low)
    pieces = np.maximum(1, np.ceil(high) - line).astype(np.int64)
    edge = np.repeat(np.arange(len(pieces)), pieces)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    below = np.maximum(low[edge], line[edge] + number)
    above = np.minimum(high[edge], line[edge] + number + 1)
    forward = (b >= a)[edge]
    start = _points_at(edges, edge, axis, np.where(forward, below, above))
    end = _points_at(edges, edge, axis, np.where(forward, above, below))
    along = (a == b)[edge]
    start[along], end[along] = edges.start[edge[along]], edges.end[edge[along]]
    return _Edges(edges.owner[edge], start, end)


def _points_at(edges: _Edges, edge: Ints, axis: int, value: Floats) -> Floats:
    """Return the points of edges where one coordinate has a value; ends stay exact."""
    start, end = edges.start[edge], edges.end[edge]
    a, b = start[:, axis], end[:, axis]
    length = np.where(a == b, 1.0, b - a)
    points = np.empty_like(start)
    points[:, axis] = value
    other = start[:, 1 - axis] + (value - a) / length * (end[:, 1 - axis] - start[:, 1 - axis])
    other = np.where(value == b, end[:, 1 - axis], other)
    points[:, 1 - axis] = np.where(value == a, start[:, 1 - axis], other)
    return points


def _runs(pieces: _Edges, width: int) -> _Runs:
    """Add up what pieces of edges bound, from left to right in each row.

    A piece bounds, in its own pixel, the area between itself and the pixel's right side, and the
    whole height it spans in every pixel to the right (the method of scan conversion by signed
    areas). The sum over a closed ring is the covered part of each pixel.
    """
    (x_start, y_start), (x_end, y_end) = pieces.start.T, pieces.end.T
    middle_x, height = (x_start + x_end) / 2, y_start - y_end
    row = np.floor((y_start + y_end) / 2).astype(np.int64)
    column = np.clip(np.floor(middle_x), 0, width - 1).astype(np.int64)
    right = (middle_x - column) * height
    key = (pieces.owner * (row.max(initial=0) + 1) + row) * (width + 1) + column
    cells, cell = np.unique(np.concatenate([key, key + 1]), return_inverse=True)
    change = np.bincount(cell, np.concatenate([height - right, right]), len(cells))
    line, columns = np.divmod(cells, width + 1)
    part = np.cumsum(change)
    is_last = np.append(line[1:] != line[:-1], True)[: len(line)]
    length = np.where(is_last, 0, np.append(columns[1:], 0)[: len(line)] - columns)
    kept = (length > 0) & (np.abs(part) > LEAST_PART)
    owner, row = np.divmod(line[kept], row.max(initial=0) + 1)
    return _Runs(owner, row, columns[kept], length[kept], np.abs(part[kept]))
