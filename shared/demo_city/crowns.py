"""Crowns of trees as uneven domes and cones on the height field."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.grid import Pixels
from shared.demo_city.noise import noise
from shared.demo_city.species import TABLE
from shared.demo_city.vegetation import Trees

EDGE: Final = 1.3
LEAF_M: Final = 0.32
BRANCH_M: Final = 0.95
UNEVEN: Final = (0.22, 0.3)
"""How much leaves and branches move the edge of a crown."""
BUMPY: Final = (0.035, 0.06)
"""How much they move its surface, as a share of the height."""


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
    leaves = noise(pixels, seed, "leaves", LEAF_M / pixels.gsd_m)
    branches = noise(pixels, seed, "branches", BRANCH_M / pixels.gsd_m)
    edge = np.maximum(
        1 + np.float32(UNEVEN[0]) * leaves + np.float32(UNEVEN[1]) * branches, np.float32(0.35)
    )
    bumps = 1 + np.float32(BUMPY[0]) * leaves + np.float32(BUMPY[1]) * branches
    west, south, east, north = pixels.bounds_m
    reach = trees.radius * EDGE
    x, y = trees.place[:, 0], trees.place[:, 1]
    near = (x + reach > west) & (x - reach < east) & (y + reach > south) & (y - reach < north)
    for index in np.flatnonzero(near).tolist():
        circle = (
            (north - float(y[index])) / pixels.gsd_m - 0.5,
            (float(x[index]) - west) / pixels.gsd_m - 0.5,
            float(trees.radius[index]) / pixels.gsd_m,
        )
        one = TABLE[trees.species[index]]
        shape = (float(trees.height[index]), one.drop, one.power)
        _stamp(height, seen, (edge, bumps), circle, shape, index + 1)
    return seen


def _stamp(
    height: NDArray[np.float32],
    seen: NDArray[np.int32],
    uneven: tuple[NDArray[np.float32], NDArray[np.float32]],
    circle: tuple[float, float, float],
    shape: tuple[float, float, float],
    number: int,
) -> None:
    row, column, radius = circle
    top_m, drop, power = shape
    reach = radius * EDGE + 1
    rows = slice(max(0, int(row - reach)), min(height.shape[0], int(row + reach) + 1))
    columns = slice(max(0, int(column - reach)), min(height.shape[1], int(column + reach) + 1))
    y = np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(row)
    x = np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(column)
    edge, bumps = (field[rows, columns] for field in uneven)
    share = ((y * y)[:, None] + x * x) * (edge * np.float32(1 / (radius * radius)))
    fallen = (
        np.sqrt(share) if power == 0.5 else share if power == 1.0 else share ** np.float32(power)
    )
    dome = (1 - np.float32(drop) * fallen) * (bumps * np.float32(top_m))
    below = height[rows, columns]
    covered = (share < 1) & (dome > below)
    below[covered] = dome[covered]
    seen[rows, columns][covered] = number
