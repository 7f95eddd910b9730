"""Crowns of trees as uneven domes and cones on the height field."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.noise import PER_SIGMA, noise_steps
from shared.demo_city.trees.species import TABLE
from shared.demo_city.trees.vegetation import Trees

EDGE: Final = 1.3
LEAF_M: Final = 0.32
BRANCH_M: Final = 0.95
UNEVEN: Final = (0.22, 0.3)
"""How much leaves and branches move the edge of a crown."""
BUMPY: Final = (0.035, 0.06)
"""How much they move its surface, as a share of the height."""
FALL_STEPS: Final = 1_024
"""Steps from the top of a crown to its edge in which its form is known."""


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
    uneven = (
        noise_steps(pixels, seed, "leaves", LEAF_M / pixels.gsd_m),
        noise_steps(pixels, seed, "branches", BRANCH_M / pixels.gsd_m),
    )
    chosen = near(trees, pixels.bounds_m)
    place = np.stack([pixels.size_m - trees.place[chosen, 1], trees.place[chosen, 0]], axis=1)
    place = place / pixels.gsd_m - 0.5
    # Whole pixels and the rest apart: a crown has the same shape in every rectangle.
    whole = np.floor(place).astype(np.int64)
    rest = (place - whole).tolist()
    corner = (whole - (pixels.row, pixels.column)).tolist()
    for index, (row, column), (down, right) in zip(chosen.tolist(), corner, rest, strict=True):
        circle = _Circle(row, column, down, right, float(trees.radius[index]) / pixels.gsd_m)
        one = TABLE[trees.species[index]]
        shape = (float(trees.height[index]), one.drop, one.power)
        _stamp(height, seen, uneven, circle, shape, index + 1)
    return seen


def near(trees: Trees, bounds_m: tuple[float, float, float, float]) -> NDArray[np.int64]:
    """Return the places of the trees that may be seen in a rectangle.

    Args:
        trees: The trees.
        bounds_m: West, south, east, north [m].
    """
    west, south, east, north = bounds_m
    reach = trees.radius * EDGE
    x, y = trees.place.T
    return np.flatnonzero(
        (x + reach > west) & (x - reach < east) & (y + reach > south) & (y - reach < north)
    )


class _Circle(NamedTuple):
    """Crown from above: whole and further part of row and column of its middle, radius [px]."""

    row: int
    column: int
    down: float
    right: float
    radius: float


def _stamp(
    height: NDArray[np.float32],
    seen: NDArray[np.int32],
    uneven: tuple[NDArray[np.int8], NDArray[np.int8]],
    circle: _Circle,
    shape: tuple[float, float, float],
    number: int,
) -> None:
    row, column, down, right, radius = circle
    top_m, drop, power = shape
    reach = int(np.ceil(radius * EDGE)) + 1
    rows = slice(max(0, row - reach), min(height.shape[0], row + reach + 1))
    columns = slice(max(0, column - reach), min(height.shape[1], column + reach + 1))
    y = np.arange(rows.start - row, rows.stop - row, dtype=np.float32) - np.float32(down)
    x = np.arange(columns.start - column, columns.stop - column, dtype=np.float32)
    x -= np.float32(right)
    leaves, branches = (field[rows, columns] for field in uneven)
    share = _mixed(leaves, branches, UNEVEN)
    np.maximum(share, np.float32(0.35), out=share)
    share *= (y * y / np.float32(radius * radius))[:, None] + x * x / np.float32(radius * radius)
    dome = _fallen(share, power) * np.float32(-drop * top_m)
    dome += np.float32(top_m)
    dome *= _mixed(leaves, branches, BUMPY)
    below = height[rows, columns]
    covered = dome > below
    covered &= share < 1
    np.copyto(below, dome, where=covered)
    np.copyto(seen[rows, columns], number, where=covered)


def _mixed(
    leaves: NDArray[np.int8], branches: NDArray[np.int8], by: tuple[float, float]
) -> NDArray[np.float32]:
    mixed: NDArray[np.float32] = leaves * np.float32(by[0] / PER_SIGMA)
    mixed += branches * np.float32(by[1] / PER_SIGMA)
    mixed += 1
    return mixed


def _fallen(share: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    """Return how far a crown has fallen at a share of its squared radius, 0 to 1 at its edge."""
    if power == 0.5:
        root: NDArray[np.float32] = np.sqrt(share)
        return root
    if power == 1.0:
        return share
    steps = (share * np.float32(FALL_STEPS)).astype(np.int32)
    return _falls(power).take(steps, mode="clip")


@cache
def _falls(power: float) -> NDArray[np.float32]:
    """Return powers of shares; powers in single precision differ from processor to processor."""
    shares = (np.arange(FALL_STEPS) + 0.5) / FALL_STEPS
    powers: NDArray[np.float32] = np.round(shares**power, 6).astype(np.float32)
    return powers
