from pathlib import Path

import numpy as np
import pytest

from apps.archivair.documents.content import turn_box
from apps.archivair.documents.look import measure_look
from apps.archivair.documents.noise import spoil_page
from apps.archivair.documents.page_class import (
    ClassifiedPage,
    PageClassifier,
    load_page_classifier,
    read_classifier,
    save_classifier,
)
from apps.archivair.documents.page_classes import class_ids, page_classes
from apps.archivair.documents.page_features import (
    BUCKETS,
    class_words,
    layout_numbers,
    letter_counts,
    page_numbers,
)
from shared.demo_city import PAGE_CLASSES
from tests.apps.archivair.documents.pages import (
    ACCEPTANCE_1961,
    APPLICATION_2018,
    PERMIT_1957,
    PETITION_1905,
    blank_page,
    written_page,
)

CHARGE = """
Gebührenbescheid

Für die Erteilung der Baugenehmigung wird eine Gebühr von 184,50 DM festgesetzt.
Der Betrag ist unter Angabe des Kassenzeichens 4711 an die Stadtkasse zu zahlen.
"""
STATICS = """
Statische Berechnung

Pos. 1 Sparren   Eigengewicht 0,75 kN/m², Schnee 0,75 kN/m²
Mmax = 3,4 kNm   zul. Durchbiegung l/300
Stahlbeton nach DIN 1045, Lasten nach DIN 1055
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PETITION_1905, "bauantrag"),
        (PERMIT_1957, "genehmigung"),
        (ACCEPTANCE_1961, "abnahme"),
        (APPLICATION_2018, "bauantrag"),
        (CHARGE, "gebuehr"),
        (STATICS, "statik"),
    ],
)
def test_hand_written_pages_of_all_eras(text: str, expected: str) -> None:
    page = written_page(text)
    misread = spoil_page(page, 0.04, np.random.default_rng(3))
    found = load_page_classifier().classify([page, misread])
    assert [one.best for one in found] == [expected, expected]


def test_probabilities_sum_to_one_and_blank_pages_have_none() -> None:
    found = load_page_classifier().classify([written_page(CHARGE), blank_page(2)])
    assert sum(found[0].probabilities) == pytest.approx(1.0)
    assert sum(found[1].probabilities) == 0.0


def test_a_page_without_text_is_classified_by_its_look() -> None:
    image = np.full((1400, 1000), 255, dtype=np.uint8)
    image[200:1200:100, 100:900] = 0
    page = written_page("")
    found = load_page_classifier().classify([page])
    assert page.lines == ()
    assert sum(found[0].probabilities) == pytest.approx(1.0)
    assert measure_look(image).across > 0.9


def test_an_unsure_page_is_unclear() -> None:
    even = ClassifiedPage((1 / 20,) * 20)
    assert even.label == "unklar"
    sure = ClassifiedPage((0.9, *[0.1 / 19] * 19))
    assert sure.label == class_ids()[0] == "deckblatt"


def test_weights_survive_their_file(tmp_path: Path) -> None:
    fitted = load_page_classifier()
    save_classifier(fitted, tmp_path / "x.npz")
    again = read_classifier(tmp_path / "x.npz")
    pages = [written_page(text) for text in (CHARGE, STATICS, PERMIT_1957)]
    for one, other in zip(fitted.classify(pages), again.classify(pages), strict=True):
        assert np.allclose(one.probabilities, other.probabilities, atol=0.01)


def test_weights_of_other_classes_are_refused(tmp_path: Path) -> None:
    empty = np.zeros(0)
    odd = PageClassifier(np.zeros(4), empty, empty, np.zeros((5, 3)))
    save_classifier(odd, tmp_path / "x.npz")
    with pytest.raises(ValueError, match="train again"):
        read_classifier(tmp_path / "x.npz")


def test_the_twenty_classes_are_those_of_the_demo_city() -> None:
    assert class_ids() == tuple(PAGE_CLASSES)
    assert all(one.title and one.titles and one.words for one in page_classes())


def test_letters_are_hashed_alike_whatever_the_figures_and_the_s() -> None:
    one, counts = letter_counts("Wohnhauſes 1905")
    other, _ = letter_counts("wohnhauses 1957")
    assert one.tolist() == other.tolist()
    assert one.max() < BUCKETS
    assert counts.sum() == 4 * len(" wohnhauses 0000 ") - (1 + 2 + 3 + 4)
    assert letter_counts("")[0].size == 0


def test_headings_and_words_point_to_their_class() -> None:
    scores = class_words(written_page(CHARGE))
    number = class_ids().index("gebuehr")
    assert scores[2 * number] == max(scores[::2])
    assert scores[2 * number + 1] == max(scores[1::2])


def test_pages_with_and_without_text_have_equally_many_numbers() -> None:
    assert len(layout_numbers(written_page(CHARGE))) == len(layout_numbers(written_page("")))
    assert len(page_numbers(blank_page(1)).others) == len(page_numbers(written_page(CHARGE)).others)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_boxes_turn_with_their_page(turn: int) -> None:
    image = np.zeros((30, 20), dtype=np.uint8)
    image[3:7, 5:15] = 1
    turned = np.rot90(image, -(turn // 90))
    left, top, right, bottom = (int(value) for value in turn_box((5, 3, 15, 7), 20, 30, turn))
    assert turned[top:bottom, left:right].all()
    assert turned.sum() == (bottom - top) * (right - left)


def test_simulated_errors_have_the_asked_rate_and_keep_boxes() -> None:
    page = written_page(PERMIT_1957)
    spoilt = spoil_page(page, 0.1, np.random.default_rng(1))
    assert spoil_page(page, 0.0, np.random.default_rng(1)) is page
    assert spoilt.text != page.text
    boxes = {word.box for line in page.lines for word in line.words}
    kept = [word.box in boxes for line in spoilt.lines for word in line.words]
    assert sum(kept) > 0.9 * len(kept)
