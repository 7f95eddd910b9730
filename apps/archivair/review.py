"""What of a batch a person looks at, in which order, and what was said about each field.

    review = make_review(found, decisions, threshold)

`found` is the batch as the software made it with the cuts and classes of people, but without what
they said about fields: a field that cannot be read stays in the list of all fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from apps.archivair.archive_files.transfer_note import pages_to_check
from apps.archivair.batch.contents import Batch, BatchInput, Document, FieldValue
from apps.archivair.batch.edits import (
    LATER,
    FieldEdit,
    Verdict,
    class_key,
    cut_key,
    edits_of,
    field_key,
)
from apps.archivair.batch.making import is_about

_PUT_OFF = "spaeter"
FINE, FAULTY = "in_ordnung", "mangel"
"""Outcomes of the check of a page by a second person."""
Kind = Literal["boundary", "class", "field"]
_KINDS: tuple[Kind, ...] = ("boundary", "class", "field")


class Said(Protocol):
    """What is read of a decision."""

    @property
    def value(self) -> str:
        """What was decided."""

    @property
    def reason(self) -> str:
        """Old and new value."""

    @property
    def decided_at(self) -> datetime:
        """When."""


@dataclass(frozen=True, slots=True)
class ReviewField:
    """A field of a document and what was said about it.

    Args:
        document: Number of its document.
        found: What the software found.
        key: Item of the decisions about it.
        edit: What a person said; None for nothing.
    """

    document: int
    found: FieldValue
    key: str
    edit: FieldEdit | None

    @property
    def verdict(self) -> Verdict | None:
        """What a person said in one word; None for nothing."""
        return self.edit.verdict if self.edit else None

    @property
    def is_decided(self) -> bool:
        """Whether a person settled it; what was put off is not."""
        return self.verdict not in (None, LATER)

    @property
    def value(self) -> str:
        """Value that counts: that of a person, else that of the software; empty if illegible."""
        if self.edit is None or self.edit.verdict in ("stimmt", LATER):
            return self.found.value
        return self.edit.value


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a person is asked.

    Args:
        kind: Whether a document begins here, which class it is, or whether a field is right.
        key: Item of the decision.
        page: Number of the page to look at.
        document: Number of the document.
        confidence: How sure the software is, 0 to 1.
        field: The field; None for the other kinds.
    """

    kind: Kind
    key: str
    page: int
    document: int
    confidence: float
    field: ReviewField | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A review as it stands.

    Args:
        fields: All fields of the batch by document.
        open: What is asked, in turn; what was put off comes last.
        threshold: Fields below are asked, 0 to 1.
    """

    fields: tuple[ReviewField, ...]
    open: tuple[Question, ...]
    threshold: float

    @property
    def fields_left(self) -> int:
        """Fields that are still asked."""
        return sum(one.kind == "field" for one in self.open)

    @property
    def others_left(self) -> int:
        """Questions about cuts and classes that are still asked."""
        return len(self.open) - self.fields_left

    def question(self, key: str) -> Question | None:
        """Return the question of an item, also about a field that is settled; None for no item.

        Args:
            key: Item of a decision.
        """
        for question in self.open:
            if question.key == key:
                return question
        return next((_of_field(one) for one in self.fields if one.key == key), None)


def make_review(found: Batch, decisions: Mapping[str, Said], threshold: float) -> Review:
    """Return what is to be reviewed.

    Args:
        found: The batch without what people said about fields.
        decisions: Valid decisions by item, the older ones first.
        threshold: Fields below are asked, 0 to 1.
    """
    fields = tuple(_fields(found, decisions))
    asked = [
        _of_field(one)
        for one in fields
        if one.verdict == LATER or (one.verdict is None and one.found.confidence < threshold)
    ]
    questions = [*_other_questions(found), *asked]
    put_off = {one.key: said.decided_at for one in questions if (said := _later(one, decisions))}
    fresh = [one for one in questions if one.key not in put_off]
    late = [one for one in questions if one.key in put_off]
    fresh.sort(key=lambda one: (_KINDS.index(one.kind), one.confidence, one.page, one.key))
    late.sort(key=lambda one: put_off[one.key])
    return Review(fields, (*fresh, *late), threshold)


def later_key(question: Question) -> str:
    """Return the item under which it is kept that a question is put off.

    A cut and a class have values of their own, so this is an item beside theirs.

    Args:
        question: The question.
    """
    return question.key if question.kind == "field" else f"{_PUT_OFF}:{question.key}"


def class_choices(found: Batch, document: Document) -> list[tuple[str, float]]:
    """Return the classes of a document with their mean probability, the likeliest first.

    Args:
        found: The batch.
        document: One of its documents.
    """
    pages = [
        page.class_probabilities
        for page in found.pages
        if page.page in document.pages and page.class_probabilities
    ]
    sums: dict[str, float] = {}
    for chances in pages:
        for name, chance in chances.items():
            sums[name] = sums.get(name, 0.0) + chance / len(pages)
    return sorted(sums.items(), key=lambda one: -one[1])


def sample_pages(inputs: Iterable[BatchInput], pages: int) -> list[int]:
    """Draw the pages that a second person compares with the paper; the same for the same batch.

    Args:
        inputs: The delivered files; their hashes are the seed.
        pages: Number of pages.

    Returns:
        One in twenty pages, at least one of a batch with pages, by number.
    """
    return pages_to_check(pages, batch_seed([one.sha256 for one in inputs])) if pages else []


def sample_key(page: int) -> str:
    """Return the item of the check of a page by a second person.

    Args:
        page: Number of the page, from 1.
    """
    return f"stichprobe:{page}"


def batch_seed(sha256s: Iterable[str]) -> int:
    """Return a seed that is the same for the same delivered files in whatever order.

    Args:
        sha256s: Hashes of the files, hexadecimal.
    """
    return int.from_bytes(hashlib.sha256("".join(sorted(set(sha256s))).encode()).digest()[:8])


def _fields(found: Batch, decisions: Mapping[str, Said]) -> Iterator[ReviewField]:
    edits = edits_of(decisions)
    for document in found.documents:
        # Decisions stay under the page that began the document when they were made.
        own = [(key, edit) for key, edit in edits.fields.items() if key[0] in document.pages]
        # A page that came from another document may go again, and would take them along.
        began = min(set(document.pages) - edits.moved, default=document.first_page)
        for one in document.fields:
            page = began
            edit: FieldEdit | None = None
            for (told, name), said in own:
                if name == one.name and is_about(one, told, said, edits):
                    page, edit = told, said
            yield ReviewField(document.document, one, field_key(page, one.name), edit)


def _later(question: Question, decisions: Mapping[str, Said]) -> Said | None:
    said = decisions.get(later_key(question))
    return said if said is not None and said.value == LATER else None


def _of_field(one: ReviewField) -> Question:
    found = one.found
    return Question("field", one.key, found.page, one.document, found.confidence, one)


def _other_questions(found: Batch) -> Iterator[Question]:
    first_page = {document.document: document.first_page for document in found.documents}
    for item in found.needs_review:
        if item.kind == "boundary":
            key = cut_key(item.page)
            yield Question("boundary", key, item.page, item.document, item.confidence)
        elif item.kind == "class":
            page = first_page[item.document]
            yield Question("class", class_key(page), page, item.document, item.confidence)
