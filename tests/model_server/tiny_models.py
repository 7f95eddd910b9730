"""Model folders with networks of a few bytes, so that tests can have as many as they need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Axes = Sequence[int | str]
CARD = """
name = "{name}"
version = "{version}"
task = "segment"
title_de = "Helligkeit"
architecture = "yolo_detect"
runtime = ["onnxruntime"]
file = "model.onnx"
sha256 = "{sha256}"
classes = [{{ code = 0, key = "bright", title_de = "Hell" }}]
outputs = ["instances"]
quality = "demonstration"
limits_de = "Nur für Tests: findet in jedem Bild einen Kasten, so sicher wie das Bild hell ist."
[limits]
max_batch = 8
memory_mb = 10
min_score = 0.0
[training]
script = "tests/model_server/tiny_models.py"
command = "keine"
seed = 1
synthetic = true
date = 2026-11-25
hours_cpu = 0.0
split_rule = "keine"
test_disjoint = true
[[training.data]]
name = "keine"
licence = "CC0"
origin = "keine"
items = 0
[[metrics]]
name = "keine"
value = 0.0
data = "keine"
items = 0
command = "keine"
measured_on = 2026-11-25
[licence]
weights = "CC0"
data = "CC0"
code = "CC0"
redistribute = true
[contact]
text = "niemand"
"""


def brightness_network(factor: float) -> bytes:
    """Return an ONNX file: one box in each image, its score = mean brightness x factor."""
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "factor"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "score_shape"], ["score"]),
        helper.make_node("Shape", ["images"], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "box_axes"], ["box_shape"], axis=0),
        helper.make_node("Expand", ["box", "box_shape"], ["boxes"]),
        helper.make_node("Concat", ["boxes", "score"], ["output0"], axis=1),
    ]
    constants = {
        "axes": np.array([1, 2, 3], dtype=np.int64),
        "factor": np.array(factor, dtype=np.float32),
        "score_shape": np.array([-1, 1, 1], dtype=np.int64),
        "box_axes": np.array([4, 1], dtype=np.int64),
        "box": np.array([32, 24, 16, 12], dtype=np.float32).reshape(1, 4, 1),
    }
    return _save(nodes, constants, ["n", 3, "h", "w"], ["n", 5, 1])


def _save(
    nodes: Sequence[onnx.NodeProto], constants: dict[str, np.ndarray], shape: Axes, result: Axes
) -> bytes:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, result)
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [images], [output], initialisers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def endless_network() -> bytes:
    """Return an ONNX file: one box in each image; with a bright image it never comes to an end."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still"]),
            helper.make_node("Add", ["before", "before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, ()),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, ()),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, ()),
        ],
    )
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Greater", ["mean", "bright"], ["is_bright"]),
        helper.make_node("Loop", ["turns", "is_bright", "zero"], ["looped"], body=body),
        helper.make_node("Add", ["looped", "box"], ["output0"]),
    ]
    constants = {
        "bright": np.array(0.9, dtype=np.float32),
        "turns": np.array(2**62, dtype=np.int64),
        "zero": np.array(0, dtype=np.float32),
        "box": np.array([32, 24, 16, 12, 0.5], dtype=np.float32).reshape(1, 5, 1),
    }
    return _save(nodes, constants, [1, 3, "h", "w"], [1, 5, 1])


def write_model(root: Path, name: str, version: str, factor: float) -> str:
    """Write `<root>/<name>/<version>/` and return the hash of its weights."""
    return _write(root, name, version, brightness_network(factor))


def write_endless_model(root: Path, name: str) -> str:
    """Write version 1.0.0 of a model that some images keep busy for ever."""
    return _write(root, name, "1.0.0", endless_network())


def _write(root: Path, name: str, version: str, weights: bytes) -> str:
    folder = root / name / version
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(weights).hexdigest()
    (folder / "model.onnx").write_bytes(weights)
    card = CARD.format(name=name, version=version, sha256=sha256)
    (folder / "card.toml").write_text(card, encoding="utf-8")
    return sha256
