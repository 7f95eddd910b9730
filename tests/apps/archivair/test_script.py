"""Typewriter or print, by the evenness of the pitch."""

import numpy as np
import pytest

from apps.archivair.rendering import FONTS, load_font
from apps.archivair.script import PlacedLine, detect_script, pitch_deviation

TEXTS = [
    "Auf Ihren Antrag vom dritten Mai wird Ihnen die Genehmigung erteilt",
    "Die geprüften Bauvorlagen sind Bestandteil dieses Bescheides und",
    "mit den Bauarbeiten darf erst nach der Abnahme begonnen werden",
    "Wir weisen darauf hin, daß diese Frist nicht verlängert wird",
]


def placed(font, texts=TEXTS, slip_px=0.0):
    drawn, rng = load_font(font, 40), np.random.default_rng(2)
    lines = []
    for text in texts:
        spans, x = [], 0.0
        for word in text.split(" "):
            left = x + rng.normal(0, slip_px)
            spans.append((left, left + drawn.getlength(word)))
            x += drawn.getlength(word + " ")
        lines.append(PlacedLine(text, tuple(spans)))
    return lines


@pytest.mark.parametrize("font", FONTS)
def test_fonts_are_told_apart(font):
    expected = "typewriter" if font == "courier_prime" else "antiqua"
    assert detect_script(placed(font)) == expected


def test_a_typewriter_may_slip():
    assert detect_script(placed("courier_prime", slip_px=3)) == "typewriter"


def test_a_misread_letter_does_not_matter():
    lines = placed("courier_prime")
    wrong = [PlacedLine(line.text.replace("Antrag", "Anrag"), line.spans) for line in lines]
    assert detect_script(wrong) == "typewriter"


def test_too_little_text_counts_as_print():
    assert detect_script([]) == "antiqua"
    assert detect_script(placed("courier_prime", ["Im Auftrag", "Größer"])) == "antiqua"
    assert pitch_deviation(placed("courier_prime", ["nur drei Wörter"])) == 1


def test_words_on_one_spot_have_no_pitch():
    line = PlacedLine("a b c d", ((5, 6), (5, 6), (5, 6), (5, 6)))
    assert detect_script([line] * 3) == "antiqua"
