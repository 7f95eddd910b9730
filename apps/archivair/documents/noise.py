"""Simulate reading errors in true text, so that training sees what reading engines deliver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from apps.archivair.documents.content import PageContent, PlacedLine, PlacedWord

_CONFUSIONS = {
    "ſ": "sf", "ß": "B8", "ü": "ui", "ö": "o6", "ä": "a", "Ü": "U", "Ö": "O", "Ä": "A", "l": "1I",
    "I": "l1", "1": "lI", "0": "O", "O": "0", "5": "S", "S": "5s", "8": "B", "B": "8R", "e": "c",
    "c": "eo", "n": "ru", "u": "nv", "h": "b", "b": "h", "f": "t", "t": "f", "r": "t", "i": "l",
    "j": "i", "3": "8", "6": "b", "7": "1", ":": ".;", ",": ".", ".": ",", "a": "o", "o": "a",
    "m": "n", "§": "S", "g": "q", "K": "R", "V": "B", "N": "R", "k": "t",
}  # fmt: skip
_LOSS_SHARE, _JOIN_SHARE, _BLANK_LINE_SHARE = 0.15, 0.1, 0.1


def spoil_page(page: PageContent, rate: float, rng: np.random.Generator) -> PageContent:
    """Return a page as an engine might have read it.

    Args:
        page: Page with true text.
        rate: Share of characters in error, 0 to 0.3.
        rng: Random stream.
    """
    if not rate or not page.lines:
        return page
    lines = []
    for line in page.lines:
        if rng.random() < rate * _BLANK_LINE_SHARE:
            continue
        words = _join([_spoil(word, rate, rng) for word in line.words], rate, rng)
        kept = tuple(word for word in words if word.text)
        if kept:
            lines.append(PlacedLine(kept, line.block))
    return replace(page, lines=tuple(lines))


def _spoil(word: PlacedWord, rate: float, rng: np.random.Generator) -> PlacedWord:
    letters, errors = [], 0
    for letter in word.text:
        if rng.random() >= rate:
            letters.append(letter)
            continue
        errors += 1
        choices = _CONFUSIONS.get(letter, "")
        if choices and rng.random() > _LOSS_SHARE:
            letters.append(choices[int(rng.integers(len(choices)))])
    # Engines are usually less sure where they err, but not always.
    sure = 1 - abs(float(rng.normal(0.0, 0.03)))
    unsure = float(rng.uniform(0.3, 0.95)) if errors else sure
    confidence = round(float(np.clip(unsure, 0.02, 0.995)), 3)
    return replace(word, text="".join(letters), confidence=confidence)


def _join(words: list[PlacedWord], rate: float, rng: np.random.Generator) -> list[PlacedWord]:
    """Lose a blank now and then."""
    found: list[PlacedWord] = []
    for word in words:
        if found and rng.random() < rate * _JOIN_SHARE:
            before = found.pop()
            box = (*before.box[:2], *word.box[2:])
            source = (
                min(before.source_box[0], word.source_box[0]),
                min(before.source_box[1], word.source_box[1]),
                max(before.source_box[2], word.source_box[2]),
                max(before.source_box[3], word.source_box[3]),
            )
            least = min(before.confidence, word.confidence)
            word = PlacedWord(before.text + word.text, box, source, least)
        found.append(word)
    return found
