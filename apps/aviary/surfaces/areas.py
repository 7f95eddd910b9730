"""Connected areas of some classes of a class map, outlined in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from shapely import Polygon, affinity

from apps.aviary.surfaces.class_map import ClassMap, Codes, Planes
from shared.geo.nodata import NO_DATA
from shared.geo.vectorise import ON_PIXELS, OutlineOptions, polygonise

_WANTED = 0
LEAST_SPECK_M2 = 1.0
"""Smaller specks are cleared before anything is outlined; a limit for memory, not for results."""


@dataclass(frozen=True, slots=True)
class Area:
    """A connected area of some classes.

    Args:
        polygon: Outline with holes [px].
        pixels: Pixels of these classes in it.
    """

    polygon: Polygon
    pixels: int


def outline_areas(
    ground: ClassMap, planes: Planes, classes: Sequence[int], *, least_m2: float, tolerance_m: float
) -> Iterator[Area]:
    """Outline the areas in which some classes lie side by side; a few strips are held at a time.

    Args:
        ground: The class map.
        planes: Its open rasters.
        classes: Codes that belong together.
        least_m2: Least ground area of these classes [m2].
        tolerance_m: See `OutlineOptions` [m].
    """
    options = OutlineOptions(
        classes=(_WANTED,),
        least_m2=min(least_m2, LEAST_SPECK_M2) / ground.pixel_m2,
        tolerance_m=tolerance_m / ground.gsd_m,
    )
    least_px = ground.to_pixels(least_m2)
    table = np.full(256, NO_DATA, dtype=np.uint8)
    table[list(classes)] = _WANTED
    for one in polygonise(_marked(planes, table), ON_PIXELS, options):
        if one.pixels >= least_px:
            yield Area(one.polygon, one.pixels)


def _marked(planes: Planes, table: Codes) -> Iterator[Codes]:
    for strip in planes.strips():
        yield table[strip]


def without_small_holes(polygon: Polygon, hole_m2: float, pixel_m2: float) -> Polygon:
    """Close holes smaller than a size.

    Args:
        polygon: Outline [px].
        hole_m2: Holes below this are closed [m2].
        pixel_m2: Ground area of a pixel [m2].
    """
    kept = [ring for ring in polygon.interiors if Polygon(ring).area * pixel_m2 >= hole_m2]
    return Polygon(polygon.exterior, kept)


def in_metres(polygon: Polygon, pixel_m: tuple[float, float]) -> Polygon:
    """Return an outline [px] in metres from the image's upper left corner, y down."""
    return affinity.scale(polygon, *pixel_m, origin=(0, 0))


def in_pixels(polygon: Polygon, pixel_m: tuple[float, float]) -> Polygon:
    """Return an outline in metres, see `in_metres`, in pixels."""
    return affinity.scale(polygon, 1 / pixel_m[0], 1 / pixel_m[1], origin=(0, 0))


def compactness(polygon: Polygon) -> float:
    """Return how round an outline is: 4 pi area / length^2, 1 for a circle (Polsby, Popper 1991).

    Args:
        polygon: Outline in a plane with equal units in both axes.
    """
    length = polygon.exterior.length
    return 4 * math.pi * polygon.area / length**2 if length else 0.0
