"""A classifier of a few bytes that names the colour of an image."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CARD = """
name = "colours"
version = "1.0.0"
task = "classify"
title_de = "Farben"
architecture = "label_onnx"
runtime = ["onnxruntime"]
file = "model.onnx"
sha256 = "{sha256}"
classes = [
  {{ code = 0, key = "red", title_de = "Rot" }},
  {{ code = 1, key = "green", title_de = "Grün" }},
  {{ code = 2, key = "blue", title_de = "Blau" }},
]
outputs = ["labels"]
quality = "demonstration"
limits_de = "Nur für Tests."
[input]
{input}
[limits]
max_batch = 8
memory_mb = 10
{domain}
[training]
script = "-"
command = "-"
seed = 0
data = [{{ name = "-", licence = "-", origin = "-", items = 0 }}]
synthetic = true
date = 2026-11-25
hours_cpu = 0
split_rule = "-"
test_disjoint = true
[licence]
weights = "AGPL-3.0-or-later"
data = "-"
code = "AGPL-3.0-or-later"
redistribute = true
[contact]
text = "-"
[[metrics]]
name = "-"
value = 1
data = "-"
items = 1
command = "-"
measured_on = 2026-11-25
"""
DOMAIN = '[domain]\nfile = "domain.json"\ndistance_p99 = 3.0'
SHARPNESS = 4.0


def colour_network(output: str, *, side: int | None, top_half: bool = False) -> onnx.ModelProto:
    """Return a network whose scores are the mean colours, of the upper half alone if asked."""
    shape = ["batch", 3, "height" if side is None else side, "width" if side is None else side]
    nodes, source = [], "images"
    if top_half:
        ends = [numpy_helper.from_array(np.array([v]), n) for n, v in (("a", 0), ("b", 4))]
        axis = numpy_helper.from_array(np.array([2]), "axis")
        nodes.append(helper.make_node("Slice", ["images", "a", "b", "axis"], ["upper"]))
        constants, source = [*ends, axis], "upper"
    else:
        constants = []
    nodes.append(helper.make_node("ReduceMean", [source], ["features"], axes=[2, 3], keepdims=0))
    factor = 1.0 if output == "probabilities" else SHARPNESS
    constants.append(numpy_helper.from_array(np.array(factor, dtype=np.float32), "factor"))
    nodes.append(helper.make_node("Mul", ["features", "factor"], [output]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3])
            for name in (output, "features")
        ],
        constants,
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write_model(
    root: Path, network: onnx.ModelProto, card_input: str = "size_px = 8", domain: str = ""
) -> None:
    """Write `<root>/colours/1.0.0/`.

    Args:
        root: Folder of models.
        network: Result of `colour_network`.
        card_input: Lines of the card's part `[input]`.
        domain: The card's part `[domain]`, `DOMAIN` or empty.
    """
    home = root / "colours" / "1.0.0"
    home.mkdir(parents=True)
    content = network.SerializeToString()
    (home / "model.onnx").write_bytes(content)
    statistics = {"mean": [0.5, 0.5, 0.5], "deviation": [0.1, 0.1, 0.1]}
    (home / "domain.json").write_text(json.dumps(statistics), encoding="utf-8")
    sha256 = hashlib.sha256(content).hexdigest()
    card = CARD.format(sha256=sha256, input=card_input, domain=domain)
    (home / "card.toml").write_text(card, encoding="utf-8")


CHANGES = ("unchanged", "renewed", "cleaned", "under_construction", "new_building", "extension")


def pair_network() -> onnx.ModelProto:
    """Return a network for pairs: the mean of each of the six bands is the score of one change."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["means", "factor"], ["logits"]),
        helper.make_node("ReduceMean", ["means"], ["attribute_recognisable"], axes=[1]),
    ]
    factor = numpy_helper.from_array(np.array(SHARPNESS, dtype=np.float32), "factor")
    shape = ["batch", 6, "height", "width"]
    outputs = {"logits": 6, "attribute_recognisable": 1}
    graph = helper.make_graph(
        nodes,
        "pairs",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", count])
            for name, count in outputs.items()
        ],
        [factor],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write_pair_model(root: Path) -> None:
    """Write `<root>/pairs/1.0.0/`, a model of the task `change`."""
    home = root / "pairs" / "1.0.0"
    home.mkdir(parents=True)
    content = pair_network().SerializeToString()
    (home / "model.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    card = CARD.format(sha256=sha256, input="", domain="")
    classes = ", ".join(
        f'{{ code = {code}, key = "{key}", title_de = "{key}" }}'
        for code, key in enumerate(CHANGES)
    )
    start, end = card.index("classes = ["), card.index("outputs = ")
    card = f"{card[:start]}classes = [{classes}]\n{card[end:]}"
    for old, new in (("colours", "pairs"), ('"classify"', '"change"'), ("label_onnx", "pair_onnx")):
        card = card.replace(old, new)
    (home / "card.toml").write_text(card, encoding="utf-8")
