"""What the steps of a run share: its parameters, its recipe, its image, its tiles."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

from PIL import Image
from shapely import MultiPolygon

from apps.aviary.inputs.area import outside_share, read_area
from apps.aviary.inputs.input_files import missing_input
from apps.aviary.inputs.run_image import OPEN_IMAGES, RunImage
from apps.aviary.objects import FailedTile
from apps.aviary.parameters import AREA, RunParameters, read_parameters
from apps.aviary.plan import RunPlan, plan_run
from apps.aviary.recipe_book.schema import InputName
from apps.aviary.recipes import Recipe
from shared.contracts.finding import Finding
from shared.contracts.jobs import StoredFile
from shared.errors import N_, Cancelled, RecipeBroken
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult

OVERVIEW_FILE = "overview.jpg"
OVERVIEW_QUALITY = 90
AREA_PARTLY_OUTSIDE = "gebiet_teils_ausserhalb"
LEAST_OUTSIDE_SHARE = 0.0005
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

    def input(self, ctx: JobContext, name: str) -> Path | None:
        """Return where a file of the run lies; None where it was not given.

        Its name may lack the ending of its kind; see `named_inputs`.

        Args:
            ctx: Knows the files.
            name: "area" or one of `recipe_schema.InputName`.
        """
        place = self._place(ctx, name)
        return None if place is None else ctx.input_path(place)

    def input_hashes(self, ctx: JobContext) -> dict[str, str]:
        """Return the SHA-256 of each file that the recipe works with beside the image."""
        places = {name: self._place(ctx, name) for name in self.recipe.all_inputs}
        return {
            name: ctx.inputs[place].sha256 for name, place in places.items() if place is not None
        }

    def named_inputs(self, ctx: JobContext, folder: Path) -> dict[str, Path]:
        """Return the files that the recipe asks for, under names with the ending of their kind.

        Args:
            ctx: Knows the files.
            folder: Takes links to them.
        """
        files: dict[str, Path] = {}
        for name in self.recipe.all_inputs:
            place = self._place(ctx, name)
            if place is not None:
                suffix = PurePath(ctx.inputs[place].name).suffix
                files[name] = folder / f"{name}{suffix.lower()}"
                files[name].symlink_to(ctx.input_path(place).resolve())
        return files

    def other_image(self, ctx: JobContext, name: InputName) -> RunImage:
        """Return a second image of the run, opened like the first.

        Args:
            ctx: Knows the files.
            name: One of `recipe_schema.InputName`.

        Raises:
            RecipeInputMissing: It was not given.
            InputError: It cannot be used.
        """
        place = self._place(ctx, name)
        if place is None:
            raise missing_input(self.recipe, name)
        file, path = ctx.inputs[place], ctx.input_path(place)
        return OPEN_IMAGES.get(path, file.name, file.sha256, self.parameters.options)

    def _place(self, ctx: JobContext, name: str) -> int | None:
        given = self.parameters.inputs[: len(ctx.inputs)]
        return given.index(name) if name in given else None


class Method(Protocol):
    """How one kind of recipe is worked on."""

    def check(self, recipe: Recipe) -> None:
        """Check what the recipe tells the method.

        Raises:
            RecipeBroken: A setting is missing, unknown or wrong, or there is no such method.
        """

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """Check the files that this method alone reads, before any tile is looked at.

        Raises:
            InputError: One cannot be used.
        """

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


def no_method(recipe: Recipe) -> None:
    """Check that a recipe names no method, where the kind says it all.

    Raises:
        RecipeBroken: It names one.
    """
    if recipe.method:
        raise RecipeBroken(name=recipe.recipe_id, reason="method")


def area_of(work: Work, ctx: JobContext) -> MultiPolygon | None:
    """Return the part of the image that counts [px]; None for all of it."""
    path = work.input(ctx, AREA)
    return None if path is None else read_area(path, work.image.info)


def area_findings(work: Work, ctx: JobContext) -> tuple[Finding, ...]:
    """Say how much of the area that counts lies outside the image, where that is something."""
    path = work.input(ctx, AREA)
    share = 0.0 if path is None else outside_share(path, work.image.info)
    if share < LEAST_OUTSIDE_SHARE:
        return ()
    text = N_("{percent} % des Gebiets liegen außerhalb des Bildes. Dort wird nicht gesucht.")
    details = {"percent": round(share * 100, 1)}
    return (Finding("hint", AREA_PARTLY_OUTSIDE, text, details=details),)


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
