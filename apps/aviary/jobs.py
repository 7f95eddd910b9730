"""The job `run`: a recipe over one aerial image, one unit for each tile.

The parameters (`apps.aviary.parameters`) name the input files in their order: "image" first, then
"area" for a GeoJSON file with the area that counts, and what the recipe works with beside them.
Recipe, model and resolution stand there too, so that the same order gives the same tiles and the
same result wherever it is done. How a tile is looked at is the matter of the recipe's kind
(`Method`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apps.aviary.finds.analysis import refuse
from apps.aviary.inputs.input_files import check_inputs
from apps.aviary.inputs.run_image import OPEN_IMAGES
from apps.aviary.methods import method_of
from apps.aviary.sharing.import_job import IMPORT
from apps.aviary.work import area_of, open_work
from shared.errors import N_
from shared.jobs.definition import (
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)

TILE_TIMEOUT_S = 120


def split(ctx: JobContext) -> Sequence[str]:
    """Check the image and name the tiles that are looked at.

    Args:
        ctx: The run.

    Raises:
        InputError: A check says stop, or a file cannot be used.
    """
    work = open_work(ctx)
    method = method_of(work.recipe)
    check_inputs(work.recipe, work.parameters.inputs[: len(ctx.inputs)])
    findings = work.image.check(work.recipe, force=work.parameters.force)
    refuse(findings, work.image.info, work.recipe)
    method.check_files(work, ctx)
    return [str(tile.tile_id) for tile in work.plan(area_of(work, ctx)).tiles]


def process(key: str, ctx: JobContext) -> UnitResult:
    """Look at one tile; only its pixels are read.

    Args:
        key: Number of the tile.
        ctx: The run.

    Raises:
        ItemError: The image breaks off there, or the model failed on this tile alone.
        ModelServerError: The model server cannot answer.
    """
    work = open_work(ctx)
    plan = work.plan()
    return method_of(work.recipe).look(work, plan, plan.tiles[int(key)], ctx)


def finish(outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
    """Join the tiles: files for the page and for exports, and figures.

    Args:
        outcomes: What became of the tiles.
        ctx: The run.

    Raises:
        InputError: A file cannot be used.
    """
    work = open_work(ctx)
    summary = method_of(work.recipe).finish(work, outcomes, ctx)
    OPEN_IMAGES.forget(work.image)
    return summary


RUN = JobDefinition(
    name="run",
    app="aviary",
    split=split,
    process=process,
    finish=finish,
    unit_timeout_s=TILE_TIMEOUT_S,
    unit_word=(N_("Kachel"), N_("Kacheln")),
)
JOBS = (RUN, IMPORT)
