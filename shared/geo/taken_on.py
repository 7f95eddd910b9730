"""The day on which an aerial image was taken, as its file states it."""

from __future__ import annotations

import re
import warnings
from datetime import date

from PIL import Image
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

EARLIEST_YEAR = 1900
_STATED = re.compile(r"\s*(\d{4})[:\-/.](\d{2})[:\-/.](\d{2})(?!\d)")
_CAMERA_TAGS = 0x8769
"""Where EXIF keeps what the camera noted."""
_TAKEN, _WRITTEN = 36867, 306
"""EXIF DateTimeOriginal; TIFF DateTime, which also picture programs set (TIFF 6.0, page 31)."""


def parse_day(text: object) -> date | None:
    """Read the day of a note such as "2026:05:09 10:31:00"; None where there is none.

    Args:
        text: What stands in the file. Cameras without a clock write zeros.
    """
    found = _STATED.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    try:
        return date(year, month, day) if year >= EARLIEST_YEAR else None
    except ValueError:
        return None


def day_of_picture(image: Image.Image) -> date | None:
    """Return the day on which a JPEG, PNG or WEBP was taken; None where the file does not say.

    Args:
        image: The open file; its pixels are not needed.
    """
    try:
        with warnings.catch_warnings():
            # The library warns about broken camera data; without them the day is not known.
            warnings.simplefilter("ignore")
            notes = image.getexif()
            stated = notes.get_ifd(_CAMERA_TAGS).get(_TAKEN), notes.get(_WRITTEN)
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError):
        return None
    return next((day for one in stated if (day := parse_day(one)) is not None), None)


def day_of_dataset(dataset: DatasetReader) -> date | None:
    """Return the day on which a TIFF or JPEG 2000 was taken; None where the file does not say.

    Args:
        dataset: The open file.
    """
    try:
        camera, written = dataset.tags(ns="EXIF"), dataset.tags()
    except (RasterioError, UnicodeDecodeError):
        return None
    stated = (
        camera.get("EXIF_DateTimeOriginal"),
        written.get("EXIF_DateTimeOriginal"),
        written.get("TIFFTAG_DATETIME"),
    )
    return next((day for one in stated if (day := parse_day(one)) is not None), None)
