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

from model_server.tiff import count_directories, is_tiff, read_layout, with_fourth_band
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
_MOST_BANDS = 4
_STRIP_ROWS = 256
_ORIENTATION_TAG = 0x0112
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

Bands = Literal["rgb", "rgbi", "rgbm"]
BAND_COUNT: dict[Bands, int] = {"rgb": 3, "rgbi": 4, "rgbm": 4}
Pixels = NDArray[np.uint8]
Valid = NDArray[np.bool_]


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
        has_data_band: True when a fourth band is a measurement and no transparency.
    """

    width: int
    height: int
    mode: str
    format: str
    frames: int
    oriented: bool
    has_data_band: bool = False


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
    layout = read_layout(data)
    has_data_band = layout is not None and layout.fourth_is_data
    with _opened(with_fourth_band(data) if has_data_band else data) as image:
        width, height = image.size
        _check_size(width, height, min_side_px, max_side_px)
        _check_mode(image)
        if layout is not None and layout.bands > _MOST_BANDS:
            # Some of these would pass as their first band or their first three.
            raise BandsMissing(found=layout.bands, needed=BAND_COUNT["rgb"])
        frames, swap = _frames_and_swap(image, data, apply_orientation)
        return ImageHeader(
            width=height if swap else width,
            height=width if swap else height,
            mode=image.mode,
            format=str(image.format),
            frames=frames,
            oriented=apply_orientation,
            has_data_band=has_data_band,
        )


def _frames_and_swap(image: Image.Image, data: bytes, apply_orientation: bool) -> tuple[int, bool]:
    of_tiff = image.format == "TIFF"
    try:
        frames = count_directories(data) if of_tiff else getattr(image, "n_frames", 1)
        turned = (apply_orientation or of_tiff) and _orientation(image) in _TURNED
    except _DECODER_FAULTS as cause:
        raise DamagedImage() from cause
    # Pillow always turns a TIFF, and its size already says so.
    return frames, turned and apply_orientation != of_tiff


def decode_image(data: bytes, header: ImageHeader, bands: Bands) -> Pixels:
    """Decode the first frame to height x width x bands, 8 bit.

    Args:
        data: The bytes that `header` was read from.
        header: Result of `inspect_image`.
        bands: "rgb"; "rgbi" or "rgbm" with near infrared or a mask as fourth band, which is handed
            out as it is stored and never treated as transparency.

    Raises:
        ItemError: Damaged or truncated, or bands are missing.
    """
    return decode_with_gaps(data, header, bands)[0]


def decode_with_gaps(data: bytes, header: ImageHeader, bands: Bands) -> tuple[Pixels, Valid | None]:
    """Decode as `decode_image` does and say where the image shows something.

    Args:
        data: See `decode_image`.
        header: See `decode_image`.
        bands: See `decode_image`; only with "rgb" can a fourth band be transparency.

    Returns:
        The pixels, and height x width of False where they are wholly transparent; None when that
        is nowhere.

    Raises:
        ItemError: See `decode_image`.
    """
    layout = read_layout(data)
    as_stored = layout is not None and layout.is_four and (header.has_data_band or bands != "rgb")
    with _opened(with_fourth_band(data) if as_stored else data) as image:
        try:
            turned_back = None
            if header.format == "TIFF" and not header.oriented:
                turned_back = _TURN_BACK.get(_orientation(image))
            image.load()
            if header.oriented:
                ImageOps.exif_transpose(image, in_place=True)
            placed = image if turned_back is None else image.transpose(turned_back)
        except _DECODER_FAULTS as cause:
            raise DamagedImage() from cause
        if bands != "rgb":
            return _four_bands(placed), None
        if header.has_data_band:
            return np.asarray(placed, dtype=np.uint8)[..., :3], None
        return _colours(placed)


def _orientation(image: Image.Image) -> int:
    return int(image.getexif().get(_ORIENTATION_TAG, 1))


def _four_bands(image: Image.Image) -> Pixels:
    if image.mode not in ("RGBA", "RGBX"):
        raise BandsMissing(found=len(image.getbands()), needed=4)
    # The fourth band is a measurement here, so the pixels are taken as they are stored.
    return np.asarray(image, dtype=np.uint8)


def _colours(image: Image.Image) -> tuple[Pixels, Valid | None]:
    """Return the colours over white paper, as every viewer shows a transparent image."""
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"), dtype=np.uint8), None
    colours = np.empty((image.height, image.width, 3), dtype=np.uint8)
    shown = np.empty((image.height, image.width), dtype=np.bool_)
    # At once, a page of 50 megapixels would take a gigabyte, from a file of 200 kB.
    for top in range(0, image.height, _STRIP_ROWS):
        bottom = min(image.height, top + _STRIP_ROWS)
        strip = image.crop((0, top, image.width, bottom)).convert("RGBA")
        paper = Image.new("RGBA", strip.size, (255, 255, 255, 255))
        flat = Image.alpha_composite(paper, strip).convert("RGB")
        colours[top:bottom] = np.asarray(flat, dtype=np.uint8)
        shown[top:bottom] = np.asarray(strip.getchannel("A")) > 0
    return colours, None if shown.all() else shown


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
    layout = read_layout(data)
    if layout is None:
        return DamagedImage() if is_tiff(data) else UnsupportedImage()
    if set(layout.bits) != {8}:
        return UnsupportedBitDepth()
    if layout.bands > _MOST_BANDS:
        return BandsMissing(found=layout.bands, needed=BAND_COUNT["rgb"])
    return UnsupportedImage()


def _check_size(width: int, height: int, least: int, most: int) -> None:
    if width * height > MAX_IMAGE_PIXELS:
        raise _too_large(width * height)
    if not (least <= min(width, height) and max(width, height) <= most):
        raise ImageSideOutOfRange(width=width, height=height, minimum=least, maximum=most)


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
