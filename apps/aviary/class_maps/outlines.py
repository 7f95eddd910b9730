"""Outlines of the areas of a class map, with the mean confidence of each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely import Polygon

from apps.aviary.kinds.row_file import RowFile
from shared.geo.nodata import NO_DATA
from shared.geo.vectorise import OutlineOptions, polygonise

MOST_SAMPLES = 1_000_000
"""Of larger areas every n-th pixel is looked at for the mean confidence."""
DIGITS = 2
_ON_PIXELS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

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


def outline_classes(
    codes: RowFile, confidence: RowFile, options: OutlineOptions
) -> Iterator[Outline]:
    """Outline all areas of a class map; one strip is held at a time.

    Args:
        codes: Class of each pixel.
        confidence: Confidence of each pixel [%].
        options: How outlines are made, in pixels instead of metres.
    """
    for one in polygonise(codes.strips(), _ON_PIXELS, options):
        score = _mean_confidence(one.polygon, one.code, codes, confidence)
        yield Outline(one.code, score, one.polygon, one.pixels)


def _mean_confidence(polygon: Polygon, code: int, codes: RowFile, confidence: RowFile) -> float:
    left, upper, right, lower = (math.floor(edge) for edge in polygon.bounds)
    right, lower = max(right, left + 1), min(max(lower, upper + 1), codes.rows)
    step = math.ceil(math.sqrt((right - left) * (lower - upper) / MOST_SAMPLES)) or 1
    window = np.s_[:, left:right:step]
    found = codes.read(upper, lower, step)[window]
    inside = rasterize(
        [polygon],
        found.shape,
        transform=Affine(step, 0, left, 0, step, upper),
        dtype=np.uint8,
        all_touched=True,
    ).astype(bool) & (found == code)
    sure = confidence.read(upper, lower, step)[window][inside]
    sure = sure[sure != NO_DATA]
    return float(sure.mean()) / 100 if sure.size else 0.0


def to_lines(outlines: Iterable[Outline]) -> Iterator[bytes]:
    """Write outlines as lines of JSON, one each."""
    for one in outlines:
        rings = [one.polygon.exterior, *one.polygon.interiors]
        content = {
            "code": one.code,
            "score": round(one.score, 4),
            "area_px": one.area_px,
            "rings": [
                [[round(x, DIGITS), round(y, DIGITS)] for x, y in ring.coords] for ring in rings
            ],
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
