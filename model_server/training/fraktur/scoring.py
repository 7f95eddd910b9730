"""Errors of read lines, counted after the same normalisation for every engine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from model_server.training.fraktur.lines import Line

_DASHES = re.compile("[\u2010-\u2015\u2212\u2e17\u2e3a\u2e3b\u00ac=]")
_DOUBLE_QUOTES = re.compile("[\u201c-\u201f\u00ab\u00bb\u2033]")
_SINGLE_QUOTES = re.compile("[\u2018-\u201b\u2039\u203a\u2032`\u00b4]")
_OLD_UMLAUT = re.compile("([aouAOU])\u0364")
RESAMPLES = 2000
Normalise = Callable[[str], str]


def normalise(text: str) -> str:
    """Return a text as it is compared.

    Composed characters, one kind of dash and of each quote, round s, I for J, single spaces.
    """
    text = unicodedata.normalize("NFC", text)
    text = _DASHES.sub("-", text)
    text = _SINGLE_QUOTES.sub("'", _DOUBLE_QUOTES.sub('"', text))
    return " ".join(text.replace("\u017f", "s").replace("J", "I").split())


def normalise_umlauts(text: str) -> str:
    """Return a text as it is compared, old umlauts (letter + U+0364) as today's."""
    return normalise(_OLD_UMLAUT.sub("\\1\u0308", unicodedata.normalize("NFC", text)))


def keep_raw(text: str) -> str:
    """Return the diplomatic text, only with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True)
class Errors:
    """Errors of many lines.

    Attributes:
        lines: Number of lines.
        characters: Of the reference.
        character_error_rate: Edit distances / characters, pooled.
        interval_95: Of it, by drawing works with replacement.
        word_error_rate: The same with words.
        perfect_lines: Share of lines without any error.
    """

    lines: int
    characters: int
    character_error_rate: float
    interval_95: tuple[float, float]
    word_error_rate: float
    perfect_lines: float


def count_errors(
    lines: Sequence[Line], found: Sequence[str], comparable: Normalise = normalise, seed: int = 1
) -> Errors:
    """Compare read texts with the transcriptions.

    Args:
        lines: With the true texts.
        found: Read texts in the same order.
        comparable: Normalisation of both.
        seed: Of the interval.

    Raises:
        ValueError: There are no lines or not one text per line.
    """
    if not lines:
        message = "There are no lines to compare."
        raise ValueError(message)
    rows, words, wrong_words, perfect = [], 0, 0, 0
    for line, text in zip(lines, found, strict=True):
        truth, read = comparable(line.text), comparable(text)
        distance = Levenshtein.distance(truth, read)
        rows.append((line.work, distance, len(truth)))
        words += len(truth.split())
        wrong_words += Levenshtein.distance(truth.split(), read.split())
        perfect += distance == 0
    sums = _sum_works(rows)
    distance, characters = sums.sum(axis=0)
    return Errors(
        lines=len(lines),
        characters=int(characters),
        character_error_rate=float(distance / max(1, characters)),
        interval_95=_interval(sums, seed),
        word_error_rate=wrong_words / max(1, words),
        perfect_lines=perfect / len(lines),
    )


def _sum_works(rows: Sequence[tuple[str, int, int]]) -> np.ndarray:
    works = sorted({work for work, _, _ in rows})
    sums = np.zeros((len(works), 2))
    for work, distance, characters in rows:
        sums[works.index(work)] += (distance, characters)
    return sums


def _interval(sums: np.ndarray, seed: int) -> tuple[float, float]:
    random = np.random.default_rng(seed)
    drawn = sums[random.integers(0, len(sums), (RESAMPLES, len(sums)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / np.maximum(1, drawn[:, 1]), [2.5, 97.5])
    return float(low), float(high)
