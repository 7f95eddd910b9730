"""The card of the solar model: texts from `solar_card.toml`, figures from `metrics.json`."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

ORIGIN = "# Written by model_server/training/solar_card.py; the figures stand in metrics.json too."
TEMPLATE = Path(__file__).with_suffix(".toml")
SHEET_TEMPLATE = Path(__file__).with_name("solar_sheet.md")
DOMAIN_FILE = "domain.json"
REAL_DATA = "solar_tiles_train; Kacheln, die das jeweilige Modell nicht sah"
# The tiles have about 0.08-0.15 m per pixel, not stated per tile; the project counts them as 0.10.
NOMINAL_TILE_GSD_M = 0.10


def write_card(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `card.toml` beside `model.onnx`.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    validation = metrics["cross_validation"]
    filled = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        size_px=metrics["recipe"]["image_size_px"],
        gsd_best_m=round(NOMINAL_TILE_GSD_M / validation["scale"], 4),
        min_score=metrics["calibration"]["threshold"]["min_score"],
        nms_iou=metrics["nms_iou"],
        command=metrics["command"],
        seed=metrics["recipe"]["seed"],
        measured_on=metrics["measured_on"],
        hours_cpu=round(metrics["cpu_minutes"]["final"] / 60, 2),
        fold_count=len(validation["folds"]),
        tiles=tile_count(metrics),
        domain_file=DOMAIN_FILE,
        distance_p99=metrics["domain"]["distance_p99"],
        openvino_ok=str(_is_openvino_equal(folder)).lower(),
    )
    blocks = [metric_block(metrics, *figure, REAL_DATA) for figure in real_figures(metrics)]
    text = "\n".join([ORIGIN, filled.rstrip("\n"), *blocks]) + "\n"
    (folder / "card.toml").write_text(text, encoding="utf-8")


def _is_openvino_equal(folder: Path) -> bool:
    """Say whether `model_server.parity` measured that OpenVINO gives the same results."""
    measured = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    return bool(measured.get("openvino", {"ok": False})["ok"])


def write_sheet(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `README.md`, the German sheet of the model with its figures.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    validation, threshold = metrics["cross_validation"], metrics["calibration"]["threshold"]
    starts = metrics["start_comparison"]
    filled = Template(SHEET_TEMPLATE.read_text(encoding="utf-8")).substitute(
        figures="\n".join(real_rows(metrics)),
        start_layout=german(starts["ap50"]["layout"]),
        start_random=german(starts["ap50"]["random"]),
        compared_fold=starts["fold"],
        scales=", ".join(
            f"{german(row['scale'])}-fach {german(row['ap50_mean'])}"
            for row in metrics["other_scales"]
        ),
        scale=german(validation["scale"]),
        min_score=german(threshold["min_score"]),
        calibration_error=german(metrics["calibration"]["expected_calibration_error_cross_fitted"]),
        distance_median=german(metrics["domain"]["distance_median"]),
        distance_p99=german(metrics["domain"]["distance_p99"]),
        minutes=german(metrics["cpu_minutes"]["final"], 0),
        minutes_all=german(sum(metrics["cpu_minutes"].values()), 0),
        tiles=tile_count(metrics),
        epochs=metrics["recipe"]["epochs"],
        size_px=metrics["recipe"]["image_size_px"],
        command=metrics["command"],
        measured_on=date.fromisoformat(metrics["measured_on"]).strftime("%d.%m.%Y"),
    )
    (folder / "README.md").write_text(filled, encoding="utf-8")


def real_rows(metrics: dict[str, Any]) -> list[str]:
    """Return the sheet's rows of the figures on real tiles."""
    validation, threshold = metrics["cross_validation"], metrics["calibration"]["threshold"]
    folds, places = validation["folds"], validation["ap50_by_place"]
    low, high = (german(bound) for bound in validation["ap50_pooled_interval_95"])
    every = tile_count(metrics)
    rows = [
        ("Mittel der Teile", german(validation["ap50_mean"]), every),
        ("Standardabweichung der Teile", german(validation["ap50_deviation"]), every),
        *((f"Teil {i}", german(fold["ap50"]), fold["tiles"]) for i, fold in enumerate(folds)),
        (
            "alle Kacheln zusammen",
            f"{german(validation['ap50_pooled'])} ({low} bis {high})",
            every,
        ),
        *((_SHEET_PLACES[name], german(row["ap50"]), row["tiles"]) for name, row in places.items()),
        ("Genauigkeit", german(threshold["precision"]), every),
        ("Trefferquote", german(threshold["recall"]), every),
    ]
    return [f"| {name} | {value} | {tiles} |" for name, value, tiles in rows]


_SHEET_PLACES = {
    "rooftop": "nur Dachanlagen",
    "ground_mounted": "nur Freiflächen (Ort nie gesehen)",
}


def german(value: float, digits: int = 2) -> str:
    """Return a number with a decimal comma."""
    return f"{value:.{digits}f}".replace(".", ",")


def tile_count(metrics: dict[str, Any]) -> int:
    """Return the number of real tiles."""
    return sum(fold["tiles"] for fold in metrics["cross_validation"]["folds"])


def real_figures(metrics: dict[str, Any]) -> list[tuple[str, float, list[float] | None, int]]:
    """Return name, value, interval and number of tiles of each figure on the card."""
    validation, threshold = metrics["cross_validation"], metrics["calibration"]["threshold"]
    folds, places = validation["folds"], validation["ap50_by_place"]
    every, interval = tile_count(metrics), validation["ap50_pooled_interval_95"]
    return [
        ("AP50, Mittel der Teile", validation["ap50_mean"], None, every),
        ("AP50, Standardabweichung der Teile", validation["ap50_deviation"], None, every),
        *((f"AP50, Teil {i}", fold["ap50"], None, fold["tiles"]) for i, fold in enumerate(folds)),
        ("AP50, alle Kacheln zusammen", validation["ap50_pooled"], interval, every),
        *((_PLACES_DE[name], row["ap50"], None, row["tiles"]) for name, row in places.items()),
        ("Genauigkeit bei der voreingestellten Schwelle", threshold["precision"], None, every),
        ("Trefferquote bei der voreingestellten Schwelle", threshold["recall"], None, every),
    ]


_PLACES_DE = {
    "rooftop": "AP50, nur Kacheln mit Dachanlagen",
    "ground_mounted": "AP50, nur Kacheln mit Freiflächenanlagen (Ort nie gesehen)",
}


def metric_block(
    metrics: dict[str, Any],
    name: str,
    value: float,
    interval: list[float] | None,
    items: int,
    data: str,
) -> str:
    """Return the card's block of one figure."""
    rows: dict[str, object] = {"name": name, "value": value}
    if interval is not None:
        rows["interval_95"] = interval
    rows["data"] = data
    rows["items"] = items
    rows["command"] = metrics["command"]
    # JSON's texts, numbers and lists of them are TOML as well.
    lines = [f"{key} = {json.dumps(entry, ensure_ascii=False)}" for key, entry in rows.items()]
    return "\n".join(["", "[[metrics]]", *lines, f"measured_on = {metrics['measured_on']}"])
