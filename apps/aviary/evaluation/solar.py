"""Solar installations on rendered test scenes: overlap, hits, area, false alarms."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from apps.aviary.evaluation.scenes import (
    Codes,
    TestScene,
    read_model,
    run_recipe,
    write_scenes,
)
from shared.demo_city import NO_DATA
from shared.geo.metrics import average_precision, match_objects, wilson_interval
from shared.settings import Settings

GSDS_M = (0.1, 0.15, 0.2)
SIZE_PX = 640
LEAST_M2 = 5.0
LEAST_VISIBLE = 0.2
"""Of an installation; others, under trees, are neither asked for nor wrong."""
HIT_IOU = 0.5
LOWEST_SCORE = 0.01
NAMES = {"pv": "pv", "thermal": "solar_thermal", "pv_ground": "pv_ground"}
"""The recipe's names of the kinds that were rendered."""


@dataclass(frozen=True, slots=True)
class Find:
    """One reported object: outline [px], score, class."""

    outline: BaseGeometry
    score: float
    kind: str


@dataclass(slots=True)
class SolarFigures:
    """What was measured on a number of scenes; counts are those at the recipe's own threshold.

    Args:
        model: Name and version of the model that answered.
        scenes: Number of scenes.
        both_px: Pixels that are solar in finds and truth.
        either_px: Pixels that are solar in one of them.
        found_m2: Area of the finds [m2].
        true_m2: Area of what was rendered [m2].
        hits: Installations that were found.
        truth: Installations of at least 5 m2 that can be seen.
        false: Finds that meet no installation.
        kinds: How often each true kind was given each name.
        scores: Scores of all finds from 0.01 on.
        correct: Whether each of them is right.
        empty_scenes_ha: Area of the scenes without solar [ha].
        empty_scenes_false: Finds in them.
    """

    model: str = ""
    scenes: int = 0
    both_px: int = 0
    either_px: int = 0
    found_m2: float = 0.0
    true_m2: float = 0.0
    hits: int = 0
    truth: int = 0
    false: int = 0
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)
    empty_scenes_ha: float = 0.0
    empty_scenes_false: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the figures for `evaluation.json`."""
        found = self.hits + self.false
        precision = self.hits / found if found else 0.0
        recall = self.hits / self.truth if self.truth else 0.0
        joint = precision + recall
        return {
            "model": self.model,
            "scenes": self.scenes,
            "gsd_m": list(GSDS_M),
            "pixel_iou": round(self.both_px / self.either_px, 4) if self.either_px else None,
            "f1": round(2 * precision * recall / joint, 4) if joint else 0.0,
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "recall_interval_95": wilson_interval(self.hits, self.truth),
            "average_precision_50": round(
                average_precision(self.scores, self.correct, self.truth) or 0.0, 4
            ),
            "installations": self.truth,
            "area_error": round(self.found_m2 / self.true_m2 - 1, 4) if self.true_m2 else None,
            "false_per_hectare_without_solar": round(
                self.empty_scenes_false / self.empty_scenes_ha, 3
            )
            if self.empty_scenes_ha
            else None,
            "hectares_without_solar": round(self.empty_scenes_ha, 2),
            "names_given": self.kinds,
        }


def measure_solar(settings: Settings, count: int) -> SolarFigures:
    """Run the recipe `solar` on scenes of three resolutions and compare with what was rendered.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        count: Number of scenes in all.

    Raises:
        RuntimeError: The command failed.
    """
    figures = SolarFigures()
    for number, gsd_m in enumerate(GSDS_M):
        here = len(range(number, count, len(GSDS_M)))
        with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
            images, chosen, every = (Path(name) / part for part in ("images", "chosen", "every"))
            images.mkdir()
            first = number * count
            scenes = list(
                write_scenes(images, "test", here, gsd_m=gsd_m, size_px=SIZE_PX, first=first)
            )
            words = ["--recipe", "solar", "--image", str(images), "--gsd", str(gsd_m), "--out"]
            run_recipe(settings, [*words, str(chosen)])
            run_recipe(settings, [*words, str(every), "--threshold", str(LOWEST_SCORE)])
            figures.model = read_model(chosen / scenes[0].stem)
            for scene in scenes:
                add_scene(
                    figures, scene, read_finds(chosen / scene.stem), read_finds(every / scene.stem)
                )
    return figures


def read_finds(folder: Path) -> list[Find]:
    """Return the objects of a result folder."""
    content = json.loads((folder / "objects.geojson").read_text(encoding="utf-8"))
    return [
        Find(
            shapely.geometry.shape(one["geometry"]),
            one["properties"]["score"],
            one["properties"]["class"],
        )
        for one in content["features"]
    ]


def add_scene(
    figures: SolarFigures, scene: TestScene, chosen: Sequence[Find], every: Sequence[Find]
) -> None:
    """Count one scene.

    Args:
        figures: Where it is added.
        scene: The truth.
        chosen: Finds at the recipe's threshold.
        every: Finds from 0.01 on.
    """
    pixel_m2 = scene.gsd_m**2
    figures.scenes += 1
    true = (scene.solar > 0) & (scene.solar != NO_DATA)
    found = _drawn(chosen, scene.size_px) & (scene.solar != NO_DATA)
    figures.both_px += int(np.count_nonzero(true & found))
    figures.either_px += int(np.count_nonzero(true | found))
    figures.true_m2 += float(np.count_nonzero(true)) * pixel_m2
    figures.found_m2 += float(np.count_nonzero(found)) * pixel_m2
    if not true.any():
        figures.empty_scenes_ha += scene.labels.size * pixel_m2 / 10_000
        figures.empty_scenes_false += len(chosen)
    table = scene.objects[scene.objects["solar"] != "none"]
    counts = (table["visible"] >= LEAST_VISIBLE) & (table.geometry.area * pixel_m2 >= LEAST_M2)
    wanted, others = table[counts], table[~counts]
    _count_hits(figures, wanted, others, chosen)
    hits = _hits(every, wanted)
    for find, hit in zip(every, hits, strict=True):
        if hit is not None or not _is_other(find, others):
            figures.scores.append(find.score)
            figures.correct.append(hit is not None)


def _count_hits(
    figures: SolarFigures,
    wanted: gpd.GeoDataFrame,
    others: gpd.GeoDataFrame,
    chosen: Sequence[Find],
) -> None:
    hits = _hits(chosen, wanted)
    figures.truth += len(wanted)
    kinds = wanted["solar"].tolist()
    for find, hit in zip(chosen, hits, strict=True):
        if hit is not None:
            figures.hits += 1
            given = figures.kinds.setdefault(NAMES[kinds[hit]], {})
            given[find.kind] = given.get(find.kind, 0) + 1
        elif not _is_other(find, others):
            figures.false += 1


def _hits(finds: Sequence[Find], wanted: gpd.GeoDataFrame) -> tuple[int | None, ...]:
    outlines = wanted.geometry.tolist()
    scores = [one.score for one in finds]
    return match_objects([one.outline for one in finds], scores, outlines, HIT_IOU).hits


def _is_other(find: Find, others: gpd.GeoDataFrame) -> bool:
    """Say whether a find lies mostly on what is too small or too hidden to be asked for."""
    covered = others.geometry.intersection(find.outline).area.sum()
    return bool(covered >= HIT_IOU * find.outline.area)


def _drawn(finds: Sequence[Find], size_px: int) -> NDArray[np.bool_]:
    drawn: Codes = np.zeros((size_px, size_px), np.uint8)
    for one in finds:
        for part in shapely.get_parts(one.outline):
            # 1/256 px steps; OpenCV counts from pixel centres.
            places = shapely.get_coordinates(part.exterior) - 0.5
            cv2.fillPoly(drawn, [np.rint(places * 256).astype(np.int32)], 1, shift=8)
    return drawn > 0
