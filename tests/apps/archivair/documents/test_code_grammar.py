"""Numbers of files in the ways of many offices, askew rows, and what a file says together."""

import math
from dataclasses import replace

import pytest

from apps.archivair.documents.code_grammar import code, figures_restored
from apps.archivair.documents.content import PageContent, PlacedLine
from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.file_vote import usual_value
from apps.archivair.documents.page_class import ClassifiedPage, by_document
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.patterns import default_patterns
from apps.archivair.documents.values import Surroundings
from tests.apps.archivair.documents.pages import PERMIT_1957, written_page

EVEN = ClassifiedPage((1 / len(class_ids()),) * len(class_ids()))


def numbers(text: str) -> list[str]:
    found = find_candidates([written_page(text)], [EVEN])
    return sorted({one.value for one in found if one.name == "aktenzeichen"})


@pytest.mark.parametrize(
    "number",
    [
        "63-1/00412/57", "L63-1219/55 (Nb)", "6 b - 115/66", "VI b 23/57", "Bauakte 1476/00",
        "M 1147/50", "A. III. Nr. 1147", "BV-2019-0345", "63 30 01 - 1234/19", "Nr. 345/57",
        "II/63.1 - 234/57", "BG_2019_0345", "345/57 II", "48.1224",
    ],
)  # fmt: skip
@pytest.mark.parametrize("row", ["Aktenzeichen: {}", "Aktenzeichen:      {}\nBauherr: Karl Eiche"])
def test_all_that_looks_like_a_number_behind_the_label_is_the_number(number: str, row: str) -> None:
    assert numbers(row.format(number)) == [number]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Az. 63-1/00412/57 vom 3. Mai 1957 wird genehmigt", "63-1/00412/57"),
        ("Az. 63-1/00412/57, den 03.05.57", "63-1/00412/57"),
        ("unter dem Aktenzeichen VI b 23/57 geführt", "VI b 23/57"),
    ],
)
def test_a_number_ends_where_the_sentence_goes_on(text: str, number: str) -> None:
    assert numbers(text) == [number]


@pytest.mark.parametrize("text", ["Az. 03.05.57", "Az. Zimmer 12", "Az. Herr Schmitz"])
def test_dates_rooms_and_names_are_no_numbers_of_files(text: str) -> None:
    assert numbers(text) == []


@pytest.mark.parametrize(
    ("read", "meant"),
    [("6l/1957", "61/1957"), ("B 3O5/57", "B 305/57"), ("12/O345", "12/0345"),
     ("III/4 B 12", "III/4 B 12"), ("12/57 O", "12/57 O")],
)  # fmt: skip
def test_letters_among_figures_are_figures(read: str, meant: str) -> None:
    assert figures_restored(read) == meant
    parts = code(read, 0, Surroundings())
    assert [(one.value, read[one.start : one.end]) for one in parts] == [(meant, read)]


def test_a_surely_read_number_follows_the_file_only_where_letters_look_like_its_figures() -> None:
    page = written_page("Az.: S12/57", confidence=0.99)
    one = next(each for each in find_candidates([page], [EVEN]) if each.name == "aktenzeichen")
    weighed = {"512/57": 3.0, "S12/57": 0.9}
    assert (one.value, usual_value(one, weighed, weighed)) == ("S12/57", "512/57")
    other = replace(one, value="513/57")
    weighed = {"512/57": 3.0, "513/57": 0.9}
    assert usual_value(other, weighed, weighed) == "513/57"


def askew(page: PageContent, degrees: float) -> PageContent:
    """Let all lines of a page fall to the right; boxes stay upright as engines give them."""
    fall = math.tan(math.radians(degrees))

    def moved(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        return box[0], box[1] + fall * box[0], box[2], box[3] + fall * box[2]

    lines = [
        PlacedLine(
            tuple(
                replace(word, box=moved(word.box), source_box=moved(word.box))
                for word in line.words
            ),
            line.block,
        )
        for line in page.lines
    ]
    return replace(page, lines=tuple(lines))


@pytest.mark.parametrize("degrees", [-4.0, -2.0, 2.0, 4.0])
def test_rows_of_a_form_that_lies_askew_stay_rows(degrees: float) -> None:
    page = askew(written_page(PERMIT_1957), degrees)
    found = {one.name: one.value for one in find_candidates([page], [EVEN])}
    assert (found["flur"], found["flurstueck_zaehler"], found["flurstueck_nenner"]) == (
        "3", "88", "2",
    )  # fmt: skip
    assert (found["bauherr"], found["hausnummer"]) == ("Karl Schmitz", "14a")


@pytest.mark.parametrize("read", ["FIur 3", "Flut: 3", "Flnr: 3", "Flvr 3"])
def test_a_short_label_of_figures_may_be_misread_for_letters_that_look_alike(read: str) -> None:
    (hit,) = default_patterns().find_labels(read)
    assert hit.rules == ("flur",)


def test_the_number_sign_may_be_misread() -> None:
    found = find_candidates([written_page("Flurstück Nt. 907\nFlur Rr. 31")], [EVEN])
    assert {one.name: one.value for one in found} == {"flurstueck_zaehler": "907", "flur": "31"}


def test_pages_of_a_document_say_together_which_class_it_is() -> None:
    ids = class_ids()
    first = ClassifiedPage(tuple(0.85 if one == "nachweis" else 0.15 / 19 for one in ids))
    second = ClassifiedPage(tuple(0.5 if one == "statik" else 0.5 / 19 for one in ids))
    blank = ClassifiedPage((0.0,) * len(ids))
    sure = ClassifiedPage(tuple(0.95 if one == "nachbar" else 0.05 / 19 for one in ids))
    joined = by_document([first, second, blank, second, sure, first], [1, 1, 1, 2, 3, 3])
    assert joined[4] == sure
    assert [one.best for one in (joined[0], joined[1], joined[3])] == [
        "nachweis", "nachweis", "statik",
    ]  # fmt: skip
    assert joined[2] == blank
    assert sum(joined[1].probabilities) == pytest.approx(1)
