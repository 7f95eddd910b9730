"""Areas of a class map, corrected by points that a person has checked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings, strategies as st
from pydantic import TypeAdapter, ValidationError

from apps.aviary.class_maps.area_uncertainty import (
    POINTS,
    UNCLEAR,
    draw_points,
    evaluate_points,
    point_key,
    sample_facts,
)
from apps.aviary.class_maps.map_file import FORMAT, ClassMap
from apps.aviary.recipe_book.schema import Key
from apps.aviary.recipes import find_recipe
from apps.aviary.semantic import Totals
from shared.contracts.provenance import ModelUse
from shared.geo.raster import RasterInfo
from shared.geo.sampling import SamplePoint

RECIPE = find_recipe("landcover")
KEYS = [one.key for one in RECIPE.classes]
GSD_M = 0.2


def class_map(pixels: dict[int, int]) -> ClassMap:
    info = RasterInfo("bild.png", "00" * 32, 500, 400, 3, "PNG", GSD_M, GSD_M, "given")
    return ClassMap(
        format=FORMAT,
        info=info,
        recipe=RECIPE,
        findings=(),
        model=ModelUse("landcover", "1", "ab" * 32),
        model_gsd_m=GSD_M,
        near_infrared=False,
        area_px=None,
        totals=replace(Totals(), pixels=pixels),
        tiles=1,
        empty_tiles=0,
        unusual_tiles=None,
        failed=(),
    )


def test_no_class_of_a_recipe_can_be_mistaken_for_an_unclear_point():
    with pytest.raises(ValidationError):
        TypeAdapter(Key).validate_python(UNCLEAR)


def points_of(*codes: int) -> tuple[SamplePoint, ...]:
    return tuple(SamplePoint(number, 0, code) for number, code in enumerate(codes))


def said(points, *classes: int | None) -> dict[str, str]:
    return {
        point_key(point): UNCLEAR if code is None else KEYS[code]
        for point, code in zip(points, classes, strict=False)
    }


def test_corrected_areas_by_hand():
    # 30 % roofs, 70 % grass; of 10 roofs 2 are grass, of 10 points of grass 1 is a roof:
    # roofs 0.3 x 0.8 + 0.7 x 0.1 = 31 %, and 24 % + 63 % of the map are right.
    content = class_map({0: 30_000, 7: 70_000})
    points = points_of(*[0] * 10, *[7] * 10)
    sample = evaluate_points(content, points, said(points, *[0] * 8, 7, 7, 0, *[7] * 9))
    rows = {row.key: row for row in sample.rows}
    roofs = rows[KEYS[0]]
    assert (roofs.mapped_m2, roofs.points, roofs.correct) == (pytest.approx(1200), 10, 8)
    assert roofs.estimate.area_m2 == pytest.approx(1240)
    assert roofs.estimate.interval_m2 == pytest.approx((607.9, 1872.1), abs=0.1)
    assert rows[KEYS[7]].estimate.area_m2 == pytest.approx(2760)
    assert rows[KEYS[1]].estimate.area_m2 == 0
    assert sample.accuracy == pytest.approx(0.87)
    assert sample.shares[0, 7] == pytest.approx(0.06)
    assert (sample.drawn, sample.checked, sample.unclear, sample.lacking) == (20, 20, 0, ())


def test_nothing_is_estimated_while_a_class_has_fewer_than_two_points():
    content = class_map({0: 30_000, 7: 70_000})
    points = points_of(0, 0, 7, 7)
    sample = evaluate_points(content, points, said(points, 0, 0, 7))
    assert (sample.lacking, sample.shares, sample.accuracy) == ((KEYS[7],), None, None)
    assert all(row.estimate is None for row in sample.rows)
    assert (sample.checked, sample.drawn) == (3, 4)
    full = evaluate_points(content, points, said(points, 0, 0, 7, 7))
    assert full.lacking == ()


def test_unclear_points_are_told_and_enter_nothing():
    content = class_map({0: 30_000, 7: 70_000})
    points = points_of(0, 0, 0, 7, 7)
    sample = evaluate_points(content, points, said(points, 0, None, 0, 7, 7))
    assert (sample.checked, sample.unclear) == (5, 1)
    assert sample.rows[0].points == 2


def test_a_class_that_no_recipe_knows_any_more_counts_as_unclear():
    points = points_of(0, 0, 0)
    truths = said(points, 0, 0) | {point_key(points[2]): "moor"}
    assert evaluate_points(class_map({0: 9}), points, truths).unclear == 1


def test_only_the_beginning_of_the_sample_counts():
    content = class_map({0: 30_000, 7: 70_000})
    points = points_of(0, 7, 0, 7, 7)
    truths = said(points, 0, 7, 0, 7, 0)
    del truths[point_key(points[3])]
    assert evaluate_points(content, points, truths).checked == 3


def test_a_single_pixel_is_taken_as_it_is_mapped():
    content = class_map({0: 30_000, 6: 1, 7: 70_000})
    points = points_of(0, 0, 7, 7, 6)
    sample = evaluate_points(content, points, said(points, 0, 0, 7, 7, 7))
    water = sample.rows[6]
    assert water.estimate.area_m2 == pytest.approx(GSD_M**2)
    assert water.estimate.mapped_m2 == pytest.approx(GSD_M**2)
    total = sum(row.estimate.area_m2 for row in sample.rows)
    assert total == pytest.approx(100_001 * GSD_M**2)


def test_an_empty_map_says_nothing():
    sample = evaluate_points(class_map({}), (), {})
    assert (sample.shares, sample.drawn, sample.lacking) == (None, 0, ())


def raster(path, codes: np.ndarray):
    with rasterio.open(
        path, "w", driver="GTiff", width=codes.shape[1], height=codes.shape[0], count=1,
        dtype="uint8", nodata=255, tiled=True, blockxsize=256, blockysize=256,
        transform=rasterio.transform.from_origin(0, 100, 0.2, 0.2),
    ) as target:  # fmt: skip
        target.write(codes, 1)
    return path


def counted(codes: np.ndarray) -> dict[int, int]:
    numbers, counts = np.unique(codes[codes != 255], return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def test_points_lie_on_their_class_and_small_classes_get_enough(tmp_path):
    rng = np.random.default_rng(3)
    codes = rng.choice([0, 7, 8], (1100, 700), p=[0.3, 0.6, 0.1]).astype(np.uint8)
    codes[:200] = 255
    codes[1000, 5:8] = 6
    pixels = counted(codes)
    path = raster(tmp_path / "classes.tif", codes)
    points = draw_points(path, pixels | {9: 0})
    assert all(codes[point.row, point.column] == point.code for point in points)
    by_class = {code: sum(point.code == code for point in points) for code in pixels}
    assert by_class[6] == 3
    assert by_class[0] == pytest.approx(POINTS * 0.3, abs=2)
    assert by_class[8] == pytest.approx(POINTS * 0.1, abs=2)
    assert len(set(map(point_key, points))) == len(points)
    assert points == draw_points(path, pixels)
    assert points != draw_points(path, pixels, seed=2)


def test_a_raster_that_is_another_one_is_refused(tmp_path):
    codes = np.full((10, 10), 7, dtype=np.uint8)
    with pytest.raises(ValueError, match="were stated"):
        draw_points(raster(tmp_path / "classes.tif", codes), {7: 101})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.4))
def test_corrected_areas_add_up_to_the_map(seed, wrong):
    sample, _truth = simulated(seed, wrong)
    assert sum(row.estimate.area_m2 for row in sample.rows) == pytest.approx(4000)


def simulated(seed: int, wrong: float):
    """Check points of a map with known errors; return what follows and the true roofs [m2]."""
    rng = np.random.default_rng(seed)
    content = class_map({0: 30_000, 7: 70_000})
    points = points_of(*[0] * 60, *[7] * 140)
    flips = rng.random(200) < wrong
    truths = [
        7 - point.code if flip else point.code for point, flip in zip(points, flips, strict=True)
    ]
    true_m2 = 1200 * (1 - wrong) + 2800 * wrong
    return evaluate_points(content, points, said(points, *truths)), true_m2


def test_the_interval_covers_the_truth_95_times_of_100():
    hits = 0
    for seed in range(600):
        sample, truth = simulated(seed, 0.15)
        low, high = sample.rows[0].estimate.interval_m2
        hits += low <= truth <= high
    # 600 trials at 95 %: standard deviation 0.9 points; the normal interval is a little short.
    assert 0.92 <= hits / 600 <= 0.98


def test_the_facts_are_plain_json():
    content = class_map({0: 30_000, 7: 70_000})
    points = points_of(0, 0, 7, 7, 7)
    truths = said(points, 0, 7, 7, None)
    sample = evaluate_points(content, points, truths)
    facts = json.loads(json.dumps(sample_facts(content, points, truths, sample)))
    assert facts["points"][1] == {"x": 1, "y": 0, "mapped": KEYS[0], "true": KEYS[7]}
    assert len(facts["points"]) == 4
    assert facts["area_m2"][KEYS[0]]["mapped"] == 1200
    assert facts["area_m2"][KEYS[7]]["interval_95"] is None


def test_no_interval_leaves_the_map_with_a_single_pixel_in_it():
    content = class_map({0: 99_000, 6: 1, 7: 1_000})
    points = points_of(*[0] * 10, *[7] * 2, 6)
    sample = evaluate_points(content, points, said(points, *[0] * 9, 7, 7, 7, 6))
    whole_m2 = 100_001 * GSD_M**2
    for row in sample.rows:
        low, high = row.estimate.interval_m2
        assert 0 <= low <= row.estimate.area_m2 <= high <= whole_m2 + 1e-6
    assert sample.rows[0].estimate.interval_m2[1] == pytest.approx(whole_m2)
