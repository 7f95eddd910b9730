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
HEIGHT_STEP_M: Final = 1 / 128
"""Heights that throw shade are whole multiples of it."""
NEARLY: Final = 1e-4
"""Parts of a cell that count as none."""


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


def shadow_reach_m(sun: Sun, height_m: float = HIGHEST_M) -> float:
    """Return how far from a chunk something may stand that shades it [m].

    Args:
        sun: Where the sun stands.
        height_m: Height of what stands there [m].
    """
    return float(min(FARTHEST_M, height_m / np.tan(np.radians(sun.elevation_deg))))


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
    east, north = (float(part) for part in sun.toward[:2])
    # A step is one cell north or south, or one east or west, and less than one across.
    longest = max(abs(east), abs(north))
    step_m = cell_m * float(np.hypot(east, north)) / longest
    down, right = -north / longest, east / longest
    fall_m = step_m * float(np.tan(np.radians(sun.elevation_deg)))
    # The first pass moves the heights themselves, which leaves a place out of its own shade.
    ceiling = _moved(height, down, right)
    ceiling -= np.float32(fall_m)
    reach, steps = 1, int(np.ceil(shadow_reach_m(sun) / step_m))
    while reach < steps:
        by = min(reach, steps - reach)
        seen = _moved(ceiling, by * down, by * right)
        seen -= np.float32(by * fall_m)
        np.maximum(ceiling, seen, out=ceiling)
        reach += by
    return ceiling


def _moved(plane: Plane, down: float, right: float) -> Plane:
    """Return what lies so many cells further, between cells the mean; 0 beyond the border."""
    moved = np.zeros_like(plane)
    for row, row_share in _parts(down):
        for column, column_share in _parts(right):
            rows, columns = (
                slice(max(0, -by), min(side, side - by))
                for by, side in zip((row, column), plane.shape, strict=True)
            )
            there = plane[rows.start + row : rows.stop + row, :]
            there = there[:, columns.start + column : columns.stop + column]
            share = row_share * column_share
            moved[rows, columns] += there if share == 1 else there * np.float32(share)
    return moved


def _parts(way: float) -> list[tuple[int, float]]:
    """Return the whole cells beside a way and the share of each."""
    whole = int(np.floor(way + NEARLY))
    rest = way - whole
    return [(whole, 1.0)] if rest < NEARLY else [(whole, 1 - rest), (whole + 1, rest)]


def mean_around(height: Plane, cell_m: float) -> Plane:
    """Return the mean height around each place: what hides its sky [m].

    Sums of whole steps are exact, so the mean of a place is the same in every rectangle.

    Args:
        height: Height above ground in whole `HEIGHT_STEP_M` [m].
        cell_m: Size of a cell [m].
    """
    # Two boxes of this width have the variance of the wanted curve.
    width = 2 * round((np.sqrt(6 * (AROUND_M / cell_m) ** 2 + 1) - 1) / 2) + 1
    around = height
    for _ in range(2):
        around = in_steps(cv2.boxFilter(around, -1, (width, width)))
    return around


def in_steps(height: Plane) -> Plane:
    """Round heights to whole steps, in place [m]."""
    height *= np.float32(1 / HEIGHT_STEP_M)
    np.rint(height, out=height)
    height *= np.float32(HEIGHT_STEP_M)
    return height
