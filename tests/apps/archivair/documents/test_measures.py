import pytest

from apps.archivair.documents.measures import (
    boundary_score,
    caught_by_review,
    document_spans,
    exact_document_score,
    exact_match,
    macro_f1,
    panoptic_quality,
    perfect_share,
)

TRUE = [[True, False, True, False, False, True]]
FOUND = [[True, False, True, False, True, True]]


def test_documents_lie_between_cuts() -> None:
    assert document_spans([False, False, True]) == [(0, 1), (2, 2)]


def test_boundaries_and_documents_by_hand() -> None:
    boundary = boundary_score(FOUND, TRUE)
    assert (boundary.hits, boundary.found, boundary.true) == (2, 3, 2)
    assert boundary.f1 == pytest.approx(0.8)
    exact = exact_document_score(FOUND, TRUE)
    assert (exact.hits, exact.found, exact.true) == (2, 4, 3)


def test_panoptic_quality_by_hand() -> None:
    # Matched: (0,1) and (5,5) wholly, (2,3) with 2 of 3 pages; (4,4) is left over.
    assert panoptic_quality(FOUND, TRUE) == pytest.approx((1 + 1 + 2 / 3) / 3.5)
    assert panoptic_quality(TRUE, TRUE) == 1.0


def test_perfect_streams() -> None:
    assert perfect_share([*FOUND, *TRUE], [*TRUE, *TRUE]) == 0.5


def test_macro_f1_weighs_classes_alike() -> None:
    assert macro_f1(["a", "a", "b"], ["a", "a", "a"]) == pytest.approx(0.8)
    assert macro_f1(["a", "b"], ["a", "a"]) == pytest.approx(2 / 3)


def test_exact_match_counts_wrong_missing_and_invented_fields() -> None:
    found = [{"flur": "7", "plz": "4567"}, {"flur": "8"}]
    true = [{"flur": frozenset({"7"})}, {"flur": frozenset({"9", "10"}), "ort": frozenset({"X"})}]
    scores = exact_match(found, true)
    assert (scores["flur"].hits, scores["flur"].found, scores["flur"].true) == (1, 2, 2)
    assert (scores["plz"].hits, scores["plz"].true) == (0, 0)
    assert (scores["ort"].found, scores["ort"].true) == (0, 1)


def test_review_catches_errors_among_the_least_certain() -> None:
    sure, right = [0.1, 0.9, 0.8, 0.2], [False, True, False, True]
    assert caught_by_review(sure, right, 0.25) == 0.5
    assert caught_by_review(sure, [True] * 4, 0.25) == 1.0
