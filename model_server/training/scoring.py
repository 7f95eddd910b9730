"""Average precision at IoU 0.5 and the choice of a threshold, from boxes alone.

Average precision is the area under the precision-recall curve with precision made monotone (all
points; PASCAL VOC since 2010, Everingham et al. 2010, doi:10.1007/s11263-009-0275-4). Detections,
best first, take the free true box of their image with the largest overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.training.prediction import Detections

MATCH_IOU = 0.5


@dataclass(frozen=True)
class Matches:
    """All detections of a set of images, best first.

    Attributes:
        scores: (n,) 0-1, falling.
        correct: (n,) True where the detection took a true box.
        truth_count: Number of true boxes in the images.
    """

    scores: NDArray[np.float64]
    correct: NDArray[np.bool_]
    truth_count: int


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold gives.

    Attributes:
        min_score: Detections from this score on are reported.
        precision: Share of reported detections that are right.
        recall: Share of true boxes that are found.
        f1: Harmonic mean of both.
    """

    min_score: float
    precision: float
    recall: float
    f1: float


def match(
    images: Sequence[tuple[Detections, NDArray[np.float64]]], match_iou: float = MATCH_IOU
) -> Matches:
    """Assign detections to true boxes, each true box at most once.

    Args:
        images: Per image its detections and its true boxes (m, 4).
        match_iou: Smallest overlap that counts as found.
    """
    scores, correct = [], []
    for found, truth in images:
        scores.append(found.scores)
        correct.append(_assign(found, truth, match_iou))
    all_scores = np.concatenate([*scores, np.zeros(0)])
    all_correct = np.concatenate([*correct, np.zeros(0, dtype=bool)])
    order = np.argsort(-all_scores, kind="stable")
    return Matches(all_scores[order], all_correct[order], sum(len(truth) for _, truth in images))


def _assign(found: Detections, truth: NDArray[np.float64], match_iou: float) -> NDArray[np.bool_]:
    correct = np.zeros(len(found.scores), dtype=bool)
    overlap = intersection_over_union(found.boxes, truth)
    for index in np.argsort(-found.scores, kind="stable"):
        if len(truth) == 0:
            break
        best = int(overlap[index].argmax())
        if overlap[index, best] >= match_iou:
            correct[index] = True
            overlap[:, best] = -1  # taken
    return correct


def intersection_over_union(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the overlap (n, m) of boxes (n, 4) and (m, 4) given by their corners."""
    upper_left = np.maximum(first[:, None, :2], second[None, :, :2])
    lower_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(lower_right - upper_left, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def average_precision(matches: Matches) -> float:
    """Return the area under the precision-recall curve (0-1).

    Raises:
        ValueError: There is no true box, so the figure does not exist.
    """
    if matches.truth_count == 0:
        message = "average precision needs at least one true box"
        raise ValueError(message)
    hits = np.cumsum(matches.correct)
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / matches.truth_count
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], recall]))
    return float((steps * monotone).sum())


def point_at(matches: Matches, min_score: float) -> OperatingPoint:
    """Return precision and recall at a threshold; precision is 0 when nothing is reported."""
    reported = int((matches.scores >= min_score).sum())
    hits = int(matches.correct[:reported].sum())
    precision = hits / reported if reported else 0.0
    recall = hits / matches.truth_count if matches.truth_count else 0.0
    total = precision + recall
    return OperatingPoint(
        min_score, precision, recall, 2 * precision * recall / total if total else 0.0
    )


def best_point(matches: Matches) -> OperatingPoint:
    """Return the threshold (full hundredths) with the best F1; the lowest of equals."""
    points = [point_at(matches, hundredth / 100) for hundredth in range(1, 100)]
    return max(points, key=lambda point: (round(point.f1, 9), -point.min_score))


def bootstrap_interval(
    images: Sequence[Sequence[tuple[Detections, NDArray[np.float64]]]], seed: int, draws: int = 1000
) -> tuple[float, float]:
    """Return the 95 % interval of the pooled average precision, drawing whole groups of images.

    Args:
        images: Per group its images; groups, not tiles, are independent of each other.
        seed: Seed of the draws.
        draws: Number of draws.
    """
    random = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        picked = random.integers(0, len(images), len(images))
        values.append(
            average_precision(match([item for index in picked for item in images[index]]))
        )
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def fit_platt(matches: Matches, steps: int = 100) -> tuple[float, float]:
    """Fit probability = sigmoid(slope * logit(score) + offset) to found and missed (J. Platt 1999).

    Uses Platt's softened targets, so that few examples do not give probabilities of 0 or 1.

    Returns:
        Slope and offset; 1 and 0 when one of both outcomes is absent.
    """
    right, wrong = int(matches.correct.sum()), int((~matches.correct).sum())
    if right == 0 or wrong == 0:
        return 1.0, 0.0
    clipped = np.clip(matches.scores, 1e-6, 1 - 1e-6)
    design = np.stack([np.log(clipped / (1 - clipped)), np.ones_like(clipped)], axis=1)
    target = np.where(matches.correct, (right + 1) / (right + 2), 1 / (wrong + 2))
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        probability = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (probability - target)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        weights = weights - step
        if math.hypot(*step) < 1e-9:
            break
    return float(weights[0]), float(weights[1])


def calibrate(matches: Matches, slope: float, offset: float) -> Matches:
    """Return the same detections with probabilities for scores."""
    clipped = np.clip(matches.scores, 1e-6, 1 - 1e-6)
    logits = np.log(clipped / (1 - clipped))
    probability = 1 / (1 + np.exp(-(slope * logits + offset)))
    return Matches(probability, matches.correct, matches.truth_count)


def calibration_error(matches: Matches, bins: int = 10) -> float:
    """Return the expected calibration error: mean gap between score and share of hits per bin."""
    if len(matches.scores) == 0:
        return 0.0
    places = np.minimum((matches.scores * bins).astype(int), bins - 1)
    gaps = [
        abs(matches.scores[places == place].mean() - matches.correct[places == place].mean())
        * (places == place).sum()
        for place in range(bins)
        if (places == place).any()
    ]
    return float(sum(gaps) / len(matches.scores))
