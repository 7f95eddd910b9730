"""Boxes of text: lines the detector merged or missed, crops with and without slope."""

import cv2
import numpy as np
import pytest

from apps.archivair.clean import CleanPage, clean_page
from apps.archivair.lines import (
    TextBox,
    crop_piece,
    find_lines,
    median_height,
    scale_to,
    x_height_px,
)
from tests.apps.archivair.doubles import draw_lines, ink_bands

TEXTS = ["Der Bauherr hat den Antrag gestellt.", "Die Genehmigung wird ihm erteilt.", "Im Auftrag"]
PAGE = draw_lines(TEXTS, size=(1000, 420))


def polygon(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=float)


def bands(gray=PAGE):
    return [(polygon(*band), 0.9) for band in ink_bands(gray)]


def untouched(gray):
    return CleanPage(gray, 0.0, np.eye(2, 3), 128)


def test_each_band_becomes_a_box():
    boxes = find_lines(clean_page(PAGE), bands())
    assert len(boxes) == 3
    assert all(20 < box.height < 60 for box in boxes)
    assert median_height(boxes) == pytest.approx(boxes[0].height, abs=8)
    assert 8 < x_height_px(boxes) < 25


def test_a_line_that_the_detector_missed_is_found():
    found = bands()
    boxes = find_lines(clean_page(PAGE), [found[0], found[2]])
    missed = [box for box in boxes if box.score == 0]
    middle = found[1][0][:, 1].mean()
    assert missed
    assert all(abs(box.middle - middle) < 15 for box in missed)
    assert sum(box.width for box in missed) > 0.8 * np.ptp(found[1][0][:, 0])


def test_a_pen_stroke_does_not_hide_a_missed_line():
    gray = PAGE.copy()
    found = bands()
    right = int(found[1][0][:, 0].max())
    cv2.line(gray, (right, 60), (right + 14, 330), 60, 3)
    boxes = find_lines(untouched(gray), [found[0], found[2]])
    assert sum(box.width for box in boxes if box.score == 0) > 0.7 * np.ptp(found[1][0][:, 0])


def test_rules_and_blots_are_no_lines():
    gray = PAGE.copy()
    gray[380:383, 50:950] = 0
    gray[200:330, 800:950] = 40
    boxes = find_lines(untouched(gray), bands())
    assert [box for box in boxes if box.score == 0] == []


def test_two_lines_in_one_polygon_are_cut():
    usual = [(polygon(100, 400 + 60 * n, 900, 440 + 60 * n), 0.9) for n in range(6)]
    tall = PAGE.copy()
    sheet = np.full((900, 1000), 255, dtype=np.uint8)
    sheet[: tall.shape[0]] = tall
    joined = polygon(120, 122, 700, 222)
    pieces = [box for box in find_lines(untouched(sheet), [(joined, 0.9), *usual])]
    first = sorted(pieces, key=lambda box: box.middle)[:2]
    assert first[0].bottom <= first[1].top + 1
    assert first[0].height < 65


def test_no_polygons_no_lines():
    assert find_lines(clean_page(PAGE), []) == []


def test_degenerate_polygons_are_left_out():
    flat = polygon(10, 10, 10, 40)
    triangle = np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 9.0]])
    assert find_lines(clean_page(PAGE), [(flat, 0.9), (triangle, 0.9)]) == []


def test_a_crop_reaches_over_the_edge_in_white():
    crop = crop_piece(PAGE, TextBox(-30, -10, 100, 30), 0.2)
    assert crop.shape[0] == pytest.approx(56, abs=1)
    assert crop[0, 0] == 255


def test_a_sloping_piece_is_cut_straight():
    gray = np.full((300, 900), 255, dtype=np.uint8)
    cv2.line(gray, (100, 140), (800, 160), 0, 5)
    box = TextBox(100, 130, 800, 170, slope=20 / 700)
    crop = crop_piece(gray, box, 0.0)
    rows = np.nonzero((crop < 128).any(axis=1))[0]
    assert np.ptp(rows) < 10


def test_scaling_by_the_height_of_the_line():
    assert scale_to(np.full((60, 300), 255, np.uint8), 50, 40).shape == (75, 375)
    assert scale_to(np.full((2, 2), 255, np.uint8), 1, 500).shape == (4, 4)


def test_a_large_headline_stays_one_line():
    """Above its small letters only capitals have ink; that is no gap between two lines."""
    sheet = draw_lines(["Bauaufsichtliche Akte"], size=(1100, 900), top=100, size_px=64)
    usual = [(polygon(100, 400 + 60 * n, 900, 440 + 60 * n), 0.9) for n in range(6)]
    rows, columns = np.nonzero(sheet < 128)
    headline = polygon(columns.min() - 8, rows.min() - 14, columns.max() + 8, rows.max() + 14)
    found = find_lines(untouched(sheet), [(headline, 0.9), *usual])
    (kept,) = [one for one in found if one.top < 300 and one.score > 0]
    assert kept.height == pytest.approx(np.ptp(headline[:, 1]))
