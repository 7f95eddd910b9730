"""Quality figures of found objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from shapely import Polygon

from shared.geo.polygons import intersection_over_union

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Matches:
    """Which found objects are true.

    Args:
        hits: Index of the true object for each found one; None for a false find.
        missed: Indices of true objects that nothing found.
    """

    hits: tuple[int | None, ...]
    missed: tuple[int, ...]

    @property
    def correct(self) -> int:
        """Number of true finds."""
        return sum(hit is not None for hit in self.hits)

    @property
    def false(self) -> int:
        """Number of false finds."""
        return len(self.hits) - self.correct


def match_objects(
    found: Sequence[Polygon], scores: Sequence[float], truth: Sequence[Polygon], min_iou: float
) -> Matches:
    """Give every found object at most one true one, the best scores first.

    Args:
        found: Outlines of found objects.
        scores: One score each.
        truth: Outlines of true objects.
        min_iou: Least IoU of a hit, 0 to 1.
    """
    hits: list[int | None] = [None] * len(found)
    free = set(range(len(truth)))
    for index in sorted(range(len(found)), key=lambda i: (-scores[i], i)):
        overlaps = {j: intersection_over_union(found[index], truth[j]) for j in sorted(free)}
        best = max(overlaps, key=lambda j: overlaps[j], default=None)
        if best is not None and overlaps[best] >= min_iou:
            hits[index] = best
            free.discard(best)
    return Matches(tuple(hits), tuple(sorted(free)))


def average_precision(
    scores: Sequence[float], is_hit: Sequence[bool], truth_count: int
) -> float | None:
    """Return the area under the precision-recall curve with all-point interpolation.

    Args:
        scores: Scores of all found objects of all images.
        is_hit: Whether each is a true find.
        truth_count: Number of true objects.

    Returns:
        0 to 1; None where there is nothing true to find.
    """
    if truth_count == 0:
        return None
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    hits = np.asarray(is_hit, dtype=bool)[order]
    correct = np.cumsum(hits)
    recall = correct / truth_count
    precision = correct / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], recall]))
    return float(np.sum(steps * envelope))


def wilson_interval(successes: int, trials: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Args:
        successes: Number of successes.
        trials: Number of trials; 0 gives None.
    """
    if trials == 0:
        return None
    share, z2 = successes / trials, NORMAL_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    half *= NORMAL_95
    return max(0.0, centre - half), min(1.0, centre + half)
