"""Bring 16-bit and floating point pictures to 8 bits: the middle 96 % of the values per band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from shared.contracts.finding import Finding
from shared.errors import N_, DamagedImage
from shared.geo.raster import Rgb

PERCENTILES = (2.0, 98.0)
SAMPLE_PX = 1024
"""Longest side of the shrunk picture on which the values are counted."""
BRIGHTEST = 255

_STRETCHED = Finding(
    "hint",
    "werte_gestreckt",
    N_(
        "Das Bild hat nicht 8 Bit je Farbe. Die Werte {low} bis {high} (2 bis 98 %) wurden auf "
        "0 bis 255 gestreckt."
    ),
    N_("Farben können abweichen; das Ergebnis ist unsicherer als mit einem 8-Bit-Bild."),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """How values become brightness.

    Args:
        low: Value of each band that becomes 0.
        high: Value of each band that becomes 255.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def apply(self, pixels: NDArray[np.number]) -> Rgb:
        """Return 8-bit pixels; values beyond the ends are cut off, NaN becomes 0.

        Args:
            pixels: Shape (bands, height, width).
        """
        low = np.array(self.low, dtype=np.float32)[:, None, None]
        high = np.array(self.high, dtype=np.float32)[:, None, None]
        scaled = (pixels.astype(np.float32) - low) / np.maximum(high - low, 1e-6) * BRIGHTEST
        bright = np.nan_to_num(np.clip(np.round(scaled), 0, BRIGHTEST), nan=0)
        return np.asarray(bright, dtype=np.uint8)

    @property
    def finding(self) -> Finding:
        """What people are told about it."""
        details = {"low": float(min(self.low)), "high": float(max(self.high))}
        return replace(_STRETCHED, details=details)


def measure_stretch(dataset: DatasetReader, bands: Sequence[int]) -> Stretch:
    """Find the ends of the stretch on the shrunk picture; missing data do not count.

    Args:
        dataset: The open picture.
        bands: Numbers of the bands that are read as red, green, blue.

    Raises:
        DamagedImage: There is no value at all.
    """
    factor = min(1.0, SAMPLE_PX / max(dataset.width, dataset.height))
    shape = (max(1, round(dataset.height * factor)), max(1, round(dataset.width * factor)))
    pixels = dataset.read(list(bands), out_shape=(len(bands), *shape)).astype(np.float64)
    valid = dataset.dataset_mask(out_shape=shape) > 0
    ends = []
    for band in pixels:
        seen = band[valid & np.isfinite(band)]
        if not seen.size:
            raise DamagedImage()
        ends.append(np.percentile(seen, PERCENTILES))
    return Stretch(tuple(float(low) for low, _ in ends), tuple(float(high) for _, high in ends))
