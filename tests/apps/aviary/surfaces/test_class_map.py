"""Windows of a class map: what lies in a polygon, and what counts as an object."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from shapely import MultiPolygon, Polygon, box

from apps.aviary.surfaces import class_map
from apps.aviary.surfaces.areas import outline_areas, without_small_holes
from apps.aviary.surfaces.class_map import window_of
from tests.apps.aviary.surfaces.grounds import GRASS, ROOF, SURE, WATER, ground


def test_a_look_counts_pixels_by_class_with_their_confidence(tmp_path):
    codes = np.full((20, 30), GRASS)
    codes[5:10, 5:15] = ROOF
    confidence = np.full(codes.shape, 40, np.uint8)
    confidence[5:10, 5:10] = 90
    confidence[5, 5] = 255
    made = ground(tmp_path / "in", codes, confidence=confidence)
    with made.open() as planes:
        look = planes.look(box(0, 0, 12, 20))
    assert look.count((ROOF,)) == 35
    assert look.count((GRASS, ROOF)) == 240
    assert look.score((ROOF,)) == pytest.approx((24 * 0.9 + 10 * 0.4) / 34)
    assert look.score((WATER,)) == 0


def test_a_polygon_between_pixel_centres_still_sees_its_pixel(tmp_path):
    made = ground(tmp_path / "in", np.full((5, 5), WATER))
    with made.open() as planes:
        assert planes.look(box(2.1, 2.1, 2.3, 2.3)).count((WATER,)) == 1


def test_of_a_large_polygon_every_nth_pixel_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(class_map, "MOST_SAMPLES", 100)
    codes = np.full((40, 40), GRASS)
    codes[:, :20] = WATER
    made = ground(tmp_path / "in", codes)
    with made.open() as planes:
        look = planes.look(box(0, 0, 40, 40))
    assert look.step == 4
    assert look.count((WATER,)) == 800
    assert look.score((WATER,)) == SURE / 100


def test_only_what_lies_at_least_half_in_the_area_counts(tmp_path):
    area = MultiPolygon([box(0, 0, 10, 20)])
    made = ground(tmp_path / "in", np.full((20, 20), GRASS), area_px=area)
    assert list(made.found("x", box(4, 0, 15, 5), 0.5))
    assert not list(made.found("x", box(6, 0, 15, 5), 0.5))


def test_areas_are_outlined_across_strips_and_specks_left_out(tmp_path):
    codes = np.full((200, 60), GRASS)
    codes[10:180, 10:40] = ROOF
    codes[90:95, 20:25] = GRASS
    codes[50, 55] = ROOF
    codes[190:200, 50:55] = ROOF
    made = replace(ground(tmp_path / "in", codes), strip_rows=16)
    with made.open() as planes:
        areas = list(outline_areas(made, planes, (ROOF,), least_m2=4.0, tolerance_m=0.3))
    assert [one.pixels for one in areas] == [170 * 30 - 25]
    assert areas[0].polygon.equals(box(10, 10, 40, 180).difference(box(20, 90, 25, 95)))


def test_holes_below_a_size_are_closed():
    outline = box(0, 0, 100, 100)
    holed = Polygon(outline.exterior, [box(5, 5, 15, 14.9).exterior, box(30, 30, 40, 40).exterior])
    closed = without_small_holes(holed, 4.0, 0.04)
    assert closed.area == pytest.approx(100 * 100 - 100)


@given(
    left=st.floats(-50, 150),
    upper=st.floats(-50, 150),
    wide=st.floats(0.01, 200),
    high=st.floats(0.01, 200),
    margin=st.floats(0, 30),
)
def test_a_window_lies_in_the_image_and_holds_the_part_of_the_polygon_in_it(
    left, upper, wide, high, margin
):
    polygon = box(left, upper, left + wide, upper + high)
    x0, y0, x1, y1 = window_of(polygon, (100, 80), margin)
    assert 0 <= x0 < x1 <= 100
    assert 0 <= y0 < y1 <= 80
    seen = polygon.intersection(box(0, 0, 100, 80))
    assert seen.area == 0 or box(x0, y0, x1, y1).covers(seen)
