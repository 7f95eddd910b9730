"""Find again what a label names on another page: letters and stamps seldom repeat the label.

The name of the Bauherr stands under letters and in subject lines, the case number on covers and
second pages. Where a page states such a value of a page nearby, the value counts there too. The
search compares folded letters without blanks, so a value may be broken over lines or misread.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.candidates import REPEAT, Candidate, least_confidence
from apps.archivair.documents.content import PageContent, PlacedWord, union
from apps.archivair.documents.dates import find_dates
from apps.archivair.documents.folding import fold_word

RULE = "wiederholung"
REACH_PAGES = 40
NAMES = frozenset({"bauherr", "entwurfsverfasser", "gutachter", "vorhaben"})
DATES = frozenset({"datum_antrag", "datum_genehmigung", "datum_abnahme"})
LEAST_LIKENESS = 0.86
_PARCEL, _PLAN_NUMBERS = ("flurstueck_zaehler", "flurstueck_nenner"), 3
_LEAST_LETTERS = {"aktenzeichen": 5, "strasse": 6}
_USUAL_LEAST = 8
_ENDINGS = frozenset({"", "s", "n", "es", "en"})
_CONFUSED = str.maketrans({"o": "0", "l": "1", "i": "1", "s": "5", "b": "8"})
_PUNCTUATION = " .,;:()[]„“\"'"
_HOUSE_NUMBER = re.compile(r"(?:Nr\.?\s?)?(?P<value>\d{1,4})\s?(?P<letter>[a-zA-Z](?![\w.]))?")


@dataclass(frozen=True)
class _SearchedPage:
    """A page as one string of folded letters with the place of each word."""

    page: PageContent
    as_code: bool

    @cached_property
    def words(self) -> list[PlacedWord]:
        return [word for line in self.page.lines for word in line.words]

    @cached_property
    def pieces(self) -> list[str]:
        return [compact(word.text, as_code=self.as_code) for word in self.words]

    @cached_property
    def text(self) -> str:
        return "".join(self.pieces)

    @cached_property
    def starts(self) -> list[int]:
        starts, place = [], 0
        for piece in self.pieces:
            starts.append(place)
            place += len(piece)
        return starts

    def find(self, sought: str, *, exactly: bool) -> tuple[int, int, float] | None:
        """Return first word, word behind the last and likeness of a value, None if absent."""
        place = self.text.find(sought)
        while place >= 0:
            found = self._snap(place, place + len(sought), sought)
            if found:
                return found
            place = self.text.find(sought, place + 1)
        if exactly or len(self.text) < len(sought):
            return None
        near = fuzz.partial_ratio_alignment(sought, self.text, score_cutoff=100 * LEAST_LIKENESS)
        return self._snap(near.dest_start, near.dest_end, sought) if near else None

    def _snap(self, start: int, end: int, sought: str) -> tuple[int, int, float] | None:
        """Take whole words only; a name may carry the ending of a case."""
        first = bisect.bisect_right(self.starts, start + 1) - 1
        last = bisect.bisect_left(self.starts, end - 1)
        while first < last and not self.pieces[first]:
            first += 1
        taken = "".join(self.pieces[first:last])
        if taken.startswith(sought) and taken[len(sought) :] in _ENDINGS:
            return first, last, 1.0
        likeness = Levenshtein.normalized_similarity(sought, taken)
        return (first, last, likeness) if likeness >= LEAST_LIKENESS else None


def compact(text: str, *, as_code: bool) -> str:
    """Return the folded letters and figures of a text without blanks.

    Args:
        text: Any text.
        as_code: Whether letters that are misread for figures become figures.
    """
    folded = fold_word(text).replace(" ", "")
    return folded.translate(_CONFUSED) if as_code else folded


def repeated_candidates(
    pages: Sequence[PageContent], known: Sequence[Candidate], year_hints: Sequence[int | None]
) -> list[Candidate]:
    """Return where pages state again what labels name on pages nearby.

    Args:
        pages: Pages in their order.
        known: What labels name.
        year_hints: About when each page was written.
    """
    by_value: dict[tuple[str, str], list[Candidate]] = {}
    for one in known:
        if one.is_shared:
            by_value.setdefault((one.name, one.value), []).append(one)
    stated: dict[tuple[int, str], set[str]] = {}
    for one in known:
        stated.setdefault((one.page, one.name), set()).add(one.value)
    sources = [
        _Source(name, value, tuple(sorted({one.page for one in found})), tuple(found))
        for (name, value), found in by_value.items()
    ]
    numbers = _house_numbers(known)
    stretches: dict[int, list[_Source]] = {}
    for source in sources:
        for stretch in {page // REACH_PAGES for page in source.pages}:
            for near_by in (stretch - 1, stretch, stretch + 1):
                stretches.setdefault(near_by, []).append(source)
    found: list[Candidate] = []
    for page, hint in zip(pages, year_hints, strict=True):
        reached = dict.fromkeys(stretches.get(page.number // REACH_PAGES, ()))
        near = [
            source
            for source in reached
            if source.is_near(page.number)
            and not any(source.value in one for one in stated.get((page.number, source.name), ()))
        ]
        if page.lines and near:
            found += _on_page(page, near, numbers, hint)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A value that labels name.

    Args:
        name: Name of the field.
        value: Normal form.
        pages: Pages where labels name it, ascending.
        found: The candidates.
    """

    name: str
    value: str
    pages: tuple[int, ...]
    found: tuple[Candidate, ...]

    def is_near(self, page: int) -> bool:
        """Say whether a label names it nearby."""
        place = bisect.bisect_left(self.pages, page)
        nearest = self.pages[max(0, place - 1) : place + 1]
        return any(abs(one - page) <= REACH_PAGES for one in nearest)

    @property
    def support(self) -> float:
        """How often labels name it, 0 to 1."""
        return len(self.pages) / (len(self.pages) + 1)


