"""Turn the parts of all tiles into whole objects above a threshold; no model is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from shapely import MultiPolygon, Polygon, STRtree, affinity, union_all
from shapely.geometry import box

from apps.aviary.objects import Detection, Part
from apps.aviary.recipes import Recipe
from shared.geo.polygons import (
    clip,
    intersection_over_union,
    largest_part,
    regularise_rectangle,
    shared_area,
    suppress_duplicates,
    tidy,
)
from shared.geo.raster import RasterInfo

SAME_OBJECT_IOU = 0.3
SAME_OBJECT_CONTAINMENT = 0.7
HELD_WHOLE_SHARE = 0.5
LEAST_SHARE_IN_AREA = 0.5
CONTINUES_SHARE = 0.5
"""A cut object may go on in another tile with this share of the threshold: the model is less sure
of a part than of the whole, and an object must not end where a tile does."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One found object in pixels of the image, x right, y down from the outer upper left corner.

    Args:
        object_id: 1 for the highest score.
        class_key: Kind of object.
        score: 0 to 1, calibrated as the model's card says.
        polygon: Outline [px].
        area_px: Area of the outline [px].
        area_m2: Ground area of the outline as seen from above [m2].
        bbox_px: Left, upper, right, lower edge [px].
        doubtful: True where a person should look twice.
        domain_distance: Distance of the tile to the training data; None where not stated.
        figures: More about the object, each with its name and unit, such as ("green_m2", 31.5).
    """

    object_id: int
    class_key: str
    score: float
    polygon: Polygon
    area_px: float
    area_m2: float
    bbox_px: tuple[float, float, float, float]
    doubtful: bool
    domain_distance: float | None
    figures: tuple[tuple[str, float], ...] = ()


def find_objects(
    detection: Detection,
    info: RasterInfo,
    recipe: Recipe,
    *,
    threshold: float,
    min_area_m2: float,
    area_px: MultiPolygon | None = None,
) -> tuple[FoundObject, ...]:
    """Join parts to objects and keep what is good and large enough.

    Args:
        detection: What the model found.
        info: The image.
        recipe: How outlines are joined and simplified.
        threshold: Least score, 0 to 1.
        min_area_m2: Least ground area [m2].
        area_px: Objects lying mostly outside are left out, in pixels of the image.

    Returns:
        Objects in a fixed order: best score first, equal scores by place.
    """
    parts = [part for part in detection.parts if part.score >= threshold * CONTINUES_SHARE]
    joined = [part for part in merge_across_tiles(parts, threshold) if part.score >= threshold]
    kept = suppress_duplicates(
        [part.polygon for part in joined], [part.score for part in joined], recipe.duplicate_iou
    )
    found = [_to_object(joined[index], detection, info, recipe) for index in kept]
    return in_order(
        one
        for one in found
        if one is not None and one.area_m2 >= min_area_m2 and is_inside(one.polygon, area_px)
    )


def in_order(objects: Iterable[FoundObject]) -> tuple[FoundObject, ...]:
    """Number objects in a fixed order: best score first, equal scores by place."""
    wanted = sorted(objects, key=lambda one: (-one.score, one.bbox_px, one.class_key))
    return tuple(replace(one, object_id=number) for number, one in enumerate(wanted, start=1))


def merge_across_tiles(parts: Sequence[Part], threshold: float = 0.0) -> list[Part]:
    """Join the parts of objects that tile edges cut.

    A cut part that another tile shows whole is dropped, the whole one keeps the better score. Cut
    parts of one class from different tiles that agree inside the strip both tiles share are united.

    Args:
        parts: Parts of all tiles.
        threshold: Parts below this score only continue better ones, 0 to 1; two of them are not
            joined with each other.
    """
    whole, cut = _absorb_cut(list(parts), threshold)
    groups = _group(cut, threshold)
    return [*whole, *(_unite([cut[index] for index in group]) for group in groups)]


def _absorb_cut(parts: list[Part], threshold: float) -> tuple[list[Part], list[Part]]:
    whole = [part for part in parts if not part.cut]
    tree = STRtree([part.polygon for part in whole])
    best = [part.score for part in whole]
    remaining: list[Part] = []
    for part in (one for one in parts if one.cut):
        holders = [
            index
            for index in (int(one) for one in tree.query(part.polygon))
            if _holds(whole[index], part)
        ]
        alike = {index: _agreement(whole[index], part) for index in holders}
        holder = max(holders, key=lambda index: (alike[index], -index), default=None)
        if holder is not None and alike[holder] >= HELD_WHOLE_SHARE:
            best[holder] = max(best[holder], part.score)
        elif all(whole[index].score < threshold for index in holders):
            remaining.append(part)
    return [replace(part, score=best[i]) for i, part in enumerate(whole)], remaining


def _holds(whole: Part, part: Part) -> bool:
    """Tell whether a tile shows whole what another one cuts."""
    if whole.tile == part.tile or whole.class_key != part.class_key:
        return False
    return bool(shared_area(part.polygon, whole.polygon) >= HELD_WHOLE_SHARE * part.polygon.area)


def _agreement(whole: Part, part: Part) -> float:
    """Return how much a cut part looks like what its tile can see of a whole object, 0 to 1.

    A roof holds the modules on it too, but is no such object.
    """
    seen = whole.polygon.intersection(box(*part.tile.box))
    return intersection_over_union(seen, part.polygon)


def _group(parts: list[Part], threshold: float) -> list[list[int]]:
    leader = list(range(len(parts)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    tree = STRtree([part.polygon for part in parts])
    for first, part in enumerate(parts):
        for second in sorted(int(index) for index in tree.query(part.polygon)):
            if second > first and _same_object(part, parts[second], threshold):
                low, high = sorted((find(first), find(second)))
                leader[high] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(parts)):
        groups[find(index)].append(index)
    return [groups[key] for key in sorted(groups)]


def _same_object(first: Part, second: Part, threshold: float) -> bool:
    if first.tile == second.tile or first.class_key != second.class_key:
        return False
    if max(first.score, second.score) < threshold:
        return False
    strip = box(*first.tile.box).intersection(box(*second.tile.box))
    one, other = first.polygon.intersection(strip), second.polygon.intersection(strip)
    smaller = min(one.area, other.area)
    if smaller <= 0:
        return False
    overlap = intersection_over_union(one, other)
    if min(first.score, second.score) < threshold:
        return overlap >= HELD_WHOLE_SHARE
    return overlap > SAME_OBJECT_IOU or shared_area(one, other) / smaller > SAME_OBJECT_CONTAINMENT


def _unite(parts: list[Part]) -> Part:
    best = max(parts, key=lambda part: part.score)
    if len(parts) == 1:
        return best
    polygon = largest_part(union_all([part.polygon for part in parts])) or best.polygon
    corners = np.array([part.box for part in parts])
    low, high = corners.min(axis=0), corners.max(axis=0)
    edges = (float(low[0]), float(low[1]), float(high[2]), float(high[3]))
    return replace(best, polygon=polygon, box=edges, unusual=any(part.unusual for part in parts))


def _to_object(
    part: Part, detection: Detection, info: RasterInfo, recipe: Recipe
) -> FoundObject | None:
    shape = tidy(part.polygon, recipe.simplify_px)
    shape = regularise_rectangle(shape, recipe.rectangle_iou)
    plan = detection.plan
    scaled = affinity.scale(shape, plan.scale_x, plan.scale_y, origin=(0, 0))
    polygon = clip(scaled, info.width, info.height)
    if polygon is None:
        return None
    pixel_m2 = (info.pixel_width_m or 0.0) * (info.pixel_height_m or 0.0)
    return FoundObject(
        object_id=0,
        class_key=part.class_key,
        score=part.score,
        polygon=polygon,
        area_px=polygon.area,
        area_m2=polygon.area * pixel_m2,
        bbox_px=_image_box(part, detection, info),
        doubtful=part.score < recipe.doubtful_below or part.unusual,
        domain_distance=part.domain_distance,
    )


def _image_box(
    part: Part, detection: Detection, info: RasterInfo
) -> tuple[float, float, float, float]:
    plan = detection.plan
    left, upper, right, lower = part.box
    return (
        max(0.0, left * plan.scale_x),
        max(0.0, upper * plan.scale_y),
        min(float(info.width), right * plan.scale_x),
        min(float(info.height), lower * plan.scale_y),
    )


def is_inside(polygon: Polygon, area_px: MultiPolygon | None) -> bool:
    """Tell whether at least half of an object lies in the area that counts; None is everywhere."""
    if area_px is None:
        return True
    return bool(shared_area(polygon, area_px) >= LEAST_SHARE_IN_AREA * polygon.area)
