"""Character error rate with stated normalisation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz.distance import Levenshtein

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−⸗⸺⸻"), "-")
_DOUBLE_QUOTES = dict.fromkeys(map(ord, "„“”«»‟"), '"')
_SINGLE_QUOTES = dict.fromkeys(map(ord, "‚‘’‹›´`"), "'")
_OLD_UMLAUT = re.compile("([aouAOU])\u0364")
BOOTSTRAP_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Norm:
    """What is made equal before comparing; line breaks and runs of blanks are always one blank.

    Args:
        quotes_and_dashes: Variants of quotes and dashes count as the same character.
        long_s: The long s counts as s.
        ignore_case: Upper and lower case count as the same.
        same_i_and_j: I and J count as the same capital, as Fraktur prints them.
        hyphens: The sign = and the angled dash count as hyphens, as transcriptions differ.
        old_umlauts: A letter with a small e above it counts as today's umlaut.
    """

    quotes_and_dashes: bool = False
    long_s: bool = False
    ignore_case: bool = False
    same_i_and_j: bool = False
    hyphens: bool = False
    old_umlauts: bool = False


STRICT = Norm()
LENIENT = Norm(quotes_and_dashes=True, long_s=True)
FRAKTUR = Norm(quotes_and_dashes=True, long_s=True, same_i_and_j=True, hyphens=True)
FRAKTUR_TODAY = replace(FRAKTUR, old_umlauts=True)


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Edits between reference and reading.

    Args:
        edits: Insertions, deletions and substitutions.
        characters: Characters of the reference after normalisation.
    """

    edits: int
    characters: int

    @property
    def rate(self) -> float:
        """Character error rate, edits per character of the reference."""
        return self.edits / self.characters if self.characters else float(self.edits > 0)


def normalize(text: str, norm: Norm = STRICT) -> str:
    """Return a text as it is compared: NFC, white space folded, options of `norm` applied."""
    if norm.old_umlauts:
        text = _OLD_UMLAUT.sub("\\1\u0308", text)
    folded = unicodedata.normalize("NFC", text)
    if norm.quotes_and_dashes:
        folded = folded.translate(_DASHES | _DOUBLE_QUOTES | _SINGLE_QUOTES)
    if norm.long_s:
        folded = folded.replace("ſ", "s")
    if norm.hyphens:
        folded = folded.replace("=", "-").replace("¬", "-")
    if norm.same_i_and_j:
        folded = folded.replace("J", "I")
    if norm.ignore_case:
        folded = folded.casefold()
    return re.sub(r"\s+", " ", folded).strip()


def cer(reference: str, reading: str, norm: Norm = STRICT) -> ErrorCount:
    """Count the edits from a reading to its reference.

    Args:
        reference: True text.
        reading: Recognised text.
        norm: What counts as equal.
    """
    true_text, read_text = normalize(reference, norm), normalize(reading, norm)
    return ErrorCount(Levenshtein.distance(true_text, read_text), len(true_text))


def pooled(counts: Sequence[ErrorCount]) -> ErrorCount:
    """Add up pages: all edits over all reference characters."""
    return ErrorCount(
        sum(count.edits for count in counts), sum(count.characters for count in counts)
    )


def interval_95(counts: Sequence[ErrorCount], seed: int = 1) -> tuple[float, float]:
    """Return the 95 per cent interval of the pooled rate by bootstrap over pages.

    Without a single edit the bootstrap has nothing to draw; the upper end is then three over the
    number of characters (rule of three, Hanley and Lippman-Hand 1983,
    doi:10.1001/jama.1983.03330370053031).

    Args:
        counts: One count per page.
        seed: Seed of the resampling.
    """
    total = pooled(counts)
    if total.edits == 0:
        return 0.0, min(1.0, 3 / max(total.characters, 1))
    edits = np.array([count.edits for count in counts])
    characters = np.array([count.characters for count in counts])
    draws = np.random.default_rng(seed).integers(0, len(counts), (BOOTSTRAP_ROUNDS, len(counts)))
    rates = edits[draws].sum(axis=1) / np.maximum(characters[draws].sum(axis=1), 1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def expected_calibration_error(
    confidences: Sequence[float], correct: Sequence[bool], bins: int = 10
) -> float:
    """Return the mean distance between stated confidence and share of right answers.

    Bins hold about equally many cases, so that the crowded upper end is resolved (Nixon et al.
    2019, arXiv:1904.01685).

    Args:
        confidences: Stated probabilities, 0 to 1.
        correct: Whether each answer was right.
        bins: Number of bins.
    """
    stated = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if not len(stated):
        return 0.0
    edges = np.quantile(stated, np.linspace(0, 1, bins + 1)[1:-1])
    numbers = np.searchsorted(edges, stated, side="left")
    parts = [numbers == number for number in np.unique(numbers)]
    distance = sum(
        part.sum() * abs(float(stated[part].mean()) - float(right[part].mean())) for part in parts
    )
    return float(distance / len(stated))
