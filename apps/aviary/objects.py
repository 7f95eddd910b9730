"""Find objects tile by tile and join them to whole ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from PIL import Image
from shapely import Polygon
from shapely.geometry import box

from apps.aviary.plan import RunPlan
from shared.contracts.model_server import ErrorText, InstancesValue, ModelIdentity
from shared.errors import AnswerMismatch
from shared.geo.polygons import make_polygon
from shared.geo.raster import RasterSource, Rgb, read_resampled
from shared.geo.tiling import Tile

EDGE_TOUCH_PX = 2.0
BOX_FILL = 0.999
DOMAIN_WARNING = "domain_shift"


@dataclass(frozen=True, slots=True)
class TileImage:
    """One tile on its way to the model, as lossless PNG."""

    tile_id: int
    png: bytes


@dataclass(frozen=True, slots=True)
class TileAnswer:
    """What the model said about one tile: a value, or an error of this tile alone."""

    tile_id: int
    value: InstancesValue | None = None
    model: ModelIdentity | None = None
    warnings: tuple[str, ...] = ()
    error: ErrorText | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model's card says about how to use it.

    Args:
        gsd_m: Ground sampling distance the model sees best [m]; None takes the recipe's.
        threshold: Calibrated least score of a find; None takes the recipe's.
    """

    gsd_m: float | None = None
    threshold: float | None = None


class Predictor(Protocol):
    """Looks at tiles; the model server, or a double in tests."""

    def facts(self) -> ModelFacts:
        """Return what the model's card says.

        Raises:
            ModelServerError: The model server cannot answer.
            ModelMissing: It has no such model.
        """
        ...

    def predict(self, tiles: Iterable[TileImage], gsd_m: float) -> Iterator[TileAnswer]:
        """Yield one answer per tile, in any order.

        Args:
            tiles: Read lazily.
            gsd_m: Ground sampling distance of the tiles [m].

        Raises:
            ModelServerError: The model server cannot answer.
        """
        ...


Progress = Callable[[int, int], None]


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
    box: tuple[float, float, float, float]
    cut: bool
    unusual: bool
    domain_distance: float | None


@dataclass(frozen=True, slots=True)
class FailedTile:
    """A tile without a result; never counted as "nothing found"."""

    tile_id: int
    box_px: tuple[float, float, float, float]
    code: str
    message: str


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
    model: ModelIdentity | None
    empty_tiles: int
    unusual_tiles: tuple[int, ...] | None

    @property
    def boxes_only(self) -> bool:
        """True where the model gives upright boxes, so that areas come out too large."""
        return bool(self.parts) and all(
            part.polygon.area >= BOX_FILL * box(*part.box).area for part in self.parts
        )


def detect(
    source: RasterSource,
    plan: RunPlan,
    predictor: Predictor,
    on_progress: Progress | None = None,
) -> Detection:
    """Send every tile of an image to a model once.

    Args:
        source: The open image.
        plan: Its tiles.
        predictor: Looks at the tiles.
        on_progress: Called with finished tiles and all tiles.

    Raises:
        DamagedImage: The image breaks off.
        AnswerMismatch: An answer is missing, double or belongs to no tile.
        UrbanKiError: Whatever the predictor raises.
    """
    empty: list[int] = []
    answers: dict[int, TileAnswer] = {}
    for answer in predictor.predict(_tile_images(source, plan, empty), plan.gsd_m):
        if answer.tile_id in answers:
            raise AnswerMismatch()
        answers[answer.tile_id] = answer
        if on_progress is not None:
            on_progress(len(answers) + len(empty), len(plan.tiles))
    if set(answers) != {tile.tile_id for tile in plan.tiles} - set(empty):
        raise AnswerMismatch()
    return _collect(plan, answers, len(empty))


def encode_png(rgb: Rgb) -> bytes:
    """Write pixels as PNG; the fastest level, since the bytes travel only inside the machine."""
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "PNG", compress_level=1)
    return target.getvalue()


def _tile_images(source: RasterSource, plan: RunPlan, empty: list[int]) -> Iterator[TileImage]:
    for tile in plan.tiles:
        patch = read_resampled(source, plan.source_box(tile), (tile.width, tile.height))
        if patch.empty:
            empty.append(tile.tile_id)
        else:
            yield TileImage(tile.tile_id, encode_png(patch.rgb))


def _collect(plan: RunPlan, answers: dict[int, TileAnswer], empty_tiles: int) -> Detection:
    parts: list[Part] = []
    failed: list[FailedTile] = []
    unusual: list[int] = []
    distances_stated = False
    tiles = {tile.tile_id: tile for tile in plan.tiles}
    for tile_id in sorted(answers):
        answer, tile = answers[tile_id], tiles[tile_id]
        if answer.value is None:
            error = answer.error or ErrorText(code="unbekannt", message="")
            failed.append(FailedTile(tile_id, plan.source_box(tile), error.code, error.message))
            continue
        distances_stated = distances_stated or answer.value.domain_distance is not None
        if DOMAIN_WARNING in answer.warnings:
            unusual.append(tile_id)
        parts.extend(_tile_parts(plan, tile, answer.value, DOMAIN_WARNING in answer.warnings))
    model = next((answers[tile_id].model for tile_id in sorted(answers)), None)
    return Detection(
        plan=plan,
        parts=tuple(parts),
        failed=tuple(failed),
        model=model,
        empty_tiles=empty_tiles,
        unusual_tiles=tuple(unusual) if distances_stated else None,
    )


def _tile_parts(plan: RunPlan, tile: Tile, value: InstancesValue, unusual: bool) -> Iterator[Part]:
    if (value.width, value.height) != (tile.width, tile.height):
        raise AnswerMismatch()
    edges = tile.inner_edges(plan.width, plan.height)
    for instance in value.instances:
        polygon = make_polygon([(x + tile.x0, y + tile.y0) for x, y in instance.polygon])
        if polygon is None:
            continue
        left, upper, right, lower = instance.box
        yield Part(
            tile=tile,
            class_key=instance.class_key,
            score=instance.score,
            polygon=polygon,
            box=(left + tile.x0, upper + tile.y0, right + tile.x0, lower + tile.y0),
            cut=_touches(polygon, tile, edges),
            unusual=unusual,
            domain_distance=value.domain_distance,
        )


def _touches(polygon: Polygon, tile: Tile, edges: tuple[bool, bool, bool, bool]) -> bool:
    left, upper, right, lower = polygon.bounds
    x0, y0, x1, y1 = tile.box
    gaps = (left - x0, upper - y0, x1 - right, y1 - lower)
    return any(inner and gap <= EDGE_TOUCH_PX for inner, gap in zip(edges, gaps, strict=True))
