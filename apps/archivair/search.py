"""Find pages by words, also misread or spelt otherwise, and say where on the page they stand.

The index proposes pages that share runs of three characters with the query; each of them is then
compared letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rapidfuzz import fuzz

from apps.archivair.index import IndexedLine, IndexedWord, SearchIndex
from apps.archivair.search_folding import FoldedWords, fold_lines, fold_text
from apps.archivair.search_synonyms import synonyms

CANDIDATES: Final = 200
LONGEST_QUERY: Final = 200
MOST_TERMS: Final = 12
FOUND_SHARE: Final = 0.5
"""Share of the letters of a query that a page must hold to be a hit."""
SYNONYM_WORTH: Final = 0.95
_SHORT, _MIDDLE = 3, 5
_MIDDLE_SCORE, _LONG_SCORE = 80.0, 75.0
_INSIDE_WORD_WORTH: Final = 0.99
"""What each end of a find within a longer word costs: whole words come first."""
PHRASE_LEAST: Final = 75.0
"""Least likeness, 0 to 100, by which all words side by side make a hit even if none is exact."""
_BEST_WEIGHT: Final = 0.85
"""Words side by side with a misread one, or all words apart: either makes a good hit."""
_MARKED_SHARE: Final = 0.5
_MOST_REPEATS: Final = 20
_NEAR: Final = 10
"""Characters between a short word and the next found one."""
_WORDS_BEFORE, _WORDS_AFTER = 6, 14
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query.

    Args:
        text: The word folded.
        others: Folded words that mean the same.
    """

    text: str
    others: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether it must stand there letter by letter: short words and years."""
        return len(self.text) <= _SHORT or (len(self.text) <= _SHORT + 1 and self.has_digit)

    @property
    def has_digit(self) -> bool:
        """Whether it holds a figure: 12 is not to be found in 1912."""
        return any(char.isdigit() for char in self.text)

    @property
    def least_score(self) -> float:
        """Least likeness of a find, 0 to 100."""
        return _MIDDLE_SCORE if len(self.text) <= _MIDDLE else _LONG_SCORE


@dataclass(frozen=True)
class Query:
    """What somebody searches.

    Args:
        text: The words as typed.
    """

    text: str

    @cached_property
    def folded(self) -> str:
        """All words folded."""
        return " ".join(term.text for term in self.terms)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Its words, each once."""
        known = synonyms()
        words = dict.fromkeys(fold_text(self.text[:LONGEST_QUERY]).split())
        return tuple(Term(word, known.get(word, ())) for word in words)[:MOST_TERMS]


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that holds what is searched.

    Args:
        page: Its number in the batch, from 1.
        score: Likeness of the best places, 0 to 1.
        spans: Where they stand in the folded text of the page.
        missing: Words of the query, folded, that were not found by themselves.
        others: Words, folded, that were found in place of a word that means the same.
    """

    page: int
    score: float
    spans: tuple[Span, ...]
    missing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The words around a find.

    Args:
        parts: Words as they were read, each with whether it was searched.
        marks: All words of the page that were searched, with their places.
    """

    parts: tuple[tuple[str, bool], ...]
    marks: tuple[IndexedWord, ...]

    @property
    def text(self) -> str:
        """The words joined by blanks."""
        return " ".join(word for word, _ in self.parts)


Corrections = Mapping[int, Sequence[IndexedLine]]
"""Lines by page that people wrote in place of what was read; they are searched as well."""


def search_pages(
    index: SearchIndex,
    query: Query,
    *,
    pages: Collection[int] | None = None,
    corrections: Corrections | None = None,
) -> list[Hit]:
    """Return the pages that hold what is searched, the best first.

    Args:
        index: Index of a batch.
        query: What is searched.
        pages: Only these; None for all.
        corrections: What people wrote in place of what was read.

    Raises:
        ReadingUnusable: The index is damaged.
    """
    if not query.terms:
        return []
    texts = _candidates(index, query, pages)
    for number, lines in (corrections or {}).items():
        if pages is None or number in pages:
            texts[number] = fold_lines(_texts([*index.lines(number), *lines])).text
    hits = [hit for number, text in texts.items() if (hit := _compare(query, number, text))]
    return sorted(hits, key=lambda hit: (-hit.score, hit.page))


def excerpt(hit: Hit, lines: Sequence[IndexedLine]) -> Excerpt:
    """Return the words around a hit.

    Args:
        hit: The hit.
        lines: Lines of its page, then those that people corrected.
    """
    words = [word for line in lines for word in line]
    folded = fold_lines(_texts(lines))
    marked = {place for span in hit.spans for place in _marked(folded, span)}
    focus = min(_marked(folded, hit.spans[0]), default=0) if hit.spans else 0
    shown = range(max(0, focus - _WORDS_BEFORE), min(len(words), focus + _WORDS_AFTER))
    return Excerpt(
        parts=tuple((words[place].text, place in marked) for place in shown),
        marks=tuple(words[place] for place in sorted(marked)),
    )


