"""The networks that are compared for land cover, all with one interface.

- "a": the library's segmentation network yolo26n-sem from a random start, the image enlarged twice.
- "b": backbone and neck of YOLOv8n from the start weights, the image enlarged twice.
- "c": a small network of its own with cells of 2 pixels. It looks at most `REACH_PX` pixels beyond
  a cell, so that tiles overlapping by twice as much show the same as the whole image.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from model_server.training.landcover_data import KEYS

Arm = Literal["a", "b", "c"]
REACH_PX = 63
CHANNELS = (32, 64, 128)
"""Of arm "c" at strides 2, 4 and 8."""
MEAN, DEVIATION = 0.4, 0.2
"""What arm "c" takes off and divides by; colours of aerial images lie about there."""


def _layer(channels: int, out: int, side: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    margin = dilation * (side // 2) if stride == 1 else (side - stride) // 2
    return nn.Sequential(
        nn.Conv2d(channels, out, side, stride, margin, dilation, bias=False), nn.BatchNorm2d(out)
    )


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _layer(channels, channels, 3)
        self.second = _layer(channels, channels, 3, dilation=dilation)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        change = self.second(functional.relu(self.first(values)))
        return functional.relu(values + change)


class OwnNetwork(nn.Module):
    """Arm "c": three scales, no view beyond `reach_px`.

    Input (n, 3, h, w), 0-1, sides multiples of 8; output logits (n, classes, h / 2, w / 2) and
    features (n, k).
    """

    stride = 2
    multiple = 8
    reach_px: int | None = REACH_PX

    def __init__(self, channels: tuple[int, int, int] = CHANNELS) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.enter = _layer(3, fine, 4, 2)
        self.fine = _layer(fine, fine, 3)
        self.to_middle = _layer(fine, middle, 2, 2)
        self.middle = _Residual(middle)
        self.to_coarse = _layer(middle, coarse, 2, 2)
        self.coarse = nn.Sequential(_Residual(coarse), _Residual(coarse, dilation=2))
        self.from_coarse = nn.Conv2d(coarse, middle, 1)
        self.join_middle = _layer(middle, middle, 3)
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.join_fine = _layer(fine, fine, 3)
        self.head = nn.Conv2d(fine, len(KEYS), 1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits and features."""
        relu = functional.relu
        fine = relu(self.fine(relu(self.enter((images - MEAN) / DEVIATION))))
        middle = self.middle(relu(self.to_middle(fine)))
        coarse = self.coarse(relu(self.to_coarse(middle)))
        middle = relu(self.join_middle(middle + _twice(self.from_coarse(coarse))))
        fine = relu(self.join_fine(fine + _twice(self.from_middle(middle))))
        return self.head(fine), coarse.mean(dim=(2, 3))


def _twice(values: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(values, scale_factor=2.0, mode="nearest")


class LibraryNetwork(nn.Module):
    """Arms "a" and "b": a network of the library behind a doubled image, cells of 4 pixels.

    Args:
        network: Segmentation model of the library with cells of 8 of its own pixels.
        features_layer: Number of the layer whose mean gives the features.
    """

    stride = 4
    multiple = 16
    reach_px: int | None = None

    def __init__(self, network: nn.Module, features_layer: int) -> None:
        super().__init__()
        self.network = network
        self._features: torch.Tensor | None = None
        network.model[features_layer].register_forward_hook(self._keep)

    def _keep(self, _layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        self._features = output.mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return logits and features of images (n, 3, h, w), 0-1, sides multiples of 16."""
        large = functional.interpolate(
            images, scale_factor=2.0, mode="bilinear", align_corners=False
        )
        found = self.network(large)
        return (found[0] if isinstance(found, tuple | list) else found), self._features


def build(arm: Arm, seed: int) -> nn.Module:
    """Return the untrained network of an arm; arm "b" has its start weights.

    Args:
        arm: Which network.
        seed: Of its random numbers.

    Raises:
        StartWeightsMissing: The start weights are not installed.
    """
    torch.manual_seed(seed)
    if arm == "c":
        return OwnNetwork()
    # Only these arms need the library.
    from ultralytics.nn.tasks import SemanticSegmentationModel

    if arm == "a":
        network = SemanticSegmentationModel("yolo26n-sem.yaml", nc=len(KEYS), verbose=False)
        return LibraryNetwork(network, features_layer=9)
    from model_server.training.start_weights import build_source_model, find_source, fitting

    network = SemanticSegmentationModel(_yolov8_semantic(), nc=len(KEYS), verbose=False)
    donor = build_source_model(find_source()).state_dict()
    network.load_state_dict(fitting(donor, network), strict=False)
    return LibraryNetwork(network, features_layer=9)


def prepare(network: nn.Module, images: torch.Tensor) -> None:
    """Fit the normalisation layers of start weights to images of the new domain.

    Args:
        network: Result of `build` for arm "b"; changed in place.
        images: (n, 3, h, w), 0-1.
    """
    from model_server.training.start_weights import recalibrate

    recalibrate(network, list(images.split(4)))


def _yolov8_semantic() -> dict[str, object]:
    """Return YOLOv8n down to its finest scale (layers 0-15) with the library's semantic head."""
    from ultralytics.nn.tasks import yaml_model_load

    full = yaml_model_load("yolov8n.yaml")
    neck = [*full["head"][:6], [[15, 12], 1, "SemanticSegment", ["nc"]]]
    return {**full, "head": neck}
