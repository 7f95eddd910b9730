"""The picture with outlines and numbers drawn on it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from apps.aviary.finds.analysis import Analysis
from apps.aviary.finds.decided import Decided
from apps.aviary.finds.find_kind import find_kind
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.verdict_marks import sign_lines
from apps.aviary.recipes import Recipe
from shared.geo.map_picture import Point, draw_edge

COLOURS = ("#e6007e", "#ffb000", "#00c8ff", "#c06bff", "#ff6a3d", "#d4e157")
"""Of the first, second, ... kind of a recipe; they stand out from roofs, streets and green."""
OTHER_COLOUR = "#ffffff"
LABEL_PX = 18
MOST_LABELS = 200
"""More numbers would hide the image."""
JPEG_QUALITY = 85


def colour_of(recipe: Recipe, class_key: str) -> str:
    """Return the colour of a kind of object as `#rrggbb`.

    Args:
        recipe: What was looked for.
        class_key: Kind of object; one that the recipe does not know is white.
    """
    keys = [one.key for one in recipe.classes]
    return COLOURS[keys.index(class_key) % len(COLOURS)] if class_key in keys else OTHER_COLOUR


def overlay_png(
    overview: bytes,
    analysis: Analysis,
    objects: Sequence[FoundObject],
    note: str,
    decided: Decided | None = None,
) -> bytes:
    """Draw found objects on the shrunk image; doubtful ones are dashed.

    Args:
        overview: The image, shrunk and encoded.
        analysis: Names the image, in whose pixels the objects are, and the recipe.
        objects: What was found.
        note: What every reader must know; a text member of the file.
        decided: Finds with a decision carry its sign: tick, cross or question mark; None for no
            signs.

    Returns:
        PNG, the same bytes for the same input.
    """
    texts = PngInfo()
    texts.add_itxt("Description", note)
    target = io.BytesIO()
    _draw(overview, analysis, objects, decided).save(target, "PNG", pnginfo=texts)
    return target.getvalue()


def overlay_jpeg(
    overview: bytes,
    analysis: Analysis,
    objects: Sequence[FoundObject],
    decided: Decided | None = None,
) -> bytes:
    """Draw the same as a small JPEG for reports; arguments are those of `overlay_png`."""
    target = io.BytesIO()
    _draw(overview, analysis, objects, decided).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _draw(
    overview: bytes,
    analysis: Analysis,
    objects: Sequence[FoundObject],
    decided: Decided | None,
) -> Image.Image:
    with Image.open(io.BytesIO(overview), formats=("JPEG", "PNG")) as opened:
        image = opened.convert("RGB")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(LABEL_PX)
    scale = (image.width / analysis.info.width, image.height / analysis.info.height)
    said = {} if decided is None else decided.by_number
    for one in objects if decided is None else decided.kept(objects):
        colour, verdict = colour_of(analysis.recipe, one.class_key), said.get(one.object_id)
        rings = [
            _scaled(((x, y) for x, y in ring.coords), scale)
            for ring in (one.polygon.exterior, *one.polygon.interiors)
        ]
        dashed = find_kind(one, verdict).dashed
        for ring in rings:
            for start, end in pairwise(ring):
                draw_edge(draw, start, end, colour, dashed=dashed)
        for line in sign_lines(verdict, one.bbox_px):
            for start, end in pairwise(_scaled(line, scale)):
                draw_edge(draw, start, end, colour, dashed=False)
        if len(objects) <= MOST_LABELS:
            _label(draw, rings[0], str(one.object_id), font)
    return image


def _scaled(line: Iterable[tuple[float, float]], scale: tuple[float, float]) -> list[Point]:
    return [(x * scale[0], y * scale[1]) for x, y in line]


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
