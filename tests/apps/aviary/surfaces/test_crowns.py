"""Crowns on surfaces made by hand."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from apps.aviary.surfaces.crowns import Parting, find_crowns, radius_surface, without_hedges

ROWS, COLUMNS = np.mgrid[0:60, 0:100]


def disc(x, y, radius):
    return (COLUMNS - x) ** 2 + (ROWS - y) ** 2 <= radius**2


def dome(x, y, radius, height):
    rest = 1 - ((COLUMNS - x) ** 2 + (ROWS - y) ** 2) / radius**2
    return (height * np.sqrt(np.maximum(0, rest))).astype(np.float32)


def by_radius(trees, share=0.1, smoothing=1.0):
    return find_crowns(trees, radius_surface(trees), smoothing, Parting(share, 0.0))


def test_two_crowns_that_touch_are_parted_where_they_meet():
    labels = by_radius(disc(30, 30, 15) | disc(56, 30, 15))
    assert labels.max() == 2
    assert labels[30, 30] != labels[30, 56]
    assert labels[30, 41] == labels[30, 30]
    assert labels[30, 45] == labels[30, 56]


def test_a_dented_crown_stays_one():
    assert by_radius(disc(45, 30, 15) | disc(52, 30, 15)).max() == 1


def test_heights_part_what_the_outline_does_not():
    trees = disc(45, 30, 16) | disc(55, 30, 16)
    heights = np.maximum(dome(42, 30, 14, 10), dome(60, 30, 12, 8)) + trees
    labels = find_crowns(trees, heights, 0.0, Parting(0.0, 0.3))
    assert labels.max() == 2
    assert by_radius(trees).max() == 1


def test_a_twig_that_rises_less_is_no_tree_of_its_own():
    heights = dome(50, 30, 25, 10)
    heights[30, 60] += 0.2
    heights[30, 40] += 3.0
    trees = heights > 0
    assert find_crowns(trees, heights, 0.0, Parting(0.0, 0.3)).max() == 2


def test_hedges_go_and_the_crown_on_them_stays():
    hedge = (ROWS >= 28) & (ROWS < 33)
    left = without_hedges(hedge | disc(50, 30, 12), 4.0)
    assert not left[30, 10]
    assert left[30, 50]
    assert left.sum() == pytest.approx(disc(50, 30, 12).sum(), rel=0.05)


@pytest.mark.parametrize("trees", [np.zeros((5, 7), bool), np.zeros((1, 1), bool)])
def test_no_tree_no_crown(trees):
    assert by_radius(trees).max() == 0
    assert not without_hedges(trees, 2.0).any()


def test_all_tree_is_one_crown():
    assert by_radius(np.ones((1, 1), bool)).tolist() == [[1]]
    assert by_radius(np.ones((9, 9), bool)).max() == 1


@given(
    trees=arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))),
    share=st.floats(0, 0.5),
)
def test_every_tree_pixel_belongs_to_one_crown_and_numbers_have_no_gaps(trees, share):
    labels = by_radius(trees, share)
    assert ((labels > 0) == trees).all()
    assert set(np.unique(labels[trees])) == set(range(1, labels.max() + 1))
