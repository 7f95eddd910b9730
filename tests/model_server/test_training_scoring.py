"""Average precision, thresholds and calibration against numbers worked out by hand."""

import numpy as np
import pytest

from model_server.training.prediction import Detections
from model_server.training.scoring import (
    Matches,
    average_precision,
    best_point,
    bootstrap_interval,
    calibrate,
    calibration_error,
    fit_platt,
    intersection_over_union,
    match,
    point_at,
)

TRUTH = np.array([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])


def found(*rows: tuple[float, float, float, float, float]) -> Detections:
    array = np.array(rows, dtype=float).reshape(-1, 5)
    return Detections(array[:, :4], array[:, 4])


def test_overlap_of_boxes():
    # 10 x 10 and 10 x 10 moved by 5: 50 shared, 150 together; apart: 0; equal: 1.
    boxes = np.array([[5.0, 0.0, 15.0, 10.0], [20.0, 0.0, 30.0, 10.0], [0.0, 0.0, 10.0, 10.0]])
    np.testing.assert_allclose(intersection_over_union(TRUTH[:1], boxes), [[1 / 3, 0, 1]])


def test_overlap_with_an_empty_box_is_zero():
    assert intersection_over_union(np.zeros((1, 4)), np.zeros((1, 4)))[0, 0] == 0


def test_average_precision_by_hand():
    # Best first: right, wrong, right. Precision 1, 1/2, 2/3; recall 1/2, 1/2, 1.
    # Monotone precision 1, 2/3, 2/3: area = 1/2 * 1 + 1/2 * 2/3 = 5/6.
    detections = found((0, 0, 10, 10, 0.9), (50, 50, 60, 60, 0.8), (20, 0, 30, 10, 0.7))
    assert average_precision(match([(detections, TRUTH)])) == pytest.approx(5 / 6)


def test_a_second_hit_on_the_same_box_is_wrong():
    detections = found((0, 0, 10, 10, 0.9), (0, 0, 10, 9, 0.8))
    matches = match([(detections, TRUTH)])
    assert matches.correct.tolist() == [True, False]
    # Recall 1/2 at precision 1; the double adds nothing.
    assert average_precision(matches) == pytest.approx(0.5)


def test_each_detection_takes_the_free_box_it_covers_best():
    truth = np.array([[0.0, 0.0, 10.0, 10.0], [0.0, 2.0, 10.0, 12.0]])
    detections = found((0, 2, 10, 12, 0.9), (0, 1, 10, 11, 0.8))
    assert match([(detections, truth)]).correct.tolist() == [True, True]


def test_overlap_of_exactly_one_half_counts():
    truth = np.array([[0.0, 0.0, 10.0, 10.0]])
    assert match([(found((0, 0, 10, 5, 0.9)), truth)]).correct.tolist() == [True]
    assert match([(found((0, 0, 10, 4.9, 0.9)), truth)]).correct.tolist() == [False]


def test_scores_are_ranked_over_all_images():
    empty = np.zeros((0, 4))
    images = [(found((0, 0, 10, 10, 0.5)), TRUTH), (found((0, 0, 10, 10, 0.9)), empty)]
    # The false alarm of the second image stands first: precision 1/2 at recall 1/2.
    assert average_precision(match(images)) == pytest.approx(0.25)


def test_nothing_found_gives_zero_and_no_truth_is_refused():
    assert average_precision(match([(found(), TRUTH)])) == 0
    with pytest.raises(ValueError, match="true box"):
        average_precision(match([(found((0, 0, 1, 1, 0.5)), np.zeros((0, 4)))]))


def test_precision_recall_and_best_threshold():
    scores, correct = np.array([0.9, 0.8, 0.6, 0.3]), np.array([True, True, False, True])
    matches = Matches(scores, correct, truth_count=4)
    point = point_at(matches, 0.5)
    assert (point.precision, point.recall) == (pytest.approx(2 / 3), pytest.approx(1 / 2))
    assert point.f1 == pytest.approx(4 / 7)
    # F1: 2/3 for two reported (0.61-0.80), 4/7 for three, 3/4 for all four (0.01-0.30).
    best = best_point(matches)
    assert (best.min_score, best.f1) == (0.01, pytest.approx(3 / 4))
    assert point_at(matches, 0.95).precision == 0


def test_platt_recovers_a_known_curve():
    random = np.random.default_rng(1)
    scores = random.uniform(0.02, 0.98, 20_000)
    logits = np.log(scores / (1 - scores))
    truth = random.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits + 1)))
    order = np.argsort(-scores)
    matches = Matches(scores[order], truth[order], int(truth.sum()))
    slope, offset = fit_platt(matches)
    assert (slope, offset) == (pytest.approx(0.5, abs=0.05), pytest.approx(1, abs=0.05))
    assert calibration_error(matches) > 0.1
    calibrated = calibrate(matches, slope, offset)
    assert calibration_error(calibrated) < 0.02
    assert average_precision(calibrated) == pytest.approx(average_precision(matches))


def test_platt_changes_nothing_without_both_outcomes():
    assert fit_platt(Matches(np.array([0.9]), np.array([True]), 1)) == (1.0, 0.0)


def test_calibration_error_by_hand():
    # Bin 0.9: mean score 0.9, half right: gap 0.4 on 2 of 3; bin 0.2: gap 0.2 on 1 of 3.
    matches = Matches(np.array([0.92, 0.92, 0.2]), np.array([True, False, False]), 1)
    assert calibration_error(matches) == pytest.approx((2 * 0.42 + 0.2) / 3)


def test_the_interval_repeats_and_holds_the_value():
    good = [(found((0, 0, 10, 10, 0.9), (20, 0, 30, 10, 0.8)), TRUTH)]
    poor = [(found((0, 0, 10, 10, 0.7)), TRUTH)]
    low, high = bootstrap_interval([good, poor, good], seed=3, draws=200)
    assert (low, high) == bootstrap_interval([good, poor, good], seed=3, draws=200)
    assert 0.5 <= low < average_precision(match([*good, *poor, *good])) < high <= 1
