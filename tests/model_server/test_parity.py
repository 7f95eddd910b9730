"""Engines agree on the shipped weights, and no card claims more than was measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper

from model_server import parity
from model_server.card import load_card
from model_server.catalog import BUILT_IN, MAIN_FILE, ServableModel, load_catalog
from model_server.parity import (
    AP50_LIMIT_POINTS,
    OPENVINO_SCORE_LIMIT,
    TORCH_BOX_LIMIT_PX,
    TORCH_LEAST_MASK_IOU,
    TORCH_SCORE_LIMIT,
    YOLO_HEADS,
    can_measure_openvino,
    compare_engines,
    draw_scene,
    find_problems,
    main,
    measure_openvino,
    write_measured,
)
from model_server.runtime import OnnxRuntime, choose_runtime, is_openvino_installed
from model_server.runtime_openvino import OpenVinoRuntime
from model_server.training.solar_card import write_card
from tests.model_server.networks import save_network

SHIPPED = [
    model
    for model in load_catalog([BUILT_IN]).models
    if model.card.architecture in YOLO_HEADS and model.card.file is not None
]
MODELS = pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.card.name)
needs_openvino = pytest.mark.skipif(not is_openvino_installed(), reason="OpenVINO is optional")


class StandIn:
    """Answers every image with the same anchors, and with prototypes of masks where it has some."""

    name, device, input_shape = "onnxruntime", "cpu", (None, 3, None, None)

    def __init__(self, *anchors: list[float], prototypes: np.ndarray | None = None) -> None:
        self.metadata: dict[str, str] = {}
        self._outputs = {"output0": np.array(anchors, dtype=np.float32).T}
        if prototypes is not None:
            self._outputs["output1"] = prototypes.astype(np.float32)

    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        return [self._outputs for _ in inputs]


def stored(model: ServableModel) -> dict[str, Any]:
    return json.loads((model.folder / "parity.json").read_text(encoding="utf-8"))


def test_there_are_shipped_weights_to_compare() -> None:
    assert "solar" in {model.card.name for model in SHIPPED}


def test_scenes_repeat_and_differ() -> None:
    scene = draw_scene(1, 320, 640)
    assert scene.shape == (320, 640, 3)
    assert (scene == draw_scene(1, 320, 640)).all()
    assert (scene != draw_scene(2, 320, 640)).any()
    assert scene.std() > 10


def test_differences_are_the_largest_that_matter() -> None:
    right = StandIn([10, 10, 4, 4, 0.5], [30, 30, 4, 4, 0.001])
    other = StandIn([10, 12, 4, 4, 0.4], [90, 30, 4, 4, 0.002])
    found = compare_engines(right, other, [draw_scene(1, 64, 64)] * 3, 1)
    assert found.max_score_difference == pytest.approx(0.1)
    assert found.max_box_difference_px == 2, "the box of the weak anchor does not count"
    assert found.images == 3
    assert found.min_mask_iou is None
    same = compare_engines(right, right, [draw_scene(1, 64, 64)], 1)
    assert (same.max_score_difference, same.max_box_difference_px) == (0, 0)


def test_coefficients_of_masks_are_no_scores() -> None:
    rows = np.zeros((2, 4, 4))
    rows[0, :2], rows[1, :3] = 1, 1
    # Box, two classes, two coefficients; the second anchor is too weak to count.
    right = StandIn([10, 10, 4, 4, 0.2, 0.9, 1, 0], [30, 30, 4, 4, 0.001, 0, 1, 0], prototypes=rows)
    other = StandIn(
        [10, 10, 4, 4, 0.2, 0.7, 0, 5], [30, 30, 4, 4, 0.001, 0, -9, -9], prototypes=rows
    )
    found = compare_engines(right, other, [draw_scene(1, 64, 64)], 2)
    assert found.max_score_difference == pytest.approx(0.2)
    assert found.min_mask_iou == pytest.approx(2 / 3)
    assert compare_engines(right, right, [draw_scene(1, 64, 64)] * 2, 2).min_mask_iou == 1


def test_masks_of_weak_anchors_are_not_compared() -> None:
    weak = [[10.0, 10, 4, 4, 0.001, sign] for sign in (1, -1)]
    first, second = (StandIn(one, prototypes=np.ones((1, 4, 4))) for one in weak)
    assert compare_engines(first, second, [draw_scene(1, 64, 64)], 1).min_mask_iou == 1


@MODELS
def test_the_stored_figures_belong_to_the_weights_and_keep_their_limits(
    model: ServableModel,
) -> None:
    exact = stored(model)["onnxruntime"]
    assert exact["sha256"] == model.card.sha256
    assert exact["ok"] is True
    assert exact["max_score_difference"] <= TORCH_SCORE_LIMIT
    assert exact["max_box_difference_px"] <= TORCH_BOX_LIMIT_PX
    if model.card.architecture == "yolo_segment":
        assert exact["min_mask_iou"] >= TORCH_LEAST_MASK_IOU
    assert find_problems(model.card.openvino_ok, stored(model)) == []


@MODELS
def test_what_was_measured_of_openvino_belongs_to_the_weights(model: ServableModel) -> None:
    measured = stored(model)["openvino"]
    assert measured["sha256"] == model.card.sha256
    assert measured["readable"] is True
    assert measured["precision"] == "bf16"
    assert measured["tiles"] > 0
    within = (
        measured["max_score_difference"] <= OPENVINO_SCORE_LIMIT
        and measured["ap50_change_points"] <= AP50_LIMIT_POINTS
    )
    assert measured["ok"] is within
    assert within or not model.card.openvino_ok


@MODELS
@needs_openvino
def test_openvino_runs_only_what_the_card_allows(model: ServableModel) -> None:
    engine = choose_runtime(model.card, "cpu", visible=False)
    assert engine == ("openvino" if model.card.openvino_ok else "onnxruntime")


@MODELS
@needs_openvino
def test_openvino_in_float32_repeats_onnx_runtime(model: ServableModel) -> None:
    file = model.files[MAIN_FILE]
    scenes = [draw_scene(seed, 320, 384) for seed in range(3)]
    exact = OpenVinoRuntime.load(file, 1, "f32")
    classes = len(model.card.classes)
    found = compare_engines(OnnxRuntime.load(file), exact, scenes, classes)
    assert found.max_score_difference <= TORCH_SCORE_LIMIT
    assert found.max_box_difference_px <= TORCH_BOX_LIMIT_PX
    if model.card.architecture == "yolo_segment":
        assert found.min_mask_iou is not None
        assert found.min_mask_iou >= TORCH_LEAST_MASK_IOU


@MODELS
def test_torch_computes_the_same_from_the_shipped_weights(
    model: ServableModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="torch is needed for training only")
    pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")
    monkeypatch.setattr(parity, "TORCH_SHAPES", [(1, 128, 128), (2, 96, 160)])
    found = parity.measure_torch(model)
    assert found["sha256"] == model.card.sha256
    assert found["ok"] is True, found
    assert 0 < found["max_score_difference"] <= TORCH_SCORE_LIMIT
    if model.card.architecture == "yolo_segment":
        assert found["min_mask_iou"] >= TORCH_LEAST_MASK_IOU


@MODELS
def test_only_files_of_the_known_architecture_become_torch_models(
    model: ServableModel, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="torch is needed for training only")
    pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")
    from model_server.training.rebuild import OtherArchitecture, rebuild_network

    file = model.files[MAIN_FILE]
    with pytest.raises(OtherArchitecture, match="shapes"):
        rebuild_network(file, len(model.card.classes) + 1)
    network = onnx.load(str(file))
    last = [node for node in network.graph.node if node.op_type == "Conv"][-1]
    network.graph.node.remove(last)
    onnx.save(network, str(tmp_path / "short.onnx"))
    with pytest.raises(OtherArchitecture, match="lacks"):
        rebuild_network(tmp_path / "short.onnx", len(model.card.classes))


def write_tiles(folder: Path, count: int) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    rows = ["tile,group,ground_mounted"]
    for index in range(count):
        cv2.imwrite(str(folder / "images" / f"t{index}.jpg"), draw_scene(index, 128, 192))
        (folder / "labels" / f"t{index}.txt").write_text("0 0.5 0.5 0.2 0.2\n", encoding="utf-8")
        rows.append(f"t{index},{index},0")
    (folder / "tiles.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def save_detector(file: Path) -> Path:
    """Write a network that finds something of one class in each cell of 32 px."""
    rng = np.random.default_rng(3)
    weights = {
        "look": rng.normal(0, 0.1, (5, 3, 32, 32)).astype(np.float32),
        "factors": np.array([[[128], [64], [20], [20], [1]]], dtype=np.float32),
        "rows": np.array([0, 5, -1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["image", "look"], ["cells"], strides=[32, 32]),
        helper.make_node("Sigmoid", ["cells"], ["shares"]),
        helper.make_node("Reshape", ["shares", "rows"], ["anchors"]),
        helper.make_node("Mul", ["anchors", "factors"], ["output0"]),
    ]
    return save_network(
        file, nodes, weights, shape=["n", 3, None, None], outputs={"output0": ["n", 5, None]}
    )


@pytest.mark.skipif(not can_measure_openvino(), reason="no OpenVINO or no bfloat16 here")
def test_measuring_openvino(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "SCENES_PX", ((64, 64), (128, 64)))
    file, tiles = save_detector(tmp_path / "model.onnx"), write_tiles(tmp_path / "tiles", 3)
    found = measure_openvino(file, 1, tiles, 0.5)
    assert (found["images"], found["tiles"], found["precision"]) == (5, 3, "bf16")
    assert found["readable"] is True
    assert set(found["ap50"]) == {"onnxruntime", "openvino"}
    assert found["max_score_difference"] > 0, "bfloat16 rounds"
    blind = measure_openvino(file, 1, None, 0.5)
    assert blind["ap50_change_points"] is None
    assert blind["ok"] is False, "without the figure the engine is not measured"
    # Limits that everything keeps, and one that nothing does.
    monkeypatch.setattr(parity, "OPENVINO_SCORE_LIMIT", 1.0)
    monkeypatch.setattr(parity, "AP50_LIMIT_POINTS", 100.0)
    assert measure_openvino(file, 1, tiles, 0.5)["ok"] is True
    monkeypatch.setattr(parity, "AP50_LIMIT_POINTS", -1.0)
    assert measure_openvino(file, 1, tiles, 0.5)["ok"] is False


@needs_openvino
def test_what_openvino_cannot_read_is_no_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path) -> None:
        message = "no conversion rule for SequenceInsert"
        raise RuntimeError(message)

    monkeypatch.setattr(OpenVinoRuntime, "load", refuse)
    found = measure_openvino(save_detector(tmp_path / "model.onnx"), 1, None, 0.5)
    assert (found["readable"], found["ok"]) == (False, False)
    assert len(found["sha256"]) == 64


def test_a_claim_without_measurement_is_a_problem() -> None:
    assert find_problems(True, {"openvino": {"ok": True}}) == []
    assert find_problems(False, {"openvino": {"ok": False}}) == []
    assert find_problems(False, {}) == []
    assert find_problems(True, {}) != []
    assert find_problems(True, {"openvino": {"ok": False}}) != []
    assert find_problems(False, {"onnxruntime": {"ok": False}}) != []


def test_what_was_not_measured_again_stays(tmp_path: Path) -> None:
    write_measured(tmp_path, {"onnxruntime": {"ok": True}, "openvino": {"ok": True}})
    write_measured(tmp_path, {"openvino": {"ok": False}})
    content = json.loads((tmp_path / "parity.json").read_text(encoding="utf-8"))
    assert content == {"onnxruntime": {"ok": True}, "openvino": {"ok": False}}


BOX_METRICS: dict[str, Any] = {
    "command": "python -m model_server.training.solar --out DIR",
    "measured_on": "2026-11-25",
    "nms_iou": 0.5,
    "recipe": {"seed": 1, "image_size_px": 512},
    "cross_validation": {
        "scale": 1.0,
        "ap50_mean": 0.6,
        "ap50_deviation": 0.1,
        "ap50_pooled": 0.6,
        "ap50_pooled_interval_95": [0.5, 0.7],
        "ap50_by_place": {
            "ground_mounted": {"ap50": 0.7, "tiles": 1},
            "rooftop": {"ap50": 0.5, "tiles": 3},
        },
        "folds": [{"ap50": 0.5, "tiles": 2}, {"ap50": 0.7, "tiles": 2}],
    },
    "calibration": {"threshold": {"min_score": 0.4, "precision": 0.8, "recall": 0.6}},
    "cpu_minutes": {"final": 6.0},
    "domain": {"distance_p99": 2.0},
}
"""What the training of boxes measures, as far as its card repeats it."""


@pytest.mark.parametrize("measured", [True, False, None])
def test_a_new_card_of_boxes_says_what_was_measured(tmp_path: Path, measured: bool | None) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    write_measured(tmp_path, {} if measured is None else {"openvino": {"ok": measured}})
    write_card(tmp_path, BOX_METRICS)
    card = load_card(tmp_path / "card.toml")
    assert card.openvino_ok is bool(measured)
    assert card.limits.min_score == 0.4
    assert [metric.value for metric in card.metrics if metric.name.startswith("AP50, Teil")] == [
        0.5,
        0.7,
    ]


def test_new_weights_of_boxes_are_measured_where_that_is_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(parity, "measure_openvino", lambda *words: asked.append(words) or {})
    for possible in (False, True):
        monkeypatch.setattr(parity, "can_measure_openvino", lambda answer=possible: answer)
        parity.measure_trained(tmp_path, tmp_path / "tiles", 0.5)
    assert asked == [(tmp_path / "model.onnx", 1, tmp_path / "tiles", 0.5)]


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--model", "nowhere"]) == 2
    assert capsys.readouterr().err == "Das Modell nowhere ist nicht vorhanden.\n"
    # A model of a package has one engine only; nothing is measured and nothing is written.
    assert main(["--model", "ppocrv6_small"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert answer["models"] == [
        {"name": "ppocrv6_small", "version": "1.0.0", "measured": {}, "problems": []}
    ]
    broken = {"name": "solar", "version": "0", "measured": {}, "problems": ["x"]}
    monkeypatch.setattr(parity, "check_parity", lambda model, folder: broken)
    assert main(["--model", "solar"]) == 1
