"""Decode the raw outputs of YOLO heads (version 8 layout), without their home library.

Detection: `(4 + classes) x anchors`, boxes as centre and size in pixels of the input, scores after
the sigmoid. Segmentation adds 32 mask coefficients per anchor and a second output with 32
prototype masks. Layout as documented at https://docs.ultralytics.com/modes/export/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.runtime import Array
from model_server.tasks.probabilities import check_scores

MAX_CANDIDATES = 3000
MASK_THRESHOLD = 0.5
OUTLINE_TOLERANCE_PX = 0.8


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in pixels of the model's input.

    Args:
        class_index: Position in the card's classes.
        score: 0 to 1.
        box: Left, top, right, bottom.
        outline: n x 2 corners, None for heads without masks.
    """

    class_index: int
    score: float
    box: tuple[float, float, float, float]
    outline: Array | None


def decode_detections(
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
    head, prototypes = _head_and_prototypes(outputs, classes)
    scores = head[4 : 4 + classes]
    best = scores.argmax(axis=0)
    strength = scores.max(axis=0)
    candidates = np.flatnonzero(strength >= min_score)
    # A stable sort keeps equal scores in the order of the anchors, so answers repeat exactly.
    order = candidates[np.argsort(-strength[candidates], kind="stable")][:MAX_CANDIDATES]
    boxes = _corners(head[:4, order].T.astype(np.float64))
    kept = keep_best(boxes, best[order], nms_iou)
    found = []
    for place in kept:
        anchor = order[place]
        box = boxes[place]
        outline = None
        if prototypes is not None:
            outline = _outline(head[4 + classes :, anchor], prototypes, box, canvas)
        left, top, right, bottom = box.tolist()
        score = float(min(1.0, strength[anchor]))
        found.append(Detection(int(best[anchor]), score, (left, top, right, bottom), outline))
    return found


def _head_and_prototypes(outputs: Sequence[Array], classes: int) -> tuple[Array, Array | None]:
    head = next((output for output in outputs if output.ndim == 2), None)
    prototypes = next((output for output in outputs if output.ndim == 3), None)
    coefficients = 0 if prototypes is None else prototypes.shape[0]
    if head is None or head.shape[0] != 4 + classes + coefficients:
        message = f"unexpected output shapes {[output.shape for output in outputs]}"
        raise ValueError(message)
    if not all(np.isfinite(output).all() for output in outputs):
        raise ValueError("the model returned something that is no number")
    check_scores(head[4 : 4 + classes])
    return head, prototypes


def keep_best(boxes: Array, labels: Array, nms_iou: float) -> list[int]:
    """Return the places of boxes that no better box of their class covers.

    Args:
        boxes: n x 4 left, top, right, bottom; best first.
        labels: n classes.
        nms_iou: Largest allowed overlap (intersection over union).
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = np.ones(len(boxes), dtype=bool)
    kept: list[int] = []
    for place in range(len(boxes)):
        if not alive[place]:
            continue
        kept.append(place)
        width = np.minimum(boxes[:, 2], boxes[place, 2]) - np.maximum(boxes[:, 0], boxes[place, 0])
        height = np.minimum(boxes[:, 3], boxes[place, 3]) - np.maximum(boxes[:, 1], boxes[place, 1])
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        union = np.maximum(areas + areas[place] - shared, 1e-9)
        alive &= (shared / union <= nms_iou) | (labels != labels[place])
    return kept


def _corners(boxes: Array) -> Array:
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _outline(
    coefficients: Array, prototypes: Array, box: Array, canvas: tuple[int, int]
) -> Array | None:
    """Return the largest outline of the object's mask within its box, None when it is empty."""
    height, width = canvas
    left, top = np.floor(np.clip(box[:2], 0, [width, height])).astype(int).tolist()
    right, bottom = np.ceil(np.clip(box[2:], 0, [width, height])).astype(int).tolist()
    if right - left < 1 or bottom - top < 1:
        return None
    window = (slice(top, bottom), slice(left, right))
    mask = draw_mask(coefficients, prototypes, window, canvas)
    contours, _ = cv2.findContours(
        _touched_corners(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    large = [contour for contour in contours if len(contour) >= 3]
    if not large:
        return None
    outline = cv2.approxPolyDP(max(large, key=cv2.contourArea), OUTLINE_TOLERANCE_PX, True)
    if len(outline) < 3:
        return None
    return np.asarray(outline.reshape(-1, 2) + np.array([left, top]), dtype=np.float64)


def _touched_corners(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the corners of pixels (h + 1, w + 1) that a mask (h, w) touches.

    A contour runs through the middle of what it is drawn around. Around pixels it would lie half a
    pixel inside the object on all sides; around their corners it lies on its edge.
    """
    height, width = mask.shape
    corners = np.zeros((height + 1, width + 1), dtype=np.uint8)
    for down in (0, 1):
        for right in (0, 1):
            corners[down : down + height, right : right + width] |= mask
    return corners


def draw_mask(
    coefficients: Array, prototypes: Array, window: tuple[slice, slice], canvas: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the mask of an object within a window, 1 where it is.

    Only the cells that the window needs are weighed and enlarged; every pixel is the same as in the
    mask of the whole canvas.

    Args:
        coefficients: n numbers.
        prototypes: n x rows x columns.
        window: Rows and columns of the canvas, at least one of each.
        canvas: Height and width of the model's input in pixels.
    """
    cells, size, inner = zip(
        *(
            _needed_cells(part, count, side)
            for part, count, side in zip(window, prototypes.shape[1:], canvas, strict=True)
        ),
        strict=True,
    )
    needed = prototypes[:, cells[0], cells[1]]
    # A matrix product would round by the size of the part; this sum does not.
    logits = np.einsum("n,nyx->yx", coefficients, needed).astype(np.float32, copy=False)
    enlarged = cv2.resize(logits, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    threshold = float(np.log(MASK_THRESHOLD / (1 - MASK_THRESHOLD)))
    return np.asarray(enlarged[inner] > threshold, dtype=np.uint8)


def _needed_cells(window: slice, cells: int, side_px: int) -> tuple[slice, int, slice]:
    """Return cells that hold a window and its neighbours, their pixels, and the window in these.

    Args:
        window: From the first pixel to the one behind the last.
        cells: Cells along this side.
        side_px: Pixels along this side.
    """
    step, rest = divmod(side_px, cells)
    if rest:
        return slice(0, cells), side_px, window
    first, end = max(0, window.start // step - 1), min(cells, (window.stop - 1) // step + 2)
    shift = first * step
    inner = slice(window.start - shift, window.stop - shift)
    return slice(first, end), (end - first) * step, inner
