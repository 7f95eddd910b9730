"""Clean class rasters strip by strip: small areas join their neighbours, small gaps close."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.geo.nodata import NO_DATA

LEAST_REACH_ROWS = 64
LEAST_VOTE = 0.5
"""No-data speaks only where no class does."""

Codes = NDArray[np.uint8]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]


def sieve(strips: Iterable[Codes], least_px: int, hole_px: int) -> Iterator[Codes]:
    """Give small connected areas the class around them.

    An area smaller than `least_px` takes the class with which it shares the longest border; of
    equal ones the lowest code. Areas among small ones only follow when their neighbours have a
    class; what lies in no-data alone becomes no-data. A gap of no-data up to `hole_px` takes the
    class that alone surrounds it. Pixels hold together by their sides.

    Each strip is cleaned together with so many rows around it that its small areas are seen whole:
    the division into strips changes nothing, except in groups of small areas that are themselves
    larger than the rows looked at.

    Args:
        strips: Rows of the raster from top to bottom, all of one width, `NO_DATA` for unknown.
        least_px: Least area that stays [px].
        hole_px: Largest gap that is closed [px].

    Yields:
        The same rows, cleaned, in strips of other heights.
    """
    reach = max(least_px, hole_px, LEAST_REACH_ROWS) + 1
    if least_px <= 1 and hole_px < 1:
        yield from strips
        return
    held: Codes | None = None
    start = done = 0
    for strip in strips:
        held = strip if held is None else np.concatenate([held, strip])
        end = start + len(held) - reach
        if end < done + reach:
            continue
        yield _clean(held, start > 0, True, least_px, hole_px)[done - start : end - start]
        kept = max(start, end - reach)
        held, start, done = held[kept - start :], kept, end
    if held is not None:
        yield _clean(held, start > 0, False, least_px, hole_px)[done - start :]


def label_areas(codes: Codes) -> tuple[Labels, Labels]:
    """Number the connected areas of equal codes; pixels hold together by their sides.

    Args:
        codes: Codes, shape (rows, columns).

    Returns:
        The number of each pixel's area, from 0 in the order of their first pixels, and the
        position of these first pixels in reading order.
    """
    present = np.flatnonzero(np.bincount(codes.ravel(), minlength=256))
    labels = np.zeros(codes.shape, dtype=np.int64)
    if len(present) == 1:
        return labels, np.zeros(1, dtype=np.int64)
    count = 0
    for code in present:
        inside = codes == code
        found, numbers = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
        labels[inside] = numbers[inside] + (count - 1)
        count += found - 1
    first = np.empty(count, dtype=np.int64)
    # Of several values for one index the last counts.
    first[labels.ravel()[::-1]] = np.arange(labels.size)[::-1]
    order = np.argsort(first)
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return rank[labels], first[order]


@dataclass(frozen=True, slots=True)
class _Borders:
    """Common borders of areas, each in both directions.

    Args:
        area: Number of an area.
        other: Number of its neighbour.
        length: Sides of pixels that both share [px].
    """

    area: Labels
    other: Labels
    length: Labels


def _clean(codes: Codes, cut_above: bool, cut_below: bool, least_px: int, hole_px: int) -> Codes:
    labels, first = label_areas(codes)
    of_area = codes.ravel()[first]
    sizes = np.bincount(labels.ravel(), minlength=len(of_area))
    known = of_area != NO_DATA
    whole = np.ones(len(of_area), dtype=bool)
    if cut_above:
        whole[labels[0]] = False
    if cut_below:
        whole[labels[-1]] = False
    small = known & whole & (sizes < least_px)
    holes = ~known & whole & (sizes <= hole_px) & ~_on_frame(labels, len(of_area))
    if not (small.any() or holes.any()):
        return codes
    borders = _borders(labels, small | holes)
    return _fill(_absorb(of_area, small, borders), holes, borders)[labels]


def _on_frame(labels: Labels, count: int) -> Flags:
    frame = np.zeros(count, dtype=bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        frame[edge] = True
    return frame


def _borders(labels: Labels, wanted: Flags) -> _Borders:
    """Measure the borders of the wanted areas."""
    pairs = []
    for first, second in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
        meeting = (first != second) & (wanted[first] | wanted[second])
        pairs.append(np.stack([first[meeting], second[meeting]]))
    both = np.concatenate(pairs, axis=1)
    both = np.concatenate([both, both[::-1]], axis=1)
    key, length = np.unique(both[0] * len(wanted) + both[1], return_counts=True)
    return _Borders(key // len(wanted), key % len(wanted), length)


def _fill(of_area: Codes, holes: Flags, borders: _Borders) -> Codes:
    """Close gaps that one class alone surrounds."""
    around = of_area[borders.other].astype(np.int64)
    lowest, highest = np.full(len(holes), 256), np.full(len(holes), -1)
    np.minimum.at(lowest, borders.area, around)
    np.maximum.at(highest, borders.area, around)
    closed = holes & (lowest == highest)
    filled = of_area.copy()
    filled[closed] = lowest[closed]
    return filled


def _absorb(of_area: Codes, small: Flags, borders: _Borders) -> Codes:
    """Give small areas the class of their neighbours, from the outside of groups inwards."""
    result, open_areas = of_area.copy(), small.copy()
    here = open_areas[borders.area]
    area, other, length = borders.area[here], borders.other[here], borders.length[here]
    while open_areas.any():
        speaks = open_areas[area] & ~open_areas[other]
        if not speaks.any():
            result[open_areas] = NO_DATA
            break
        areas, local = np.unique(area[speaks], return_inverse=True)
        votes = np.bincount(
            local * 256 + result[other[speaks]], length[speaks], len(areas) * 256
        ).reshape(-1, 256)
        votes[:, NO_DATA] = np.minimum(votes[:, NO_DATA], LEAST_VOTE)
        alone = _waits(area, other, open_areas)[areas] & (votes[:, :NO_DATA].sum(axis=1) == 0)
        settled = areas[~alone]
        if not len(settled):
            result[open_areas] = NO_DATA
            break
        result[settled] = votes[~alone].argmax(axis=1)
        open_areas[settled] = False
    return result


def _waits(area: Labels, other: Labels, open_areas: Flags) -> Flags:
    """Tell which areas have a neighbour that has no class yet."""
    waiting = np.zeros(len(open_areas), dtype=bool)
    waiting[area[open_areas[other]]] = True
    return waiting
