"""The pixel grid of a town: whole chunks of it are rendered, windows are cut out of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

CHUNK_PX: Final = 2_500
MARGIN_M: Final = 60.0
"""How far around a chunk the town must be known, so that shadows and blur come from beyond it."""
VERTEX_PER_PX: Final = 256


@dataclass(frozen=True, slots=True)
class Steps:
    """Planes in whole numbers.

    Args:
        right: Rise from column to column, n.
        down: Rise from row to row, n.
        first: Value at the first row and column, n.
    """

    right: NDArray[np.int32]
    down: NDArray[np.int32]
    first: NDArray[np.int32]

    def counted(
        self,
        row: NDArray[np.int32],
        column: NDArray[np.int32],
        plane: NDArray[np.integer] | np.integer,
    ) -> NDArray[np.int32]:
        """Return the value of a plane at each pixel, or of one plane per pixel.

        Args:
            row: Rows in the rectangle.
            column: Columns in the rectangle.
            plane: Number of the plane, or one per pixel.
        """
        counted: NDArray[np.int32] = self.right.take(plane) * column
        counted += self.down.take(plane) * row
        counted += self.first.take(plane)
        return counted


@dataclass(frozen=True, slots=True)
class Pixels:
    """A rectangle of whole pixels; rows run south, columns east from the upper left of the town.

    Args:
        gsd_m: Ground sampling distance [m].
        size_m: Height of the town, where row 0 begins [m].
        column: First column.
        row: First row.
        width: Number of columns.
        height: Number of rows.
    """

    gsd_m: float
    size_m: float
    column: int
    row: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as arrays name them."""
        return self.height, self.width

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east and north within the town [m]."""
        west, north = self.column * self.gsd_m, self.size_m - self.row * self.gsd_m
        return west, north - self.height * self.gsd_m, west + self.width * self.gsd_m, north

    @classmethod
    def over(
        cls, bounds_m: tuple[float, float, float, float], gsd_m: float, size_m: float
    ) -> Pixels:
        """Return the pixels of a rectangle.

        Args:
            bounds_m: West, south, east and north within the town [m].
            gsd_m: Ground sampling distance [m].
            size_m: Height of the town [m].

        Raises:
            ValueError: The rectangle is empty or ends within a pixel.
        """
        west, south, east, north = bounds_m
        exact = [west / gsd_m, (size_m - north) / gsd_m, east / gsd_m, (size_m - south) / gsd_m]
        left, top, right, bottom = (round(value) for value in exact)
        near = np.allclose(exact, [left, top, right, bottom], rtol=0, atol=1e-6)
        if not near or right <= left or bottom <= top:
            message = f"{bounds_m} is no rectangle of whole pixels of {gsd_m} m"
            raise ValueError(message)
        return cls(gsd_m, size_m, left, top, right - left, bottom - top)

    def grown(self, by_px: int) -> Pixels:
        """Return the rectangle with a margin."""
        return Pixels(
            self.gsd_m,
            self.size_m,
            self.column - by_px,
            self.row - by_px,
            self.width + 2 * by_px,
            self.height + 2 * by_px,
        )

    def aligned(self, by_px: int) -> Pixels:
        """Return the rectangle grown to whole blocks of so many pixels of the town's grid."""
        column, row = (place // by_px * by_px for place in (self.column, self.row))
        width = -(-(self.column + self.width - column) // by_px) * by_px
        height = -(-(self.row + self.height - row) // by_px) * by_px
        return Pixels(self.gsd_m, self.size_m, column, row, width, height)

    def within(self, larger: Pixels) -> tuple[slice, slice]:
        """Return the rows and columns of this rectangle in one that holds it."""
        top, left = self.row - larger.row, self.column - larger.column
        return slice(top, top + self.height), slice(left, left + self.width)

    def area(self) -> Polygon:
        """Return the rectangle within the town [m]."""
        return shapely.box(*self.bounds_m)

    def to_pixels(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in pixel coordinates, no vertex on the centre of a pixel.

        Args:
            geometries: Geometries within the town [m].
        """

        def move(places: NDArray[np.float64]) -> NDArray[np.float64]:
            world = np.stack([places[:, 0], self.size_m - places[:, 1]], axis=1) / self.gsd_m
            # Rounded within the town, so that a vertex lies alike in every rectangle.
            fine = np.round(world * VERTEX_PER_PX) - np.array([self.column, self.row]) * float(
                VERTEX_PER_PX
            )
            moved: NDArray[np.float64] = fine / VERTEX_PER_PX + 0.5 / VERTEX_PER_PX
            return moved

        transformed: NDArray[np.object_] = shapely.transform(geometries, move)
        return transformed

    def steps(self, planes: NDArray[np.float64], places_m: NDArray[np.float64], bits: int) -> Steps:
        """Return planes over the town in whole numbers, which are the same in every rectangle.

        Args:
            planes: Rise per metre east, per metre north, and value at the origin; n x 3.
            places_m: Where each is exact [m], n x 2.
            bits: Bits of a value behind its point.
        """
        per_pixel = np.rint(planes[:, :2] * (self.gsd_m * 2.0**bits)) * (1, -1)
        # Pixels from the first one of this rectangle, counted in the town so that nothing rounds.
        x, y = places_m[:, 0] / self.gsd_m - 0.5, (self.size_m - places_m[:, 1]) / self.gsd_m - 0.5
        there = planes[:, 0] * places_m[:, 0] + planes[:, 1] * places_m[:, 1] + planes[:, 2]
        first = np.rint(there * 2.0**bits - per_pixel[:, 0] * x - per_pixel[:, 1] * y)
        first += per_pixel[:, 0] * self.column + per_pixel[:, 1] * self.row
        # Whole numbers of 32 bits run over, and back again where they are added up.
        right, down = per_pixel.astype(np.int64).astype(np.int32).T.copy()
        return Steps(right, down, first.astype(np.int64).astype(np.int32))

    def centres_m(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return eastings of the columns and northings of the rows [m], at pixel centres."""
        x = (self.column + np.arange(self.width) + 0.5) * self.gsd_m
        y = self.size_m - (self.row + np.arange(self.height) + 0.5) * self.gsd_m
        return x.astype(np.float32), y.astype(np.float32)


def chunks_of(window: Pixels) -> Iterator[Pixels]:
    """Yield the chunks that a window meets, row by row."""
    for row in range(window.row // CHUNK_PX, (window.row + window.height - 1) // CHUNK_PX + 1):
        last = (window.column + window.width - 1) // CHUNK_PX
        for column in range(window.column // CHUNK_PX, last + 1):
            yield Pixels(
                window.gsd_m, window.size_m, column * CHUNK_PX, row * CHUNK_PX, CHUNK_PX, CHUNK_PX
            )
