"""Figures about how an aerial image looks, the same for rendered and for real images."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

CHANNELS: Final = ("red", "green", "blue")
GRADIENT_EDGES: Final = (4.0, 12.0, 30.0, 70.0)
"""Borders of the classes of the gradient histogram [digital numbers per pixel]."""
SPECTRUM_BAND: Final = (0.02, 0.25)
"""Frequencies between which the slope is fitted [cycles per pixel]; above, blur and JPEG rule."""
SATURATED: Final = (0, 255)


def picture_measures(rgb: NDArray[np.uint8]) -> dict[str, float]:
    """Measure an image.

    Args:
        rgb: Rows x columns x 3.

    Returns:
        Mean and standard deviation per channel, mean colourfulness (0 to 1), share of saturated
        pixels, shares of the classes of gradients, slope of the power spectrum.
    """
    made: dict[str, float] = {}
    for number, name in enumerate(CHANNELS):
        made[f"mean_{name}"] = float(rgb[..., number].mean())
        made[f"sd_{name}"] = float(rgb[..., number].std())
    made["colourfulness"] = float(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 1].mean()) / 255
    made["saturated"] = saturated_share(rgb)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    for name, share in zip(gradient_classes(), gradient_histogram(grey), strict=True):
        made[name] = share
    made["spectrum_slope"] = spectrum_slope(grey)
    return {name: round(value, 4) for name, value in made.items()}


def saturated_share(image: NDArray[np.uint8]) -> float:
    """Return the share of values that are as dark or as light as the image can show."""
    return float(np.isin(image, SATURATED).mean())


def gradient_classes() -> list[str]:
    """Return the names of the classes of `gradient_histogram`."""
    edges = [0, *(round(edge) for edge in GRADIENT_EDGES)]
    closed = [f"gradient_{low}_{high}" for low, high in pairwise(edges)]
    return [*closed, f"gradient_{edges[-1]}_up"]


def gradient_histogram(grey: NDArray[np.float32]) -> list[float]:
    """Return the share of pixels in each class of gradient magnitude (central differences)."""
    east = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1) / 2
    south = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1) / 2
    magnitude = np.hypot(east, south)
    counts = np.histogram(magnitude, [0.0, *GRADIENT_EDGES, np.inf])[0]
    return [float(share) for share in counts / magnitude.size]


def spectrum_slope(grey: NDArray[np.float32]) -> float:
    """Return the slope of the power spectrum over frequency, both as logarithms.

    The image is windowed by Hann, its power averaged over rings. Real photographs lie near -2
    (D. J. Field 1987, doi:10.1364/JOSAA.4.002379).
    """
    rows, columns = grey.shape
    window = np.hanning(rows)[:, None] * np.hanning(columns)[None]
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
    north, east = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None]
    frequency = np.hypot(north, east)
    edges = np.geomspace(*SPECTRUM_BAND, 14)
    ring = np.digitize(frequency, edges)
    inside = (ring > 0) & (ring < len(edges))
    counts = np.bincount(ring[inside], minlength=len(edges))[1:]
    sums = np.bincount(ring[inside], power[inside], minlength=len(edges))[1:]
    seen = counts > 0
    middles = np.sqrt(edges[:-1] * edges[1:])
    levels = np.log(np.maximum(sums[seen] / counts[seen], 1e-12))
    return float(np.polyfit(np.log(middles[seen]), levels, 1)[0])
