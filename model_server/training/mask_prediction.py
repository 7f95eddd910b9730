"""Run an exported network with masks on whole images, through the model server's own decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from model_server.domain import FEATURES_OUTPUT
from model_server.runtime import Runtime
from model_server.tasks.yolo import decode_detections, keep_best
from model_server.training.prediction import Detections, to_tensor


@dataclass(frozen=True)
class Find:
    """One found array.

    Attributes:
        code: 0 pv, 1 solar_thermal, 2 pv_ground.
        score: 0-1.
        box: (4,) left, top, right, bottom in pixels of the image.
        corners: (n, 2) outline in pixels of the image; the box's where the mask is empty.
    """

    code: int
    score: float
    box: NDArray[np.float64]
    corners: NDArray[np.float64]


def find_arrays(
    runtime: Runtime, image: NDArray[np.uint8], classes: int, min_score: float, nms_iou: float
) -> list[Find]:
    """Find arrays in one image, best first, one for each place whatever its class.

    Args:
        runtime: Opened ONNX file.
        image: (h, w, 3) RGB.
        classes: Number of classes.
        min_score: Weaker finds are dropped.
        nms_iou: Overlap above which the weaker of two boxes is dropped.
    """
    height, width = image.shape[:2]
    tensor = to_tensor(image)
    (outputs,) = runtime.predict([tensor])
    decoded = decode_detections(
        [output for name, output in outputs.items() if name != FEATURES_OUTPUT],
        classes=classes,
        min_score=min_score,
        nms_iou=nms_iou,
        canvas=(tensor.shape[1], tensor.shape[2]),
    )
    boxes = np.array([one.box for one in decoded], dtype=np.float64).reshape(-1, 4)
    found = []
    for place in keep_best(boxes, np.zeros(len(boxes)), nms_iou):
        box = np.clip(boxes[place], 0, [width, height, width, height])
        if box[2] - box[0] <= 0 or box[3] - box[1] <= 0:
            continue  # lies in the padding
        outline = decoded[place].outline
        corners = corners_of(box) if outline is None else np.clip(outline, 0, [width, height])
        found.append(Find(decoded[place].class_index, decoded[place].score, box, corners))
    return found


def corners_of(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the four corners (4, 2) of a box."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def as_detections(found: Sequence[Find]) -> Detections:
    """Return boxes and scores alone."""
    boxes = np.array([find.box for find in found], dtype=np.float64).reshape(-1, 4)
    return Detections(boxes, np.array([find.score for find in found], dtype=np.float64))


def draw(corners: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels (h, w) whose centres lie within an outline given by pixel corners."""
    shape = {"type": "Polygon", "coordinates": [[*corners.tolist(), corners[0].tolist()]]}
    return np.asarray(rasterize([shape], out_shape=(height, width), dtype=np.uint8), dtype=bool)
