"""The picture with outlines and numbers drawn on it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from apps.aviary.joining import FoundObject
from shared.geo.map_picture import draw_edge
from shared.geo.raster import RasterInfo

COLOURS = {"pv": "#e6007e", "solar_thermal": "#ffb000", "pv_ground": "#00c8ff"}
OTHER_COLOUR = "#ffffff"
LABEL_PX = 18
JPEG_QUALITY = 85


def colour_of(class_key: str) -> str:
    """Return the colour of a kind of object as `#rrggbb`."""
    return COLOURS.get(class_key, OTHER_COLOUR)


def overlay_png(
    overview: bytes, info: RasterInfo, objects: Sequence[FoundObject], note: str
) -> bytes:
    """Draw found objects on the shrunk image; doubtful ones are dashed.

    Args:
        overview: The image, shrunk and encoded.
        info: The image; objects are in its pixels.
        objects: What was found.
        note: What every reader must know; a text member of the file.

    Returns:
        PNG, the same bytes for the same input.
    """
    texts = PngInfo()
    texts.add_itxt("Description", note)
    target = io.BytesIO()
    _draw(overview, info, objects).save(target, "PNG", pnginfo=texts)
    return target.getvalue()


def overlay_jpeg(overview: bytes, info: RasterInfo, objects: Sequence[FoundObject]) -> bytes:
    """Draw the same as a small JPEG for reports; arguments are those of `overlay_png`."""
    target = io.BytesIO()
    _draw(overview, info, objects).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _draw(overview: bytes, info: RasterInfo, objects: Sequence[FoundObject]) -> Image.Image:
    with Image.open(io.BytesIO(overview), formats=("JPEG", "PNG")) as opened:
        image = opened.convert("RGB")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(LABEL_PX)
    scale = (image.width / info.width, image.height / info.height)
    for one in objects:
        corners = [(x * scale[0], y * scale[1]) for x, y in one.polygon.exterior.coords]
        for start, end in pairwise(corners):
            draw_edge(draw, start, end, colour_of(one.class_key), dashed=one.doubtful)
        _label(draw, corners, str(one.object_id), font)
    return image


def _label(
    draw: ImageDraw.ImageDraw,
    corners: Sequence[tuple[float, float]],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    x = min(corner[0] for corner in corners)
    y = max(0.0, min(corner[1] for corner in corners) - LABEL_PX - 4)
    draw.rectangle(draw.textbbox((x + 2, y), text, font=font), fill="#000000")
    draw.text((x + 2, y), text, fill="#ffffff", font=font)
