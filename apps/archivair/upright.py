"""Turn the picture of a page and the outlines on it the right way up, for the screen alone."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from apps.archivair.pages import Color
from apps.archivair.reading import Corners, PageReading

QUARTER_DEG = 90
JPEG_QUALITY = 80


def upright_jpeg(preview: Color, rotation_deg: int) -> bytes:
    """Return a picture of the page the right way up.

    Args:
        preview: Page as the file holds it, shape (height, width, 3).
        rotation_deg: Clockwise turn that makes it upright: 0, 90, 180 or 270.
    """
    return as_jpeg(upright_picture(preview, rotation_deg))


def upright_picture(preview: Color, rotation_deg: int) -> Color:
    """Turn a picture the right way up.

    Args:
        preview: Page as the file holds it, shape (height, width, 3).
        rotation_deg: Clockwise turn that makes it upright: 0, 90, 180 or 270.
    """
    return np.ascontiguousarray(np.rot90(preview, -(rotation_deg // QUARTER_DEG)))


def as_jpeg(picture: Color) -> bytes:
    """Return a picture as JPEG, in grey when it has no colours.

    Args:
        picture: Shape (height, width, 3).
    """
    image = Image.fromarray(picture)
    if np.array_equal(picture[..., 0], picture[..., 1]) and np.array_equal(
        picture[..., 1], picture[..., 2]
    ):
        image = image.convert("L")
    target = io.BytesIO()
    image.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def upright_size(reading: PageReading) -> tuple[int, int]:
    """Return width and height of the page in pixels once it stands upright."""
    if reading.rotation_deg % 180:
        return reading.height, reading.width
    return reading.width, reading.height


def upright_corners(corners: Corners, reading: PageReading) -> Corners:
    """Carry an outline from the page as the file holds it to the upright page.

    Args:
        corners: Points (x, y) in pixels of the page image.
        reading: The page; names its size and turn.
    """
    width, height = reading.width, reading.height
    if reading.rotation_deg == 90:
        return tuple((height - y, x) for x, y in corners)
    if reading.rotation_deg == 180:
        return tuple((width - x, height - y) for x, y in corners)
    if reading.rotation_deg == 270:
        return tuple((y, width - x) for x, y in corners)
    return corners
