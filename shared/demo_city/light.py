"""Sun, shadows and the light of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
HIGHEST_M: Final = 45.0
"""Nothing in a town that throws a shadow beyond its margin is higher."""
FARTHEST_M: Final = 110.0
SKY: Final = np.array([0.31, 0.34, 0.385, 0.275], np.float32)
"""Light of the open sky on level ground per band, with what walls and leaves pass on."""
OCCLUSION: Final = 0.45
AROUND_M: Final = 1.6


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


def sun_at(moment: datetime, latitude_deg: float, longitude_deg: float) -> Sun:
    """Return where the sun stands, without refraction, within 0.02 deg from 1950 to 2050.

    Source: The Astronomical Almanac, "Low precision formulas for the Sun".

    Args:
        moment: Date and time with its time zone.
        latitude_deg: North [deg].
        longitude_deg: East [deg].
    """
    days = (moment.astimezone(UTC) - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86_400
    anomaly = np.radians(357.528 + 0.985_600_3 * days)
    longitude = np.radians(
        280.460 + 0.985_647_4 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    tilt = np.radians(23.439 - 4e-7 * days)
    ascension = np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude))
    sidereal = 280.460_618_37 + 360.985_647_366_29 * days
    hour = np.radians(sidereal + longitude_deg) - ascension
    north = np.radians(latitude_deg)
    up = np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(hour)
    azimuth = np.arctan2(
        -np.sin(hour), np.tan(declination) * np.cos(north) - np.sin(north) * np.cos(hour)
    )
    return Sun(float(np.degrees(azimuth) % 360), float(np.degrees(np.arcsin(up))))


def shadow_reach_m(sun: Sun) -> float:
    """Return how far from a chunk something may stand that shades it [m]."""
    return float(min(FARTHEST_M, HIGHEST_M / np.tan(np.radians(sun.elevation_deg))))


def shadow_ceiling(height: Plane, cell_m: float, sun: Sun) -> Plane:
    """Return the height below which each place lies in the shade.

    What stands one step towards the sun shades up to its height less the fall of the light over
    the step. The reach doubles from pass to pass: the ceiling of twice as many steps is the higher
    of the ceiling so far here and, less its fall, at the end of its reach.

    Args:
        height: Height above ground [m].
        cell_m: Size of a cell [m].
        sun: Where the sun stands.
    """
    east, north, _ = sun.toward / np.hypot(*sun.toward[:2])
    fall_m = cell_m * np.tan(np.radians(sun.elevation_deg))
    size = (height.shape[1], height.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    ceiling: Plane = height
    reach = 1
    steps = shadow_reach_m(sun) / cell_m
    while reach < steps:
        # The first pass moves the heights themselves, which leaves a place out of its own shade.
        by = reach if ceiling is not height else 1
        moved = np.array([[1, 0, east * by], [0, 1, -north * by]], dtype=np.float32)
        seen = cv2.warpAffine(ceiling, moved, size, flags=flags)
        seen -= np.float32(by * fall_m)
        if ceiling is height:
            ceiling = seen
            continue
        ceiling = np.maximum(ceiling, seen, out=seen)
        reach *= 2
    return ceiling


def mean_around(height: Plane, cell_m: float) -> Plane:
    """Return the mean height around each place: what hides its sky [m]."""
    rows, columns = height.shape
    small = cv2.resize(height, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    around = cv2.GaussianBlur(small, (0, 0), AROUND_M / (2 * cell_m))
    mean: Plane = cv2.resize(around, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return mean
