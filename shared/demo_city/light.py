"""Sun, shadows and shading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
DIFFUSE: Final = 0.3
"""Share of the light of level ground that comes from the sky."""
HIGHEST_M: Final = 55.0
SHADOW_STEP_PX: Final = 2
SOFT_M: Final = 0.3
OCCLUSION: Final = 0.3


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stands.

    Args:
        azimuth_deg: Compass direction [deg, clockwise from north].
        elevation_deg: Height above the horizon, 5 to 85 [deg].
    """

    azimuth_deg: float
    elevation_deg: float

    @property
    def toward(self) -> NDArray[np.float32]:
        """Unit vector to the sun: east, north, up."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        level = np.cos(elevation)
        vector = [np.sin(azimuth) * level, np.cos(azimuth) * level, np.sin(elevation)]
        return np.array(vector, dtype=np.float32)


def lit_share(height: Plane, gsd_m: float, sun: Sun) -> Plane:
    """Return how much of the sun reaches each pixel, 0 to 1.

    The height field is moved along the sun's direction step by step at half the resolution; what
    stands above a place on its way to the sun shades it.

    Args:
        height: Height above ground [m].
        gsd_m: Size of a pixel [m].
        sun: Where the sun stands.
    """
    rows, columns = height.shape
    small = cv2.resize(
        height, (columns // SHADOW_STEP_PX, rows // SHADOW_STEP_PX), interpolation=cv2.INTER_AREA
    )
    cell_m = gsd_m * SHADOW_STEP_PX
    east, north, _ = sun.toward / np.hypot(*sun.toward[:2])
    tangent = np.tan(np.radians(sun.elevation_deg))
    reach_m = min(HIGHEST_M, float(small.max())) / tangent
    ceiling = np.zeros_like(small)
    size = (small.shape[1], small.shape[0])
    for step in range(1, int(reach_m / cell_m) + 2):
        moved = np.array([[1, 0, east * step], [0, 1, -north * step]], dtype=np.float32)
        seen = cv2.warpAffine(small, moved, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        np.maximum(ceiling, seen - np.float32(step * cell_m * tangent), out=ceiling)
    lit = 1 - np.clip((ceiling - small) / SOFT_M, 0, 1)
    return cv2.resize(
        cv2.GaussianBlur(lit, (0, 0), 0.7), (columns, rows), interpolation=cv2.INTER_LINEAR
    )  # type: ignore[return-value]


def occlusion(height: Plane, gsd_m: float) -> Plane:
    """Return how much of the sky is hidden beside walls and under crowns, 0 to 1."""
    rows, columns = height.shape
    small = cv2.resize(height, (columns // 4, rows // 4), interpolation=cv2.INTER_AREA)
    around = cv2.GaussianBlur(small, (0, 0), 2.5 / (4 * gsd_m))
    hidden = np.clip((around - small) / 6, 0, OCCLUSION)
    return cv2.resize(hidden, (columns, rows), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def crown_shading(height: Plane, gsd_m: float, sun: Sun) -> Plane:
    """Return the cosine between the sun and a surface whose slope follows the height field."""
    scale = 1 / (8 * gsd_m)
    east = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=scale)
    south = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=scale)
    x, y, z = sun.toward
    shaded: Plane = (z - x * east + y * south) / np.sqrt(east * east + south * south + 1)
    return shaded


__all__ = ["DIFFUSE", "Sun", "crown_shading", "lit_share", "occlusion"]
