"""Cells of a page: runs of words without a wide gap, with what stands to their right and below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from apps.archivair.documents.content import Box, PageContent, PlacedWord, union

CELL_GAP_HEIGHTS = 2.0
_SAME_ROW_SHARE = 0.5
_REACH_RIGHT_HEIGHTS = 40.0
_REACH_BELOW_HEIGHTS = 2.2
_NEXT_LINE_HEIGHTS = 1.6
_INDENT_HEIGHTS = 3.0
_LABEL_SHARE = 0.6
_SLOPE_WORDS, _STEEPEST = 3, 0.25


@dataclass(frozen=True)
class Cell:
    """A run of words of one line.

    Args:
        words: From left to right, at least one.
        block: Number of the block on its page.
        line: Number of the line that it is a part of.
        slope: How far the lines of the page fall per pixel to the right.
    """

    words: tuple[PlacedWord, ...]
    block: int
    line: int = 0
    slope: float = 0.0

    @cached_property
    def text(self) -> str:
        """Words joined by blanks."""
        return " ".join(word.text for word in self.words)

    @cached_property
    def box(self) -> Box:
        """Box around all words, upright pixels, the page's lines made level."""
        left, top, right, bottom = union([word.box for word in self.words])
        fall = self.slope * (left + right) / 2
        tilt = min(abs(self.slope) * (right - left), 0.5 * (bottom - top)) / 2
        return left, top - fall + tilt, right, bottom - fall - tilt

    @property
    def height(self) -> float:
        """Height in pixels, at least 1."""
        return max(1.0, self.box[3] - self.box[1])

    def words_between(self, start: int, end: int) -> list[PlacedWord]:
        """Return the words of which any character lies in a part of the text.

        Args:
            start: First character.
            end: Behind the last character.
        """
        found, place = [], 0
        for word in self.words:
            if place < end and place + len(word.text) > start:
                found.append(word)
            place += len(word.text) + 1
        return found


@dataclass(frozen=True, slots=True)
class CellPlace:
    """A cell among its neighbours.

    Args:
        cell: The cell.
        run: The cell and, when the paragraph goes on, the line below, as one.
        next_line: Number of the cell that `run` goes on with, -1 for none.
        right: Number of the next cell to the right, -1 for none.
        below: Numbers of the cells right below, the nearest first.
    """

    cell: Cell
    run: Cell
    next_line: int
    right: int
    below: tuple[int, ...]


def page_cells(page: PageContent) -> list[CellPlace]:
    """Return the cells of a page in reading order.

    Args:
        page: A page.
    """
    slope = _slope(page)
    cells = [
        Cell(part, line.block, number, slope)
        for number, line in enumerate(page.lines)
        for part in _cut(line.words)
    ]
    near = [_near(cells, number) for number in range(len(cells))]
    rights = [_right(cells, number, near[number]) for number in range(len(cells))]
    places = []
    for number, cell in enumerate(cells):
        below = _below(cells, number, near[number])
        goes_on = _goes_on(cells, number, below)
        run = cell
        if goes_on >= 0:
            run = Cell(cell.words + cells[goes_on].words, cell.block, cell.line, slope)
        places.append(CellPlace(cell, run, goes_on, rights[number], below))
    return places


def _slope(page: PageContent) -> float:
    """Return how far the lines of a page fall per pixel: scans lie askew by a degree or two."""
    slopes = []
    for line in page.lines:
        first, last = line.words[0].box, line.words[-1].box
        run = (last[0] + last[2] - first[0] - first[2]) / 2
        if len(line.words) >= _SLOPE_WORDS and run > 4 * (first[3] - first[1]):
            slopes.append((last[1] + last[3] - first[1] - first[3]) / 2 / run)
    return max(-_STEEPEST, min(_STEEPEST, median(slopes))) if slopes else 0.0


def _near(cells: Sequence[Cell], number: int) -> list[int]:
    own = cells[number]
    reach = own.box[3] + (_REACH_BELOW_HEIGHTS + 1) * own.height
    return [
        other
        for other, cell in enumerate(cells)
        if other != number and cell.box[1] < reach and cell.box[3] > own.box[1]
    ]


def _cut(words: Sequence[PlacedWord]) -> list[tuple[PlacedWord, ...]]:
    parts: list[list[PlacedWord]] = [[words[0]]]
    for before, word in pairwise(words):
        height = max(1.0, word.box[3] - word.box[1], before.box[3] - before.box[1])
        if word.box[0] - before.box[2] > CELL_GAP_HEIGHTS * height:
            parts.append([])
        parts[-1].append(word)
    return [tuple(part) for part in parts]


def _right(cells: Sequence[Cell], number: int, near: Sequence[int]) -> int:
    own = cells[number]
    best, least = -1, _REACH_RIGHT_HEIGHTS * own.height
    if cells[number + 1 : number + 2] and cells[number + 1].line == own.line:
        # Parts of one line are neighbours, however much the line climbs or falls.
        return number + 1
    for other in near:
        box = cells[other].box
        shared = min(own.box[3], box[3]) - max(own.box[1], box[1])
        low = min(own.height, cells[other].height)
        distance = box[0] - own.box[2]
        if shared >= _SAME_ROW_SHARE * low and -0.5 * own.height < distance < least:
            best, least = other, distance
    return best


def _below(cells: Sequence[Cell], number: int, near: Sequence[int]) -> tuple[int, ...]:
    own = cells[number]
    found = []
    for other in near:
        box = cells[other].box
        drop = box[1] - own.box[3]
        beside = min(own.box[2], box[2]) - max(own.box[0], box[0])
        if -0.4 * own.height < drop < _REACH_BELOW_HEIGHTS * own.height and beside > 0:
            found.append((drop, abs(box[0] - own.box[0]), other))
    return tuple(other for _, _, other in sorted(found))


def _goes_on(cells: Sequence[Cell], number: int, below: Sequence[int]) -> int:
    """Return the cell that goes on in the next line of the same paragraph, or -1."""
    own = cells[number]
    for other in below[:1]:
        cell = cells[other]
        close = cell.box[1] - own.box[3] < _NEXT_LINE_HEIGHTS * own.height
        if cell.block == own.block and close:
            # The next line begins under the first or, behind a label, under the value.
            first = own.box[0] - _INDENT_HEIGHTS * own.height
            last = max(
                own.box[0] + _INDENT_HEIGHTS * own.height,
                own.box[0] + _LABEL_SHARE * (own.box[2] - own.box[0]),
            )
            return other if first < cell.box[0] < last else -1
    return -1
