"""Turn a page into numbers: hashed letter sequences, words of the classes, layout."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from scipy.sparse import csr_matrix

from apps.archivair.documents.content import PageContent, PlacedLine
from apps.archivair.documents.folding import fold, fold_word
from apps.archivair.documents.look import PageLook
from apps.archivair.documents.page_classes import page_classes

BUCKETS = 2**15
SHORTEST, LONGEST = 2, 5
MOST_CHARACTERS = 6000
_PRIMES = (1_000_003, 0x9E3779B1)
_TITLE_LIKE = 82.0
_TITLE_LINES = 14
_TITLE_REACH = 0.5
_SHORT_WORD = 5
_LOOKS = len(PageLook.__slots__)
_SHEET_MM = (841, 1189)
_MM_PER_INCH = 25.4
_LAYOUT = 21


@dataclass(frozen=True, slots=True)
class PageNumbers:
    """What the classifier sees of one page.

    Args:
        buckets: Filled places of the hashed letter sequences, ascending.
        counts: How often each occurs.
        others: Words of the classes and layout, fixed length.
    """

    buckets: NDArray[np.int64]
    counts: NDArray[np.float64]
    others: NDArray[np.float64]


def page_numbers(page: PageContent) -> PageNumbers:
    """Measure one page.

    Args:
        page: A page; one without text is measured by its look alone.
    """
    buckets, counts = letter_counts(page.text)
    return PageNumbers(buckets, counts, np.concatenate([class_words(page), layout_numbers(page)]))


def letter_counts(text: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count the hashed sequences of 2 to 5 characters; all digits count as the same one.

    Args:
        text: Text of a page; what is beyond 6,000 characters is left out.
    """
    folded = re.sub(r"\d", "0", " ".join(fold(text[:MOST_CHARACTERS]).split()))
    codes = np.frombuffer(f" {folded} ".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    hashes = []
    for length in range(SHORTEST, LONGEST + 1):
        places = len(codes) - length + 1
        if not folded or places < 1:
            continue
        value = np.full(places, length, dtype=np.uint64)
        for offset in range(length):
            value = value * np.uint64(_PRIMES[0]) + codes[offset : offset + places]
        hashes.append((value * np.uint64(_PRIMES[1])) >> np.uint64(40))
    if not hashes:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    found, counts = np.unique(np.concatenate(hashes) % np.uint64(BUCKETS), return_counts=True)
    return found.astype(np.int64), counts.astype(np.float64)


def class_words(page: PageContent) -> NDArray[np.float64]:
    """Return per class how well a heading fits and how many of its words occur.

    Args:
        page: A page.
    """
    heads = heading_lines(page)
    folded = fold(page.text)
    values = []
    for one in page_classes():
        values.append(max((_title_score(head, one.titles) for head in heads), default=0.0))
        values.append(math.log1p(sum(_occurs(word, folded) for word in one.words)))
    return np.array(values)


def _occurs(word: str, folded: str) -> bool:
    """Say whether a word occurs; a short one only where no letter follows or stands before."""
    if word not in folded:
        return False
    return len(word) > _SHORT_WORD or _alone(word).search(folded) is not None


@lru_cache(maxsize=1024)
def _alone(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z]){re.escape(word)}(?![a-z])")


def heading_lines(page: PageContent) -> list[str]:
    """Return the folded lines of the upper half that may head the page.

    Args:
        page: A page.
    """
    upper = [line for line in page.lines if line.box[1] < _TITLE_REACH * page.height]
    by_height = sorted(upper, key=_height, reverse=True)[: _TITLE_LINES // 2]
    chosen = [*upper[:_TITLE_LINES], *by_height]
    return list(dict.fromkeys(fold_word(line.text) for line in chosen if len(line.text) > 3))


def _height(line: PlacedLine) -> float:
    return line.box[3] - line.box[1]


@lru_cache(maxsize=65_536)
def _title_score(head: str, titles: tuple[str, ...]) -> float:
    """Return 0 to 1: likeness to a heading, less when much else stands on the line."""
    best = 0.0
    for title in titles:
        if len(head) < len(title) - 2:
            continue
        likeness = fuzz.partial_ratio(title, head, score_cutoff=_TITLE_LIKE) / 100
        best = max(best, likeness * math.sqrt(min(1.0, len(title) / max(1, len(head)))))
    return best


def layout_numbers(page: PageContent) -> NDArray[np.float64]:
    """Return measures of layout, each roughly 0 to 1; a missing one is 0 and said to be missing.

    Args:
        page: A page.
    """
    looks = page.look.numbers() if page.look else (0.0,) * _LOOKS
    short, long = sorted((page.width, page.height))
    numbers = [
        1.0 if page.lines else 0.0,
        1.0 if page.look else 0.0,
        min(3.0, page.width / max(page.height, 1.0)),
        long / max(short, 1.0) - math.sqrt(2),
        _format_number(page),
        *_line_numbers(page),
        *looks,
    ]
    return np.array(numbers)


def _format_number(page: PageContent) -> float:
    """Return 0 for A4 and smaller or unknown, 1 for A0."""
    if not page.dpi:
        return 0.0
    area_mm2 = page.width * page.height * (_MM_PER_INCH / page.dpi) ** 2
    largest = _SHEET_MM[0] * _SHEET_MM[1]
    return float(np.clip(1 + math.log2(max(area_mm2, 1.0) / largest) / 4, 0.0, 1.0))


def _line_numbers(page: PageContent) -> list[float]:
    if not page.lines:
        return [0.0] * (_LAYOUT - 5 - _LOOKS)
    heights = np.array([_height(line) for line in page.lines])
    lefts = np.array([line.box[0] for line in page.lines]) / max(page.width, 1.0)
    widths = np.array([line.box[2] - line.box[0] for line in page.lines]) / max(page.width, 1.0)
    text = page.text
    digits = sum(char.isdigit() for char in text) / max(1, len(text))
    return [
        math.log1p(len(page.lines)) / 5,
        math.log1p(len(text)) / 9,
        float(np.median(heights)) / max(page.height, 1.0) * 50,
        float(heights.max() / max(np.median(heights), 1.0)) / 5,
        digits,
        float(widths.mean()),
        float(lefts.std()),
    ]


def text_matrix(pages: Sequence[PageNumbers], weights: NDArray[np.float64]) -> csr_matrix:
    """Return rows of weighted letter sequences of length one.

    Args:
        pages: Measured pages.
        weights: Inverse document frequency of each bucket, shape (2^15,).

    Returns:
        Shape (n, 2^15).
    """
    rows, columns, values = [], [], []
    for row, page in enumerate(pages):
        weighted = (1 + np.log(page.counts)) * weights[page.buckets]
        length = float(np.sqrt((weighted**2).sum()))
        rows.append(np.full(len(page.buckets), row))
        columns.append(page.buckets)
        values.append(weighted / length if length else weighted)
    if not pages:
        return csr_matrix((0, BUCKETS))
    shape = (len(pages), BUCKETS)
    return csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    )