def _house_numbers(known: Sequence[Candidate]) -> dict[str, set[str]]:
    """Return the house numbers that stand beside each street."""
    numbers: dict[str, set[str]] = {}
    for street, number in itertools.pairwise(known):
        beside = street.name == "strasse" and number.name == "hausnummer"
        if beside and (street.page, street.rule) == (number.page, number.rule):
            numbers.setdefault(street.value, set()).add(number.value)
    return numbers


def _on_page(
    page: PageContent, near: Sequence[_Source], numbers: dict[str, set[str]], hint: int | None
) -> Iterator[Candidate]:
    plain, code = _SearchedPage(page, False), _SearchedPage(page, True)
    yield from _dates(page, [one for one in near if one.name in DATES], hint)
    hits: list[tuple[_Source, tuple[int, int], float]] = []
    for source in near:
        is_code = source.name == "aktenzeichen"
        if not (is_code or source.name in NAMES or source.name == "strasse"):
            continue
        if source.name in NAMES and " " not in source.value:
            continue
        sought = compact(source.value, as_code=is_code)
        if len(sought) < _LEAST_LETTERS.get(source.name, _USUAL_LEAST):
            continue
        found = (code if is_code else plain).find(sought, exactly=len(sought) < _USUAL_LEAST)
        if found:
            hits.append((source, found[:2], found[2]))
    for source, span, likeness in _longest(hits):
        if source.name == "strasse":
            yield from _street(page, source, plain.words, span, likeness, numbers)
        else:
            yield _repeat(page, source, plain.words[span[0] : span[1]], likeness)
    yield from _parcel_on_plan(page, near)


def _longest(
    hits: Sequence[tuple[_Source, tuple[int, int], float]],
) -> Iterator[tuple[_Source, tuple[int, int], float]]:
    """Leave out what is only a part of another value of the same field."""
    for source, span, likeness in hits:
        inside = any(
            other is not source
            and other.name == source.name
            and taken[0] <= span[0]
            and span[1] <= taken[1]
            and (span != taken or (fit, other.support) > (likeness, source.support))
            for other, taken, fit in hits
        )
        if not inside:
            yield source, span, likeness


def _parcel_on_plan(page: PageContent, near: Sequence[_Source]) -> Iterator[Candidate]:
    """Yield the parcel where its number stands alone among others, as on plans."""
    alone = [line for line in page.lines if len(line.words) == 1]
    if sum(line.text.isdigit() for line in alone) < _PLAN_NUMBERS:
        return
    parts = {name: [one for one in near if one.name == name] for name in _PARCEL}
    for line in alone:
        first, _, second = line.text.partition("/")
        for source in parts[_PARCEL[0]]:
            if source.value != first:
                continue
            below = [one for one in parts[_PARCEL[1]] if one.value == second]
            if bool(second) == bool(below):
                yield _repeat(page, source, line.words, 1.0)
                yield from (_repeat(page, one, line.words, 1.0) for one in below)


def _street(
    page: PageContent,
    source: _Source,
    words: Sequence[PlacedWord],
    span: tuple[int, int],
    likeness: float,
    numbers: dict[str, set[str]],
) -> Iterator[Candidate]:
    """Yield street and number; a number that no label names is of another house."""
    following = words[span[1] : span[1] + 2]
    match = _HOUSE_NUMBER.match(" ".join(word.text for word in following))
    known = numbers.get(source.value, set())
    if not match:
        yield _repeat(page, source, words[span[0] : span[1]], likeness)
        return
    value = match["value"] + (match["letter"] or "").lower()
    if value not in known:
        return
    yield _repeat(page, source, words[span[0] : span[1]], likeness)
    taken = following[: 2 if match["letter"] and len(following[0].text) < match.end() else 1]
    if not any(char.isdigit() for char in taken[0].text):
        taken = following[:2]
    yield _repeat(page, _Source("hausnummer", value, source.pages, source.found), taken, likeness)


def _dates(page: PageContent, near: Sequence[_Source], hint: int | None) -> Iterator[Candidate]:
    """Yield dates that exactly one field has nearby."""
    by_day: dict[str, list[_Source]] = {}
    for source in near:
        by_day.setdefault(source.value, []).append(source)
    if not by_day:
        return
    for line in page.lines:
        for hit in find_dates(line.text, hint):
            sources = by_day.get(hit.value, [])
            if len(sources) != 1:
                continue
            place, words = 0, []
            for word in line.words:
                if place < hit.end and place + len(word.text) > hit.start:
                    words.append(word)
                place += len(word.text) + 1
            yield _repeat(page, sources[0], words, hit.strictness)


def _repeat(
    page: PageContent, source: _Source, words: Sequence[PlacedWord], likeness: float
) -> Candidate:
    return Candidate(
        name=source.name,
        value=source.value,
        raw=" ".join(word.text for word in words).strip(_PUNCTUATION),
        page=page.number,
        box=union([word.source_box for word in words]),
        rule=RULE,
        place=REPEAT,
        likeness=likeness,
        label_length=0,
        has_colon=False,
        starts_cell=False,
        strictness=max(one.strictness for one in source.found),
        least_confidence=least_confidence(words),
        at_home=source.support,
        searched=False,
        is_shared=True,
    )
