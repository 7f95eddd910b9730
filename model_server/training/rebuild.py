"""Turn a shipped ONNX file back into the torch model that it was written from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from ultralytics.nn.tasks import DetectionModel, SegmentationModel, yaml_model_load

from model_server.training.start_weights import ARCHITECTURE, MASK_ARCHITECTURE


class OtherArchitecture(ValueError):
    """The file does not hold the layers of the architecture that is trained here."""


KINDS = {
    "Conv": torch.nn.Conv2d,
    "ConvTranspose": torch.nn.ConvTranspose2d,
}


def rebuild_network(file: Path, class_count: int) -> DetectionModel:
    """Return the training library's network with the weights of an ONNX file.

    The file names each convolution after its layer; the normalisation is folded into it already.
    Prototypes among its outputs say that it draws masks.

    Args:
        file: ONNX file written by `model_server.training.export`.
        class_count: Number of classes.

    Raises:
        OtherArchitecture: Layers are missing, left over or of another shape.
    """
    graph = onnx.load(str(file)).graph
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    # Equal tensors are stored once, the others stand for it.
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    network = _empty_network(any(out.name == "output1" for out in graph.output), class_count)
    missing = {
        name for name, layer in network.named_modules() if isinstance(layer, tuple(KINDS.values()))
    }
    for node in graph.node:
        if node.op_type not in KINDS:
            continue
        name = _layer_name(node.name)
        if name not in missing:
            message = f"{file.name} holds a layer {name} that is unknown or stands there twice"
            raise OtherArchitecture(message)
        missing.remove(name)
        _fill(network.get_submodule(name), [stored[weights] for weights in node.input[1:]])
    if missing:
        message = f"{file.name} lacks the layers {sorted(missing)}"
        raise OtherArchitecture(message)
    return network.eval()


def _empty_network(masks: bool, class_count: int) -> DetectionModel:
    description = yaml_model_load(MASK_ARCHITECTURE if masks else ARCHITECTURE)
    kind = SegmentationModel if masks else DetectionModel
    return kind({**description, "nc": class_count}, verbose=False).fuse(verbose=False)


def _layer_name(node_name: str) -> str:
    """Return `model.22.cv2.0.1.conv` for `/detector/model.22/cv2.0/cv2.0.1/conv/Conv`."""
    scopes: list[str] = []
    for scope in node_name.split("/")[2:-1]:
        # The entries of a list repeat the name of the list.
        if scopes and scope.startswith(f"{scopes[-1]}."):
            scopes.pop()
        scopes.append(scope)
    return ".".join(scopes)


def _fill(layer: torch.nn.Module, values: list[NDArray[np.float32]]) -> None:
    own = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
    tensors = [torch.from_numpy(value.copy()) for value in values]
    if [entry.shape for entry in own] != [entry.shape for entry in tensors]:
        message = f"a layer has the shapes {[tuple(entry.shape) for entry in tensors]}"
        raise OtherArchitecture(message)
    with torch.no_grad():
        for entry, tensor in zip(own, tensors, strict=True):
            entry.copy_(tensor)
