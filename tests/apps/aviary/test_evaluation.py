"""What the evaluation counts, on scenes worked out by hand, and the whole command on few."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from shapely.geometry import box, mapping

from apps.aviary import evaluate
from apps.aviary.evaluation import classes, figures, runtime, seams, solar, squares
from apps.aviary.evaluation.scenes import TestScene as Scene
from apps.aviary.evaluation.solar import Find, SolarFigures
from apps.aviary.recipes import find_recipe
from shared.demo_city import SOLAR
from shared.geo.tiling import plan_tiles
from shared.registry.evaluation import Evaluation
from shared.settings import get_settings

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


MEASURED = {
    "solar": {
        "scenes": 2,
        "installations": 3,
        "recall_interval_95": (0.1, 0.9),
        **dict.fromkeys(("recall", "precision", "f1", "pixel_iou", "area_error"), 0.5),
        "average_precision_50": 0.4,
        "false_per_hectare_without_solar": None,
    },
    "change": {
        "squares": 2,
        "visible": 0,
        "model": "landcover 1",
        "recall": None,
        "recall_interval_95": None,
        "precision_by_area": 0.3,
        "false_per_hectare_without_event": 1.5,
    },
    "runtime": {
        "square_km": 1.0,
        "seconds_per_square_km": 60.0,
        "second_run_faster": 25.0,
        "peak_mib": 500,
        "tiles_disagree": 0.0,
    },
    "forecast": {"square_km": 1.0, "error": 0.12},
}


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Questions that are answered at once; the list names those that were asked."""
    asked: list[str] = []

    def answer(name: str, make: Callable[[Any], list[Any]]) -> Callable[..., Any]:
        def measure(settings: object, amount: object) -> Any:
            asked.append(name)
            return {name: MEASURED[name]}, make(MEASURED[name])

        return measure

    makers = {
        "solar": figures.solar_figures,
        "change": figures.change_figures,
        "runtime": figures.runtime_figures,
        "forecast": figures.forecast_figures,
    }
    table = {name: answer(name, make) for name, make in makers.items()}
    monkeypatch.setattr(evaluate, "PARTS", table)
    return asked


def stamped(day: str) -> dict[str, str]:
    return {"command": f"measure {day}", "measured_on": day}


def test_parts_keep_what_is_known_about_the_others(parts: list[str]) -> None:
    settings, names = get_settings(), ("solar", "change", "runtime", "forecast")
    first = evaluate.evaluate(settings, evaluate.QUICK, names, stamped("2026-11-01"), {})
    assert parts == list(names)
    later = evaluate.evaluate(settings, evaluate.QUICK, ("runtime",), stamped("2026-12-01"), first)
    assert parts[4:] == ["runtime"]
    assert [one["name"] for one in later["figures"]] == [one["name"] for one in first["figures"]]
    days = {one["part"]: one["measured_on"] for one in later["figures"]}
    assert days.pop("runtime") == "2026-12-01"
    assert set(days.values()) == {"2026-11-01"}
    assert later["measures"]["runtime"]["command"] == "measure 2026-12-01"
    assert later["measures"]["solar"] == first["measures"]["solar"]
    assert Evaluation.model_validate(later).figures


def test_unknown_figures_are_left_out_and_intervals_stay_with_theirs(parts: list[str]) -> None:
    solar_figures = {one["name_en"]: one for one in figures.solar_figures(MEASURED["solar"])}
    assert solar_figures["Solar: recall"]["interval_95"] == (0.1, 0.9)
    assert "interval_95" not in solar_figures["Solar: precision"]
    assert not any("false alarms" in name for name in solar_figures)
    names = [one["name_en"] for one in figures.change_figures(MEASURED["change"])]
    assert len(names) == 2 and not any("events found" in name for name in names)


def test_the_stored_figures_are_those_of_the_stored_measures() -> None:
    """Nobody wrote one by hand, and no measure was taken again without its figures."""
    stored = json.loads(evaluate.OUT.read_text(encoding="utf-8"))
    measures = stored["measures"]
    figures_of = {
        "solar": lambda: figures.solar_figures(measures["solar"]),
        "landcover": lambda: figures.class_figures(measures),
        "change": lambda: figures.change_figures(measures["change"]),
        "runtime": lambda: figures.runtime_figures(measures["runtime"]),
        "forecast": lambda: figures.forecast_figures(measures["forecast"]),
    }
    made = {
        (one["name"], one["data"]): (one["value"], one["items"])
        for name, make in figures_of.items()
        if name in measures
        for one in make()
    }
    shown = [one for one in stored["figures"] if "copied_from" not in one]
    assert shown
    for one in shown:
        assert made[one["name"], one["data"]] == (one["value"], one["items"]), one["name"]


def test_questions_are_named_with_commas() -> None:
    assert evaluate.read_parts("runtime, solar") == ("solar", "runtime")
    with pytest.raises(argparse.ArgumentTypeError, match=r"nichts.*solar"):
        evaluate.read_parts("solar,nichts")


@pytest.mark.parametrize(
    ("bounds", "cut"),
    [
        ((511, 100, 513, 140), True),
        ((300, 511, 380, 513), True),
        ((511, 100, 513, 103), False),  # too short to be a cut
        ((530, 100, 532, 140), False),  # away from the border
        ((480, 100, 545, 140), False),  # no straight line
    ],
)
def test_a_cut_lies_straight_along_a_border(bounds: Any, cut: bool) -> None:
    lines = np.array([0.0, 512.0, 1000.0])
    assert seams.lies_along(bounds, (lines, lines)) is cut


