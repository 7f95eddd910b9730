"""The painted neighbourhood in both flights, side by side: a picture of the recipe `change`."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from apps.aviary.painted.sample import PX_PER_M, SAMPLE_SEED, render_sample
from apps.aviary.painted.scene_layout import BUILT_LATER, Building, lay_out
from shared.geo.raster import Rgb

CORNER_M: Final = (36.0, 0.0)
"""Left and upper edge of what is shown [m]: the houses that were built between the flights."""
HEIGHT_M: Final = 80.0
OUTLINE_PX: Final = 2


def paint_change(size_px: tuple[int, int], colour: tuple[int, ...]) -> Rgb:
    """Show a part of the neighbourhood before and after, what was built outlined in both.

    Args:
        size_px: Columns and rows of the picture.
        colour: Of the outlines.

    Returns:
        Both images beside each other, shape (rows, columns, 3).
    """
    width, height = size_px[0] // 2, size_px[1]
    scale = height / HEIGHT_M
    left, upper = (round(edge * PX_PER_M) for edge in CORNER_M)
    right, lower = left + round(width / scale * PX_PER_M), upper + round(HEIGHT_M * PX_PER_M)
    halves = []
    for earlier in (True, False):
        photo = render_sample(earlier=earlier).rgb[upper:lower, left:right]
        small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
        halves.append(cv2.polylines(small, _new_roofs(scale), True, colour, OUTLINE_PX))
    drawn = np.concatenate(halves, axis=1).astype(np.uint8)
    drawn[:, width - 1 : width + 2] = 255
    return drawn


def _new_roofs(scale: float) -> list[cv2.typing.MatLike]:
    """Return the corners of the roofs that the earlier flight does not show [px]."""
    layout = lay_out(np.random.Generator(np.random.PCG64(SAMPLE_SEED)))
    roofs = (layout.buildings[number] for number in sorted(BUILT_LATER))
    corners = (np.array(_corners(roof)) - CORNER_M for roof in roofs)
    return [np.rint(one * scale).astype(np.int32) for one in corners]


def _corners(roof: Building) -> list[tuple[float, float]]:
    along, across = roof.length_m / 2, roof.width_m / 2
    turns = ((-along, -across), (along, -across), (along, across), (-along, across))
    return [roof.to_ground(u, v) for u, v in turns]
