"""How similar each place of an image is to the examples, as colours over the image."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

LONGEST_PX: Final = 1600
COLOURS: Final = ("#280b53", "#7a1d6d", "#cf4446", "#fb9b06", "#f7e225")
"""From least to most similar; each is lighter than the one before, so no hue has to be told apart.
Source: the colour map "inferno" of matplotlib, CC0."""
OPACITY: Final = (0.2, 0.35, 0.5, 0.6, 0.7)
"""The image shows through, most of it where nothing is similar."""
ROUND_TO: Final = 0.05
JPEG_QUALITY: Final = 85


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Similarity of each place of an image.

    Args:
        scores: 0 to 1, shape (rows, columns), reduced; NaN where nothing is known.
        top: Where the scale ends: the best score, rounded up, so that its colours are used.
    """

    scores: NDArray[np.float32]
    top: float

    @property
    def levels(self) -> NDArray[np.int64]:
        """Step of each place, 0 to 4; -1 where nothing is known."""
        known = np.isfinite(self.scores)
        level = np.floor(np.where(known, self.scores, 0.0) / self.top * len(COLOURS))
        return np.where(known, np.clip(level, 0, len(COLOURS) - 1), -1).astype(np.int64)


@dataclass(frozen=True, slots=True)
class HeatStep:
    """A step of the scale.

    Args:
        low: Least similarity, 0 to 1.
        high: Most similarity, 0 to 1.
        colour: "#rrggbb".
        share: Share of the known area, 0 to 1.
    """

    low: float
    high: float
    colour: str
    share: float


def read_heat(content: bytes) -> HeatMap:
    """Read the similarity that a run has kept.

    Args:
        content: GeoTIFF with one band of scores; its no-data value stands for unknown places.

    Raises:
        rasterio.errors.RasterioIOError: It is no such file.
    """
    with MemoryFile(content) as memory, memory.open() as dataset:
        factor = max(1.0, max(dataset.width, dataset.height) / LONGEST_PX)
        shape = max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor))
        read = dataset.read(1, out_shape=shape, resampling=Resampling.nearest)
        scores = np.where(read == dataset.nodata, np.nan, read).astype(np.float32)
    known = scores[np.isfinite(scores)]
    best = float(known.max()) if known.size else 0.0
    # A little less than the best, so that a best score of exactly one step does not open another.
    top = ROUND_TO * max(1, math.ceil(best / ROUND_TO - 1e-6))
    return HeatMap(scores, top)


def heat_steps(heat: HeatMap) -> tuple[HeatStep, ...]:
    """Return the scale of a heat map, the most similar step first.

    Args:
        heat: The heat map.
    """
    levels = heat.levels
    known = max(1, int((levels >= 0).sum()))
    width = heat.top / len(COLOURS)
    return tuple(
        HeatStep(
            level * width,
            (level + 1) * width,
            COLOURS[level],
            float((levels == level).sum() / known),
        )
        for level in reversed(range(len(COLOURS)))
    )


def draw_heat(heat: HeatMap, photo: bytes) -> bytes:
    """Lay a heat map over its image; unknown places show the image alone.

    Args:
        heat: The heat map.
        photo: The image, shrunk, as JPEG.

    Returns:
        JPEG of the image's size.
    """
    with Image.open(io.BytesIO(photo), formats=("JPEG",)) as opened:
        below = np.asarray(opened.convert("RGB")).astype(np.float32)
    size = below.shape[1], below.shape[0]
    levels = cv2.resize(heat.levels.astype(np.int16), size, interpolation=cv2.INTER_NEAREST)
    table = np.array([list(bytes.fromhex(one[1:])) for one in COLOURS], dtype=np.float32)
    share = np.where(levels >= 0, np.array(OPACITY, dtype=np.float32)[levels], 0.0)[..., None]
    mixed = table[levels] * share + below * (1 - share)
    target = io.BytesIO()
    picture = Image.fromarray(np.rint(mixed).astype(np.uint8))
    picture.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
