"""Image guard: read the header first, decode only what is allowed, drop all metadata."""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

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
_MOST_FRAMES = 10_000
_MOST_BANDS = 4
_BITS_TAG = 0x0102
_ORIENTATION_TAG = 0x0112
_BANDS_TAG = 0x0115
_TURNED = frozenset({5, 6, 7, 8})
_TURN_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

_DECODER_FAULTS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    KeyError,
    struct.error,
)

# A truncated file is an error of its item; half an image must never pass for a whole one.
ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS

Bands = Literal["rgb", "rgbi"]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image says.

    Args:
        width: Pixels as stored or, when `oriented`, after the EXIF orientation is applied.
        height: See `width`.
        mode: Pillow's mode.
        format: One of `FORMATS`.
        frames: Number of images in the file, at most 10,000; only the first is used.
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
    """Read the header of an image and check it against the limits.

    Nothing is decoded before the limits are checked; afterwards a PNG page is, because its
    orientation may stand behind the pixels.

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
        is_tiff = image.format == "TIFF"
        try:
            frames = _count_directories(data) if is_tiff else getattr(image, "n_frames", 1)
            turned = (apply_orientation or is_tiff) and _orientation(image) in _TURNED
        except _DECODER_FAULTS as cause:
            raise DamagedImage() from cause
        # Pillow always turns a TIFF, and its size already says so.
        swap = turned and apply_orientation != is_tiff
        return ImageHeader(
            width=height if swap else width,
            height=width if swap else height,
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
            turned_back = None
            if header.format == "TIFF" and not header.oriented:
                turned_back = _TURN_BACK.get(_orientation(image))
            image.load()
            placed = ImageOps.exif_transpose(image) if header.oriented else image
            if turned_back is not None:
                placed = placed.transpose(turned_back)
        except _DECODER_FAULTS as cause:
            raise DamagedImage() from cause
        return _to_bands(placed, bands)


def _orientation(image: Image.Image) -> int:
    return int(image.getexif().get(_ORIENTATION_TAG, 1))


def _count_directories(data: bytes) -> int:
    """Count the images of a TIFF along the chain of its directories.

    Pillow would read each of them whole and compare it with all before: minutes for a small file
    made for that. What is wrong with later images is no fault of the first.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = b"+" in data[2:4]
    count, entry_bytes, link = ("Q", 20, "Q") if is_big else ("H", 12, "I")
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(order + link, data, 8 if is_big else 4)
        while place and place not in seen and len(seen) < _MOST_FRAMES:
            seen.add(place)
            (entries,) = struct.unpack_from(order + count, data, place)
            behind = place + struct.calcsize(order + count) + entries * entry_bytes
            (place,) = struct.unpack_from(order + link, data, behind)
    except (struct.error, OverflowError):
        pass
    return max(1, len(seen))


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
        raise _why_unknown(data) from cause
    except Image.DecompressionBombError as cause:
        # The library stops before the size can be asked for, but its message holds it.
        found = re.search(r"\d+", str(cause))
        raise _too_large(int(found.group()) if found else 2 * MAX_IMAGE_PIXELS) from cause
    except _DECODER_FAULTS as cause:
        raise DamagedImage() from cause


def _why_unknown(data: bytes) -> ItemError:
    """Name what is wrong with a TIFF that Pillow does not know: mostly 16 bit or many bands."""
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return UnsupportedImage()
    stream = io.BytesIO(data)
    try:
        tags = ImageFileDirectory_v2(stream.read(16 if b"+" in data[2:4] else 8))
        stream.seek(tags.next)
        tags.load(stream)
        bits, bands = tags.get(_BITS_TAG, (8,)), int(tags.get(_BANDS_TAG, 1))
    except _DECODER_FAULTS:
        return DamagedImage()
    if set(bits) != {8}:
        return UnsupportedBitDepth()
    return BandsMissing(found=bands, needed=3) if bands > _MOST_BANDS else UnsupportedImage()


def _check_mode(image: Image.Image) -> None:
    if image.mode in _DEEP_MODES or _has_deep_samples(image):
        raise UnsupportedBitDepth()
    if image.mode not in _EIGHT_BIT_MODES:
        raise UnsupportedImage()


def _has_deep_samples(image: Image.Image) -> bool:
    """Find 16-bit colours, which the decoder would quietly cut to 8 bit."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _too_large(pixels: int) -> ItemError:
    return ImageTooLarge(megapixels=math.ceil(pixels / _MEGA), limit=MAX_IMAGE_PIXELS // _MEGA)
