"""Make documents of what was found on the pages and of what people decided about them.

    batch = make_batch(stream, edits)

Pure and cheap: nothing is read or classified again, so each view makes its batch anew. A decision
changes what it is about and nothing else; cuts that nobody touched stay where they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from apps.archivair.batch.contents import (
    Batch,
    BatchPage,
    Document,
    FieldValue,
    PropertyFile,
    ReviewItem,
)
from apps.archivair.batch.edits import NO_EDITS, BatchEdits, FieldEdit
from apps.archivair.batch.order import in_order
from apps.archivair.batch.stream import Stream, StreamPage
from apps.archivair.documents.field_confidence import Field, choose_fields, review_threshold
from apps.archivair.documents.grouping import PROPERTY_KEYS, FoundFile, group_documents
from apps.archivair.documents.page_class import ClassifiedPage, by_document, mean_chances
from apps.archivair.documents.page_classes import UNCLEAR, UNCLEAR_BELOW, class_ids
from apps.archivair.documents.pairs import load_splitting
from apps.archivair.documents.patterns import FIELD_NAMES
from apps.archivair.documents.splitting import Boundary, PairChance, split_stream

BLANK_CLASS = "leer"
COVER_CLASS = "deckblatt"
BY_PERSON = "person"
PARCEL = ("flurstueck_zaehler", "flurstueck_nenner")
BOUNDARY_REVIEW_BELOW = 0.75
PAGE_REVIEW_BELOW = 0.75
DIGITS = 4


@dataclass(frozen=True, slots=True)
class _Cut:
    """Pages of one document and how sure its class is."""

    number: int
    pages: tuple[StreamPage, ...]
    document_class: str
    confidence: float
    class_by_person: bool


def make_batch(stream: Stream, edits: BatchEdits = NO_EDITS) -> Batch:
    """Return the batch: cut, classified, put together by property, with fields.

    Args:
        stream: What was found.
        edits: What people decided.
    """
    pages = in_order(stream.pages, edits.places)
    boundaries = _boundaries(stream.pages, pages, edits)
    cuts = _cut(pages, boundaries, edits)
    by_page = {page.page: cut.number for cut in cuts for page in cut.pages}
    classes = by_document(
        [ClassifiedPage(tuple(page.class_chances)) for page in pages],
        [by_page[page.page] for page in pages],
    )
    elsewhere = {by_page[page] for page in edits.other_file if page in by_page}
    files, found = _files_and_fields(stream, cuts, by_page, elsewhere)
    # What is decided keeps its rank: else each answer would bring up another field.
    threshold = review_threshold(one.confidence for own in found.values() for one in own)
    fields = _with_edits(found, by_page, edits)
    scanned = [page.page for page in stream.pages]
    documents = tuple(_document(cut, fields[cut.number], scanned) for cut in cuts)
    asked = [*_reviews(cuts, boundaries, edits), *_field_reviews(documents, threshold, edits)]
    return Batch(
        schema="archivair-batch/1",
        inputs=stream.inputs,
        pages=tuple(
            _page(page, boundary, by_page[page.page], together, edits)
            for page, boundary, together in zip(pages, boundaries, classes, strict=True)
        ),
        documents=documents,
        files=_with_corrections(files, fields),
        needs_review=tuple(sorted(asked, key=_least_certain)),
        models=stream.models,
        seconds=stream.seconds,
    )


def _document(cut: _Cut, fields: Sequence[FieldValue], scanned: Sequence[int]) -> Document:
    return Document(
        document=cut.number,
        first_page=cut.pages[0].page,
        last_page=cut.pages[-1].page,
        document_class=cut.document_class,
        confidence=cut.confidence,
        fields=tuple(fields),
        order=_order(cut, scanned),
    )


def _least_certain(one: ReviewItem) -> tuple[float, int, str, str]:
    return one.confidence, one.page, one.kind, one.name


def _boundaries(
    pages: Sequence[StreamPage], ordered: Sequence[StreamPage], edits: BatchEdits
) -> list[Boundary]:
    """Return the decision before each page of the order, the first one included.

    Pages are compared as they were scanned: whoever puts them into another order decides about the
    cuts that this touches, and moves no other.
    """
    speaking = [page.page for page in pages if not page.is_silent]
    # The first page that says something has none before it that it could be compared with.
    pairs = [
        PairChance(page.page, page.boundary_chance, page.is_silent or page.page == speaking[0])
        for page in pages[1:]
    ]
    found = [Boundary(page.page, True, 1.0) for page in pages[:1]]
    found += split_stream(pairs, load_splitting().prior)
    known = {boundary.page: boundary for boundary in found}
    known |= {
        page: Boundary(page, decided, float(decided))
        for page, decided in edits.cuts.items()
        if page in known
    }
    first = [Boundary(page.page, True, 1.0) for page in ordered[:1]]
    return first + [known[page.page] for page in ordered[1:]]


def _cut(
    pages: Sequence[StreamPage], boundaries: Sequence[Boundary], edits: BatchEdits
) -> list[_Cut]:
    parts: list[list[StreamPage]] = []
    for page, boundary in zip(pages, boundaries, strict=True):
        if boundary.starts_document:
            parts.append([])
        parts[-1].append(page)
    return [_named(number, part, edits) for number, part in enumerate(parts, 1)]


def _order(cut: _Cut, scanned: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of the pages of a document; empty where they lie as they were scanned."""
    own = [page.page for page in cut.pages]
    between = scanned[bisect_left(scanned, own[0]) : bisect_right(scanned, own[-1])]
    return () if own == between else tuple(own)


