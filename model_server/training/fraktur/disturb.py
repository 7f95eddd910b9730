"""Change pictures of lines the way other presses, papers, scanners and line cutters would."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.tasks.grey_lines import HEIGHT_PX, measure_ink

Grey = NDArray[np.uint8]
Real = NDArray[np.float32]
TILT_DEG, SLANT_DEG = 0.8, 5.0
STRETCH = (0.88, 1.12)
RISE = (0.82, 1.08)
SHIFT_PX = 2.5
MARGIN_PX = 14
WAVE_PX = 1.0
WAVE_EVERY_PX = 24


def disturb_line(grey: Grey, other: Grey, random: np.random.Generator) -> Real:
    """Return the ink of a changed line, `HEIGHT_PX` high.

    Args:
        grey: Picture of the line.
        other: Picture of any other line: its rear side shines through, its letters intrude.
        random: Source of all chances.
    """
    page = grey.astype(np.float32)
    if random.random() < 0.12:
        page = _shine_through(page, other, random)
    if random.random() < 0.12:
        page = _intrude(page, other, random)
    page = _bend(page, random)
    page = _press(page, random)
    page = _scan(page, random)
    return _cover(measure_ink(page.clip(0, 255).astype(np.uint8)), random)


def _shine_through(page: Real, other: Grey, random: np.random.Generator) -> Real:
    height, width = page.shape
    rear = cv2.GaussianBlur(cv2.flip(other, 1), (0, 0), 1.2)
    rear = cv2.resize(rear, (width, height)).astype(np.float32)
    return np.minimum(page, page - random.uniform(0.08, 0.22) * (rear.max() - rear))


def _intrude(page: Real, other: Grey, random: np.random.Generator) -> Real:
    """Show the feet or heads of a neighbouring line at the upper or lower edge."""
    rows = int(random.integers(2, 6))
    width = min(page.shape[1], other.shape[1])
    changed = page.copy()
    if random.random() < 0.5:
        changed[:rows, :width] = np.minimum(changed[:rows, :width], other[-rows - 6 : -6, :width])
    else:
        changed[-rows:, :width] = np.minimum(changed[-rows:, :width], other[6 : 6 + rows, :width])
    return changed


def _bend(page: Real, random: np.random.Generator) -> Real:
    """Tilt, slant, stretch, shift and wave the line while it is scaled to its new height."""
    height, width = page.shape
    scale = HEIGHT_PX / height
    stretch, rise = random.uniform(*STRETCH), random.uniform(*RISE)
    left, right = random.integers(0, MARGIN_PX, 2) * (random.random() < 0.5)
    target = max(16, round((width + left + right) * scale * stretch))
    tilt = np.tan(np.radians(random.uniform(-TILT_DEG, TILT_DEG)))
    # A long line's ends would leave the picture.
    tilt = float(np.clip(tilt, -6 / width, 6 / width))
    slant = np.tan(np.radians(random.uniform(-SLANT_DEG, SLANT_DEG)))
    across = np.arange(target, dtype=np.float32)[None] + 0.5
    down = np.arange(HEIGHT_PX, dtype=np.float32)[:, None] + 0.5
    from_middle = (down - HEIGHT_PX / 2) / (scale * rise)
    source_x = across / (scale * stretch) + slant * from_middle - left - 0.5
    shift = random.uniform(-SHIFT_PX, SHIFT_PX)
    source_y = from_middle + height / 2 + shift + tilt * (source_x - width / 2) - 0.5
    if random.random() < 0.4:
        source_x = source_x + _wave(target, random)
        source_y = source_y + _wave(target, random)
    paper = float(np.percentile(page, 90))
    return cv2.remap(
        page,
        np.ascontiguousarray(np.broadcast_to(source_x, (HEIGHT_PX, target)), dtype=np.float32),
        np.ascontiguousarray(np.broadcast_to(source_y, (HEIGHT_PX, target)), dtype=np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=paper,
    ).astype(np.float32)


def _wave(width: int, random: np.random.Generator) -> Real:
    knots = random.normal(0, WAVE_PX, (3, width // WAVE_EVERY_PX + 3)).astype(np.float32)
    return cv2.resize(knots, (width, HEIGHT_PX), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _press(page: Real, random: np.random.Generator) -> Real:
    """Print with more or less ink, on uneven paper."""
    chance = random.random()
    if chance < 0.25:
        kernel = np.ones((2, 2), np.uint8) if random.random() < 0.5 else np.ones((1, 2), np.uint8)
        changed = (cv2.erode if chance < 0.125 else cv2.dilate)(page, kernel)
        share = random.uniform(0.3, 0.9)
        page = (share * changed + (1 - share) * page).astype(np.float32)
    if random.random() < 0.25:
        fade = cv2.resize(
            random.uniform(0.45, 1.0, (2, 6)).astype(np.float32), (page.shape[1], page.shape[0])
        )
        paper = float(np.percentile(page, 90))
        page = paper - (paper - page) * fade
    if random.random() < 0.2:
        spots = random.random(page.shape) < random.uniform(0.0005, 0.004)
        page = np.where(spots, random.uniform(0, 255), page)
    return page.astype(np.float32)


def _scan(page: Real, random: np.random.Generator) -> Real:
    """Photograph with blur, uneven light, noise and the losses of compression."""
    if random.random() < 0.3:
        page = cv2.GaussianBlur(page, (0, 0), random.uniform(0.4, 1.1))
    if random.random() < 0.2:
        page = page + np.linspace(*random.uniform(-30, 30, 2), page.shape[1], dtype=np.float32)
    if random.random() < 0.35:
        page = page + random.normal(0, random.uniform(2, 16), page.shape)
    if random.random() < 0.15:
        quality = int(random.integers(25, 75))
        grey = page.clip(0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
        page = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    return page.astype(np.float32)


def _cover(ink: Real, random: np.random.Generator) -> Real:
    """Hide narrow columns, so that neighbouring letters are used too."""
    if random.random() < 0.2:
        for _ in range(int(random.integers(1, 4))):
            start = int(random.integers(0, ink.shape[1]))
            ink[:, start : start + int(random.integers(3, 8))] = 0.0
    return ink
