"""What the model finds tile by tile, and the same put together on the grid of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shapely import Polygon
from shapely.geometry import box

from apps.aviary.plan import RunPlan
from shared.contracts.model_server import Instance, InstancesValue
from shared.contracts.provenance import ModelUse
from shared.errors import AnswerMismatch, Cancelled
from shared.geo.polygons import make_polygon
from shared.geo.tiling import Tile

EDGE_TOUCH_PX = 2.0
BOX_FILL = 0.999
DOMAIN_WARNING = "domain_shift"

Corners = tuple[tuple[float, float], ...]
Box = tuple[float, float, float, float]


class Find(NamedTuple):
    """An object as the model reports it, in pixels of its tile; travels as a JSON list.

    Args:
        class_key: Kind of object.
        score: 0 to 1.
        box: Left, upper, right, lower edge [px].
        corners: Outline [px]; empty where it is the box itself.
    """

    class_key: str
    score: float
    box: Box
    corners: Corners = ()


@dataclass(frozen=True, slots=True)
class TileFinds:
    """Everything the model found in one tile, before any threshold.

    Args:
        tile_id: The tile.
        finds: Its objects.
        empty: True where the tile holds no image data and was not sent.
        unusual: True where the model does not know images like this tile.
        domain_distance: Distance of the tile to the training data; None where not stated.
    """

    tile_id: int
    finds: tuple[Find, ...] = ()
    empty: bool = False
    unusual: bool = False
    domain_distance: float | None = None


@dataclass(frozen=True, slots=True)
class FailedTile:
    """A tile without a result; never counted as "nothing found"."""

    tile_id: int
    box_px: Box
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """An object as one tile shows it, on the grid of the plan.

    Args:
        tile: The tile.
        class_key: Kind of object.
        score: 0 to 1.
        polygon: Outline [px of the plan's grid].
        box: Left, upper, right, lower edge [px of the plan's grid].
        cut: True where the object reaches an edge behind which the image goes on.
        unusual: True where the model does not know images like this tile.
        domain_distance: Distance of the tile to the training data; None where not stated.
    """

    tile: Tile
    class_key: str
    score: float
    polygon: Polygon
    box: Box
    cut: bool
    unusual: bool
    domain_distance: float | None


@dataclass(frozen=True, slots=True)
class Detection:
    """Everything the model found in an image, before any threshold.

    Args:
        plan: The tiles.
        parts: Objects of each tile.
        failed: Tiles without a result.
        model: The model that answered; None where no tile had anything to look at.
        empty_tiles: Tiles without image data, not sent.
        unusual_tiles: Tiles unlike the training data; None where the model does not say.
    """

    plan: RunPlan
    parts: tuple[Part, ...]
    failed: tuple[FailedTile, ...]
    model: ModelUse | None
    empty_tiles: int
    unusual_tiles: tuple[int, ...] | None

    @property
    def stopped_tiles(self) -> int:
        """Tiles that nobody looked at, because somebody stopped the run."""
        return sum(one.code == Cancelled.code for one in self.failed)

    @property
    def boxes_only(self) -> bool:
        """True where the model gives upright boxes, so that areas come out too large."""
        return bool(self.parts) and all(
            part.polygon.area >= BOX_FILL * box(*part.box).area for part in self.parts
        )


def read_answer(tile: Tile, value: InstancesValue, warnings: Iterable[str]) -> TileFinds:
    """Take over what the model said about a tile.

    Args:
        tile: The tile that was sent.
        value: The answer.
        warnings: Codes of its warnings.

    Raises:
        AnswerMismatch: The answer is about an image of another size.
    """
    if (value.width, value.height) != (tile.width, tile.height):
        raise AnswerMismatch()
    return TileFinds(
        tile_id=tile.tile_id,
        finds=tuple(_find(instance) for instance in value.instances),
        unusual=DOMAIN_WARNING in warnings,
        domain_distance=value.domain_distance,
    )


def collect(
    plan: RunPlan,
    tiles: Iterable[TileFinds],
    failed: Iterable[FailedTile],
    model: ModelUse | None,
) -> Detection:
    """Put the finds of all tiles on one grid.

    Args:
        plan: The tiles.
        tiles: Finds of every tile that has a result.
        failed: The other tiles.
        model: The model that was asked.
    """
    known = {tile.tile_id: tile for tile in plan.tiles}
    parts: list[Part] = []
    unusual: list[int] = []
    empty = seen = 0
    distances_stated = False
    for finds in sorted(tiles, key=lambda one: one.tile_id):
        if finds.empty:
            empty += 1
            continue
        seen += 1
        distances_stated = distances_stated or finds.domain_distance is not None
        if finds.unusual:
            unusual.append(finds.tile_id)
        parts.extend(_parts(plan, known[finds.tile_id], finds))
    return Detection(
        plan=plan,
        parts=tuple(parts),
        failed=tuple(sorted(failed, key=lambda one: one.tile_id)),
        model=model if seen else None,
        empty_tiles=empty,
        unusual_tiles=tuple(unusual) if distances_stated else None,
    )


def _find(instance: Instance) -> Find:
    corners = tuple(instance.polygon)
    whole = corners == _corners_of(instance.box)
    return Find(instance.class_key, instance.score, instance.box, () if whole else corners)


def _corners_of(edges: Box) -> Corners:
    left, upper, right, lower = edges
    return (left, upper), (right, upper), (right, lower), (left, lower)


def _parts(plan: RunPlan, tile: Tile, finds: TileFinds) -> Iterator[Part]:
    edges = tile.inner_edges(plan.width, plan.height)
    for one in finds.finds:
        corners = one.corners or _corners_of(one.box)
        polygon = make_polygon([(x + tile.x0, y + tile.y0) for x, y in corners])
        if polygon is None:
            continue
        left, upper, right, lower = one.box
        outer = (left + tile.x0, upper + tile.y0, right + tile.x0, lower + tile.y0)
        yield Part(
            tile=tile,
            class_key=one.class_key,
            score=one.score,
            polygon=polygon,
            box=outer,
            cut=_touches(polygon.bounds, tile, edges) or _touches(outer, tile, edges),
            unusual=finds.unusual,
            domain_distance=finds.domain_distance,
        )


def _touches(outer: Box, tile: Tile, edges: tuple[bool, bool, bool, bool]) -> bool:
    """Tell whether something reaches an inner edge; masks of a model often end just before it."""
    left, upper, right, lower = outer
    x0, y0, x1, y1 = tile.box
    gaps = (left - x0, upper - y0, x1 - right, y1 - lower)
    return any(inner and gap <= EDGE_TOUCH_PX for inner, gap in zip(edges, gaps, strict=True))
