"""Short epochs over a large set: each epoch shows the next part of a seeded order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import DataLoader, Sampler


class Rotation(Sampler[int]):
    """Draws `per_turn` items per epoch, the same number from each pool, none twice in a pass.

    Attributes:
        turn: Number of the epoch, from 0; set it before each epoch.
    """

    def __init__(self, pools: Sequence[Sequence[int]], per_turn: int, seed: int) -> None:
        self._pools = [list(pool) for pool in pools]
        self._per_pool = per_turn // len(pools)
        self._seed = seed
        self.turn = 0

    def __len__(self) -> int:
        """Return the number of items of an epoch."""
        return self._per_pool * len(self._pools)

    def __iter__(self) -> Iterator[int]:
        """Yield the items of this turn, the pools mixed."""
        drawn = [item for pool in self._pools for item in self._draw(pool)]
        order = np.random.default_rng([self._seed, self.turn]).permutation(len(drawn))
        return iter([drawn[place] for place in order])

    def _draw(self, pool: list[int]) -> list[int]:
        first = self.turn * self._per_pool
        places = range(first, first + self._per_pool)
        passes = {place // len(pool) for place in places}
        orders = {
            number: np.random.default_rng([self._seed, len(pool), number]).permutation(len(pool))
            for number in passes
        }
        return [pool[orders[place // len(pool)][place % len(pool)]] for place in places]


class TurnLoader(DataLoader):
    """A loader that the training library may tell to start anew; it always does."""

    def reset(self) -> None:
        """Do nothing: every epoch makes its own iterator."""
