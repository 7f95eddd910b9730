"""Waters, and the pools among them."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from shapely import STRtree

from apps.aviary.finds.joining import FoundObject
from apps.aviary.surfaces.areas import (
    Area,
    compactness,
    in_metres,
    outline_areas,
    without_small_holes,
)
from apps.aviary.surfaces.class_map import ClassMap, Look, Planes
from apps.aviary.surfaces.settings import Classes, MethodSettings, Metres, Share, SquareMetres

Degrees = Annotated[float, Field(ge=0, le=360)]
Colour = tuple[float, float, float]


class WaterSettings(MethodSettings):
    """How waters are outlined.

    Args:
        classes: Codes of water.
        least_m2: Least area of a water [m2].
        hole_m2: Islands below this are closed [m2].
        tolerance_m: How far an outline may leave the edges of pixels, see `OutlineOptions` [m].
    """

    classes: Classes
    least_m2: SquareMetres
    hole_m2: SquareMetres
    tolerance_m: Metres


class PoolSettings(WaterSettings):
    """Which waters are pools.

    Args:
        most_m2: Largest area of a pool [m2].
        least_compactness: See `areas.compactness`, 0 to 1.
        water_m2: Waters above this are no pools, nor is what adjoins them [m2].
        adjoining_m: How near that is [m].
        hue_from_deg: A pool's colour lies between this hue [degrees on the colour circle] ...
        hue_to_deg: ... and this one [degrees].
        least_saturation: A pool's colour is at least so pure, 0 to 1.
    """

    most_m2: SquareMetres
    least_compactness: Share
    water_m2: SquareMetres
    adjoining_m: Metres
    hue_from_deg: Degrees
    hue_to_deg: Degrees
    least_saturation: Share


def find_water(
    ground: ClassMap, settings: WaterSettings, inputs: Mapping[str, Path]
) -> Iterator[FoundObject]:
    """See `Derivation.derive`."""
    with ground.open() as planes:
        for area in _waters(ground, planes, settings):
            score = planes.look(area.polygon).score(settings.classes)
            yield from ground.found("water", area.polygon, score)


def find_pools(
    ground: ClassMap, settings: PoolSettings, inputs: Mapping[str, Path]
) -> Iterator[FoundObject]:
    """See `Derivation.derive`; the outlines of all waters are held until the last is known."""
    with ground.open() as planes:
        waters = list(_waters(ground, planes, settings))
        water_px, most_px = (ground.to_pixels(m2) for m2 in (settings.water_m2, settings.most_m2))
        shapes = [in_metres(area.polygon, ground.pixel_m) for area in waters]
        tree = STRtree([shapes[i] for i, area in enumerate(waters) if area.pixels > water_px])
        for area, shape in zip(waters, shapes, strict=True):
            if area.pixels > most_px or compactness(shape) <= settings.least_compactness:
                continue
            if len(tree.query(shape, predicate="dwithin", distance=settings.adjoining_m)):
                continue
            look = planes.look(area.polygon)
            if _is_blue(_colour(ground, look, settings), settings):
                yield from ground.found("pool", area.polygon, look.score(settings.classes))


def _colour(ground: ClassMap, look: Look, settings: PoolSettings) -> Colour:
    """Return the median colour of the water inside an outline, 0 to 1 each."""
    rows, columns = look.codes.shape
    patch = ground.image.read(look.box, (columns, rows))
    pixels = patch.rgb[look.mask(settings.classes) & patch.valid]
    if not len(pixels):
        return 0.0, 0.0, 0.0
    red, green, blue = (np.median(pixels, axis=0) / 255).tolist()
    return red, green, blue


def _is_blue(colour: Colour, settings: PoolSettings) -> bool:
    hue, saturation, _ = colorsys.rgb_to_hsv(*colour)
    in_range = settings.hue_from_deg <= hue * 360 <= settings.hue_to_deg
    return in_range and saturation >= settings.least_saturation


def _waters(ground: ClassMap, planes: Planes, settings: WaterSettings) -> Iterator[Area]:
    areas = outline_areas(
        ground,
        planes,
        settings.classes,
        least_m2=settings.least_m2,
        tolerance_m=settings.tolerance_m,
    )
    for area in areas:
        polygon = without_small_holes(area.polygon, settings.hole_m2, ground.pixel_m2)
        yield Area(polygon, area.pixels)
