"""Land cover on rendered test scenes: overlap, calibration, sealed share of plots."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.aviary.evaluation.scenes import (
    Codes,
    Split,
    TestScene,
    read_codes,
    read_model,
    run_recipe,
    write_scenes,
)
from shared.demo_city import LABELS, NO_DATA, SEALED
from shared.geo.metrics import class_ious, count_confusion, expected_calibration_error, mean_iou
from shared.settings import Settings

GSD_M = 0.2
SIZE_PX = 512
POLYGONS_PER_SCENE = 10
POLYGON_M2 = (200.0, 2000.0)
LONGEST_SIDE = 2.5
SAMPLED_PX = 5_000
SEED = 17


@dataclass(slots=True)
class ClassFigures:
    """What was measured on a number of scenes.

    Args:
        model: Name and version of the model that answered.
        scenes: Number of scenes.
        confusion: Counts of pixels, rows mapped, columns true.
        confidence: Stated confidence of sampled pixels.
        correct: Whether each of them was right.
        sealed_errors: Mapped minus true sealed share of each polygon.
    """

    model: str = ""
    scenes: int = 0
    confusion: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((len(LABELS), len(LABELS)), np.int64)
    )
    confidence: list[float] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)
    sealed_errors: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the figures for `evaluation.json`."""
        errors = np.asarray(self.sealed_errors)
        calibration = expected_calibration_error(self.confidence, self.correct)
        return {
            "model": self.model,
            "scenes": self.scenes,
            "gsd_m": GSD_M,
            "mean_iou": _rounded(mean_iou(self.confusion)),
            "iou": {
                label: _rounded(iou)
                for label, iou in zip(LABELS, class_ious(self.confusion), strict=True)
            },
            "expected_calibration_error": _rounded(calibration),
            "sealed_share": {
                "polygons": len(errors),
                "mean_absolute_error": _rounded(float(np.abs(errors).mean())),
                "bias": _rounded(float(errors.mean())),
            },
        }


def measure_classes(settings: Settings, split: Split, count: int) -> ClassFigures:
    """Map scenes with the recipe `landcover` and compare with what was rendered.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        split: Which side.
        count: Number of scenes.

    Raises:
        RuntimeError: The command failed.
    """
    figures = ClassFigures()
    with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
        images, out = Path(name) / "images", Path(name) / "out"
        images.mkdir()
        scenes = list(write_scenes(images, split, count, gsd_m=GSD_M, size_px=SIZE_PX))
        words = ["--recipe", "landcover", "--image", str(images), "--gsd", str(GSD_M)]
        run_recipe(settings, [*words, "--out", str(out), "--no-cache"])
        figures.model = read_model(out / scenes[0].stem)
        for scene in scenes:
            mapped = read_codes(out / scene.stem / "classes.png")
            stated = read_codes(out / scene.stem / "confidence.png")
            add_scene(figures, scene, mapped, stated)
    return figures


def add_scene(figures: ClassFigures, scene: TestScene, mapped: Codes, stated: Codes) -> None:
    """Count one scene.

    Args:
        figures: Where it is added.
        scene: The truth.
        mapped: Codes of the map, shape of the scene.
        stated: Confidence 0 to 100, 255 without data.
    """
    rng = np.random.default_rng([SEED, figures.scenes])
    figures.scenes += 1
    figures.confusion += count_confusion(mapped, scene.labels, len(LABELS))
    both = np.flatnonzero((mapped != NO_DATA) & (scene.labels != NO_DATA))
    chosen = rng.choice(both, size=min(SAMPLED_PX, len(both)), replace=False)
    figures.confidence += (stated.ravel()[chosen] / 100).tolist()
    figures.correct += (mapped.ravel()[chosen] == scene.labels.ravel()[chosen]).tolist()
    sealed_map = np.isin(mapped, SEALED)
    sealed_truth = np.isin(scene.labels, SEALED)
    for inside in plots(rng, scene):
        counted = inside & (mapped != NO_DATA) & (scene.labels != NO_DATA)
        if counted.any():
            error = sealed_map[counted].mean() - sealed_truth[counted].mean()
            figures.sealed_errors.append(float(error))


def plots(rng: np.random.Generator, scene: TestScene) -> Iterator[NDArray[np.bool_]]:
    """Yield turned rectangles of 200 to 2,000 m2 within a scene, as plots of land are.

    Args:
        rng: Where they lie.
        scene: Its size counts.
    """
    for _ in range(POLYGONS_PER_SCENE):
        area_px = np.exp(rng.uniform(*np.log(POLYGON_M2))) / scene.gsd_m**2
        ratio = rng.uniform(1, LONGEST_SIDE)
        sides = (float(np.sqrt(area_px * ratio)), float(np.sqrt(area_px / ratio)))
        half = float(np.hypot(*sides)) / 2
        places = rng.uniform(half, max(half, scene.size_px - half), 2)
        corners = cv2.boxPoints((tuple(places.tolist()), sides, float(rng.uniform(0, 90))))
        drawn = np.zeros((scene.size_px, scene.size_px), np.uint8)
        cv2.fillPoly(drawn, [np.rint(corners).astype(np.int32)], 1)
        yield drawn > 0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
