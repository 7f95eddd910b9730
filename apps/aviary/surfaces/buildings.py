"""Outlines of buildings: roofs of all kinds joined, with right angles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from shapely import Polygon

from apps.aviary.finds.joining import FoundObject
from apps.aviary.surfaces.areas import in_metres, in_pixels, outline_areas, without_small_holes
from apps.aviary.surfaces.class_map import ClassMap, Planes
from apps.aviary.surfaces.right_angles import square_up
from apps.aviary.surfaces.settings import Classes, MethodSettings, Metres, Share, SquareMetres
from shared.geo.polygons import clip


class BuildingSettings(MethodSettings):
    """How buildings are outlined.

    Args:
        classes: Codes of roofs.
        least_m2: Least area of a roof [m2].
        least_width_m: What is nowhere wider than this is no roof [m].
        hole_m2: Holes below this are closed [m2].
        tolerance_m: How far an outline may leave the edges of pixels, see `OutlineOptions` [m].
        least_side_m: Shortest side of a squared outline [m].
        min_iou: An outline is squared where at least this IoU is kept.
    """

    classes: Classes
    least_m2: SquareMetres
    least_width_m: Metres
    hole_m2: SquareMetres
    tolerance_m: Metres
    least_side_m: Metres
    min_iou: Share


def find_buildings(
    ground: ClassMap, settings: BuildingSettings, inputs: Mapping[str, Path]
) -> Iterator[FoundObject]:
    """See `Derivation.derive`."""
    with ground.open() as planes:
        for polygon in outline_roofs(ground, planes, settings):
            score = planes.look(polygon).score(settings.classes)
            yield from ground.found("building", polygon, score)


def outline_roofs(
    ground: ClassMap, planes: Planes, settings: BuildingSettings
) -> Iterator[Polygon]:
    """Outline the areas in which roofs lie side by side [px], with right angles.

    Args:
        ground: The class map.
        planes: Its open rasters.
        settings: How roofs are outlined.
    """
    areas = outline_areas(
        ground,
        planes,
        settings.classes,
        least_m2=settings.least_m2,
        tolerance_m=settings.tolerance_m,
    )
    for area in areas:
        whole = without_small_holes(area.polygon, settings.hole_m2, ground.pixel_m2)
        shape = in_metres(whole, ground.pixel_m)
        if shape.buffer(-settings.least_width_m / 2).is_empty:
            continue
        squared = square_up(shape, settings.min_iou, settings.least_side_m)
        polygon = in_pixels(squared, ground.pixel_m)
        yield clip(polygon, ground.info.width, ground.info.height) or whole
