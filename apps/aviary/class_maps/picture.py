"""A class map as a picture: reduced, coloured, alone or over the image."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

from shared.geo.nodata import NO_DATA
from shared.geo.raster import Rgb

LONGEST_PX: Final = 1600
MAP_SHARE: Final = 0.6
"""How much of the map and how little of the image shows where both are mixed."""
UNSURE: Final = (255, 255, 255)
QUIET_SHARE: Final = 0.25
"""What is left of the colours of the classes that are not chosen."""
FULL: Final = 100


@dataclass(frozen=True, slots=True)
class ReducedMap:
    """A class map small enough for the page; the nearest pixels stand for their neighbours.

    Args:
        codes: Class of each pixel, uint8; 255 where nothing is known.
        confidence: Confidence of each pixel [%], same shape; 255 where nothing is known.
        sha256: Hash of the files that they were read from.
    """

    codes: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    sha256: str

    def unsure_share(self, least: float) -> float:
        """Return the share of the classified pixels with less confidence, 0 to 1.

        Args:
            least: Confidence, 0 to 1.
        """
        known = self.codes != NO_DATA
        unsure = known & (self.confidence < least * FULL)
        return float(unsure.sum() / known.sum()) if known.any() else 0.0


def reduce_map(classes: bytes, confidence: bytes) -> ReducedMap:
    """Read both rasters of a class map, reduced.

    Args:
        classes: GeoTIFF of the codes.
        confidence: GeoTIFF of the confidence.
    """
    digest = hashlib.sha256(classes + confidence).hexdigest()
    return ReducedMap(_reduced(classes), _reduced(confidence), digest)


def _reduced(content: bytes) -> NDArray[np.uint8]:
    with MemoryFile(content) as memory, memory.open() as dataset:
        factor = max(1.0, max(dataset.width, dataset.height) / LONGEST_PX)
        shape = max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor))
        return np.asarray(dataset.read(1, out_shape=shape, resampling=Resampling.nearest))


@dataclass(frozen=True, slots=True)
class MapStyle:
    """How a class map is drawn.

    Args:
        colours: "#rrggbb" of each code.
        least: Less sure pixels are left out, 0 to 1.
        chosen: Code of the class that stands out; None for none.
    """

    colours: Mapping[int, str]
    least: float = 0.0
    chosen: int | None = None


def draw_classes(reduced: ReducedMap, style: MapStyle, photo: bytes | None = None) -> Image.Image:
    """Draw a class map.

    Args:
        reduced: The map.
        style: How.
        photo: The image as JPEG, which shows through; None draws the map alone.
    """
    table = np.full((NO_DATA + 1, 3), UNSURE, dtype=np.uint8)
    for code, colour in style.colours.items():
        table[code] = list(bytes.fromhex(colour[1:]))
    rgb = table[reduced.codes]
    if style.chosen is not None:
        others = reduced.codes != style.chosen
        rgb[others] = _mixed(rgb[others], np.full_like(rgb[others], 255), QUIET_SHARE)
    shown = (reduced.codes != NO_DATA) & (reduced.confidence >= style.least * FULL)
    if photo is None:
        return Image.fromarray(np.where(shown[..., None], rgb, np.uint8(255)).astype(np.uint8))
    with Image.open(io.BytesIO(photo), formats=("JPEG",)) as opened:
        below = np.asarray(opened.convert("RGB").resize(reduced.codes.shape[::-1]))
    return Image.fromarray(np.where(shown[..., None], _mixed(rgb, below, MAP_SHARE), below))


def confidence_picture(reduced: ReducedMap) -> Image.Image:
    """Draw the confidence of a class map: white is sure, black unsure, and blue unknown."""
    known = reduced.codes != NO_DATA
    grey = np.where(known, reduced.confidence, 0).astype(np.uint16) * 255 // FULL
    rgb = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    rgb[~known] = (60, 90, 160)
    return Image.fromarray(rgb)


def as_png(picture: Image.Image) -> bytes:
    """Write a picture as PNG."""
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def as_jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    """Write a picture as JPEG."""
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


def _mixed(above: Rgb, below: Rgb, share: float) -> Rgb:
    mixed = above.astype(np.float32) * share + below.astype(np.float32) * (1 - share)
    return np.asarray(np.rint(mixed).astype(np.uint8))
