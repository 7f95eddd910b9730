"""Seamless noise that is addressed by the pixel grid of the town."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from shared.demo_city.randomness import stream
from shared.demo_city.render.grid import Pixels

BANK_PX: Final = 1_024
WIDE_BANK_PX: Final = 2_048
WIDE_FROM_PX: Final = 6.0
"""Wider noise comes from larger tiles, so that no repetition is seen."""
PER_SIGMA: Final = 32
"""Steps of the stored noise per standard deviation; it ends at four of them."""
LADDER: Final = 1.2
"""Widths of banks grow by this factor, so that scenes of any pixel size share few banks."""
LEAST_SIGMA_PX: Final = 0.35
FINER: Final = 4.0
RAGGED: Final = 0.14
"""Ragged noise has waves of a quarter of its width with about half of its height."""

Plane = NDArray[np.float32]


# Scenes of training have any pixel size; fewer banks would be made anew again and again.
@lru_cache(maxsize=64)
def _bank(name: str, rung: int | None, ragged: bool) -> NDArray[np.int8]:
    """Return a tile of noise that meets itself at its borders."""
    size = WIDE_BANK_PX if rung is not None and LADDER**rung > WIDE_FROM_PX else BANK_PX
    white = stream(0, f"noise {name}").standard_normal((size, size), np.float32)
    if rung is not None:
        turns = np.fft.fftfreq(size) ** 2
        squares = turns[:, None] + turns[None, : size // 2 + 1]
        soft = np.exp(-2 * (np.pi * LADDER**rung) ** 2 * squares)
        if ragged:
            soft += RAGGED * np.exp(-2 * (np.pi * LADDER**rung / FINER) ** 2 * squares)
        white = fft.irfft2(fft.rfft2(white) * soft.astype(np.float32), s=white.shape)
    level = white / white.std(dtype=np.float64) * PER_SIGMA
    bank: NDArray[np.int8] = np.clip(np.round(level), -127, 127).astype(np.int8)
    return bank


def noise_steps(
    pixels: Pixels, seed: int, name: str, sigma_px: float, *, ragged: bool = False
) -> NDArray[np.int8]:
    """Return noise of mean 0 in steps of 1 / `PER_SIGMA` of its standard deviation.

    Args:
        pixels: Where.
        seed: Another seed gives the noise of another place.
        name: Another name gives other noise.
        sigma_px: How far it is smoothed, rounded to a ladder of widths [px].
        ragged: Whether finer waves fray its shapes.

    Returns:
        Rows x columns; equal pixels of the grid have equal values.
    """
    rung = None
    if sigma_px > LEAST_SIGMA_PX:
        rung = round(float(np.log(sigma_px) / np.log(LADDER)))
    bank = _bank(name, rung, ragged)
    size = len(bank)
    down, right = stream(seed, f"place of {name}").integers(0, size, 2)
    rows = np.arange(pixels.row + down, pixels.row + down + pixels.height) % size
    columns = np.arange(pixels.column + right, pixels.column + right + pixels.width) % size
    return _cut(bank, rows, columns)


def _cut(
    bank: NDArray[np.int8], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.int8]:
    """Cut out of a bank in runs of neighbouring columns, which is faster than one by one."""
    starts = np.flatnonzero(np.diff(columns) < 0) + 1
    pieces = [bank[:, run[0] : run[-1] + 1] for run in np.split(columns, starts)]
    return np.concatenate([piece.take(rows, axis=0) for piece in pieces], axis=1)


def noise(pixels: Pixels, seed: int, name: str, sigma_px: float) -> Plane:
    """Return noise of mean 0 and standard deviation 1, else like `noise_steps`."""
    return noise_steps(pixels, seed, name, sigma_px) * np.float32(1 / PER_SIGMA)
