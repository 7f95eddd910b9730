"""Model folders with networks of a few bytes, so that tests can have as many as they need."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, "h", "w"])
    output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["n", 5, 1])
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "brightness", [images], [output], initialisers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def write_model(root: Path, name: str, version: str, factor: float) -> str:
    """Write `<root>/<name>/<version>/` and return the hash of its weights."""
    folder = root / name / version
    folder.mkdir(parents=True, exist_ok=True)
    weights = brightness_network(factor)
    sha256 = hashlib.sha256(weights).hexdigest()
    (folder / "model.onnx").write_bytes(weights)
    card = CARD.format(name=name, version=version, sha256=sha256)
    (folder / "card.toml").write_text(card, encoding="utf-8")
    return sha256
