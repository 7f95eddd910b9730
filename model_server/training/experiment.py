"""Cross-validation and the shipped weights: trains the parts, each resumable, and reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model_server.domain import Domain
from model_server.parity import measure_trained
from model_server.runtime import OnnxRuntime
from model_server.training.detector import Recipe, train
from model_server.training.export import export_onnx, measure_parity, write_parity
from model_server.training.figures import calibration, cross_validation, load_scored
from model_server.training.folds import make_folds
from model_server.training.prediction import detect, image_features
from model_server.training.runs import choose_parts, find_run, load_averaged
from model_server.training.scoring import average_precision, match
from model_server.training.solar_card import DOMAIN_FILE, write_card, write_sheet
from model_server.training.tiles import Tile, read_image, read_tiles

FINAL, RANDOM_START, REPORT = "final", "random_start", "report"
COMPARED_FOLD = 1  # the first without ground-mounted arrays
MIN_SCORE_OF_CURVE = 0.01
NMS_IOU = 0.5
# Tiles count as 0.10 m per pixel, which is what aviary sends: the network sees them as they are.
# It is trained on smaller ones because that costs a third less; the other sizes are for the record.
SERVED_SCALE = 1.0
OTHER_SCALES = (0.65, 0.8, 1.2)
PARITY_SHAPES = [(1, 512, 512), (2, 640, 640), (1, 320, 640)]


@dataclass(frozen=True)
class Experiment:
    """What is trained, where and how long.

    Attributes:
        source: Folder with tiles; only read.
        folder: Folder for parts and result.
        recipe: Recipe of every part.
        fold_count: Number of folds.
        minutes: Limit of one training run in CPU minutes.
        device: "cpu" or "cuda".
        threads: CPU threads.
        command: Command that repeats this experiment.
    """

    source: Path
    folder: Path
    recipe: Recipe
    fold_count: int
    minutes: float
    device: str
    threads: int
    command: str

    @property
    def fold_parts(self) -> list[str]:
        """Names of the folds' parts."""
        return [f"fold_{index}" for index in range(self.fold_count)]

    @property
    def all_parts(self) -> list[str]:
        """Names of all parts in the order in which they are run."""
        return [*self.fold_parts, RANDOM_START, FINAL, REPORT]

    def part_folder(self, part: str) -> Path:
        """Return the scratch folder of a part."""
        return self.folder / "parts" / part


def run_experiment(experiment: Experiment, parts: Sequence[str] | None = None) -> None:
    """Run the named parts, all of them by default; finished ones are skipped.

    Raises:
        UnknownPart: A part is unknown.
        TilesUnusable: The tiles cannot be read.
        StartWeightsMissing: The start weights are not installed.
        OtherRecipe: The folder holds parts of another recipe.
    """
    chosen = choose_parts(experiment.all_parts, parts)
    tiles = read_tiles(experiment.source)
    folds = make_folds(tiles, experiment.fold_count, experiment.recipe.seed)
    for part in chosen:
        if part == REPORT:
            report(experiment, folds)
        elif part == FINAL:
            _train_part(experiment, part, tiles, [])
        else:
            index = COMPARED_FOLD if part == RANDOM_START else int(part.removeprefix("fold_"))
            kept = [tile for tile in tiles if tile not in folds[index]]
            _train_part(experiment, part, kept, folds[index])


def _train_part(experiment: Experiment, part: str, tiles: list[Tile], held_out: list[Tile]) -> None:
    folder = experiment.part_folder(part)
    recipe = experiment.recipe
    if part == RANDOM_START:
        recipe = replace(recipe, start="random")
    run = train(tiles, folder, recipe, experiment.minutes, experiment.device, experiment.threads)
    file = folder / "model.onnx"
    if not file.is_file():
        export_onnx(load_averaged(run.checkpoint), file, recipe.image_size_px)
    if held_out:
        scales = (SERVED_SCALE, *OTHER_SCALES)
        found = _predict_all(OnnxRuntime.load(file), held_out, scales)
        (folder / "held_out.json").write_text(json.dumps(found), encoding="utf-8")
    print(f"{part}: {run.epochs_done} epochs, {run.minutes:.1f} CPU minutes", flush=True)


