"""Seamless noise that is addressed by the pixel grid of the town."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from shared.demo_city.grid import Pixels
from shared.demo_city.randomness import stream

BANK_PX: Final = 2_048
GRAIN_M: Final = 0.12
STAINS_M: Final = (0.7, 3.0)
LEAST_SIGMA_PX: Final = 0.35

Plane = NDArray[np.float32]


@lru_cache(maxsize=16)
def _bank(seed: int, name: str, sigma_px: float) -> Plane:
    white = stream(seed, f"noise {name}").standard_normal((BANK_PX, BANK_PX), np.float32)
    smooth = gaussian_filter(white, sigma_px, mode="wrap") if sigma_px > LEAST_SIGMA_PX else white
    bank: Plane = smooth / smooth.std(dtype=np.float64).astype(np.float32)
    return bank


def noise(pixels: Pixels, seed: int, name: str, sigma_px: float) -> Plane:
    """Return noise of mean 0 and standard deviation 1.

    Args:
        pixels: Where.
        seed: Seed of the town.
        name: Another name gives other noise.
        sigma_px: How far it is smoothed [px].

    Returns:
        Rows x columns; equal pixels of the grid have equal values.
    """
    bank = _bank(seed, name, sigma_px)
    rows = np.arange(pixels.row, pixels.row + pixels.height) % BANK_PX
    columns = np.arange(pixels.column, pixels.column + pixels.width) % BANK_PX
    return bank.take(rows, axis=0).take(columns, axis=1)


def grain(pixels: Pixels, seed: int) -> Plane:
    """Return fine noise; where a pixel is larger than a grain, it sees the mean of many."""
    sigma = GRAIN_M / pixels.gsd_m
    return noise(pixels, seed, "grain", sigma) * np.float32(min(1.0, 0.4 + sigma))


def stain(pixels: Pixels, seed: int) -> Plane:
    """Return coarse noise of two sizes, standard deviation about 1."""
    sizes = [noise(pixels, seed, f"stain {size}", size / pixels.gsd_m) for size in STAINS_M]
    mixed: Plane = np.float32(0.7) * (sizes[0] + sizes[1])
    return mixed
