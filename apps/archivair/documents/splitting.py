"""Cut a stream of pages into documents: the most probable cuts under a prior of lengths.

Each pair of neighbouring pages has a chance that a document begins between them. Documents also
have usual lengths. Both are weighed for the whole stream at once by dynamic programming over
documents (a semi-Markov model, Sarawagi and Cohen 2004): the score of a way to cut is

    sum over documents of log P(length)
    + sum over pairs of log(p / base) where it cuts and log((1 - p) / (1 - base)) where not

so that the share of cuts that the chances already know (`base`) is not counted twice. A blank page
never begins a document and does not count as length: the blank back belongs to what is before it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_CHANCE = 1e-4
SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class PairChance:
    """What is known of two neighbouring pages.

    Args:
        page: Number of the second page, from 2.
        probability: Chance that a document begins with it, 0 to 1, seen from this pair alone.
        is_blank: True when the second page is blank.
    """

    page: int
    probability: float
    is_blank: bool = False


@dataclass(frozen=True, slots=True)
class LengthPrior:
    """How long documents usually are.

    Args:
        shares: Probability of 1, 2, ... written pages; all above 0, sum below 1.
        tail: Factor for each further page beyond the last share, 0 to 1.
        base: Share of pairs of written pages between which a document begins, 0 to 1.
    """

    shares: tuple[float, ...]
    tail: float
    base: float

    def log_probability(self, length: int) -> float:
        """Return the logarithm of the probability of a length.

        Args:
            length: Written pages, at least 1.
        """
        if length <= len(self.shares):
            return math.log(self.shares[length - 1])
        beyond = length - len(self.shares)
        return math.log(self.shares[-1]) + beyond * math.log(self.tail)


@dataclass(frozen=True, slots=True)
class Boundary:
    """The decision between two pages.

    Args:
        page: Number of the second page, from 2.
        starts_document: Whether a document begins with it.
        probability: Chance of that when all ways to cut the stream are weighed, 0 to 1.
    """

    page: int
    starts_document: bool
    probability: float


def fit_prior(lengths: Sequence[int], *, most: int = 24, tail: float = 0.8) -> LengthPrior:
    """Count lengths of documents, smoothed.

    Args:
        lengths: Written pages per document, each at least 1.
        most: Longest length with a share of its own.
        tail: Factor for each page beyond.
    """
    counted = Counter(min(length, most) for length in lengths)
    total = len(lengths) + SMOOTHING * most
    shares = tuple((counted[length] + SMOOTHING) / total for length in range(1, most + 1))
    base = (len(lengths) - 1) / max(1, sum(lengths) - 1)
    return LengthPrior(shares, tail, min(0.99, max(0.01, base)))


def split_stream(pairs: Sequence[PairChance], prior: LengthPrior) -> list[Boundary]:
    """Return the decision for each pair of neighbouring pages.

    Args:
        pairs: One per page from the second on, in order; empty for a single page.
        prior: Usual lengths.
    """
    written = [pair for pair in pairs if not pair.is_blank]
    chances = np.array([pair.probability for pair in written], dtype=np.float64)
    scores = _Scores(chances, prior)
    cuts, shares = _best_cuts(scores), _shares(scores)
    decided = iter(zip(cuts, shares, strict=True))
    result = []
    for pair in pairs:
        cut, share = (False, 0.0) if pair.is_blank else next(decided)
        result.append(Boundary(pair.page, cut, share))
    return result


def stream_score(chances: Sequence[float], cuts: Sequence[bool], prior: LengthPrior) -> float:
    """Return the score of one way to cut a stream of written pages.

    Args:
        chances: Chance of a cut before the second, third, ... page.
        cuts: Whether there is one.
        prior: Usual lengths.
    """
    scores = _Scores(np.array(chances, dtype=np.float64), prior)
    places = [0, *(at for at, cut in enumerate(cuts, 1) if cut), scores.pages]
    return sum(scores.document(a, b) for a, b in itertools.pairwise(places))


class _Scores:
    """Scores of documents from page to page, in constant time each."""

    def __init__(self, chances: NDArray[np.float64], prior: LengthPrior) -> None:
        bounded = np.clip(chances, LEAST_CHANCE, 1 - LEAST_CHANCE)
        self.pages = len(chances) + 1
        self.cut = np.concatenate([[0.0], np.log(bounded / prior.base)])
        joined = np.log((1 - bounded) / (1 - prior.base))
        self.joined = np.concatenate([[0.0], np.cumsum(joined)])
        self.lengths = np.array([prior.log_probability(n) for n in range(1, self.pages + 1)])

    def document(self, first: int, end: int) -> float:
        """Return the score of pages first .. end - 1 as one document."""
        inside = self.joined[end - 1] - self.joined[first]
        return float(self.cut[first] + inside + self.lengths[end - first - 1])

    def ending(self, end: int) -> NDArray[np.float64]:
        """Return the scores of all documents that end before page `end`."""
        firsts = np.arange(end)
        inside = self.joined[end - 1] - self.joined[firsts]
        return np.asarray(self.cut[:end] + inside + self.lengths[end - firsts - 1])

    def starting(self, first: int) -> NDArray[np.float64]:
        """Return the scores of all documents that begin with page `first`."""
        ends = np.arange(first + 1, self.pages + 1)
        inside = self.joined[ends - 1] - self.joined[first]
        return np.asarray(self.cut[first] + inside + self.lengths[ends - first - 1])


def _best_cuts(scores: _Scores) -> list[bool]:
    best = np.full(scores.pages + 1, -np.inf)
    best[0] = 0.0
    back = np.zeros(scores.pages + 1, dtype=np.int64)
    for end in range(1, scores.pages + 1):
        ways = best[:end] + scores.ending(end)
        back[end] = int(np.argmax(ways))
        best[end] = ways[back[end]]
    cuts = [False] * scores.pages
    place = scores.pages
    while place > 0:
        place = int(back[place])
        cuts[place] = True
    return cuts[1:]


def _shares(scores: _Scores) -> list[float]:
    """Return the probability of each cut, summed over all ways (forward and backward)."""
    forward = np.full(scores.pages + 1, -np.inf)
    forward[0] = 0.0
    for end in range(1, scores.pages + 1):
        forward[end] = np.logaddexp.reduce(forward[:end] + scores.ending(end))
    backward = np.full(scores.pages + 1, -np.inf)
    backward[-1] = 0.0
    for first in range(scores.pages - 1, -1, -1):
        backward[first] = np.logaddexp.reduce(backward[first + 1 :] + scores.starting(first))
    logs = forward[1 : scores.pages] + backward[1 : scores.pages] - forward[-1]
    return [float(value) for value in np.clip(np.exp(logs), 0.0, 1.0)]
