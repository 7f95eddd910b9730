"""Points for checking a class map: random within each class, and enough of each."""

import numpy as np
import pytest

from shared.geo.metrics import count_confusion, estimate_areas
from shared.geo.sampling import share_points, stratified_sample

CODES = np.random.default_rng(4).choice(
    np.array([0, 3, 9, 255], dtype=np.uint8), (200, 300), p=[0.6, 0.38, 0.01, 0.01]
)
PIXELS = {code: int((code == CODES).sum()) for code in (0, 3, 9)}


def strips(rows=37):
    return ((y0, CODES[y0 : y0 + rows]) for y0 in range(0, len(CODES), rows))


def test_points_follow_the_shares_but_small_classes_get_enough():
    assert share_points({0: 7000, 3: 2900, 9: 100, 5: 3, 8: 0}, 200) == {0: 140, 3: 58, 5: 3, 9: 10}


@pytest.mark.parametrize(
    ("pixels", "points", "least"),
    [({}, 9, 2), ({1: 5}, 0, 2), ({1: 5}, 9, 1), ({1: -1, 2: 9}, 9, 2)],
)
def test_impossible_wishes_are_refused(pixels, points, least):
    with pytest.raises(ValueError, match="points"):
        share_points(pixels, points, least)


def test_each_point_lies_on_its_class_and_none_twice():
    points = share_points(PIXELS, 200)
    found = stratified_sample(strips(), PIXELS, points, seed=1)
    assert all(CODES[one.row, one.column] == one.code for one in found)
    assert len(set(found)) == len(found) == sum(points.values())
    assert {code: sum(one.code == code for one in found) for code in points} == points
    first = [one.code for one in found[: len(found) // 2]]
    assert {0, 3} <= set(first), "half of the points are a random sample too"


def test_the_cut_into_strips_changes_nothing_and_the_seed_does():
    points = share_points(PIXELS, 50)
    found = stratified_sample(strips(), PIXELS, points, seed=1)
    assert found == stratified_sample(strips(1), PIXELS, points, seed=1)
    assert found != stratified_sample(strips(), PIXELS, points, seed=2)


def test_every_pixel_has_the_same_chance():
    pixels = {1: 40}
    flat = np.ones((4, 10), dtype=np.uint8)
    drawn = np.zeros((4, 10))
    for seed in range(400):
        for one in stratified_sample([(0, flat)], pixels, {1: 4}, seed):
            drawn[one.row, one.column] += 1
    # 400 draws of 4 of 40: 40 each, standard deviation 6.
    assert drawn.min() > 15
    assert drawn.max() < 65


def test_other_pixels_than_stated_are_an_error():
    with pytest.raises(ValueError, match="stated"):
        stratified_sample(strips(), PIXELS | {3: PIXELS[3] + 1}, {3: 2}, seed=1)


def test_checked_points_bring_a_wrong_map_back_to_the_truth():
    """A map that shows a tenth of class 1 as class 0: the interval holds the true area."""
    rng = np.random.default_rng(8)
    truth = (rng.random((400, 400)) < 0.3).astype(np.uint8)
    mapped = np.where((truth == 1) & (rng.random(truth.shape) < 0.1), 0, truth).astype(np.uint8)
    pixels = {code: int((mapped == code).sum()) for code in (0, 1)}
    found = stratified_sample([(0, mapped)], pixels, share_points(pixels, 1000), seed=3)
    pairs = np.array([(one.code, truth[one.row, one.column]) for one in found], dtype=np.uint8)
    confusion = count_confusion(pairs[:, 0], pairs[:, 1], 2)
    estimates = estimate_areas(confusion, [pixels[0], pixels[1]])
    low, high = estimates[1].interval_m2
    assert low < truth.sum() < high
    assert pixels[1] < low
