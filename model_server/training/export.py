"""Write a trained detector as ONNX and measure how closely it repeats the torch model.

Raw output `output0`, shape (batch, 4 + classes, anchors), float32: centre x, centre y, width and
height in pixels of the sent image, then one score (0-1) per class. No suppression of duplicates is
baked in; batch, height and width (multiples of 32) are free. Second output `features`, shape
(batch, channels): mean over the image of the last feature map of the backbone, for the distance of
an image to the training images (`model_server.domain`).
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
from ultralytics.nn.modules import SPPF

from model_server.domain import FEATURES_OUTPUT
from model_server.runtime import OnnxRuntime

OPSET = 17
PARITY_LIMIT_SCORE = 1e-4
PARITY_LIMIT_BOX_PX = 0.05
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
    """

    max_score_difference: float
    max_box_difference_px: float
    images: int
    sizes_px: list[list[int]]


class _Raw(nn.Module):
    """The detector with its decoded output, scores turned into probabilities, and its features.

    `slope` and `offset` (Platt scaling) act on the logit of each score; 1 and 0 change nothing.
    """

    def __init__(self, detector: nn.Module, slope: float, offset: float) -> None:
        super().__init__()
        self.detector = copy.deepcopy(detector).float().eval()
        head = self.detector.model[-1]
        head.export, head.dynamic, head.format = True, True, "onnx"
        self.slope, self.offset = slope, offset
        self._features: torch.Tensor | None = None
        last = next(layer for layer in self.detector.model if isinstance(layer, SPPF))
        last.register_forward_hook(self._keep_features)

    def _keep_features(self, _layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        self._features = output.mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        output = self.detector(images)
        if (self.slope, self.offset) == (1.0, 0.0):
            return output, self._features
        scores = output[:, 4:].clamp(1e-6, 1 - 1e-6)
        logits = torch.log(scores) - torch.log(1 - scores)
        scores = torch.sigmoid(self.slope * logits + self.offset)
        return torch.cat([output[:, :4], scores], dim=1), self._features


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
            output_names=["output0", FEATURES_OUTPUT],
            dynamic_axes={
                "images": axes,
                "output0": {0: "batch", 2: "anchors"},
                FEATURES_OUTPUT: {0: "batch"},
            },
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
    scores, boxes = [0.0], [0.0]
    for batch, height, width in shapes:
        # Coarse blocks with noise: flat noise alone would leave most of the network silent.
        blocks = random.random((batch, 3, height // 32, width // 32), dtype=np.float32)
        images = np.kron(blocks, np.ones((1, 1, 32, 32), dtype=np.float32))
        images = np.clip(images + random.normal(0, 0.05, images.shape), 0, 1).astype(np.float32)
        with torch.no_grad():
            expected = raw(torch.from_numpy(images))[0].numpy()
        found = np.stack([outputs["output0"] for outputs in runtime.predict(list(images))])
        scores.append(float(np.abs(found[:, 4:] - expected[:, 4:]).max()))
        visible = expected[:, 4:].max(axis=1) >= PARITY_MIN_SCORE
        difference = np.abs(found[:, :4] - expected[:, :4]).max(axis=1)
        boxes.append(float(difference[visible].max(initial=0.0)))
    sizes = [[height, width] for _, height, width in shapes]
    return Parity(max(scores), max(boxes), sum(batch for batch, _, _ in shapes), sizes)


def write_parity(parity: Parity, file: Path) -> None:
    """Write `parity.json`.

    Raises:
        ParityBroken: A difference is above its limit.
    """
    limits = {"score": PARITY_LIMIT_SCORE, "box_px": PARITY_LIMIT_BOX_PX}
    file.write_text(
        json.dumps({**asdict(parity), "limits": limits, "torch": torch.__version__}, indent=1)
        + "\n",
        encoding="utf-8",
    )
    if (
        parity.max_score_difference > PARITY_LIMIT_SCORE
        or parity.max_box_difference_px > PARITY_LIMIT_BOX_PX
    ):
        message = f"torch and ONNX Runtime differ: {parity}"
        raise ParityBroken(message)
