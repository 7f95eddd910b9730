"""The networks that are compared before the long training, with the same time for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from model_server.runtime import OnnxRuntime
from model_server.training.mask_prediction import as_detections, find_arrays
from model_server.training.rendered import TILE_PX, parse_outlines
from model_server.training.scoring import average_precision, match
from model_server.training.segmenter import CLASSES, OTHER_ARCHITECTURE
from model_server.training.start_weights import MASK_ARCHITECTURE

MIN_SCORE_OF_CURVE = 0.01
NMS_IOU = 0.5
COMPARED_TILES = 120


@dataclass(frozen=True)
class Arm:
    """A network and its start.

    Attributes:
        architecture: File name of the network's description.
        start: "layout" or "random".
        cost: Time per image against `yolov8n-seg`.
    """

    architecture: str
    start: str
    cost: float


ARMS = {
    "a": Arm(MASK_ARCHITECTURE, "layout", 1.0),
    "b": Arm(MASK_ARCHITECTURE, "random", 1.0),
    "c": Arm(OTHER_ARCHITECTURE, "random", 1.3),
}


class ArmsMissing(ValueError):
    """No arm has been measured yet, so none can be chosen."""


def score_on_tiles(file: Path, images: Sequence[Path]) -> dict[str, float | int]:
    """Return the average precision of an exported network on validation tiles.

    Args:
        file: ONNX file.
        images: Tiles; their outlines lie in `labels` beside `images`. Evenly spread ones are taken.
    """
    runtime = OnnxRuntime.load(file)
    rows = []
    chosen = images[:: max(1, len(images) // COMPARED_TILES)]
    for image in chosen:
        pixels = cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB)
        labels = image.parent.parent / "labels" / f"{image.stem}.txt"
        outlines = parse_outlines(labels.read_text(encoding="utf-8"), labels.name, TILE_PX)
        truth = np.array(
            [[*one.corners.min(axis=0), *one.corners.max(axis=0)] for one in outlines]
        ).reshape(-1, 4)
        found = find_arrays(runtime, pixels, len(CLASSES), MIN_SCORE_OF_CURVE, NMS_IOU)
        rows.append((as_detections(found), truth))
    return {"box_ap50": round(average_precision(match(rows)), 4), "tiles": len(chosen)}


def choose_arm(files: dict[str, list[Path]]) -> str:
    """Return the arm with the best mean over its seeds.

    Args:
        files: What `score_on_tiles` gave, stored as JSON, by arm; those not there are left out.

    Raises:
        ArmsMissing: None is there.
    """
    means = {}
    for arm, stored in files.items():
        values = [
            json.loads(file.read_text(encoding="utf-8"))["box_ap50"]
            for file in stored
            if file.is_file()
        ]
        if values:
            means[arm] = float(np.mean(values))
    if not means:
        message = "Noch kein Vergleich der Netze ist gemessen: zuerst --parts arm_a_1 und weitere."
        raise ArmsMissing(message)
    return max(means, key=lambda arm: means[arm])
