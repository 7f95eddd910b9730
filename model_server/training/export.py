"""Write a trained detector as ONNX and measure how closely it repeats the torch model.

Raw output `output0`, shape (batch, 4 + classes, anchors), float32: centre x, centre y, width and
height in pixels of the sent image, then one score (0-1) per class. A network with masks adds 32
coefficients per anchor and output `output1`, shape (batch, 32, height / 4, width / 4), the
prototypes that they weigh. No suppression of duplicates is baked in; batch, height and width
(multiples of 32) are free. Output `features`, shape (batch, channels): mean over the image of the
last feature map of the backbone, for the distance of an image to the training images
(`model_server.domain`).
"""

from __future__ import annotations

import copy
import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from ultralytics.nn.modules import SPPF, Segment

from model_server.domain import FEATURES_OUTPUT
from model_server.mask_overlap import COMPARED_MASKS, least_overlap, masks_of
from model_server.runtime import OnnxRuntime

OPSET = 17
PARITY_LIMIT_SCORE = 1e-4
PARITY_LIMIT_BOX_PX = 0.05
PARITY_LEAST_MASK_IOU = 0.99
# Boxes of anchors that nobody would ever report may differ more without any effect.
PARITY_MIN_SCORE = 0.001


class ParityBroken(ValueError):
    """The exported file does not compute what the torch model computes."""


@dataclass(frozen=True)
class Parity:
    """Largest differences between torch and ONNX Runtime over the compared images.

    Attributes:
        max_score_difference: Over all anchors.
        max_box_difference_px: Over anchors with a score of at least `PARITY_MIN_SCORE`.
        images: Number of compared images.
        sizes_px: Compared heights and widths.
        min_mask_iou: Smallest overlap of the masks of the best anchors; None without masks.
    """

    max_score_difference: float
    max_box_difference_px: float
    images: int
    sizes_px: list[list[int]]
    min_mask_iou: float | None = None


class _Raw(nn.Module):
    """The network with its decoded output, scores turned into probabilities, and its features.

    `slope` and `offset` (Platt scaling) act on the logit of each score; 1 and 0 change nothing.
    """

    def __init__(self, detector: nn.Module, slope: float, offset: float) -> None:
        super().__init__()
        self.detector = copy.deepcopy(detector).float().eval()
        head = self.detector.model[-1]
        head.export, head.dynamic, head.format = True, True, "onnx"
        head.end2end = False  # the layout of version 8 for every architecture
        self.has_masks = isinstance(head, Segment)
        self.classes = head.nc
        self.slope, self.offset = slope, offset
        self._features: torch.Tensor | None = None
        last = next(layer for layer in self.detector.model if isinstance(layer, SPPF))
        last.register_forward_hook(self._keep_features)

    def _keep_features(self, _layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        self._features = output.mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        output = self.detector(images)
        found, *prototypes = output if self.has_masks else (output,)
        return self._calibrated(found), *prototypes, self._features

    def _calibrated(self, found: torch.Tensor) -> torch.Tensor:
        if (self.slope, self.offset) == (1.0, 0.0):
            return found
        # Slices: a split would become a loop over a sequence, which OpenVINO cannot read.
        last = 4 + self.classes
        scores = found[:, 4:last].clamp(1e-6, 1 - 1e-6)
        logits = torch.log(scores) - torch.log(1 - scores)
        scores = torch.sigmoid(self.slope * logits + self.offset)
        coefficients = [found[:, last:]] if self.has_masks else []
        return torch.cat([found[:, :4], scores, *coefficients], dim=1)


def export_onnx(
    detector: nn.Module, file: Path, size_px: int, slope: float = 1.0, offset: float = 0.0
) -> nn.Module:
    """Write the ONNX file and return the torch model it must agree with.

    Args:
        detector: Trained model.
        file: Target.
        size_px: Side of the image used for tracing.
        slope: Platt slope of the scores.
        offset: Platt offset of the scores.
    """
    raw = _Raw(detector, slope, offset).eval()
    axes = {0: "batch", 2: "height", 3: "width"}
    outputs: dict[str, dict[int, str]] = {"output0": {0: "batch", 2: "anchors"}}
    if raw.has_masks:
        outputs["output1"] = {0: "batch", 2: "mask_height", 3: "mask_width"}
    outputs[FEATURES_OUTPUT] = {0: "batch"}
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is the one that needs no further package; it announces its end.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            raw,
            (torch.zeros(1, 3, size_px, size_px),),
            str(file),
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(outputs),
            dynamic_axes={"images": axes, **outputs},
            dynamo=False,
        )
    model = onnx.load(str(file))
    onnx.checker.check_model(model)
    return raw


def measure_parity(raw: nn.Module, file: Path, shapes: list[tuple[int, int, int]]) -> Parity:
    """Compare torch and ONNX Runtime on seeded noise images.

    Args:
        raw: What `export_onnx` returned.
        file: Exported file.
        shapes: Compared (batch, height, width).
    """
    runtime = OnnxRuntime.load(file)
    random = np.random.default_rng(0)
    scores, boxes, masks = [0.0], [0.0], list[float]()
    for batch, height, width in shapes:
        # Coarse blocks with noise: flat noise alone would leave most of the network silent.
        blocks = random.random((batch, 3, height // 32, width // 32), dtype=np.float32)
        images = np.kron(blocks, np.ones((1, 1, 32, 32), dtype=np.float32))
        images = np.clip(images + random.normal(0, 0.05, images.shape), 0, 1).astype(np.float32)
        with torch.no_grad():
            expected, *prototypes, _features = (
                one.numpy() for one in raw(torch.from_numpy(images))
            )
        found = runtime.predict(list(images))
        for place, outputs in enumerate(found):
            right, other = expected[place], outputs["output0"]
            last = 4 + raw.classes
            scores.append(float(np.abs(other[4:last] - right[4:last]).max()))
            visible = right[4:last].max(axis=0) >= PARITY_MIN_SCORE
            difference = np.abs(other[:4] - right[:4]).max(axis=0)
            boxes.append(float(difference[visible].max(initial=0.0)))
            if prototypes:
                best = np.argsort(-right[4:last].max(axis=0), kind="stable")[:COMPARED_MASKS]
                first = masks_of(right[last:, best], prototypes[0][place])
                masks.append(least_overlap(first, masks_of(other[last:, best], outputs["output1"])))
    sizes = [[height, width] for _, height, width in shapes]
    count = sum(batch for batch, _, _ in shapes)
    return Parity(max(scores), max(boxes), count, sizes, min(masks) if masks else None)


def write_parity(parity: Parity, file: Path) -> None:
    """Write `parity.json`.

    Raises:
        ParityBroken: A difference is above its limit.
    """
    limits = {"score": PARITY_LIMIT_SCORE, "box_px": PARITY_LIMIT_BOX_PX}
    if parity.min_mask_iou is not None:
        limits["mask_iou"] = PARITY_LEAST_MASK_IOU
    file.write_text(
        json.dumps({**asdict(parity), "limits": limits, "torch": torch.__version__}, indent=1)
        + "\n",
        encoding="utf-8",
    )
    if (
        parity.max_score_difference > PARITY_LIMIT_SCORE
        or parity.max_box_difference_px > PARITY_LIMIT_BOX_PX
        or (parity.min_mask_iou is not None and parity.min_mask_iou < PARITY_LEAST_MASK_IOU)
    ):
        message = f"torch and ONNX Runtime differ: {parity}"
        raise ParityBroken(message)
