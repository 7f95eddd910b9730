"""Recipes of kind `change`: land cover of two images of one place, compared pixel by pixel."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely import MultiPolygon

from apps.aviary.class_maps.outlines import Outline, outline_classes
from apps.aviary.finds.analysis import refuse
from apps.aviary.finds.joining import FoundObject, is_inside
from apps.aviary.finds.whole_detection import whole_detection
from apps.aviary.inputs.beside import compare_images, place_beside, read_beside
from apps.aviary.inputs.valid_rows import Mask, ValidRows
from apps.aviary.kinds.cells import TileCells, pack
from apps.aviary.kinds.change import Codes, Vintages, find_changes, transition_table, usual_class
from apps.aviary.kinds.ground import ToldTiles, ask_about_cells, ground_groups
from apps.aviary.kinds.objects_method import write_found
from apps.aviary.kinds.row_file import STRIP_ROWS, RowFile
from apps.aviary.plan import RunPlan
from apps.aviary.recipes import Recipe
from apps.aviary.semantic import CellMap, Cells, MapGrid, cell_means, classify
from apps.aviary.work import Work, area_of
from shared.errors import RecipeBroken
from shared.geo.enlarge import ClassStrip
from shared.geo.nodata import NO_DATA
from shared.geo.raster import Patch
from shared.geo.tiling import Tile
from shared.geo.vectorise import OutlineOptions
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.store.local_files import disk_errors

METHOD = "transitions"
MOST_TOLERANCE_PX = 5
SURE = 100
LEAST_KEPT_M2 = 2.0
"""Smaller changes are not even kept for somebody who lowers the least area."""
MOST_SAMPLES = 1_000_000
"""Of larger changes every n-th pixel is looked at for the classes before and after."""
LEAST_VALID = 0.5
"""Share of a cell that must hold data in the older image."""

Code = Annotated[int, Field(ge=0, le=254)]
LandCover = Annotated[tuple[Code, ...], Field(min_length=1)]


class Transition(BaseModel):
    """Classes before and classes after of one kind of change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    before: LandCover
    after: LandCover


