"""Quality figures against cases worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from shapely.geometry import box

from shared.geo.metrics import (
    average_precision,
    brier_score,
    class_ious,
    confusion_shares,
    count_confusion,
    estimate_areas,
    expected_calibration_error,
    match_objects,
    mean_iou,
    wilson_interval,
)


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


def test_pixels_without_data_enter_no_count():
    mapped = np.array([[0, 0, 1], [1, 255, 0]], dtype=np.uint8)
    truth = np.array([[0, 1, 1], [1, 0, 255]], dtype=np.uint8)
    assert count_confusion(mapped, truth, 2).tolist() == [[1, 1], [0, 2]]


@pytest.mark.parametrize(("mapped", "truth"), [([0, 1], [0]), ([0, 3], [0, 1]), ([0, 1], [0, 3])])
def test_codes_that_cannot_be_compared_are_refused(mapped, truth):
    with pytest.raises(ValueError, match=r"compared|none of"):
        count_confusion(np.array(mapped, dtype=np.uint8), np.array(truth, dtype=np.uint8), 3)


def test_mean_iou_by_hand():
    # Class 0: 3 hits, 4 mapped, 5 true: 3/6. Class 1: 4 hits, 5 mapped, 5 true: 4/6. Class 2
    # occurs nowhere and does not count. Class 3 is mapped once and never true: 0.
    confusion = np.array([[3, 1, 0, 0], [1, 4, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
    assert class_ious(confusion) == (pytest.approx(3 / 6), pytest.approx(4 / 6), None, 0)
    assert mean_iou(confusion) == pytest.approx((3 / 6 + 4 / 6 + 0) / 3, abs=1e-6)
    assert mean_iou(np.zeros((2, 2), dtype=np.int64)) is None


def test_corrected_area_by_hand():
    # Mapped 30 m2 sealed, 70 m2 green; 10 points each. Sealed: 8 true; green: 1 is sealed.
    # Share sealed = 0.3 * 8/10 + 0.7 * 1/10 = 0.31, area 31 m2.
    # Variance = 0.09 * 0.8 * 0.2 / 9 + 0.49 * 0.1 * 0.9 / 9 = 0.0016 + 0.0049 = 0.0065.
    sealed, green = estimate_areas(np.array([[8, 2], [1, 9]]), [30, 70])
    half = 1.959963984540054 * 100 * math.sqrt(0.0065)
    assert sealed.area_m2 == pytest.approx(31, abs=1e-6)
    assert sealed.half_width_m2 == pytest.approx(half, abs=1e-6)
    assert sealed.interval_m2 == pytest.approx((31 - half, 31 + half), abs=1e-6)
    assert sealed.mapped_m2 == 30
    assert green.area_m2 == pytest.approx(69, abs=1e-6)
    assert green.half_width_m2 == pytest.approx(half, abs=1e-6)


def test_corrected_area_of_the_published_example():
    # Olofsson et al. 2014, table 8 and section 5.2: deforestation, forest gain, stable forest,
    # stable non-forest; pixels of 900 m2, areas and 95 % margins in hectares.
    confusion = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    mapped_m2 = [pixels * 900 for pixels in (200_000, 150_000, 3_200_000, 6_450_000)]
    estimates = estimate_areas(confusion, mapped_m2)
    areas_ha = [one.area_m2 / 1e4 for one in estimates]
    margins_ha = [one.half_width_m2 / 1e4 for one in estimates]
    assert areas_ha == pytest.approx([21_158, 11_686, 285_770, 581_386], abs=1)
    assert margins_ha == pytest.approx([6_158, 3_756, 15_510, 16_282], abs=1)


def test_confusion_shares_of_the_published_example():
    # Olofsson et al. 2014, table 9: shares of the area, and an overall accuracy of 0.95.
    confusion = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    shares = confusion_shares(confusion, [200_000, 150_000, 3_200_000, 6_450_000])
    published = [
        [0.0176, 0, 0.0013, 0.0011],
        [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    assert shares == pytest.approx(np.array(published), abs=5e-5)
    assert np.trace(shares) == pytest.approx(0.947, abs=5e-4)


def test_a_class_that_is_not_on_the_map_needs_no_points():
    estimates = estimate_areas(np.array([[9, 1], [0, 0]]), [100, 0])
    assert [one.area_m2 for one in estimates] == pytest.approx([90, 10])


def test_a_perfect_map_is_left_as_it_is():
    first, second = estimate_areas(np.array([[5, 0], [0, 7]]), [40, 60])
    assert (first.area_m2, first.half_width_m2) == (pytest.approx(40), 0)
    assert second.interval_m2 == pytest.approx((60, 60))


@pytest.mark.parametrize(
    ("confusion", "mapped_m2"),
    [
        ([[1, 0], [0, 5]], [10, 20]),
        ([[0, 0], [0, 5]], [10, 20]),
        ([[5, 0], [0, 5]], [10, -1]),
        ([[5, 0], [0, 5]], [0, 0]),
        ([[5, 0], [0, 5]], [1, 2, 3]),
    ],
)
def test_areas_that_nothing_can_be_said_about_are_refused(confusion, mapped_m2):
    with pytest.raises(ValueError, match=r"points|belong"):
        estimate_areas(np.array(confusion), mapped_m2)


counts = st.lists(st.integers(0, 50), min_size=9, max_size=9).map(
    lambda values: np.array(values).reshape(3, 3) + 2 * np.eye(3, dtype=np.int64)
)


@given(counts, st.lists(st.floats(1, 1e6), min_size=3, max_size=3))
def test_corrected_areas_add_up_to_the_map(confusion, mapped_m2):
    estimates = estimate_areas(confusion, mapped_m2)
    assert sum(one.area_m2 for one in estimates) == pytest.approx(sum(mapped_m2))
    assert all(one.half_width_m2 >= 0 <= one.interval_m2[0] for one in estimates)


def test_calibration_error_by_hand():
    # Two bins, closed above: 0.2 and 0.5 below, 0.6, 0.9 and 1.0 above.
    # Below: mean 0.35, half right, gap 0.15. Above: mean 2.5/3, 2 of 3 right, gap 0.5/3.
    value = expected_calibration_error(
        [0.2, 0.5, 0.6, 0.9, 1.0], [False, True, False, True, True], 2
    )
    assert value == pytest.approx(2 / 5 * 0.15 + 3 / 5 * 0.5 / 3, abs=1e-6)
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0
    assert expected_calibration_error([1.0], [False]) == 1
    assert expected_calibration_error([], []) is None


def test_brier_score_by_hand():
    # (0.1^2 + 0.6^2 + 1^2 + 0^2) / 4
    assert brier_score([0.9, 0.6, 1, 0], [True, False, False, False]) == pytest.approx(
        (0.01 + 0.36 + 1) / 4, abs=1e-6
    )
    assert brier_score([], []) is None


@pytest.mark.parametrize("measure", [expected_calibration_error, brier_score])
@pytest.mark.parametrize(
    ("stated", "came"), [([1.2], [True]), ([-0.1], [True]), ([math.nan], [True]), ([0.5], [])]
)
def test_what_is_no_probability_is_refused(measure, stated, came):
    with pytest.raises(ValueError, match="probabilit"):
        measure(stated, came)


def test_the_interval_ends_at_nothing_and_at_the_whole_map():
    """9 of 10 points of the one class are right: 0.9 +- 0.196 would pass 100 %."""
    big, small = estimate_areas(np.array([[9, 1], [0, 2]]), [99.0, 1.0])
    assert big.area_m2 + big.half_width_m2 > 100 > big.area_m2
    assert big.interval_m2[1] == 100
    assert small.area_m2 - small.half_width_m2 < 0
    assert small.interval_m2[0] == 0
    assert big.whole_m2 == small.whole_m2 == 100
