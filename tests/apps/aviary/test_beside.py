"""Where one image lies in another, and what is read there."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from rasterio.transform import from_origin

from apps.aviary.inputs.beside import compare_images, place_beside, read_beside
from apps.aviary.inputs.run_image import RunImage
from shared.errors import CoordinatesMixed, ImagesApart
from shared.geo.open import open_raster
from shared.geo.raster import RasterInfo
from tests.apps.aviary.test_class_maps import ORIGIN, save_tiff

EAST, NORTH = ORIGIN


def info(name="a.tif", side=100, gsd_m=0.2, east=EAST, north=NORTH, turn=0.0):
    cosine, sine = gsd_m * math.cos(turn), gsd_m * math.sin(turn)
    transform = (cosine, sine, east, sine, -cosine, north)
    return RasterInfo(
        name, "0" * 64, side, side, 3, "TIFF", gsd_m, gsd_m, "georeference", "EPSG:25832", transform
    )


def plain(name="a.png", side=100, gsd_m=0.2):
    return replace(info(name, side, gsd_m), crs=None, transform=None)


@given(st.floats(-9, 9), st.floats(-9, 9), st.sampled_from([0.1, 0.2, 0.4]))
def test_both_images_name_the_same_ground(east_m, north_m, gsd_m):
    one, other = info(), info(gsd_m=gsd_m, east=EAST + east_m, north=NORTH + north_m, side=200)
    left, upper, right, lower = place_beside(one, other).box((10, 20, 60, 80))
    assert left * gsd_m == pytest.approx(10 * 0.2 - east_m, abs=1e-6)
    assert upper * gsd_m == pytest.approx(20 * 0.2 + north_m, abs=1e-6)
    assert (right - left) * gsd_m == pytest.approx(50 * 0.2)
    assert (lower - upper) * gsd_m == pytest.approx(60 * 0.2)


def test_two_turned_images_lie_on_each_other_and_one_does_not():
    one = info(turn=0.3)
    assert place_beside(one, replace(one, name="b.tif")).box((0, 0, 9, 9)) == pytest.approx(
        (0, 0, 9, 9), abs=1e-6
    )
    with pytest.raises(ImagesApart):
        place_beside(one, info())


@pytest.mark.parametrize("other", [plain(side=102), plain(gsd_m=0.25), info(east=EAST + 20)])
def test_images_of_other_places_are_refused(other):
    one = info() if other.crs else plain()
    with pytest.raises(ImagesApart):
        place_beside(one, other)


def test_plain_images_of_one_section_may_differ_in_resolution():
    assert place_beside(plain(), plain(side=50, gsd_m=0.4)).box((10, 20, 30, 40)) == (5, 10, 15, 20)


def test_only_one_with_coordinates_is_refused():
    with pytest.raises(CoordinatesMixed):
        compare_images(info(), plain())


def test_years_in_the_names_are_compared():
    older, newer = info("dop_2023.tif"), info("dop_2026.tif")
    assert compare_images(newer, older) == ()
    assert [one.level for one in compare_images(older, newer)] == ["stop"]
    assert compare_images(info("a.tif"), info("b.tif")) == ()


@pytest.fixture
def image(tmp_path):
    rgb = np.random.default_rng(1).integers(1, 255, (60, 80, 3)).astype(np.uint8)
    path = save_tiff(tmp_path / "a.tif", rgb, transform=from_origin(*ORIGIN, 0.2, 0.2))
    with open_raster(path) as source:
        yield RunImage(source), rgb


@pytest.mark.parametrize("corner", [(-10, -5), (10, 7), (50, 40), (-30, 30)])
def test_beyond_the_image_nothing_is_valid(image, corner):
    opened, rgb = image
    left, upper = corner
    patch = read_beside(opened, (left, upper, left + 40, upper + 40), (40, 40))
    rows, columns = np.arange(upper, upper + 40), np.arange(left, left + 40)
    inside = np.ix_((rows >= 0) & (rows < 60), (columns >= 0) & (columns < 80))
    wanted = np.zeros((40, 40), dtype=bool)
    wanted[inside] = True
    assert np.array_equal(patch.valid, wanted)
    part = rgb[np.ix_(rows.clip(0, 59), columns.clip(0, 79))]
    assert np.array_equal(patch.rgb[wanted], part[wanted])
    assert not patch.rgb[~wanted].any()


def test_far_away_there_is_nothing(image):
    opened, _ = image
    patch = read_beside(opened, (500, 500, 540, 540), (20, 20))
    assert not patch.valid.any()
    assert patch.empty


def test_black_collars_are_no_data(tmp_path):
    rgb = np.full((100, 100, 3), 90, dtype=np.uint8)
    rgb[:, :30] = 0
    with open_raster(save_tiff(tmp_path / "a.tif", rgb)) as source:
        patch = read_beside(RunImage(source), (10, 10, 90, 90), (40, 40))
    assert not patch.valid[:, :10].any()
    assert patch.valid[:, 10:].all()
