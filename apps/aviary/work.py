"""What the steps of a run share: its parameters, its recipe, its image, its tiles."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image
from shapely import MultiPolygon

from apps.aviary.area import read_area
from apps.aviary.objects import FailedTile
from apps.aviary.parameters import RunParameters, read_parameters
from apps.aviary.plan import RunPlan, plan_run
from apps.aviary.recipes import Recipe
from apps.aviary.run_image import OPEN_IMAGES, RunImage
from shared.contracts.jobs import StoredFile
from shared.errors import Cancelled
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult

OVERVIEW_FILE = "overview.jpg"
OVERVIEW_QUALITY = 90
MOST_LISTED = 20
"""Figures name this many failed tiles; all of them stand in the result's own file."""


@dataclass(frozen=True, slots=True)
class Work:
    """A run with its image.

    Args:
        parameters: What the run was told.
        recipe: What is looked for.
        image: The image, open.
    """

    parameters: RunParameters
    recipe: Recipe
    image: RunImage

    def plan(self, area_px: MultiPolygon | None = None) -> RunPlan:
        """Return the tiles of the run; see `plan_run`."""
        gsd_m = self.parameters.model_gsd_m
        return plan_run(self.image.info, self.recipe, gsd_m=gsd_m, area_px=area_px)


class Method(Protocol):
    """How one kind of recipe is worked on."""

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """Look at one tile.

        Args:
            work: The run.
            plan: All tiles of the image.
            tile: The tile.
            ctx: Gives the model server and keeps files.

        Raises:
            ItemError: The image breaks off there, or the model failed on this tile alone.
            ModelServerError: The model server cannot answer.
        """

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Join the tiles.

        Args:
            work: The run.
            outcomes: What became of the tiles, in their order.
            ctx: Keeps files.

        Raises:
            InputError: A file cannot be used.
        """


def open_work(ctx: JobContext) -> Work:
    """Return the run of a context; its image stays open for the next unit.

    Raises:
        InputError: A file cannot be used.
    """
    parameters, recipe = read_parameters(ctx.parameters)
    file = ctx.inputs[0]
    image = OPEN_IMAGES.get(ctx.input_path(0), file.name, file.sha256, parameters.options)
    return Work(parameters, recipe, image)


def area_of(work: Work, ctx: JobContext) -> MultiPolygon | None:
    """Return the part of the image that counts [px]; None for all of it."""
    return read_area(ctx.input_path(1), work.image.info) if len(ctx.inputs) > 1 else None


def failed_tile(one: UnitOutcome, code: str, plan: RunPlan) -> FailedTile:
    """Return a tile without result as people see it."""
    tile = plan.tiles[int(one.key)]
    return FailedTile(tile.tile_id, plan.source_box(tile), code, one.error_message or "")


def stopped_tile(plan: RunPlan, tile_id: int) -> FailedTile:
    """Return a tile that nobody looked at: it is not one without finds."""
    error = Cancelled()
    return FailedTile(tile_id, plan.source_box(plan.tiles[tile_id]), error.code, str(error))


def failed_figures(failed: Sequence[FailedTile]) -> dict[str, Any]:
    """Return how many tiles failed, the first of them, and how many nobody looked at."""
    broken = [one.tile_id for one in failed if one.code != Cancelled.code]
    return {
        "failed_tiles": len(broken),
        "first_failed_tiles": broken[:MOST_LISTED],
        "stopped_tiles": len(failed) - len(broken),
    }


def write_overview(work: Work, ctx: JobContext) -> StoredFile:
    """Keep the image, shrunk, as a picture for the page."""
    target = io.BytesIO()
    Image.fromarray(work.image.overview.rgb).save(target, "JPEG", quality=OVERVIEW_QUALITY)
    return ctx.write(OVERVIEW_FILE, target.getvalue(), "image/jpeg")
