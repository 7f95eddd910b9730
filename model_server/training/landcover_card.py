"""Card and sheet of the land-cover model: texts from templates, figures from `metrics.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

from model_server.training.landcover_data import KEYS, SERVED_GSD_M

ORIGIN = (
    "# Written by model_server/training/landcover_card.py; the figures stand in metrics.json too."
)
TEMPLATE = Path(__file__).with_suffix(".toml")
SHEET_TEMPLATE = Path(__file__).with_name("landcover_sheet.md")
DOMAIN_FILE = "domain.json"
MULTIPLE = 64
"""The server pads to this anyway; it is a multiple of what each network needs."""
MEMORY_MB = 200
"""What 640 x 640 pixels take (measured: 163)."""
GOAL_IOU, WEAK_IOU = 0.80, 0.60
SHARD_SCENES = 25
KINDS = {
    "rgb": "ohne Infrarot",
    "rgbi": "mit Infrarot",
    "rules_rgb": "Regeln ohne Infrarot",
    "rules_rgbi": "Regeln mit Infrarot",
}
GOALS = (
    ("mean_iou", "Mittel der IoU", 3, "mindestens 0,80"),
    ("right_pixels", "Anteil richtiger Bildpunkte", 3, "keines"),
    ("calibration_error", "Kalibrierungsfehler", 3, "höchstens 0,05"),
    ("sealed_error_points", "Versiegelte Fläche, mittlerer Fehler [Punkte]", 2, "höchstens 4"),
    ("sealed_bias_points", "Versiegelte Fläche, Schieflage [Punkte]", 2, "höchstens ±1,5"),
)
NAMES = {
    "roof_pitched": "Dach geneigt",
    "roof_flat": "Dach flach",
    "roof_green": "Gründach",
    "asphalt": "Asphalt/Beton",
    "paved": "Pflaster/Platten",
    "gravel_rail": "Schotter, Kies, Gleis",
    "water": "Wasser, Becken",
    "grass": "Gras, Beet, niedriges Grün",
    "tree": "Baum, Strauch, Hecke",
    "bare_soil": "Acker, offener Boden",
}
ARMS = {
    "a": "yolo26n-sem, Zufallsstart, Bild verdoppelt",
    "b": "YOLOv8n mit Startgewichten, Bild verdoppelt",
    "c": "eigenes U-Netz",
}


def write_card(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `card.toml` beside `model.onnx`.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    final, test = metrics["final"], metrics["splits"]["test"]
    reach_px = final["reach_px"]
    filled = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        version=metrics["version"],
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        reach_m=german(reach_px * SERVED_GSD_M, 0),
        reach_px=reach_px,
        weak=_weak(test["rgb"]) or "keine",
        stride=final["stride"],
        multiple=MULTIPLE,
        memory_mb=MEMORY_MB,
        command=metrics["command"],
        seed=final["settings"]["seed"],
        measured_on=metrics["measured_on"],
        hours_cpu=round(final["minutes"] / 60, 2),
        seeds=seed_ranges(final["train_shards"]),
        scenes=SHARD_SCENES * len(final["train_shards"]),
        domain_file=DOMAIN_FILE,
        distance_p99=metrics["domain"]["distance_p99"],
        fusion="\n".join(f"{key} = {pair}" for key, pair in metrics["fusion"].items()),
    )
    blocks = [_metric_block(metrics, *figure) for figure in _figures(metrics)]
    text = "\n".join([ORIGIN, filled.rstrip("\n"), *blocks]) + "\n"
    (folder / "card.toml").write_text(text, encoding="utf-8")


def seed_ranges(shards: list[str]) -> str:
    """Return the seeds of shards as German text, "0-49, 75-99".

    Args:
        shards: Folder names `s_SSSSSS`, whose number is the first of `SHARD_SCENES` seeds.
    """
    ranges: list[list[int]] = []
    for first in sorted(int(name.removeprefix("s_")) for name in shards):
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1][1] = first + SHARD_SCENES - 1
        else:
            ranges.append([first, first + SHARD_SCENES - 1])
    return ", ".join(f"{first}-{last}" for first, last in ranges)


def _figures(metrics: dict[str, Any]) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and number of scenes of each figure on the card."""
    for split, place in (("test", "Testszenen"), ("extreme", "Extremszenen")):
        for kind, words in KINDS.items():
            rows = metrics["splits"].get(split, {}).get(kind)
            if rows is None:
                continue
            for key, name, _digits, _goal in GOALS:
                yield f"{name}, {place}, {words}", rows[key], rows["scenes"]
    for kind in ("rgb", "rgbi"):
        rows = metrics["splits"]["test"][kind]
        for key, value in rows["iou"].items():
            if value is not None:
                yield f"IoU {NAMES[key]}, Testszenen, {KINDS[kind]}", value, rows["scenes"]


