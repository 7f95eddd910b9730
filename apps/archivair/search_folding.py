"""Fold texts for the search: one function for what is searched and for what is searched in.

Small letters, umlauts and both forms of s written out, words broken at line ends joined, marks
around words dropped. Places in the folded text lead back to the words of the page.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.archivair.documents.folding import fold

HYPHENS = ("-", "‐", "‑", "⸗", "¬", "\N{SOFT HYPHEN}", "=")
"""What a broken word ends with; engines read the double hyphen of Fraktur as an equals sign."""
_STAND_ALONE = frozenset({"und", "u", "oder", "od", "bzw", "sowie"})
"""After these a hyphen stands for a part of a word that follows later: "Bau- und Betriebs-"."""
_WORDS_HELD = 65_536


@dataclass(frozen=True, slots=True)
class FoldedWords:
    """Words joined to one folded text.

    Args:
        text: The folded text.
        spans: First character and the one behind the last of each word; empty for a word of
            marks alone.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    def words_at(self, start: int, end: int) -> range:
        """Return the places of the words that a part of the text touches.

        Args:
            start: First character.
            end: Behind the last character.
        """
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        last = bisect_left(self.spans, end, key=lambda span: span[0])
        return range(first, max(first, last))


def fold_text(text: str) -> str:
    """Return a text as it is searched.

    Args:
        text: Any text; line breaks count, because words are broken there.
    """
    return fold_lines([line.split() for line in text.splitlines()]).text


def fold_lines(lines: Iterable[Sequence[str]]) -> FoldedWords:
    """Return the folded text of a page with the way back to its words.

    Args:
        lines: Lines of words in reading order.
    """
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    length, glued = 0, True
    rows = [line for line in lines if line]
    for place, words in enumerate(rows):
        following = rows[place + 1][0] if place + 1 < len(rows) else ""
        for word in words[:-1]:
            length, glued = _append(parts, spans, length, fold_word(word), glued), False
        folded, joins = _line_end(words[-1], following)
        length, glued = _append(parts, spans, length, folded, glued), joins
    return FoldedWords("".join(parts), tuple(spans))


@lru_cache(maxsize=_WORDS_HELD)
def fold_word(word: str) -> str:
    """Return one word folded, without the marks around it.

    Args:
        word: A word without a line break.
    """
    folded = " ".join(fold(word).split())
    start, end = 0, len(folded)
    while start < end and not folded[start].isalnum():
        start += 1
    while end > start and not folded[end - 1].isalnum():
        end -= 1
    return folded[start:end]


def _append(
    parts: list[str], spans: list[tuple[int, int]], length: int, word: str, glued: bool
) -> int:
    """Add a word and return the new length; blanks stand between words, never at the ends."""
    if not word:
        spans.append((length, length))
        return length
    if not glued and length:
        parts.append(" ")
        length += 1
    parts.append(word)
    spans.append((length, length + len(word)))
    return length + len(word)


def _line_end(word: str, following: str) -> tuple[str, bool]:
    """Return the last word of a line folded, and whether the next line goes on with it."""
    folded = fold_word(word)
    if not (word.endswith(HYPHENS) and len(word) > 1 and following):
        return folded, False
    if fold_word(following) in _STAND_ALONE:
        return folded, False
    if word[-2].isalpha() and following[0].islower():
        return folded, True
    # Before a capital or a figure the hyphen belongs to the word itself: Müller-Schmidt, 12-14.
    joins = word[-2].isalnum() and following[0].isalnum()
    return (f"{folded}-" if joins else folded), joins
