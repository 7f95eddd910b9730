"""Documents made of what was found: cuts, classes, files, fields; what a decision changes."""

from dataclasses import replace

import pytest

from apps.archivair.batch.contents import decode_batch, encode_batch
from apps.archivair.batch.edits import BatchEdits, FieldEdit
from apps.archivair.batch.making import make_batch
from apps.archivair.documents.field_confidence import review_threshold
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.review import make_review
from tests.apps.archivair.batch.streams import sheet, stream, value

LETTERS = stream(
    sheet(1, "bauantrag"),
    sheet(2, "bauantrag"),
    sheet(3, ""),
    sheet(4, "genehmigung", 0.99),
    sheet(5, "genehmigung"),
    sheet(6, "gebuehr", 0.99),
    candidates=(
        value(1, "aktenzeichen", "61-0123/57"),
        value(1, "bauherr", "Karl Eiche"),
        value(4, "aktenzeichen", "61-0123/57"),
        value(6, "aktenzeichen", "61-0123/57"),
        value(6, "gebuehr_betrag", "184.50"),
    ),
)


def spans(batch):
    return [(one.first_page, one.last_page) for one in batch.documents]


def test_pages_become_documents_with_classes_and_fields():
    batch = make_batch(LETTERS)
    assert spans(batch) == [(1, 3), (4, 5), (6, 6)]
    assert [one.name for one in batch.documents] == [
        "001_bauantrag", "002_genehmigung", "003_gebuehr",
    ]  # fmt: skip
    assert [page.document for page in batch.pages] == [1, 1, 1, 2, 2, 3]
    assert [page.starts_document for page in batch.pages] == [
        True, False, False, True, False, True,
    ]  # fmt: skip
    assert batch.pages[0].boundary_probability == 1.0
    fields = {one.name: one for one in batch.documents[0].fields}
    assert (fields["bauherr"].value, fields["bauherr"].page) == ("Karl Eiche", 1)
    assert fields["bauherr"].bbox_px == (100.0, 200.0, 300.0, 224.0)
    assert [file.documents for file in batch.files] == [(1, 2, 3)]
    assert batch.files[0].property["aktenzeichen"] == "61-0123/57"


def test_the_blank_back_is_no_class_and_belongs_to_what_is_before():
    page = make_batch(LETTERS).pages[2]
    assert (page.page_class, page.class_probabilities, page.document) == ("leer", {}, 1)
    assert page.quality == ("leer",)
    assert set(make_batch(LETTERS).pages[0].class_probabilities) == set(class_ids())


@pytest.mark.parametrize("silent", [{"name": ""}, {"error": "seite_zu_klein"}])
def test_a_silent_first_page_still_begins_the_first_document(silent):
    first = sheet(1, **silent)
    batch = make_batch(stream(first, sheet(2, "bauantrag", 0.0), sheet(3, "foto", 0.99)))
    assert spans(batch) == [(1, 2), (3, 3)]
    assert batch.pages[0].starts_document


def test_a_page_that_was_not_read_stays_in_its_place_and_is_shown_first():
    batch = make_batch(
        stream(
            sheet(1, "bauantrag"),
            sheet(2, "", quality=(), is_blank=False, error="bild_beschaedigt"),
            sheet(3, "foto", 0.99),
        )
    )
    assert spans(batch) == [(1, 2), (3, 3)]
    assert batch.pages[1].page_class == "unklar"
    assert batch.pages[1].quality == ("bild_beschaedigt",)
    assert (batch.needs_review[0].kind, batch.needs_review[0].page) == ("page", 2)
    assert batch.needs_review[0].confidence == 0.0


def test_an_improbable_class_is_unclear_and_to_be_looked_at():
    batch = make_batch(stream(sheet(1, "statik", probability=0.4)))
    assert batch.documents[0].document_class == "unklar"
    assert batch.documents[0].confidence == 0.4
    assert [(one.kind, one.document) for one in batch.needs_review] == [("class", 1)]


def test_the_pages_of_a_document_say_together_what_it_is():
    batch = make_batch(
        stream(
            sheet(1, "nachweis", probability=0.45),
            sheet(2, "statik", probability=0.95),
            sheet(3, "statik", probability=0.95),
        )
    )
    assert batch.documents[0].document_class == "statik"
    assert [page.page_class for page in batch.pages] == ["statik"] * 3


