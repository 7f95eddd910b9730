"""How sure a word is: a probability from the margin of the vote and the agreement of engines.

Simple on purpose: one logistic formula over three measured features, fitted on rendered
development pages (`weights.toml`, table `word`). It says how often words with such features were
right there; on papers that look very different it is only a ranking.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.archivair.script import Script
from apps.archivair.vote import VotedLine, weights_file

MARGIN_CAP = 12.0
LEAST, MOST = 0.02, 0.995


@dataclass(frozen=True, slots=True)
class WordModel:
    """Coefficients of the log-odds that a word is right.

    Args:
        base: Constant part.
        least_margin: Factor of the smallest margin in the word.
        mean_margin: Factor of the mean margin.
        agreement: Factor of the share of the line's characters that all engines agree on.
        single_engine: Added when only one engine read the line.
    """

    base: float
    least_margin: float
    mean_margin: float
    agreement: float
    single_engine: float


@lru_cache(maxsize=3)
def load_word_model(script: Script = "antiqua") -> WordModel:
    """Return the fitted coefficients of a script."""
    content = tomllib.loads(weights_file(script).read_text(encoding="utf-8"))
    return WordModel(**content["word"])


def word_features(
    margins: Sequence[float], agreement: float, engines: int
) -> tuple[float, float, float, float]:
    """Return what the formula sees of one word.

    Args:
        margins: Log-odds by which each character of the word won.
        agreement: Share of the line's characters on which all engines agreed.
        engines: Number of engines that read the line.

    Returns:
        Least margin, mean margin, agreement, 1 if only one engine read.
    """
    capped = [min(max(margin, 0.0), MARGIN_CAP) for margin in margins] or [0.0]
    return min(capped), sum(capped) / len(capped), agreement, float(engines < 2)


def word_confidence(
    margins: Sequence[float], line: VotedLine, model: WordModel | None = None
) -> float:
    """Estimate the probability that every character of a word is right.

    Args:
        margins: Log-odds by which each character of the word won.
        line: The voted line the word stands in.
        model: Coefficients; the fitted ones by default.

    Returns:
        0.02 to 0.995, three decimals.
    """
    model = model or load_word_model()
    least, mean, agreement, single = word_features(margins, line.agreement, len(line.engines))
    odds = (
        model.base
        + model.least_margin * least
        + model.mean_margin * mean
        + model.agreement * agreement
        + model.single_engine * single
    )
    return round(min(MOST, max(LEAST, 1 / (1 + math.exp(-odds)))), 3)
