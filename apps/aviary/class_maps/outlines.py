"""Outlines of the areas of a class map, with the mean confidence of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from shapely import Polygon, get_coordinates

from apps.aviary.kinds.row_file import RowFile
from apps.aviary.recipes import Recipe
from shared.geo.nodata import NO_DATA
from shared.geo.sieve import Codes
from shared.geo.vectorise import ON_PIXELS, OutlineOptions, polygonise

DIGITS = 2

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A connected area of one class.

    Args:
        code: Its class.
        score: Mean confidence of its pixels, 0 to 1.
        polygon: Outline [px], x right, y down.
        area_px: Pixels of this class in it, before its outline was simplified.
    """

    code: int
    score: float
    polygon: Polygon
    area_px: int


def outline_options(recipe: Recipe, pixel_m2: float) -> OutlineOptions:
    """Return how a recipe outlines its classes, in pixels instead of metres.

    Args:
        recipe: A recipe that maps classes.
        pixel_m2: Ground area of a pixel [m2].
    """
    return OutlineOptions(
        classes=tuple(one.code for one in recipe.classes),
        least_m2=recipe.min_area_m2 / pixel_m2,
        tolerance_m=recipe.simplify_px,
    )


def outline_classes(
    codes: RowFile, confidence: RowFile, options: OutlineOptions
) -> Iterator[Outline]:
    """Outline all areas of a class map; a few strips are held at a time.

    The score of an area leaves out the specks of other classes that it swallowed.

    Args:
        codes: Class of each pixel.
        confidence: Confidence of each pixel [%].
        options: How outlines are made, in pixels instead of metres.
    """

    def sure(y0: int, cleaned: Codes) -> Codes:
        y1 = y0 + len(cleaned)
        same = codes.read(y0, y1) == cleaned
        return np.where(same, confidence.read(y0, y1), np.uint8(NO_DATA))

    for one in polygonise(codes.strips(), ON_PIXELS, options, sure):
        yield Outline(one.code, (one.mean or 0.0) / 100, one.polygon, one.pixels)


def to_lines(outlines: Iterable[Outline]) -> Iterator[bytes]:
    """Write outlines as lines of JSON, one each."""
    for one in outlines:
        rings = [one.polygon.exterior, *one.polygon.interiors]
        content = {
            "code": one.code,
            "score": round(one.score, 4),
            "area_px": one.area_px,
            "rings": [np.round(get_coordinates(ring), DIGITS).tolist() for ring in rings],
        }
        yield json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n"


def from_lines(lines: Iterable[bytes]) -> Iterator[Outline]:
    """Read what `to_lines` wrote.

    Raises:
        ValueError: A line is no outline.
    """
    for line in lines:
        content = json.loads(line)
        exterior, *holes = content["rings"]
        polygon = Polygon(exterior, holes)
        yield Outline(content["code"], content["score"], polygon, content["area_px"])
