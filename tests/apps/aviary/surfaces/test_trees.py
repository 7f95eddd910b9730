"""Trees on class maps drawn by hand."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, box

from apps.aviary.kinds.surfaces_method import in_classes
from tests.apps.aviary.surfaces.grounds import GRASS, SURE, TREE, derive, ground, write

ROWS, COLUMNS = np.mgrid[0:200, 0:260]


def disc(x, y, radius):
    return (COLUMNS - x) ** 2 + (ROWS - y) ** 2 <= radius**2


def orchard():
    """Return nine single trees of 3 m radius, a row of two that touch, and a hedge."""
    codes = np.full(ROWS.shape, GRASS)
    for x in (30, 80, 130):
        for y in (30, 80, 130):
            codes[disc(x, y, 15)] = TREE
    codes[disc(190, 60, 16) | disc(218, 60, 16)] = TREE
    codes[180:186, 10:250] = TREE
    return codes


def test_single_trees_and_those_that_touch_are_counted_and_hedges_are_not(tmp_path):
    found = derive("trees", ground(tmp_path / "in", orchard()))
    assert len(found) == 11
    assert all(one.class_key == "tree" for one in found)
    assert all(one.score == pytest.approx(SURE / 100) for one in found)
    single = min(found, key=lambda one: one.bbox_px)
    assert dict(single.figures) == {"crown_diameter_m": pytest.approx(6.0, abs=0.15)}
    assert single.area_m2 == pytest.approx(np.pi * 9, rel=0.05)


def test_heights_give_the_height_and_leave_shrubs_out(tmp_path):
    codes = orchard()
    height = np.where(codes == TREE, 1.5, 0.0).astype(np.float32)
    height[disc(30, 30, 15)] += 10.5 - np.hypot(COLUMNS - 30, ROWS - 30)[disc(30, 30, 15)] / 3
    files = {"ndsm": write(tmp_path / "ndsm.tif", height)}
    (tree,) = derive("trees", ground(tmp_path / "in", codes), files)
    assert tree.bbox_px == pytest.approx((15, 15, 46, 46), abs=1)
    assert dict(tree.figures)["height_m"] == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize("side", [64, 100, 131])
def test_windows_change_nothing(tmp_path, side):
    rng = np.random.default_rng(3)
    codes = np.full(ROWS.shape, GRASS)
    for x, y, radius in zip(
        rng.integers(0, 260, 40), rng.integers(0, 200, 40), rng.integers(6, 16, 40), strict=True
    ):
        codes[disc(x, y, radius)] = TREE
    made = ground(tmp_path / "in", codes)
    whole = derive("trees", made, largest_m=40.0)
    parts = derive("trees", replace(made, window_px=side), largest_m=40.0)
    assert len(whole) > 10
    assert sorted(parts, key=repr) == sorted(whole, key=repr)


@pytest.mark.parametrize("side", [64, 100, 131])
@pytest.mark.parametrize("with_heights", [False, True])
def test_a_wood_that_no_window_shows_whole_is_not_cut(tmp_path, side, with_heights):
    """A clearing in it stays open; a single tree beside it is a crown as ever."""
    codes = np.full(ROWS.shape, GRASS)
    codes[disc(120, 100, 90) & ~disc(100, 90, 8)] = TREE
    codes[disc(240, 30, 12)] = TREE
    confidence = np.where(COLUMNS < 120, 60, 90).astype(np.uint8)
    made = ground(tmp_path / "in", codes, confidence=confidence)
    heights = np.where(codes == TREE, 12 - np.hypot(COLUMNS - 110, ROWS - 90) / 90, 0)
    files = {"ndsm": write(tmp_path / "ndsm.tif", heights.astype(np.float32))}
    files = files if with_heights else {}
    whole = derive("trees", made, files, largest_m=6.0)
    parts = derive("trees", replace(made, window_px=side), files, largest_m=6.0)
    wood, tree = sorted(parts, key=lambda one: -one.area_px)
    assert (wood.class_key, tree.class_key) == ("canopy", "tree")
    assert "crown_diameter_m" not in dict(wood.figures)
    assert wood.area_px == pytest.approx(np.pi * (90**2 - 8**2), rel=0.02)
    assert len(wood.polygon.interiors) == 1
    assert wood.bbox_px == pytest.approx((30, 10, 211, 191), abs=1)
    assert wood.score == pytest.approx(confidence[codes == TREE].mean() / 100, abs=0.02)
    assert dict(tree.figures)["crown_diameter_m"] == pytest.approx(4.8, abs=0.2)
    assert ("height_m" in dict(wood.figures)) is with_heights
    assert [one.area_px for one in sorted(whole, key=lambda one: -one.area_px)] == pytest.approx(
        [wood.area_px, tree.area_px], rel=0.005
    )


@pytest.mark.parametrize("side", [64, 100, 131])
def test_how_high_and_large_a_wood_is_shows_in_no_window(tmp_path, side):
    """One rises from shrubs to trees; a second one stays low, a third one is small."""
    codes = np.full(ROWS.shape, GRASS)
    codes[20:70, 5:255] = TREE
    codes[90:130, 5:255] = TREE
    codes[150:180, 100:160] = TREE
    rising = 1.0 + np.maximum(0, COLUMNS - 170) / 10
    heights = np.where((ROWS < 80) | (ROWS > 140), rising, 1.5)
    files = {"ndsm": write(tmp_path / "ndsm.tif", np.where(codes == TREE, heights, 0.0))}
    made = ground(tmp_path / "in", codes)
    limits = {"largest_m": 6.0, "least_m2": 300.0}
    whole = derive("trees", made, files, **limits)
    parts = derive("trees", replace(made, window_px=side), files, **limits)
    for (wood,) in (whole, parts):
        assert (wood.class_key, wood.bbox_px) == ("canopy", pytest.approx((5, 20, 255, 70), abs=2))
        assert dict(wood.figures)["height_m"] == pytest.approx(9.4, abs=0.2)


def test_a_wood_ends_where_the_area_does(tmp_path):
    """A smaller part of it lies inside; what the area only grazes is nothing."""
    codes = np.where(disc(120, 100, 90), TREE, GRASS)
    area = MultiPolygon([box(0, 0, 80, 200), box(207, 95, 260, 105)])
    made = replace(ground(tmp_path / "in", codes), area_px=area)
    (part,) = derive("trees", made, largest_m=6.0)
    whole = shapely.Point(120.5, 100.5).buffer(90)
    assert part.class_key == "canopy"
    assert part.area_px == pytest.approx(whole.intersection(box(0, 0, 80, 200)).area, rel=0.03)
    assert part.bbox_px[2] == pytest.approx(80)


def test_a_recipe_without_a_class_for_woods_keeps_them_as_its_first(tmp_path):
    codes = np.where(disc(120, 100, 90) | disc(240, 30, 12), TREE, GRASS)
    found = derive("trees", ground(tmp_path / "in", codes), largest_m=6.0)
    assert sorted(one.class_key for one in found) == ["canopy", "tree"]
    keys = ["tree", "canopy"]
    assert list(in_classes(found, keys)) == found
    assert [one.class_key for one in in_classes(found, keys[:1])] == ["tree", "tree"]


def test_trees_of_other_code_and_size(tmp_path):
    assert derive("trees", ground(tmp_path / "in", orchard()), classes=[7], least_m2=1e6) == []
    assert len(derive("trees", ground(tmp_path / "two", orchard()), least_m2=29.0)) == 2
