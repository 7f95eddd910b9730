"""How wide each column of a table is on paper, and when a table needs a wide page or several parts.

Widths are reckoned in characters of the table's font; numbers and dates never wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PORTRAIT_CHARACTERS = 92
LANDSCAPE_CHARACTERS = 150
FEW_COLUMNS = 4
GAP = 2
"""Characters that the space between two columns takes."""
LEAST, MOST_NEEDED, MOST_WANTED = 4, 22, 40
USUAL_LINES = 4
"""Lines that a usual cell may take at most where the page has room."""
CROWDED = 1.4
"""How much more than a page in portrait the columns may want before it is turned."""
AIRY, NEARLY_FULL = 1.3, 0.8
"""A narrow table gets a bit more than it needs; one that nearly fills the line fills it."""
USUAL_SHARE = 0.9
"""Share of the cells that a column should show without wrapping more than wanted."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns go.

    Args:
        is_wide: True for a page in landscape.
        parts: Positions of the columns of each part; the first column names the row and stands in
            every part.
    """

    is_wide: bool
    parts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """Width of a column in characters.

    Args:
        needed: Below this numbers or usual words would break.
        wanted: With this most cells stay on one line.
    """

    needed: float
    wanted: float


def measure(heading: str, cells: Sequence[str], *, may_wrap: bool) -> Measure:
    """Return how wide a column should be.

    Args:
        heading: Its heading, written in bold.
        cells: Its cells as shown.
        may_wrap: False where a cell stays on one line, for example a number.
    """
    word = 1.15 * max((len(part) for part in heading.split()), default=0)
    if not may_wrap:
        longest = 1.1 * max((len(cell) for cell in cells), default=0)
        width = max(LEAST, longest, min(word, MOST_NEEDED)) + GAP
        return Measure(width, width)
    usual = _usual([len(cell) for cell in cells])
    longest_word = _usual([max(map(len, cell.split()), default=0) for cell in cells])
    needed = min(MOST_NEEDED, max(LEAST, word, longest_word, usual / USUAL_LINES)) + GAP
    return Measure(needed, max(needed, min(MOST_WANTED, usual) + GAP))


def arrange(measures: Sequence[Measure]) -> Layout:
    """Return on which page and in how many parts the columns stand.

    Args:
        measures: Widths of the columns.
    """
    needed = [one.needed for one in measures]
    everything = tuple(range(len(needed)))
    wanted = sum(one.wanted for one in measures)
    is_crowded = len(needed) > FEW_COLUMNS and wanted > CROWDED * PORTRAIT_CHARACTERS
    if sum(needed) <= PORTRAIT_CHARACTERS and not is_crowded:
        return Layout(False, (everything,))
    parts = _fill(needed, LANDSCAPE_CHARACTERS)
    others = needed[1:]
    even = needed[0] + sum(others) / len(parts) + max(others, default=0) / 2
    balanced = _fill(needed, min(even, LANDSCAPE_CHARACTERS))
    return Layout(True, balanced if len(balanced) == len(parts) else parts)


def _fill(needed: Sequence[float], room: float) -> tuple[tuple[int, ...], ...]:
    """Put columns beside the first one until there is no more room, then begin anew."""
    parts: list[tuple[int, ...]] = []
    part, filled = [0], needed[0]
    for place in range(1, len(needed)):
        if len(part) > 1 and filled + needed[place] > room:
            parts.append(tuple(part))
            part, filled = [0], needed[0]
        part.append(place)
        filled += needed[place]
    return (*parts, tuple(part))


def widths(measures: Sequence[Measure], *, is_wide: bool) -> tuple[float, list[float]]:
    """Return the width of a part and of each of its columns in per cent.

    What is left after every need is shared out by what is wanted. A table of few short columns
    stays narrow: on a full line the eye would lose its row.

    Args:
        measures: Widths of the part's columns.
        is_wide: True for a page in landscape.
    """
    room = LANDSCAPE_CHARACTERS if is_wide else PORTRAIT_CHARACTERS
    left = max(0.0, room - sum(one.needed for one in measures))
    wished = sum(one.wanted - one.needed for one in measures)
    granted = min(1.0, left / wished) if wished else 0.0
    given = [one.needed + granted * (one.wanted - one.needed) for one in measures]
    total = sum(given)
    filled = AIRY * total / room
    share = 100.0 if filled > NEARLY_FULL else round(100 * filled, 2)
    return share, [round(100 * width / total, 2) for width in given]


def _usual(lengths: Sequence[int]) -> int:
    ordered = sorted(lengths)
    return ordered[min(len(ordered) - 1, int(USUAL_SHARE * len(ordered)))] if ordered else 0
