"""Find the fields of building files: label, value behind or below it, agreement inside the file.

A value is only ever taken from words that stand on a page; each field keeps the box of these words
in pixels of the delivered page image. How sure a field is comes from a logistic regression over
the label's likeness, the value's form, the place, the words' own confidence and what the other
pages of the file say (`field_confidence.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from apps.archivair.documents.cells import Cell, CellPlace, page_cells
from apps.archivair.documents.content import Box, PageContent, PlacedWord, union
from apps.archivair.documents.dates import guess_year
from apps.archivair.documents.grammars import read_value
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.patterns import LabelHit, Patterns, Rule, default_patterns
from apps.archivair.documents.values import Part, Surroundings, skip_lead

RIGHT, BESIDE, BELOW = "rechts", "daneben", "darunter"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that may be the one of a field.

    Args:
        name: Name of the field.
        value: Normal form.
        raw: As it stands on the page.
        page: Number of the page in the stream, from 1.
        box: Box of its words in pixels of the delivered page image.
        rule: Rule that found it.
        place: Where it stands from the label.
        likeness: How well the label fits, 0.8 to 1.
        label_length: Letters of the label.
        has_colon: Whether a colon follows the label.
        starts_cell: Whether the label begins its cell.
        strictness: How little else the value could be, 0 to 1.
        least_confidence: Least confidence of its words.
        at_home: Probability that the page is of a class where the rule is at home.
        searched: Whether the value stood anywhere in the line.
        is_shared: Whether the value is the same in the whole file.
    """

    name: str
    value: str
    raw: str
    page: int
    box: Box
    rule: str
    place: str
    likeness: float
    label_length: int
    has_colon: bool
    starts_cell: bool
    strictness: float
    least_confidence: float
    at_home: float
    searched: bool
    is_shared: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A value with the cell it was read in."""

    parts: list[Part]
    cell: Cell
    place: str


def find_candidates(
    pages: Sequence[PageContent],
    found: Sequence[ClassifiedPage],
    around: Surroundings | None = None,
    patterns: Patterns | None = None,
) -> list[Candidate]:
    """Return all values behind labels, several for the same field included.

    Args:
        pages: Pages of one document, one file or one stream.
        found: Their classes.
        around: Streets and districts of the municipality; the year is guessed when missing.
        patterns: Rules; those of the package by default.
    """
    patterns = patterns or default_patterns()
    around = around or Surroundings()
    if around.year_hint is None:
        around = replace(around, year_hint=guess_year([page.text for page in pages]))
    return [
        candidate
        for page, classified in zip(pages, found, strict=True)
        for candidate in _page_candidates(page, classified, around, patterns)
    ]


def _page_candidates(
    page: PageContent, classified: ClassifiedPage, around: Surroundings, patterns: Patterns
) -> Iterator[Candidate]:
    cells = page_cells(page)
    labels = [patterns.find_labels(place.cell.text) for place in cells]
    for place, hits in zip(cells, labels, strict=True):
        for hit in hits:
            for name in hit.rules:
                rule = patterns.rules[name]
                if rule.grammar:
                    value = _value(place, hit, rule, (cells, labels), around)
                    yield from _candidates(page, classified, place, hit, rule, value)


def _value(
    place: CellPlace,
    hit: LabelHit,
    rule: Rule,
    page: tuple[list[CellPlace], list[list[LabelHit]]],
    around: Surroundings,
) -> _Found:
    """Read behind the label, in the cell to the right when nothing follows, else below."""
    cells, _ = page
    is_last = skip_lead(place.cell.text, hit.end) >= len(place.cell.text)
    if is_last and place.right >= 0:
        parts = _read_cell(place.right, rule, page, around)
        if parts:
            return _Found(parts, cells[place.right].run, BESIDE)
    text = place.run.text[: _end_of_value(place, hit, rule, page)]
    parts = read_value(rule.grammar, text, hit.end, around)
    if parts:
        return _Found(parts, place.run, RIGHT)
    if rule.below:
        for number in place.below:
            parts = _read_cell(number, rule, page, around)
            if parts and _is_under(place, hit, cells[number].run, parts[0]):
                return _Found(parts, cells[number].run, BELOW)
    return _Found([], place.cell, RIGHT)


def _end_of_value(
    place: CellPlace,
    hit: LabelHit,
    rule: Rule,
    page: tuple[list[CellPlace], list[list[LabelHit]]],
) -> int:
    """Return where the next label ends what belongs to this one, in the text of the run."""
    cells, labels = page
    ends = [len(place.run.text)]
    if not rule.search:
        ends += [other.start for other in labels[cells.index(place)] if other.start >= hit.end]
    if place.next_line >= 0 and labels[place.next_line]:
        ends.append(len(place.cell.text) + 1 + labels[place.next_line][0].start)
    return min(ends)


def _read_cell(
    number: int,
    rule: Rule,
    page: tuple[list[CellPlace], list[list[LabelHit]]],
    around: Surroundings,
) -> list[Part]:
    """Read a cell up to its first label; a cell that begins with one is no value."""
    cells, labels = page
    text = cells[number].run.text
    end = min([len(text), *(other.start for other in labels[number])])
    return read_value(rule.grammar, text[:end], 0, around) if end else []


def _is_under(place: CellPlace, hit: LabelHit, cell: Cell, part: Part) -> bool:
    """Say whether a value begins under its label, not under another word of the line."""
    label = union([word.box for word in place.cell.words_between(hit.start, hit.end)])
    value = union([word.box for word in cell.words_between(part.start, part.end)])
    slack = 1.5 * place.cell.height
    return label[0] - slack <= value[0] <= label[2] + slack


def _candidates(
    page: PageContent,
    classified: ClassifiedPage,
    place: CellPlace,
    hit: LabelHit,
    rule: Rule,
    found: _Found,
) -> Iterator[Candidate]:
    by_class = classified.by_class()
    at_home = sum(by_class[one] for one in rule.classes) if rule.classes else 1.0
    text = place.cell.text
    for part in found.parts:
        words = found.cell.words_between(part.start, part.end)
        yield Candidate(
            name=rule.field if part.name == "value" else part.name,
            value=part.value,
            raw=found.cell.text[part.start : part.end],
            page=page.number,
            box=union([word.source_box for word in words]),
            rule=rule.name,
            place=found.place,
            likeness=hit.likeness,
            label_length=hit.length,
            has_colon=":" in text[hit.end - 1 : hit.end + 2],
            starts_cell=hit.start == 0,
            strictness=part.strictness,
            least_confidence=_least(words),
            at_home=at_home,
            searched=rule.search,
            is_shared=rule.shared,
        )


def _least(words: Sequence[PlacedWord]) -> float:
    return min(word.confidence for word in words)
