"""Reading order by an own XY-cut: columns stay apart, form rows stay rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.archivair.lines import TextBox, median_height

MIN_OVERLAP = 0.5
MIN_COLUMN_LINES = 4
MIN_GUTTER, MIN_RULED_GUTTER = 0.9, 0.2
MIN_COLUMN_WIDTH = 7.0
FULL_LINE = 0.7
MIN_FULL_SHARE = 0.5
MAX_LABEL_SHARE = 0.3
MISALIGNED = 0.25
PARAGRAPH_GAP = 1.4
MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """A box with the text that was read in it.

    Args:
        box: Place on the cleaned page.
        text: What was read, possibly empty.
        key: The caller's number of the piece.
    """

    box: TextBox
    text: str
    key: int


Row = tuple[Piece, ...]
Block = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Band:
    """A stretch of the page with a gutter at `x` from `top` to `bottom`."""

    x: float
    top: float
    bottom: float
    lines: int


def order_lines(pieces: Sequence[Piece], rules_x: Sequence[float] = ()) -> list[Block]:
    """Sort pieces into blocks of rows in reading order.

    Args:
        pieces: Pieces in any order.
        rules_x: Places of vertical rules; there columns may stand close together.
    """
    if not pieces:
        return []
    usual = median_height([piece.box for piece in pieces])
    blocks: list[Block] = []
    for region in _regions(list(pieces), usual, rules_x, 0):
        blocks += _paragraphs(rows_of(region))
    return blocks


def rows_of(pieces: Sequence[Piece]) -> list[Row]:
    """Join pieces that stand side by side (vertical overlap of at least half) to rows.

    Args:
        pieces: Pieces of one region.

    Returns:
        Rows from top to bottom, pieces of a row from left to right.
    """
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: (one.box.middle, one.box.left)):
        best, best_overlap = None, MIN_OVERLAP
        for row in rows[-6:]:
            nearest = min(row, key=lambda other: _distance_x(other.box, piece.box))
            overlap = _overlap(nearest.box, piece.box)
            if overlap >= best_overlap and _distance_x(nearest.box, piece.box) >= 0:
                best, best_overlap = row, overlap
        if best is None:
            rows.append([piece])
        else:
            best.append(piece)
    ordered = [tuple(sorted(row, key=lambda piece: piece.box.left)) for row in rows]
    return sorted(ordered, key=_row_middle)


def _regions(
    pieces: list[Piece], usual: float, rules_x: Sequence[float], depth: int
) -> list[list[Piece]]:
    """Cut pieces into regions that are read one after another."""
    band = _best_band(pieces, usual, rules_x) if depth < MAX_DEPTH else None
    if band is None:
        return [pieces]
    above = [piece for piece in pieces if piece.box.middle < band.top]
    below = [piece for piece in pieces if piece.box.middle > band.bottom]
    inside = [piece for piece in pieces if band.top <= piece.box.middle <= band.bottom]
    left = [piece for piece in inside if piece.box.right <= band.x]
    right = [piece for piece in inside if piece.box.right > band.x]
    found = []
    for part in (above, left, right, below):
        if part:
            found += _regions(part, usual, rules_x, depth + 1)
    return found


def _best_band(pieces: list[Piece], usual: float, rules_x: Sequence[float]) -> _Band | None:
    """Return the gutter that separates the most lines, None without any."""
    if len(pieces) < 2 * MIN_COLUMN_LINES:
        return None
    lefts = np.array([piece.box.left for piece in pieces])
    rights = np.array([piece.box.right for piece in pieces])
    places = [(x, MIN_RULED_GUTTER * usual / 2) for x in rules_x]
    for x in np.arange(lefts.min() + 3 * usual, rights.max() - 3 * usual, usual / 4):
        places.append((float(x), MIN_GUTTER * usual / 2))
    best: _Band | None = None
    for x, half in places:
        crossing = (lefts < x + half) & (rights > x - half)
        for band in _free_spans(pieces, crossing, x, usual):
            if best is None or band.lines > best.lines:
                best = band
    return best


def _free_spans(
    pieces: list[Piece],
    crossing: np.ndarray[tuple[int], np.dtype[np.bool_]],
    x: float,
    usual: float,
) -> list[_Band]:
    """Return the stretches between pieces that cross `x` which hold two real columns."""
    walls = sorted(
        (piece.box.top, piece.box.bottom)
        for piece, crosses in zip(pieces, crossing, strict=True)
        if crosses
    )
    free = [piece for piece, crosses in zip(pieces, crossing, strict=True) if not crosses]
    found = []
    start = -np.inf
    for wall_top, wall_bottom in [*walls, (np.inf, np.inf)]:
        if wall_top - start >= MIN_COLUMN_LINES * usual:
            inside = [piece for piece in free if start <= piece.box.middle <= wall_top]
            left = [piece for piece in inside if piece.box.right <= x]
            right = [piece for piece in inside if piece.box.left >= x]
            lines = _column_lines(left, right, usual)
            if lines:
                found.append(_Band(x, start, wall_top, lines))
        start = max(start, wall_bottom)
    return found


def _column_lines(left: list[Piece], right: list[Piece], usual: float) -> int:
    """Return how many lines two columns share, 0 when the sides are no columns."""
    if min(len(left), len(right)) < MIN_COLUMN_LINES:
        return 0
    left_rows, right_rows = rows_of(left), rows_of(right)
    lines = min(len(left_rows), len(right_rows))
    if lines < MIN_COLUMN_LINES or not _side_by_side(left_rows, right_rows, usual):
        return 0
    labels = sum(row[-1].text.rstrip().endswith(":") for row in left_rows)
    if labels > MAX_LABEL_SHARE * len(left_rows):
        return 0
    if _is_running_text(left_rows, usual) and _is_running_text(right_rows, usual):
        return lines
    return lines if _is_misaligned(left_rows, right_rows, usual) else 0


def _side_by_side(left: list[Row], right: list[Row], usual: float) -> bool:
    """Say whether both sides overlap in y by several lines."""
    top = max(left[0][0].box.top, right[0][0].box.top)
    bottom = min(left[-1][0].box.bottom, right[-1][0].box.bottom)
    return bottom - top >= (MIN_COLUMN_LINES - 1) * usual


def _is_running_text(rows: list[Row], usual: float) -> bool:
    """Say whether most lines fill their column, as running text does and form entries do not."""
    widths = np.array([row[-1].box.right - row[0].box.left for row in rows])
    column = max(row[-1].box.right for row in rows) - min(row[0].box.left for row in rows)
    full_share = float(np.mean(widths >= FULL_LINE * column))
    return float(np.median(widths)) >= MIN_COLUMN_WIDTH * usual and full_share >= MIN_FULL_SHARE


def _is_misaligned(left: list[Row], right: list[Row], usual: float) -> bool:
    """Say whether the lines of both sides do not share base lines."""
    middles = np.array([_row_middle(row) for row in left])
    offsets = [float(np.abs(middles - _row_middle(row)).min()) for row in right]
    inside = [
        offset
        for offset, row in zip(offsets, right, strict=True)
        if middles.min() - usual <= _row_middle(row) <= middles.max() + usual
    ]
    return len(inside) >= MIN_COLUMN_LINES and float(np.median(inside)) > MISALIGNED * usual


def _paragraphs(rows: list[Row]) -> list[Block]:
    """Cut rows into blocks where the distance to the next row is clearly larger than usual."""
    if len(rows) < 2:
        return [tuple(rows)] if rows else []
    middles = [_row_middle(row) for row in rows]
    steps = np.diff(middles)
    usual_step = float(np.percentile(steps, 40))
    blocks: list[Block] = []
    block: list[Row] = [rows[0]]
    for row, step in zip(rows[1:], steps, strict=True):
        if step > PARAGRAPH_GAP * usual_step:
            blocks.append(tuple(block))
            block = []
        block.append(row)
    blocks.append(tuple(block))
    return blocks


def _row_middle(row: Row) -> float:
    return float(np.mean([piece.box.middle for piece in row]))


def _distance_x(one: TextBox, other: TextBox) -> float:
    """Return the horizontal gap, 0 when the boxes overlap only slightly, negative otherwise."""
    gap = max(one.left, other.left) - min(one.right, other.right)
    allowed = 0.5 * min(one.height, other.height)
    return max(gap, 0.0) if gap > -allowed else gap


def _overlap(one: TextBox, other: TextBox) -> float:
    """Return the vertical overlap as a share of the lower box, slopes followed to the gap."""
    x = (max(one.left, other.left) + min(one.right, other.right)) / 2
    one_shift = one.slope * (x - (one.left + one.right) / 2)
    other_shift = other.slope * (x - (other.left + other.right) / 2)
    top = max(one.top + one_shift, other.top + other_shift)
    bottom = min(one.bottom + one_shift, other.bottom + other_shift)
    return max(0.0, bottom - top) / max(1.0, min(one.height, other.height))
