"""A map for people: picture, results, legend, scale bar, north arrow and whose data it shows."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shared.errors import in_german
from shared.geo.raster import Rgb
from shared.report.blocks import LegendEntry

FONT_FILE = Path(__file__).parents[1] / "report" / "fonts" / "dejavu-sans-400-normal.woff2"
"""Has all letters that names in Germany need, and m²."""
Point = tuple[float, float]
LINE_PX = 3
DASH_PX = 8
CLASS_OPACITY = 0.5
FILL_OPACITY = 0.25
LEAST_WIDTH_PX = 480
BAR_SHARE = 0.3
_INK, _PAPER = "#1a1a1a", "#ffffff"


@dataclass(frozen=True, slots=True)
class MapShape:
    """A result that is drawn.

    Args:
        geometry: Polygons or lines in pixels of the picture, x right, y down.
        colour: "#rrggbb".
        dashed: True for what is doubtful; never shown by colour alone.
    """

    geometry: shapely.Geometry
    colour: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class MapPicture:
    """What a map shows.

    Args:
        picture: Colours, shape (height, width, 3).
        title: Line above the picture.
        credit: Whose data it shows, for example "© Land NRW, dl-de/zero-2-0".
        gsd_m: Ground width of a pixel [m]; None leaves out the scale bar.
        north_deg: Direction of north in the picture, clockwise from up [degrees]; None leaves out
            the arrow.
        shapes: Results, drawn in order.
        classes: Codes of a raster of labels, shape (height, width); None without.
        colours: Colour of each code that is drawn.
        legend: Colours and their meaning.
    """

    picture: Rgb
    title: str
    credit: str
    gsd_m: float | None = None
    north_deg: float | None = 0.0
    shapes: Sequence[MapShape] = ()
    classes: NDArray[np.uint8] | None = None
    colours: Mapping[int, str] = field(default_factory=dict)
    legend: Sequence[LegendEntry] = ()


def map_png(content: MapPicture) -> bytes:
    """Return a map as PNG, the same bytes for the same input.

    Args:
        content: What it shows.

    Raises:
        ValueError: The classes have another size than the picture.
    """
    picture = _picture(content)
    width = max(picture.width, LEAST_WIDTH_PX)
    font = ImageFont.truetype(str(FONT_FILE), max(14, min(32, width // 50)))
    title = _wrapped(content.title, font, width)
    rows = _legend_rows(content.legend, font, width)
    credit = _wrapped(content.credit, font, width)
    line = round(font.size * 1.5)
    top = line * len(title) + line // 2
    has_scale = content.gsd_m is not None or content.north_deg is not None
    scale_height = 3 * line if has_scale else 0
    height = top + picture.height + scale_height + line * (len(rows) + len(credit)) + line
    page = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(page)
    _lines(draw, title, font, line // 4, line)
    page.paste(picture, (0, top))
    at = top + picture.height + line // 4
    if content.gsd_m is not None:
        _scale_bar(draw, content.gsd_m, picture.width, at, font)
    if content.north_deg is not None:
        _north_arrow(draw, (width - 2 * line, at + 1.25 * line), line, content.north_deg, font)
    at += scale_height
    for row in rows:
        for x, entry in row:
            box = (x, at + line // 5, x + font.size, at + line // 5 + font.size)
            draw.rectangle(box, fill=entry.colour, outline=_INK)
            draw.text((x + 1.5 * font.size, at), entry.label, fill=_INK, font=font)
        at += line
    _lines(draw, credit, font, at, line)
    target = io.BytesIO()
    page.save(target, "PNG")
    return target.getvalue()


def draw_edge(
    draw: ImageDraw.ImageDraw, start: Point, end: Point, colour: str, *, dashed: bool
) -> None:
    """Draw one edge of an outline.

    Args:
        draw: The picture.
        start: First corner [px].
        end: Last corner [px].
        colour: "#rrggbb".
        dashed: True for a broken line.
    """
    if not dashed:
        draw.line([start, end], fill=colour, width=LINE_PX)
        return
    pieces = max(1, round(math.dist(start, end) / DASH_PX))
    for piece in range(0, pieces, 2):
        ends = [
            (
                start[0] + (end[0] - start[0]) * position / pieces,
                start[1] + (end[1] - start[1]) * position / pieces,
            )
            for position in (piece, min(piece + 1, pieces))
        ]
        draw.line(ends, fill=colour, width=LINE_PX)


def bar_length_m(gsd_m: float, width_px: int) -> float:
    """Return the round length of a scale bar: 1, 2 or 5 times a power of ten [m].

    Args:
        gsd_m: Ground width of a pixel [m].
        width_px: Width of the picture; the bar takes at most three tenths of it.
    """
    most = gsd_m * width_px * BAR_SHARE
    power = 10.0 ** math.floor(math.log10(most))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= most)


def _picture(content: MapPicture) -> Image.Image:
    pixels = content.picture.copy()
    if content.classes is not None:
        if content.classes.shape != pixels.shape[:2]:
            message = f"classes of {content.classes.shape} over a picture of {pixels.shape}"
            raise ValueError(message)
        for code, colour in content.colours.items():
            _tint(pixels, content.classes == code, colour, CLASS_OPACITY)
    for colour in dict.fromkeys(one.colour for one in content.shapes):
        inside = np.zeros(pixels.shape[:2], dtype=np.uint8)
        for one in content.shapes:
            if one.colour == colour:
                _fill(inside, one.geometry)
        _tint(pixels, inside > 0, colour, FILL_OPACITY)
    image = Image.fromarray(pixels).convert("RGB")
    draw = ImageDraw.Draw(image)
    for one in content.shapes:
        for line in _edges(one.geometry):
            for start, end in pairwise(line):
                draw_edge(draw, start, end, one.colour, dashed=one.dashed)
    return image


def _tint(pixels: Rgb, place: NDArray[np.bool_], colour: str, opacity: float) -> None:
    mixed = pixels[place] * (1 - opacity) + np.array(_rgb(colour)) * opacity
    pixels[place] = np.round(mixed)


def _fill(inside: NDArray[np.uint8], geometry: shapely.Geometry) -> None:
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon":
            rings = [part.exterior, *part.interiors]
            corners = [np.round(shapely.get_coordinates(one)).astype(np.int32) for one in rings]
            cv2.fillPoly(inside, corners, 255)


def _edges(geometry: shapely.Geometry) -> list[list[Point]]:
    lines: list[list[Point]] = []
    for part in shapely.get_parts(geometry):
        outline = part.boundary if part.geom_type == "Polygon" else part
        lines += [list(one.coords) for one in shapely.get_parts(outline)]
    return lines


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width - font.size:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _lines(
    draw: ImageDraw.ImageDraw,
    lines: Sequence[str],
    font: ImageFont.FreeTypeFont,
    top: float,
    line: int,
) -> None:
    for place, text in enumerate(lines):
        draw.text((font.size / 2, top + place * line), text, fill=_INK, font=font)


def _legend_rows(
    legend: Sequence[LegendEntry], font: ImageFont.FreeTypeFont, width: int
) -> list[list[tuple[float, LegendEntry]]]:
    """Place entries beside each other; each row holds left edges and entries."""
    rows: list[list[tuple[float, LegendEntry]]] = []
    x = math.inf
    for entry in legend:
        needed = 3 * font.size + font.getlength(entry.label)
        if x + needed > width:
            rows.append([])
            x = font.size / 2
        rows[-1].append((x, entry))
        x += needed
    return rows


def _scale_bar(
    draw: ImageDraw.ImageDraw, gsd_m: float, width_px: int, top: float, font: ImageFont.FreeTypeFont
) -> None:
    length_m = bar_length_m(gsd_m, width_px)
    left, thick = font.size / 2, font.size / 2
    end = left + length_m / gsd_m
    middle = (left + end) / 2
    draw.rectangle((left, top + thick, end, top + 2 * thick), fill=_PAPER, outline=_INK)
    draw.rectangle((left, top + thick, middle, top + 2 * thick), fill=_INK)
    shown, unit = (length_m / 1000, "km") if length_m >= 1000 else (length_m, "m")
    label = f"{in_german({'length': float(shown)})['length']} {unit}"
    draw.text((left, top + 2.5 * thick), label, fill=_INK, font=font)


def _north_arrow(
    draw: ImageDraw.ImageDraw,
    middle: Point,
    size: float,
    north_deg: float,
    font: ImageFont.FreeTypeFont,
) -> None:
    angle = math.radians(north_deg)

    def turned(x: float, y: float) -> Point:
        return (
            middle[0] + size * (x * math.cos(angle) - y * math.sin(angle)),
            middle[1] + size * (x * math.sin(angle) + y * math.cos(angle)),
        )

    draw.polygon([turned(0, -0.9), turned(0.4, 0.6), turned(0, 0.3), turned(-0.4, 0.6)], fill=_INK)
    draw.text(turned(0.75, -0.2), "N", fill=_INK, font=font, anchor="mm")
