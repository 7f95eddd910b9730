"""What is drawn for a scene before anything is built: layout, sun, season, camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from shared.demo_city.randomness import stream
from shared.demo_city.render.light import Sun
from shared.demo_city.render.view import Camera, Collar, View
from shared.demo_city.scenes.layouts import AROUND_M, Feature
from shared.demo_city.settings import Layout, Range, SceneSettings, Split, split_ranges
from shared.errors import InputError

LEAST_SIZE_PX: Final = 64
LARGEST_SIZE_PX: Final = 2_048
GSD_M: Final = (0.05, 0.5)
"""Ground sampling distances that may be asked for [m]."""
WITHOUT_SOLAR: Final = 0.35
"""Share of the scenes without any solar unit; their look-alikes stay."""
LIGHT_SNOW: Final = 0.5
"""Share of the winter scenes with some snow."""
RISING: Final = 0.4
"""Exponent on the place in a range: below 1, high values are more likely."""
EXPOSURE: Final = (0.85, 1.35)
OTHER_TONES: Final = 0.7
"""Share of the flights whose images are toned as in other countries and older archives."""
OTHER_EXPOSURE: Final = (0.5, 1.9)
CONTRAST: Final = (0.45, 2.1)
MIDDLE_LIGHT: Final = 75.0
"""Mean light of a scene on level ground and in the shade [digital numbers]."""
LEAST_LIGHT: Final = 0.5
"""Lowest product of exposure and contrast: below, images are greyer than any real tile."""
TONES: Final = (47.0, 150.0)
"""Lowest and highest tone of the middle light in an image, as in real tiles [digital numbers]."""
LIFT: Final = (-40.0, 70.0)
"""What black becomes in half of the images of other tones [digital numbers]; below 0: cut off."""
WHITE_DRIFT: Final = np.array([0.025, 0.01, 0.025, 0.025])
"""Standard deviation of the white balance per band: little in green, so nothing turns magenta."""
CAST: Final = (-0.05, 0.45)
"""Loss of red in images of other tones; a third of it is lost in green and won in blue.

