"""Marks that archives leave on paper and scanners around it, for pages that test the reading."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from apps.archivair.rendering import Gray, RenderedPage

MM_PER_INCH = 25.4
HOLE_MM, HOLE_SPREAD_MM, HOLE_EDGE_MM = 6.0, 80.0, 11.0
_DARK, _RIM, _STAMP = 30, 120, 150


def punch(page: RenderedPage) -> RenderedPage:
    """Punch two filing holes into the left margin; the scanner's lid shows dark through them.

    Args:
        page: Page before tilt and scaling.
    """
    image = page.image.copy()
    per_mm = page.dpi / MM_PER_INCH
    radius = round(HOLE_MM / 2 * per_mm)
    for side in (-1, 1):
        centre = (
            round(HOLE_EDGE_MM * per_mm),
            round(image.shape[0] / 2 + side * HOLE_SPREAD_MM / 2 * per_mm),
        )
        cv2.circle(image, centre, radius, _DARK, -1, cv2.LINE_AA)
        cv2.circle(image, centre, radius, _RIM, max(1, radius // 8), cv2.LINE_AA)
    return replace(page, image=image)


def stamp(page: RenderedPage, seed: int) -> RenderedPage:
    """Put a pale ring stamp beside the closing lines and stroke a pen mark over the margin.

    Args:
        page: Page before tilt and scaling.
        seed: Chooses places.
    """
    rng = np.random.default_rng(seed)
    height, width = page.image.shape
    layer = np.full_like(page.image, 255)
    centre = (round(width * rng.uniform(0.6, 0.85)), round(height * rng.uniform(0.86, 0.92)))
    radius, thick = round(width * 0.075), max(2, page.dpi // 60)
    cv2.circle(layer, centre, radius, _STAMP, thick, cv2.LINE_AA)
    cv2.circle(layer, centre, round(radius * 0.72), _STAMP, max(1, thick // 2), cv2.LINE_AA)
    left = round(width * rng.uniform(0.90, 0.93))
    top = round(height * rng.uniform(0.2, 0.6))
    waves = np.arange(60)
    points = np.stack(
        [left + width * 0.02 * np.sin(waves / 3.0), top + waves * height * 0.002], axis=1
    )
    cv2.polylines(layer, [points.astype(np.int32)], False, 90, thick, cv2.LINE_AA)
    return replace(page, image=np.minimum(page.image, layer))


def scan_border(page: RenderedPage, seed: int) -> RenderedPage:
    """Surround a scanned page with the dark of an open lid, uneven on the four sides.

    Args:
        page: Page after tilt and scaling.
        seed: Chooses the widths.
    """
    rng = np.random.default_rng(seed)
    widths = [round(page.dpi * part) for part in rng.uniform(0.05, 0.6, 4)]
    height, width = page.image.shape
    shape = (height + widths[0] + widths[1], width + widths[2] + widths[3])
    dark = rng.normal(_DARK, 6, shape)
    image: Gray = np.clip(dark, 0, 255).astype(np.uint8)
    image[widths[0] : widths[0] + height, widths[2] : widths[2] + width] = page.image
    return replace(page, image=image)


def turn(page: RenderedPage, turns: int) -> RenderedPage:
    """Turn a page counter-clockwise by quarter turns.

    Args:
        page: Any page.
        turns: 1 to 3.
    """
    return replace(page, image=np.ascontiguousarray(np.rot90(page.image, turns)))
