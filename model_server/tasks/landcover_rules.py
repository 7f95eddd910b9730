"""Land cover by rules of thumb on colour, near infrared and texture; needs no weights.

A stand-in for a trained model behind the same contract. Every rule is a soft step between two
values, so that probabilities say how clear a pixel is; they are no measured frequencies. All rules
look at a few pixels around each place and at nothing else, so tiles of one image fit together.

Sources: normalised difference vegetation index (Rouse et al. 1974, NASA SP-351), excess green index
(Woebbecke et al. 1995, doi:10.13031/2013.27838). The steps on both indices were placed between the
mean values of bare and of planted roofs in aerial images of Zurich and Geneva (Swiss Territorial
Data Lab, proj-vegroofs, MIT), on the roofs with an even number; the card's figures come from those
with an odd one. All other steps are estimates by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

ROOF_PITCHED, ROOF_FLAT, ASPHALT, WATER, GRASS, TREE, BARE_SOIL = 0, 1, 3, 6, 7, 8, 9
"""Codes of the ten-class table that rules can tell; roof_green, paved and gravel_rail need more."""

Layer = NDArray[np.float32]
Steps = tuple[float, float]

NDVI_STEPS: Steps = (-0.01, 0.05)
EXCESS_GREEN_STEPS: Steps = (0.02, 0.08)
DARK_STEPS: Steps = (0.12, 0.24)
SHADE_SHIFT_NDVI = 0.2
SHADE_SHIFT_GREEN = 0.12
TREE_TEXTURE_STEPS: Steps = (0.03, 0.07)
TREE_DARK_STEPS: Steps = (0.22, 0.34)
WATER_BLUE_STEPS: Steps = (0.1, 0.16)
WATER_DARK_STEPS: Steps = (0.3, 0.44)
WATER_HUE_STEPS: Steps = (-0.02, 0.02)
WATER_INFRARED_STEPS: Steps = (0.06, 0.14)
POOL_BLUE_STEPS: Steps = (0.16, 0.24)
SMOOTH_STEPS: Steps = (0.015, 0.04)
COLOURED_STEPS: Steps = (0.06, 0.11)
TILE_HUE_STEPS: Steps = (0.34, 0.48)
BRIGHT_STEPS: Steps = (0.62, 0.78)
FLAT_ROOF_MOST = 0.6
SHADE_DOUBT = 0.4

COLOUR_WINDOW_PX = 3
TEXTURE_WINDOW_PX = 7
WATER_WINDOW_PX = 15
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Signs:
    """What the rules look at; all height x width.

    Args:
        light: Mean of red, green and blue, 0-1.
        red: Share of red in the sum of the three.
        green: Share of green.
        blue: Share of blue.
        texture: Standard deviation of `light` in the window around each pixel.
        infrared: Near infrared, 0-1, None without that band.
        ndvi: Normalised difference vegetation index, None without near infrared.
    """

    light: Layer
    red: Layer
    green: Layer
    blue: Layer
    texture: Layer
    infrared: Layer | None = None
    ndvi: Layer | None = None


class LandcoverRules:
    """The rules as a runtime: bands in, probabilities out.

    Args:
        codes: Class codes in the order of the output; those that rules cannot tell stay zero.
        stride: Pixels per cell of the output; the sides of the input are multiples of it.
    """

    name = "python"
    device = "cpu"
    input_shape: tuple[int | None, ...] = (None, None, None, None)

    def __init__(self, codes: Sequence[int], stride: int) -> None:
        self._codes = tuple(codes)
        self._stride = stride
        self.metadata: dict[str, str] = {}

    def predict(
        self, inputs: Sequence[NDArray[np.float32]]
    ) -> list[dict[str, NDArray[np.float32]]]:
        """Return `probabilities`, classes x height / stride x width / stride, for every image.

        Args:
            inputs: Images of 3 or 4 bands (red, green, blue, near infrared), bands x height x
                width, 0-1.
        """
        return [{"probabilities": self._classify(image)} for image in inputs]

    def _classify(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        layers = weigh_classes(read_signs(image))
        height, width = image.shape[1] // self._stride, image.shape[2] // self._stride
        cells = np.zeros((len(self._codes), height, width), dtype=np.float32)
        for place, code in enumerate(self._codes):
            if code in layers:
                cells[place] = cv2.resize(
                    layers[code], (width, height), interpolation=cv2.INTER_AREA
                )
        return cells


def read_signs(image: NDArray[np.float32]) -> Signs:
    """Compute what the rules look at.

    Args:
        image: 3 or 4 bands x height x width, 0-1.
    """
    smooth = [_mean(band, COLOUR_WINDOW_PX) for band in image]
    red, green, blue = smooth[:3]
    total = red + green + blue + _TINY
    light = np.asarray((image[0] + image[1] + image[2]) / 3, dtype=np.float32)
    infrared = smooth[3] if len(smooth) > 3 else None
    return Signs(
        light=np.asarray(total / 3, dtype=np.float32),
        red=red / total,
        green=green / total,
        blue=blue / total,
        texture=_deviation(light, TEXTURE_WINDOW_PX),
        infrared=infrared,
        ndvi=None if infrared is None else (infrared - red) / (infrared + red + _TINY),
    )


def weigh_classes(signs: Signs) -> dict[int, Layer]:
    """Return the probability of every class that rules can tell; they add up to 1.

    Args:
        signs: Result of `read_signs`.
    """
    plants = find_vegetation(signs)
    water = find_water(signs) * (1 - plants)
    rest = 1 - plants - water
    tree = np.maximum(_rise(signs.texture, TREE_TEXTURE_STEPS), _fall(signs.light, TREE_DARK_STEPS))
    coloured = _rise(signs.red - signs.blue, COLOURED_STEPS) * (signs.red > signs.green)
    # Burnt clay is red, soil brown: green lies near blue in the one, half-way to red in the other.
    between = (signs.green - signs.blue) / np.maximum(signs.red - signs.blue, _TINY)
    clay = _fall(between, TILE_HUE_STEPS)
    even = _fall(signs.texture, SMOOTH_STEPS)
    flat = FLAT_ROOF_MOST * _rise(signs.light, BRIGHT_STEPS) * even
    layers = {
        ROOF_PITCHED: rest * coloured * clay,
        ROOF_FLAT: rest * (1 - coloured) * flat,
        ASPHALT: rest * (1 - coloured) * (1 - flat),
        WATER: water,
        GRASS: plants * (1 - tree),
        TREE: plants * tree,
        BARE_SOIL: rest * coloured * (1 - clay),
    }
    # In the shade colours fade, so every class stays possible there.
    doubt = SHADE_DOUBT * _fall(signs.light, DARK_STEPS)
    return {code: layer * (1 - doubt) + doubt / len(layers) for code, layer in layers.items()}


def find_vegetation(signs: Signs) -> Layer:
    """Return how clearly a pixel is green, 0-1; in the shade more is asked for.

    Args:
        signs: Result of `read_signs`.
    """
    shade = _fall(signs.light, DARK_STEPS)
    if signs.ndvi is not None:
        return _rise(signs.ndvi - SHADE_SHIFT_NDVI * shade, NDVI_STEPS)
    excess = 2 * signs.green - signs.red - signs.blue
    return _rise(excess - SHADE_SHIFT_GREEN * shade, EXCESS_GREEN_STEPS)


def find_water(signs: Signs) -> Layer:
    """Return how clearly a place is smooth and dark in the infrared, or blue, 0-1.

    Args:
        signs: Result of `read_signs`.
    """
    bluer = signs.blue - signs.red
    lit = _rise(signs.light, DARK_STEPS)
    pool = _rise(bluer, POOL_BLUE_STEPS) * lit
    if signs.infrared is not None:
        # Water swallows the near infrared; shade on the ground dims all bands alike.
        lake = _fall(signs.infrared, WATER_INFRARED_STEPS) * _rise(bluer, WATER_HUE_STEPS)
    else:
        # Dark water and shade look the same without it, and shade is everywhere.
        lake = _rise(bluer, WATER_BLUE_STEPS) * _fall(signs.light, WATER_DARK_STEPS) * lit
    found = np.maximum(lake, pool) * _fall(signs.texture, SMOOTH_STEPS)
    # A narrow dark strip is a shadow far more often than a ditch.
    return np.asarray(np.minimum(found, 2 * _mean(found, WATER_WINDOW_PX)), dtype=np.float32)


def _rise(values: Layer, steps: Steps) -> Layer:
    """Return 0 below the first step, 1 above the second, and a straight line between."""
    low, high = steps
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), dtype=np.float32)


def _fall(values: Layer, steps: Steps) -> Layer:
    return np.asarray(1 - _rise(values, steps), dtype=np.float32)


def _mean(values: Layer, window_px: int) -> Layer:
    size = (window_px, window_px)
    mean = cv2.blur(np.ascontiguousarray(values), size, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(mean, dtype=np.float32)


def _deviation(values: Layer, window_px: int) -> Layer:
    mean = _mean(values, window_px)
    # Rounding may leave a tiny negative where all values are equal.
    spread = np.maximum(_mean(values * values, window_px) - mean * mean, 0)
    return np.asarray(np.sqrt(spread), dtype=np.float32)
