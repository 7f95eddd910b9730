"""Findings about a scan and which pages a person should look at."""

from dataclasses import replace

import numpy as np

from apps.archivair.clean import CleanPage, clean_page
from apps.archivair.lines import TextBox
from apps.archivair.quality import (
    LOW_CONFIDENCE,
    NO_TESSERACT,
    NO_TEXT,
    check_page,
    is_blank,
    is_unsure,
    needs_review,
)
from tests.apps.archivair.doubles import draw_lines, reading


def clean(gray, **more):
    return replace(clean_page(gray), **more)


def boxes(height):
    return [TextBox(100, 100 + 60 * n, 900, 100 + 60 * n + height, 0.0, 0.9) for n in range(5)]


def codes(findings):
    return [finding.code for finding in findings]


def test_blank_paper_with_noise_and_dust():
    rng = np.random.default_rng(1)
    paper = np.clip(rng.normal(225, 6, (1100, 800)), 0, 255).astype(np.uint8)
    assert is_blank(clean_page(paper))
    paper[500:502, 300:302] = 20
    assert is_blank(clean_page(paper))


def test_a_single_line_is_not_blank():
    assert not is_blank(clean_page(draw_lines(["Im Auftrag"], size=(800, 1100))))


def test_a_good_page_has_no_findings():
    assert check_page(clean(draw_lines(["Text"] * 5)), boxes(36), 0) == []


def test_turned_small_tilted_and_negative_pages_say_so():
    page = CleanPage(np.full((50, 50), 255, np.uint8), 12.0, np.eye(2, 3), 128, negative=True)
    found = check_page(page, boxes(14), 180)
    assert codes(found) == ["negativ", "kopfstehend", "zu_klein", "schief"]
    assert "180 Grad" in found[1].german


def test_review_is_asked_for_unsure_words_and_hints():
    sure = reading([["Der Bauherr ist zufrieden"]])
    assert not needs_review(sure)
    word = replace(sure.lines[0].words[0], confidence=0.3)
    line = replace(sure.lines[0], words=(word, *sure.lines[0].words[1:]))
    unsure = replace(sure, blocks=((line,),))
    assert is_unsure(unsure)
    assert needs_review(unsure)
    assert needs_review(replace(sure, findings=(NO_TEXT,)))
    assert needs_review(replace(sure, findings=(LOW_CONFIDENCE,)))


def test_a_missing_second_engine_alone_asks_nobody():
    assert not needs_review(replace(reading([["Text"]]), findings=(NO_TESSERACT,)))
    assert not needs_review(reading([]))
