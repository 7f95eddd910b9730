"""Characters that usually follow others: an n-gram model and the search that uses it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.tasks.grey_lines import BLANK

ORDER = 6
START = "\n"
DISCOUNT = 0.75
BEAM = 16
LEAST_LOG = -9.0
"""Symbols less likely in a column are not tried."""


class CharacterModel:
    """Probability of the next character after up to `ORDER` - 1 others.

    Interpolated absolute discounting (H. Ney et al. 1994, doi:10.1006/csla.1994.1001).

    Args:
        texts: To count in.
        order: Longest group of characters.
    """

    def __init__(self, texts: Iterable[str], order: int = ORDER) -> None:
        self.order = order
        self._followers: dict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            padded = START * (order - 1) + text
            for place in range(order - 1, len(padded)):
                for length in range(order):
                    self._followers[padded[place - length : place]][padded[place]] += 1
        self._signs = len(self._followers[""]) + 1
        self._known: dict[tuple[str, str], float] = {}

    def log(self, before: str, sign: str) -> float:
        """Return the natural logarithm of the probability of a character.

        Args:
            before: All characters before it in the line.
            sign: The character.
        """
        context = (START * (self.order - 1) + before)[-(self.order - 1) :]
        key = (context, sign)
        if key not in self._known:
            self._known[key] = math.log(self._probability(context, sign))
        return self._known[key]

    def _probability(self, context: str, sign: str) -> float:
        counts = self._followers.get(context)
        shorter = self._probability(context[1:], sign) if context else 1 / self._signs
        if not counts:
            return shorter
        total = counts.total()
        kept = max(0.0, counts[sign] - DISCOUNT) / total
        return kept + DISCOUNT * len(counts) / total * shorter


@dataclass(frozen=True)
class Search:
    """Settings of the search.

    Attributes:
        weight: Of the character model's logarithm.
        bonus: For each character, against the model's liking for short lines.
        beam: Texts that are kept per column.
    """

    weight: float
    bonus: float
    beam: int = BEAM


def search_text(
    logs: NDArray[np.float32], alphabet: Sequence[str], model: CharacterModel, search: Search
) -> str:
    """Return the most probable text of a line under network and character model.

    Prefix search (A. Graves, N. Jaitly 2014, https://proceedings.mlr.press/v32/graves14.html).

    Args:
        logs: Log probabilities (columns, symbols).
        alphabet: Symbols; the last, unknown one is never written.
        model: Of characters.
        search: Settings.
    """
    # Per text: log probability of all ways that end in a blank, and of those that do not; the
    # third value is what the character model adds.
    beams: dict[str, tuple[float, float, float]] = {"": (0.0, -math.inf, 0.0)}
    for column in logs[:, : len(alphabet) - 1]:
        tried = np.flatnonzero(column > LEAST_LOG)
        found = _advance(beams, column, tried.tolist(), alphabet, model, search)
        best = sorted(found.items(), key=lambda entry: -_total(entry[1]))[: search.beam]
        beams = dict(best)
    return max(beams.items(), key=lambda entry: _total(entry[1]))[0].strip()


def _total(ways: tuple[float, float, float]) -> float:
    return float(np.logaddexp(ways[0], ways[1])) + ways[2]


def _advance(
    beams: dict[str, tuple[float, float, float]],
    column: NDArray[np.float32],
    tried: list[int],
    alphabet: Sequence[str],
    model: CharacterModel,
    search: Search,
) -> dict[str, tuple[float, float, float]]:
    found: dict[str, tuple[float, float, float]] = {}

    def add(text: str, blank: float, sign: float, bias: float) -> None:
        old = found.get(text, (-math.inf, -math.inf, bias))
        found[text] = (_join(old[0], blank), _join(old[1], sign), bias)

    for text, (blank, sign, bias) in beams.items():
        both = _join(blank, sign)
        add(text, both + float(column[BLANK]), -math.inf, bias)
        for symbol in tried:
            if symbol == BLANK:
                continue
            letter, score = alphabet[symbol], float(column[symbol])
            before = both
            if text.endswith(letter):
                add(text, -math.inf, sign + score, bias)
                before = blank
            if before > -math.inf:
                gain = search.weight * model.log(text, letter) + search.bonus
                add(text + letter, -math.inf, before + score, bias + gain)
    return found


def _join(first: float, second: float) -> float:
    if first == -math.inf:
        return second
    if second == -math.inf:
        return first
    high, low = max(first, second), min(first, second)
    return high + math.log1p(math.exp(low - high))
