"""Which way up: lying or standing text, then what reads better."""

import numpy as np

from apps.archivair.lines import TextBox
from apps.archivair.orientation import is_upside_down, stands_on_side
from tests.apps.archivair.doubles import candidate

BOXES = [TextBox(100, 100 + 40 * n, 700, 130 + 40 * n, 0.0, 0.9) for n in range(12)]
CROP = np.tile(np.arange(60, dtype=np.uint8), (30, 1))


def corners(width, height):
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)


class Reads:
    """Reads well when the first pixel is what it expects; counts its crops."""

    def __init__(self, well_when_first_is, good=0.97, bad=0.6, text="Baugenehmigung"):
        self.first, self.good, self.bad, self.text = well_when_first_is, good, bad, text
        self.crops = 0

    def __call__(self, crops):
        self.crops += len(crops)
        return [
            candidate("ppocr", self.text, self.good if crop[0, 0] == self.first else self.bad)
            for crop in crops
        ]


def test_standing_text_is_seen():
    assert stands_on_side([(corners(20, 400), 0.9)] * 8 + [(corners(300, 20), 0.9)])
    assert not stands_on_side([(corners(400, 20), 0.9)] * 8 + [(corners(20, 200), 0.9)])
    assert not stands_on_side([])


def test_an_upright_page_is_read_once():
    reads = Reads(well_when_first_is=0)
    assert not is_upside_down(BOXES, lambda box: CROP, reads)
    assert reads.crops == 5


def test_an_upside_down_page_is_seen():
    assert is_upside_down(BOXES, lambda box: CROP, Reads(well_when_first_is=59))


def test_close_calls_look_at_more_lines():
    reads = Reads(well_when_first_is=59, good=0.80, bad=0.75)
    assert is_upside_down(BOXES, lambda box: CROP, reads)
    assert reads.crops == 20


def test_signs_without_letters_do_not_count():
    reads = Reads(well_when_first_is=59, text="- . -")
    assert not is_upside_down(BOXES, lambda box: CROP, reads)
