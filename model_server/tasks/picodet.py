"""Decode the raw outputs of PicoDet heads, without their home library.

For each level of the feature pyramid the file gives a score per class (after the sigmoid) and four
distributions over the bins 0 to n - 1. The distance from the centre of a cell to a side of its
object is the mean of that side's distribution, in strides of the level:
X. Li et al. 2020, "Generalized Focal Loss", doi:10.48550/arXiv.2006.04388, section 3.2;
G. Yu et al. 2021, "PP-PicoDet", doi:10.48550/arXiv.2111.00902, section 2.2 (strides 8 to 64).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from model_server.runtime import Array
from model_server.tasks.probabilities import check_scores
from model_server.tasks.yolo import MAX_CANDIDATES, Detection, keep_best

STRIDES_PX = (8, 16, 32, 64)
SIDES = 4


def decode_picodet(
    outputs: Sequence[Array],
    *,
    classes: int,
    min_score: float,
    nms_iou: float,
    canvas: tuple[int, int],
) -> list[Detection]:
    """Return the objects of one image, best first.

    Args:
        outputs: Outputs of the model for this image, in any order.
        classes: Number of classes.
        min_score: Weaker objects are dropped.
        nms_iou: Of two objects of one class that overlap more, the weaker is dropped.
        canvas: Height and width of the model's input in pixels.

    Raises:
        ValueError: The outputs do not have this layout, are no numbers or no probabilities.
    """
    scores, boxes = [], []
    for stride in STRIDES_PX:
        cells = math.ceil(canvas[0] / stride), math.ceil(canvas[1] / stride)
        level_scores, distributions = _of_level(outputs, cells[0] * cells[1], classes)
        scores.append(level_scores)
        boxes.append(_boxes(distributions, cells, stride))
    every_score = np.concatenate(scores)
    check_scores(every_score)
    # A class is found on its own: one cell may be weak as a text and strong as a title.
    places, labels = np.nonzero(every_score >= min_score)
    strength = every_score[places, labels]
    # A stable sort keeps equal scores in the order of the cells, so answers repeat exactly.
    order = np.argsort(-strength, kind="stable")[:MAX_CANDIDATES]
    found = np.concatenate(boxes)[places[order]]
    kept = keep_best(found, labels[order], nms_iou)
    return [_detection(found[row], labels[order[row]], strength[order[row]]) for row in kept]


def _of_level(outputs: Sequence[Array], cells: int, classes: int) -> tuple[Array, Array]:
    """Return scores (cells x classes) and distributions (cells x 4 x bins) of one level."""
    level = [output for output in outputs if output.ndim == 2 and len(output) == cells]
    scores = next((output for output in level if output.shape[1] == classes), None)
    rest = [output for output in level if output is not scores and output.shape[1] % SIDES == 0]
    if scores is None or len(rest) != 1:
        raise ValueError(f"unexpected output shapes {[output.shape for output in outputs]}")
    if not all(np.isfinite(output).all() for output in (scores, rest[0])):
        raise ValueError("the model returned something that is no number")
    return scores, rest[0].reshape(cells, SIDES, -1).astype(np.float64)


def _boxes(distributions: Array, cells: tuple[int, int], stride: int) -> Array:
    """Return left, top, right, bottom of each cell's object in pixels of the input."""
    weights = np.exp(distributions - distributions.max(axis=2, keepdims=True))
    bins = np.arange(distributions.shape[2])
    distances = stride * (weights @ bins) / weights.sum(axis=2)
    rows, columns = np.divmod(np.arange(len(distributions)), cells[1])
    centres = stride * (np.stack([columns, rows], axis=1) + 0.5)
    return np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1)


def _detection(box: Array, label: np.integer, score: np.floating) -> Detection:
    left, top, right, bottom = box.tolist()
    return Detection(int(label), float(np.minimum(score, 1.0)), (left, top, right, bottom), None)
