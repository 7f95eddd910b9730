"""Encode page images for PDF: fax compression for black and white, JPEG for all others."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

JPEG_QUALITY = 85
_COMPRESSION, _STRIP_PLACES, _STRIP_SIZES, _POLARITY = 259, 273, 279, 262
_ROWS_PER_STRIP = 278
_GROUP_4 = 4


@dataclass(frozen=True, slots=True)
class ImageStream:
    """An encoded image.

    Args:
        data: Its bytes.
        filter_name: Name of the PDF filter.
        bits: Bits per component.
        parameters: Decoding parameters.
    """

    data: bytes
    filter_name: str
    bits: int
    parameters: dict[str, int | bool] = field(default_factory=dict)


def encode_image(image: NDArray[np.uint8]) -> ImageStream:
    """Return an image as a stream of a PDF.

    Args:
        image: Grey (height, width) or red, green, blue (height, width, 3), 0 to 255.
    """
    if image.ndim == 2 and bool(np.isin(image, (0, 255)).all()):
        return _fax(image)
    target = io.BytesIO()
    # Full colour resolution keeps blocks of 8 x 8 pixels independent of their neighbours, so a
    # region filled with one value stays exactly that value.
    Image.fromarray(image).save(target, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return ImageStream(target.getvalue(), "DCTDecode", 8)


def _fax(image: NDArray[np.uint8]) -> ImageStream:
    height, width = image.shape
    target = io.BytesIO()
    Image.fromarray(image).convert("1", dither=Image.Dither.NONE).save(
        target, "TIFF", compression="group4", tiffinfo={_ROWS_PER_STRIP: height}
    )
    packed = target.getvalue()
    with Image.open(io.BytesIO(packed)) as opened:
        tags = dict(opened.tag_v2)  # type: ignore[attr-defined]
    places, sizes = tags[_STRIP_PLACES], tags[_STRIP_SIZES]
    if len(places) != 1 or tags[_COMPRESSION] != _GROUP_4:
        raise ValueError("the fax image is not in one strip")
    data = packed[places[0] : places[0] + sizes[0]]
    parameters: dict[str, int | bool] = {
        "K": -1, "Columns": width, "Rows": height, "BlackIs1": tags[_POLARITY] == 1
    }  # fmt: skip
    return ImageStream(data, "CCITTFaxDecode", 1, parameters)