class ChangeSettings(BaseModel):
    """Keys of `[method]`: least confidence of both images, tolerance of edges [px], kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sure: Annotated[float, Field(ge=0, le=1)]
    edge_px: Annotated[int, Field(ge=0, le=MOST_TOLERANCE_PX)]
    transitions: Annotated[tuple[Transition, ...], Field(min_length=1)]

    def table(self, recipe: Recipe) -> Codes:
        """Return the kind of each change; see `transition_table`.

        Raises:
            KeyError: A kind is no class of the recipe.
            ValueError: A change belongs to two kinds.
        """
        codes = {one.key: one.code for one in recipe.classes}
        kinds: dict[int, list[tuple[tuple[int, ...], tuple[int, ...]]]] = {}
        for one in self.transitions:
            kinds.setdefault(codes[one.kind], []).append((one.before, one.after))
        return transition_table(kinds)


def read_settings(recipe: Recipe) -> ChangeSettings:
    """Check what a recipe tells this method.

    Raises:
        RecipeBroken: A key is missing, unknown or wrong.
    """
    if recipe.method != METHOD:
        raise RecipeBroken(name=recipe.recipe_id, reason="method.name")
    try:
        settings = ChangeSettings.model_validate(dict(recipe.settings))
        settings.table(recipe)
    except ValidationError as cause:
        where = ".".join(["method", *(str(part) for part in cause.errors()[0]["loc"])])
        raise RecipeBroken(name=recipe.recipe_id, reason=where) from cause
    except (KeyError, ValueError) as cause:
        raise RecipeBroken(name=recipe.recipe_id, reason="method.transitions") from cause
    return settings


def changes_of_maps(recipe: Recipe, before: Codes, after: Codes) -> Codes:
    """Return what the rule of a recipe leaves of two maps of land cover that are sure.

    Args:
        recipe: A recipe of kind `change`.
        before: Land cover in the older image, `NO_DATA` for unknown.
        after: The same in the newer image, same shape.

    Returns:
        Kind of change of each pixel, `NO_DATA` for none.
    """
    settings = read_settings(recipe)
    known = (before != NO_DATA) & (after != NO_DATA)
    maps = Vintages(before, after, np.where(known, SURE, NO_DATA).astype(np.uint8))
    table = settings.table(recipe)
    return find_changes(maps, table, sure=settings.sure, edge_px=settings.edge_px)


class ChangeMethod:
    """Send each tile of both images to a model of land cover, then compare the whole maps."""

    def check(self, recipe: Recipe) -> None:
        """See `Method.check`."""
        read_settings(recipe)

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """See `Method.check_files`: the older image must be as good and show the same place."""
        older, recipe = work.other_image(ctx, "before"), work.recipe
        findings = older.check(recipe, force=work.parameters.force)
        refuse((*findings, *compare_images(work.image.info, older.info)), older.info, recipe)

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`; the cells of the older image stand before those of the newer.

        Near infrared takes part only if both images have it: otherwise it alone would change
        classes.
        """
        box, size = plan.source_box(tile), (tile.width, tile.height)
        older = work.other_image(ctx, "before")
        place = place_beside(work.image.info, older.info)
        after = work.image.read(box, size)
        before = read_beside(older, place.box(box), size)
        if after.empty or before.empty:
            return UnitResult({"tile_id": tile.tile_id, "empty": True})
        if before.nir is None or after.nir is None:
            before, after = (replace(one, nir=None) for one in (before, after))
        said = [ask_about_cells(work, plan, tile, patch, ctx) for patch in (before, after)]
        (first, use), (second, _) = said
        stride = work.parameters.model_stride
        both = np.concatenate([_where_valid(first.values, before, stride), second.values])
        file = ctx.write(
            f"tile-{tile.tile_id}.cells", pack(TileCells(both)), "application/octet-stream"
        )
        distances = [one.domain_distance for one, _ in said if one.domain_distance is not None]
        told = {
            "tile_id": tile.tile_id,
            "shape": list(both.shape),
            "unusual": first.unusual or second.unusual,
            "domain_distance": max(distances, default=None),
        }
        return UnitResult(told, file, (use,))

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write `detection.json` and a picture; figures at the usual threshold."""
        area = area_of(work, ctx)
        older = work.other_image(ctx, "before").info
        told = ToldTiles(work.plan(), {tile.tile_id for tile in work.plan(area).tiles})
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            maps = _Maps.new(folder, work.image.info.width, stack)
            stack.enter_context(disk_errors(folder))
            unknown = _draw(work, area, told.results(outcomes, ctx), maps)
            content = whole_detection(
                work,
                area,
                _changes(work, area, maps),
                tiles=told.seen,
                failed=told.failed,
                nodata_share=unknown,
                findings=compare_images(work.image.info, older),
            )
        return write_found(work, content, ctx)


def _where_valid(cells: Cells, patch: Patch, stride: int) -> Cells:
    """Forget what was said about cells without data."""
    share = cell_means(patch.valid.astype(np.float32), np.ones_like(patch.valid), stride)
    return np.where(share >= LEAST_VALID, cells, 0).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Maps:
    """The pixels of both maps, and of what changed, while they are made."""

    before: RowFile
    after: RowFile
    sureness: RowFile
    kinds: RowFile

    @classmethod
    def new(cls, folder: Path, width: int, stack: ExitStack) -> _Maps:
        names = ("before", "after", "sureness", "kinds")
        return cls(*(stack.enter_context(RowFile(folder / name, width)) for name in names))

    def read(self, y0: int, y1: int) -> Vintages:
        return Vintages(*(one.read(y0, y1) for one in (self.before, self.after, self.sureness)))


def _draw(
    work: Work,
    area: MultiPolygon | None,
    results: Iterator[tuple[Tile, Cells | None]],
    maps: _Maps,
) -> float:
    """Draw both maps row by row; return the share of the pixels of which one map knows nothing."""
    counted = unknown = 0
    for before, after, inside in _strips(work, area, results):
        maps.before.append(before.codes)
        maps.after.append(after.codes)
        known = (before.codes != NO_DATA) & (after.codes != NO_DATA)
        lower = np.minimum(before.confidence, after.confidence)
        maps.sureness.append(np.where(known, lower, NO_DATA).astype(np.uint8))
        counted += int(inside.sum())
        unknown += int((inside & ~known).sum())
    return unknown / counted if counted else 1.0


def _strips(
    work: Work, area: MultiPolygon | None, results: Iterator[tuple[Tile, Cells | None]]
) -> Iterator[tuple[ClassStrip, ClassStrip, Mask]]:
    """Give the rows of both maps side by side, and which pixels lie in the area."""
    plan, info, model = work.plan(), work.image.info, work.parameters.pinned_model
    where = MapGrid(plan.tiles, (plan.width, plan.height), (info.width, info.height))
    cells = CellMap(model.codes, model.stride, model.reach_px)
    margin_px = round(model.reach_px * max(plan.scale_x, plan.scale_y))
    count = len(model.codes)
    halves = slice(count), slice(count, None)
    drawn = [
        classify(
            where,
            _layers(some, half),
            cells,
            ground_groups(work),
            ValidRows(work.image, area, margin_px),
        )
        for half, some in zip(halves, itertools.tee(results), strict=True)
    ]
    inside = ValidRows(work.image, area, margin_px).inside
    for before, after in zip(*drawn, strict=True):
        yield before, after, inside(after.y0, after.y0 + len(after.codes))


def _layers(
    results: Iterator[tuple[Tile, Cells | None]], which: slice
) -> Iterator[tuple[Tile, Cells | None]]:
    for tile, said in results:
        yield tile, None if said is None else said[which]


def _changes(work: Work, area: MultiPolygon | None, maps: _Maps) -> Iterator[FoundObject]:
    settings, info = read_settings(work.recipe), work.image.info
    plan = work.plan()
    edge_px = round(settings.edge_px * max(1.0, plan.scale_x, plan.scale_y))
    table = settings.table(work.recipe)
    find = partial(find_changes, table=table, sure=settings.sure, edge_px=edge_px)
    for y0 in range(0, maps.after.rows, STRIP_ROWS):
        y1 = min(maps.after.rows, y0 + STRIP_ROWS)
        top, end = max(0, y0 - 2 * edge_px), min(maps.after.rows, y1 + 2 * edge_px)
        maps.kinds.append(find(maps.read(top, end))[y0 - top : y1 - top])
    pixel_m2 = (info.pixel_width_m or 1.0) * (info.pixel_height_m or 1.0)
    options = OutlineOptions(
        classes=tuple(one.code for one in work.recipe.classes),
        least_m2=min(LEAST_KEPT_M2, work.recipe.min_area_m2) / pixel_m2,
        tolerance_m=work.recipe.simplify_px,
    )
    keys = {one.code: one.key for one in work.recipe.classes}
    for one in outline_classes(maps.kinds, maps.sureness, options):
        if is_inside(one.polygon, area):
            yield FoundObject(
                object_id=0,
                class_key=keys[one.code],
                score=one.score,
                polygon=one.polygon,
                area_px=one.polygon.area,
                area_m2=one.polygon.area * pixel_m2,
                bbox_px=one.polygon.bounds,
                doubtful=False,
                domain_distance=None,
                figures=tuple(_usual_classes(one, maps).items()),
            )


def _usual_classes(one: Outline, maps: _Maps) -> Mapping[str, float]:
    """Say which land cover lay and lies on most of a change, as codes."""
    left, upper, right, lower = (math.floor(edge) for edge in one.polygon.bounds)
    right, lower = right + 1, min(lower + 1, maps.kinds.rows)
    step = math.ceil(math.sqrt((right - left) * (lower - upper) / MOST_SAMPLES))
    rows = (maps.kinds, maps.before, maps.after)
    kinds, before, after = (file.read(upper, lower, step)[:, left:right:step] for file in rows)
    place = Affine(step, 0, left, 0, step, upper)
    inside = rasterize(
        [one.polygon], kinds.shape, transform=place, dtype=np.uint8, all_touched=True
    )
    where = inside.astype(bool) & (kinds == one.code)
    return {"class_before": usual_class(before, where), "class_after": usual_class(after, where)}
