"""Missing data is found by every sign a file gives; what only looks like it stays."""

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from rasterio.transform import from_origin
from scipy import ndimage

from shared.geo import nodata
from shared.geo.nodata import combine_masks, find_valid, shrink_valid, without_collar
from shared.geo.open import open_raster
from shared.geo.raster import Patch, RasterInfo, RasterSource


class ArraySource(RasterSource):
    """An image in memory that remembers what was read."""

    decoded = True

    def __init__(self, rgb, valid=None):
        self._rgb = rgb
        self._valid = np.ones(rgb.shape[:2], dtype=bool) if valid is None else valid
        self.info = RasterInfo("a", "", rgb.shape[1], rgb.shape[0], 3, "TIFF")
        self.most_read_px = 0

    def read(self, x0, y0, x1, y1):
        self.most_read_px = max(self.most_read_px, (x1 - x0) * (y1 - y0))
        return Patch(self._rgb[y0:y1, x0:x1], self._valid[y0:y1, x0:x1])

    def overview(self, longest_side_px):
        raise NotImplementedError

    def close(self):
        pass


def grey(height=120, width=200):
    return np.full((height, width, 3), 120, dtype=np.uint8)


def valid_of(source):
    return find_valid(source).read(0, 0, source.info.width, source.info.height).valid


@pytest.fixture
def low_strips(monkeypatch):
    """Several strips also for small images."""
    monkeypatch.setattr(nodata, "STRIP_ROWS", 7)


def test_one_word_against_a_pixel_is_enough():
    pixels = np.array([[[0, 0, 5, 5, 5]], [[0, 7, 5, 5, 5]]], dtype=np.uint8)
    internal = np.array([[True, True, True, False, True]])
    alpha = np.array([[255, 255, 0, 255, 1]], dtype=np.uint8)
    valid = combine_masks(pixels, internal=internal, alpha=alpha, nodata=0)
    assert valid.tolist() == [[False, True, False, False, True]]
    assert combine_masks(pixels).all()


def test_a_no_data_value_that_is_no_number():
    heights = np.array([[[1.0, np.nan, 0.0]]])
    assert combine_masks(heights, nodata=float("nan")).tolist() == [[True, False, True]]


def test_true_black_is_data_where_nothing_else_is_said():
    """Zeros without a no-data value are shadows or dark roofs."""
    image = grey()
    image[40:60, 50:90] = 0
    assert valid_of(ArraySource(image)).all()


@pytest.mark.parametrize("colour", [0, 255])
def test_a_collar_is_missing_data_but_a_roof_of_its_colour_is_not(colour, low_strips):
    image = grey()
    image[:10] = image[:, :12] = colour
    image[50:80, 100:150] = colour
    valid = valid_of(ArraySource(image))
    expected = np.ones(valid.shape, dtype=bool)
    expected[:10] = expected[:, :12] = False
    assert np.array_equal(valid, expected)


@pytest.mark.parametrize(("height", "missing"), [(49, 0), (50, 50)])
def test_a_collar_has_fifty_pixels(height, missing, low_strips):
    image = grey()
    image[20 : 20 + height, 0] = 0
    assert (~valid_of(ArraySource(image))).sum() == missing


def test_nearly_black_pixels_are_data(low_strips):
    image = grey()
    image[:10] = 1
    image[:10, :, 0] = 0
    assert valid_of(ArraySource(image)).all()


def test_a_collar_that_winds_through_many_strips_is_one(low_strips):
    """A spiral: from the edge inwards, up and down again."""
    image = grey(100, 100)
    image[10:90, 0:3] = 0
    image[87:90, 0:80] = 0
    image[20:90, 77:80] = 0
    image[20:23, 30:80] = 0
    image[20:70, 30:33] = 0
    image[40:60, 40:70] = 0  # a roof inside the spiral
    valid = valid_of(ArraySource(image))
    assert not valid[65, 31]
    assert valid[40:60, 40:70].all()


def test_black_and_white_do_not_hold_together(low_strips):
    image = grey()
    image[0:5, :9] = 0
    image[5:10, :9] = 255
    image[20:30, 0] = 0
    valid = valid_of(ArraySource(image))
    assert (~valid).sum() == 0


def test_missing_pixels_connect_a_collar_to_the_edge(low_strips):
    image = grey()
    image[0, 0] = 0
    image[10:20, 10:60] = 0
    given_mask = np.ones(image.shape[:2], dtype=bool)
    given_mask[0:15, 0:10] = False
    valid = valid_of(ArraySource(image, given_mask))
    assert not valid[10:20, 10:60].any()


