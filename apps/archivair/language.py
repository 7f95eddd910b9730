"""Let the letters of German decide where the engines differ; they never bring in a new letter.

A word's probability is a product over its letters, each given the four before it, with counts of
`german_ngrams.npz` and stupid backoff (Brants et al. 2007, doi:10.5555/1557690.1557744). For every
word with contested places, all combinations of what the engines read there are compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

NGRAMS_FILE = Path(__file__).with_name("german_ngrams.npz")
EDGE = "_"
LONGEST = 5
BACKOFF = math.log(0.4)
UNSEEN = math.log(1e-6)
MAX_MARGIN = 7.0
MAX_COMBINATIONS = 256
_LETTERS = re.compile(r"[^\W\d_]+")

WordScore = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a voted line.

    Args:
        text: Chosen text, empty for a gap.
        margin: Log-odds by which it won.
        rivals: What engines read here with summed log-odds, the chosen text among them.
    """

    text: str
    margin: float
    rivals: tuple[tuple[str, float], ...]


@lru_cache(maxsize=1)
def load_ngrams() -> dict[str, int]:
    """Return the counts by letter sequence."""
    with np.load(NGRAMS_FILE, allow_pickle=False) as content:
        parts = content["parts"].tobytes().decode("utf-8")
        counts = content["counts"].tolist()
    return dict(zip(parts.split("\n"), counts, strict=True))


def word_log_probability(word: str) -> float:
    """Return the log-probability of the letters of a word; signs and digits do not count.

    Args:
        word: A word as read, possibly with signs around or inside.
    """
    total = 0.0
    for run in _LETTERS.findall(word):
        plain = run.capitalize() if len(run) > 1 and run.isupper() else run
        total += _run_log_probability(plain)
    return total


def settle_words(slots: Sequence[Slot], weight: float, score: WordScore) -> list[Slot]:
    """Choose again in words with contested places, by votes and letters together.

    Args:
        slots: A voted line.
        weight: Weight of a word's log-probability beside the votes' log-odds.
        score: Log-probability of a word.
    """
    settled = list(slots)
    start = 0
    for end in range(len(slots) + 1):
        if end == len(slots) or any(char.isspace() for char in slots[end].text):
            settled[start:end] = _settle(slots[start:end], weight, score)
            start = end + 1
    return settled


def _settle(slots: Sequence[Slot], weight: float, score: WordScore) -> list[Slot]:
    contested = _contested(slots)
    if not contested:
        return list(slots)
    choices = [
        [rival for rival in slots[place].rivals if not any(char.isspace() for char in rival[0])]
        for place in contested
    ]
    texts = [slot.text for slot in slots]
    scored = []
    for combination in product(*choices):
        for place, (text, _) in zip(contested, combination, strict=True):
            texts[place] = text
        odds = sum(votes for _, votes in combination)
        scored.append((odds + weight * score("".join(texts)), [text for text, _ in combination]))
    best, chosen = max(scored, key=lambda one: one[0])
    result = list(slots)
    for number, (place, text) in enumerate(zip(contested, chosen, strict=True)):
        others = [total for total, other in scored if other[number] != text]
        result[place] = Slot(text, best - max(others), slots[place].rivals)
    return result


def _contested(slots: Sequence[Slot]) -> list[int]:
    """Return the closest decisions of a word, as many as can be combined."""
    places = [
        place
        for place, slot in enumerate(slots)
        if slot.margin <= MAX_MARGIN
        and sum(not any(char.isspace() for char in text) for text, _ in slot.rivals) > 1
    ]
    places.sort(key=lambda place: slots[place].margin)
    combinations, taken = 1, 0
    for place in places:
        combinations *= len(slots[place].rivals)
        if combinations > MAX_COMBINATIONS:
            break
        taken += 1
    return sorted(places[:taken])


@lru_cache(maxsize=50_000)
def _run_log_probability(run: str) -> float:
    ngrams = load_ngrams()
    letters = EDGE + run + EDGE
    return sum(
        _letter_log_probability(letters[max(0, end - LONGEST + 1) : end], letters[end], ngrams)
        for end in range(1, len(letters))
    )


def _letter_log_probability(before: str, letter: str, ngrams: dict[str, int]) -> float:
    penalty = 0.0
    while before:
        together = ngrams.get(before + letter, 0)
        if together:
            return penalty + math.log(together / ngrams[before])
        before = before[1:]
        penalty += BACKOFF
    return max(UNSEEN, penalty + math.log(max(ngrams.get(letter, 0), 0.01) / _total()))


@lru_cache(maxsize=1)
def _total() -> int:
    return sum(count for part, count in load_ngrams().items() if len(part) == 1)
