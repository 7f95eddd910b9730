"""Objects that a method made whole: how well the model knows the places where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from shapely import Point, STRtree
from shapely.geometry import box

from apps.aviary.finds.joining import FoundObject
from apps.aviary.objects import TileFinds
from apps.aviary.plan import RunPlan
from apps.aviary.recipes import Recipe


def mark_doubtful(
    found: Iterable[FoundObject], plan: RunPlan, tiles: Sequence[TileFinds], recipe: Recipe
) -> Iterator[FoundObject]:
    """Mark objects of little certainty, and those on tiles that the model does not know.

    Args:
        found: Objects [px of the image].
        plan: All tiles of the image.
        tiles: What is known about those that were looked at.
        recipe: Says which score is little.
    """
    seen = [one for one in tiles if not one.empty]
    boxes = [box(*plan.source_box(plan.tiles[one.tile_id])) for one in seen]
    tree = STRtree(boxes)
    for one in found:
        place = one.polygon.representative_point()
        around = [int(index) for index in tree.query(place)]
        doubtful = one.doubtful or one.score < recipe.doubtful_below
        if around:
            tile = seen[min(around, key=lambda index: (_far(boxes[index].centroid, place), index))]
            doubtful = doubtful or tile.unusual
            one = replace(one, domain_distance=tile.domain_distance)
        yield replace(one, doubtful=doubtful)


def _far(centre: Point, place: Point) -> float:
    return float(centre.distance(place))
