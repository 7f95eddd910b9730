"""Handwriting is never read, print is never left out for it."""

import cv2
import numpy as np
import pytest

from apps.archivair.assemble import ReadPiece
from apps.archivair.handwriting import sort_out_handwriting
from apps.archivair.lines import TextBox
from apps.archivair.pipeline import read_page
from apps.archivair.vote import vote
from tests.apps.archivair.doubles import InkReader, candidate, cleaned, draw_lines, engines, page


def scrawl(gray, x, y, width, height=26):
    """Draw loops that hang together like a written word."""
    t = np.linspace(0, 2 * np.pi * width / height, 400)
    points = np.stack([x + t / t[-1] * width + 8 * np.sin(t), y - height * (1 - np.cos(t)) / 2], 1)
    cv2.polylines(gray, [points.astype(np.int32)], False, 40, 3, cv2.LINE_AA)


@pytest.fixture
def mixed():
    """Return a page with four printed lines and two written ones, and a box for each."""
    gray = draw_lines(["Der Bauherr ist mit allem zufrieden"] * 4).copy()
    boxes = [TextBox(118, 118 + 60 * n, 760, 162 + 60 * n, 0.0, 0.9) for n in range(4)]
    for number in range(2):
        y = 600 + 60 * number
        for x in range(150, 700, 190):
            scrawl(gray, x, y, 160)
        boxes.append(TextBox(140, y - 36, 720, y + 10, 0.0, 0.9))
    return cleaned(gray), boxes


def pieces(boxes, score, text="eeleele leele ele", other=None):
    made = []
    for number, box in enumerate(boxes):
        printed = number < 4
        read = [
            candidate("ppocr", "Der Bauherr ist" if printed else text, 0.98 if printed else score)
        ]
        if other is not None:
            read.append(candidate("tesseract", other))
        made.append(ReadPiece(box, vote(read), tuple(read)))
    return made


def test_written_lines_are_left_out_and_print_stays(mixed):
    clean, boxes = mixed
    found = sort_out_handwriting(clean, boxes, pieces(boxes, 0.7))
    assert [piece.box for piece in found.print] == boxes[:4]
    assert found.handwriting == boxes[4:]


def test_what_two_engines_read_alike_is_print_however_unsure(mixed):
    clean, boxes = mixed
    read = pieces(boxes, 0.7, text="Im Auftrag", other="Im Auftraq")
    assert len(sort_out_handwriting(clean, boxes, read).print) == 6


def test_worn_print_whose_letters_stand_apart_stays(mixed):
    clean, boxes = mixed
    read = [candidate("ppocr", "Dcr Bauhcrr", 0.7)]
    worn = [ReadPiece(box, vote(read), tuple(read)) for box in boxes[:4]]
    found = sort_out_handwriting(clean, boxes[:4], worn)
    assert (len(found.print), found.handwriting) == (4, [])


def test_writing_that_nobody_could_read_is_still_named(mixed):
    clean, boxes = mixed
    found = sort_out_handwriting(clean, boxes, pieces(boxes[:4], 0.7))
    assert len(found.print) == 4
    assert found.handwriting == boxes[4:]


def typed_cell(ruled):
    """A short formula in the corner of a table, which no engine reads surely, and its box."""
    gray = draw_lines(["q l2 / 8"], size=(900, 500), left=330, top=200, font="courier_prime").copy()
    if ruled:
        gray[100:245, 322:325] = 30
        gray[242:245, 100:700] = 30
    return cleaned(gray), TextBox(324, 198, 510, 243, 0.0, 0.9)


@pytest.mark.parametrize("ruled", [False, True])
def test_the_rules_of_a_table_do_not_make_print_cursive(ruled):
    clean, box = typed_cell(ruled=ruled)
    read = [candidate("ppocr", "q 12 1 8", 0.8)]
    found = sort_out_handwriting(clean, [box], [ReadPiece(box, vote(read), tuple(read))])
    assert (len(found.print), found.handwriting) == (1, [])


def test_a_page_says_that_it_holds_handwriting(mixed):
    gray = draw_lines([]).copy()
    for y in (300, 420):
        for x in (200, 430):
            scrawl(gray, x, y, 170, height=40)
    found = read_page(page(gray), engines(InkReader(text="eeleele", score=0.5)))
    assert found.characters == 0
    assert found.handwriting
    assert "handschrift" in [finding.code for finding in found.findings]
    left, top, right, bottom = found.handwriting[0]
    assert 0 <= left < right <= found.width
    assert 0 <= top < bottom <= found.height
