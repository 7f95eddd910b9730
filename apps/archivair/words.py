"""Find the box of each word from the white gaps between its letters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NARROW = frozenset("iljtfrI.,;:'!|()[]1-‚„“\"")
_WIDE = frozenset("mwMWÄÖ@%—")
GAP_REWARD = 1.2
MIN_GAP_PX = 2


def word_spans(
    text: str, ink: NDArray[np.bool_], line_height: float, *, fixed_pitch: bool
) -> list[tuple[int, int]]:
    """Return left and right edge of each word in pixels of the line's crop.

    The gaps between n words are the n - 1 white runs that are wide and lie where the letters'
    usual widths put them.

    Args:
        text: Text of the line, words separated by one blank.
        ink: Ink of the crop, shape (height, width).
        line_height: Height of the line in pixels.
        fixed_pitch: True when all letters are equally wide.
    """
    words = text.split(" ")
    columns = np.asarray(ink.any(axis=0), dtype=np.bool_)
    filled = np.flatnonzero(columns)
    if len(filled) == 0:
        return _even_spans(words, 0, len(columns), fixed_pitch=fixed_pitch)
    first, last = int(filled[0]), int(filled[-1]) + 1
    if len(words) == 1:
        return [(first, last)]
    gaps = _white_runs(columns, first, last)
    expected = _expected_gaps(words, first, last, fixed_pitch=fixed_pitch)
    chosen = _match(expected, gaps, line_height)
    if chosen is None:
        return _even_spans(words, first, last, fixed_pitch=fixed_pitch)
    starts = [first, *(gaps[place][1] for place in chosen)]
    ends = [*(gaps[place][0] for place in chosen), last]
    return list(zip(starts, ends, strict=True))


def _white_runs(columns: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    padded = np.concatenate(([True], columns[first:last], [True])).astype(np.int8)
    steps = np.diff(padded)
    starts, ends = np.flatnonzero(steps == -1) + first, np.flatnonzero(steps == 1) + first
    return [
        (int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
        if end - start >= MIN_GAP_PX
    ]


def _letter_width(char: str, *, fixed_pitch: bool) -> float:
    if fixed_pitch:
        return 1.0
    if char in _NARROW:
        return 0.55
    if char in _WIDE:
        return 1.5
    return 1.25 if char.isupper() else 1.0


def _word_widths(words: list[str], *, fixed_pitch: bool) -> NDArray[np.float64]:
    return np.array(
        [sum(_letter_width(char, fixed_pitch=fixed_pitch) for char in word) for word in words]
    )


def _expected_gaps(
    words: list[str], first: int, last: int, *, fixed_pitch: bool
) -> NDArray[np.float64]:
    """Return where the middles of the gaps would be if letters had their usual widths."""
    blank = 1.0 if fixed_pitch else 0.6
    widths = _word_widths(words, fixed_pitch=fixed_pitch)
    ends = np.cumsum(widths + blank)[:-1] - blank / 2
    total = float(widths.sum() + blank * (len(words) - 1))
    return np.asarray(first + ends * ((last - first) / max(total, 1e-6)), dtype=np.float64)


def _match(
    expected: NDArray[np.float64], gaps: list[tuple[int, int]], line_height: float
) -> list[int] | None:
    """Choose one gap per expected place, in order, by least cost; None when there are too few."""
    if len(gaps) < len(expected):
        return None
    middles = np.array([(start + end) / 2 for start, end in gaps])
    widths = np.array([end - start for start, end in gaps])
    reward = GAP_REWARD * np.minimum(widths / line_height, 1.0)
    cost = np.full((len(expected) + 1, len(gaps) + 1), np.inf)
    cost[0, :] = 0.0
    back = np.zeros((len(expected) + 1, len(gaps) + 1), dtype=np.int32)
    for word in range(1, len(expected) + 1):
        step = np.abs(middles - expected[word - 1]) / line_height - reward
        for gap in range(word, len(gaps) + 1):
            take = cost[word - 1, gap - 1] + step[gap - 1]
            skip = cost[word, gap - 1]
            cost[word, gap] = min(take, skip)
            back[word, gap] = gap if take < skip else back[word, gap - 1]
    chosen: list[int] = []
    gap = len(gaps)
    for word in range(len(expected), 0, -1):
        gap = int(back[word, gap])
        chosen.append(gap - 1)
        gap -= 1
    return chosen[::-1]


def _even_spans(
    words: list[str], first: int, last: int, *, fixed_pitch: bool
) -> list[tuple[int, int]]:
    """Share the width by the letters alone, when ink gives no gaps."""
    if len(words) == 1:
        return [(first, max(first + 1, last))]
    middles = _expected_gaps(words, first, last, fixed_pitch=fixed_pitch)
    starts = [first, *(int(middle) for middle in middles)]
    ends = [*(int(middle) for middle in middles), last]
    return [(start, max(start + 1, end)) for start, end in zip(starts, ends, strict=True)]
