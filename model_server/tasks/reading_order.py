"""Order of the lines of a page: top-down, columns kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GUTTER_LINE_HEIGHTS = 0.8
MIN_COLUMN_LINES = 4
ROW_LINE_HEIGHTS = 1.6
_TRIM = 0.25

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LineBox:
    """Upright box around a line, in pixels.

    Args:
        place: Position of the line in the caller's list.
        left: Left edge.
        top: Upper edge.
        right: Right edge.
        bottom: Lower edge.
    """

    place: int
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """Height of the centre."""
        return (self.top + self.bottom) / 2


def in_reading_order(boxes: Sequence[LineBox]) -> list[int]:
    """Return the places of lines in the order a person reads them.

    Lines are collected to bands that share height. As many bands as have a common white gutter with
    at least four lines on either side are columns, read one after the other; any other band is a
    row, read from left to right.
    """
    if not boxes:
        return []
    heights = sorted(box.bottom - box.top for box in boxes)
    return _order(boxes, heights[len(heights) // 2])


def _order(boxes: Sequence[LineBox], line_height: float) -> list[int]:
    bands = _bands(boxes)
    ordered: list[int] = []
    start = 0
    while start < len(bands):
        end, gutter = _columns(bands, start, GUTTER_LINE_HEIGHTS * line_height)
        if gutter is None:
            ordered += _row(bands[start], line_height)
            start += 1
            continue
        block = [box for band in bands[start:end] for box in band]
        ordered += _order([box for box in block if box.right <= gutter[0]], line_height)
        ordered += _order([box for box in block if box.left >= gutter[1]], line_height)
        start = end
    return ordered


def _bands(boxes: Sequence[LineBox]) -> list[list[LineBox]]:
    """Split at white space across the page; boxes are trimmed because neighbours often touch."""
    bands: list[list[LineBox]] = []
    reach = float("-inf")
    for box in sorted(boxes, key=lambda box: box.middle):
        trim = _TRIM * (box.bottom - box.top)
        if not bands or box.top + trim >= reach:
            bands.append([])
        bands[-1].append(box)
        reach = max(reach, box.bottom - trim)
    return bands


def _columns(
    bands: Sequence[Sequence[LineBox]], start: int, least_gap: float
) -> tuple[int, Interval | None]:
    """Return the end of the longest run of bands with a common gutter, and the gutter."""
    free: list[Interval] = [(float("-inf"), float("inf"))]
    end = start
    best: tuple[int, Interval | None] = (start, None)
    while end < len(bands) and free:
        free = _intersect(free, _white(bands[end]), least_gap)
        end += 1
        block = [box for band in bands[start:end] for box in band]
        for gap in free:
            left = sum(box.right <= gap[0] for box in block)
            if min(left, len(block) - left) >= MIN_COLUMN_LINES:
                best = (end, gap)
                break
    return best


def _white(band: Sequence[LineBox]) -> list[Interval]:
    """Return the gaps in which a band has no line, its margins included."""
    gaps: list[Interval] = []
    reach = float("-inf")
    for box in sorted(band, key=lambda box: box.left):
        if box.left > reach:
            gaps.append((reach, box.left))
        reach = max(reach, box.right)
    return [*gaps, (reach, float("inf"))]


def _intersect(
    first: Sequence[Interval], second: Sequence[Interval], least: float
) -> list[Interval]:
    both = [(max(a[0], b[0]), min(a[1], b[1])) for a in first for b in second]
    return [gap for gap in both if gap[1] - gap[0] >= least]


def _row(band: Sequence[LineBox], line_height: float) -> list[int]:
    height = max(box.bottom for box in band) - min(box.top for box in band)
    if height <= ROW_LINE_HEIGHTS * line_height:
        return [box.place for box in sorted(band, key=lambda box: box.left)]
    # Lines of a slanted page overlap in height; there the centre decides.
    return [box.place for box in sorted(band, key=lambda box: (box.middle, box.left))]
