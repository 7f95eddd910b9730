"""Waters and pools on class maps drawn by hand."""

import numpy as np
import pytest
from shapely import Point, box

from apps.aviary.surfaces.areas import compactness
from tests.apps.aviary.surfaces.grounds import GRASS, SURE, WATER, derive, ground

BLUE, POND = (90, 180, 215), (70, 90, 60)


def test_a_lake_keeps_its_island(tmp_path):
    codes = np.full((100, 120), GRASS)
    codes[10:90, 10:110] = WATER
    codes[40:60, 40:60] = GRASS
    codes[20:25, 20:25] = GRASS
    (lake,) = derive("water", ground(tmp_path / "in", codes))
    assert lake.class_key == "water"
    assert lake.area_px == 80 * 100 - 400
    assert lake.score == pytest.approx(SURE / 100)


class Garden:
    """A lawn on which pools are drawn, all of one colour unless said otherwise."""

    def __init__(self, rows=300, columns=300):
        self.codes = np.full((rows, columns), GRASS)
        self.rgb = np.full((rows, columns, 3), (90, 120, 60), np.uint8)

    def pool(self, x, y, wide, high, colour=BLUE):
        self.codes[y : y + high, x : x + wide] = WATER
        self.rgb[y : y + high, x : x + wide] = colour
        return self

    def found(self, folder, **changes):
        made = ground(folder, self.codes, rgb=self.rgb)
        return [one.bbox_px[:2] for one in derive("pools", made, **changes)]


def test_a_blue_rectangle_is_a_pool(tmp_path):
    garden = Garden().pool(50, 60, 40, 20)
    (one,) = derive("pools", ground(tmp_path / "in", garden.codes, rgb=garden.rgb))
    assert (one.class_key, one.area_m2) == ("pool", pytest.approx(32.0))


@pytest.mark.parametrize(
    ("wide", "high", "is_pool"),
    [
        (10, 9, False),  # 3.6 m2
        (10, 10, True),  # 4 m2
        (60, 50, True),  # 120 m2
        (60, 51, False),
        (60, 20, True),  # 1 to 3: 0.59
        (80, 20, False),  # 1 to 4: 0.50
    ],
)
def test_size_and_shape_decide(tmp_path, wide, high, is_pool):
    assert bool(Garden().pool(50, 60, wide, high).found(tmp_path / "in")) == is_pool


@pytest.mark.parametrize(
    ("colour", "is_pool"),
    [(BLUE, True), ((60, 190, 180), True), (POND, False), ((120, 124, 128), False)],
    ids=["blue", "turquoise", "pond", "grey"],
)
def test_colour_decides(tmp_path, colour, is_pool):
    garden = Garden().pool(50, 60, 40, 20, colour)
    assert bool(garden.found(tmp_path / "in")) == is_pool


def test_an_arm_of_a_large_water_is_no_pool(tmp_path):
    garden = Garden().pool(0, 0, 300, 30)  # 360 m2
    garden.pool(50, 39, 30, 20).pool(50, 100, 30, 20)  # 1.8 m and 14 m away
    assert garden.found(tmp_path / "in") == [(50, 100)]
    assert len(garden.found(tmp_path / "again", adjoining_m=1.0)) == 2
    assert len(garden.found(tmp_path / "third", water_m2=500.0)) == 2


def test_compactness_by_hand():
    assert compactness(Point(0, 0).buffer(5, quad_segs=64)) == pytest.approx(1, abs=0.001)
    assert compactness(box(0, 0, 1, 1)) == pytest.approx(np.pi / 4)
    assert compactness(box(0, 0, 4, 1)) == pytest.approx(0.16 * np.pi)
