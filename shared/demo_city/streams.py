"""First draws of many random streams at once: the very numbers of `randomness.stream`.

SeedSequence (hashing of words of 32 bits) and PCG64 (XSL-RR) are written out on arrays, after
https://numpy.org/doc/stable/reference/random/bit_generators/ and https://www.pcg-random.org.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint32]
Longs = NDArray[np.uint64]
WORD: Final = 2**32
POOL: Final = 4
HASH_FIRST: Final = 0x43B0D7E5, 0x931E8875
HASH_LAST: Final = 0x8B51F9DD, 0x58F38DED
MIX: Final = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
HALF: Final = np.uint32(16)
STEP_HIGH: Final = np.uint64(2549297995355413924)
STEP_LOW: Final = np.uint64(4865540595714422341)
LOW_BITS: Final = np.uint64(WORD - 1)
SHIFT: Final = np.uint64(32)


def uniform_draws(seed: int, stage: str, ids: ArrayLike, count: int) -> NDArray[np.float64]:
    """Return `stream(seed, stage, *row).random(count)` for each row of ids.

    Args:
        seed: Seed of the whole city or scene, from 0 to below 2^32.
        stage: Name of the stage.
        ids: Whole numbers that name the objects, from 0 to below 2^32, n x k.
        count: Draws per object.

    Returns:
        n x count, from 0 to below 1.

    Raises:
        ValueError: A number does not fit into 32 bits.
    """
    numbers = np.asarray(ids, dtype=np.int64)
    if not 0 <= seed < WORD or (numbers < 0).any() or (numbers >= WORD).any():
        raise ValueError((seed, stage))
    head = np.full((len(numbers), 2), (seed, crc32(stage.encode())), dtype=np.int64)
    words = np.concatenate([head, numbers], axis=1).T.astype(np.uint32)
    high, low, step_high, step_low = _seeded(_states(_mixed(words)))
    draws = np.empty((count, len(numbers)))
    for row in draws:
        high, low = _stepped(high, low, step_high, step_low)
        row[:] = (_output(high, low) >> np.uint64(11)) * (1.0 / 2**53)
    return draws.T.copy()


def _output(high: Longs, low: Longs) -> Longs:
    """Return both halves of a state joined and turned by its highest six bits."""
    turn: Longs = high >> np.uint64(58)
    mixed: Longs = high ^ low
    back: Longs = (np.uint64(64) - turn) & np.uint64(63)
    return (mixed >> turn) | (mixed << back)


class _Hash:
    """Hash with a constant that changes at each use."""

    def __init__(self, start: int, factor: int) -> None:
        self._constant, self._factor = start, factor

    def __call__(self, words: Words) -> Words:
        words = words ^ np.uint32(self._constant)
        self._constant = self._constant * self._factor % WORD
        words = words * np.uint32(self._constant)
        return words ^ (words >> HALF)


def _mixed(words: Words) -> list[Words]:
    """Return the pool of a SeedSequence."""
    hashed = _Hash(*HASH_FIRST)
    none = np.zeros_like(words[0])
    pool = [hashed(words[at] if at < len(words) else none) for at in range(POOL)]
    for source in range(POOL):
        for to in range(POOL):
            if to != source:
                pool[to] = _joined(pool[to], hashed(pool[source]))
    for more in words[POOL:]:
        for to in range(POOL):
            pool[to] = _joined(pool[to], hashed(more))
    return pool


def _joined(first: Words, second: Words) -> Words:
    made: Words = first * MIX[0] - second * MIX[1]
    return made ^ (made >> HALF)


def _states(pool: Sequence[Words]) -> list[Longs]:
    """Return what a SeedSequence generates: four numbers of 64 bits."""
    hashed = _Hash(*HASH_LAST)
    words = [hashed(pool[at % POOL]).astype(np.uint64) for at in range(2 * POOL)]
    return [low | (high << SHIFT) for low, high in zip(words[::2], words[1::2], strict=True)]


def _seeded(states: Sequence[Longs]) -> tuple[Longs, Longs, Longs, Longs]:
    """Return state and step of PCG64, each as its high and its low 64 bits."""
    one = np.uint64(1)
    step_high = (states[2] << one) | (states[3] >> np.uint64(63))
    step_low = (states[3] << one) | one
    low = step_low + states[1]
    high = step_high + states[0] + (low < step_low)
    return *_stepped(high, low, step_high, step_low), step_high, step_low


def _stepped(high: Longs, low: Longs, step_high: Longs, step_low: Longs) -> tuple[Longs, Longs]:
    """Return the next states: state x constant + step, modulo 2^128."""
    right, left = low & LOW_BITS, low >> SHIFT
    by_right, by_left = STEP_LOW & LOW_BITS, STEP_LOW >> SHIFT
    cross = left * by_right + ((right * by_right) >> SHIFT)
    other = right * by_left + (cross & LOW_BITS)
    carried = left * by_left + (cross >> SHIFT) + (other >> SHIFT)
    high = high * STEP_LOW + low * STEP_HIGH + carried
    low = low * STEP_LOW + step_low
    return high + step_high + (low < step_low), low
