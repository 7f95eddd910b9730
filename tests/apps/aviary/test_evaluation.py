"""What the evaluation counts, on scenes worked out by hand, and the whole command on few."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import box

from apps.aviary import evaluate
from apps.aviary.evaluation import classes, runtime, solar
from apps.aviary.evaluation.scenes import TestScene as Scene
from apps.aviary.evaluation.solar import Find, SolarFigures
from shared.demo_city import SOLAR
from shared.registry.evaluation import Evaluation

SIZE = 200
GSD_M = 0.2


def scene(objects: list[tuple[str, float, object]] | None = None) -> Scene:
    labels = np.full((SIZE, SIZE), 7, np.uint8)
    labels[:, : SIZE // 2] = 3
    solar_codes = np.zeros((SIZE, SIZE), np.uint8)
    rows = objects or []
    for kind, _, outline in rows:
        west, north, east, south = (round(value) for value in outline.bounds)  # type: ignore[attr-defined]
        solar_codes[north:south, west:east] = SOLAR.index(kind)  # type: ignore[arg-type]
    table = gpd.GeoDataFrame(
        {"solar": [row[0] for row in rows], "visible": [row[1] for row in rows]},
        geometry=[row[2] for row in rows],
    )
    return Scene("test_1", SIZE, GSD_M, labels, solar_codes, table)


def test_a_map_that_is_right_has_no_error() -> None:
    figures = classes.ClassFigures()
    one = scene()
    classes.add_scene(figures, one, one.labels, np.full((SIZE, SIZE), 100, np.uint8))
    summary = figures.summary()
    assert summary["mean_iou"] == 1 and summary["iou"]["asphalt"] == 1
    assert summary["iou"]["water"] is None
    assert summary["expected_calibration_error"] == 0
    assert summary["sealed_share"]["polygons"] == classes.POLYGONS_PER_SCENE
    assert summary["sealed_share"]["mean_absolute_error"] == 0


def test_a_map_of_roads_alone_calls_everything_sealed() -> None:
    figures = classes.ClassFigures()
    everywhere = np.full((SIZE, SIZE), 3, np.uint8)
    classes.add_scene(figures, scene(), everywhere, np.full((SIZE, SIZE), 90, np.uint8))
    summary = figures.summary()
    assert summary["iou"]["asphalt"] == 0.5 and summary["iou"]["grass"] == 0
    assert summary["expected_calibration_error"] == pytest.approx(0.4, abs=0.03)
    share = summary["sealed_share"]
    assert share["bias"] == share["mean_absolute_error"] > 0.2


def test_pixels_without_data_count_nowhere() -> None:
    figures = classes.ClassFigures()
    mapped = scene().labels.copy()
    mapped[:, : SIZE // 2] = 255
    classes.add_scene(figures, scene(), mapped, np.full((SIZE, SIZE), 100, np.uint8))
    assert figures.confusion.sum() == SIZE * SIZE // 2


def test_plots_have_the_size_of_plots() -> None:
    rng = np.random.default_rng(1)
    areas = [inside.sum() * GSD_M**2 for inside in classes.plots(rng, scene())]
    assert len(areas) == classes.POLYGONS_PER_SCENE
    assert all(190 < area < 2100 for area in areas)


def test_installations_are_hit_missed_and_invented() -> None:
    one = scene(
        [
            ("pv", 1.0, box(10, 10, 40, 30)),
            ("thermal", 1.0, box(60, 60, 80, 80)),
            ("pv", 1.0, box(100, 100, 105, 105)),  # 1 m2: not asked for
            ("pv", 0.1, box(150, 10, 180, 30)),  # under a tree: not asked for
        ]
    )
    finds = [
        Find(box(10, 10, 40, 30), 0.9, "pv"),
        Find(box(100, 100, 105, 105), 0.8, "pv"),
        Find(box(150, 10, 180, 30), 0.7, "pv"),
        Find(box(150, 150, 180, 180), 0.6, "pv"),
    ]
    figures = SolarFigures()
    solar.add_scene(figures, one, finds, finds)
    assert (figures.hits, figures.false, figures.truth) == (1, 1, 2)
    assert figures.kinds == {"pv": {"pv": 1}}
    assert figures.scores == [0.9, 0.6] and figures.correct == [True, False]
    assert figures.empty_scenes_ha == 0
    summary = figures.summary()
    assert summary["precision"] == summary["recall"] == summary["f1"] == 0.5
    assert figures.true_m2 == pytest.approx((600 + 400 + 25 + 600) * 0.04)
    assert figures.both_px == pytest.approx(600 + 25 + 600, abs=120)


def test_finds_in_scenes_without_solar_are_false_alarms() -> None:
    figures = SolarFigures()
    finds = [Find(box(150, 150, 180, 180), 0.6, "pv")]
    solar.add_scene(figures, scene(), finds, finds)
    assert figures.empty_scenes_ha == pytest.approx(0.16)
    assert figures.summary()["false_per_hectare_without_solar"] == pytest.approx(6.25)


def test_every_rendered_kind_has_a_name_in_the_recipe() -> None:
    assert set(solar.NAMES) == set(SOLAR) - {"none"}


def test_disagreement_of_two_tilings(tmp_path: Path) -> None:
    columns, rows = runtime.SHIFT_PX
    whole = np.zeros((2 * rows + 10, 2 * columns + 20), np.uint8)
    cut = whole[rows:, columns:].copy()
    cut[-1, -1] = 1
    for name, codes in (("whole", whole), ("cut", cut)):
        folder = tmp_path / name
        folder.mkdir()
        profile = {
            "driver": "GTiff", "height": codes.shape[0], "width": codes.shape[1], "count": 1,
            "dtype": "uint8", "crs": "EPSG:25832", "transform": from_origin(0, 9, 2, 2),
        }  # fmt: skip
        with rasterio.open(folder / "classes.tif", "w", **profile) as raster:
            raster.write(codes, 1)
    assert runtime.disagreement(tmp_path / "whole", tmp_path / "cut") == pytest.approx(1 / 200)


@pytest.mark.timeout(900)
@pytest.mark.server
def test_the_command_measures_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "QUICK_SCENES", 3)
    monkeypatch.setattr(evaluate, "QUICK_SIDE_M", 100)
    out = tmp_path / "evaluation.json"
    assert evaluate.main(["--quick", "--out", str(out), "--date", "2026-11-01"]) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == content
    assert Evaluation.model_validate(content).figures
    measures = content["measures"]
    assert measures["landcover"]["scenes"] == measures["solar"]["scenes"] == 3
    assert measures["landcover_extreme"]["scenes"] == 1
    assert 0 < measures["landcover"]["mean_iou"] < 1
    assert measures["runtime"]["peak_mib"] > 50
