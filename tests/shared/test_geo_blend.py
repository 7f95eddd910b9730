"""Tiles are joined without seams, exactly where they agree, in any order."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from shared.geo.tiling import Strip, blend, most_likely, plan_tiles


def whole(strips, height):
    """Stack strips after checking that they follow each other without a gap."""
    values, covered, row = [], [], 0
    for strip in strips:
        assert strip.y0 == row
        row += strip.values.shape[1]
        values.append(strip.values)
        covered.append(strip.covered)
    assert row == height
    return np.concatenate(values, axis=1), np.concatenate(covered)


def identity(image, plan):
    for tile in plan:
        left, upper, right, lower = tile.box
        yield tile, image[:, upper:lower, left:right]


def test_identity_model_returns_a_large_image_exactly():
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 3, (5000, 5000), dtype=np.uint8)
    plan = plan_tiles(5000, 5000, 640, 192)

    def model():
        for tile in plan:
            left, upper, right, lower = tile.box
            part = codes[upper:lower, left:right]
            yield tile, np.stack([part == code for code in range(3)]).astype(np.float32)

    row = 0
    for strip in blend(model(), plan, 3):
        rows = codes[row : row + strip.values.shape[1]]
        assert np.array_equal(most_likely(strip, 255), rows)
        assert all(np.array_equal(strip.values[code], rows == code) for code in range(3))
        row += len(rows)
    assert row == 5000


@settings(deadline=None)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    tile_px=st.integers(1, 40),
    overlap_share=st.floats(0, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_finite_values_come_back_to_the_last_bit(width, height, tile_px, overlap_share, seed):
    rng = np.random.default_rng(seed)
    image = (rng.normal(size=(2, height, width)) * 10.0 ** rng.integers(-20, 20)).astype(np.float32)
    plan = plan_tiles(width, height, tile_px, int(tile_px * overlap_share))
    values, covered = whole(blend(identity(image, plan), plan, 2), height)
    assert np.array_equal(values, image)
    assert covered.all()


def contradicting(plan, channels, seed):
    rng = np.random.default_rng(seed)
    return [
        (tile, rng.normal(size=(channels, tile.height, tile.width)).astype(np.float32))
        for tile in plan
    ]


@given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_bit(seed, order):
    plan = plan_tiles(70, 55, 20, 7)
    results = contradicting(plan, 3, seed)
    straight, _ = whole(blend(results, plan, 3), 55)
    order.shuffle(results)
    shuffled, _ = whole(blend(results, plan, 3), 55)
    assert np.array_equal(straight, shuffled)


def test_weights_by_hand():
    # Tiles of 4 px with 2 px overlap on 6 x 1 px; the window's columns are sin^2 of 22.5, 67.5,
    # 112.5, 157.5 degrees = 0.146447, 0.853553, 0.853553, 0.146447.
    plan = plan_tiles(6, 1, 4, 2)
    results = [
        (plan[0], np.zeros((1, 1, 4), dtype=np.float32)),
        (plan[1], np.ones((1, 1, 4), dtype=np.float32)),
    ]
    values, _ = whole(blend(results, plan, 1), 1)
    assert values[0, 0] == pytest.approx([0, 0, 0.146447, 0.853553, 1, 1], abs=1e-6)


def test_there_is_no_step_where_a_tile_ends():
    """Two tiles that contradict each other fade over; a hard cut would jump by 1."""
    plan = plan_tiles(1088, 640, 640, 192)
    results = [(tile, np.full((1, 640, 640), float(tile.tile_id), np.float32)) for tile in plan]
    values, _ = whole(blend(results, plan, 1), 640)
    assert np.abs(np.diff(values[0, 320])).max() < 0.02


def test_a_failed_tile_leaves_its_place_to_the_neighbours_or_uncovered():
    plan = plan_tiles(10, 4, 4, 1)
    results = [(tile, np.ones((2, 4, 4), dtype=np.float32)) for tile in plan]
    results[1] = (plan[1], None)
    values, covered = whole(blend(results, plan, 2), 4)
    assert covered[0].tolist() == [True] * 4 + [False] * 2 + [True] * 4
    assert (values[:, :, covered[0]] == 1).all()
    codes = most_likely(Strip(0, values, covered), 255)
    assert codes[0].tolist() == [0] * 4 + [255] * 2 + [0] * 4


def test_of_equal_values_the_first_class_wins():
    values = np.array([[[0.5, 0.1]], [[0.5, 0.7]], [[0.1, 0.7]]], dtype=np.float32)
    codes = most_likely(Strip(0, values, np.ones((1, 2), dtype=bool)), 255)
    assert codes.tolist() == [[0, 1]]


@pytest.mark.parametrize("fault", ["twice", "missing", "shape", "foreign", "too_early"])
def test_wrong_tiles_are_refused(fault):
    plan = plan_tiles(40, 40, 10, 2)
    results = contradicting(plan, 1, 0)
    if fault == "twice":
        results[3] = results[2]
    elif fault == "missing":
        results.pop()
    elif fault == "shape":
        results[2] = (plan[2], np.zeros((1, 10, 9), dtype=np.float32))
    elif fault == "foreign":
        results[2] = (plan_tiles(41, 40, 10, 2)[4], results[2][1])
    else:
        results.append(results.pop(0))
    with pytest.raises(ValueError, match=r"tile"):
        list(blend(results, plan, 1, most_waiting=5))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38])
def test_values_that_are_no_answer_are_refused(value):
    """Otherwise every comparison with them is false, and their pixels would get class 0."""
    plan = plan_tiles(10, 10, 6, 2)
    results = contradicting(plan, 3, 0)
    results[1][1][0, 2, 2] = value
    with pytest.raises(ValueError, match="finite"):
        list(blend(results, plan, 3))


def test_nothing_cannot_be_joined():
    for plan, channels in ((), 1), (plan_tiles(5, 5, 5, 0), 0):
        with pytest.raises(ValueError, match="nothing"):
            list(blend([], plan, channels))
    with pytest.raises(ValueError, match="nothing"):
        list(blend([], plan_tiles(5, 5, 5, 0), 1, margin_px=-1))


def test_what_a_tile_says_at_its_edge_counts_only_where_nobody_else_speaks():
    plan = plan_tiles(30, 12, 12, 6)
    truth = np.random.default_rng(4).normal(size=(2, 12, 30)).astype(np.float32)
    results = []
    for tile, values in identity(truth, plan):
        wrong = values.copy()
        wrong[:, :, :3] += 1 if tile.x0 > 0 else 0
        wrong[:, :, -3:] -= 1 if tile.x0 + tile.width < 30 else 0
        results.append((tile, wrong))
    values, _ = whole(blend(results, plan, 2, margin_px=3), 12)
    assert np.abs(values - truth).max() < 1e-4
    values, _ = whole(blend(results, plan, 2), 12)
    assert np.abs(values - truth).max() > 0.1


def test_memory_does_not_grow_with_the_number_of_rows():
    """A hundred tile rows need no more than four."""

    def peak(height):
        plan = plan_tiles(256, height, 64, 16)
        results = ((tile, np.zeros((4, 64, 64), dtype=np.float32)) for tile in plan)
        tracemalloc.start()
        for _ in blend(results, plan, 4):
            pass
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert peak(4800) <= peak(200) * 1.1
