"""All figures of the network with masks, the calibrated file, its card and sheet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from model_server.domain import Domain
from model_server.runtime import OnnxRuntime, Runtime
from model_server.training.export import export_onnx, measure_parity, write_parity
from model_server.training.figures import calibration, cross_validation, load_scored
from model_server.training.mask_arms import NMS_IOU
from model_server.training.mask_card import DOMAIN_FILE, write_mask_card, write_mask_sheet
from model_server.training.mask_prediction import Find, find_arrays
from model_server.training.mask_scoring import MaskFigures
from model_server.training.mask_stages import (
    HELD_OUT_FILE,
    PSEUDO_FILE,
    RENDERED,
    SCORES_FILE,
    SERVED_SCALE,
    TUNED,
    MaskExperiment,
    PartMissing,
    finished_rendered,
    make_pseudo_masks,
    predict_real,
    rendered_recipe,
    rendered_tiles,
    tuned_recipe,
)
from model_server.training.prediction import image_features
from model_server.training.rendered import SERVED_GSD_M, find_shards, read_scenes, to_served
from model_server.training.runs import TrainingRun, find_run, load_averaged
from model_server.training.scoring import match
from model_server.training.segmenter import CLASSES, POOLS_FILE, MaskRecipe
from model_server.training.tiles import Tile, read_image

PARITY_SHAPES = [(1, 512, 512), (2, 640, 640), (1, 320, 640)]
DOMAIN_TILES = 100
GOALS = {
    "real_ap50_mean": (0.60, "at least"),
    "pixel_iou": (0.80, "at least"),
    "f1": (0.90, "at least"),
    "area_error": (0.10, "at most"),
    "false_per_hectare": (0.2, "at most"),
}


def report(experiment: MaskExperiment, folds: list[list[Tile]]) -> None:
    """Compute all figures from the stored parts, calibrate, export, write `DIR/model`.

    Raises:
        PartMissing: A part is not finished.
        ScenesUnusable: There are no test scenes.
    """
    metrics = measure_real(experiment, folds)
    target = experiment.folder / "model"
    target.mkdir(parents=True, exist_ok=True)
    fitted = metrics["calibration"]
    file = target / "model.onnx"
    raw = export_onnx(
        load_averaged(experiment.part_folder(TUNED) / "weights" / "last.pt"),
        file,
        experiment.image_size_px,
        fitted["platt_slope"],
        fitted["platt_offset"],
    )
    write_parity(measure_parity(raw, file, PARITY_SHAPES), target / "parity.json")
    runtime = OnnxRuntime.load(file)
    tiles = [tile for fold in folds for tile in fold]
    metrics["rendered_test"] = measure_rendered(
        runtime, find_shards(experiment.scenes, "test"), fitted["threshold"]["min_score"]
    )
    metrics["goals"] = compare_goals(metrics)
    metrics["domain"] = _fit_domain(runtime, experiment, tiles, target)
    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    (target / "metrics.json").write_text(text, encoding="utf-8")
    write_mask_card(target, metrics)
    write_mask_sheet(target, metrics)


def measure_real(experiment: MaskExperiment, folds: list[list[Tile]]) -> dict[str, Any]:
    """Return everything that the stored parts tell; only held-out tiles enter the figures."""
    rendered = finished_rendered(experiment)
    recipe = tuned_recipe(experiment, rendered)
    runs = {RENDERED: rendered} | {
        part: _finished(experiment, part, recipe) for part in [*experiment.fold_parts, TUNED]
    }
    tiles = [tile for fold in folds for tile in fold]
    files = [experiment.part_folder(part) / HELD_OUT_FILE for part in experiment.fold_parts]
    before = [predict_real(experiment, RENDERED, rendered, tiles)] * len(folds)
    found = [
        match(load_scored(file, fold, SERVED_SCALE))
        for file, fold in zip(files, folds, strict=True)
    ]
    pseudo = make_pseudo_masks(experiment, tiles) / PSEUDO_FILE
    return {
        "command": experiment.command,
        "measured_on": datetime.now(UTC).date().isoformat(),
        "nms_iou": NMS_IOU,
        "data": experiment.source.name,
        "average_precision": "box, IoU 0.5, all points, score >= 0.01, all classes as one, "
        f"duplicates suppressed at IoU {NMS_IOU}, held-out tiles, through the exported ONNX file",
        "recipe": asdict(recipe),
        "rendered_recipe": asdict(rendered_recipe(experiment)),
        "arms": read_arms(experiment),
        "scenes": read_pools(experiment),
        "pseudo_masks": json.loads(pseudo.read_text(encoding="utf-8")),
        "cross_validation": cross_validation(files, folds, SERVED_SCALE, experiment.seed),
        "rendered_only": cross_validation(before, folds, SERVED_SCALE, experiment.seed),
        "calibration": calibration(found),
        "cpu_minutes": {part: round(run.minutes, 1) for part, run in runs.items()},
        "complete": all(run.complete for run in runs.values()),
    }


def _finished(experiment: MaskExperiment, part: str, recipe: MaskRecipe) -> TrainingRun:
    run = find_run(experiment.part_folder(part), recipe)
    if not run.stands(experiment.minutes):
        raise PartMissing(part)
    return run


def read_arms(experiment: MaskExperiment) -> dict[str, Any]:
    """Return what each measured arm reached, and its recipe."""
    arms = {}
    for part in (part for parts in experiment.arm_parts.values() for part in parts):
        folder = experiment.part_folder(part)
        if (folder / SCORES_FILE).is_file():
            recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
            scores = json.loads((folder / SCORES_FILE).read_text(encoding="utf-8"))
            arms[part] = {**scores, "recipe": recipe}
    return arms


def read_pools(experiment: MaskExperiment) -> list[dict[str, Any]]:
    """Return from which epoch of the rendered stage on which shards were there, with seeds."""
    file = experiment.part_folder(RENDERED) / POOLS_FILE
    shards = {
        shard.name: [scene.seed for scene in read_scenes(shard, "train")]
        for shard in find_shards(experiment.scenes, "train")
    }
    return [
        {
            "from_epoch": entry["from_epoch"],
            "tiles": sum(entry["tiles"].values()),
            "shards": sorted(entry["tiles"]),
            "seeds": [[min(shards[name]), max(shards[name])] for name in sorted(entry["tiles"])],
        }
        for entry in json.loads(file.read_text(encoding="utf-8"))
    ]


def measure_rendered(
    runtime: Runtime, shards: Sequence[Path], min_score: float
) -> dict[str, object]:
    """Return the figures on all test scenes at the shipped threshold.

    Args:
        runtime: The calibrated file.
        shards: Folders with test scenes.
        min_score: The threshold.
    """
    figures = MaskFigures()
    scenes = [scene for shard in shards for scene in read_scenes(shard, "test")]
    for scene in scenes:
        mask = cv2.imread(str(scene.mask), cv2.IMREAD_UNCHANGED) > 0
        seen = to_served(scene.read_image(), scene.gsd_m)
        found = find_arrays(runtime, seen, len(CLASSES), min_score, NMS_IOU)
        side = mask.shape[0]
        back = side / seen.shape[0]
        scaled = [Find(one.code, one.score, one.box * back, one.corners * back) for one in found]
        figures.add(scaled, scene.read_outlines(side), mask, scene.gsd_m)
    return {
        **figures.summary(),
        "min_score": min_score,
        "gsd_m": SERVED_GSD_M,
        "seeds": sorted(scene.seed for scene in scenes),
    }


def compare_goals(metrics: dict[str, Any]) -> list[dict[str, object]]:
    """Return each goal of the specification with what was reached."""
    reached = {
        **metrics["rendered_test"],
        "real_ap50_mean": metrics["cross_validation"]["ap50_mean"],
    }
    rows = []
    for name, (limit, side) in GOALS.items():
        value = reached[name]
        good = value is not None and (value >= limit if side == "at least" else abs(value) <= limit)
        rows.append({"goal": name, side: limit, "reached": value, "ok": good})
    return rows


def _fit_domain(
    runtime: Runtime, experiment: MaskExperiment, tiles: Sequence[Tile], target: Path
) -> dict[str, float | int]:
    """Write the feature statistics of training tiles, real and as many rendered ones."""
    rendered = rendered_tiles(experiment, "train")
    chosen = rendered[:: max(1, len(rendered) // DOMAIN_TILES)][:DOMAIN_TILES]
    images = [read_image(tile) for tile in tiles]
    images += [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in chosen]
    features = [image_features(runtime, image, SERVED_SCALE) for image in images]
    domain = Domain.fit(np.stack(features))
    domain.save(target / DOMAIN_FILE)
    distances = [domain.distance(one) for one in features]
    return {
        "tiles": len(features),
        "distance_median": round(float(np.median(distances)), 4),
        "distance_p99": round(float(np.percentile(distances, 99)), 4),
    }
