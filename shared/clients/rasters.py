"""Class maps and probabilities of an answer become arrays, without trusting their sizes."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contracts.model_server import ClassesValue, ProbabilitiesValue
from shared.errors import AnswerMismatch

MAX_SIDE_PX = 1_280
_MOST_CLASSES = 255
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_GREY_8_BIT = (8, 0, 0, 0, 0)
"""Bit depth, colour type, compression, filter and interlace method of the PNG header."""


def raster_shape(value: ClassesValue | ProbabilitiesValue) -> tuple[int, int]:
    """Return rows and columns of a raster, one per started `stride` pixels of the image.

    Raises:
        AnswerMismatch: The image is empty or larger than any that may be sent (1,280 pixels).
    """
    if not (
        1 <= value.width <= MAX_SIDE_PX
        and 1 <= value.height <= MAX_SIDE_PX
        and 1 <= value.stride <= MAX_SIDE_PX
    ):
        raise AnswerMismatch()
    return -(-value.height // value.stride), -(-value.width // value.stride)


def decode_grey(text: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode a grey 8-bit PNG.

    Args:
        text: Its base64.
        shape: Rows and columns that were announced; no other size is unpacked.

    Returns:
        Read-only uint8 array, rows x columns.

    Raises:
        AnswerMismatch: It is damaged, of another size or of another kind.
    """
    data = _decode_base64(text)
    rows, columns = shape
    if data[:29] != _PNG_START + struct.pack(">2I5B", columns, rows, *_GREY_8_BIT):
        raise AnswerMismatch()
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            pixels = image.tobytes()
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error) as cause:
        # All of these come out of Pillow for damaged files.
        raise AnswerMismatch() from cause
    return np.frombuffer(pixels, np.uint8).reshape(shape)


def decode_probabilities(value: ProbabilitiesValue) -> NDArray[np.uint8]:
    """Unpack probabilities.

    Returns:
        Read-only uint8 array, classes x rows x columns; probability = value / 255.

    Raises:
        AnswerMismatch: They are damaged, longer or shorter than announced, or name a class twice.
    """
    rows, columns = raster_shape(value)
    codes = value.class_codes
    known = all(0 <= code < _MOST_CLASSES for code in codes)
    if not codes or not known or len(set(codes)) < len(codes):
        raise AnswerMismatch()
    size = len(codes) * rows * columns
    unpacker = zlib.decompressobj()
    try:
        # One byte more shows a surplus; what a bomb holds beyond it is never unpacked.
        pixels = unpacker.decompress(_decode_base64(value.data), size + 1)
    except zlib.error as cause:
        raise AnswerMismatch() from cause
    if len(pixels) != size or not unpacker.eof or unpacker.unused_data:
        raise AnswerMismatch()
    return np.frombuffer(pixels, np.uint8).reshape(len(codes), rows, columns)


def decode_vector(text: str, length: int) -> NDArray[np.float32]:
    """Decode a vector of little-endian float32.

    Args:
        text: Its base64.
        length: How many numbers were announced.

    Returns:
        Read-only float32 array.

    Raises:
        AnswerMismatch: It is damaged, of another length or holds what is no number.
    """
    data = _decode_base64(text)
    if len(data) != 4 * length:
        raise AnswerMismatch()
    vector = np.frombuffer(data, "<f4").astype(np.float32, copy=False)
    if not np.isfinite(vector).all():
        raise AnswerMismatch()
    return vector


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as cause:
        # A ValueError is a character beyond ASCII.
        raise AnswerMismatch() from cause
