"""Take uneven paper, dark scan borders and tilt out of a page; what remains is ink on white."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.holes import hole_mask

Gray = NDArray[np.uint8]
Matrix = NDArray[np.float64]

MAX_TILT_DEG = 15.0
COARSE_STEP_DEG = 0.5
FINE_STEP_DEG = 0.05
PROFILE_SIDE_PX = 1400
BACKGROUND_SIDE_PX = 400
MIN_PROFILE_POINTS, MAX_PROFILE_POINTS = 50, 60_000
NEGATIVE_MEDIAN = 90
TINY_SIDE_PX, SMALL_SIDE_PX = 1000, 1600
"""Pages of A4 below 85 and 137 dpi."""
WHITE = 255


@dataclass(frozen=True, slots=True)
class CleanPage:
    """A page ready for line finding.

    Args:
        image: Grey page with even white paper, upright, shape (height, width).
        angle_deg: Tilt that was taken out, positive when the scan was turned counter-clockwise.
        to_source: 2 x 3 matrix from pixels of `image` to pixels of the page before cleaning.
        ink_threshold: Grey value below which a pixel counts as ink.
        negative: True when the scan had light text on dark ground.
        enlarged: Pixels of `image` per pixel of the scan.
    """

    image: Gray
    angle_deg: float
    to_source: Matrix
    ink_threshold: int
    negative: bool = False
    enlarged: int = 1


def clean_page(gray: Gray) -> CleanPage:
    """Even out the paper, take out punch holes and tilt.

    Args:
        gray: Page, 0 black to 255 white, shape (height, width).
    """
    negative = is_negative(gray)
    flat = flatten_background(WHITE - gray if negative else gray)
    threshold = ink_threshold(flat)
    if (holes := hole_mask(flat < threshold)) is not None:
        flat[holes] = WHITE
    angle = find_tilt(flat, threshold)
    image, to_source = rotate(flat, -angle)
    return CleanPage(image, angle, to_source, threshold, negative)


def enlarge_small(clean: CleanPage) -> CleanPage:
    """Enlarge a page of low resolution two or three times, so that lines can be cut finely.

    Args:
        clean: A cleaned page; a large or already enlarged one stays as it is.
    """
    side = max(clean.image.shape)
    if clean.enlarged > 1 or side > SMALL_SIDE_PX:
        return clean
    factor = 3 if side <= TINY_SIDE_PX else 2
    height, width = clean.image.shape
    size = (factor * width, factor * height)
    image = cv2.resize(clean.image, size, interpolation=cv2.INTER_LANCZOS4)
    # Pixel centres: that of pixel 0 of the large image lies 0.5 / factor inside the small one.
    grown = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5]])
    to_source = clean.to_source[:, :2] @ grown
    to_source[:, 2] += clean.to_source[:, 2]
    return replace(
        clean, image=np.asarray(image, dtype=np.uint8), to_source=to_source, enlarged=factor
    )


def is_negative(gray: Gray) -> bool:
    """Say whether light text stands on a dark ground; dark paper with darker text does not.

    Args:
        gray: Page, shape (height, width).
    """
    if np.median(gray) >= NEGATIVE_MEDIAN:
        return False
    scale = min(1.0, PROFILE_SIDE_PX / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.int16)
    above = smooth - cv2.medianBlur(small, 31)
    strong = max(12.0, 6.0 * float(np.median(np.abs(above))))
    return bool((above > strong).sum() > (above < -strong).sum())


def flatten_background(gray: Gray) -> Gray:
    """Divide the page by its background so that paper becomes white everywhere.

    The background is what remains when ink is closed over and strongly median-filtered. Areas as
    dark as ink at page scale (scanner border) become white.

    Args:
        gray: Page, shape (height, width).
    """
    height, width = gray.shape
    scale = min(1.0, BACKGROUND_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.5 / scale) if scale < 1 else gray
    small = cv2.resize(smooth, size, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    paper = cv2.GaussianBlur(cv2.medianBlur(closed, 31), (0, 0), 6)
    background = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    flat = cv2.divide(gray, np.maximum(background, 1), scale=float(WHITE))
    flat = _stretch(flat)
    flat[_scan_border(small, paper, (width, height))] = WHITE
    return flat


def _stretch(flat: Gray) -> Gray:
    """Give faint ink (carbon copy, weak ribbon) full contrast; never weaken it."""
    darkest = int(np.percentile(flat[::4, ::4], 0.5))
    if darkest < 60 or darkest > 215:
        return flat
    table = np.clip((np.arange(256) - darkest * 0.75) * WHITE / (WHITE - darkest * 0.75), 0, WHITE)
    return np.asarray(cv2.LUT(flat, table.astype(np.uint8)), dtype=np.uint8)


def _scan_border(small: Gray, paper: Gray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask of large dark areas that touch the edge of the scan."""
    dark = (small < 0.45 * float(np.median(paper))).astype(np.uint8)
    dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(dark, connectivity=8)
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    border = np.isin(labels, np.setdiff1d(np.unique(edges), [0])).astype(np.uint8)
    border = cv2.dilate(border, np.ones((5, 5), np.uint8))
    resized = cv2.resize(border, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized, dtype=np.bool_)


