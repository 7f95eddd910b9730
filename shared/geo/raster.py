"""Open aerial images of unknown origin behind one small interface."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contracts.finding import Finding

GsdSource = Literal["georeference", "world_file", "given"]
Affine = tuple[float, float, float, float, float, float]
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
BandNumbers = tuple[int, int, int] | tuple[int, int, int, int]

CUBIC_REACH_PX = 3
SAME_SCALE = 1e-9


@dataclass(frozen=True, slots=True)
class RasterLimits:
    """Largest image that is opened.

    Args:
        decoded_megapixels: Limit of formats that must be decoded as a whole (JPEG, PNG, WEBP).
        windowed_megapixels: Limit of formats that are read in windows (TIFF, JPEG 2000).
        block_megabytes: Largest piece that a windowed format may force into memory at once.
    """

    decoded_megapixels: int = 120
    windowed_megapixels: int = 1000
    block_megabytes: int = 256


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """What a person says about an image beside the file itself.

    Args:
        gsd_m: Ground sampling distance [m] for images without georeference.
        crs: Coordinate system for a georeference without one, for example "EPSG:25832".
        bands: Three band numbers from 1 that are read as red, green and blue; a fourth is read as
            near infrared.
        limits: Largest image.
        stretch: True takes images that have not 8 bits per band and stretches their values.
        near_infrared: True reads near infrared beside the colours where the image has it.
        grey: True takes grey images too; red, green and blue are the same then.
        taken_on: Day on which the image was taken; None where only the file may say it.
    """

    gsd_m: float | None = None
    crs: str | None = None
    bands: BandNumbers | None = None
    limits: RasterLimits = RasterLimits()
    stretch: bool = False
    near_infrared: bool = False
    grey: bool = False
    taken_on: date | None = None


@dataclass(frozen=True, slots=True)
class RasterInfo:
    """What is known about an image before its pixels are used.

    Args:
        name: File name without folder.
        sha256: Hash of the file's bytes.
        width: Columns [px].
        height: Rows [px].
        bands: Bands in the file.
        file_format: "JPEG", "PNG", "WEBP", "TIFF" or "JP2".
        pixel_width_m: Ground width of a pixel [m]; None where unknown.
        pixel_height_m: Ground height of a pixel [m]; None where unknown.
        gsd_source: Where the pixel size comes from.
        crs: "EPSG:n" when results can be given in map coordinates.
        transform: a, b, c, d, e, f with x = a col + b row + c, y = d col + e row + f [m].
        notes: What was noticed or converted while opening.
        has_near_infrared: True where a band of the image shows near infrared, read or not.
        taken_on: Day on which it was taken, as stated by a person or by the file.
    """

    name: str
    sha256: str
    width: int
    height: int
    bands: int
    file_format: str
    pixel_width_m: float | None = None
    pixel_height_m: float | None = None
    gsd_source: GsdSource | None = None
    crs: str | None = None
    transform: Affine | None = None
    notes: tuple[Finding, ...] = ()
    has_near_infrared: bool = False
    taken_on: date | None = None

    @property
    def gsd_m(self) -> float | None:
        """Mean ground sampling distance of both axes [m]; None where unknown."""
        if self.pixel_width_m is None or self.pixel_height_m is None:
            return None
        return (self.pixel_width_m + self.pixel_height_m) / 2

    @property
    def megapixels(self) -> float:
        """Number of pixels in millions."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of an image.

    Args:
        rgb: Colours, uint8 of shape (height, width, 3).
        valid: False where the image holds no data, shape (height, width).
        nir: Near infrared, uint8 of shape (height, width); None where it was not read.
    """

    rgb: Rgb
    valid: Mask
    nir: NDArray[np.uint8] | None = None

    @property
    def empty(self) -> bool:
        """True where nothing can be found: no data, or only pure black or pure white."""
        if not self.valid.any():
            return True
        low, high = int(self.rgb.min()), int(self.rgb.max())
        return low == high and low in (0, 255)


class RasterSource(ABC):
    """An open image; use as a context manager, one thread at a time."""

    info: RasterInfo
    decoded: bool
    """True where all pixels are held in memory, 3 or 4 bytes each."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def read(self, x0: int, y0: int, x1: int, y1: int) -> Patch:
        """Read the pixels of a window inside the image.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """

    @abstractmethod
    def overview(self, longest_side_px: int) -> Patch:
        """Read the whole image, shrunk so that no side is longer than asked.

        Raises:
            DamagedImage: The file breaks off or is broken.
        """

    @abstractmethod
    def close(self) -> None:
        """Release file and memory."""


