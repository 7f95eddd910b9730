"""Vertical rules between columns: found, cut at, not read; stacked letters are none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from apps.archivair.clean import CleanPage
from apps.archivair.lines import TextBox
from apps.archivair.reading_order import Piece, order_lines
from apps.archivair.rules import cut_at_rules, find_rules
from tests.apps.archivair.doubles import draw_lines

TEXTS = ["Bauherr und Nachbar ....... 261"] * 12


def two_columns(*, ruled=True):
    left = draw_lines(TEXTS, size=(640, 900), left=60)
    right = draw_lines(TEXTS, size=(640, 900), left=30)
    gray = np.hstack([left[:, :590], right])
    if ruled:
        cv2.line(gray, (598, 110), (600, 840), 0, 3)
    return CleanPage(gray, 0.0, np.eye(2, 3), 128)


def bridging_boxes():
    return [TextBox(60, 122 + 60 * n, 1090, 162 + 60 * n, 0.0, 0.9) for n in range(12)]


def test_a_rule_is_found_where_it_stands():
    (rule,) = find_rules(two_columns().image < 128, 40)
    assert rule.x == pytest.approx(599, abs=4)
    assert (rule.top, rule.bottom) == (pytest.approx(110, abs=6), pytest.approx(840, abs=6))


def test_text_alone_has_no_rules():
    assert find_rules(two_columns(ruled=False).image < 128, 40) == []
    stacked = draw_lines(["IIIIlll||| tTlI"] * 20, size=(600, 900), pitch=38, font="courier_prime")
    assert find_rules(stacked < 128, 36) == []


def test_short_strokes_and_blots_are_no_rules():
    gray = two_columns(ruled=False).image.copy()
    cv2.line(gray, (595, 110), (595, 250), 0, 3)
    gray[300:800, 600:700] = 0
    assert find_rules(gray < 128, 40) == []


def test_pieces_are_cut_and_the_rule_is_taken_out():
    page = two_columns()
    without, cut, rules = cut_at_rules(page, bridging_boxes())
    assert len(rules) == 1
    assert len(cut) == 24
    assert all(box.right < 598 or box.left > 600 for box in cut)
    assert without.image[120:830, 590:608].min() > 200
    assert page.image[400, 599] == 0


def test_columns_with_a_rule_are_read_one_after_the_other():
    _, cut, rules = cut_at_rules(two_columns(), bridging_boxes())
    pieces = [Piece(box, TEXTS[0], number) for number, box in enumerate(cut)]
    blocks = order_lines(pieces, [rule.x for rule in rules])
    read = [part.box.left for block in blocks for row in block for part in row]
    assert [left > 600 for left in read] == [False] * 12 + [True] * 12


def test_a_page_without_rules_stays_as_it_is():
    page = two_columns(ruled=False)
    boxes = bridging_boxes()
    without, cut, rules = cut_at_rules(page, boxes)
    assert without is page
    assert (cut, rules) == (boxes, [])
    assert cut_at_rules(page, []) == (page, [], [])


def test_a_box_beside_a_rule_and_a_half_without_ink():
    page = two_columns()
    beside = TextBox(60, 122, 570, 162, 0.0, 0.9)
    empty = page.image.copy()
    empty[:, 602:] = 255
    _, cut, _ = cut_at_rules(replace(page, image=empty), [beside, *bridging_boxes()])
    assert len(cut) == 13
    assert cut[0] == beside
