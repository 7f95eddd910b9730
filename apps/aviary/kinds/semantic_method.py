"""Recipes of kind `semantic`: classes on the cells of each tile, joined to a map of the image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from shapely import MultiPolygon

from apps.aviary.class_maps.map_file import (
    CLASS_MAP_FILE,
    CODES_FILE,
    CONFIDENCE_FILE,
    FORMAT,
    OUTLINES_FILE,
    ClassMap,
    write_class_map,
)
from apps.aviary.class_maps.outlines import outline_classes, outline_options, to_lines
from apps.aviary.commands.origin import timeless_origin
from apps.aviary.finds.detection_file import area_rings
from apps.aviary.kinds.ground import (
    GroundPixels,
    ToldTiles,
    draw_ground,
    look_at_ground,
    stands_in,
    write_ground,
)
from apps.aviary.plan import RunPlan
from apps.aviary.recipes import Recipe
from apps.aviary.semantic import Totals
from apps.aviary.work import Work, area_findings, area_of, failed_figures, no_method, write_overview
from shared.contracts.finding import Finding
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.store.local_files import disk_errors


class SemanticMethod:
    """Send each tile to a model that says what lies on the ground."""

    def check(self, recipe: Recipe) -> None:
        """See `Method.check`."""
        no_method(recipe)

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """See `Method.check_files`; there are none."""

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`."""
        return look_at_ground(work, plan, tile, ctx)

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write the class map, its confidence, outlines and totals."""
        area = area_of(work, ctx)
        told = ToldTiles(work.plan(), {tile.tile_id for tile in work.plan(area).tiles})
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pixels = GroundPixels.new(folder, work.image.info.width, stack)
            stack.enter_context(disk_errors(folder))
            totals = draw_ground(work, area, told.results(outcomes, ctx), pixels)
            content = _class_map(work, area, told, totals, area_findings(work, ctx))
            return write_map(work, content, pixels, folder, ctx)


def write_map(
    work: Work, content: ClassMap, pixels: GroundPixels, folder: Path, ctx: JobContext
) -> ResultSummary:
    """Keep a class map with its rasters, outlines and a picture of the image.

    Args:
        work: The run.
        content: The map.
        pixels: Its pixels.
        folder: Takes files meanwhile.
        ctx: Keeps files.
    """
    files = (
        ctx.write(CLASS_MAP_FILE, write_class_map(content), "application/json"),
        *_write_rasters(content, pixels, folder, ctx),
        _write_outlines(content, pixels, folder, ctx),
        write_overview(work, ctx),
    )
    return ResultSummary(_figures(content), files)


def _class_map(
    work: Work,
    area: MultiPolygon | None,
    told: ToldTiles,
    totals: Totals,
    more: tuple[Finding, ...],
) -> ClassMap:
    parameters, image = work.parameters, work.image
    model = parameters.pinned_model
    fused = model.near_infrared or bool(model.fusion)
    return ClassMap(
        format=FORMAT,
        info=image.info,
        recipe=work.recipe,
        findings=(*image.check(work.recipe, force=parameters.force), *stands_in(work), *more),
        model=ModelUse(model.name, model.version, model.sha256),
        model_gsd_m=told.plan.gsd_m,
        near_infrared=fused and image.info.has_near_infrared and parameters.near_infrared,
        area_px=area_rings(area),
        totals=totals,
        tiles=told.tiles,
        empty_tiles=told.empty,
        unusual_tiles=told.unusual,
        failed=tuple(told.failed),
    )


def _write_rasters(
    content: ClassMap, pixels: GroundPixels, folder: Path, ctx: JobContext
) -> Iterator[StoredFile]:
    colours = {one.code: one.colour for one in content.recipe.classes}
    origin = timeless_origin(content.info, content.recipe, content.model)
    for name, rows in ((CODES_FILE, pixels.codes), (CONFIDENCE_FILE, pixels.confidence)):
        path = folder / name
        write_ground(path, rows, content.info, colours if name == CODES_FILE else {}, origin)
        with path.open("rb") as stream:
            yield ctx.write(name, stream, "image/tiff")


def _write_outlines(
    content: ClassMap, pixels: GroundPixels, folder: Path, ctx: JobContext
) -> StoredFile:
    path = folder / OUTLINES_FILE
    options = outline_options(content.recipe, content.pixel_m2)
    with path.open("wb") as file:
        file.writelines(to_lines(outline_classes(pixels.codes, pixels.confidence, options)))
    with path.open("rb") as stream:
        return ctx.write(OUTLINES_FILE, stream, "application/jsonl")


def _figures(content: ClassMap) -> dict[str, Any]:
    """Return the figures for lists of runs and other programs."""
    model, totals = content.model, content.totals
    return {
        "status": "incomplete" if content.failed else "ok",
        "recipe": content.recipe.recipe_id,
        "area_m2": {key: round(value, 2) for key, value in content.area_m2.items()},
        "share": {key: round(value, 6) for key, value in content.share.items()},
        "nodata_share": round(content.no_data_share, 6),
        "mean_confidence": totals.mean_confidence,
        "tiles": content.tiles,
        **failed_figures(content.failed),
        "model": None if model is None else f"{model.name} {model.version} {model.sha256[:12]}",
    }
