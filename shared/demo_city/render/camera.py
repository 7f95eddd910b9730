"""What camera and processing make of the light: blur, haze, noise, tone curve, files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.randomness import stream
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.noise import PER_SIGMA, noise_steps
from shared.demo_city.render.view import Camera

Plane = NDArray[np.float32]
HAZE: Final = np.array([150.0, 165.0, 184.0, 60.0], np.float32)
"""Digital numbers of haze without anything below."""
WEIGHT_STEPS: Final = 4_096
"""Weights of the optics are whole parts of it: a single precision number holds both at once."""
STEPS: Final = 4_096
"""Steps of light that the tone curve tells apart, up to `BRIGHTEST`."""
BRIGHTEST: Final = 400.0
FRAMES: Final = 997
NOISE_SIGMA_PX: Final = 0.45
STRIP_ROWS: Final = 100
"""Rows that are worked on at once; they stay in the cache of the processor."""


def kernel(sigma_px: float, offset_px: float) -> NDArray[np.float32]:
    """Return the weights of a Gaussian that is moved by a part of a pixel.

    Args:
        sigma_px: Standard deviation, from 0 [px].
        offset_px: How far the image moves towards higher places, within -1 to 1 [px].
    """
    reach = _reach_px(sigma_px, offset_px)
    places = np.arange(-reach, reach + 1) + offset_px
    weights = np.exp(-0.5 * (places / max(sigma_px, 0.3)) ** 2)
    shares = np.round(weights / weights.sum() * WEIGHT_STEPS)
    shares[reach] += WEIGHT_STEPS - shares.sum()
    whole: Plane = (shares / WEIGHT_STEPS).astype(np.float32)
    return whole


def _reach_px(sigma_px: float, offset_px: float) -> int:
    return max(2, int(np.ceil(3 * sigma_px + abs(offset_px))))


def blur_reach_px(camera: Camera) -> int:
    """Return how far beside a pixel the optics bring its light from [px]."""
    return _reach_px(camera.blur_px, max(abs(way) for shift in camera.shift_px for way in shift))


def blurred(band: Plane, number: int, camera: Camera) -> Plane:
    """Return a band as the optics show it: blurred, red and blue beside green.

    Args:
        band: Rows x columns, whole numbers below `STEPS`.
        number: 0 red, 1 green, 2 blue, 3 near infrared.
        camera: The camera.
    """
    east, south = ((0.0, 0.0), camera.shift_px[1])[number == 2]
    if number == 0:
        east, south = camera.shift_px[0]
    across, down = kernel(camera.blur_px, east), kernel(camera.blur_px, south)
    # Whole numbers by whole parts of `WEIGHT_STEPS` have exact sums, whatever their order.
    seen: Plane = cv2.filter2D(band, -1, across[None], borderType=cv2.BORDER_REPLICATE)
    np.rint(seen, out=seen)
    seen = cv2.filter2D(seen, -1, down[:, None], borderType=cv2.BORDER_REPLICATE)
    return seen


def tone_curve(camera: Camera, number: int) -> NDArray[np.uint8]:
    """Return the digital number of each step of light of a band."""
    light = np.arange(STEPS) * (BRIGHTEST / STEPS)
    light = light * camera.exposure * camera.white_balance[number]
    light = light * (1 - camera.haze) + camera.haze * HAZE[number]
    low, high = camera.stretch
    level = np.clip((light - low) / (high - low), 0, None)
    # Bright roofs keep some drawing: the curve bends before it ends.
    bent = np.where(level > 0.8, 0.8 + 0.2 * np.tanh((level - 0.8) / 0.2), level)
    curve: NDArray[np.uint8] = np.round(255 * bent**camera.gamma).astype(np.uint8)
    return curve


def frame_gain(pixels: Pixels, camera: Camera, seed: int) -> Plane:
    """Return the light of each place against the middle of its flight image.

    Each flight image gives one cell of a grid to the mosaic; cells differ in exposure, and each
    is darker towards its corners.
    """
    x, y = pixels.centres_m()
    wide, high = camera.footprint_m
    column, row = np.floor(x / wide), np.floor(y / high)
    across, along = x / wide - column - 0.5, y / high - row - 0.5
    gain = 1 - np.float32(2 * camera.vignetting) * (along[:, None] ** 2 + across[None] ** 2)
    draws = 1 + camera.seam * stream(seed, "frames").standard_normal(FRAMES).astype(np.float32)
    for high_place, down in _runs(row):
        for wide_place, right in _runs(column):
            gain[down, right] *= draws[(high_place * 17 + wide_place * 31) % FRAMES]
    even: Plane = gain.astype(np.float32)
    return even


def _runs(places: Plane) -> Iterator[tuple[int, slice]]:
    """Yield each whole number of a row of numbers that rises or falls, and where it stands."""
    starts = np.flatnonzero(np.diff(places, prepend=np.nan))
    for start, end in pairwise([*starts.tolist(), len(places)]):
        yield int(places[start]), slice(start, end)


def in_steps_of_light(light: Plane) -> NDArray[np.uint16]:
    """Return light in the steps that the tone curve tells apart.

    Args:
        light: Digital numbers; changed in place.
    """
    light *= np.float32(STEPS / BRIGHTEST)
    np.rint(light, out=light)
    return np.clip(light, 0, STEPS - 1, out=light).astype(np.uint16)


def develop(
    bands: list[NDArray[np.uint16]], pixels: Pixels, camera: Camera, seed: int
) -> NDArray[np.uint8]:
    """Return the image of a chunk.

    Args:
        bands: Light of the four bands in steps, see `in_steps_of_light`.
        pixels: Where they lie.
        camera: The camera.
        seed: Seed of the flight.

    Returns:
        Red, green, blue, near infrared: rows x columns x 4.
    """
    gain, reach = frame_gain(pixels, camera, seed), blur_reach_px(camera)
    noises = [noise_steps(pixels, seed, f"camera {n}", NOISE_SIGMA_PX) for n in range(4)]
    # A table of every uint16, as OpenCV wants it, is read three times as fast as by numpy.
    curves = [np.pad(tone_curve(camera, number), (0, 2**16 - STEPS)) for number in range(4)]
    image = np.empty((*pixels.shape, len(bands)), np.uint8)
    for top in range(0, pixels.height, STRIP_ROWS):
        rows = slice(top, min(top + STRIP_ROWS, pixels.height))
        above = min(top, reach)
        strip = slice(top - above, rows.stop + reach)
        inside = slice(above, above + rows.stop - top)
        seen = []
        for number, band in enumerate(bands):
            light = blurred(band[strip].astype(np.float32), number, camera)[inside]
            light *= gain[rows]
            # The deviation grows with the square root of the light, close to a line here.
            deviation = light * np.float32(camera.shot_noise / 255 / PER_SIGMA)
            deviation += np.float32(camera.noise / PER_SIGMA * STEPS / BRIGHTEST)
            deviation *= noises[number][rows]
            light += deviation
            np.clip(light, 0, STEPS - 1, out=light)
            seen.append(cv2.LUT(light.astype(np.uint16), curves[number]))
        image[rows] = cv2.merge(seen)
    return image


def jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return an image as it comes back from a JPEG file.

    Args:
        image: Rows x columns x 3, or rows x columns.
        quality: 1 to 100.
    """
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    turned = (..., slice(None, None, -1)) if image.ndim == 3 else ...
    _, packed = cv2.imencode(".jpg", image[turned], flags)
    unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), np.uint8)
    return np.ascontiguousarray(unpacked[turned])
