"""Run an exported detector on whole tiles through the model server's own engine and decoder."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.domain import FEATURES_OUTPUT
from model_server.runtime import Runtime
from model_server.tasks.yolo import decode_detections

SHAPE_BUCKET_PX = 64  # as the server pads


@dataclass(frozen=True)
class Detections:
    """Found objects of one image, best first.

    Attributes:
        boxes: (n, 4) x0, y0, x1, y1 in pixels of the image.
        scores: (n,) 0-1.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


def detect(
    runtime: Runtime, image: NDArray[np.uint8], scale: float, min_score: float, nms_iou: float
) -> Detections:
    """Find objects of a one-class detector in one image.

    Args:
        runtime: Opened ONNX file.
        image: (h, w, 3) RGB.
        scale: Size at which the network sees the image, 1 = as it is.
        min_score: Objects below are dropped.
        nms_iou: Overlap above which the weaker of two boxes is dropped.
    """
    height, width = image.shape[:2]
    seen = _resized(image, scale)
    tensor = to_tensor(seen)
    (outputs,) = runtime.predict([tensor])
    found = decode_detections(
        [output for name, output in outputs.items() if name != FEATURES_OUTPUT],
        classes=1,
        min_score=min_score,
        nms_iou=nms_iou,
        canvas=(tensor.shape[1], tensor.shape[2]),
    )
    boxes = np.array([entry.box for entry in found], dtype=np.float64).reshape(-1, 4)
    boxes *= np.array([width / seen.shape[1], height / seen.shape[0]] * 2)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centre >= 0) & (centre < [width, height])).all(axis=1)
    clipped = np.clip(boxes[inside], 0, [width, height, width, height])
    return Detections(clipped, np.array([entry.score for entry in found])[inside])


def image_features(runtime: Runtime, image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Return the features (n,) of one image, for the statistics of `model_server.domain`.

    Args:
        runtime: Opened ONNX file.
        image: (h, w, 3) RGB.
        scale: Size at which the network sees the image, 1 = as it is.
    """
    (outputs,) = runtime.predict([to_tensor(_resized(image, scale))])
    return np.asarray(outputs[FEATURES_OUTPUT], dtype=np.float32)


def to_tensor(seen: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return an image (h, w, 3) as the network sees it: (3, h, w), 0-1, padded to whole buckets."""
    margins = ((0, -seen.shape[0] % SHAPE_BUCKET_PX), (0, -seen.shape[1] % SHAPE_BUCKET_PX), (0, 0))
    padded = np.pad(seen, margins, mode="reflect")
    return np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32) / 255


def _resized(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)
