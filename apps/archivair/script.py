"""Tell typewriter from print by its even pitch, and Fraktur by its long s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Script = Literal["antiqua", "typewriter", "fraktur"]
ScriptChoice = Literal["auto", "antiqua", "typewriter", "fraktur"]
SCRIPT_CHOICES: tuple[ScriptChoice, ...] = ("auto", "antiqua", "typewriter", "fraktur")

MIN_WORDS_PER_LINE = 4
MIN_WORDS = 12
MAX_DEVIATION = 0.15
LONG_S_SHARE, MIN_LONG_S, MIN_LETTERS = 0.004, 2, 60


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line with the places of its words.

    Args:
        text: Words separated by one blank.
        spans: Left and right edge of each word in pixels.
    """

    text: str
    spans: tuple[tuple[float, float], ...]


def is_fraktur(texts: Sequence[str]) -> bool:
    """Say whether lines are Fraktur: more than 4 of 1,000 letters were read as long s.

    Args:
        texts: What an engine that can write the long s read.
    """
    letters = sum(char.isalpha() for text in texts for char in text)
    long_s = sum(text.count("ſ") for text in texts)
    return letters >= MIN_LETTERS and long_s >= max(MIN_LONG_S, LONG_S_SHARE * letters)


def detect_script(lines: Sequence[PlacedLine]) -> Script:
    """Decide between print (antiqua) and typewriter.

    On a typewriter every character advances the carriage by the same step, so the middle of each
    word lies where the number of characters before it says; in print it is off by a good part of
    a letter.

    Args:
        lines: Lines as read.

    Returns:
        "antiqua" also when there is too little text to tell.
    """
    return "typewriter" if pitch_deviation(lines) <= MAX_DEVIATION else "antiqua"


def pitch_deviation(lines: Sequence[PlacedLine]) -> float:
    """Return how far words lie from an even pitch, as a share of one step.

    Args:
        lines: Lines as read.

    Returns:
        Median over all words of lines with at least four; 1 when there are fewer than 12.
    """
    deviations: list[float] = []
    for line in lines:
        words = line.text.split(" ")
        if len(words) >= MIN_WORDS_PER_LINE:
            deviations += _deviations(words, line.spans)
    return float(np.median(deviations)) if len(deviations) >= MIN_WORDS else 1.0


def _deviations(words: Sequence[str], spans: Sequence[tuple[float, float]]) -> list[float]:
    """Fit an even pitch to the middles of the words of a line; return what is left over."""
    lengths = np.array([len(word) for word in words])
    starts = np.concatenate(([0], np.cumsum(lengths + 1)[:-1]))
    steps = starts + lengths / 2
    middles = np.array([(left + right) / 2 for left, right in spans])
    pitch, offset = np.polyfit(steps, middles, 1)
    if pitch <= 0:
        return [1.0] * len(words)
    return [float(value) for value in np.abs(middles - pitch * steps - offset) / pitch]