def ink_threshold(flat: Gray) -> int:
    """Choose the grey value that separates ink from flattened paper (Otsu, kept in bounds).

    Args:
        flat: Page with white paper.
    """
    smooth = cv2.GaussianBlur(flat, (0, 0), 1.0)
    value, _ = cv2.threshold(smooth, 0, WHITE, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return int(np.clip(value, 110, 205))


def find_tilt(flat: Gray, threshold: int) -> float:
    """Measure the tilt of the text lines in degrees, positive counter-clockwise.

    The sharpest horizontal projection profile wins, first in steps of 0.5 degrees within +-15,
    then in steps of 0.05.

    Args:
        flat: Page with white paper.
        threshold: Grey value below which a pixel counts as ink.
    """
    scale = min(1.0, PROFILE_SIDE_PX / max(flat.shape))
    small = cv2.resize(flat, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ink = small < threshold
    ink &= ~_large_shapes(ink)
    marks = np.argwhere(ink).astype(np.float32)
    if len(marks) < MIN_PROFILE_POINTS:
        return 0.0
    sample = marks[:: max(1, len(marks) // MAX_PROFILE_POINTS)]
    rows, columns = sample[:, 0], sample[:, 1]
    coarse = np.arange(-MAX_TILT_DEG, MAX_TILT_DEG + 0.01, COARSE_STEP_DEG)
    best = _sharpest(rows, columns, coarse)
    fine = np.arange(best - COARSE_STEP_DEG, best + COARSE_STEP_DEG + 0.001, FINE_STEP_DEG)
    angle = _sharpest(rows, columns, fine)
    return float(np.clip(round(angle, 3), -MAX_TILT_DEG, MAX_TILT_DEG)) + 0.0


def _large_shapes(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what is no letter: rules, frames, pictures, hole rims, single pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    if count < 2:
        return np.zeros_like(ink)
    side = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    odd = (side > max(ink.shape) / 12) | (stats[:, cv2.CC_STAT_AREA] < 4)
    odd[0] = False
    return np.asarray(odd[labels], dtype=np.bool_)


def _sharpest(
    rows: NDArray[np.float32], columns: NDArray[np.float32], angles_deg: NDArray[np.float64]
) -> float:
    """Return the angle whose projection profile has the largest sum of squared steps."""
    scores = []
    for angle in angles_deg:
        slope = math.tan(math.radians(float(angle)))
        projected = rows + columns * slope
        low = float(projected.min())
        profile = np.bincount((projected - low).astype(np.int32))
        scores.append(float(np.sum(np.diff(profile.astype(np.float64)) ** 2)))
    return float(angles_deg[int(np.argmax(scores))])


def rotate(image: Gray, angle_deg: float) -> tuple[Gray, Matrix]:
    """Turn an image about its centre on a canvas that holds all of it.

    Args:
        image: Grey image.
        angle_deg: Positive turns counter-clockwise.

    Returns:
        The turned image and the 2 x 3 matrix from its pixels back to `image`.
    """
    height, width = image.shape
    if abs(angle_deg) < FINE_STEP_DEG / 2:
        return image, np.eye(2, 3)
    forward = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    cosine, sine = abs(forward[0, 0]), abs(forward[0, 1])
    new_width, new_height = (
        math.ceil(width * cosine + height * sine),
        math.ceil(width * sine + height * cosine),
    )
    forward[0, 2] += (new_width - width) / 2
    forward[1, 2] += (new_height - height) / 2
    turned = cv2.warpAffine(
        image, forward, (new_width, new_height), flags=cv2.INTER_CUBIC, borderValue=WHITE
    )
    return turned, np.asarray(cv2.invertAffineTransform(forward), dtype=np.float64)