def _named(number: int, pages: Sequence[StreamPage], edits: BatchEdits) -> _Cut:
    """Say which class a document is: what a person chose, else what its pages say together."""
    chosen = {edits.classes[page.page] for page in pages if page.page in edits.classes}
    if len(chosen) == 1:
        return _Cut(number, tuple(pages), chosen.pop(), 1.0, class_by_person=True)
    if chosen:  # joined of documents that people named differently: only a person can say
        return _Cut(number, tuple(pages), UNCLEAR, 0.0, class_by_person=False)
    chances = mean_chances([page.class_chances for page in pages if any(page.class_chances)])
    confidence = round(max(chances), DIGITS)
    sure = confidence >= UNCLEAR_BELOW
    name = class_ids()[chances.index(max(chances))] if sure else UNCLEAR
    return _Cut(number, tuple(pages), name, confidence, class_by_person=False)


def _files_and_fields(
    stream: Stream, cuts: Sequence[_Cut], by_page: Mapping[int, int], elsewhere: Collection[int]
) -> tuple[list[FoundFile], dict[int, list[FieldValue]]]:
    covers = {cut.number for cut in cuts if cut.document_class == COVER_CLASS}
    found = group_documents(stream.candidates, by_page, elsewhere=elsewhere, covers=covers)
    fields: dict[int, list[FieldValue]] = {cut.number: [] for cut in cuts}
    for one in found:
        own = frozenset(one.documents)
        chosen = choose_fields(
            [candidate for candidate in stream.candidates if by_page[candidate.page] in own],
            {page: number for page, number in by_page.items() if number in own},
        )
        for number, values in chosen.items():
            fields[number] = [_value(value) for value in values]
    return found, fields


def _with_edits(
    found: Mapping[int, list[FieldValue]], by_page: Mapping[int, int], edits: BatchEdits
) -> dict[int, list[FieldValue]]:
    """Return the fields of each document with what people said about them."""
    fields = dict(found)
    for (page, name), edit in edits.fields.items():
        if page in by_page:
            own_fields = fields[by_page[page]]
            told = [
                one for one in own_fields if one.name == name and is_about(one, page, edit, edits)
            ]
            fields[by_page[page]] = _decided(own_fields, told, edit)
    return fields


def _with_corrections(
    found: Sequence[FoundFile], fields: Mapping[int, Sequence[FieldValue]]
) -> tuple[PropertyFile, ...]:
    return tuple(
        PropertyFile(
            {**one.property, **_corrected(fields[number] for number in one.documents)},
            one.documents,
        )
        for one in found
    )


def _corrected(documents: Iterable[Sequence[FieldValue]]) -> dict[str, str]:
    """Return what people wrote about the property in any document of a file."""
    told: dict[str, str] = {}
    for fields in documents:
        values = {one.name: one.value for one in fields}
        written = {one.name for one in fields if one.rule == BY_PERSON}
        told |= {name: values[name] for name in written & set(PROPERTY_KEYS)}
        if PARCEL[0] in values and written & set(PARCEL):
            told["flurstueck"] = "/".join(values[name] for name in PARCEL if name in values)
    return told


