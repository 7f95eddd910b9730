"""Boxes of text pieces on a cleaned page and the crops that the engines read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.clean import CleanPage, Gray

Polygon = NDArray[np.float64]

X_HEIGHT_SHARE = 0.42
TALL_FACTOR = 1.7
TALL_MARK = 1.5
GAP_SHARE = 0.35
"""Most ink in a row between two lines, as a share of the fullest row of the weaker line."""
MIN_HEIGHT_PX = 5
MIN_HEIGHT_FACTOR = 0.35
MAX_HEIGHT_FACTOR = 5.0
SIDE_MARGIN = 0.3
_WHITE = 255


@dataclass(frozen=True, slots=True)
class TextBox:
    """A piece of one text line in pixels of the cleaned page.

    Args:
        left: Left edge.
        top: Upper edge at the middle of the piece.
        right: Right edge.
        bottom: Lower edge at the middle of the piece.
        slope: Rise of y per pixel of x, from tilt that cleaning left over.
        score: Score of the detector, 0 to 1; 0 for pieces found by ink alone.
    """

    left: float
    top: float
    right: float
    bottom: float
    slope: float = 0.0
    score: float = 0.0

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """Centre in y."""
        return (self.top + self.bottom) / 2

    def corners(self) -> Polygon:
        """Return the four corners clockwise from the upper left, shape (4, 2)."""
        rise = self.slope * self.width / 2
        return np.array(
            [
                [self.left, self.top - rise],
                [self.right, self.top + rise],
                [self.right, self.bottom + rise],
                [self.left, self.bottom - rise],
            ]
        )


def find_lines(clean: CleanPage, polygons: Sequence[tuple[Polygon, float]]) -> list[TextBox]:
    """Turn detector polygons into boxes and add text that the detector left out.

    Args:
        clean: The page.
        polygons: Corners in pixels of the cleaned page, shape (n, 2), and score of each piece.

    Returns:
        Boxes in no particular order.
    """
    boxes = [box for polygon, score in polygons if (box := _as_box(polygon, score)) is not None]
    if not boxes:
        return []
    usual = median_height(boxes)
    kept = [
        box
        for box in boxes
        if MIN_HEIGHT_FACTOR * usual <= box.height <= MAX_HEIGHT_FACTOR * usual
        and box.height >= MIN_HEIGHT_PX
    ]
    ink = ink_mask(clean)
    pieces = [piece for box in kept for piece in _split_tall(box, ink, usual)]
    return pieces + _missed_pieces(ink, pieces, usual)


def median_height(boxes: Sequence[TextBox]) -> float:
    """Return the usual height of a line in pixels, long pieces counting more."""
    heights = np.array([box.height for box in boxes])
    weights = np.array([max(box.width, 1.0) for box in boxes])
    order = np.argsort(heights)
    reached = np.cumsum(weights[order])
    return float(heights[order][int(np.searchsorted(reached, reached[-1] / 2))])


def x_height_px(boxes: Sequence[TextBox]) -> float:
    """Estimate the height of small letters in pixels from the height of the boxes."""
    return median_height(boxes) * X_HEIGHT_SHARE


def ink_mask(clean: CleanPage) -> NDArray[np.bool_]:
    """Return where ink is, single noisy pixels smoothed away."""
    smooth = cv2.GaussianBlur(clean.image, (0, 0), 1.0)
    return np.asarray(smooth < clean.ink_threshold, dtype=np.bool_)


def crop_piece(image: Gray, box: TextBox, margin: float) -> Gray:
    """Cut a piece out of the page, its leftover slope taken out.

    Args:
        image: Cleaned page.
        box: The piece.
        margin: Room above and below as a share of the height.

    Returns:
        Crop in the scale of the page; white where it reaches over the edge.
    """
    side = box.height * SIDE_MARGIN
    left, right = box.left - side, box.right + side
    top, bottom = box.top - box.height * margin, box.bottom + box.height * margin
    width, height = max(2, round(right - left)), max(2, round(bottom - top))
    if abs(box.slope) * box.width < 0.12 * box.height:
        return _cut(image, round(left), round(top), width, height)
    centre = (left + right) / 2
    matrix = np.array([[1.0, 0.0, left], [box.slope, 1.0, top + box.slope * (left - centre)]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        image,
        matrix,
        (width, height),
        flags=flags,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_WHITE,
    )
    return np.asarray(warped, dtype=np.uint8)


def scale_to(crop: Gray, height_px: float, crop_height_px: float) -> Gray:
    """Scale a crop so that `crop_height_px` of it become `height_px`.

    Args:
        crop: Grey crop.
        height_px: Wanted height.
        crop_height_px: Height in the crop that it refers to.
    """
    scale = height_px / max(crop_height_px, 1.0)
    size = (max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(crop, size, interpolation=method), dtype=np.uint8)


def _as_box(polygon: Polygon, score: float) -> TextBox | None:
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    if len(points) != 4:
        return None
    upper_left, upper_right, lower_right, lower_left = points
    run = (upper_right[0] - upper_left[0] + lower_right[0] - lower_left[0]) / 2
    height = (lower_left[1] - upper_left[1] + lower_right[1] - upper_right[1]) / 2
    if run <= 1 or height <= 1:
        return None
    rise = (upper_right[1] - upper_left[1] + lower_right[1] - lower_left[1]) / 2
    slope = rise / run if run > 4 * height else 0.0
    middle = float(points[:, 1].mean())
    left, right = float(points[:, 0].min()), float(points[:, 0].max())
    return TextBox(left, middle - height / 2, right, middle + height / 2, slope, score)


def _cut(image: Gray, left: int, top: int, width: int, height: int) -> Gray:
    canvas = np.full((height, width), _WHITE, dtype=np.uint8)
    page_height, page_width = image.shape
    x0, x1 = max(0, left), min(page_width, left + width)
    y0, y1 = max(0, top), min(page_height, top + height)
    if x0 < x1 and y0 < y1:
        canvas[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return canvas


def _split_tall(box: TextBox, ink: NDArray[np.bool_], usual: float) -> list[TextBox]:
    """Cut a box that holds several lines at the emptiest rows between them."""
    if box.height < TALL_FACTOR * usual or box.width < 3 * usual:
        return [box]
    count = max(2, round(box.height / (1.25 * usual)))
    top, bottom = max(0, round(box.top)), min(ink.shape[0], round(box.bottom))
    area = ink[top:bottom, max(0, round(box.left)) : round(box.right)]
    profile = area.mean(axis=1)
    if len(profile) < 2 * count or profile.max(initial=0) == 0:
        return [box]
    cuts = [0]
    for number in range(1, count):
        expected = number * len(profile) / count
        reach = len(profile) / count * 0.35
        low, high = int(expected - reach), int(expected + reach) + 1
        cuts.append(low + int(np.argmin(profile[low:high])))
    cuts.append(len(profile))
    peaks = [float(profile[start:end].max(initial=0)) for start, end in pairwise(cuts)]
    # A gap is empty beside both its lines: above the small letters of a single large line, only
    # its capitals and tall letters have ink, and nearly as much of it everywhere.
    if any(
        profile[cut] > GAP_SHARE * min(beside)
        for cut, beside in zip(cuts[1:-1], pairwise(peaks), strict=True)
    ):
        return [box]
    return [
        replace(box, top=float(top + start), bottom=float(top + end), slope=0.0)
        for start, end in pairwise(cuts)
    ]


def _without_tall_marks(ink: Gray, usual: float) -> Gray:
    """Take out pen strokes, rules and stamps, which would join a line to what is not text."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    tall = stats[:, cv2.CC_STAT_HEIGHT] > TALL_MARK * usual
    tall[0] = False
    return np.where(tall[labels], 0, ink).astype(np.uint8)


def _missed_pieces(ink: NDArray[np.bool_], boxes: Sequence[TextBox], usual: float) -> list[TextBox]:
    """Find words of the usual height that no box covers; the recogniser decides about them."""
    free = ink.astype(np.uint8)
    for box in boxes:
        rise = abs(box.slope) * box.width / 2
        reach = 0.25 * box.height + rise
        rows = slice(max(0, round(box.top - reach)), max(0, round(box.bottom + reach)))
        columns = slice(max(0, round(box.left - usual / 2)), max(0, round(box.right + usual / 2)))
        free[rows, columns] = 0
    free = _without_tall_marks(free, usual)
    kernel = np.ones((1, max(3, round(usual * 0.6))), np.uint8)
    joined = cv2.morphologyEx(free, cv2.MORPH_CLOSE, kernel)
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    found = []
    for number in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[number])
        if not 0.3 * usual <= height <= 1.3 * usual or not 0.5 * usual <= width <= 40 * usual:
            continue
        density = free[top : top + height, left : left + width].mean()
        if area < 0.15 * width * height or not 0.06 <= density <= 0.6:
            continue
        room = max(0.0, (usual - height) / 2)
        found.append(TextBox(left, top - room, left + width, top + height + room))
    return found
