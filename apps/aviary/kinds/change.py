"""What changed between two class maps of one place; pixels in, pixels out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.geo.nodata import NO_DATA

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
ClassPair = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Vintages:
    """Some rows of the two class maps; all arrays have one shape.

    Args:
        before: Class of each pixel in the older image, `NO_DATA` for unknown.
        after: The same in the newer image.
        sureness: The lower of both confidences [%], `NO_DATA` for unknown.
    """

    before: Codes
    after: Codes
    sureness: Codes


def transition_table(kinds: Mapping[int, Sequence[ClassPair]]) -> Codes:
    """Return the kind of change from each class to each other one.

    Args:
        kinds: For each code of a kind the pairs of classes before and classes after in it.

    Returns:
        Shape (256, 256), `table[before, after]`; `NO_DATA` where nothing is reported.

    Raises:
        ValueError: A change belongs to two kinds, or a class changes to itself.
    """
    table = np.full((NO_DATA + 1, NO_DATA + 1), NO_DATA, dtype=np.uint8)
    for kind, pairs in kinds.items():
        for before, after in pairs:
            part = np.ix_(before, after)
            if (table[part] != NO_DATA).any() or set(before) & set(after):
                message = f"kind {kind}: {before} to {after} is said twice or no change"
                raise ValueError(message)
            table[part] = kind
    return table


def find_changes(maps: Vintages, table: Codes, *, sure: float, edge_px: int) -> Codes:
    """Return the kind of change of each pixel.

    Edges of things never lie on the same pixel twice. So a change counts only where the class of
    the newer image is not found in the older one within the tolerance; what counts grows back by
    the tolerance, so that it keeps its area.

    Args:
        maps: Rows of both maps.
        table: See `transition_table`.
        sure: Least confidence of both maps, 0 to 1.
        edge_px: By how much edges may have moved [px].

    Returns:
        Kind of each pixel; `NO_DATA` where nothing changed or nothing is known.
    """
    certain = (maps.sureness != NO_DATA) & (maps.sureness >= round(sure * 100))
    changed = np.where(certain, table[maps.before, maps.after], NO_DATA)
    kept = changed.copy()
    for one in _moved(maps.before, edge_px):
        kept[one == maps.after] = NO_DATA
    grown = kept != NO_DATA
    for one in _moved(kept, edge_px):
        grown |= (one == changed) & (one != NO_DATA)
    return np.where(grown, changed, NO_DATA).astype(np.uint8)


def _moved(codes: Codes, reach_px: int) -> Iterator[Codes]:
    """Give a raster moved by up to some pixels each way; what comes in from outside is unknown."""
    rows, columns = codes.shape
    padded = np.pad(codes, reach_px, constant_values=NO_DATA)
    side = 2 * reach_px + 1
    for y in range(side):
        for x in range(side):
            if (y, x) != (reach_px, reach_px):
                yield padded[y : y + rows, x : x + columns]


def number_areas(kinds: Codes, least_px: float) -> tuple[NDArray[np.int32], Codes]:
    """Join neighbouring pixels of one kind to areas and leave out the small ones.

    Args:
        kinds: Kind of change of each pixel, `NO_DATA` for none.
        least_px: Least area [px].

    Returns:
        Number of the area on each pixel, from 1, 0 for none; and the kind of each number, `NO_DATA`
        for 0.
    """
    numbers, codes = np.zeros(kinds.shape, np.int32), [NO_DATA]
    for kind in np.unique(kinds[kinds != NO_DATA]):
        _, parts, found, _ = cv2.connectedComponentsWithStats(
            (kinds == kind).astype(np.uint8), connectivity=4
        )
        large = found[:, cv2.CC_STAT_AREA] >= least_px
        large[0] = False
        numbers += np.where(large, np.cumsum(large) + len(codes) - 1, 0).astype(np.int32)[parts]
        codes += [int(kind)] * int(large.sum())
    return numbers, np.array(codes, np.uint8)


def usual_class(codes: Codes, where: Mask) -> int:
    """Return the most frequent class of some pixels; of equal ones the lowest, `NO_DATA` of none.

    Args:
        codes: Class of each pixel.
        where: Which pixels count, same shape.
    """
    counts = np.bincount(codes[where], minlength=NO_DATA + 1)[:NO_DATA]
    return int(counts.argmax()) if counts.any() else NO_DATA
