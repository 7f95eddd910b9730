"""Recipes of kind `surfaces`: objects derived from the class map of the image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from shapely import MultiPolygon

from apps.aviary.class_maps.map_file import CODES_FILE, CONFIDENCE_FILE
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.whole_detection import whole_detection
from apps.aviary.kinds.ground import (
    GroundPixels,
    ToldTiles,
    draw_ground,
    look_at_ground,
    write_ground,
)
from apps.aviary.kinds.objects_method import write_found
from apps.aviary.plan import RunPlan
from apps.aviary.recipes import Recipe
from apps.aviary.surfaces import DERIVATIONS, ClassMap
from apps.aviary.work import Work, area_of
from shared.errors import RecipeBroken
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.store.local_files import disk_errors


class SurfacesMethod:
    """Send each tile to a model of land cover, then derive objects from the whole map."""

    def check(self, recipe: Recipe) -> None:
        """See `Method.check`."""
        derivation = DERIVATIONS.get(recipe.method)
        if derivation is None:
            raise RecipeBroken(name=recipe.recipe_id, reason="method.name")
        try:
            derivation.check(recipe.settings)
        except ValidationError as cause:
            where = ".".join(["method", *(str(part) for part in cause.errors()[0]["loc"])])
            raise RecipeBroken(name=recipe.recipe_id, reason=where) from cause

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """See `Method.check_files`; there are none."""

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`."""
        return look_at_ground(work, plan, tile, ctx)

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write `detection.json` and a picture; figures at the usual threshold."""
        area = area_of(work, ctx)
        told = ToldTiles(work.plan(), {tile.tile_id for tile in work.plan(area).tiles})
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pixels = GroundPixels.new(folder, work.image.info.width, stack)
            stack.enter_context(disk_errors(folder))
            results = told.results(outcomes, ctx)
            totals = draw_ground(work, area, results, pixels, beyond=True)
            ground = _class_map(work, area, pixels, folder)
            derivation = DERIVATIONS[work.recipe.method]
            settings = derivation.check(work.recipe.settings)
            found = derivation.derive(ground, settings, work.named_inputs(ctx, folder))
            found = in_classes(found, [one.key for one in work.recipe.classes])
            counted = totals.classified + totals.no_data
            content = whole_detection(
                work,
                area,
                found,
                tiles=told.seen,
                failed=told.failed,
                nodata_share=totals.no_data / counted if counted else 1.0,
            )
        return write_found(work, content, ctx)


def in_classes(found: Iterable[FoundObject], keys: Sequence[str]) -> Iterator[FoundObject]:
    """Give objects the first class of a recipe where it does not know theirs.

    A recipe that somebody brought along may be older than a class of its method.

    Args:
        found: Objects as a method names them.
        keys: Keys of the recipe's classes.
    """
    for one in found:
        yield one if one.class_key in keys else replace(one, class_key=keys[0])


def _class_map(
    work: Work, area: MultiPolygon | None, pixels: GroundPixels, folder: Path
) -> ClassMap:
    info = work.image.info
    codes, confidence = folder / CODES_FILE, folder / CONFIDENCE_FILE
    write_ground(codes, pixels.codes, info, {}, {})
    write_ground(confidence, pixels.confidence, info, {}, {})
    return ClassMap(codes, confidence, info, work.image, area)
