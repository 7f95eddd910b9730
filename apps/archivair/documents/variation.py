"""Vary pages for training, so that a classifier learns more than the wording of one generator.

Lines are left out or replaced by usual words of the class (`classes.toml`), headings by other usual
headings. What an office writes differs from town to town; what a page of a class is about does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from apps.archivair.documents.content import PageContent, PlacedLine, PlacedWord
from apps.archivair.documents.folding import fold_word
from apps.archivair.documents.page_classes import written_titles, written_words

DROP_SHARE, REPLACE_SHARE, LOSE_SHARE = 0.3, 0.6, 0.15
REWORDED_PAGES, REWORDED_LINES, LETTERS_PER_WORD = 0.6, 0.5, 22
NO_LOOK_SHARE = 0.2
HEADING_LIKE = 1.15
_TOP_SHARE, _MOST_HEADINGS = 0.5, 2


def vary_page(page: PageContent, page_class: str, rng: np.random.Generator) -> PageContent:
    """Return a page as another office might have written it.

    Args:
        page: Page with text.
        page_class: Its class.
        rng: Random stream.
    """
    look = None if rng.random() < NO_LOOK_SHARE else page.look
    if len(page.lines) < 2:
        return replace(page, look=look)
    headings = _headings(page, page_class)
    rewording = REWORDED_LINES if rng.random() < REWORDED_PAGES else 0.0
    kept: list[PlacedLine] = []
    chance = float(rng.random())
    for number, line in enumerate(page.lines):
        if number in headings:
            if chance < REPLACE_SHARE:
                kept.append(_written(line, [_drawn(written_titles(page_class), rng)]))
            elif chance < 1 - LOSE_SHARE:
                kept.append(line)
        elif rng.random() < rewording:
            count = 1 + len(line.text) // LETTERS_PER_WORD
            words = written_words(page_class)
            kept.append(_written(line, [_drawn(words, rng) for _ in range(count)]))
        elif rng.random() >= DROP_SHARE:
            kept.append(line)
    return replace(page, lines=tuple(kept or page.lines[:1]), look=look)


def _drawn(texts: Sequence[str], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]


def _headings(page: PageContent, page_class: str) -> set[int]:
    """Return the lines that head the page: large ones near the top, or a usual heading."""
    heights = [line.box[3] - line.box[1] for line in page.lines]
    usual = float(np.median(heights))
    titles = _folded_titles(page_class)
    found = [
        number
        for number, line in enumerate(page.lines)
        if line.box[1] < _TOP_SHARE * page.height
        and (
            any(title in fold_word(line.text) for title in titles)
            or heights[number] > HEADING_LIKE * usual
        )
    ]
    return set(sorted(found, key=lambda number: -heights[number])[:_MOST_HEADINGS])


@lru_cache(maxsize=64)
def _folded_titles(page_class: str) -> Sequence[str]:
    return tuple(fold_word(title) for title in written_titles(page_class))


def _written(line: PlacedLine, texts: Sequence[str]) -> PlacedLine:
    """Return other words in the place of a line."""
    words = " ".join(texts).split()
    left, top, right, bottom = line.box
    width = (right - left) / max(1, len(words))
    placed = []
    for at, word in enumerate(words):
        box = (left + at * width, top, left + (at + 0.9) * width, bottom)
        placed.append(PlacedWord(word, box, box))
    return PlacedLine(tuple(placed), line.block)
