"""Crowns of trees as uneven domes on the height field."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.grid import Pixels
from shared.demo_city.noise import noise
from shared.demo_city.vegetation import Trees

EDGE: Final = 1.25
UNEVEN: Final = 0.3
LEAF_SIGMA_M: Final = 0.55


def stamp_crowns(
    height: NDArray[np.float32], pixels: Pixels, trees: Trees, seed: int
) -> NDArray[np.int32]:
    """Put the crowns of all trees on a height field.

    Args:
        height: Height above ground [m]; changed in place.
        pixels: Where it lies.
        trees: The trees, lowest first.
        seed: Seed of the town.

    Returns:
        Number of the tree that is seen at each pixel, from 1; 0 where there is none.
    """
    seen = np.zeros(pixels.shape, np.int32)
    leaves = noise(pixels, seed, "leaves", LEAF_SIGMA_M / pixels.gsd_m)
    west, south, east, north = pixels.bounds_m
    reach = trees.radius * EDGE
    x, y = trees.place[:, 0], trees.place[:, 1]
    near = (x + reach > west) & (x - reach < east) & (y + reach > south) & (y - reach < north)
    for index in np.flatnonzero(near):
        column = (x[index] - west) / pixels.gsd_m - 0.5
        row = (north - y[index]) / pixels.gsd_m - 0.5
        radius = trees.radius[index] / pixels.gsd_m
        _stamp(
            height, seen, leaves, (row, column, radius), float(trees.height[index]), int(index) + 1
        )
    return seen


def _stamp(
    height: NDArray[np.float32],
    seen: NDArray[np.int32],
    leaves: NDArray[np.float32],
    circle: tuple[float, float, float],
    top_m: float,
    number: int,
) -> None:
    row, column, radius = circle
    reach = radius * EDGE + 1
    rows = slice(max(0, int(row - reach)), min(height.shape[0], int(row + reach) + 1))
    columns = slice(max(0, int(column - reach)), min(height.shape[1], int(column + reach) + 1))
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(row)
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None] - np.float32(column)
    uneven = leaves[rows, columns]
    share = (y * y + x * x) / np.float32(radius * radius) * (1 + np.float32(UNEVEN) * uneven)
    dome = np.float32(top_m) * (1 - np.float32(0.45) * share + np.float32(0.07) * uneven)
    covered = (share < 1) & (dome > height[rows, columns])
    height[rows, columns][covered] = dome[covered]
    seen[rows, columns][covered] = number