def _metric_block(metrics: dict[str, Any], name: str, value: float, scenes: int) -> str:
    rows: dict[str, object] = {
        "name": name,
        "value": value,
        "data": "Künstliche Szenen der Musterstadt, die das Modell nie sah; "
        "Abstand zu echten Luftbildern: nicht gemessen",
        "items": scenes,
        "command": metrics["command"],
    }
    # JSON's texts and numbers are TOML as well.
    lines = [f"{key} = {json.dumps(entry, ensure_ascii=False)}" for key, entry in rows.items()]
    return "\n".join(["", "[[metrics]]", *lines, f"measured_on = {metrics['measured_on']}"])


def write_sheet(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `README.md`, the German sheet of the model with its figures.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    final, splits = metrics["final"], metrics["splits"]
    filled = Template(SHEET_TEMPLATE.read_text(encoding="utf-8")).substitute(
        scenes_test=splits["test"]["rgb"]["scenes"],
        scenes_val=splits["val"]["rgb"]["scenes"],
        figures="\n".join(_goal_rows(splits["test"])),
        classes="\n".join(_class_rows(splits["test"])),
        arms="\n".join(_arm_lines(metrics["arms"])),
        val_iou=german(splits["val"]["rgb"]["mean_iou"], 3),
        val_rules=german(splits["val"]["rules_rgb"]["mean_iou"], 3),
        tiling=german(100 * metrics["tiling"]["share"], 3),
        command=metrics["command"],
        measured_on=date.fromisoformat(metrics["measured_on"]).strftime("%d.%m.%Y"),
        scenes=SHARD_SCENES * len(final["train_shards"]),
        seeds=seed_ranges(final["train_shards"]),
        minutes=german(final["minutes"], 1),
        missed=_missed(splits["test"]["rgb"]),
        stride=final["stride"],
        reach_px=final["reach_px"],
        temperature=german(metrics["temperature"]),
        distance_median=german(metrics["domain"]["distance_median"]),
        distance_p99=german(metrics["domain"]["distance_p99"]),
        unusual=german(100 * metrics["domain"]["unusual_test_share"], 1),
    )
    (folder / "README.md").write_text(filled, encoding="utf-8")


def _missed(test: dict[str, Any]) -> str:
    """Return a German sentence about the goals for the IoU without near infrared."""
    weak = _weak(test)
    if test["mean_iou"] >= GOAL_IOU and not weak:
        return "Die Ziele für die IoU sind erreicht."
    return (
        f"**Noch nicht erreicht:** Mittel der IoU {german(test['mean_iou'], 3)} statt mindestens "
        f"{german(GOAL_IOU)}; unter {german(WEAK_IOU)} liegen: {weak or 'keine Klasse'}."
    )


def _weak(test: dict[str, Any]) -> str:
    """Return the names of the classes whose IoU misses the goal."""
    known = ((NAMES[key], value) for key, value in test["iou"].items() if value is not None)
    return "; ".join(name for name, value in known if value < WEAK_IOU)


def _goal_rows(test: dict[str, Any]) -> Iterator[str]:
    for key, name, digits, goal in GOALS:
        values = " | ".join(german(test[kind][key], digits) for kind in KINDS)
        yield f"| {name} | {values} | {goal} |"


def _class_rows(test: dict[str, Any]) -> Iterator[str]:
    for key in KEYS:
        found = (test[kind]["iou"][key] for kind in KINDS)
        values = " | ".join("nicht vorhanden" if one is None else german(one) for one in found)
        share = german(100 * test["rgb"]["pixel_share"][key], 1)
        yield f"| {NAMES[key]} | {share} % | {values} |"


def _arm_lines(arms: dict[str, Any]) -> Iterator[str]:
    if not arms:
        yield "Noch nicht verglichen: Die Netze zum Vergleich sind noch nicht trainiert."
        return
    yield "Gleiche Verlustfunktion, gleiche Szenen, Mittel der IoU auf den Prüfszenen."
    yield ""
    yield "| Netz | Gewichte | CPU-Minuten | Mittel der IoU | Kacheln gegen ganzes Bild |"
    yield "|---|---|---|---|---|"
    for part, arm in arms.items():
        cells = (
            f"{ARMS[part[:1]]} (Startwert {part[1:]})",
            german(arm["parameters"] / 1e6, 2) + " Mio.",
            german(arm["minutes"], 1),
            german(arm["val"]["mean_iou"], 3),
            german(100 * arm["tiling"]["share"], 3) + " %",
        )
        yield f"| {' | '.join(cells)} |"


def german(value: float, digits: int = 2) -> str:
    """Return a number with a decimal comma."""
    return f"{value:.{digits}f}".replace(".", ",")