def test_an_unsure_cut_is_to_be_looked_at_until_somebody_decides():
    unsure = stream(sheet(1), sheet(2, start=0.45), sheet(3, start=0.02))
    asked = [one for one in make_batch(unsure).needs_review if one.kind == "boundary"]
    assert [one.page for one in asked] == [2]
    for decided in (True, False):
        batch = make_batch(unsure, BatchEdits(cuts={2: decided}))
        assert batch.pages[1].starts_document is decided
        assert not [one for one in batch.needs_review if one.kind == "boundary"]


def test_a_cut_by_hand_moves_no_other_cut():
    batch = make_batch(LETTERS, BatchEdits(cuts={2: True, 4: False}))
    assert spans(batch) == [(1, 1), (2, 5), (6, 6)]
    assert batch.pages[1].boundary_probability == 1.0
    assert batch.pages[3].boundary_probability == 0.0


def test_the_first_page_begins_a_document_whatever_is_decided():
    assert make_batch(LETTERS, BatchEdits(cuts={1: False})).pages[0].starts_document


def test_a_class_by_hand_is_sure_and_named():
    unclear = stream(sheet(1, "statik", probability=0.3), sheet(2, "statik"))
    batch = make_batch(unclear, BatchEdits(classes={1: "foto"}))
    assert (batch.documents[0].document_class, batch.documents[0].confidence) == ("foto", 1.0)
    assert not [one for one in batch.needs_review if one.kind == "class"]
    assert batch.pages[0].class_probabilities["statik"] == 0.3


def test_a_page_turned_by_hand_keeps_its_places():
    batch = make_batch(LETTERS, BatchEdits(rotations={4: 180}))
    assert [page.rotation_deg for page in batch.pages] == [0, 0, 0, 180, 0, 0]
    assert batch.documents == make_batch(LETTERS).documents


def test_another_file_parts_what_would_be_one():
    batch = make_batch(LETTERS, BatchEdits(other_file=frozenset({6})))
    assert sorted(file.documents for file in batch.files) == [(1, 2), (3,)]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (FieldEdit("stimmt"), ("184.50", "184.50", 1.0, "gebuehr_betrag")),
        (FieldEdit("korrigiert", "184.00"), ("184.00", "184.50", 1.0, "person")),
        (FieldEdit("unleserlich"), None),
    ],
)
def test_what_is_said_about_a_field(edit, expected):
    batch = make_batch(LETTERS, BatchEdits(fields={(6, "gebuehr_betrag"): edit}))
    found = [one for one in batch.documents[2].fields if one.name == "gebuehr_betrag"]
    told = [(one.value, one.raw, one.confidence, one.rule) for one in found]
    assert told == ([] if expected is None else [expected])
    assert not [one for one in batch.needs_review if one.name == "gebuehr_betrag"]


def test_a_field_put_off_stays_to_be_looked_at():
    misread = value(1, "gebuehr_betrag", "184.50", least_confidence=0.5)
    unsure = stream(sheet(1, "gebuehr"), candidates=(misread,))
    before = make_batch(unsure)
    assert [one.name for one in before.needs_review if one.kind == "field"] == ["gebuehr_betrag"]
    later = make_batch(unsure, BatchEdits(fields={(1, "gebuehr_betrag"): FieldEdit("spaeter")}))
    assert later == before


def test_the_list_of_the_batch_and_the_review_page_ask_for_the_same_fields():
    batch = make_batch(LETTERS)
    sure = [one.confidence for document in batch.documents for one in document.fields]
    review = make_review(batch, {}, review_threshold(sure))
    asked = [(one.page, one.name) for one in batch.needs_review if one.kind == "field"]
    page = [(one.page, one.field.found.name) for one in review.open if one.field]
    assert asked == page != []


def test_a_decision_brings_up_no_other_field():
    before = [one for one in make_batch(LETTERS).needs_review if one.kind == "field"]
    first = before[0]
    fields = {(first.page, first.name): FieldEdit("stimmt")}
    after = make_batch(LETTERS, BatchEdits(fields=fields)).needs_review
    assert [one for one in after if one.kind == "field"] == before[1:]


