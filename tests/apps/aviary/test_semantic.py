"""Class maps from answers on cells: fusion with near infrared, classes taken together, totals."""

import math

import numpy as np
import pytest

from apps.aviary.semantic import (
    CellMap,
    MapGrid,
    Totals,
    cell_means,
    classify,
    fuse,
    grouped,
    ndvi,
)
from shared.geo.nodata import NO_DATA
from shared.geo.tiling import plan_tiles

CODES = (0, 3, 7)


def test_ndvi_by_hand():
    index = ndvi(np.array([150, 50, 0, 255], np.uint8), np.array([50, 150, 0, 0], np.uint8))
    assert index == pytest.approx([0.5, -0.5, 0.0, 1.0])


def test_cells_take_the_mean_of_their_valid_pixels():
    values = np.array([[1, 3, 9, 9], [5, 7, 9, 9]], dtype=np.float32)
    valid = np.array([[True, True, False, False], [True, False, False, False]])
    assert cell_means(values, valid, 2).tolist() == [[3.0, 0.0]]


def test_near_infrared_changes_the_odds_by_the_logistic_term():
    """0.5 : 0.5 with a = 0, b = 4 and NDVI 0.5 becomes e^2 : 1, that is 0.881 : 0.119."""
    cells = np.array([[[128]], [[128]]], dtype=np.uint8)
    fused = fuse(cells, np.array([[0.5]], dtype=np.float32), [(0.0, 4.0), None])
    share = math.exp(2) / (math.exp(2) + 1)
    assert fused[0, 0, 0] == round(255 * share)
    assert fused[1, 0, 0] == round(255 * (1 - share))


def test_fusion_leaves_what_is_not_known():
    cells = np.zeros((2, 1, 2), dtype=np.uint8)
    cells[:, 0, 1] = 200, 55
    fused = fuse(cells, np.zeros((1, 2), dtype=np.float32), [(3.0, 0.0), None])
    assert fused[:, 0, 0].tolist() == [0, 0]
    assert fused[:, 0, 1].sum() == 255


def test_a_class_of_zero_can_come_back():
    cells = np.array([[[255]], [[0]]], dtype=np.uint8)
    fused = fuse(cells, np.ones((1, 1), dtype=np.float32), [None, (0.0, 9.0)])
    assert fused[1, 0, 0] > fused[0, 0, 0]


def test_classes_are_added_up_before_the_choice():
    cells = np.array([102, 89, 64], dtype=np.uint8).reshape(3, 1, 1)
    both = grouped(cells, CODES, {1: [3, 7], 0: [0]})
    assert both[:, 0, 0] == pytest.approx([0.6, 0.4])
    with pytest.raises(ValueError, match=r"\[9\]"):
        grouped(cells, CODES, {0: [9]})


def painted(width, height):
    """Return cells of a model that knows the image: class by columns, with the last tile cut."""
    columns = np.arange(-(-width // 8) * 2) // 20 % 3
    return np.broadcast_to(
        np.eye(3, dtype=np.uint8)[columns].T[:, None] * 255, (3, -(-height // 8) * 2, len(columns))
    )


def answers(plan, cells, failed=()):
    for tile in plan:
        left, upper, right, lower = (edge // 4 for edge in tile.box)
        yield tile, None if tile.tile_id in failed else cells[:, upper:lower, left:right].copy()


def run(width, height, *, failed=(), reach_px=0, mask=None, overlap_px=64):
    plan = plan_tiles(width, height, 256, overlap_px, step_px=8)
    inside = np.ones((height, width), dtype=bool) if mask is None else mask
    where = MapGrid(plan, (width, height), (width, height))
    return list(
        classify(
            where,
            answers(plan, painted(width, height), failed),
            CellMap(CODES, 4, reach_px),
            {5: [0], 1: [3], 9: [7]},
            lambda y0, y1: inside[y0:y1],
        )
    )


@pytest.mark.parametrize("reach_px", [0, 30])
def test_tiles_leave_no_seam(reach_px):
    found = run(701, 333, reach_px=reach_px)
    codes = np.concatenate([one.codes for one in found])
    assert codes.shape == (333, 701)
    expected = np.array([5, 1, 9], dtype=np.uint8)[np.arange(701) // 80 % 3]
    far = np.abs((np.arange(701) + 40) % 80 - 40) > 2
    assert (codes[:, far] == expected[far]).all()


def test_a_failed_tile_is_no_class():
    """Two tiles of 256 px with 64 px overlap on 448 px: the second alone shows columns from 256."""
    found = run(448, 256, failed={1})
    codes = np.concatenate([one.codes for one in found])
    assert (codes[:, :256] != NO_DATA).all()
    assert (codes[:, 256:] == NO_DATA).all()


def test_totals_count_every_pixel_once():
    mask = np.ones((256, 448), dtype=bool)
    mask[:100] = False
    inside = np.ones((256, 448), dtype=bool)
    inside[:, 300:] = False
    totals = Totals()
    for strip in run(448, 256, failed={1}, mask=mask & inside):
        totals.add(strip, inside[strip.y0 : strip.y0 + len(strip.codes)])
    assert totals.outside == 256 * 148
    # Of the 300 columns that count, the first 100 rows have no data and 44 columns no tile.
    assert totals.no_data == 300 * 256 - 256 * 156
    assert totals.classified == 256 * 156
    assert totals.classified + totals.no_data + totals.outside == 256 * 448
    assert 0.97 < totals.mean_confidence <= 1


def test_nothing_has_no_confidence():
    assert Totals().mean_confidence is None