Half of it is lost in near infrared, so that no sealed surface looks green."""
FAULTY: Final = 0.05
"""Share of the scenes with a fault of mosaics: a collar, a hole without data or a seam."""
SNOW_EXPOSURE: Final = 0.4
"""How much darker the camera is set for a ground wholly under snow."""
EVERY: Final[tuple[tuple[Feature, int, int], ...]] = (
    ("fields", 3, 0),
    ("water", 4, 1),
    ("water", 7, 5),
    ("solar_field", 5, 0),
    ("rail", 6, 2),
    ("trade", 5, 4),
    ("green_roofs", 3, 1),
    ("flat_roofs", 3, 2),
    ("market", 8, 3),
)
"""Features that every n-th seed has, with the remainder: any hundred seeds show them all."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a scene is made from.

    Args:
        seed: Seed of the scene.
        split: Which side it is on.
        size_px: Width and height [px].
        gsd_m: Ground sampling distance.
        layout: How the town is laid out.
        features: What the town must have.
        has_solar: Whether solar units occur.
        has_unseen: Whether materials occur that training never shows.
        view: How it is seen.
    """

    seed: int
    split: Split
    size_px: int
    gsd_m: float
    layout: Layout
    features: frozenset[Feature]
    has_solar: bool
    has_unseen: bool
    view: View


def draw_scene(settings: SceneSettings) -> Draw:
    """Draw everything that the settings leave open from the ranges of the split.

    Args:
        settings: Settings of the scene.

    Raises:
        InputError: The seed is not one of the split, or size or ground sampling distance are beyond
            what can be rendered.
    """
    _check(settings)
    ranges = split_ranges(settings.split)
    rng = stream(settings.seed, "scene")
    gsd = _drawn(ranges.gsd_m, rng)
    features = frozenset(feature for feature, every, rest in EVERY if settings.seed % every == rest)
    has_solar = bool(rng.random() >= WITHOUT_SOLAR) or "solar_field" in features
    gsd = round(gsd, 4) if settings.gsd_m is None else settings.gsd_m
    view = draw_view(settings.seed, settings.split, 0)
    return Draw(
        settings.seed,
        settings.split,
        settings.size_px,
        gsd,
        ranges.layouts[int(rng.integers(len(ranges.layouts)))],
        features,
        has_solar,
        ranges.has_unseen_materials,
        replace(view, camera=_with_fault(view.camera, settings.seed, settings.size_px * gsd)),
    )


def _with_fault(camera: Camera, seed: int, image_m: float) -> Camera:
    """Return the camera of a few scenes with a fault of their mosaic."""
    rng = stream(seed, "mosaic fault")
    if rng.random() >= FAULTY:
        return camera
    size, *place = rng.uniform(0, 1, 3)
    match int(rng.integers(3)):
        case 0:
            colour: Collar = "black" if rng.random() < 0.5 else "white"
            return replace(
                camera, collar=colour, collar_m=AROUND_M + image_m * (0.03 + 0.12 * size)
            )
        case 1:
            east, north = (AROUND_M + image_m * (0.2 + 0.6 * one) for one in place)
            return replace(camera, hole=(east, north, image_m * (0.05 + 0.1 * size)))
        case _:
            return replace(camera, seam=0.04 + 0.06 * size, footprint_m=(image_m, 0.7 * image_m))


def draw_view(seed: int, split: Split, flight: int) -> View:
    """Draw how a town is seen on one of its flights.

    Args:
        seed: Seed of the scene.
        split: Which side it is on.
        flight: Number of the flight from 0.
    """
    ranges = split_ranges(split)
    rng = stream(seed, "view", flight)
    azimuth = _drawn(ranges.sun_azimuth_deg, rng)
    # Flights are made around noon: high suns are more frequent than low ones.
    sun = Sun(azimuth, _drawn(ranges.sun_elevation_deg, rng, rising=True))
    red, blue = rng.uniform(-0.3, 0.3, (2, 2)) / np.sqrt(2)
    season = ranges.seasons[int(rng.integers(len(ranges.seasons)))]
    snow = float(rng.uniform(0.2, 0.6)) if season == "winter" and rng.random() < LIGHT_SNOW else 0.0
    gamma = _drawn(ranges.gamma, rng)
    tone = _tone(rng, gamma)
    camera = Camera(
        blur_px=_drawn(ranges.blur_px, rng),
        shift_px=((float(red[0]), float(red[1])), (float(blue[0]), float(blue[1]))),
        haze=float(rng.uniform(0.0, 0.12)),
        exposure=tone.exposure * (1 - SNOW_EXPOSURE * snow),
        white_balance=tone.white_balance,
        gamma=gamma,
        noise=float(rng.uniform(0.3, 2.5)),
        vignetting=float(rng.uniform(0.0, 0.12)),
        stretch=tone.stretch,
        jpeg_quality=int(_drawn(ranges.jpeg_quality, rng)),
    )
    return View(sun=sun, season=season, camera=camera, snow=snow, seed=seed)


class _Tone(NamedTuple):
    exposure: float
    white_balance: tuple[float, float, float, float]
    stretch: tuple[float, float]


def _tone(rng: np.random.Generator, gamma: float) -> _Tone:
    """Draw brightness, contrast and colour cast of the images of a flight."""
    gains = np.clip(1 + WHITE_DRIFT * rng.standard_normal(4), 0.9, 1.1)
    exposure, stretch = rng.uniform(*EXPOSURE), (0.0, 255.0)
    if rng.random() < OTHER_TONES:
        exposure, contrast = (np.exp(rng.uniform(*np.log(r))) for r in (OTHER_EXPOSURE, CONTRAST))
        contrast = max(contrast, LEAST_LIGHT / exposure)
        lift = rng.uniform(*LIFT) * (rng.random() < 0.5)
        # Only as much is cut off as the image has of light.
        lift *= min(1.0, exposure) * contrast if lift < 0 else 1.0
        stretch = (float(-lift / contrast), float((255 - lift) / contrast))
        cast = rng.uniform(*CAST)
        gains *= (1 - cast, 1 - cast / 3, 1 + cast / 3, 1 - cast / 2)
    black, white = stretch
    lowest, highest = (
        (black + (white - black) * (tone / 255) ** (1 / gamma)) / MIDDLE_LIGHT for tone in TONES
    )
    exposure = min(max(exposure, lowest), highest)
    red, green, blue, infrared = (float(gain) for gain in gains)
    return _Tone(float(exposure), (red, green, blue, infrared), stretch)


def _check(settings: SceneSettings) -> None:
    low, high = split_ranges(settings.split).seeds
    if not low <= settings.seed < high:
        reason = (
            f"Der Startwert {settings.seed} gehört nicht zu {settings.split}: "
            f"erlaubt sind {low} bis {high - 1}."
        )
        raise InputError(reason=reason)
    if not LEAST_SIZE_PX <= settings.size_px <= LARGEST_SIZE_PX:
        reason = f"Szenen haben {LEAST_SIZE_PX} bis {LARGEST_SIZE_PX} Pixel Seitenlänge."
        raise InputError(reason=reason)
    if settings.gsd_m is not None and not GSD_M[0] <= settings.gsd_m <= GSD_M[1]:
        raise InputError(reason="Die Bodenauflösung einer Szene liegt zwischen 0,05 und 0,5 m.")


def _drawn(ranges: Sequence[Range], rng: np.random.Generator, *, rising: bool = False) -> float:
    """Draw from several ranges as from one; empty ranges are single values, equally likely.

    Args:
        ranges: Ranges in ascending order.
        rng: Random stream.
        rising: Whether high values are more likely.
    """
    widths = np.array([high - low for low, high in ranges])
    if not widths.sum():
        return ranges[int(rng.integers(len(ranges)))][0]
    share = rng.random() ** RISING if rising else rng.random()
    place = share * widths.sum()
    for (low, high), width in zip(ranges, widths, strict=True):
        if place < width:
            return float(min(low + place, np.nextafter(high, low)))
        place -= width
    return float(np.nextafter(ranges[-1][1], ranges[-1][0]))
