"""Random streams that never depend on each other: one per stage and object."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.streams import WORD, uniform_draws

FEW: Final = 8
"""Below so many places their own streams are quicker than draws in bulk."""


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


def draw_index(rng: np.random.Generator, shares: tuple[float, ...]) -> int:
    """Return a place in a list by its shares: what `rng.choice` draws, ten times as fast.

    Args:
        rng: Random stream; one number is taken.
        shares: Shares of the places, above 0 in total.
    """
    return bisect_right(_edges(shares), rng.random())


@cache
def _edges(shares: tuple[float, ...]) -> tuple[float, ...]:
    edges = list(accumulate(shares))
    return tuple(edge / edges[-1] for edge in edges)


def place_ids(x_m: float, y_m: float) -> tuple[int, int]:
    """Return the ids of an object that has no number of its own: its place in decimetres.

    Args:
        x_m: Easting within the town [m], from -100,000.
        y_m: Northing within the town [m], from -100,000.
    """
    return round(x_m * 10) + 1_000_000, round(y_m * 10) + 1_000_000


def place_draws(
    seed: int, stage: str, places: NDArray[np.float64], count: int = 1
) -> NDArray[np.float64]:
    """Return `stream(seed, stage, *place_ids(x, y)).random(count)` for each place, quickly.

    Things that are sorted by these draws keep their order when a new thing comes.

    Args:
        seed: Seed of the whole city or scene, from 0.
        stage: Name of the stage.
        places: Places within the town, (number of things, 2) [m].
        count: Draws for each thing.

    Returns:
        Numbers from 0 to below 1, (number of things, count).
    """
    if len(places) < FEW:
        few = [stream(seed, stage, *place_ids(x, y)).random(count) for x, y in places.tolist()]
        return np.reshape(few, (len(places), count))
    ids = np.rint(np.reshape(places, (-1, 2)) * 10).astype(np.int64) + 1_000_000
    return uniform_draws(seed, stage, ids, count)
