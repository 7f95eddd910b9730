"""Recipes of kind `objects`: finds of each tile, joined to whole objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from apps.aviary.finds.analysis import Analysis, count
from apps.aviary.finds.detection_file import (
    DETECTION_FILE,
    FORMAT,
    DetectionFile,
    area_rings,
    write_detection,
)
from apps.aviary.inference import look_at_tile
from apps.aviary.inputs.run_image import encode_png
from apps.aviary.kinds.cached_finds import finds_from_arrays, finds_to_arrays
from apps.aviary.kinds.known_tiles import KnownTiles
from apps.aviary.objects import FailedTile, TileFinds
from apps.aviary.pinned import LOWEST_SCORE
from apps.aviary.plan import RunPlan
from apps.aviary.preflight import no_data_share
from apps.aviary.recipes import Recipe
from apps.aviary.work import (
    Work,
    area_findings,
    area_of,
    failed_figures,
    failed_tile,
    no_method,
    stopped_tile,
    write_overview,
)
from shared.contracts.jobs import JsonObject
from shared.contracts.provenance import ModelUse
from shared.geo.cache import tile_key
from shared.geo.nodata import without_collar
from shared.geo.raster import Mask, Patch
from shared.geo.tiling import Tile
from shared.jobs.definition import (
    MOST_ROW_BYTES,
    JobContext,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)
from shared.settings import get_settings

LEAST_DATA_SHARE = 0.5


class ObjectsMethod:
    """Send each tile to a model that finds objects."""

    def check(self, recipe: Recipe) -> None:
        """See `Method.check`."""
        no_method(recipe)

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """See `Method.check_files`; there are none."""

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`."""
        patch = work.image.read(plan.source_box(tile), (tile.width, tile.height))
        if patch.empty:
            return _unit_result(TileFinds(tile.tile_id, empty=True), (), ctx)
        finds, model = _finds_of(work, plan, tile, patch, ctx)
        return _unit_result(_on_data(finds, patch.valid), (model,), ctx)

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write `detection.json` and a picture; figures at the usual threshold."""
        return write_found(work, _detection(work, outcomes, ctx), ctx)


def write_found(work: Work, content: DetectionFile, ctx: JobContext) -> ResultSummary:
    """Keep what was found and a picture of the image; figures at the usual threshold.

    Adds what is the same for all methods: which other files took part, and what of the area lies
    outside the image.

    Args:
        work: The run.
        content: What was found.
        ctx: Keeps files.
    """
    findings = (*content.findings, *area_findings(work, ctx))
    inputs = tuple(work.input_hashes(ctx).items())
    content = replace(content, findings=findings, inputs=inputs)
    files = (
        ctx.write(DETECTION_FILE, write_detection(content), "application/json"),
        write_overview(work, ctx),
    )
    return ResultSummary(_figures(content.analysis()), files)


def _finds_of(
    work: Work, plan: RunPlan, tile: Tile, patch: Patch, ctx: JobContext
) -> tuple[TileFinds, ModelUse]:
    """Ask the model about a tile, or take what it has said about the same pixels before."""
    model, least_score = work.parameters.pinned_model, work.parameters.least_score
    tiles = KnownTiles.of(get_settings(), use_cache=work.parameters.use_cache)
    told = model.asked("instances", plan.gsd_m)
    if least_score < LOWEST_SCORE:
        told["least_score"] = least_score
    key = tile_key(patch.rgb, model.sha256, told)
    known = tiles.find(key)
    if known is not None:
        use = ModelUse(model.name, model.version, model.sha256)
        return finds_from_arrays(tile.tile_id, known), use
    finds, use = look_at_tile(
        ctx.models,
        model,
        tile,
        encode_png(patch.rgb),
        gsd_m=plan.gsd_m,
        least_score=least_score,
    )
    tiles.keep(key, finds_to_arrays(finds))
    return finds, use


def _on_data(finds: TileFinds, valid: Mask) -> TileFinds:
    """Leave out finds that lie mostly where there is no data: colours may go on below a mask."""
    if valid.all():
        return finds
    kept = []
    for one in finds.finds:
        left, upper, right, lower = (round(edge) for edge in one.box)
        seen = valid[upper : max(lower, upper + 1), left : max(right, left + 1)]
        if seen.size and seen.mean() >= LEAST_DATA_SHARE:
            kept.append(one)
    return replace(finds, finds=tuple(kept))


def _unit_result(finds: TileFinds, models: tuple[ModelUse, ...], ctx: JobContext) -> UnitResult:
    """Return the finds as small values; a tile with very many of them as a file."""
    data: dict[str, Any] = _finds().dump_python(finds, mode="json")
    text = json.dumps(data, ensure_ascii=False)
    if len(text.encode()) <= MOST_ROW_BYTES // 2:
        return UnitResult(data, models=models)
    file = ctx.write(f"tile-{finds.tile_id}.json", text.encode(), "application/json")
    return UnitResult({"tile_id": finds.tile_id}, file, models)


def _detection(work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> DetectionFile:
    area, parameters = area_of(work, ctx), work.parameters
    plan = work.plan()
    waiting = {tile.tile_id for tile in work.plan(area).tiles}
    tiles: list[TileFinds] = []
    failed: list[FailedTile] = []
    for one in outcomes:
        if one.data is not None:
            tiles.append(_read_finds(one, one.data, ctx))
        elif one.error_code is not None:
            failed.append(failed_tile(one, one.error_code, plan))
        else:
            continue
        waiting.discard(int(one.key))
    # A tile that nobody looked at, after a stop for example, is not one without finds.
    failed.extend(stopped_tile(plan, tile_id) for tile_id in sorted(waiting))
    threshold = parameters.model_threshold
    return DetectionFile(
        format=FORMAT,
        info=work.image.info,
        recipe=work.recipe,
        findings=work.image.check(work.recipe, force=parameters.force),
        nodata_share=no_data_share(without_collar(work.image.overview), work.image.info, area),
        threshold=work.recipe.threshold if threshold is None else threshold,
        model=ModelUse(parameters.model, parameters.model_version, parameters.model_sha256),
        model_gsd_m=plan.gsd_m,
        area_px=area_rings(area),
        tiles=tuple(tiles),
        failed=tuple(failed),
    )


def _read_finds(one: UnitOutcome, data: JsonObject, ctx: JobContext) -> TileFinds:
    if one.file is not None:
        return _finds().validate_json(ctx.read(one.file))
    return _finds().validate_python(dict(data))


@lru_cache(maxsize=1)
def _finds() -> TypeAdapter[TileFinds]:
    return TypeAdapter(TileFinds)


def _figures(analysis: Analysis) -> dict[str, Any]:
    """Return the figures at the usual threshold, for lists of runs and other programs."""
    recipe, detection = analysis.recipe, analysis.detection
    result = count(analysis, threshold=analysis.threshold, min_area_m2=recipe.min_area_m2)
    model = detection.model
    return {
        "status": "ok" if analysis.complete else "incomplete",
        "recipe": recipe.recipe_id,
        "threshold": analysis.threshold,
        "min_area_m2": recipe.min_area_m2,
        "counts": dict(result.counts),
        "area_m2": {key: round(value, 2) for key, value in result.area_m2.items()},
        "doubtful": sum(one.doubtful for one in result.objects),
        "nodata_share": round(analysis.nodata_share, 6),
        "tiles": len(detection.plan.tiles),
        **failed_figures(detection.failed),
        "model": None if model is None else f"{model.name} {model.version} {model.sha256[:12]}",
    }
