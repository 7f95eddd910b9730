"""Error rates by hand."""

import pytest

from apps.archivair.metrics import (
    LENIENT,
    ErrorCount,
    Norm,
    cer,
    expected_calibration_error,
    interval_95,
    normalize,
    pooled,
)


def test_edits_by_hand():
    assert cer("Keller", "Keler") == ErrorCount(1, 6)
    assert cer("Keller", "Kellner").rate == pytest.approx(1 / 6)
    assert cer("zwei\nZeilen", "zwei Zeilen").edits == 0
    assert cer("", "") == ErrorCount(0, 0)
    assert cer("", "x").rate == 1.0


def test_what_counts_as_equal():
    assert normalize(" a\n\n b ") == "a b"
    assert normalize("„Haus“ – ‚x‘", LENIENT) == "\"Haus\" - 'x'"
    assert normalize("Haſe", LENIENT) == "Hase"
    assert normalize("Straße", Norm(ignore_case=True)) == "strasse"
    assert normalize("A\u0308") == "Ä"
    assert cer("„Haus“", '"Haus"').edits == 2
    assert cer("„Haus“", '"Haus"', LENIENT).edits == 0


def test_pooled_pages_and_their_interval():
    counts = [ErrorCount(1, 100), ErrorCount(3, 300), ErrorCount(0, 100)]
    assert pooled(counts).rate == pytest.approx(0.008)
    low, high = interval_95(counts)
    assert 0 <= low <= 0.008 <= high <= 0.01
    assert interval_95(counts) == (low, high)


def test_calibration_error_by_hand():
    assert expected_calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0.0)
    assert expected_calibration_error([0.9, 0.9, 0.2, 0.2], [True, True, True, False], 2) == (
        pytest.approx(0.5 * abs(0.9 - 1.0) + 0.5 * abs(0.2 - 0.5))
    )
    assert expected_calibration_error([], []) == 0
