"""Recipes of kind `similar`: places of an image ranked by how much they look like examples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shapely import MultiPolygon, STRtree
from shapely.geometry import Point, box

from apps.aviary.class_maps.map_file import VALUES_FILE
from apps.aviary.commands.origin import timeless_origin
from apps.aviary.finds.joining import FoundObject, is_inside
from apps.aviary.finds.whole_detection import whole_detection
from apps.aviary.inference import look_at_places
from apps.aviary.inputs.examples import Examples, Place, read_examples
from apps.aviary.inputs.run_image import encode_png
from apps.aviary.kinds.cells import TileCells, pack, unpack
from apps.aviary.kinds.ground import NO_VALUE, values_layout
from apps.aviary.kinds.known_tiles import KnownTiles
from apps.aviary.kinds.objects_method import write_found
from apps.aviary.kinds.row_file import STRIP_ROWS
from apps.aviary.objects import FailedTile, TileFinds
from apps.aviary.plan import RunPlan
from apps.aviary.preflight import no_data_share
from apps.aviary.recipes import Recipe
from apps.aviary.similar import Scores, SquareGrid, Vectors, find_space, fit, rank_cells
from apps.aviary.work import Work, area_of, failed_tile, stopped_tile
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import RecipeBroken
from shared.geo.cache import tile_key
from shared.geo.export import Strip, write_cog
from shared.geo.raster import Patch, Rgb
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.settings import get_settings
from shared.store.local_files import disk_errors

METHOD = "examples"
LEAST_VALID = 0.5
"""Share of a square that must hold data."""
CHUNK = 4096
NUMBER = np.dtype("<f2")
"""How vectors of length 1 are kept."""

Square = tuple[int, int]


class SimilarSettings(BaseModel):
    """Keys of `[method]`: side of a cell [m], most cells that are listed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell_m: Annotated[float, Field(gt=0, le=500)]
    most: Annotated[int, Field(ge=1, le=1000)]

    def grid(self, plan: RunPlan) -> SquareGrid:
        """Return the squares of an image; four of them are a cell."""
        return SquareGrid.over(plan.width, plan.height, self.side_px(plan.gsd_m))

    def side_px(self, gsd_m: float) -> int:
        """Return the side of a square [px of the plan]."""
        return max(1, round(self.cell_m / 2 / gsd_m))


def read_settings(recipe: Recipe) -> SimilarSettings:
    """Check what a recipe tells this method.

    Raises:
        RecipeBroken: A key is missing, unknown or wrong.
    """
    if recipe.method != METHOD:
        raise RecipeBroken(name=recipe.recipe_id, reason="method.name")
    try:
        settings = SimilarSettings.model_validate(dict(recipe.settings))
    except ValidationError as cause:
        where = ".".join(["method", *(str(part) for part in cause.errors()[0]["loc"])])
        raise RecipeBroken(name=recipe.recipe_id, reason=where) from cause
    if settings.side_px(recipe.gsd_native_m) > recipe.overlap_px:
        raise RecipeBroken(name=recipe.recipe_id, reason="tiles.overlap_px")
    return settings


