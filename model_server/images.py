"""Image guard: read the header first, decode only what is allowed, drop all metadata."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from shared.contracts.model_server import MAX_IMAGE_PIXELS
from shared.errors import (
    BandsMissing,
    DamagedImage,
    EmptyFile,
    ImageSideOutOfRange,
    ImageTooLarge,
    ItemError,
    UnsupportedBitDepth,
    UnsupportedImage,
)

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_MEGA = 1_000_000
_ORIENTATION_TAG = 0x0112
_TURNED = frozenset({5, 6, 7, 8})

_DECODER_FAULTS = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError)

# A truncated file is an error of its item; half an image must never pass for a whole one.
ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS

Bands = Literal["rgb", "rgbi"]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image says.

    Args:
        width: Pixels as stored or, when `turned`, after the EXIF orientation is applied.
        height: See `width`.
        mode: Pillow's mode.
        format: One of `FORMATS`.
        frames: Number of images in the file; only the first is used.
        oriented: True when the EXIF orientation is to be applied.
    """

    width: int
    height: int
    mode: str
    format: str
    frames: int
    oriented: bool


def inspect_image(
    data: bytes, *, min_side_px: int, max_side_px: int, apply_orientation: bool
) -> ImageHeader:
    """Read the header of an image and check it against the limits, without decoding.

    Args:
        data: Encoded image.
        min_side_px: Least width and height.
        max_side_px: Largest width and height.
        apply_orientation: Turn pages as their EXIF tag says; aerial images keep their grid.

    Raises:
        ItemError: Empty, no allowed format, damaged, too large, wrong sides or bit depth.
    """
    if not data:
        raise EmptyFile()
    with _opened(data) as image:
        width, height = image.size
        if width * height > MAX_IMAGE_PIXELS:
            raise _too_large(width * height)
        if not (min_side_px <= min(width, height) and max(width, height) <= max_side_px):
            raise ImageSideOutOfRange(
                width=width, height=height, minimum=min_side_px, maximum=max_side_px
            )
        _check_mode(image)
        try:
            frames = getattr(image, "n_frames", 1)
            turned = apply_orientation and image.getexif().get(_ORIENTATION_TAG) in _TURNED
        except _DECODER_FAULTS as cause:
            raise DamagedImage() from cause
        return ImageHeader(
            width=height if turned else width,
            height=width if turned else height,
            mode=image.mode,
            format=str(image.format),
            frames=frames,
            oriented=apply_orientation,
        )


def decode_image(data: bytes, header: ImageHeader, bands: Bands) -> Pixels:
    """Decode the first frame to height x width x bands, 8 bit.

    Args:
        data: The bytes that `header` was read from.
        header: Result of `inspect_image`.
        bands: "rgb", or "rgbi" with near infrared as fourth band (never treated as transparency).

    Raises:
        ItemError: Damaged or truncated, or bands are missing.
    """
    with _opened(data) as image:
        try:
            image.load()
            upright = ImageOps.exif_transpose(image) if header.oriented else image
        except _DECODER_FAULTS as cause:
            raise DamagedImage() from cause
        return _to_bands(upright, bands)


def _to_bands(image: Image.Image, bands: Bands) -> Pixels:
    if bands == "rgbi":
        if image.mode not in ("RGBA", "RGBX"):
            raise BandsMissing(found=len(image.getbands()), needed=4)
        # The fourth band is a measurement here, so the pixels are taken as they are stored.
        return np.asarray(image, dtype=np.uint8)
    if image.mode in ("P", "PA", "LA", "RGBA"):
        return _on_white(image)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _on_white(image: Image.Image) -> Pixels:
    """Return the colours over white paper, as every viewer shows a transparent image."""
    coloured = image.convert("RGBA")
    paper = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(paper, coloured).convert("RGB"), dtype=np.uint8)


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # The pixel limit is checked from the header, with our own message.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as cause:
        raise UnsupportedImage() from cause
    except Image.DecompressionBombError as cause:
        # The library stops before the size can be asked for, but its message holds it.
        found = re.search(r"\d+", str(cause))
        raise _too_large(int(found.group()) if found else 2 * MAX_IMAGE_PIXELS) from cause
    except _DECODER_FAULTS as cause:
        raise DamagedImage() from cause


def _check_mode(image: Image.Image) -> None:
    if image.mode in _DEEP_MODES or _has_deep_samples(image):
        raise UnsupportedBitDepth()
    if image.mode not in _EIGHT_BIT_MODES:
        raise UnsupportedImage()


def _has_deep_samples(image: Image.Image) -> bool:
    """Find 16-bit colours, which the decoder would quietly cut to 8 bit."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _too_large(pixels: int) -> ItemError:
    return ImageTooLarge(megapixels=round(pixels / _MEGA), limit=MAX_IMAGE_PIXELS // _MEGA)
