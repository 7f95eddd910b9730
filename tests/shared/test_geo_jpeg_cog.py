"""Images of JPEG blocks: other programs read them, at their place, at every size."""

import json

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from shared.geo import jpeg_cog
from shared.geo.jpeg_cog import write_jpeg_cog
from shared.store.provenance_reading import read_back
from shared.store.provenance_text import to_json
from tests.report.sample import ORIGIN

TRANSFORM = (0.2, 0.0, 380_000.0, 0.0, -0.2, 5_720_200.0)
EPSG = 25832


def smooth(bands):
    rows, columns = np.mgrid[0:700, 0:1100]
    base = 120 + 60 * np.sin(rows / 60) + 40 * np.cos(columns / 80)
    image = np.stack([base + 10 * band for band in range(bands)], axis=-1).astype(np.uint8)
    return image if bands > 1 else image[..., 0]


def written(folder, image, **options):
    path = folder / "bild.tif"
    write_jpeg_cog(path, image, TRANSFORM, EPSG, ORIGIN, **options)
    return path


@pytest.mark.parametrize("bands", [1, 3])
def test_other_programs_read_the_image_and_its_place(tmp_path, bands):
    image = smooth(bands)
    path = written(tmp_path, image)
    assert read_back(path) == json.loads(to_json(ORIGIN))
    with rasterio.open(path) as raster:
        assert raster.profile["compress"] == "jpeg"
        assert raster.crs.to_epsg() == EPSG
        assert tuple(raster.transform)[:6] == TRANSFORM
        assert raster.block_shapes == [(512, 512)] * bands
        assert raster.overviews(1) == [2, 4]
        names = [one.name for one in raster.colorinterp]
        pixels = np.moveaxis(raster.read(), 0, -1).astype(int)
        assert (raster.dataset_mask() == 255).all()
    assert names == (["gray"] if bands == 1 else ["red", "green", "blue"])
    difference = np.abs(pixels - image.reshape(pixels.shape))
    assert difference.max() <= 12
    assert difference.mean() < 2
    assert [one.name for one in tmp_path.iterdir()] == ["bild.tif"]


def test_the_small_sizes_come_first_and_show_the_same(tmp_path):
    # 700 x 1100 px: 2 x 3 blocks; 350 x 550: 1 x 2 blocks; 175 x 275: one block
    with rasterio.open(written(tmp_path, smooth(3))) as raster:
        whole = raster.read().astype(float)

        def begin(block, overview):
            name = f"BLOCK_OFFSET_{block}"
            return int(raster.get_tag_item(name, "TIFF", bidx=1, ovr=overview) or 0)

        begins = [begin("0_0", 1), begin("0_0", 0), begin("1_0", 0), begin("0_0", None)]
        begins += [begin("2_0", None), begin("0_1", None), begin("2_1", None)]
        for rows, columns in ((350, 550), (175, 275)):
            small = raster.read(out_shape=(3, rows, columns), resampling=Resampling.nearest)
            step = 700 // rows
            mean = whole.reshape(3, rows, step, columns, step).mean(axis=(2, 4))
            assert np.abs(small - mean).mean() < 2
    assert begins[0] > 0
    assert begins == sorted(set(begins))


def test_an_edge_stays_where_it_is(tmp_path):
    image = np.full((700, 1100), 40, np.uint8)
    image[300:, 600:] = 200
    with rasterio.open(written(tmp_path, image)) as raster:
        for step in (1, 2):
            size = 700 // step, 1100 // step
            bright = raster.read(1, out_shape=size, resampling=Resampling.nearest) > 120
            expected = np.zeros(size, bool)
            expected[300 // step :, 600 // step :] = True
            assert np.array_equal(bright, expected)


def test_a_lower_quality_takes_less_space(tmp_path):
    image = np.random.default_rng(1).integers(0, 255, (600, 600)).astype(np.uint8)
    fine = written(tmp_path, image).stat().st_size
    assert written(tmp_path, image, quality=50).stat().st_size < 0.7 * fine


@pytest.mark.parametrize("shape", [(600, 600, 4), (600, 600, 1), (600,), (2, 600, 600, 3)])
def test_other_shapes_are_refused(tmp_path, shape):
    with pytest.raises(ValueError, match="neither grey nor coloured"):
        written(tmp_path, np.zeros(shape, np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_what_a_tiff_cannot_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(jpeg_cog, "MOST_BYTES", 10_000)
    with pytest.raises(ValueError, match="do not fit"):
        written(tmp_path, smooth(3))
    assert list(tmp_path.iterdir()) == []
