"""How a flight sees a town: sun, season, camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final, Literal

from shared.demo_city.render.light import Sun, sun_at
from shared.demo_city.settings import Season

Collar = Literal["none", "black", "white"]
Offset = tuple[float, float]
LATITUDE_DEG: Final = 51.6
LONGITUDE_DEG: Final = 7.3


@dataclass(frozen=True, slots=True)
class Camera:
    """What camera and processing do to the light that reaches them.

    Args:
        blur_px: Standard deviation of the point spread function, 0 to 3 [px].
        shift_px: How far red and blue lie beside green, each 0 to 0.3: east, south [px].
        haze: Share of the light that is replaced by haze, 0 to 0.2.
        exposure: Factor on all light.
        white_balance: Factors of red, green, blue and near infrared.
        gamma: Exponent of the tone curve; above 1 darkens the middle tones.
        noise: Standard deviation of the noise of a dark pixel [digital numbers].
        shot_noise: The same of a white pixel, added in squares [digital numbers].
        vignetting: How much darker the corners of a flight image are, 0 to 0.3.
        footprint_m: Width and height of the part of a flight image that the mosaic uses [m].
        seam: Standard deviation of the exposure from flight image to flight image.
        stretch: Light that becomes black and white [digital numbers].
        jpeg_quality: Quality of files that are written as JPEG, 1 to 100.
        collar: Colour around the flown area.
        collar_m: Width of the collar along the west edge of the town [m]; 0: none.
        hole: Centre and radius of a place without data [m]; None: none.
    """

    blur_px: float = 0.6
    shift_px: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    haze: float = 0.04
    exposure: float = 1.0
    white_balance: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    gamma: float = 1.0
    noise: float = 1.3
    shot_noise: float = 1.8
    vignetting: float = 0.04
    footprint_m: tuple[float, float] = (700.0, 450.0)
    seam: float = 0.0
    stretch: tuple[float, float] = (0.0, 255.0)
    jpeg_quality: int = 88
    collar: Collar = "none"
    collar_m: float = 0.0
    hole: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """How a flight sees a town.

    Args:
        sun: Where the sun stands.
        season: Season of vegetation and light.
        camera: Camera and processing.
        lean: How far things lean per metre of height: east, north; 0 for a true orthophoto.
        shift_m: How far the image lies beside the truth: east, north [m]; labels move along.
        ageing: Added to the wear of all surfaces, 0 to 1: moss, dirt.
        snow: Share of the ground under thin snow, 0 to 1.
        seed: Seed of the noise of the flight.
    """

    sun: Sun
    season: Season
    camera: Camera = field(default_factory=Camera)
    lean: tuple[float, float] = (0.0, 0.0)
    shift_m: tuple[float, float] = (0.0, 0.0)
    ageing: float = 0.0
    snow: float = 0.0
    seed: int = 0


HIGHEST_SUN_DEG: Final = 43.9
"""Test scenes show lower suns than this; a flight at a higher sun is rendered with this one."""
# The older flight makes no true orthophoto: houses lean, and everything lies beside its place.
_CITY: Final[dict[date, tuple[time, Season, Camera, Offset, Offset]]] = {
    date(2023, 9, 5): (
        time(10, 20),
        "late_summer",
        Camera(
            blur_px=0.82,
            shift_px=((0.12, -0.08), (-0.1, 0.1)),
            haze=0.07,
            exposure=0.96,
            stretch=(-2.0, 237.0),
            white_balance=(1.01, 1.0, 0.985, 1.0),
            gamma=0.84,
            jpeg_quality=76,
            seam=0.012,
        ),
        (0.045, -0.03),
        (0.25, 0.15),
    ),
    date(2026, 5, 9): (
        time(10, 25),
        "spring",
        Camera(
            blur_px=0.72,
            shift_px=((-0.06, 0.05), (0.08, 0.02)),
            haze=0.08,
            exposure=1.24,
            stretch=(-24.0, 247.0),
            white_balance=(1.0, 1.0, 0.985, 1.0),
            gamma=1.16,
            jpeg_quality=78,
            seam=0.008,
        ),
        (0.0, 0.0),
        (0.0, 0.0),
    ),
}


def city_view(day: date) -> View:
    """Return how a flight of the demo city sees it; all settings lie on the side of the tests.

    Args:
        day: Day of the flight.

    Raises:
        KeyError: There was no flight on that day.
    """
    hour, season, camera, lean, shift_m = _CITY[day]
    moment = datetime.combine(day, hour, UTC)
    sun = sun_at(moment, LATITUDE_DEG, LONGITUDE_DEG)
    lowered = Sun(sun.azimuth_deg, min(sun.elevation_deg, HIGHEST_SUN_DEG))
    return View(lowered, season, camera, lean, shift_m, seed=day.toordinal())
