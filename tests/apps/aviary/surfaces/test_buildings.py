"""Buildings on class maps drawn by hand."""

import numpy as np
import pytest
from rasterio.features import rasterize
from shapely import MultiPolygon, Polygon, affinity, box

from shared.geo.nodata import NO_DATA
from shared.geo.polygons import intersection_over_union
from tests.apps.aviary.surfaces.grounds import (
    FLAT,
    GRASS,
    GREEN,
    PLACE,
    ROOF,
    SURE,
    TREE,
    derive,
    ground,
)


def test_roofs_of_all_kinds_become_one_outline(tmp_path):
    codes = np.full((120, 160), GRASS)
    codes[20:70, 20:80] = ROOF
    codes[30:60, 80:110] = FLAT
    codes[40:50, 90:100] = GREEN
    (house,) = derive("buildings", ground(tmp_path / "in", codes))
    assert house.class_key == "building"
    assert house.polygon.equals(box(20, 20, 80, 70).union(box(80, 30, 110, 60)))
    assert house.area_m2 == pytest.approx((60 * 50 + 30 * 30) * 0.04)
    assert house.score == pytest.approx(SURE / 100)
    assert (house.object_id, house.doubtful, house.bbox_px) == (0, False, (20, 20, 110, 70))


def test_a_chimney_is_closed_and_a_courtyard_is_not(tmp_path):
    codes = np.full((200, 200), GRASS)
    codes[20:180, 20:180] = FLAT
    codes[40:49, 40:51] = TREE  # 99 px are 3.96 m2
    codes[60:70, 60:70] = NO_DATA  # 4.0 m2
    codes[100:140, 100:150] = GRASS
    (house,) = derive("buildings", ground(tmp_path / "in", codes))
    assert sorted(Polygon(ring).area for ring in house.polygon.interiors) == [100, 2000]
    assert house.area_px == 160 * 160 - 2100


def test_a_slanted_house_gets_four_corners(tmp_path):
    house = affinity.rotate(box(60, 60, 130, 110), 27)
    codes = np.full((200, 200), GRASS)
    codes[rasterize([house], codes.shape).astype(bool)] = ROOF
    (found,) = derive("buildings", ground(tmp_path / "in", codes))
    assert len(found.polygon.exterior.coords) - 1 == 4
    assert intersection_over_union(found.polygon, house) > 0.97
    (as_drawn,) = derive("buildings", ground(tmp_path / "again", codes), min_iou=1.0)
    assert len(as_drawn.polygon.exterior.coords) - 1 > 4


def test_right_angles_are_right_on_the_ground_where_pixels_are_no_squares(tmp_path):
    place = PLACE * PLACE.scale(1, 1.5)
    on_ground = affinity.rotate(box(60, 60, 130, 110), 27)
    codes = np.full((140, 200), GRASS)
    drawn = affinity.scale(on_ground, 1, 1 / 1.5, origin=(0, 0))
    codes[rasterize([drawn], codes.shape).astype(bool)] = ROOF
    (found,) = derive("buildings", ground(tmp_path / "in", codes, place=place))
    ring = np.array(affinity.scale(found.polygon, 1, 1.5, origin=(0, 0)).exterior.coords)
    ways = np.diff(ring, axis=0)
    assert len(ways) == 4
    assert (ways[:-1] * ways[1:]).sum(axis=1) == pytest.approx(0, abs=1e-6)
    assert found.area_m2 == pytest.approx(70 * 50 * 0.04, rel=0.03)


def test_sheds_below_the_least_area_and_houses_beside_the_area_stay_out(tmp_path):
    codes = np.full((100, 200), GRASS)
    codes[10:19, 10:21] = ROOF
    codes[40:80, 20:60] = ROOF
    codes[40:80, 120:160] = ROOF
    area = MultiPolygon([box(0, 0, 135, 100)])
    houses = derive("buildings", ground(tmp_path / "in", codes, area_px=area))
    assert [one.bbox_px for one in houses] == [(20, 40, 60, 80)]


def test_a_strip_along_a_wall_is_no_house(tmp_path):
    codes = np.full((100, 200), GRASS)
    codes[10:17, 20:180] = ROOF  # 1.4 m
    codes[40:48, 20:180] = ROOF  # 1.6 m
    (house,) = derive("buildings", ground(tmp_path / "in", codes))
    assert house.bbox_px == pytest.approx((20, 40, 180, 48))


def test_no_roof_no_building(tmp_path):
    for number, code in enumerate((GRASS, NO_DATA)):
        assert derive("buildings", ground(tmp_path / f"{number}", np.full((30, 30), code))) == []


def test_a_house_as_large_as_the_image_stays_in_it(tmp_path):
    (house,) = derive("buildings", ground(tmp_path / "in", np.full((60, 50), ROOF)))
    assert house.polygon.equals(box(0, 0, 50, 60))
