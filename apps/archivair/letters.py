"""Letters as shapes of ink, before anything is read: their size, direction and sharpness."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.clean import Gray

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

MIN_HEIGHT_PX, MAX_HEIGHT_SHARE = 4, 1 / 16
MIN_LETTERS, FEW_LETTERS = 40, 12
MIN_PIECE_LETTERS = 6
REACH = 0.22
SMALL_PERCENT = 35
UPSIDE_DOWN_RATIO = 1.5
MIN_REACHING = 24
SIDEWAYS_RATIO = 1.35
PATCHES = 160
FAINT_SIDE_PX, FAINT_LEVELS, FAINT_GRAINS, FAINT_LETTERS = 1400, 5.0, 4.0, 40
SMOOTH_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Letters:
    """Shapes of about the size of letters.

    Args:
        boxes: Left, top, right, bottom of each in pixels, shape (n, 4).
        height: Median of their heights in pixels; 0 without any.
    """

    boxes: Numbers
    height: float

    @property
    def x_height(self) -> float:
        """Estimated height of small letters in pixels; softening made each a pixel higher."""
        if not len(self.boxes):
            return 0.0
        heights = self.boxes[:, 3] - self.boxes[:, 1]
        return max(1.0, float(np.percentile(heights, SMALL_PERCENT)) - 1.0)

    @property
    def are_enough(self) -> bool:
        """Whether there are enough of them to say something about a page of text."""
        return len(self.boxes) >= MIN_LETTERS


def find_letters(ink: Mask) -> Letters:
    """Return the shapes of a page that may be letters.

    Args:
        ink: Dark pixels of a page, shape (height, width).
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    stats = stats[1:]
    wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    side = np.maximum(wide, high)
    kept = (side >= MIN_HEIGHT_PX) & (side <= MAX_HEIGHT_SHARE * max(ink.shape))
    kept &= stats[:, cv2.CC_STAT_AREA] >= 0.1 * wide * high
    stats, side = stats[kept], side[kept]
    if not len(stats):
        return Letters(np.zeros((0, 4)), 0.0)
    usual = float(np.median(side[side >= 0.4 * np.percentile(side, 75)]))
    stats = stats[(side >= 0.5 * usual) & (side <= 2.6 * usual)]
    left, top, wide, high = (stats[:, part].astype(np.float64) for part in range(4))
    boxes = np.stack([left, top, left + wide, top + high], axis=1)
    return Letters(boxes, float(np.median(high)) if len(boxes) else 0.0)


def has_faint_print(flat: Gray) -> bool:
    """Say whether a page that seems blank holds lines of very pale print.

    Args:
        flat: Page with white paper, shape (height, width).
    """
    scale = min(1.0, FAINT_SIDE_PX / max(flat.shape))
    small = cv2.resize(flat, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), 1.2).astype(np.int16)
    below = cv2.medianBlur(small, 41).astype(np.int16) - smooth
    grain = 1.48 * float(np.median(np.abs(below)))
    ink = below > max(FAINT_LEVELS, FAINT_GRAINS * grain)
    edge = round(0.02 * max(small.shape))
    return len(letters_in_lines(find_letters(ink[edge:-edge, edge:-edge])).boxes) >= FAINT_LETTERS


