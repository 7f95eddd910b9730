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

    def area(self) -> Polygon:
        """Return the rectangle within the town [m]."""
        return shapely.box(*self.bounds_m)

    def to_pixels(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in pixel coordinates, no vertex on the centre of a pixel.

        Args:
            geometries: Geometries within the town [m].
        """

        def move(places: NDArray[np.float64]) -> NDArray[np.float64]:
            x = places[:, 0] / self.gsd_m - self.column
            y = (self.size_m - places[:, 1]) / self.gsd_m - self.row
            fine = np.round(np.stack([x, y], axis=1) * VERTEX_PER_PX)
            moved: NDArray[np.float64] = fine / VERTEX_PER_PX + 0.5 / VERTEX_PER_PX
            return moved

        transformed: NDArray[np.object_] = shapely.transform(geometries, move)
        return transformed

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
