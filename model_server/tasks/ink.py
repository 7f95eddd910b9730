"""Where there is ink on an almost empty page."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SHRINK = 4
DARKER_BY = 48
MIN_INK_PX = 2
GAP_PX = 30
MARGIN_PX = 15
MAX_PATCHES = 12
MAX_SHARE = 0.8

Patch = tuple[int, int, int, int]


def ink_patches(page: NDArray[np.uint8]) -> list[Patch]:
    """Return (left, top, right, bottom) of bands of ink, with a margin, in pixels.

    Empty when the page is blank, or so full that looking at patches would show nothing new.

    Args:
        page: Height x width x 3, RGB.
    """
    height, width = page.shape[:2]
    size = (max(1, width // SHRINK), max(1, height // SHRINK))
    small = cv2.resize(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    ink = small < float(np.median(small)) - DARKER_BY
    patches = []
    for top, bottom in _runs(ink.sum(axis=1) >= MIN_INK_PX):
        columns = np.flatnonzero(ink[top:bottom].any(axis=0))
        patch = (int(columns[0]), top, int(columns[-1]) + 1, bottom)
        patches.append(_with_margin(patch, width, height))
    if len(patches) > MAX_PATCHES or _share(patches, width * height) > MAX_SHARE:
        return []
    return patches


def _runs(rows: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first row and the row after the last of each run; short gaps do not end one."""
    places = np.flatnonzero(rows)
    if len(places) == 0:
        return []
    breaks = np.flatnonzero(np.diff(places) > GAP_PX)
    starts = [int(places[0]), *places[breaks + 1].tolist()]
    ends = [*places[breaks].tolist(), int(places[-1])]
    return [(start, end + 1) for start, end in zip(starts, ends, strict=True)]


def _with_margin(patch: Patch, width: int, height: int) -> Patch:
    left, top, right, bottom = patch
    return (
        max(0, (left - MARGIN_PX) * SHRINK),
        max(0, (top - MARGIN_PX) * SHRINK),
        min(width, (right + MARGIN_PX) * SHRINK),
        min(height, (bottom + MARGIN_PX) * SHRINK),
    )


def _share(patches: list[Patch], area_px: int) -> float:
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in patches)
    return covered / area_px
