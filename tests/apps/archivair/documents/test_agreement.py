"""What the pages of a file say together: letters by vote, strokes of parcels, figures."""

from collections.abc import Sequence

import pytest

from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.field_confidence import ASKED_BELOW, choose_fields, review_threshold
from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.file_vote import centrality, voted_spelling
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.parcels import with_strokes
from tests.apps.archivair.documents.pages import PERMIT_1957, written_page

PERMIT = ClassifiedPage(tuple(0.9 if one == "genehmigung" else 0.1 / 19 for one in class_ids()))
READINGS = (
    "Neubau eines Mehrfamilienhauscs", "Neubau cines Mehrfamilienhauses",
    "Neubau eines Mehrfamllienhauses", "Ncubau eines Mehrfamilienhauses",
    "Neubau eines Mehrfamilienhauses mit", "Neubau eines Mehrfamilienhauscs",
)  # fmt: skip


def found_in(*texts: str, confidence: float = 0.97) -> list[Candidate]:
    pages = [written_page(text, at, confidence=confidence) for at, text in enumerate(texts, 1)]
    return find_candidates(pages, [PERMIT] * len(pages))


def chosen(candidates: Sequence[Candidate], pages: int, name: str) -> list[tuple[str, str]]:
    fields = choose_fields(candidates, {page: page for page in range(1, pages + 1)})
    return [(one.value, one.raw) for own in fields.values() for one in own if one.name == name]


def test_letters_are_voted_where_no_page_was_read_rightly() -> None:
    weighed = dict.fromkeys(READINGS, 1.0)
    assert voted_spelling(READINGS[0], weighed) == "Neubau eines Mehrfamilienhauses"
    central = centrality("vorhaben", weighed)
    assert max(central, key=lambda value: central[value]) == "Neubau eines Mehrfamilienhauses"


def test_a_voted_value_keeps_what_stands_on_each_page_as_its_source() -> None:
    texts = [PERMIT_1957.replace("Neubau eines Mehrfamilienhauses", one) for one in READINGS[:4]]
    found = chosen(found_in(*texts), 4, "vorhaben")
    assert [value for value, _ in found] == ["Neubau eines Mehrfamilienhauses"] * 4
    assert [raw for _, raw in found] == list(READINGS[:4])


def test_readings_that_break_off_shorten_no_vote() -> None:
    cut = dict.fromkeys([f"{one} mit" for one in READINGS[:4]], 2.0)
    whole = dict.fromkeys([f"{one} mit Garage" for one in READINGS[:4]], 1.0)
    first = next(iter(whole))
    assert voted_spelling(first, cut | whole) == "Neubau eines Mehrfamilienhauses mit Garage"


def test_a_value_that_breaks_off_never_stands_for_the_file() -> None:
    weighed = {"Neubau eines Hauses mit": 5.0, "Neubau eines Hauses mit Garage": 1.0}
    central = centrality("vorhaben", weighed)
    assert central["Neubau eines Hauses mit"] == 0.0
    assert central["Neubau eines Hauses mit Garage"] > 0.0


@pytest.mark.parametrize("read", ["76/10", "7610", "76110", "76710"])
def test_the_stroke_of_a_parcel_comes_from_the_other_pages(read: str) -> None:
    texts = [PERMIT_1957.replace("88/2", one) for one in ("76/10", "76/10", read)]
    candidates = found_in(*texts, confidence=0.8)
    found = [one for one in candidates if one.page == 3 and one.name.startswith("flurst")]
    assert {(one.name, one.value) for one in found} == {
        ("flurstueck_zaehler", "76"), ("flurstueck_nenner", "10"),
    }  # fmt: skip
    assert "".join({one.raw for one in found if one.value == "76"}) in (read, "76")


@pytest.mark.parametrize(
    ("pair", "read", "confidence"),
    [
        ("706/10", "712", 0.8),
        ("12/3", "123", 0.97),
        ("12/3", "123", 0.6),
        ("76/10", "7610", 0.97),
        ("76/10", "76110", 0.9),
        ("7/6", "7176", 0.6),
    ],
)
def test_another_parcel_without_stroke_stays_as_it_is(
    pair: str, read: str, confidence: float
) -> None:
    texts = [PERMIT_1957.replace("88/2", one) for one in (pair, read)]
    found = list(with_strokes(found_in(*texts, confidence=confidence)))
    values = {(one.name, one.value) for one in found if one.page == 2}
    assert ("flurstueck_zaehler", read) in values
    assert not [one for one in values if one[0] == "flurstueck_nenner"]


def test_an_unsurely_read_figure_follows_the_other_pages_and_says_so() -> None:
    texts = [PERMIT_1957, PERMIT_1957, PERMIT_1957.replace("Flur:             3", "Flur:    8")]
    found = find_candidates(
        [written_page(text, at, confidence=0.6 if at == 3 else 0.97)
         for at, text in enumerate(texts, 1)],
        [PERMIT] * 3,
    )  # fmt: skip
    fields = choose_fields(found, {1: 1, 2: 2, 3: 3})
    flur = [one for own in fields.values() for one in own if one.name == "flur"]
    assert [(one.value, one.raw, one.normalised) for one in flur] == [
        ("3", "3", False), ("3", "3", False), ("3", "8", True),
    ]  # fmt: skip
    assert flur[2].confidence < flur[0].confidence


def test_one_threshold_lets_about_a_tenth_be_reviewed() -> None:
    sure = [0.8 + 0.0019 * step for step in range(100)]
    assert sum(one < review_threshold(sure) for one in sure) == 10
    assert review_threshold([]) == ASKED_BELOW
    assert review_threshold(iter([0.2, 0.9999])) == ASKED_BELOW


@pytest.mark.parametrize(
    "unsure", [[0.3], [0.3] * 20, [0.05 + step / 160 for step in range(40)], [0.3, 0.7, 0.79, 0.5]]
)
def test_fields_that_are_likely_wrong_are_asked_however_many_they_are(unsure: list[float]) -> None:
    assert all(one < review_threshold(unsure) for one in unsure)
    assert all(one < review_threshold([*unsure, 0.9, 0.99]) for one in unsure)
