"""Find the fields of building files: label, value behind or below it, agreement inside the file.

A value is only ever taken from words that stand on a page; each field keeps the box of these words
in pixels of the delivered page image. How sure a field is comes from a logistic regression over
the label's likeness, the value's form, the place, the words' own confidence and what the other
pages of the file say (`field_confidence.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from apps.archivair.documents.candidates import (
    BELOW,
    BESIDE,
    RIGHT,
    Candidate,
    least_confidence,
)
from apps.archivair.documents.cells import Cell, CellPlace, page_cells
from apps.archivair.documents.content import PageContent, union
from apps.archivair.documents.dates import guess_years
from apps.archivair.documents.grammars import read_value
from apps.archivair.documents.open_values import open_candidates
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.parcels import with_strokes
from apps.archivair.documents.patterns import LabelHit, Patterns, Rule, default_patterns
from apps.archivair.documents.repeats import repeated_candidates
from apps.archivair.documents.values import Part, Surroundings, skip_lead

OWN_LINE_GRAMMARS = frozenset(
    {"name", "full_name", "code", "joined_code", "whole", "plan", "class", "scale", "district"}
)
"""Values that hardly ever go on in the next line."""
WORDY_GRAMMARS = frozenset({"project", "code"})
_BRACKETS = re.compile(r"\([^)]*\)")


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
        years = guess_years([page.text for page in pages])
    else:
        years = [around.year_hint] * len(pages)
    known = [
        candidate
        for page, classified, year in zip(pages, found, years, strict=True)
        for candidate in _without_pieces(
            list(_page_candidates(page, classified, replace(around, year_hint=year), patterns))
        )
    ]
    known = list(with_strokes(known))
    again = repeated_candidates(pages, known, years)
    order = {page.number: place for place, page in enumerate(pages)}
    return sorted([*known, *again], key=lambda one: order[one.page])


def _page_candidates(
    page: PageContent, classified: ClassifiedPage, around: Surroundings, patterns: Patterns
) -> Iterator[Candidate]:
    cells = page_cells(page)
    labels = [patterns.find_labels(place.cell.text) for place in cells]
    cells = _own_rows(cells, labels)
    for place, hits in zip(cells, labels, strict=True):
        for hit in hits:
            for name in hit.rules:
                rule = patterns.rules[name]
                if rule.grammar:
                    value = _value(place, hit, rule, (cells, labels), around)
                    yield from _candidates(page, classified, place, hit, rule, value)
    yield from open_candidates(page, cells, classified, around)


def _without_pieces(found: Sequence[Candidate]) -> list[Candidate]:
    """Leave out numbers of files that are a piece of a longer one at the same place."""
    return [
        one
        for one in found
        if one.name != "aktenzeichen"
        or not any(
            other.name == one.name
            and len(one.raw) < len(other.raw)
            and one.raw in other.raw
            and other.box[0] <= one.box[0]
            and one.box[2] <= other.box[2]
            and abs(other.box[1] - one.box[1]) < one.box[3] - one.box[1]
            for other in found
        )
    ]


def _own_rows(cells: Sequence[CellPlace], labels: Sequence[Sequence[LabelHit]]) -> list[CellPlace]:
    """Let no cell go on in one that has a label of its own to its left."""
    labelled = {place.right for place, hits in zip(cells, labels, strict=True) if hits}
    return [
        replace(place, next_line=-1, run=place.cell) if place.next_line in labelled else place
        for place in cells
    ]


def _is_last(text: str, end: int) -> bool:
    """Say whether nothing but signs and remarks in brackets follows a label."""
    rest = _BRACKETS.sub(" ", text[end:])
    return skip_lead(rest, 0) >= len(rest.rstrip(" )"))


def _value(
    place: CellPlace,
    hit: LabelHit,
    rule: Rule,
    page: tuple[list[CellPlace], list[list[LabelHit]]],
    around: Surroundings,
) -> _Found:
    """Read behind the label, in the cell to the right when nothing follows, else below."""
    cells, _ = page
    is_last = _is_last(place.cell.text, hit.end)
    if is_last and place.right >= 0:
        parts = _read_cell(place.right, rule, page, around)
        if parts:
            return _Found(parts, cells[place.right].run, BESIDE)
    text = place.run.text[: _end_of_value(place, hit, rule, page)]
    if rule.grammar in OWN_LINE_GRAMMARS and not is_last:
        text = text[: len(place.cell.text)]
    parts = read_value(rule.grammar, text, hit.end, around)
    if parts:
        return _Found(parts, place.run, RIGHT)
    if rule.below and is_last:
        below = replace(rule, grammar="full_name") if rule.grammar == "name" else rule
        for number in place.below:
            parts = _read_cell(number, below, page, around)
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
        text = place.cell.text
        ends += [
            other.start
            for other in labels[cells.index(place)]
            if other.start >= hit.end and _ends(other, text, rule)
        ]
    if place.next_line >= 0 and labels[place.next_line]:
        ends.append(len(place.cell.text) + 1 + labels[place.next_line][0].start)
    return min(ends)


def _ends(other: LabelHit, text: str, rule: Rule) -> bool:
    """Say whether a label ends the value before it.

    What is built and how a file is numbered may hold words that are labels elsewhere.
    """
    return rule.grammar not in WORDY_GRAMMARS or ":" in text[other.end - 1 : other.end + 1]


def _read_cell(
    number: int,
    rule: Rule,
    page: tuple[list[CellPlace], list[list[LabelHit]]],
    around: Surroundings,
) -> list[Part]:
    """Read a cell up to its first label; a cell that begins with one is no value."""
    cells, labels = page
    place = cells[number]
    text = place.cell.text if rule.grammar in OWN_LINE_GRAMMARS else place.run.text
    end = min([len(text), *(other.start for other in labels[number] if _ends(other, text, rule))])
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
            least_confidence=least_confidence(words),
            at_home=at_home,
            searched=rule.search,
            is_shared=rule.shared,
        )
