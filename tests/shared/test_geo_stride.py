"""Tiles on the cells of a model, and the way back to the pixels of the image."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from shared.geo.enlarge import classify_strips
from shared.geo.nodata import NO_DATA
from shared.geo.open import open_raster
from shared.geo.raster import read_resampled
from shared.geo.tiling import Strip, blend, coarse_plan, plan_tiles

CODES = (3, 7, 9)


def all_valid(width):
    return lambda y0, y1: np.ones((y1 - y0, width), dtype=bool)


def classify(values, *, grid, stride, size, valid=None, rows_per_strip=5, covered=None):
    """Return codes, confidence and margin of whole images, cells given in strips."""
    covered = np.ones(values.shape[1:], dtype=bool) if covered is None else covered
    strips = (
        Strip(y0, values[:, y0 : y0 + rows_per_strip], covered[y0 : y0 + rows_per_strip])
        for y0 in range(0, values.shape[1], rows_per_strip)
    )
    found = list(
        classify_strips(
            strips,
            codes=CODES,
            grid=grid,
            stride=stride,
            size=size,
            valid=valid or all_valid(size[0]),
        )
    )
    assert [strip.y0 for strip in found] == list(
        np.cumsum([0, *(len(strip.codes) for strip in found[:-1])])
    )
    return tuple(
        np.concatenate([getattr(strip, name) for strip in found])
        for name in ("codes", "confidence", "margin")
    )


def probabilities(shape, seed=1):
    raw = np.random.default_rng(seed).random((len(CODES), *shape), dtype=np.float32)
    return raw / raw.sum(axis=0)


@given(st.integers(1, 2000), st.integers(1, 900), st.sampled_from([(640, 128), (64, 16), (8, 0)]))
def test_tiles_lie_on_the_cells_and_cover_the_image(width, height, tile_and_overlap):
    plan = plan_tiles(width, height, *tile_and_overlap, step_px=8)
    assert all(edge % 8 == 0 for tile in plan for edge in tile.box)
    assert width <= max(tile.box[2] for tile in plan) < width + 8
    assert height <= max(tile.box[3] for tile in plan) < height + 8
    across = [tile for tile in plan if tile.y0 == 0]
    assert across[0].x0 == 0
    for one, two in itertools.pairwise(across):
        assert one.x0 < two.x0 <= one.box[2] - tile_and_overlap[1]
    coarse = coarse_plan(plan, 4)
    assert [tuple(4 * edge for edge in tile.box) for tile in coarse] == [tile.box for tile in plan]
    assert [tile.tile_id for tile in coarse] == list(range(len(plan)))


@pytest.mark.parametrize("numbers", [(640, 100, 8), (636, 128, 8), (640, 128, 0)])
def test_a_step_that_does_not_fit_is_refused(numbers):
    tile_px, overlap_px, step_px = numbers
    with pytest.raises(ValueError, match="multiples"):
        plan_tiles(2000, 2000, tile_px, overlap_px, step_px=step_px)


def test_a_tile_across_cells_is_refused():
    with pytest.raises(ValueError, match="cells"):
        coarse_plan(plan_tiles(5003, 640, 640, 128), 4)


def test_one_cell_a_pixel_is_the_largest_channel():
    values = probabilities((13, 17))
    codes, confidence, margin = classify(values, grid=(17, 13), stride=1, size=(17, 13))
    ordered = np.sort(values, axis=0)
    assert np.array_equal(codes, np.array(CODES)[values.argmax(axis=0)])
    assert np.abs(confidence - 100 * ordered[-1]).max() <= 0.501
    assert np.abs(margin - 100 * (ordered[-1] - ordered[-2])).max() <= 0.501


@pytest.mark.parametrize("stride", [2, 4])
def test_pixels_between_cells_are_those_of_the_model_server(stride):
    values = probabilities((11, 9))
    size = (9 * stride, 11 * stride)
    full = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in values])
    codes, confidence, _ = classify(values, grid=size, stride=stride, size=size)
    ordered = np.sort(full, axis=0)
    clear = ordered[-1] - ordered[-2] > 1e-5
    assert np.array_equal(codes[clear], np.array(CODES)[full.argmax(axis=0)][clear])
    assert np.abs(confidence - 100 * ordered[-1]).max() <= 0.51


def test_a_cut_cell_at_the_edge_counts_as_a_whole_one():
    """18 x 10 px of a model are 5 x 3 cells of 4 px; the last pixels see the last cell alone."""
    values = np.zeros((3, 3, 5), dtype=np.float32)
    values[0] = 1
    values[:, :, 4] = [[0], [0], [1]]
    codes, _, _ = classify(values, grid=(18, 10), stride=4, size=(18, 10))
    # Cell centres lie at 14 and 18 px: from pixel 16 (centre 16.5) on the last cell is nearer.
    assert (codes[:, :16] == 3).all()
    assert (codes[:, 16:] == 9).all()


def test_an_image_of_another_resolution_is_met_at_its_ground():
    """Image at 10 cm, model at 20 cm: an edge at 4 m lies at pixel 40."""
    values = np.zeros((3, 10, 10), dtype=np.float32)
    values[1, :, :5] = 1
    values[2, :, 5:] = 1
    codes, confidence, margin = classify(values, grid=(40, 40), stride=4, size=(80, 80))
    assert (codes[:, :40] == 7).all()
    assert (codes[:, 40:] == 9).all()
    # Centres of cells lie at pixels 36 and 44; pixel 39 (39.5) is 3.5 / 8 of the way.
    assert (confidence[:, 39] == 56).all()
    assert np.abs(margin[:, 39].astype(int) - 12.5).max() <= 0.5
    assert (confidence[:, :36] == 100).all()


def test_strips_and_chunks_leave_no_seam():
    values = probabilities((61, 7))
    together = [
        classify(values, grid=(55, 487), stride=8, size=(37, 300), rows_per_strip=rows)
        for rows in (1, 7, 61)
    ]
    for other in together[1:]:
        for one, two in zip(together[0], other, strict=True):
            assert np.array_equal(one, two)
    assert together[0][0].shape == (300, 37)


def test_what_is_not_known_takes_no_part():
    values = probabilities((6, 6))
    values[:] = np.array([0.2, 0.7, 0.1], dtype=np.float32)[:, None, None]
    covered = np.ones((6, 6), dtype=bool)
    covered[2:4, 2:4] = False
    values[:, 0, 5] = 0  # the server says 0 where a cell shows no data
    mask = np.ones((24, 24), dtype=bool)
    mask[20:, :3] = False
    codes, confidence, margin = classify(
        values,
        grid=(24, 24),
        stride=4,
        size=(24, 24),
        covered=covered,
        valid=lambda y0, y1: mask[y0:y1],
    )
    unknown = ~mask
    unknown[8:16, 8:16] = True
    unknown[0:4, 20:24] = True
    for plane, value in ((codes, 7), (confidence, 70), (margin, 50)):
        assert (plane[unknown] == NO_DATA).all()
        assert (plane[~unknown] == value).all(), "no paler beside what is not known"


@pytest.mark.parametrize("rows", [0, 3])
def test_missing_rows_are_an_error(rows):
    with pytest.raises(ValueError, match="have no cells"):
        classify(probabilities((rows, 4)), grid=(16, 16), stride=4, size=(16, 16))


def test_another_number_of_channels_is_an_error():
    with pytest.raises(ValueError, match="3 classes"):
        classify(np.ones((2, 4, 4), dtype=np.float32), grid=(16, 16), stride=4, size=(16, 16))


@given(st.integers(1, 90), st.integers(1, 90))
def test_tiled_cells_give_the_whole_image(width, height):
    """A model whose cell is the colour of its first pixel, tiled with a step, finds each pixel."""
    stride = 4
    grown = (-(-height // 8) * 8, -(-width // 8) * 8)
    truth = np.random.default_rng(width * 100 + height).integers(0, 3, grown)
    cells = np.eye(3, dtype=np.float32)[truth[::stride, ::stride]].transpose(2, 0, 1)
    plan = coarse_plan(plan_tiles(width, height, 32, 8, step_px=8), stride)
    tiles = [(tile, cells[:, tile.y0 : tile.box[3], tile.x0 : tile.box[2]].copy()) for tile in plan]
    options = {
        "codes": CODES,
        "grid": (width, height),
        "stride": stride,
        "size": (width, height),
        "valid": all_valid(width),
    }
    joined = list(classify_strips(blend(tiles, plan, 3), **options))
    covered = np.ones(cells.shape[1:], dtype=bool)
    whole = list(classify_strips([Strip(0, cells, covered)], **options))
    assert np.array_equal(
        np.concatenate([one.codes for one in joined]), np.concatenate([one.codes for one in whole])
    )
    assert sum(len(one.codes) for one in joined) == height


def test_beyond_the_edge_the_image_is_mirrored_and_not_valid(tmp_path):
    pixels = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
    path = tmp_path / "bild.png"
    Image.fromarray(pixels).save(path)
    with open_raster(path) as source:
        patch = read_resampled(source, (0, 0, 8, 8), (8, 8))
        coarse = read_resampled(source, (0, 0, 8, 8), (4, 4))
    assert np.array_equal(patch.rgb[:6, :5], pixels)
    assert np.array_equal(patch.rgb[:6, 5:], pixels[:, [4, 3, 2]])
    assert np.array_equal(patch.rgb[6:, :5], pixels[[5, 4]])
    assert patch.valid.sum() == 30
    assert patch.valid[:6, :5].all()
    assert coarse.rgb.shape == (4, 4, 3)