class SimilarMethod:
    """Send the squares of each tile to a model of vectors, then rank all cells."""

    def check(self, recipe: Recipe) -> None:
        """See `Method.check`."""
        read_settings(recipe)

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """See `Method.check_files`: examples must lie in the image."""
        _examples(work, ctx)

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`; examples are looked at with the tile that is nearest."""
        grid = read_settings(work.recipe).grid(plan)
        patch = work.image.read(plan.source_box(tile), (tile.width, tile.height))
        squares = [
            one
            for one in _own_squares(grid, plan, tile)
            if _holds_data(_cut(patch, grid, tile, one))
        ]
        crops = [_cut(patch, grid, tile, one).rgb for one in squares]
        examples = _examples(work, ctx).all
        own = _own_examples(work.plan(area_of(work, ctx)), tile, examples)
        crops += [_around(work, plan, grid, examples[one]) for one in own]
        told: dict[str, Any] = {"tile_id": tile.tile_id, "empty": not squares}
        if not crops:
            return UnitResult(told)
        vectors, use = _vectors(work, crops, ctx)
        values = vectors.view(np.uint8)[None]
        file = ctx.write(
            f"tile-{tile.tile_id}.vectors", pack(TileCells(values)), "application/octet-stream"
        )
        told |= {"squares": squares, "examples": own, "shape": list(values.shape)}
        return UnitResult(told, file, (use,))

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write `detection.json` and a picture; figures at the usual threshold."""
        area, plan = area_of(work, ctx), work.plan()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stack.enter_context(disk_errors(folder))
            file = stack.enter_context((folder / "vectors").open("w+b"))
            told = _Told(plan, {tile.tile_id for tile in work.plan(area).tiles}, file)
            told.take(outcomes, ctx)
            scores = _scores(work, told, _examples(work, ctx))
            heat = _write_heat(work, scores, folder, ctx)
        content = whole_detection(
            work,
            area,
            _ranked(work, area, scores, _examples(work, ctx)),
            tiles=told.seen,
            failed=told.failed,
            nodata_share=no_data_share(work.image.overview),
        )
        summary = write_found(work, content, ctx)
        return replace(summary, files=(*summary.files, heat))


def _examples(work: Work, ctx: JobContext) -> Examples:
    path = work.input(ctx, "examples")
    if path is None:
        raise RecipeBroken(name=work.recipe.recipe_id, reason="needs.inputs")
    return read_examples(path, work.image.info)


def _own_squares(grid: SquareGrid, plan: RunPlan, tile: Tile) -> list[Square]:
    """Return the squares that lie wholly in a tile and in none before it."""
    x0, y0, x1, y1 = tile.box
    before = [
        other.box
        for other in plan.tiles[: tile.tile_id]
        if other.box[0] < x1 and other.box[2] > x0 and other.box[1] < y1 and other.box[3] > y0
    ]
    taken = {one for box_px in before for one in grid.inside(box_px)}
    return [one for one in grid.inside(tile.box) if one not in taken]


def _own_examples(plan: RunPlan, tile: Tile, places: Sequence[Place]) -> list[int]:
    """Return which examples are nearest to a tile of those that are looked at."""
    boxes = STRtree([box(*plan.source_box(one)) for one in plan.tiles])
    points = [Point(place) for place in places]
    pairs = boxes.query_nearest(points)
    nearest: dict[int, int] = {}
    for example, number in zip(*pairs.tolist(), strict=True):
        tile_id = plan.tiles[number].tile_id
        nearest[example] = min(tile_id, nearest.get(example, tile_id))
    return [example for example, tile_id in sorted(nearest.items()) if tile_id == tile.tile_id]


def _cut(patch: Patch, grid: SquareGrid, tile: Tile, square: Square) -> Patch:
    left, upper, right, lower = grid.box(*square)
    part = np.s_[upper - tile.y0 : lower - tile.y0, left - tile.x0 : right - tile.x0]
    return Patch(patch.rgb[part], patch.valid[part])


def _holds_data(patch: Patch) -> bool:
    return not patch.empty and float(patch.valid.mean()) >= LEAST_VALID


def _around(work: Work, plan: RunPlan, grid: SquareGrid, place: Place) -> Rgb:
    """Read a square around a place; near an edge it is moved into the image."""
    sides = grid.side[0] * plan.scale_x, grid.side[1] * plan.scale_y
    info = work.image.info
    left, upper = (
        min(max(0.0, centre - side / 2), max(0.0, length - side))
        for centre, side, length in zip(place, sides, (info.width, info.height), strict=True)
    )
    return work.image.read((left, upper, left + sides[0], upper + sides[1]), grid.side).rgb


def _vectors(work: Work, crops: Sequence[Rgb], ctx: JobContext) -> tuple[Vectors, ModelUse]:
    """Ask the model about squares, or take what it has said about the same pixels before."""
    model = work.parameters.pinned_model
    use = ModelUse(model.name, model.version, model.sha256)
    tiles = KnownTiles.of(get_settings(), use_cache=work.parameters.use_cache)
    asked = model.asked("vector", work.plan().gsd_m)
    keys = [tile_key(one, model.sha256, asked) for one in crops]
    known = [tiles.find(key) for key in keys]
    missing = [number for number, one in enumerate(known) if one is None]
    if missing:
        pngs = [encode_png(crops[number]) for number in missing]
        vectors, use = look_at_places(ctx.models, model, pngs)
        for number, vector in zip(missing, vectors.astype(NUMBER), strict=True):
            known[number] = {"vector": vector}
            tiles.keep(keys[number], {"vector": vector})
    return np.stack([one["vector"] for one in known if one is not None]), use


@dataclass(slots=True)
class _Told:
    """What the tiles tell; the vectors of their squares go to a file.

    Args:
        plan: All tiles of the image.
        waiting: Tiles that are to be looked at and of which nothing is known yet.
        file: Takes the vectors.
    """

    plan: RunPlan
    waiting: set[int]
    file: BinaryIO
    squares: list[Square] = field(default_factory=list)
    examples: dict[int, Vectors] = field(default_factory=dict)
    seen: list[TileFinds] = field(default_factory=list)
    failed: list[FailedTile] = field(default_factory=list)
    length: int = 0

    def take(self, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> None:
        """Read what became of all tiles."""
        for one in outcomes:
            tile_id = int(one.key)
            if one.data is not None:
                self._take(one.data, tile_id, one, ctx)
            elif one.error_code is not None:
                self.failed.append(failed_tile(one, one.error_code, self.plan))
            else:
                continue
            self.waiting.discard(tile_id)
        self.failed.extend(stopped_tile(self.plan, tile_id) for tile_id in sorted(self.waiting))
        self.failed.sort(key=lambda one: one.tile_id)

    def _take(
        self, data: Mapping[str, Any], tile_id: int, one: UnitOutcome, ctx: JobContext
    ) -> None:
        self.seen.append(TileFinds(tile_id, empty=data["empty"]))
        if one.file is None:
            return
        layers, rows, columns = data["shape"]
        content = unpack(ctx.read(one.file), (layers, rows, columns), one.file.name)
        vectors = content[0].view(NUMBER)
        self.length = vectors.shape[1]
        squares = [(row, column) for row, column in data["squares"]]
        self.squares += squares
        self.file.write(np.ascontiguousarray(vectors[: len(squares)]).data)
        self.examples |= dict(zip(data["examples"], vectors[len(squares) :], strict=True))

    def chunks(self) -> Iterator[Vectors]:
        """Give the vectors of all squares, some thousand at a time."""
        size = self.length * NUMBER.itemsize
        self.file.seek(0)
        while content := self.file.read(CHUNK * size):
            yield np.frombuffer(content, dtype=NUMBER).reshape(-1, self.length)

    def those(self, numbers: range) -> Vectors:
        """Return the vectors of some examples; those of failed tiles are missing."""
        known = [self.examples[one] for one in numbers if one in self.examples]
        return np.stack(known) if known else np.zeros((0, self.length), dtype=NUMBER)


def _scores(work: Work, told: _Told, examples: Examples) -> Scores:
    """Return how similar each square is, shape (rows, columns); NaN where nothing is known."""
    count = len(examples.wanted)
    wanted, unwanted = told.those(range(count)), told.those(range(count, len(examples.all)))
    grid = read_settings(work.recipe).grid(told.plan)
    scores: Scores = np.full(grid.shape, np.nan, dtype=np.float32)
    if len(wanted) and told.squares:
        ranking = fit(wanted, unwanted, find_space(told.chunks()))
        scores[tuple(np.array(told.squares).T)] = np.concatenate(
            [ranking.scores(chunk) for chunk in told.chunks()]
        )
    return scores


def _ranked(
    work: Work, area: MultiPolygon | None, scores: Scores, examples: Examples
) -> Iterator[FoundObject]:
    settings, plan = read_settings(work.recipe), work.plan()
    known = [(x / plan.scale_x, y / plan.scale_y) for x, y in examples.all]
    info = work.image.info
    pixel_m2 = (info.pixel_width_m or 1.0) * (info.pixel_height_m or 1.0)
    for one in rank_cells(settings.grid(plan), scores, known, settings.most):
        left, upper, right, lower = one.box
        polygon = box(
            left * plan.scale_x, upper * plan.scale_y, right * plan.scale_x, lower * plan.scale_y
        )
        if is_inside(polygon, area):
            yield FoundObject(
                object_id=0,
                class_key=work.recipe.classes[0].key,
                score=one.score,
                polygon=polygon,
                area_px=polygon.area,
                area_m2=polygon.area * pixel_m2,
                bbox_px=polygon.bounds,
                doubtful=False,
                domain_distance=None,
            )


def _write_heat(work: Work, scores: Scores, folder: Path, ctx: JobContext) -> StoredFile:
    """Keep the similarity of each pixel's square as GeoTIFF, float32."""
    info, plan = work.image.info, work.plan()
    grid = read_settings(work.recipe).grid(plan)
    rows = _square_of_each(info.height, grid.y0, plan.scale_y)
    columns = _square_of_each(info.width, grid.x0, plan.scale_x)
    known = np.where(np.isnan(scores), np.float32(NO_VALUE), scores)
    strips = (
        Strip(known[np.ix_(rows[y0 : y0 + STRIP_ROWS], columns)][None])
        for y0 in range(0, info.height, STRIP_ROWS)
    )
    path = folder / VALUES_FILE
    model = work.parameters.pinned_model
    origin = timeless_origin(info, work.recipe, ModelUse(model.name, model.version, model.sha256))
    write_cog(path, strips, values_layout(info), origin)
    with path.open("rb") as stream:
        return ctx.write(VALUES_FILE, stream, "image/tiff")


def _square_of_each(length: int, edges: tuple[int, ...], scale: float) -> NDArray[np.intp]:
    """Return the number of the last square that holds each pixel of an axis."""
    places = (np.arange(length) + 0.5) / scale
    return np.searchsorted(np.array(edges), places, side="right") - 1
