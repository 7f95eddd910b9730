"""The text layer reads the same by order and by place, also where boxes touch or overlap."""

import io

import numpy as np
import pdfplumber
import pytest

from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.archive_files.pdfa import write_pdfa
from tests.apps.archivair.archive_files.files import FACTS


def texts(*lines):
    page = ArchivePage(np.full((400, 900), 255, np.uint8), 200.0, tuple(lines))
    with pdfplumber.open(io.BytesIO(write_pdfa([page], FACTS))) as pdf:
        (shown,) = pdf.pages
        return (shown.extract_text() or "").split(), shown.extract_text(use_text_flow=True).split()


def word(text, left, right, top=100):
    return PageWord(text, (left, top, right, top + 30))


@pytest.mark.parametrize(
    "line",
    [
        (word("N", 60, 90), word("Gefertigt", 90, 260), word("nach", 262, 330)),
        (word("8", 60, 95), word("EN", 80, 120)),
        (word("33.", 60, 130), word("De", 62, 100), word(";", 64, 90)),
    ],
)
def test_touching_and_overlapping_words_stay_words(line):
    expected = [one.text for one in line]
    assert texts(line) == (expected, expected)


def test_a_line_that_begins_beside_another_one_is_no_part_of_its_word():
    lines = (word("M", 60, 90),), (word("Musterstadt", 92, 300, top=101),)
    assert texts(*lines)[1] == ["M", "Musterstadt"]


def test_lines_of_a_tilted_page_stay_apart():
    names = ("Bauherr", "Eiche", "zahlt", "Gebühren", "heute")
    lines = [
        tuple(word(f"{name}{row}", 60 + 160 * at, 200 + 160 * at, top=60 + 36 * row + 9 * at)
              for at, name in enumerate(names))
        for row in range(6)
    ]  # fmt: skip
    expected = [one.text for line in lines for one in line]
    assert texts(*lines) == (expected, expected)
