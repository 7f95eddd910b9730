"""Heights beside an image: metres or centimetres, another grid, another coordinate system."""

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import Resampling, calculate_default_transform, reproject

from apps.aviary.surfaces import heights
from apps.aviary.surfaces.heights import open_heights
from shared.errors import InputUnusable
from tests.apps.aviary.surfaces.grounds import GRASS, PLACE, ground, write

ROWS, COLUMNS = 50, 80
SLOPE = np.linspace(0, 20, COLUMNS, dtype=np.float32)[None].repeat(ROWS, axis=0)


@pytest.fixture
def info(tmp_path):
    return ground(tmp_path / "in", np.full((ROWS, COLUMNS), GRASS)).info


def read(path, info, window=(0, 0, COLUMNS, ROWS)):
    with open_heights(path, info) as opened:
        return opened.read(window)


def test_metres_on_the_grid_of_the_image_come_as_they_are(tmp_path, info):
    path = write(tmp_path / "h.tif", SLOPE)
    assert read(path, info) == pytest.approx(SLOPE)
    assert read(path, info, (10, 5, 30, 20)) == pytest.approx(SLOPE[5:20, 10:30])


def test_whole_numbers_are_centimetres_unless_the_file_says_otherwise(tmp_path, info):
    whole = np.round(SLOPE * 100).astype(np.int16)
    path = write(tmp_path / "h.tif", whole)
    assert read(path, info) == pytest.approx(SLOPE, abs=0.006)
    decimetres = write(tmp_path / "d.tif", np.round(SLOPE * 10).astype(np.int16))
    with rasterio.open(decimetres, "r+") as target:
        target.scales = (0.1,)
    assert read(decimetres, info) == pytest.approx(SLOPE, abs=0.06)


def test_a_coarser_grid_is_read_between_its_pixels(tmp_path, info):
    coarse = SLOPE[:, ::2][::2]
    path = write(tmp_path / "h.tif", coarse, place=PLACE * Affine.scale(2))
    assert read(path, info)[:, 4:-4] == pytest.approx(SLOPE[:, 4:-4], abs=0.3)


def test_another_coordinate_system_is_warped(tmp_path, info):
    target = CRS.from_epsg(25833)
    bounds = (PLACE.c, PLACE.f - ROWS * 0.2, PLACE.c + COLUMNS * 0.2, PLACE.f)
    place, width, height = calculate_default_transform(
        CRS.from_epsg(25832), target, COLUMNS, ROWS, *bounds
    )
    warped = np.zeros((height, width), np.float32)
    reproject(
        SLOPE,
        warped,
        src_transform=PLACE,
        src_crs=CRS.from_epsg(25832),
        dst_transform=place,
        dst_crs=target,
        resampling=Resampling.bilinear,
    )
    path = write(tmp_path / "h.tif", warped, place=place)
    with rasterio.open(path, "r+") as file:
        file.crs = target
    inner = (slice(8, -8), slice(8, -8))
    assert read(path, info)[inner] == pytest.approx(SLOPE[inner], abs=0.3)


def test_unknown_and_negative_heights_are_the_ground(tmp_path, info):
    holed = SLOPE.copy()
    holed[:10], holed[10:20], holed[20:30] = -9999, np.nan, -3
    found = read(write(tmp_path / "h.tif", holed, nodata=-9999), info)
    assert (found[:30] == 0).all()
    assert found[30:] == pytest.approx(SLOPE[30:])


def test_without_a_place_the_shape_decides(tmp_path, info):
    half = SLOPE[::2, ::2]
    path = write(tmp_path / "h.tif", half, on_the_map=False)
    assert read(path, info)[:, 4:-4] == pytest.approx(SLOPE[:, 4:-4], abs=0.4)
    other = write(tmp_path / "o.tif", SLOPE[:, :60], on_the_map=False)
    with pytest.raises(InputUnusable, match="denselben Ausschnitt"):
        read(other, info)


def test_heights_elsewhere_are_refused(tmp_path, info):
    far = write(tmp_path / "h.tif", SLOPE, place=PLACE * Affine.translation(5000, 0))
    with pytest.raises(InputUnusable, match=r"Höhen über dem Boden: .* außerhalb"):
        read(far, info)


def test_heights_in_one_piece_too_large_to_decode_are_refused(tmp_path, info, monkeypatch):
    path = write(tmp_path / "h.tif", SLOPE, tiled=True, blockxsize=64, blockysize=64)
    monkeypatch.setattr(heights, "MOST_BLOCK_BYTES", 64 * 64 * 4)
    assert read(path, info).any()
    monkeypatch.setattr(heights, "MOST_BLOCK_BYTES", 64 * 64 * 4 - 1)
    with pytest.raises(InputUnusable, match="gekachelt"):
        read(path, info)


def test_what_holds_no_heights_is_refused(tmp_path, info):
    bands = write(tmp_path / "b.tif", np.dstack([SLOPE] * 3))
    words = tmp_path / "w.tif"
    words.write_text("keine Höhen", encoding="utf-8")
    cut = write(tmp_path / "c.tif", SLOPE)
    cut.write_bytes(cut.read_bytes()[:-9000])
    for path in (bands, words, cut, tmp_path / "none.tif"):
        with pytest.raises(InputUnusable, match="kein GeoTIFF mit Höhen"):
            read(path, info)
