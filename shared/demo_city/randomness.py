"""Random streams that never depend on each other: one per stage and object."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, stage: str, *ids: int) -> np.random.Generator:
    """Return the random stream of one object; a new object never shifts another.

    Args:
        seed: Seed of the whole city or scene, from 0.
        stage: Name of the stage, for example "parcels".
        *ids: Whole numbers from 0 that name the object within the stage.
    """
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, crc32(stage.encode()), *ids]))
    )


def place_ids(x_m: float, y_m: float) -> tuple[int, int]:
    """Return the ids of an object that has no number of its own: its place in decimetres.

    Args:
        x_m: Easting within the town [m], from -100,000.
        y_m: Northing within the town [m], from -100,000.
    """
    return round(x_m * 10) + 1_000_000, round(y_m * 10) + 1_000_000
