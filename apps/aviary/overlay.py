"""The picture with outlines and numbers drawn on it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from apps.aviary.joining import FoundObject
from shared.geo.raster import Patch, RasterInfo

COLOURS = {"pv": "#e6007e", "solar_thermal": "#ffb000", "pv_ground": "#00c8ff"}
OTHER_COLOUR = "#ffffff"
DASH_PX = 8
LINE_PX = 3
LABEL_PX = 18


def colour_of(class_key: str) -> str:
    """Return the colour of a kind of object as `#rrggbb`."""
    return COLOURS.get(class_key, OTHER_COLOUR)


def draw_overlay(
    overview: Patch, info: RasterInfo, objects: Sequence[FoundObject], note: Mapping[str, str]
) -> bytes:
    """Draw found objects on the shrunk image; doubtful ones are dashed.

    Args:
        overview: The image, shrunk.
        info: The image; objects are in its pixels.
        objects: What was found.
        note: Text members of the PNG: origin, model, settings.

    Returns:
        PNG, the same bytes for the same input.
    """
    image = Image.fromarray(overview.rgb)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(LABEL_PX)
    scale = (image.width / info.width, image.height / info.height)
    for one in objects:
        corners = [(x * scale[0], y * scale[1]) for x, y in one.polygon.exterior.coords]
        for start, end in pairwise(corners):
            _line(draw, start, end, colour_of(one.class_key), dashed=one.doubtful)
        _label(draw, corners, str(one.object_id), font)
    texts = PngInfo()
    for key, text in note.items():
        texts.add_itxt(key, text)
    target = io.BytesIO()
    image.save(target, "PNG", pnginfo=texts)
    return target.getvalue()


def _line(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    *,
    dashed: bool,
) -> None:
    if not dashed:
        draw.line([start, end], fill=colour, width=LINE_PX)
        return
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    pieces = max(1, round(length / DASH_PX))
    for piece in range(0, pieces, 2):
        ends = [
            (
                start[0] + (end[0] - start[0]) * position / pieces,
                start[1] + (end[1] - start[1]) * position / pieces,
            )
            for position in (piece, min(piece + 1, pieces))
        ]
        draw.line(ends, fill=colour, width=LINE_PX)


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
