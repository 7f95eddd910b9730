"""The shipped land-cover model: card, figures, sheet and file agree; the splits are apart."""

import json

import numpy as np
import pytest

from model_server.catalog import BUILT_IN, MAIN_FILE, ServableModel, check_model
from model_server.runtime import OnnxRuntime
from model_server.tasks.classes import ClassesModel
from shared.demo_city.settings import split_ranges

FOLDER = max((BUILT_IN / "landcover").iterdir())
SHARD_SCENES = 25


@pytest.fixture(scope="module")
def model() -> ServableModel:
    found = check_model(FOLDER)
    assert isinstance(found, ServableModel), found
    return found


@pytest.fixture(scope="module")
def metrics() -> dict:
    return json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))


def german(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


def test_the_card_repeats_the_measured_figures(model: ServableModel, metrics: dict):
    on_card = {metric.name: metric for metric in model.card.metrics}
    test = metrics["splits"]["test"]
    for kind, words in (("rgb", "ohne Infrarot"), ("rgbi", "mit Infrarot")):
        figure = on_card[f"Mittel der IoU, Testszenen, {words}"]
        assert figure.value == test[kind]["mean_iou"]
        assert figure.items == test[kind]["scenes"]
        values = [value for value in test[kind]["iou"].values() if value is not None]
        assert test[kind]["mean_iou"] == pytest.approx(np.mean(values), abs=1e-3)
    assert {key: list(pair) for key, pair in model.card.fusion.ndvi.items()} == metrics["fusion"]
    assert model.card.domain.distance_p99 == metrics["domain"]["distance_p99"]
    assert model.card.quality == "demonstration"
    assert "künstlichen Szenen" in model.card.limits_de


def test_the_sheet_states_the_measured_figures(metrics: dict):
    sheet = (FOLDER / "README.md").read_text(encoding="utf-8")
    test = metrics["splits"]["test"]
    line = next(row for row in sheet.splitlines() if row.startswith("| Mittel der IoU |"))
    for kind in ("rgb", "rgbi", "rules_rgb", "rules_rgbi"):
        assert german(test[kind]["mean_iou"], 3) in line
    assert metrics["command"] in sheet
    if test["rgb"]["mean_iou"] < 0.80:
        assert "**Noch nicht erreicht:** Mittel der IoU" in sheet


def test_it_beats_the_rules_that_stood_in_for_it(metrics: dict):
    for split in ("val", "test"):
        rows = metrics["splits"][split]
        for bands in ("rgb", "rgbi"):
            assert rows[bands]["mean_iou"] > rows[f"rules_{bands}"]["mean_iou"] + 0.1


def test_no_scene_of_one_split_is_in_another(metrics: dict):
    seeds = {"train": metrics["final"]["train_shards"]}
    seeds |= {split: rows["shards"] for split, rows in metrics["splits"].items()}
    for split, shards in seeds.items():
        low, high = split_ranges(split).seeds
        for name in shards:
            first = int(name.removeprefix("s_"))
            assert low <= first <= first + SHARD_SCENES - 1 <= high


def test_tiles_show_the_same_as_the_whole(model: ServableModel, metrics: dict):
    assert metrics["tiling"]["pixels"] > 1e6
    assert metrics["tiling"]["share"] <= 0.001
    # aviary's tiles overlap by 128 pixels.
    assert model.card.input.reach_px <= 64


def test_the_file_is_small_and_repeats_torch(metrics: dict):
    parity = json.loads((FOLDER / "parity.json").read_text(encoding="utf-8"))["onnxruntime"]
    assert parity["max_difference"] <= 1e-4
    assert parity["class_agreement"] >= 0.9995
    assert (FOLDER / "model.onnx").stat().st_size <= 15e6


def test_it_answers_for_any_size(model: ServableModel):
    ClassesModel.open(model, 1).warm_up()
    runtime = OnnxRuntime.load(model.files[MAIN_FILE])
    image = np.full((3, 64, 128), 0.4, dtype=np.float32)
    answers = runtime.predict([image, image])
    stride = model.card.input.output_stride
    for answer in answers:
        assert answer["probabilities"].shape == (10, 64 // stride, 128 // stride)
        assert np.allclose(answer["probabilities"].sum(axis=0), 1, atol=1e-5)
