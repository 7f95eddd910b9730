"""Masks of a network's raw outputs, and how much two sets of them share; without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COMPARED_MASKS = 20
"""Masks of so many best anchors per image are compared."""


def masks_of(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return the masks (n, h, w) of anchors, not cut to their boxes.

    Args:
        coefficients: (32, n), one column per anchor.
        prototypes: (32, h, w), what they weigh.
    """
    return np.asarray(np.einsum("cn,cyx->nyx", coefficients, prototypes) > 0, dtype=bool)


def least_overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the smallest IoU (0-1) of masks (n, h, w) at the same place; 1 where both are empty.

    Args:
        first: Masks of one engine.
        second: Masks of the other.
    """
    shared = (first & second).sum(axis=(1, 2))
    union = (first | second).sum(axis=(1, 2))
    overlaps = np.divide(shared, union, out=np.ones(len(shared)), where=union > 0)
    return float(overlaps.min(initial=1.0))