def test_a_field_edit_follows_the_document_that_holds_its_page():
    edits = BatchEdits(cuts={2: True}, fields={(2, "bauherr"): FieldEdit("korrigiert", "K. E.")})
    batch = make_batch(LETTERS, edits)
    assert [one.value for one in batch.documents[0].fields if one.name == "bauherr"] == [
        "Karl Eiche"
    ]
    joined = make_batch(LETTERS, BatchEdits(fields=edits.fields))
    assert [one.value for one in joined.documents[0].fields if one.name == "bauherr"] == ["K. E."]


def test_least_certain_comes_first():
    confidences = [one.confidence for one in make_batch(LETTERS).needs_review]
    assert confidences == sorted(confidences)


def test_a_batch_in_the_making_may_have_gaps():
    batch = make_batch(stream(sheet(1, "bauantrag"), sheet(4, "foto", 0.99)))
    assert spans(batch) == [(1, 1), (4, 4)]


def test_the_same_stream_makes_the_same_bytes():
    content = encode_batch(make_batch(LETTERS))
    assert encode_batch(make_batch(LETTERS)) == content
    assert decode_batch(content) == make_batch(LETTERS)


def test_what_a_person_corrects_names_the_property():
    found = stream(
        sheet(1, "bauantrag"),
        candidates=(
            value(1, "aktenzeichen", "61-0123/57"),
            value(1, "flurstueck_zaehler", "116"),
            value(1, "flurstueck_nenner", "3"),
        ),
    )
    edits = {
        (1, "aktenzeichen"): FieldEdit("korrigiert", "61-0128/57"),
        (1, "flurstueck_nenner"): FieldEdit("korrigiert", "8"),
    }
    (file,) = make_batch(found, BatchEdits(fields=edits)).files
    assert file.property["aktenzeichen"] == "61-0128/57"
    assert file.property["flurstueck"] == "116/8"
    (before,) = make_batch(found).files
    assert before.property["flurstueck"] == "116/3"


def test_a_field_edit_does_not_reach_a_value_of_the_document_it_was_joined_to():
    edits = BatchEdits(
        cuts={4: False}, fields={(4, "bauherr"): FieldEdit("korrigiert", "Eva Linde", "Eva Lind")}
    )
    one = next(
        one for one in make_batch(LETTERS, edits).documents[0].fields if one.name == "bauherr"
    )
    assert (one.value, one.rule == "person", one.page) == ("Karl Eiche", False, 1)
    asked = {(item.kind, item.name) for item in make_batch(LETTERS, edits).needs_review}
    assert ("field", "bauherr") in asked


@pytest.mark.parametrize(("confidence", "is_asked"), [(0.0, True), (0.5, True), (None, False)])
def test_a_page_of_no_confidence_at_all_is_to_be_looked_at(confidence, is_asked):
    pages = (replace(sheet(1, "bauantrag"), confidence=confidence), sheet(2, "bauantrag"))
    asked = [one.page for one in make_batch(stream(*pages)).needs_review if one.kind == "page"]
    assert asked == ([1] if is_asked else [])


@pytest.mark.parametrize("page", [1, 4])
def test_a_class_that_a_person_chose_holds_when_documents_are_joined(page):
    batch = make_batch(LETTERS, BatchEdits(cuts={4: False}, classes={page: "statik"}))
    first = batch.documents[0]
    assert (first.pages[-1], first.document_class, first.confidence) == (5, "statik", 1.0)
    assert not [one for one in batch.needs_review if one.kind == "class"]


def test_joined_documents_of_two_chosen_classes_are_asked_again():
    edits = BatchEdits(cuts={4: False}, classes={1: "statik", 4: "foto"})
    batch = make_batch(LETTERS, edits)
    first = batch.documents[0]
    assert (first.document_class, first.confidence) == ("unklar", 0.0)
    asked = [(one.document, one.page) for one in batch.needs_review if one.kind == "class"]
    assert asked == [(1, 1)]
    assert batch.needs_review[0].kind == "class", "it is asked first"
    both = dict.fromkeys((1, 4), "statik")
    batch = make_batch(LETTERS, BatchEdits(cuts={4: False}, classes=both))
    assert batch.documents[0].document_class == "statik"
    assert not [one for one in batch.needs_review if one.kind == "class"]
