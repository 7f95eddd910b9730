"""Small pictures of places in an image, with and without a mark, for a person who decides."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

from apps.aviary.inputs.beside import place_beside, read_beside
from apps.aviary.inputs.run_image import RunImage
from apps.aviary.objects import Box, Corners
from shared.geo.map_picture import draw_edge
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, RasterInfo, Rgb, read_resampled

LONGEST_ANSWER_BYTES = 8 * 2**20
"""See `shared.limited_reader`: room for a batch of pictures."""
SIDE_PX = 480
LEAST_SIDE_PX, MOST_SIDE_PX = 120.0, 4000.0
SURROUNDINGS = 2.0
"""A cut-out is as many times as wide as its object."""
POINT_SIDE_PX = 160.0
POINT_REACH_PX = 5.0
MARK_COLOUR = "#e6007e"
JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class CutOut:
    """A place in an image.

    Args:
        box: Left, upper, right, lower edge [px].
        rings: Lines that mark it [px].
    """

    box: Box
    rings: tuple[Corners, ...]


@dataclass(frozen=True, slots=True)
class CutPictures:
    """A place as JPEGs in base 64.

    Args:
        plain: As it is.
        marked: With its mark.
        older: As it was in the older image; empty where there is none.
    """

    plain: str
    marked: str
    older: str = ""


def frame_object(bbox_px: Box, rings: tuple[Corners, ...], width: int, height: int) -> CutOut:
    """Return an object with its surroundings.

    Args:
        bbox_px: Box of the object [px].
        rings: Its outline [px].
        width: Columns of the image [px].
        height: Rows of the image [px].
    """
    left, upper, right, lower = bbox_px
    side = SURROUNDINGS * max(right - left, lower - upper)
    side = min(MOST_SIDE_PX, max(LEAST_SIDE_PX, side))
    middle = (left + right) / 2, (upper + lower) / 2
    return CutOut(_square(middle, side, width, height), rings)


def frame_point(column: int, row: int, width: int, height: int) -> CutOut:
    """Return a pixel with its surroundings; one ring is its edge, another one helps to find it.

    Args:
        column: From 0 at the left [px].
        row: From 0 at the top [px].
        width: Columns of the image [px].
        height: Rows of the image [px].
    """
    middle = column + 0.5, row + 0.5
    rings = tuple(_ring(middle, reach) for reach in (0.5, POINT_REACH_PX))
    return CutOut(_square(middle, POINT_SIDE_PX, width, height), rings)


def cut_pictures(
    content: bytes,
    path: str,
    options: OpenOptions,
    places: tuple[CutOut, ...],
    scale: float = 1.0,
) -> tuple[CutPictures, ...]:
    """Cut places out of an image; opened once for all of them.

    Args:
        content: All bytes of the image; empty where it lies on disk.
        path: Where it lies; empty where its bytes are given.
        options: How it is opened.
        places: What is cut out.
        scale: Pixels of this image per pixel of the places: below 1 for a shrunk image.

    Raises:
        InputError: The image cannot be used; see `open_raster`.
    """
    with open_raster(Path(path) if path else content, options=options) as source:
        found = []
        for place in places:
            left, upper, right, lower = (edge * scale for edge in place.box)
            box = (left, upper, min(right, source.info.width), min(lower, source.info.height))
            size = _size(box)
            factor = max(size) / max(box[2] - box[0], box[3] - box[1])
            pixels = read_resampled(source, box, size).rgb
            rings = [
                [((x * scale - left) * factor, (y * scale - upper) * factor) for x, y in ring]
                for ring in place.rings
            ]
            found.append(CutPictures(_jpeg(pixels), _jpeg(pixels, rings)))
    return tuple(found)


def cut_older(
    content: bytes, path: str, options: OpenOptions, newer: RasterInfo, places: tuple[CutOut, ...]
) -> tuple[str, ...]:
    """Cut the same places out of an older image; black where it does not reach.

    Args:
        content: Nothing; the older image lies on disk.
        path: Where it lies.
        options: How it is opened.
        newer: The image whose pixels the places are in.
        places: What is cut out.

    Returns:
        JPEGs in base 64, without marks.

    Raises:
        InputError: The image cannot be used, or shows another place.
    """
    with open_raster(Path(path), options=options) as source:
        placement = place_beside(newer, source.info)
        image = RunImage(source)
        return tuple(
            _jpeg(read_beside(image, placement.box(place.box), _size(place.box)).rgb)
            for place in places
        )


def _size(box: Box) -> tuple[int, int]:
    """Return columns and rows of the picture of a window, whose longer side is always the same."""
    width, height = box[2] - box[0], box[3] - box[1]
    factor = SIDE_PX / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _square(middle: tuple[float, float], side: float, width: int, height: int) -> Box:
    """Return a square around a point, moved and cut so that it lies in the image."""
    (left, right), (upper, lower) = (
        _span(at, min(side, limit), limit)
        for at, limit in zip(middle, (width, height), strict=True)
    )
    return left, upper, right, lower


def _span(middle: float, length: float, limit: float) -> tuple[float, float]:
    start = min(max(0.0, middle - length / 2), limit - length)
    return start, start + length


def _ring(middle: tuple[float, float], reach: float) -> Corners:
    (x, y), r = middle, reach
    return (x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r), (x - r, y - r)


def _jpeg(pixels: Rgb, rings: Sequence[Sequence[tuple[float, float]]] = ()) -> str:
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for ring in rings:
        for start, end in pairwise(ring):
            draw_edge(draw, start, end, MARK_COLOUR, dashed=False)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=JPEG_QUALITY)
    return base64.b64encode(target.getvalue()).decode("ascii")