def _predict_all(
    runtime: OnnxRuntime, tiles: Sequence[Tile], scales: Sequence[float]
) -> dict[str, dict[str, object]]:
    stored: dict[str, dict[str, object]] = {}
    for tile in tiles:
        image = read_image(tile)
        by_scale = {}
        for scale in scales:
            found = detect(runtime, image, scale, MIN_SCORE_OF_CURVE, NMS_IOU)
            rows = np.column_stack([found.boxes.round(2), found.scores.round(6)])
            by_scale[str(scale)] = rows.tolist()
        height, width = image.shape[:2]
        stored[tile.name] = {"height": height, "width": width, "found": by_scale}
    return stored


def report(experiment: Experiment, folds: list[list[Tile]]) -> None:
    """Compute all figures from the stored parts, calibrate, export, write `DIR/model`."""
    metrics = measure(experiment, folds)
    target = experiment.folder / "model"
    target.mkdir(parents=True, exist_ok=True)
    fitted = metrics["calibration"]
    raw = export_onnx(
        load_averaged(experiment.part_folder(FINAL) / "weights" / "last.pt"),
        target / "model.onnx",
        experiment.recipe.image_size_px,
        fitted["platt_slope"],
        fitted["platt_offset"],
    )
    write_parity(measure_parity(raw, target / "model.onnx", PARITY_SHAPES), target / "parity.json")
    measure_trained(target, experiment.source, NMS_IOU)
    metrics["domain"] = _fit_domain(OnnxRuntime.load(target / "model.onnx"), folds, target)
    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    (target / "metrics.json").write_text(text, encoding="utf-8")
    write_card(target, metrics)
    write_sheet(target, metrics)


def _fit_domain(
    runtime: OnnxRuntime, folds: list[list[Tile]], target: Path
) -> dict[str, float | int]:
    """Write the feature statistics of all tiles; return how far the tiles lie from their mean."""
    tiles = [tile for fold in folds for tile in fold]
    features = [image_features(runtime, read_image(tile), SERVED_SCALE) for tile in tiles]
    domain = Domain.fit(np.stack(features))
    domain.save(target / DOMAIN_FILE)
    distances = [domain.distance(one) for one in features]
    return {
        "tiles": len(tiles),
        "distance_median": round(float(np.median(distances)), 4),
        "distance_p99": round(float(np.percentile(distances, 99)), 4),
    }


def measure(experiment: Experiment, folds: list[list[Tile]]) -> dict[str, object]:
    """Return the content of `metrics.json`; only held-out tiles enter."""
    files = [experiment.part_folder(part) / "held_out.json" for part in experiment.fold_parts]
    seed = experiment.recipe.seed
    main = cross_validation(files, folds, SERVED_SCALE, seed)
    others = [cross_validation(files, folds, scale, seed) for scale in OTHER_SCALES]
    found = [
        match(load_scored(file, fold, SERVED_SCALE))
        for file, fold in zip(files, folds, strict=True)
    ]
    runs = {
        part: find_run(experiment.part_folder(part), experiment.recipe)
        for part in experiment.all_parts
        if part != REPORT
    }
    return {
        "command": experiment.command,
        "measured_on": datetime.now(UTC).date().isoformat(),
        "nms_iou": NMS_IOU,
        "data": experiment.source.name,
        "average_precision": "box, IoU 0.5, all points, score >= 0.01, "
        f"duplicates suppressed at IoU {NMS_IOU}, held-out tiles, through the exported ONNX file",
        "recipe": asdict(experiment.recipe),
        "cross_validation": main,
        "other_scales": [
            {name: row[name] for name in ("scale", "ap50_mean", "ap50_pooled")} for row in others
        ],
        "start_comparison": _compare_starts(experiment, folds[COMPARED_FOLD]),
        "calibration": calibration(found),
        "cpu_minutes": {part: round(run.minutes, 1) for part, run in runs.items()},
        "complete": all(run.complete for run in runs.values()),
    }


def _compare_starts(experiment: Experiment, held_out: list[Tile]) -> dict[str, object]:
    values = {}
    for name, part in (("layout", f"fold_{COMPARED_FOLD}"), ("random", RANDOM_START)):
        file = experiment.part_folder(part) / "held_out.json"
        scored = load_scored(file, held_out, SERVED_SCALE)
        values[name] = round(average_precision(match(scored)), 4)
    return {"fold": COMPARED_FOLD, "seeds": 1, "ap50": values}
