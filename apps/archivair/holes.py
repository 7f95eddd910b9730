"""Find punch holes: round dark discs or rings of one size near an edge of the page."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

LEAST_SHARE, LARGEST_SHARE = 0.012, 0.034
"""Diameter as a share of the longer side: 3.6 to 10 mm on a page of A4."""
EDGE_SHARE = 0.13
ROUNDNESS = 0.13
DISC_FILL = 0.68
RING_SPREAD = 0.12
SIDE_PX = 1200


def hole_mask(ink: Mask) -> Mask | None:
    """Return where holes are, a little larger than they look; None where there are none.

    Args:
        ink: Dark pixels of a page, shape (height, width), upright or lying.
    """
    height, width = ink.shape
    scale = min(1.0, SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(ink.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 100
    discs = _discs(small)
    if not discs:
        return None
    found = np.zeros((height, width), dtype=np.uint8)
    for x, y, radius in discs:
        centre = (round(x / scale), round(y / scale))
        cv2.circle(found, centre, round((1.15 * radius + 2) / scale), 1, -1)
    return np.asarray(found, dtype=np.bool_)


def _discs(ink: Mask) -> list[tuple[float, float, float]]:
    """Return centre and radius of each hole in pixels."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    height, width = ink.shape
    least, largest = LEAST_SHARE * max(ink.shape), LARGEST_SHARE * max(ink.shape)
    found = []
    for number in range(1, count):
        left, top, wide, high, area = (int(value) for value in stats[number])
        if not (least <= wide <= largest and least <= high <= largest):
            continue
        x, y = left + wide / 2, top + high / 2
        from_edge = min(x / width, 1 - x / width, y / height, 1 - y / height)
        if from_edge > EDGE_SHARE or abs(wide - high) > ROUNDNESS * max(wide, high):
            continue
        part = labels[top : top + high, left : left + wide] == number
        is_disc = area >= DISC_FILL * wide * high and _is_round(part)
        if is_disc or _is_ring(part):
            found.append((float(centres[number][0]), float(centres[number][1]), (wide + high) / 4))
    return found


def _is_round(part: Mask) -> bool:
    """Say whether the corners of the box around a disc are empty, unlike a filled square."""
    high, wide = part.shape
    corner = max(1, round(0.1 * min(high, wide)))
    corners = (
        part[:corner, :corner], part[:corner, -corner:],
        part[-corner:, :corner], part[-corner:, -corner:],
    )  # fmt: skip
    return sum(float(one.mean()) for one in corners) / 4 < 0.2


def _is_ring(part: Mask) -> bool:
    """Say whether all ink lies at one distance from the middle."""
    rows, columns = np.nonzero(part)
    high, wide = part.shape
    away = np.hypot((columns - (wide - 1) / 2) / wide, (rows - (high - 1) / 2) / high) * 2
    angles = np.arctan2(rows - high / 2, columns - wide / 2)
    around = len(np.unique(np.floor(angles * 12 / np.pi)))
    return bool(away.std() < RING_SPREAD and away.mean() > 0.7 and around >= 22)