@settings(deadline=None, max_examples=60)
@given(
    image=arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        elements=st.sampled_from([0, 0, 0, 120, 255]),
    )
)
def test_strips_find_what_the_whole_image_shows(image):
    rgb = np.repeat(image[:, :, None], 3, axis=2)
    expected = np.ones(image.shape, dtype=bool)
    for colour in (0, 255):
        labels, count = ndimage.label(image == colour)
        edge = set(labels[[0, -1]].ravel()) | set(labels[:, [0, -1]].ravel())
        for patch in range(1, count + 1):
            if patch in edge and (labels == patch).sum() >= 50:
                expected[labels == patch] = False
    before = nodata.STRIP_ROWS
    try:
        nodata.STRIP_ROWS = 7
        assert np.array_equal(valid_of(ArraySource(rgb)), expected)
    finally:
        nodata.STRIP_ROWS = before


def test_windows_are_cut_out_of_the_whole(low_strips):
    image = grey()
    image[:33, :47] = 0
    source = ArraySource(image)
    found, whole = find_valid(source), valid_of(source)
    for box in ((0, 0, 200, 120), (40, 30, 60, 50), (46, 32, 47, 33), (47, 33, 200, 120)):
        x0, y0, x1, y1 = box
        assert np.array_equal(found.read(*box).valid, whole[y0:y1, x0:x1])
    assert found.has_collar


def test_an_image_with_clean_edges_is_not_read():
    source = ArraySource(grey(2000, 300))
    assert not find_valid(source).has_collar
    assert source.most_read_px == 2000


def test_never_more_than_a_strip_is_read(low_strips):
    image = grey(700, 300)
    image[:30] = 0
    source = ArraySource(image)
    assert find_valid(source).has_collar
    assert source.most_read_px == 7 * 300


def test_a_half_empty_tile_loses_the_margin_beside_its_gap():
    valid = np.ones((20, 30), dtype=bool)
    valid[:, :10] = False
    shrunk = shrink_valid(valid, 4)
    assert not shrunk[:, :14].any()
    assert shrunk[:, 14:].all()


def test_a_full_tile_keeps_its_edges():
    valid = np.ones((20, 30), dtype=bool)
    assert shrink_valid(valid, 8).all()
    assert not shrink_valid(~valid, 8).any()


@given(valid=arrays.arrays(np.bool_, (17, 23), elements=st.booleans()), margin=st.integers(0, 4))
def test_shrinking_takes_exactly_what_is_near_a_gap(valid, margin):
    near = ndimage.binary_dilation(~valid, np.ones((2 * margin + 1, 2 * margin + 1), dtype=bool))
    assert np.array_equal(shrink_valid(valid, margin), ~near)


def test_a_negative_margin_is_refused():
    with pytest.raises(ValueError, match="negative"):
        shrink_valid(np.ones((2, 2), dtype=bool), -1)


@pytest.mark.parametrize("with_mask", [True, False])
def test_all_signs_of_one_file_count(tmp_path, with_mask):
    """The library itself would follow one of them alone."""
    bands = np.full((4, 30, 40), 200, dtype=np.uint8)
    bands[:3, :, :10] = 7  # the no-data value
    bands[3, :, 10:20] = 0  # transparent
    mask = np.full((30, 40), 255, dtype=np.uint8)
    mask[:, 20:30] = 0
    path = tmp_path / "a.tif"
    profile = {
        "driver": "GTiff", "width": 40, "height": 30, "count": 4, "dtype": "uint8", "nodata": 7,
        "crs": "EPSG:25832", "transform": from_origin(400000, 5700000, 0.1, 0.1),
        "photometric": "RGB", "alpha": "yes",
    }  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as target:
        target.write(bands)
        if with_mask:
            target.write_mask(mask)
    with open_raster(path) as source:
        valid = source.read(0, 0, 40, 30).valid
        small = source.overview(20).valid
    end = 30 if with_mask else 20
    assert valid[:, end:].all()
    assert not valid[:, :end].any()
    assert small.sum() == 15 * (40 - end) / 2


def test_a_shrunk_image_loses_its_collar_too():
    image = grey()
    image[:, :50] = 0
    image[60:70, 100:120] = 0
    found = without_collar(Patch(image, np.ones(image.shape[:2], dtype=bool)))
    assert not found.valid[:, :50].any()
    assert found.valid[:, 50:].all()
