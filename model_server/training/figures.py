"""Figures of a cross-validation, computed from what each fold's model found on its own tiles."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.training.prediction import Detections
from model_server.training.scoring import (
    Matches,
    average_precision,
    best_point,
    bootstrap_interval,
    calibrate,
    calibration_error,
    fit_platt,
    match,
)
from model_server.training.tiles import Tile

Scored = tuple[Detections, NDArray[np.float64]]


def load_scored(file: Path, tiles: Sequence[Tile], scale: float) -> list[Scored]:
    """Return per tile, in order, what a part found on it and the true boxes.

    Args:
        file: `held_out.json` of a part.
        tiles: The part's held-out tiles.
        scale: Size at which the network saw the tiles.
    """
    stored = json.loads(file.read_text(encoding="utf-8"))
    scored = []
    for tile in tiles:
        entry = stored[tile.name]
        rows = np.array(entry["found"][str(scale)], dtype=np.float64).reshape(-1, 5)
        truth = tile.boxes_px(entry["width"], entry["height"])
        scored.append((Detections(rows[:, :4], rows[:, 4]), truth))
    return scored


def cross_validation(
    files: Sequence[Path], folds: Sequence[Sequence[Tile]], scale: float, seed: int
) -> dict[str, object]:
    """Return the average precision per fold, their mean and spread, and pooled over all tiles.

    Args:
        files: `held_out.json` of each fold.
        folds: Held-out tiles of each fold.
        scale: Size at which the network saw the tiles.
        seed: Seed of the bootstrap.
    """
    scored_folds = [
        load_scored(file, tiles, scale) for file, tiles in zip(files, folds, strict=True)
    ]
    values = [average_precision(match(scored)) for scored in scored_folds]
    by_group: dict[str, list[Scored]] = defaultdict(list)
    by_place: dict[str, list[Scored]] = defaultdict(list)
    for tiles, scored in zip(folds, scored_folds, strict=True):
        for tile, entry in zip(tiles, scored, strict=True):
            by_group[tile.group].append(entry)
            by_place["ground_mounted" if tile.ground_mounted else "rooftop"].append(entry)
    everything = [entry for scored in scored_folds for entry in scored]
    interval = bootstrap_interval(list(by_group.values()), seed)
    return {
        "scale": scale,
        "ap50_mean": round(float(np.mean(values)), 4),
        "ap50_deviation": round(float(np.std(values, ddof=1)), 4),
        "ap50_pooled": round(average_precision(match(everything)), 4),
        "ap50_pooled_interval_95": [round(bound, 4) for bound in interval],
        "ap50_by_place": {
            place: {"ap50": round(average_precision(match(scored)), 4), "tiles": len(scored)}
            for place, scored in sorted(by_place.items())
        },
        "folds": [
            {"ap50": round(value, 4), **_describe(tiles)}
            for value, tiles in zip(values, folds, strict=True)
        ],
    }


def _describe(tiles: Sequence[Tile]) -> dict[str, object]:
    return {
        "tiles": len(tiles),
        "boxes": sum(len(tile.boxes) for tile in tiles),
        "ground_mounted_tiles": sum(tile.ground_mounted for tile in tiles),
        "groups": sorted({tile.group for tile in tiles}, key=lambda name: (len(name), name)),
    }


def calibration(matches_per_fold: Sequence[Matches]) -> dict[str, object]:
    """Fit the scores to the observed share of hits and choose the default threshold.

    The error after fitting is cross-fitted: each fold is judged with a fit on the other folds. The
    threshold is the best F1 over all held-out tiles, so its figures are slightly flattering.
    """
    pooled = pool(matches_per_fold)
    slope, offset = fit_platt(pooled)
    judged = []
    for index, fold in enumerate(matches_per_fold):
        others = pool([other for place, other in enumerate(matches_per_fold) if place != index])
        judged.append(calibrate(fold, *fit_platt(others)))
    point = best_point(calibrate(pooled, slope, offset))
    return {
        "platt_slope": slope,
        "platt_offset": offset,
        "expected_calibration_error_before": round(calibration_error(pooled), 4),
        "expected_calibration_error_cross_fitted": round(calibration_error(pool(judged)), 4),
        "threshold": {name: round(value, 4) for name, value in asdict(point).items()},
    }


def pool(parts: Sequence[Matches]) -> Matches:
    """Put the detections of several sets of images together, best first."""
    scores = np.concatenate([part.scores for part in parts])
    correct = np.concatenate([part.correct for part in parts])
    order = np.argsort(-scores, kind="stable")
    return Matches(scores[order], correct[order], sum(part.truth_count for part in parts))