def _value(field: Field) -> FieldValue:
    return FieldValue(
        name=field.name,
        value=field.value,
        raw=field.raw,
        page=field.page,
        bbox_px=field.box,
        confidence=field.confidence,
        rule=field.rule,
        normalised=field.normalised,
    )


def _decided(
    fields: Sequence[FieldValue], told: Collection[FieldValue], edit: FieldEdit
) -> list[FieldValue]:
    """Apply what a person said about a field; a value without a place on a page is not taken."""
    changed = []
    for one in fields:
        if one not in told or edit.verdict == "spaeter":
            changed.append(one)
        elif edit.verdict == "stimmt":
            changed.append(replace(one, confidence=1.0))
        elif edit.verdict == "korrigiert":
            new = edit.value
            changed.append(
                replace(one, value=new, confidence=1.0, rule=BY_PERSON, normalised=new != one.raw)
            )
    return sorted(changed, key=lambda one: FIELD_NAMES.index(one.name))


def is_about(one: FieldValue, page: int, edit: FieldEdit, edits: BatchEdits = NO_EDITS) -> bool:
    """Say whether a person meant this value.

    One from before the document that was decided about came in when documents were joined, one on
    a page from another document with that page: where it differs from what the person saw, nobody
    has looked at it.

    Args:
        one: The value.
        page: Page of the document under which the decision was made.
        edit: The decision.
        edits: All that people decided.
    """
    if (edit.found or edit.old) in ("", one.value, edit.value):
        return True
    return one.page >= page and not {one.page, page} & edits.moved


def _page(
    page: StreamPage,
    boundary: Boundary,
    document: int,
    together: ClassifiedPage,
    edits: BatchEdits,
) -> BatchPage:
    return BatchPage(
        page=page.page,
        file=page.file,
        stem=page.stem,
        page_class=BLANK_CLASS if page.is_blank else together.label,
        class_probabilities={}
        if page.is_silent
        else dict(zip(class_ids(), page.class_chances, strict=True)),
        quality=(*page.quality, page.error) if page.error else page.quality,
        rotation_deg=edits.rotations.get(page.page, page.rotation_deg),
        script=page.script,
        starts_document=boundary.starts_document,
        boundary_probability=round(boundary.probability, DIGITS),
        document=document,
    )


def _reviews(
    cuts: Sequence[_Cut], boundaries: Sequence[Boundary], edits: BatchEdits
) -> Iterator[ReviewItem]:
    """Yield which classes, cuts and pages a person should look at; what is decided is not asked."""
    by_page = {page.page: cut.number for cut in cuts for page in cut.pages}
    for cut in cuts:
        if cut.document_class == UNCLEAR and not cut.class_by_person:
            yield ReviewItem("class", cut.pages[0].page, cut.number, "", cut.confidence)
    for boundary in boundaries[1:]:
        sure = round(max(boundary.probability, 1 - boundary.probability), DIGITS)
        if sure < BOUNDARY_REVIEW_BELOW and boundary.page not in edits.cuts:
            yield ReviewItem("boundary", boundary.page, by_page[boundary.page], "", sure)
    for page in (page for cut in cuts for page in cut.pages):
        sure = 1.0 if page.confidence is None else page.confidence
        if page.error or sure < PAGE_REVIEW_BELOW:
            sure = 0.0 if page.error else sure
            yield ReviewItem("page", page.page, by_page[page.page], "", sure)


def _field_reviews(
    documents: Sequence[Document], threshold: float, edits: BatchEdits
) -> Iterator[ReviewItem]:
    for document in documents:
        for one in document.fields:
            if one.confidence < threshold and not _is_decided(document, one, edits):
                yield ReviewItem("field", one.page, document.document, one.name, one.confidence)


def _is_decided(document: Document, one: FieldValue, edits: BatchEdits) -> bool:
    return any(
        name == one.name
        and page in document.pages
        and edit.verdict != "spaeter"
        and is_about(one, page, edit, edits)
        for (page, name), edit in edits.fields.items()
    )
