"""The picture of the recipe `change`: one place of Musterstadt in both flights, side by side."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from apps.aviary.kinds.change import Codes, number_areas
from apps.aviary.kinds.change_method import changes_of_maps
from apps.aviary.recipes import find_recipe
from shared.geo.nodata import NO_DATA
from shared.geo.raster import Rgb

SCENE_CORNER_M: Final = (1_619.0, 2_093.0)
"""West and north within the town [m]: a new house and a new pool."""
OUTLINE_PX: Final = 2


def draw_change(
    before: Rgb, after: Rgb, labels: tuple[Codes, Codes], *, gsd_m: float, colour: tuple[int, ...]
) -> Rgb:
    """Show a place before and after, what changed in truth outlined in both.

    Args:
        before: Image of the older flight, shape (rows, columns, 3).
        after: The same place in the newer one, same shape.
        labels: True land cover in both, shape (rows, columns).
        gsd_m: Ground sampling distance [m].
        colour: Of the outlines.

    Returns:
        Both images beside each other, shape (rows, 2 x columns, 3).
    """
    changed = (changed_kinds(labels, gsd_m) != NO_DATA).astype(np.uint8)
    outlines, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    halves = [
        np.asarray(cv2.drawContours(photo.copy(), outlines, -1, colour, OUTLINE_PX))
        for photo in (before, after)
    ]
    drawn = np.concatenate(halves, axis=1).astype(np.uint8)
    middle = before.shape[1]
    drawn[:, middle - 1 : middle + 2] = 255
    return drawn


def changed_kinds(labels: tuple[Codes, Codes], gsd_m: float) -> Codes:
    """Return what the recipe reports if it is told the true land cover.

    Args:
        labels: Land cover in both flights.
        gsd_m: Ground sampling distance [m].

    Returns:
        Kind of change of each pixel, `NO_DATA` for none.
    """
    recipe = find_recipe("change")
    kinds = changes_of_maps(recipe, *labels)
    numbers, codes = number_areas(kinds, recipe.min_area_m2 / gsd_m**2)
    return np.asarray(codes[numbers])
