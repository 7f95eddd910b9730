"""Quality figures of found objects, of class maps and of stated probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from shared.geo.nodata import NO_DATA
from shared.geo.polygons import intersection_over_union

NORMAL_95 = 1.959963984540054
LEAST_POINTS = 2
CALIBRATION_BINS = 15

Codes = NDArray[np.uint8]
Counts = NDArray[np.int64]


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


def count_confusion(mapped: Codes, truth: Codes, classes: int) -> Counts:
    """Count how often each mapped class is which true one.

    Pixels whose mapped or true code is `NO_DATA` enter nothing.

    Args:
        mapped: Codes of the map, any shape.
        truth: True codes, same shape.
        classes: Number of classes; codes run from 0 to classes - 1.

    Returns:
        Counts of shape (classes, classes), rows mapped, columns true.

    Raises:
        ValueError: The shapes differ, or a code is none of the classes.
    """
    if mapped.shape != truth.shape:
        message = f"a map of {mapped.shape} cannot be compared with a truth of {truth.shape}"
        raise ValueError(message)
    counted = (mapped != NO_DATA) & (truth != NO_DATA)
    rows, columns = mapped[counted].astype(np.int64), truth[counted].astype(np.int64)
    if rows.size and max(rows.max(), columns.max()) >= classes:
        message = f"a code is none of {classes} classes"
        raise ValueError(message)
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


def class_ious(confusion: Counts) -> tuple[float | None, ...]:
    """Return the intersection over union of each class; None where it occurs nowhere.

    Args:
        confusion: Counts, rows mapped, columns true.
    """
    correct = np.diag(confusion)
    joint = confusion.sum(axis=0) + confusion.sum(axis=1) - correct
    pairs = zip(correct.tolist(), joint.tolist(), strict=True)
    return tuple(hits / all_ if all_ else None for hits, all_ in pairs)


def mean_iou(confusion: Counts) -> float | None:
    """Return the mean IoU over the classes that occur in map or truth; None where none does."""
    known = [iou for iou in class_ious(confusion) if iou is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True, slots=True)
class AreaEstimate:
    """True area of a class, estimated from a map and checked points.

    Args:
        area_m2: Estimate without the bias of the map [m2].
        half_width_m2: Half of the 95 % interval [m2].
        mapped_m2: What the map shows [m2].
        whole_m2: Area of all classes of the map together [m2].
    """

    area_m2: float
    half_width_m2: float
    mapped_m2: float
    whole_m2: float

    @property
    def interval_m2(self) -> tuple[float, float]:
        """The 95 % interval [m2], cut at 0 and at the area of the whole map.

        The normal interval knows no bounds, but no class can cover less than nothing or more than
        everything that is mapped. What is cut off cannot be true, so cutting never lessens how
        often the interval holds the true area.
        """
        return (
            max(0.0, self.area_m2 - self.half_width_m2),
            min(self.whole_m2, self.area_m2 + self.half_width_m2),
        )


def confusion_shares(confusion: Counts, mapped_m2: Sequence[float]) -> NDArray[np.float64]:
    """Turn checked points into shares of the mapped area: what the whole map would count.

    Equation 4 of Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015. The sum of the diagonal is
    the overall accuracy.

    Args:
        confusion: Checked points, rows mapped, columns true.
        mapped_m2: Area of each class on the map [m2], without no-data.

    Returns:
        Shares of shape (classes, classes); rows of classes that are not on the map are 0.

    Raises:
        ValueError: See `estimate_areas`.
    """
    mapped = np.asarray(mapped_m2, dtype=float)
    points = confusion.sum(axis=1)
    if confusion.shape != (len(mapped), len(mapped)) or mapped.min() < 0 or mapped.sum() <= 0:
        message = f"{confusion.shape} counts do not belong to areas {mapped.tolist()}"
        raise ValueError(message)
    if (points[mapped > 0] < LEAST_POINTS).any():
        message = "each mapped class needs at least two checked points"
        raise ValueError(message)
    weights = mapped / mapped.sum()
    return np.asarray((weights / np.maximum(points, 1))[:, None] * confusion)


def estimate_areas(confusion: Counts, mapped_m2: Sequence[float]) -> tuple[AreaEstimate, ...]:
    """Correct mapped areas by what a stratified random sample of points shows.

    Equations 9 to 11 of Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015. The points of each
    mapped class are drawn at random and independently; neighbouring pixels are no such points and
    would make the interval far too narrow.

    Args:
        confusion: Checked points, rows mapped, columns true.
        mapped_m2: Area of each class on the map [m2], without no-data.

    Raises:
        ValueError: The sizes differ, an area is negative or all are 0, or a mapped class has fewer
            than two points, so that nothing can be said about it.
    """
    shares = confusion_shares(confusion, mapped_m2)
    mapped = np.asarray(mapped_m2, dtype=float)
    total, used = float(mapped.sum()), mapped > 0
    area = total * shares.sum(axis=0)
    weights = (mapped[used] / total)[:, None]
    sizes = confusion.sum(axis=1)[used][:, None]
    within = confusion[used] / sizes
    variance = (weights**2 * within * (1 - within) / (sizes - 1)).sum(axis=0)
    half = NORMAL_95 * total * np.sqrt(variance)
    return tuple(
        AreaEstimate(float(a), float(h), float(m), total)
        for a, h, m in zip(area, half, mapped, strict=True)
    )


def expected_calibration_error(
    confidence: Sequence[float], correct: Sequence[bool], bins: int = CALIBRATION_BINS
) -> float | None:
    """Return how far stated confidence and true share of hits lie apart on average.

    Equal bins, closed above (Guo et al. 2017, arXiv:1706.04599, equation 3).

    Args:
        confidence: Stated probability of each answer, 0 to 1.
        correct: Whether it was right.
        bins: Number of bins.

    Returns:
        0 to 1; None without answers.

    Raises:
        ValueError: The lengths differ or a probability is none.
    """
    stated, right = _probabilities(confidence), np.asarray(correct, dtype=float)
    if stated.shape != right.shape:
        message = f"{stated.shape} probabilities for {right.shape} answers"
        raise ValueError(message)
    if not len(stated):
        return None
    number = np.clip(np.ceil(stated * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(number, weights=right - stated, minlength=bins)
    return float(np.abs(gaps).sum() / len(stated))


def brier_score(probability: Sequence[float], happened: Sequence[bool]) -> float | None:
    """Return the mean squared error of stated probabilities of an event.

    Half of the two-class score of Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Args:
        probability: Stated probability of each case, 0 to 1.
        happened: Whether the event came.

    Returns:
        0 (perfect) to 1; None without cases.

    Raises:
        ValueError: The lengths differ or a probability is none.
    """
    stated, came = _probabilities(probability), np.asarray(happened, dtype=float)
    if stated.shape != came.shape:
        message = f"{stated.shape} probabilities for {came.shape} cases"
        raise ValueError(message)
    return float(np.mean((stated - came) ** 2)) if len(stated) else None


def _probabilities(values: Sequence[float]) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=float)
    if not ((numbers >= 0) & (numbers <= 1)).all():
        message = "a probability lies outside 0 to 1"
        raise ValueError(message)
    return numbers
