"""Points of a class map that a person checks, so that its areas can be corrected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.geo.metrics import LEAST_POINTS

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SamplePoint:
    """A pixel of a class map.

    Args:
        column: From 0 at the left [px].
        row: From 0 at the top [px].
        code: What the map says there.
    """

    column: int
    row: int
    code: int


def share_points(
    pixels: Mapping[int, int], points: int, least_per_class: int = 10
) -> dict[int, int]:
    """Tell how many points each class gets: by its share, but enough to say something about it.

    Args:
        pixels: Pixels of each class that the map shows.
        points: Number of points wanted; the small classes come on top.
        least_per_class: Fewest points of a class [-], at least 2; all pixels of a smaller one.

    Raises:
        ValueError: An argument is out of range.
    """
    total = sum(pixels.values())
    if points < 1 or least_per_class < LEAST_POINTS or total < 1 or min(pixels.values()) < 0:
        message = f"{points} points, at least {least_per_class} each, of {total} pixels"
        raise ValueError(message)
    wanted = {code: round(points * count / total) for code, count in pixels.items()}
    return {
        code: min(count, max(wanted[code], least_per_class))
        for code, count in sorted(pixels.items())
        if count
    }


def stratified_sample(
    strips: Iterable[tuple[int, Codes]],
    pixels: Mapping[int, int],
    points: Mapping[int, int],
    seed: int,
) -> tuple[SamplePoint, ...]:
    """Draw points at random within each class, independently and none twice.

    The points come in random order: whoever stops half way has still checked a random sample.

    Args:
        strips: First row and codes of shape (rows, columns), from top to bottom.
        pixels: Pixels of each class in all strips.
        points: Points of each class, see `share_points`.
        seed: The same seed draws the same points.

    Raises:
        ValueError: The strips hold other numbers of pixels than stated.
    """
    rng = np.random.default_rng(seed)
    ranks = {
        code: np.sort(rng.choice(pixels[code], count, replace=False))
        for code, count in sorted(points.items())
    }
    seen = dict.fromkeys(ranks, 0)
    found = []
    for first_row, codes in strips:
        for code, drawn in ranks.items():
            places = np.flatnonzero(codes == code)
            low, high = np.searchsorted(drawn, [seen[code], seen[code] + len(places)])
            for place in places[drawn[low:high] - seen[code]]:
                row, column = divmod(int(place), codes.shape[1])
                found.append(SamplePoint(column, first_row + row, code))
            seen[code] += len(places)
    if any(seen[code] != pixels[code] for code in ranks):
        message = f"{seen} pixels where {dict(pixels)} were stated"
        raise ValueError(message)
    found.sort(key=lambda point: (point.row, point.column))
    return tuple(found[place] for place in rng.permutation(len(found)))
