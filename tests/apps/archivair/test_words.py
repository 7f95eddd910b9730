"""Word boxes from the gaps in the ink, and their way back to the page image."""

from dataclasses import replace

import numpy as np
import pytest

from apps.archivair.assemble import PageGeometry, ReadPiece, assemble, realign
from apps.archivair.lines import TextBox, ink_mask
from apps.archivair.rendering import FONTS, load_font
from apps.archivair.vote import VotedLine
from apps.archivair.words import word_spans
from tests.apps.archivair.doubles import candidate, cleaned, draw_lines, ink_bands

TEXT = "Der Bauherr hat am 3. Mai unterschrieben"


def drawn(font="tinos", text=TEXT):
    gray = draw_lines([text], size=(1100, 160), top=50, left=80, font=font)
    return gray[50:95, 80:] < 128


def true_spans(font, text=TEXT):
    face, spans, before = load_font(font, 36), [], ""
    for word in text.split(" "):
        spans.append((face.getlength(before), face.getlength(before + word)))
        before += word + " "
    return spans


@pytest.mark.parametrize("font", FONTS)
def test_words_lie_where_they_were_drawn(font):
    found = word_spans(TEXT, drawn(font), 40, fixed_pitch=font == "courier_prime")
    for (left, right), (true_left, true_right) in zip(found, true_spans(font), strict=True):
        assert left == pytest.approx(true_left, abs=10)
        assert right == pytest.approx(true_right, abs=10)


def test_fewer_gaps_than_words_are_shared_out():
    ink = np.ones((20, 200), dtype=bool)
    spans = word_spans("eins zwei drei", ink, 20, fixed_pitch=True)
    assert [right > left for left, right in spans] == [True] * 3
    assert spans == sorted(spans)


def test_no_ink_and_one_word():
    blank = np.zeros((20, 100), dtype=bool)
    assert len(word_spans("eins zwei", blank, 20, fixed_pitch=False)) == 2
    assert word_spans("eins", blank, 20, fixed_pitch=False) == [(0, 100)]


def test_margins_follow_repairs():
    assert realign([1.0, 2.0, 3.0], "abc", "abc") == [1.0, 2.0, 3.0]
    assert realign([5.0, 6.0, 7.0], "a b", "ab") == [5.0, 7.0]
    assert realign([5.0, 6.0], "m2", "m²") == [5.0, 1.0]


def read_piece(box, text):
    voted = VotedLine(text, (4.0,) * len(text), 1.0, ("ppocr", "tesseract"))
    return ReadPiece(box, voted, (candidate("ppocr", text), candidate("tesseract", text)))


def assembled(texts, turns=0):
    gray = draw_lines(texts, size=(1200, 700))
    clean = cleaned(gray)
    boxes = [TextBox(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in sorted(
        ink_bands(gray), key=lambda band: band[1]
    )]  # fmt: skip
    width, height = (1200, 700) if turns % 2 == 0 else (700, 1200)
    geometry = PageGeometry(np.eye(2, 3), turns, width, height)
    pieces = [read_piece(box, text) for box, text in zip(boxes, texts, strict=True)]
    return assemble(pieces, ink_mask(clean), geometry, fixed_pitch=False), geometry


TEXTS = [TEXT, "Er sagt ,,gut und", 'schön" dazu (S 7', "Abs. 2) 84 m2"]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_words_stay_inside_the_page_whichever_way_it_lies(turns):
    blocks, geometry = assembled(TEXTS, turns)
    words = [word for block in blocks for line in block for word in line.words]
    assert len(words) == sum(len(text.split(" ")) for text in TEXTS)
    for word in words:
        left, top, right, bottom = word.box
        assert 0 <= left < right <= geometry.width
        assert 0 <= top < bottom <= geometry.height
        assert (right - left > bottom - top) == (turns % 2 == 0) or len(word.text) < 4


def test_quotes_and_signs_are_restored_over_lines():
    blocks, _ = assembled(TEXTS)
    lines = [line.text for block in blocks for line in block]
    assert lines[1:] == ["Er sagt „gut und", "schön“ dazu (§ 7", "Abs. 2) 84 m²"]


def test_a_repaired_character_lowers_the_confidence():
    (block,), _ = assembled([TEXT, "84 m2 groß"])
    repaired = next(word for word in block[1].words if word.text == "m²")
    assert repaired.confidence < block[0].words[1].confidence


def test_pieces_without_text_leave_no_line():
    box = TextBox(100, 100, 500, 140)
    empty = replace(read_piece(box, ""), voted=VotedLine("", (), 0.0, ()))
    ink = np.zeros((300, 600), dtype=bool)
    assert assemble([empty], ink, PageGeometry(np.eye(2, 3), 0, 600, 300), fixed_pitch=False) == ()
