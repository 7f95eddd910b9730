"""Quality figures against cases worked out by hand."""

import pytest
from shapely.geometry import box

from shared.geo.metrics import average_precision, match_objects, wilson_interval


def test_average_precision_by_hand():
    # Ranked: hit, miss, hit, miss, hit of 4 true ones.
    # Precision at the hits: 1, 2/3, 3/5; recall steps of 1/4 each; the fourth is never found.
    value = average_precision([0.9, 0.8, 0.7, 0.6, 0.5], [True, False, True, False, True], 4)
    assert value == pytest.approx((1 + 2 / 3 + 3 / 5) / 4, abs=1e-9)


def test_average_precision_uses_the_best_later_precision():
    # Precision 0, 1/2, 2/3: the envelope lifts the first step to 2/3.
    assert average_precision([3, 2, 1], [False, True, True], 2) == pytest.approx(2 / 3, abs=1e-9)


def test_average_precision_at_its_ends():
    assert average_precision([0.5, 0.4], [True, True], 2) == pytest.approx(1)
    assert average_precision([0.5], [False], 3) == 0
    assert average_precision([], [], 3) == 0
    assert average_precision([], [], 0) is None


def test_every_true_object_counts_once():
    truth = [box(0, 0, 10, 10), box(20, 0, 30, 10)]
    found = [box(0, 0, 10, 9), box(0, 0, 10, 10), box(21, 0, 31, 10), box(50, 0, 60, 10)]
    matches = match_objects(found, [0.5, 0.9, 0.8, 0.7], truth, 0.5)
    assert matches.hits == (None, 0, 1, None)
    assert (matches.correct, matches.false, matches.missed) == (2, 2, ())


def test_too_little_overlap_is_a_miss():
    matches = match_objects([box(0, 0, 10, 10)], [0.9], [box(6, 0, 16, 10)], 0.5)
    assert (matches.hits, matches.missed) == ((None,), (0,))


def test_wilson_interval_of_a_textbook_case():
    # 8 of 10: Brown, Cai, DasGupta 2001, doi:10.1214/ss/1009213286, form (4).
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson_interval(0, 0) is None
    assert wilson_interval(0, 10)[0] == 0