def read_resampled(
    source: RasterSource, box: tuple[float, float, float, float], size: tuple[int, int]
) -> Patch:
    """Read a window with fractional edges on another pixel grid.

    Area average where the grid gets coarser, cubic where it gets finer. Neighbouring windows join
    without a seam because the pixels around the window take part. Beyond the right and lower edge
    the image is mirrored, and nothing there is valid.

    Args:
        source: The open image.
        box: Left, upper, right, lower edge in pixels of the image; left and upper lie in it.
        size: Columns and rows of the result [px].
    """
    left, upper, right, lower = box
    x0 = max(0, int(left) - CUBIC_REACH_PX)
    y0 = max(0, int(upper) - CUBIC_REACH_PX)
    x1 = min(source.info.width, int(right) + 1 + CUBIC_REACH_PX)
    y1 = min(source.info.height, int(lower) + 1 + CUBIC_REACH_PX)
    patch = _mirrored(source.read(x0, y0, x1, y1), math.ceil(right) - x1, math.ceil(lower) - y1)
    inner = (left - x0, upper - y0, right - x0, lower - y0)
    across, down = (right - left) / size[0], (lower - upper) / size[1]
    scale = (across * down) ** 0.5
    same = max(abs(across - 1), abs(down - 1)) < SAME_SCALE
    if same and all(float(edge).is_integer() for edge in inner):
        rows = slice(int(inner[1]), int(inner[1]) + size[1])
        columns = slice(int(inner[0]), int(inner[0]) + size[0])
        nir = None if patch.nir is None else patch.nir[rows, columns]
        return Patch(patch.rgb[rows, columns], patch.valid[rows, columns], nir)
    method = Image.Resampling.BOX if scale > 1 else Image.Resampling.BICUBIC
    rgb, nir = (
        None if band is None else np.asarray(Image.fromarray(band).resize(size, method, box=inner))
        for band in (patch.rgb, patch.nir)
    )
    valid = Image.fromarray(patch.valid).resize(size, Image.Resampling.NEAREST, box=inner)
    return Patch(cast("Rgb", rgb), np.asarray(valid, dtype=bool), nir)


def _mirrored(patch: Patch, columns: int, rows: int) -> Patch:
    """Continue a patch to the right and downwards where the numbers are above 0."""
    if columns <= 0 and rows <= 0:
        return patch
    room = (0, max(0, rows)), (0, max(0, columns))
    rgb = np.pad(patch.rgb, (*room, (0, 0)), mode="symmetric")
    nir = None if patch.nir is None else np.pad(patch.nir, room, mode="symmetric")
    return Patch(rgb, np.pad(patch.valid, room, constant_values=False), nir)


def shrunk_size(width: int, height: int, longest_side_px: int) -> tuple[int, int]:
    """Return columns and rows after shrinking to a longest side; never enlarges."""
    factor = min(1.0, longest_side_px / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def hash_file(file: Path | bytes) -> str:
    """Return the SHA-256 of a file or of bytes, in hexadecimal digits."""
    if isinstance(file, bytes):
        return hashlib.sha256(file).hexdigest()
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def first_bytes(file: Path | bytes, count: int) -> bytes:
    """Return the first bytes of a file.

    Raises:
        OSError: It cannot be read, or is a folder or something that might never end.
    """
    if isinstance(file, bytes):
        return file[:count]
    if not file.is_file():
        raise FileNotFoundError(file)
    with file.open("rb") as stream:
        return stream.read(count)
