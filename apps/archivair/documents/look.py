"""Measure how a page looks without reading it: ink, long strokes, photo, paper colour."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.clean import flatten_background

SIDE_PX = 1000
INK_BELOW = 160
STROKE_SHARE = 1 / 16
_TONE_BINS = 16
_TONES_KEPT = slice(2, 14)


@dataclass(frozen=True, slots=True)
class PageLook:
    """What a picture shows; every number is a share from 0 to 1.

    Args:
        ink: Share of dark pixels after the paper was evened out.
        across: Share of the ink in straight strokes across longer than 1/16 of the page.
        upright: Share of the ink in straight strokes from top to bottom of such length.
        boxes: Crossings of both, per 100, at most 1.
        photo: Share of pixels that are neither paper nor ink.
        rows: Share of the pixel rows that hold ink.
        red: Mean red of the paper.
        green: Mean green of the paper.
        blue: Mean blue of the paper.
    """

    ink: float
    across: float
    upright: float
    boxes: float
    photo: float
    rows: float
    red: float
    green: float
    blue: float

    def numbers(self) -> tuple[float, ...]:
        """Return all measures in fixed order."""
        return tuple(float(value) for value in astuple(self))


def measure_look(image: NDArray[np.uint8]) -> PageLook:
    """Measure a page picture; it is made at most 1,000 pixels long first.

    Args:
        image: Grey (height, width) or RGB (height, width, 3), 0 black to 255 white, upright.
    """
    scale = min(1.0, SIDE_PX / max(image.shape[:2]))
    size = (max(16, round(image.shape[1] * scale)), max(16, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    gray = small if small.ndim == 2 else np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    flat = flatten_background(gray.astype(np.uint8))
    ink = (flat < INK_BELOW).astype(np.uint8)
    total = max(1, int(ink.sum()))
    length = max(8, round(max(size) * STROKE_SHARE))
    across = _opened(ink, (length, 1))
    upright = _opened(ink, (1, length))
    crossings, _ = cv2.connectedComponents(
        cv2.dilate(across, np.ones((3, 3), np.uint8))
        & cv2.dilate(upright, np.ones((3, 3), np.uint8))
    )
    paper = small[gray >= np.percentile(gray, 60)]
    colour = paper.mean(axis=0) / 255 if small.ndim == 3 else np.full(3, paper.mean() / 255)
    tones = np.histogram(gray, _TONE_BINS, (0, 256))[0] / gray.size
    return PageLook(
        ink=float(ink.mean()),
        across=float(across.sum()) / total,
        upright=float(upright.sum()) / total,
        boxes=min(1.0, (crossings - 1) / 100),
        photo=float(_mid_tones(tones)),
        rows=float((ink.mean(axis=1) > 1 / 300).mean()),
        red=float(colour[0]),
        green=float(colour[1]),
        blue=float(colour[2]),
    )


def _opened(ink: NDArray[np.uint8], kernel: tuple[int, int]) -> NDArray[np.uint8]:
    shape = np.ones((kernel[1], kernel[0]), np.uint8)
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, shape), dtype=np.uint8)


def _mid_tones(tones: NDArray[np.float64]) -> float:
    """Leave out the tone of the paper: grey paper is no photo."""
    middle = np.array(tones[_TONES_KEPT])
    return float(middle.sum() - np.sort(middle)[-2:].sum())
