"""Write a network that names the class of every pixel as ONNX and measure how well it repeats.

Input `images` (batch, 3, height, width), 0-1, sides multiples of the network's `multiple`. Output
`probabilities` (batch, classes, height / s, width / s), calibrated by a temperature, and `features`
(batch, k): the mean over the image of the coarsest scale, for the distance of an image to the
training images (`model_server.domain`).
"""

from __future__ import annotations

import copy
import hashlib
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from model_server.domain import FEATURES_OUTPUT
from model_server.runtime import OnnxRuntime
from model_server.training.export import ParityBroken

OPSET = 17
PROBABILITIES = "probabilities"
TRACED_PX = 128
LIMIT_DIFFERENCE = 1e-4
LIMIT_AGREEMENT = 0.9995


@dataclass(frozen=True)
class Parity:
    """How closely ONNX Runtime repeats torch.

    Attributes:
        max_difference: Largest difference of a probability.
        class_agreement: Share of cells with the same most probable class.
        images: Number of compared images.
        sizes_px: Compared heights and widths.
    """

    max_difference: float
    class_agreement: float
    images: int
    sizes_px: list[list[int]]


def parity_content(file: Path, parity: Parity) -> dict[str, Any]:
    """Return what `parity.json` holds about weights whose measurement broke no limit.

    Args:
        file: The weights.
        parity: What `measure_parity` returned for them.
    """
    return {
        "onnxruntime": {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "version": onnxruntime.__version__,
            "torch": torch.__version__,
            **asdict(parity),
            "limits": {"difference": LIMIT_DIFFERENCE, "class_agreement": LIMIT_AGREEMENT},
            "ok": parity.max_difference <= LIMIT_DIFFERENCE
            and parity.class_agreement >= LIMIT_AGREEMENT,
        }
    }


class Calibrated(nn.Module):
    """A network with probabilities in place of its logits.

    Args:
        network: Returns logits and features; it is copied.
        temperature: Divides the logits.
    """

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).float().cpu().eval().requires_grad_(False)
        self.temperature = temperature

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return probabilities and features of images (n, 3, h, w), 0-1."""
        logits, features = self.network(images)
        return torch.softmax(logits / self.temperature, dim=1), features


def export_onnx(network: nn.Module, file: Path, temperature: float = 1.0) -> Calibrated:
    """Write the ONNX file and return the torch model it must agree with.

    Args:
        network: Returns logits and features.
        file: Target.
        temperature: Divides the logits.
    """
    # The exporter brings everything back to the mode it finds.
    model = Calibrated(network, temperature).eval()
    axes = {0: "batch", 2: "height", 3: "width"}
    cells = {0: "batch", 2: "rows", 3: "columns"}
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is the one that needs no further package; it announces its end.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, TRACED_PX, TRACED_PX),),
            str(file),
            opset_version=OPSET,
            input_names=["images"],
            output_names=[PROBABILITIES, FEATURES_OUTPUT],
            dynamic_axes={"images": axes, PROBABILITIES: cells, FEATURES_OUTPUT: {0: "batch"}},
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(str(file)))
    return model


def measure_parity(model: Calibrated, file: Path, images: list[np.ndarray]) -> Parity:
    """Compare torch and ONNX Runtime.

    Args:
        model: What `export_onnx` returned.
        file: Exported file.
        images: Of any sizes, (3, h, w), 0-1.

    Raises:
        ParityBroken: A difference is above its limit.
    """
    runtime = OnnxRuntime.load(file)
    largest, same, cells = 0.0, 0, 0
    for image in images:
        with torch.no_grad():
            expected = model(torch.from_numpy(image)[None])[0][0].numpy()
        found = runtime.predict([image])[0][PROBABILITIES]
        largest = max(largest, float(np.abs(found - expected).max()))
        same += int((found.argmax(axis=0) == expected.argmax(axis=0)).sum())
        cells += expected[0].size
    parity = Parity(
        largest, same / max(1, cells), len(images), sorted({image.shape[1:] for image in images})
    )
    if largest > LIMIT_DIFFERENCE or parity.class_agreement < LIMIT_AGREEMENT:
        message = f"torch and ONNX Runtime differ: {parity}"
        raise ParityBroken(message)
    return parity