def test_pairs_that_a_border_of_tiles_cut_are_told_from_those_that_only_meet_there(
    tmp_path: Path,
) -> None:
    recipe, image = find_recipe("landcover"), tmp_path / "a.tif"
    profile = {
        "driver": "GTiff", "height": 1200, "width": 1200, "count": 3, "dtype": "uint8",
        "crs": "EPSG:25832", "transform": from_origin(400_000, 5_700_000, 0.2, 0.2),
    }  # fmt: skip
    with rasterio.open(image, "w", **profile) as raster:
        raster.write(np.full((3, 1200, 1200), 90, np.uint8))
    parameters = {"parameters": {"model_gsd_m": 0.2}}
    (tmp_path / "summary.json").write_text(json.dumps(parameters))
    edge = plan_tiles(1200, 1200, recipe.tile_px, recipe.overlap_px, step_px=8)[1].x0

    def pairs(gap_px: float, *names: str, whole: seams.Outlines | None = None) -> Any:
        left, right = box(edge - 60, 100, edge, 180), box(edge + gap_px, 100, edge + 50, 180)
        features = [
            {
                "properties": {"class": name},
                "geometry": mapping(
                    shapely.transform(one, lambda p: p * (0.2, -0.2) + (400_000, 5_700_000))
                ),
            }
            for name, one in zip(names, (left, right), strict=True)
        ]
        (tmp_path / "objects.geojson").write_text(json.dumps({"features": features}))
        found = seams.find_meetings(tmp_path, image, recipe, whole)
        return found.all, found.cut

    assert pairs(0, "water", "water") == (1, 1)
    assert pairs(0, "water", "grass") == (0, 0)
    assert pairs(5, "water", "water") == (0, 0)
    one = {"water": [box(edge - 58, 98, edge + 55, 181), box(0, 0, 9, 9)]}
    two = {"water": [box(edge - 60, 100, edge + 2, 180), box(edge + 3, 100, edge + 50, 180)]}
    assert pairs(0, "water", "water", whole=one) == (1, 1)
    assert pairs(0, "water", "water", whole=two) == (1, 0)
    for wrong in ({"water": [box(0, 0, 9, 9)]}, {"water": two["water"][:1]}):
        assert pairs(0, "water", "water", whole=wrong) == (1, 1), "nothing speaks for two"
    for lacking in ({"grass": one["water"]}, {"water": []}):
        with pytest.raises(ValueError, match="has no water"):
            pairs(0, "water", "water", whole=lacking)


@pytest.mark.parametrize(("name", "key"), [("landcover", "grass"), ("trees", "canopy")])
def test_nothing_divides_what_a_seam_is_measured_against(
    tmp_path: Path, name: str, key: str
) -> None:
    """A wood and a meadow around it, both across windows, strips and tiles."""
    side = 1400
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": 3, "dtype": "uint8",
        "crs": "EPSG:25832", "transform": from_origin(400_000, 5_700_000, 0.2, 0.2),
    }  # fmt: skip
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as raster:
        raster.write(np.full((3, side, side), 90, np.uint8))
    codes = np.full((side, side), 7, np.uint8)
    rows, columns = np.mgrid[:side, :side]
    wood = (rows - 1024) ** 2 + (columns - 1024) ** 2 < 300**2
    codes[wood] = 8
    recipe = find_recipe(name)
    found = seams.undivided_outlines(codes, tmp_path / "a.tif", recipe, tmp_path)
    assert found is not None and len(found[key]) == 1
    pixels = wood if key == "canopy" else ~wood
    assert found[key][0].area == pytest.approx(int(pixels.sum()), rel=0.01)


def test_objects_that_a_model_finds_have_no_undivided_image(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=64, width=64, count=3, dtype="uint8",
        crs="EPSG:25832", transform=from_origin(400_000, 5_700_000, 0.1, 0.1),
    ) as raster:  # fmt: skip
        raster.write(np.full((3, 64, 64), 90, np.uint8))
    codes = np.full((64, 64), 7, np.uint8)
    solar_recipe = find_recipe("solar")
    assert seams.undivided_outlines(codes, tmp_path / "a.tif", solar_recipe, tmp_path) is None


@pytest.mark.timeout(900)
@pytest.mark.server
def test_the_command_measures_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "QUICK", evaluate.Amount(scenes=3, side_m=100, squares=1))
    monkeypatch.setattr(squares, "SIDE_M", 100)
    out = tmp_path / "evaluation.json"
    assert evaluate.main(["--quick", "--out", str(out), "--date", "2026-11-01"]) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == content
    assert {one["part"] for one in content["figures"]} == set(evaluate.PARTS)
    assert Evaluation.model_validate(content).figures
    measures = content["measures"]
    assert measures["landcover"]["scenes"] == measures["solar"]["scenes"] == 3
    assert measures["landcover_extreme"]["scenes"] == 1
    assert 0 < measures["landcover"]["mean_iou"] < 1
    assert measures["runtime"]["peak_mib"] > 50
    assert measures["runtime"]["second_run_faster"] > 1
    assert measures["forecast"]["forecast_s"] > 0
    assert measures["change"]["squares"] == 1
