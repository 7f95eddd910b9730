"""Recognise near infrared that is shown as red (CIR), which models for RGB misread."""

from __future__ import annotations

import numpy as np

from shared.contracts.finding import Finding
from shared.errors import N_
from shared.geo.raster import Patch

RED_EXCESS = (1.3, 1.15)
"""Vegetation in CIR is redder than this in relation to the second and to the third channel."""
LEAST_SHARE = 0.15
DARK = 40

_FALSE_COLOUR = Finding(
    "hint",
    "falschfarben_vermutet",
    N_("Pflanzen erscheinen rot: Das Bild ist vermutlich ein Infrarotbild (CIR)."),
    N_("Bitte verwenden Sie das Bild in Echtfarben (RGB) oder nennen Sie die richtigen Kanäle."),
)


def check_false_colour(patch: Patch) -> list[Finding]:
    """Say so where an image looks like colour infrared; nothing otherwise.

    In CIR the third channel shows green light and the second red light, of which plants reflect
    less. So their red leans to purple, whereas roofs and soil in true colours lean to orange.

    Args:
        patch: The image, shrunk.
    """
    pixels = patch.rgb[patch.valid].astype(np.float32)
    if not len(pixels):
        return []
    red, second, third = pixels.T
    is_plant = (red > DARK) & (red > RED_EXCESS[0] * second) & (red > RED_EXCESS[1] * third)
    is_purple = is_plant & (third > second)
    return [_FALSE_COLOUR] if is_purple.mean() > LEAST_SHARE else []
