"""What is reviewed: threshold, order, what was said, and the sample of pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from apps.archivair.batch.contents import (
    Batch,
    BatchInput,
    BatchPage,
    Document,
    FieldValue,
    PropertyFile,
    ReviewItem,
)
from apps.archivair.batch.edits import class_key, cut_key, field_key, field_reason
from apps.archivair.documents.field_confidence import ASKED_BELOW, review_threshold
from apps.archivair.review import Review, class_choices, later_key, make_review, sample_pages

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    value: str
    reason: str = ""
    decided_at: datetime = NOW


def field(name: str, value: str, page: int, confidence: float) -> FieldValue:
    return FieldValue(name, value, value, page, (1.0, 2.0, 3.0, 4.0), confidence, "regel", False)


def page(number: int, document: int, chances: dict[str, float]) -> BatchPage:
    return BatchPage(
        page=number, file=1, stem=f"a_p{number:04d}", page_class="bauantrag",
        class_probabilities=chances, quality=(), rotation_deg=0, script="antiqua",
        starts_document=number in (1, 3), boundary_probability=0.9, document=document,
    )  # fmt: skip


BATCH = Batch(
    schema="archivair-batch/1",
    inputs=(BatchInput("a.pdf", "ab" * 32, 4),),
    pages=(
        page(1, 1, {"bauantrag": 0.6, "lageplan": 0.4}),
        page(2, 1, {"bauantrag": 0.2, "lageplan": 0.8}),
        page(3, 2, {"bauantrag": 1.0, "lageplan": 0.0}),
        page(4, 2, {}),
    ),
    documents=(
        Document(
            1, 1, 2, "bauantrag", 0.9,
            (field("bauherr", "Karl Muller", 2, 0.4), field("flur", "7", 1, 0.95)),
        ),
        Document(2, 3, 4, "unklar", 0.4, (field("bauherr", "Karl Müller", 3, 0.6),)),
    ),
    files=(PropertyFile({}, (1, 2)),),
    needs_review=(
        ReviewItem("field", 2, 1, "bauherr", 0.4),
        ReviewItem("class", 3, 2, "", 0.4),
        ReviewItem("boundary", 3, 2, "", 0.6),
        ReviewItem("page", 4, 2, "", 0.1),
    ),
    models=(),
    seconds=1.0,
)  # fmt: skip
FIRST, SECOND = field_key(1, "bauherr"), field_key(3, "bauherr")


def keys(review: Review) -> list[str]:
    return [one.key for one in review.open]


def test_cuts_come_first_then_classes_then_the_least_certain_fields() -> None:
    review = make_review(BATCH, {}, 0.8)
    assert keys(review) == [cut_key(3), class_key(3), FIRST, SECOND]
    assert (review.fields_left, review.others_left, len(review.fields)) == (2, 2, 3)


def test_only_fields_below_the_threshold_are_asked() -> None:
    assert keys(make_review(BATCH, {}, 0.6))[2:] == [FIRST]
    assert keys(make_review(BATCH, {}, 1.0))[2:] == [FIRST, SECOND, field_key(1, "flur")]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (Said("stimmt", field_reason("Karl Muller", "Karl Muller")), "Karl Muller"),
        (Said("korrigiert", field_reason("Karl Muller", "Karl Müller")), "Karl Müller"),
        (Said("unleserlich", field_reason("Karl Muller", "")), ""),
    ],
)
def test_what_is_settled_is_not_asked_again_and_stays_in_the_list(said: Said, value: str) -> None:
    review = make_review(BATCH, {FIRST: said}, 0.8)
    assert FIRST not in keys(review)
    settled = review.fields[0]
    assert (settled.verdict, settled.value, settled.is_decided) == (said.value, value, True)
    assert settled.found.bbox_px == (1.0, 2.0, 3.0, 4.0)


def test_what_was_put_off_comes_last_the_oldest_first() -> None:
    decisions = {
        FIRST: Said("spaeter", decided_at=NOW + timedelta(minutes=1)),
        "spaeter:" + cut_key(3): Said("spaeter", decided_at=NOW),
    }
    review = make_review(BATCH, decisions, 0.8)
    assert keys(review) == [class_key(3), SECOND, cut_key(3), FIRST]
    assert [later_key(one) for one in review.open[2:]] == ["spaeter:" + cut_key(3), FIRST]
    assert not review.fields[0].is_decided


def test_a_decision_follows_its_page_when_documents_are_cut_anew() -> None:
    said = Said("korrigiert", field_reason("Karl Muller", "Karl Müller"))
    review = make_review(BATCH, {field_key(2, "bauherr"): said}, 0.8)
    assert review.fields[0].value == "Karl Müller"
    assert review.fields[0].key == field_key(2, "bauherr")


def test_a_decision_does_not_settle_a_value_of_the_document_it_was_joined_to() -> None:
    one = Document(1, 1, 4, "bauantrag", 0.9, BATCH.documents[0].fields)
    joined = replace(BATCH, documents=(one,), needs_review=())
    said = {field_key(3, "bauherr"): Said("korrigiert", field_reason("Eva Lind", "Eva Linde"))}
    assert field_key(1, "bauherr") in keys(make_review(joined, said, 0.8))


def test_a_settled_field_can_be_looked_at_again() -> None:
    review = make_review(BATCH, {FIRST: Said("stimmt")}, 0.8)
    again = review.question(FIRST)
    assert again is not None
    assert again.field is not None
    assert again.field.verdict == "stimmt"
    assert review.question("feld:9:bauherr") is None


def test_classes_are_offered_by_their_mean_over_the_pages_that_say_something() -> None:
    assert class_choices(BATCH, BATCH.documents[0]) == [
        ("lageplan", pytest.approx(0.6)), ("bauantrag", pytest.approx(0.4)),
    ]  # fmt: skip
    assert class_choices(BATCH, BATCH.documents[1])[0] == ("bauantrag", 1.0)


def below(confidences: list[float]) -> int:
    threshold = review_threshold(confidences)
    return sum(one < threshold for one in confidences)


def test_the_suggested_threshold_asks_for_about_a_tenth() -> None:
    assert below([0.8 + 0.002 * step for step in range(90)]) == 9
    assert below([0.9 + 0.001 * step for step in range(90)]) == 9
    assert review_threshold([]) == ASKED_BELOW


def test_unsure_fields_are_asked_in_the_smallest_batch() -> None:
    assert below([0.3]) == 1
    assert below([0.3] * 20) == 20
    assert below([0.05 + step / 160 for step in range(40)]) == 40
    assert below([0.79, ASKED_BELOW]) == 1


def test_equally_certain_fields_are_asked_together_or_not_at_all() -> None:
    assert below([0.4, 0.6] + [0.995] * 178) == 2
    assert below([0.4] * 12 + [0.995] * 88) == 12
    assert below([0.995] * 40) == 0


@given(
    st.lists(st.floats(ASKED_BELOW, 0.995).map(lambda one: round(one, 3)), min_size=1, max_size=60)
)
def test_no_other_threshold_comes_closer_to_a_tenth(confidences: list[float]) -> None:
    aim = len(confidences) / 10
    others = [sum(one < step / 1000 for one in confidences) for step in range(1001)]
    assert abs(below(confidences) - aim) == min(abs(one - aim) for one in others)


def test_the_sample_is_one_in_twenty_and_the_same_for_the_same_batch() -> None:
    drawn = sample_pages(BATCH.inputs, 100)
    assert len(set(drawn)) == 5
    assert drawn == sample_pages(BATCH.inputs, 100)
    assert set(drawn) <= set(range(1, 101))
    assert drawn != sample_pages([BatchInput("a.pdf", "cd" * 32, 4)], 100)
    two = [BatchInput("a.pdf", "ab" * 32, 50), BatchInput("b.pdf", "cd" * 32, 50)]
    assert sample_pages(two, 100) == sample_pages(two[::-1], 100)
    assert sample_pages(BATCH.inputs, 1) == [1]
    assert sample_pages(BATCH.inputs, 0) == []