def runs_down(letters: Letters) -> bool:
    """Say whether the lines of a page run from top to bottom: it lies turned by 90 degrees.

    The nearest neighbour of a letter stands in its line.

    Args:
        letters: Letters of the page.
    """
    if not letters.are_enough:
        return False
    middles = (letters.boxes[:, :2] + letters.boxes[:, 2:]) / 2
    sample = middles[:: max(1, len(middles) // 400)]
    beside = above = 0
    for x, y in sample:
        away = np.abs(middles - (x, y))
        distance = np.hypot(away[:, 0], away[:, 1])
        distance[distance == 0] = np.inf
        nearest = away[int(np.argmin(distance))]
        beside += bool(nearest[0] > 2 * nearest[1])
        above += bool(nearest[1] > 2 * nearest[0])
    return above > SIDEWAYS_RATIO * max(beside, 1)


def stands_on_head(letters: Letters) -> bool | None:
    """Say whether letters are even at their upper ends instead of at their feet.

    All but g, j, p, q, y and commas stand on their line; upwards capitals, figures and b, d, f, h,
    k, l, t differ from small letters.

    Args:
        letters: Letters of a page without tilt, its lines running across.

    Returns:
        None if it cannot be told.
    """
    if not letters.are_enough:
        return None
    upper = lower = 0
    for piece in _pieces(letters):
        tops, bottoms = piece[:, 1], piece[:, 3]
        reach = REACH * float(np.median(bottoms - tops))
        upper += int((np.abs(tops - np.median(tops)) > reach).sum())
        lower += int((np.abs(bottoms - np.median(bottoms)) > reach).sum())
    if upper + lower < MIN_REACHING:
        return None
    if lower > UPSIDE_DOWN_RATIO * upper:
        return True
    return False if upper > UPSIDE_DOWN_RATIO * lower else None


def letters_in_lines(letters: Letters) -> Letters:
    """Return the letters that stand with five others in one line, lines running across.

    Args:
        letters: Letters of a page.
    """
    pieces = _pieces(letters) if len(letters.boxes) else []
    if not pieces:
        return Letters(np.zeros((0, 4)), 0.0)
    boxes = np.concatenate(pieces)
    return Letters(boxes, float(np.median(boxes[:, 3] - boxes[:, 1])))


def _pieces(letters: Letters) -> list[Numbers]:
    """Return letters that follow each other in one line, in short pieces."""
    boxes, height = letters.boxes, letters.height
    corner = boxes[:, :2].min(axis=0) - height
    places = boxes - np.tile(corner, 2)
    right, bottom = (int(value) + 2 for value in places[:, 2:].max(axis=0) + height)
    canvas = np.zeros((bottom, right), dtype=np.uint8)
    half, reach = max(1.0, 0.12 * height), 0.8 * height
    for left, top, end, low in places:
        middle = (top + low) / 2
        first = (round(max(0.0, left - reach)), round(middle - half))
        cv2.rectangle(canvas, first, (round(end + reach), round(middle + half)), 1, -1)
    _, labels = cv2.connectedComponents(canvas)
    middles = ((places[:, :2] + places[:, 2:]) / 2).astype(int)
    lines = labels[middles[:, 1], middles[:, 0]]
    order = np.lexsort((boxes[:, 0], lines))
    ends = np.flatnonzero(np.diff(lines[order])) + 1
    size = 2 * MIN_PIECE_LETTERS
    parts = [
        row[start : start + size]
        for row in np.split(boxes[order], ends)
        for start in range(0, len(row), size)
    ]
    return [part for part in parts if len(part) >= MIN_PIECE_LETTERS]


def edge_width(gray: Gray, letters: Letters) -> float | None:
    """Measure how wide the edges of strokes are.

    Args:
        gray: Page as scanned, 0 black to 255 white.
        letters: Its letters.

    Returns:
        Pixels from paper to ink, median over letters; None with too few letters.
    """
    if len(letters.boxes) < FEW_LETTERS:
        return None
    boxes = letters.boxes[:: max(1, len(letters.boxes) // PATCHES)]
    found = [width for box in boxes if (width := _edge_px(gray, box, letters.height)) is not None]
    return float(np.median(found)) if len(found) >= FEW_LETTERS else None


def _edge_px(gray: Gray, box: Numbers, height: float) -> float | None:
    """Return the step from paper to ink over its steepness, the noise smoothed away."""
    left, top = (max(0, math.floor(value) - 3) for value in box[:2])
    right, bottom = (math.ceil(value) + 3 for value in box[2:])
    patch = gray[top:bottom, left:right].astype(np.float32)
    if min(patch.shape) < 6:
        return None
    patch = cv2.GaussianBlur(patch, (0, 0), max(0.7, SMOOTH_SHARE * height))
    paper, ink = float(np.percentile(patch, 92)), float(np.percentile(patch, 3))
    if paper - ink < 8:
        return None
    steep = cv2.magnitude(
        cv2.Sobel(patch, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(patch, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    return (paper - ink) / max(float(np.percentile(steep, 97)), 1e-3)
