"""Pictures of a report: checked, bounded, and without what cameras and programs note in them."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import warnings
import zlib
from typing import Annotated

from PIL import Image, ImageOps
from pydantic import PlainSerializer, PlainValidator

from shared.errors import ReportInvalid
from shared.report.checks import require

MOST_PICTURE_BYTES = 20_000_000
MOST_PICTURE_PIXELS = 25_000_000
_HARMLESS = {"dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density", "transparency", "gamma"}
_HARMLESS |= {"srgb", "interlace", "adobe", "adobe_transform", "progressive", "progression"}
_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, KeyError)


def read_picture(value: object) -> bytes:
    """Return the bytes of a picture from bytes or from their base64 text.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        message = "no base64 text"
        raise ValueError(message)
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as cause:
        message = "no base64 text"
        raise ValueError(message) from cause


def write_picture(picture: bytes) -> str:
    """Return a picture as base64 text."""
    return base64.b64encode(picture).decode("ascii")


Picture = Annotated[bytes, PlainValidator(read_picture), PlainSerializer(write_picture)]


def clean_picture(picture: bytes) -> bytes:
    """Return a picture upright and without place, camera, comments and colour profile.

    Args:
        picture: PNG or JPEG.

    Raises:
        ReportInvalid: It is neither, damaged, or larger than 20 MB or 25 megapixels.
    """
    limit_mb, limit_mp = MOST_PICTURE_BYTES // 1_000_000, MOST_PICTURE_PIXELS // 1_000_000
    require(isinstance(picture, bytes), "Ein Bild besteht nicht aus Bytes.")
    require(len(picture) <= MOST_PICTURE_BYTES, f"Ein Bild ist größer als {limit_mb} MB.")
    image = _decoded(picture)
    if image is None:
        reason = f"Ein Bild ist kein PNG oder JPEG, beschädigt oder hat über {limit_mp} Megapixel."
        raise ReportInvalid(reason=reason)
    if _is_clean(image):
        return picture
    upright = ImageOps.exif_transpose(image)
    if upright.mode not in _MODES:
        upright = upright.convert("RGB")
    target = io.BytesIO()
    if image.format == "JPEG":
        upright.save(target, "JPEG", quality=92, comment=b"")
    else:
        upright.save(target, "PNG", icc_profile=None)
    return target.getvalue()


def _decoded(picture: bytes) -> Image.Image | None:
    try:
        with warnings.catch_warnings():
            # The library warns of large pictures and odd camera data; the size is checked here.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(picture), formats=("PNG", "JPEG"))
            if image.width * image.height > MOST_PICTURE_PIXELS:
                return None
            image.load()
    except (*_BROKEN, Image.DecompressionBombError):
        return None
    return image


def _is_clean(image: Image.Image) -> bool:
    return set(image.info) <= _HARMLESS and not image.getexif() and image.mode in _MODES