def _candidates(index: SearchIndex, query: Query, pages: Collection[int] | None) -> dict[int, str]:
    """Ask for the words themselves and for those that mean the same, so that none crowds out."""
    texts = index.candidates([query.folded], limit=CANDIDATES, pages=pages)
    others = [other for term in query.terms for other in term.others]
    if others:
        texts |= index.candidates(others, limit=CANDIDATES, pages=pages)
    return texts


def _compare(query: Query, number: int, text: str) -> Hit | None:
    """Look for each word of the query; None where too little of it is on the page."""
    total = sum(len(term.text) for term in query.terms)
    reached = 0.0
    spans: dict[Term, list[Span]] = {}
    others: list[str] = []
    for term in query.terms:
        score, own, other = _find(term, text)
        if own:
            reached += score * len(term.text)
            spans[term] = own
        if other:
            others.append(other)
    phrase, beside = _find_phrase(query, text)
    if not beside and sum(len(term.text) for term in spans) < FOUND_SHARE * total:
        return None
    score = reached / total
    if len(query.terms) > 1:
        best, second = max(score, phrase), min(score, phrase)
        score = _BEST_WEIGHT * best + (1 - _BEST_WEIGHT) * second
    missing = tuple(term.text for term in query.terms if term not in spans)
    return Hit(
        page=number,
        score=round(score / 100, 4),
        spans=(*beside, *_telling(spans)),
        missing=missing,
        others=tuple(others),
    )


def _find_phrase(query: Query, text: str) -> tuple[float, list[Span]]:
    """Return how like all words side by side are (0 to 100), and where if they are enough."""
    if len(query.terms) < 2 or not text:
        return 0.0, []
    near = fuzz.partial_ratio_alignment(query.folded, text)
    if near is None:
        return 0.0, []
    found = near.score >= PHRASE_LEAST and len(text) >= len(query.folded)
    return near.score, [(near.dest_start, near.dest_end)] if found else []


def _telling(spans: Mapping[Term, Sequence[Span]]) -> tuple[Span, ...]:
    """Return all places but those of short words far from the others: each page has many."""
    anchors = [span for term, own in spans.items() if not term.is_exact for span in own]
    kept: list[Span] = []
    for term, own in spans.items():
        near = [
            span
            for span in own
            if any(
                abs(span[0] - one[1]) <= _NEAR or abs(one[0] - span[1]) <= _NEAR for one in anchors
            )
        ]
        kept += near or own[:1] if term.is_exact and anchors else own
    return tuple(kept)


def _find(term: Term, text: str) -> tuple[float, list[Span], str]:
    """Return likeness (0 to 100), places and the word of the same meaning that stands there."""
    score, spans = _find_word(term, text)
    if spans:
        return score, spans, ""
    best: tuple[float, list[Span], str] = (0.0, [], "")
    for other in term.others:
        score, spans = _find_word(Term(other, ()), text)
        if spans and SYNONYM_WORTH * score > best[0]:
            best = SYNONYM_WORTH * score, spans, other
    return best


def _find_word(term: Term, text: str) -> tuple[float, list[Span]]:
    places = sorted(_places(term.text, text), key=lambda one: (-_worth(text, one), one))
    if term.has_digit:
        whole = [one for one in places if _is_apart(text, one)]
        places = whole if term.is_exact else whole or places
    if places:
        return 100 * _worth(text, places[0]), places
    if term.is_exact:
        return 0.0, []
    near = fuzz.partial_ratio_alignment(term.text, text, score_cutoff=term.least_score)
    if near is None or near.score < term.least_score:
        return 0.0, []
    span = near.dest_start, near.dest_end
    return near.score * _worth(text, span), [span]


def _places(needle: str, text: str) -> Iterator[Span]:
    for place, match in enumerate(re.finditer(re.escape(needle), text)):
        if place >= _MOST_REPEATS:
            return
        yield match.span()


def _worth(text: str, span: Span) -> float:
    """Return 1 for a whole word, a little less for a part of one."""
    before = span[0] > 0 and text[span[0] - 1].isalnum()
    behind = span[1] < len(text) and text[span[1]].isalnum()
    return float(_INSIDE_WORD_WORTH ** (before + behind))


def _is_apart(text: str, span: Span) -> bool:
    """Say whether no figure stands before or behind: 12 in "12a" but not in "1912"."""
    before = span[0] > 0 and text[span[0] - 1].isdigit()
    behind = span[1] < len(text) and text[span[1]].isdigit()
    return not before and not behind


def _marked(folded: FoldedWords, span: Span) -> Iterator[int]:
    """Yield the words that a find covers by more than half, or that cover it."""
    length = span[1] - span[0]
    for place in folded.words_at(*span):
        start, end = folded.spans[place]
        common = min(end, span[1]) - max(start, span[0])
        if common > _MARKED_SHARE * min(end - start, length):
            yield place


def _texts(lines: Sequence[IndexedLine]) -> list[list[str]]:
    return [[word.text for word in line] for line in lines]
