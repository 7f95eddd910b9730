"""What is found on read pages: kept whole, in any order of reading, with gaps and failures."""

import json

import pytest

from apps.archivair.batch.contents import BatchInput
from apps.archivair.batch.stream import (
    decode_stream,
    encode_stream,
    inputs_of,
    make_stream,
    place_of,
)
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.errors import ReadingUnusable
from shared.contracts.jobs import StoredFile
from tests.apps.archivair.batch.streams import SHA, kept

BILL = [
    ["Stadt Musterstadt, Bauverwaltungsamt"],
    ["Gebührenbescheid"],
    ["Aktenzeichen: 61-0123/57", "Für die Bauerlaubnis werden Gebühren erhoben."],
    ["Gebühr: 184,50 DM", "Kassenzeichen 4711"],
]
LETTER = [
    ["Sehr geehrter Herr Eiche,"],
    ["gegen das Vorhaben bestehen keine Bedenken."],
    ["Mit freundlichen Grüßen"],
]
PAGES = {1: kept(BILL, 1), 2: kept([], 2), 3: kept(LETTER, 3)}
INPUTS = (BatchInput("akte.pdf", SHA, 3),)


def test_each_page_has_its_class_its_chance_and_its_place():
    found = make_stream(PAGES, INPUTS)
    assert [(page.page, page.file, page.stem) for page in found.pages] == [
        (1, 1, "akte_p0001"), (2, 1, "akte_p0002"), (3, 1, "akte_p0003"),
    ]  # fmt: skip
    bill, blank, letter = found.pages
    assert class_ids()[bill.class_chances.index(max(bill.class_chances))] == "gebuehr"
    assert sum(bill.class_chances) == pytest.approx(1, abs=1e-4)
    assert (blank.is_blank, blank.quality, set(blank.class_chances)) == (True, ("leer",), {0.0})
    assert bill.boundary_chance == 1.0
    assert 0 < letter.boundary_chance < 1
    assert {one.name: one.value for one in found.candidates}["aktenzeichen"] == "61-0123/57"
    assert [model["name"] for model in found.models] == ["ppocrv6_small"]


def test_the_order_of_reading_changes_nothing():
    backwards = dict(reversed(PAGES.items()))
    assert encode_stream(make_stream(backwards, INPUTS)) == encode_stream(
        make_stream(PAGES, INPUTS)
    )


def test_it_comes_back_as_it_was():
    found = make_stream(PAGES, INPUTS, seconds=12.345)
    assert decode_stream(encode_stream(found)) == found
    assert found.seconds == 12.35


def test_a_failed_page_keeps_its_number_file_and_name():
    inputs = (BatchInput("foto.jpg", "c" * 64, 1), BatchInput("akte.pdf", SHA, 3))
    pages = {2: kept(BILL, 1), 4: kept(LETTER, 3)}
    found = make_stream(pages, inputs, failed={1: "bild_beschaedigt", 3: "seite_zu_klein"})
    told = [(page.page, page.file, page.stem, page.error) for page in found.pages]
    assert told == [
        (1, 1, "foto", "bild_beschaedigt"),
        (2, 2, "akte_p0001", ""),
        (3, 2, "akte_p0002", "seite_zu_klein"),
        (4, 2, "akte_p0003", ""),
    ]


def test_the_first_pages_alone_are_a_stream_too():
    files = [StoredFile("akte.pdf", "application/pdf", SHA, 9)]
    inputs = inputs_of(files, PAGES.values())
    assert inputs == INPUTS
    found = make_stream({1: PAGES[1], 3: PAGES[3]}, inputs)
    assert [page.page for page in found.pages] == [1, 3]
    assert make_stream({}, inputs).pages == ()


def test_places_beyond_the_known_pages_are_of_the_last_file():
    inputs = (BatchInput("a.pdf", SHA, 2), BatchInput("b.pdf", SHA, 1))
    assert [place_of(number, inputs) for number in (1, 2, 3, 4)] == [
        (1, 1), (1, 2), (2, 1), (2, 2),
    ]  # fmt: skip


def changed(**entries):
    stored = json.loads(encode_stream(make_stream(PAGES, INPUTS)))
    return json.dumps(stored | entries).encode()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"kein JSON", changed(schema="archivair-stream/9"), changed(pages=[{"page": 1}])],
)
def test_what_another_version_wrote_is_refused(content):
    with pytest.raises(ReadingUnusable):
        decode_stream(content)


def test_probabilities_of_other_classes_are_refused():
    stored = json.loads(encode_stream(make_stream(PAGES, INPUTS)))
    stored["pages"][0]["class_chances"] = [0.5, 0.5]
    with pytest.raises(ReadingUnusable):
        decode_stream(json.dumps(stored).encode())


def test_a_page_that_was_scanned_twice_says_so():
    same = "0123456789abcdef"
    pages = {
        1: kept(BILL, 1, fingerprint=same),
        2: kept(LETTER, 2, fingerprint="f" * 16),
        3: kept(BILL, 3, fingerprint=same),
    }
    found = make_stream(pages, INPUTS).pages
    assert [page.duplicate_of for page in found] == [0, 0, 1]
    assert [("doppelt" in page.quality) for page in found] == [False, False, True]
