from collections.abc import Sequence

import pytest

from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.grouping import FoundFile, group_documents
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.page_classes import class_ids
from tests.apps.archivair.documents.pages import written_page

FIRST = """
Bauantrag
Aktenzeichen: 63-1/00412/57
Bauherr: Karl Schmitz
Baugrundstück: Gartenstraße 14
Gemarkung: Nordviertel
Flur: 3
Flurstück: 88/2
"""
FIRST_LETTER = """
Betr.: Gartenstraße 14
Herr Karl Schmitz hat die Zeichnungen eingereicht.
"""
SECOND = """
Bauantrag
Aktenzeichen: 63-1/00977/61
Bauherr: Anna Weber
Baugrundstück: Lindenweg 8
Gemarkung: Nordviertel
Flur: 5
Flurstück: 120
"""
SECOND_FEE = """
Gebührenbescheid
Aktenzeichen: 63-1/00977/61
Der Betrag ist zu zahlen.
"""
SILENT = "Statische Berechnung\nDie Decken sind ausreichend bemessen."


def grouped(texts: Sequence[str], **more: object) -> list[FoundFile]:
    """Each text is a document of one page."""
    pages = [written_page(text, number) for number, text in enumerate(texts, 1)]
    even = ClassifiedPage((1 / 20,) * len(class_ids()))
    candidates = find_candidates(pages, [even] * len(pages))
    return group_documents(candidates, {page.number: page.number for page in pages}, **more)  # type: ignore[arg-type]


def documents(found: Sequence[FoundFile]) -> list[tuple[int, ...]]:
    return [one.documents for one in found]


def test_two_properties_in_one_batch_are_two_files() -> None:
    found = grouped([FIRST, FIRST_LETTER, SILENT, SECOND, SECOND_FEE])
    assert documents(found) == [(1, 2, 3), (4, 5)]
    assert found[0].property == {
        "strasse": "Gartenstraße",
        "hausnummer": "14",
        "gemarkung": "Nordviertel",
        "flur": "3",
        "flurstueck": "88/2",
        "aktenzeichen": "63-1/00412/57",
    }
    assert found[1].property["flurstueck"] == "120"


def test_a_document_between_others_goes_to_the_file_it_names() -> None:
    found = grouped([FIRST, SECOND_FEE, FIRST_LETTER, SECOND])
    assert documents(found) == [(1, 3), (2, 4)]


def test_documents_without_evidence_follow_the_one_before_and_covers_the_one_behind() -> None:
    assert documents(grouped([FIRST, SILENT, SECOND])) == [(1, 2), (3,)]
    assert documents(grouped([FIRST, SILENT, SECOND], covers={2})) == [(1,), (2, 3)]
    assert documents(grouped([SILENT, FIRST])) == [(1, 2)]


def test_what_a_person_says_belongs_elsewhere_leaves_its_neighbours() -> None:
    assert documents(grouped([FIRST, SILENT, FIRST_LETTER], elsewhere={2})) == [(1, 3), (2,)]
    apart = grouped([FIRST, SECOND, SECOND_FEE], elsewhere={3})
    assert documents(apart) == [(1,), (2,), (3,)]


def test_a_misread_case_number_does_not_split_a_file() -> None:
    misread = FIRST_LETTER + "Aktenzeichen: 63-1/00472/57\n"
    assert documents(grouped([FIRST, misread, FIRST_LETTER])) == [(1, 2, 3)]


def test_streams_without_any_evidence_are_one_file_and_every_document_is_in_one() -> None:
    assert documents(grouped([SILENT, SILENT])) == [(1, 2)]
    assert grouped([]) == []


@pytest.mark.parametrize("texts", [[FIRST, SECOND] * 3, [SECOND, SILENT, FIRST, SECOND_FEE]])
def test_every_document_is_in_exactly_one_file(texts: list[str]) -> None:
    found = sorted(number for one in grouped(texts) for number in one.documents)
    assert found == list(range(1, len(texts) + 1))
