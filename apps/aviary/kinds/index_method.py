"""Recipes of kind `index`: a formula over the bands of each pixel, cut into classes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shapely import MultiPolygon

from apps.aviary.class_maps.map_file import FORMAT, VALUES_FILE, ClassMap
from apps.aviary.commands.origin import timeless_origin
from apps.aviary.finds.detection_file import area_rings
from apps.aviary.inputs.valid_rows import ValidRows
from apps.aviary.kinds.cells import TileCells, pack
from apps.aviary.kinds.ground import NO_VALUE, GroundPixels, ToldTiles, values_layout
from apps.aviary.kinds.index_language import Index, break_classes, evaluate_index, parse_index
from apps.aviary.kinds.row_file import RowFile
from apps.aviary.kinds.semantic_method import write_map
from apps.aviary.plan import RunPlan
from apps.aviary.recipes import Recipe
from apps.aviary.semantic import Cells, Totals
from apps.aviary.work import Work, area_findings, area_of
from shared.contracts.jobs import StoredFile
from shared.errors import IndexRefused, RecipeBroken
from shared.geo.enlarge import ClassStrip
from shared.geo.export import Strip, write_cog
from shared.geo.nodata import NO_DATA
from shared.geo.raster import Patch
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.store.local_files import disk_errors

METHOD = "expression"
CERTAIN = 100
"""Confidence of a class that a formula gives [%]."""
NEAR_INFRARED: Final = frozenset({"nir", "b4"})
BANDS: Final = frozenset({"red", "green", "blue", "b1", "b2", "b3"}) | NEAR_INFRARED
NUMBER = np.dtype("<f4")

Values = NDArray[np.float32]


class IndexSettings(BaseModel):
    """Keys of `[method]`: the formula, and the limits between its classes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expression: str
    breaks: Annotated[tuple[float, ...], Field(max_length=NO_DATA - 1)]


def read_settings(recipe: Recipe) -> tuple[Index, tuple[float, ...]]:
    """Check what a recipe tells this method.

    Returns:
        The formula, and the rising limits between its classes.

    Raises:
        RecipeBroken: A key is missing, unknown or wrong.
        IndexRefused: The formula is none.
    """
    name = recipe.recipe_id
    if recipe.method != METHOD:
        raise RecipeBroken(name=name, reason="method.name")
    try:
        settings = IndexSettings.model_validate(dict(recipe.settings))
        break_classes(np.zeros(1, dtype=np.float32), settings.breaks)
    except ValidationError as cause:
        where = ".".join(["method", *(str(part) for part in cause.errors()[0]["loc"])])
        raise RecipeBroken(name=name, reason=where) from cause
    except ValueError as cause:
        raise RecipeBroken(name=name, reason="method.breaks") from cause
    index = parse_index(settings.expression)
    for band in sorted(index.bands - BANDS):
        raise IndexRefused(token=band, place=settings.expression.index(band) + 1)
    if not index.bands:
        raise RecipeBroken(name=name, reason="method.expression")
    if index.bands & NEAR_INFRARED and recipe.bands != "rgbi":
        raise RecipeBroken(name=name, reason="needs.bands")
    if [one.code for one in recipe.classes] != list(range(len(settings.breaks) + 1)):
        raise RecipeBroken(name=name, reason="classes")
    return index, settings.breaks


