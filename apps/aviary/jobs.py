"""The job `run`: a recipe over one aerial image, one unit for each tile.

Input 0 is the image, input 1 (optional) a GeoJSON file with the area that counts. Recipe, model and
resolution stand in the parameters (`apps.aviary.parameters`), so that the same order gives the same
tiles and the same result wherever it is done.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image
from pydantic import TypeAdapter
from shapely import MultiPolygon

from apps.aviary.analysis import Analysis, count, refuse
from apps.aviary.area import read_area
from apps.aviary.detection_file import (
    DETECTION_FILE,
    FORMAT,
    DetectionFile,
    area_rings,
    write_detection,
)
from apps.aviary.inference import look_at_tile
from apps.aviary.objects import FailedTile, TileFinds
from apps.aviary.parameters import RunParameters, read_parameters
from apps.aviary.plan import RunPlan, plan_run
from apps.aviary.preflight import no_data_share
from apps.aviary.recipes import Recipe
from apps.aviary.run_image import OPEN_IMAGES, RunImage, encode_png
from shared.contracts.jobs import JsonObject
from shared.contracts.provenance import ModelUse
from shared.errors import N_, Cancelled
from shared.geo.raster import Rgb
from shared.jobs.definition import (
    MOST_ROW_BYTES,
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)

OVERVIEW_FILE = "overview.jpg"
OVERVIEW_QUALITY = 90
TILE_TIMEOUT_S = 120
MOST_LISTED = 20
"""The summary names this many failed tiles; all of them stand in `detection.json`."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Everything that split, process and finish share about a run."""

    parameters: RunParameters
    recipe: Recipe
    image: RunImage

    def plan(self, area_px: MultiPolygon | None = None) -> RunPlan:
        gsd_m = self.parameters.model_gsd_m
        return plan_run(self.image.info, self.recipe, gsd_m=gsd_m, area_px=area_px)


def split(ctx: JobContext) -> Sequence[str]:
    """Check the image and name the tiles that are looked at.

    Args:
        ctx: The run.

    Raises:
        InputError: A check says stop, or a file cannot be used.
    """
    work = _work(ctx)
    findings = work.image.check(work.recipe, force=work.parameters.force)
    refuse(findings, work.image.info, work.recipe)
    return [str(tile.tile_id) for tile in work.plan(_area(ctx, work)).tiles]


def process(key: str, ctx: JobContext) -> UnitResult:
    """Look at one tile; only its pixels are read.

    Args:
        key: Number of the tile.
        ctx: The run.

    Raises:
        ItemError: The image breaks off there, or the model failed on this tile alone.
        ModelServerError: The model server cannot answer.
    """
    work = _work(ctx)
    plan = work.plan()
    tile = plan.tiles[int(key)]
    patch = work.image.read(plan.source_box(tile), (tile.width, tile.height))
    if patch.empty:
        return _unit_result(TileFinds(tile.tile_id, empty=True), (), ctx)
    finds, model = look_at_tile(
        ctx.models,
        work.parameters.pinned_model,
        tile,
        encode_png(patch.rgb),
        gsd_m=plan.gsd_m,
        least_score=work.parameters.least_score,
    )
    return _unit_result(finds, (model,), ctx)


def finish(outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
    """Join the tiles: `detection.json`, a picture for the page, figures at the usual threshold.

    Args:
        outcomes: What became of the tiles.
        ctx: The run.

    Raises:
        InputError: A file cannot be used.
    """
    work = _work(ctx)
    content = _detection(work, outcomes, ctx)
    analysis = content.analysis()
    files = (
        ctx.write(DETECTION_FILE, write_detection(content), "application/json"),
        ctx.write(OVERVIEW_FILE, _encode_jpeg(work.image.overview.rgb), "image/jpeg"),
    )
    OPEN_IMAGES.forget(work.image)
    return ResultSummary(_figures(analysis), files)


RUN = JobDefinition(
    name="run",
    app="aviary",
    split=split,
    process=process,
    finish=finish,
    unit_timeout_s=TILE_TIMEOUT_S,
    unit_word=(N_("Kachel"), N_("Kacheln")),
)
JOBS = (RUN,)


def _work(ctx: JobContext) -> _Work:
    parameters, recipe = read_parameters(ctx.parameters)
    file = ctx.inputs[0]
    image = OPEN_IMAGES.get(ctx.input_path(0), file.name, file.sha256, parameters.options)
    return _Work(parameters, recipe, image)


def _area(ctx: JobContext, work: _Work) -> MultiPolygon | None:
    return read_area(ctx.input_path(1), work.image.info) if len(ctx.inputs) > 1 else None


def _unit_result(finds: TileFinds, models: tuple[ModelUse, ...], ctx: JobContext) -> UnitResult:
    """Return the finds as small values; a tile with very many of them as a file."""
    data: dict[str, Any] = _finds().dump_python(finds, mode="json")
    text = json.dumps(data, ensure_ascii=False)
    if len(text.encode()) <= MOST_ROW_BYTES // 2:
        return UnitResult(data, models=models)
    file = ctx.write(f"tile-{finds.tile_id}.json", text.encode(), "application/json")
    return UnitResult({"tile_id": finds.tile_id}, file, models)


def _detection(work: _Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> DetectionFile:
    area, parameters = _area(ctx, work), work.parameters
    plan = work.plan()
    waiting = {tile.tile_id for tile in work.plan(area).tiles}
    tiles: list[TileFinds] = []
    failed: list[FailedTile] = []
    for one in outcomes:
        if one.data is not None:
            tiles.append(_read_finds(one, one.data, ctx))
        elif one.error_code is not None:
            failed.append(_failed(one, one.error_code, plan))
        else:
            continue
        waiting.discard(int(one.key))
    # A tile that nobody looked at, after a stop for example, is not one without finds.
    failed.extend(_stopped(plan, tile_id) for tile_id in sorted(waiting))
    threshold = parameters.model_threshold
    return DetectionFile(
        format=FORMAT,
        info=work.image.info,
        recipe=work.recipe,
        findings=work.image.check(work.recipe, force=parameters.force),
        nodata_share=no_data_share(work.image.overview),
        threshold=work.recipe.threshold if threshold is None else threshold,
        model=ModelUse(parameters.model, parameters.model_version, parameters.model_sha256),
        model_gsd_m=plan.gsd_m,
        area_px=area_rings(area),
        tiles=tuple(tiles),
        failed=tuple(failed),
    )


def _failed(one: UnitOutcome, code: str, plan: RunPlan) -> FailedTile:
    tile = plan.tiles[int(one.key)]
    return FailedTile(tile.tile_id, plan.source_box(tile), code, one.error_message or "")


def _stopped(plan: RunPlan, tile_id: int) -> FailedTile:
    error = Cancelled()
    return FailedTile(tile_id, plan.source_box(plan.tiles[tile_id]), error.code, str(error))


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
    failed = [one.tile_id for one in detection.failed if one.code != Cancelled.code]
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
        "failed_tiles": len(failed),
        "first_failed_tiles": failed[:MOST_LISTED],
        "stopped_tiles": detection.stopped_tiles,
        "model": None if model is None else f"{model.name} {model.version} {model.sha256[:12]}",
    }


def _encode_jpeg(rgb: Rgb) -> bytes:
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "JPEG", quality=OVERVIEW_QUALITY)
    return target.getvalue()
