"""Tiny real ONNX networks for the tests, and cards that fit them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model_server.card import Card, CardClass, CardInput
from model_server.catalog import BUILT_IN, MAIN_FILE, ServableModel
from tests.model_server.conftest import brightness_card

Axes = Sequence[int | str | None]
CODES = (0, 3, 7)


def save_network(
    file: Path,
    nodes: Sequence[Any],
    weights: dict[str, np.ndarray],
    *,
    shape: Axes,
    outputs: dict[str, Axes],
) -> Path:
    """Write a network with the input `image` and the named outputs."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, axes)
            for name, axes in outputs.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    file.write_bytes(model.SerializeToString())
    return file


def save_classes_network(
    file: Path,
    *,
    bands: int = 3,
    classes: int = len(CODES),
    stride: int = 4,
    output: str = "logits",
    sides: tuple[int | None, int | None] = (None, None),
) -> Path:
    """Write random convolutions with a class for each cell, and 8 features for each image."""
    rng = np.random.default_rng(5)
    weights = {
        "down": rng.normal(0, 1.5 / stride, (8, bands, stride, stride)).astype(np.float32),
        "shift": rng.normal(0, 0.3, 8).astype(np.float32),
        "look": rng.normal(0, 0.5, (classes, 8, 3, 3)).astype(np.float32),
    }
    last = ["seen"] if output == "logits" else ["logits"]
    nodes = [
        helper.make_node("Conv", ["image", "down", "shift"], ["cells"], strides=[stride, stride]),
        helper.make_node("Relu", ["cells"], ["active"]),
        helper.make_node("Conv", ["active", "look"], last, pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    if output == "logits":
        nodes.append(helper.make_node("Identity", ["seen"], ["logits"]))
    else:
        nodes.append(helper.make_node("Softmax", ["logits"], [output], axis=1))
    cells = [None if side is None else side // stride for side in sides]
    return save_network(
        file,
        nodes,
        weights,
        shape=["n", bands, *sides],
        outputs={output: ["n", classes, *cells], "features": ["n", 8]},
    )


def classes_card(**changes: Any) -> Card:
    """Return the card of a model for classes with the codes `CODES`."""
    given = {
        "architecture": "classes_onnx",
        "classes": tuple(
            CardClass(code=code, key=f"class_{code}", title_de=f"Klasse {code}") for code in CODES
        ),
        "outputs": ("classes", "probabilities"),
        "bands": ("rgb",),
        "input": CardInput(gsd_best_m=0.2, gsd_min_m=0.1, gsd_max_m=0.4, output_stride=4),
        "domain": None,
    }
    return brightness_card(**(given | changes))


def servable(card: Card, file: Path, **more: Path) -> ServableModel:
    """Return a model of a card and a file of weights."""
    return ServableModel(card, BUILT_IN, {MAIN_FILE: file, **more})


def save_pair_network(
    file: Path,
    *,
    bands: int = 3,
    output: str = "logits",
    attribute: str = "attribute_pv_after",
    slope: float = 40.0,
    sides: tuple[int | None, int | None] = (None, None),
) -> Path:
    """Write a network that tells pairs by their mean brightness.

    Its classes are: equal, brighter, darker. The attribute is the mean of the last band of the
    image after, the features are all band means.
    """
    first = np.zeros((1, 2 * bands), dtype=np.float32)
    first[0, :3], first[0, bands : bands + 3] = -1 / 3, 1 / 3
    last = np.zeros((1, 2 * bands), dtype=np.float32)
    last[0, -1] = 1
    weights = {
        "difference": first.T,
        "last": last.T,
        "slopes": np.array([[0, slope, -slope]], dtype=np.float32),
        "offsets": np.array([slope / 8, 0, 0], dtype=np.float32),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "difference"], ["change"]),
        helper.make_node("MatMul", ["change", "slopes"], ["raw"]),
        helper.make_node("Add", ["raw", "offsets"], ["scores"]),
        helper.make_node("MatMul", ["features", "last"], [attribute]),
        helper.make_node("Identity", ["scores"], ["logits"])
        if output == "logits"
        else helper.make_node("Softmax", ["scores"], [output], axis=1),
    ]
    axes = {output: ["n", 3], attribute: ["n", 1], "features": ["n", 2 * bands]}
    return save_network(file, nodes, weights, shape=["n", 2 * bands, *sides], outputs=axes)


def pair_card(**changes: Any) -> Card:
    """Return the card of `save_pair_network`, without limits of the resolution."""
    given = {
        "task": "change",
        "architecture": "pair_onnx",
        "classes": tuple(
            CardClass(code=code, key=key, title_de=key)
            for code, key in enumerate(("equal", "brighter", "darker"))
        ),
        "outputs": ("label",),
        "bands": ("rgb",),
        "input": CardInput(mean=(0, 0, 0, 0), std=(1, 1, 1, 1)),
        "domain": None,
    }
    return brightness_card(**(given | changes))
