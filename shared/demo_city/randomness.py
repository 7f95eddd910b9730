"""Random streams that never depend on each other: one per stage and object."""

from __future__ import annotations

from array import array
from typing import Final
from zlib import crc32

import numpy as np

WORD: Final = 2**32


def stream(seed: int, stage: str, *ids: int) -> np.random.Generator:
    """Return the random stream of one object; a new object never shifts another.

    Args:
        seed: Seed of the whole city or scene, from 0.
        stage: Name of the stage, for example "parcels".
        *ids: Whole numbers from 0 that name the object within the stage.
    """
    numbers = [seed, crc32(stage.encode()), *ids]
    # Words of 32 bits in an array seed the same stream as a list of numbers, in half the time.
    is_short = max(numbers) < WORD
    entropy = np.asarray(array("I", numbers)) if is_short else numbers
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def place_ids(x_m: float, y_m: float) -> tuple[int, int]:
    """Return the ids of an object that has no number of its own: its place in decimetres.

    Args:
        x_m: Easting within the town [m], from -100,000.
        y_m: Northing within the town [m], from -100,000.
    """
    return round(x_m * 10) + 1_000_000, round(y_m * 10) + 1_000_000