class IndexMethod:
    """Compute the formula tile by tile, then cut the whole map into classes."""

    def check(self, recipe: Recipe) -> None:
        """See `Method.check`."""
        read_settings(recipe)

    def check_files(self, work: Work, ctx: JobContext) -> None:
        """See `Method.check_files`; there are none."""

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`."""
        patch = work.image.read(plan.source_box(tile), (tile.width, tile.height))
        if not patch.valid.any():
            return UnitResult({"tile_id": tile.tile_id, "empty": True})
        index, _ = read_settings(work.recipe)
        values = evaluate_index(index, _bands(patch)).astype(NUMBER)
        layers = values.view(np.uint8)[None]
        file = ctx.write(
            f"tile-{tile.tile_id}.values", pack(TileCells(layers)), "application/octet-stream"
        )
        told = {
            "tile_id": tile.tile_id,
            "shape": list(layers.shape),
            "unusual": False,
            "domain_distance": None,
        }
        return UnitResult(told, file)

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write the class map, the numbers behind it, outlines and totals."""
        area, plan = area_of(work, ctx), work.plan()
        told = ToldTiles(plan, {tile.tile_id for tile in work.plan(area).tiles})
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pixels = GroundPixels.new(folder, work.image.info.width, stack)
            width = work.image.info.width * NUMBER.itemsize
            values = stack.enter_context(RowFile(folder / "values", width))
            stack.enter_context(disk_errors(folder))
            totals = _draw(work, area, told.results(outcomes, ctx), pixels, values)
            content = _class_map(work, area, told, totals, ctx)
            summary = write_map(work, content, pixels, folder, ctx)
            numbers = _write_values(content, values, folder, ctx)
        return replace(summary, files=(*summary.files, numbers))


def _bands(patch: Patch) -> dict[str, NDArray[np.uint8]]:
    names = (("red", "b1"), ("green", "b2"), ("blue", "b3"))
    bands = {name: patch.rgb[..., one] for one, pair in enumerate(names) for name in pair}
    return bands if patch.nir is None else bands | dict.fromkeys(NEAR_INFRARED, patch.nir)


def _draw(
    work: Work,
    area: MultiPolygon | None,
    results: Iterator[tuple[Tile, Cells | None]],
    pixels: GroundPixels,
    values: RowFile,
) -> Totals:
    """Draw classes and numbers row by row and count them."""
    _, breaks = read_settings(work.recipe)
    valid = ValidRows(work.image, area, 0)
    totals, y0 = Totals(), 0
    for rows in _joined(results, work.image.info.width):
        y1 = y0 + len(rows)
        known = np.where(valid(y0, y1), rows, np.float32(np.nan))
        codes = break_classes(known, breaks)
        sure = np.where(codes == NO_DATA, NO_DATA, CERTAIN).astype(np.uint8)
        totals.add(ClassStrip(y0, codes, sure, sure), valid.inside(y0, y1))
        pixels.codes.append(codes)
        pixels.confidence.append(sure)
        values.append(known.astype(NUMBER).view(np.uint8))
        y0 = y1
    return totals


def _joined(results: Iterator[tuple[Tile, Cells | None]], width: int) -> Iterator[Values]:
    """Put the tiles of the image together; give its rows from the top, NaN where nothing is known.

    Tiles come row by row; those of the last row and column may overlap the others.
    """
    held: Values = np.full((0, width), np.nan, dtype=np.float32)
    top = 0
    for tile, layers in results:
        if tile.y0 > top:
            yield held[: tile.y0 - top]
            held, top = held[tile.y0 - top :], tile.y0
        missing = tile.y0 + tile.height - top - len(held)
        if missing > 0:
            more = np.full((missing, width), np.nan, dtype=np.float32)
            held = np.concatenate([held, more])
        if layers is not None:
            part = held[: tile.height, tile.x0 : tile.x0 + tile.width]
            part[:] = np.where(np.isnan(part), layers[0].view(NUMBER), part)
    yield held


def _class_map(
    work: Work, area: MultiPolygon | None, told: ToldTiles, totals: Totals, ctx: JobContext
) -> ClassMap:
    index, _ = read_settings(work.recipe)
    return ClassMap(
        format=FORMAT,
        info=work.image.info,
        recipe=work.recipe,
        findings=(
            *work.image.check(work.recipe, force=work.parameters.force),
            *area_findings(work, ctx),
        ),
        model=None,
        model_gsd_m=told.plan.gsd_m,
        near_infrared=bool(index.bands & NEAR_INFRARED),
        area_px=area_rings(area),
        totals=totals,
        tiles=told.tiles,
        empty_tiles=told.empty,
        unusual_tiles=None,
        failed=tuple(told.failed),
    )


def _write_values(content: ClassMap, values: RowFile, folder: Path, ctx: JobContext) -> StoredFile:
    """Keep the numbers as GeoTIFF, float32."""
    path = folder / VALUES_FILE
    origin = timeless_origin(content.info, content.recipe, None)
    numbers = (strip.view(NUMBER) for strip in values.strips())
    strips = (Strip(np.where(np.isnan(one), NO_VALUE, one)[None]) for one in numbers)
    write_cog(path, strips, values_layout(content.info), origin)
    with path.open("rb") as stream:
        return ctx.write(VALUES_FILE, stream, "image/tiff")
