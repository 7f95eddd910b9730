"""A convolutional network sees the same in tiles as in the whole image.

Its weights are random but fixed: what counts here is what a network does at the edge of its view.
The trained land-cover model is measured in the same way once it is there, with an issue of its own.
"""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from shared.demo_city import SceneSettings, render_scene
from shared.geo.tiling import blend, most_likely, plan_tiles

SEED, TEST_SCENE = 2026, 950_001
SIDE_PX, TILE_PX, OVERLAP_PX = 640, 256, 64
"""Tiles start at 0, 192 and 384, on the grid of the network's step of 2 pixels."""
CLASSES = 10
REACH_PX = 12
"""How far it looks at most: 1 px for each of two layers, 2 for each of three on the halved picture,
3 for the enlarging and 1 for the last layer."""
LARGEST_SHARE = 0.001
LAYERS = ((3, 12, 3, 1), (12, 16, 3, 2), (16, 16, 3, 1), (16, 16, 3, 1), (16, 12, 3, 1))
"""Channels before and behind, side of the kernel, step; then twice as large, then one more."""


def network() -> bytes:
    """Return a network of six layers: the second halves the picture, the last sees it enlarged."""
    random = np.random.default_rng(SEED)
    nodes, weights, source = [], [], "image"
    layers = [*LAYERS, (12, CLASSES, 3, 1)]
    for number, (before, behind, side, step) in enumerate(layers):
        if number == len(LAYERS):
            nodes.append(
                helper.make_node("Resize", [source, "", "scales"], ["large"], mode="linear")
            )
            source = "large"
        values = random.normal(0, (2 / (before * side**2)) ** 0.5, (behind, before, side, side))
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"weight{number}"))
        target = f"layer{number}" if number < len(LAYERS) else "logits"
        nodes.append(
            helper.make_node(
                "Conv", [source, f"weight{number}"], [target],
                kernel_shape=[side, side], strides=[step, step], pads=[side // 2] * 4,
            )
        )  # fmt: skip
        source = target
        if number < len(LAYERS):
            nodes.append(helper.make_node("Relu", [target], [f"seen{number}"]))
            source = f"seen{number}"
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales"))
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "rows", "columns"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, CLASSES, "r", "c"])],
        weights,
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture(scope="module")
def answer(rgb):
    """The network, each of its classes brought to mean 0 and deviation 1, so that all occur."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(network(), options, providers=["CPUExecutionProvider"])

    def run(pixels):
        image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / 255 - 0.5
        return session.run(["logits"], {"image": image})[0][0]

    whole = run(rgb)
    middle, spread = (measure(axis=(1, 2), keepdims=True) for measure in (whole.mean, whole.std))
    return lambda pixels: (run(pixels) - middle) / spread


@pytest.fixture(scope="module")
def rgb():
    scene = render_scene(SceneSettings(seed=TEST_SCENE, split="test", size_px=SIDE_PX))
    return scene.window.rgbi[..., :3]


def tiled(answer, rgb, overlap_px, margin_px=0):
    plan = plan_tiles(SIDE_PX, SIDE_PX, TILE_PX, overlap_px)

    def answers():
        for tile in plan:
            left, upper, right, lower = tile.box
            yield tile, answer(rgb[upper:lower, left:right])

    return np.concatenate(
        [most_likely(one, 255) for one in blend(answers(), plan, CLASSES, margin_px=margin_px)]
    )


def test_the_network_looks_less_far_than_tiles_overlap(answer, rgb):
    changed = rgb.copy()
    changed[320, 320] = 255 - changed[320, 320]
    rows, columns = np.nonzero((answer(changed) != answer(rgb)).any(axis=0))
    reach = max(np.abs(rows - 320).max(), np.abs(columns - 320).max())
    assert 5 < reach <= REACH_PX <= OVERLAP_PX / 2


def test_tiled_and_whole_classes_differ_in_at_most_a_thousandth(answer, rgb):
    whole = answer(rgb).argmax(axis=0)
    assert (np.bincount(whole.ravel(), minlength=CLASSES) > whole.size / 100).sum() >= 4
    share = (tiled(answer, rgb, OVERLAP_PX, REACH_PX) != whole).mean()
    assert share <= LARGEST_SHARE
    # Without overlap the edges show: the bound is one that tiles can miss.
    assert (tiled(answer, rgb, 0) != whole).mean() > LARGEST_SHARE
