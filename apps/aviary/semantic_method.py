"""Recipes of kind `semantic`: classes on the cells of each tile, joined to a map of the image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon

from apps.aviary.cells import TileCells, from_arrays, pack, to_arrays, unpack
from apps.aviary.class_map_file import (
    CLASS_MAP_FILE,
    CODES_FILE,
    CONFIDENCE_FILE,
    FORMAT,
    OUTLINES_FILE,
    ClassMap,
    write_class_map,
)
from apps.aviary.detection_file import area_rings
from apps.aviary.inference import PinnedModel, look_at_cells
from apps.aviary.objects import FailedTile
from apps.aviary.origin import timeless_origin
from apps.aviary.outlines import outline_classes, to_lines
from apps.aviary.plan import RunPlan
from apps.aviary.row_file import RowFile
from apps.aviary.run_image import encode_png
from apps.aviary.semantic import (
    CellMap,
    Cells,
    MapGrid,
    Totals,
    cell_means,
    classify,
    fuse,
    ndvi,
)
from apps.aviary.valid_rows import ValidRows
from apps.aviary.work import (
    Work,
    area_of,
    failed_figures,
    failed_tile,
    stopped_tile,
    write_overview,
)
from shared.contracts.finding import Finding
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import N_
from shared.geo.cache import tile_cache, tile_key
from shared.geo.export import RasterLayout, Strip, write_cog
from shared.geo.nodata import NO_DATA
from shared.geo.raster import Affine, Patch, RasterInfo
from shared.geo.tiling import Tile
from shared.geo.vectorise import OutlineOptions
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.settings import get_settings
from shared.store.local_files import disk_errors

SIMPLER_MODEL = Finding(
    "hint",
    "einfaches_verfahren",
    N_("Das trainierte Modell fehlt hier. Ein einfaches Verfahren hat es vertreten."),
    N_("Das Ergebnis ist deutlich unsicherer."),
)


class SemanticMethod:
    """Send each tile to a model that says what lies on the ground."""

    def look(self, work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
        """See `Method.look`."""
        patch = work.image.read(plan.source_box(tile), (tile.width, tile.height))
        if patch.empty:
            return UnitResult({"tile_id": tile.tile_id, "empty": True})
        model = work.parameters.pinned_model
        cells, use = _cells(work, plan, tile, patch, ctx)
        values = cells.values
        if patch.nir is not None and not model.near_infrared and model.fusion:
            values = _fused(values, patch, patch.nir, model)
        file = ctx.write(
            f"tile-{tile.tile_id}.cells", pack(TileCells(values)), "application/octet-stream"
        )
        told = {
            "tile_id": tile.tile_id,
            "shape": list(values.shape),
            "unusual": cells.unusual,
            "domain_distance": cells.domain_distance,
        }
        return UnitResult(told, file, (use,))

    def finish(self, work: Work, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        """Write the class map, its confidence, outlines and totals."""
        area = area_of(work, ctx)
        told = _Told(work.plan(), {tile.tile_id for tile in work.plan(area).tiles})
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pixels = _Pixels.new(folder, work.image.info.width, stack)
            stack.enter_context(disk_errors(folder))
            totals = _draw(work, area, told.results(outcomes, ctx), pixels)
            content = _class_map(work, area, told, totals)
            files = (
                ctx.write(CLASS_MAP_FILE, write_class_map(content), "application/json"),
                *_write_rasters(content, pixels, folder, ctx),
                _write_outlines(content, pixels, folder, ctx),
                write_overview(work, ctx),
            )
        return ResultSummary(_figures(content), files)


@dataclass(frozen=True, slots=True)
class _Pixels:
    """The pixels of a map while it is made."""

    codes: RowFile
    confidence: RowFile

    @classmethod
    def new(cls, folder: Path, width: int, stack: ExitStack) -> _Pixels:
        names = ("codes", "confidence")
        return cls(*(stack.enter_context(RowFile(folder / name, width)) for name in names))


@dataclass(slots=True)
class _Told:
    """What the tiles tell beside their cells.

    Args:
        plan: All tiles of the image.
        waiting: Tiles that are to be looked at and of which nothing is known yet.
    """

    plan: RunPlan
    waiting: set[int]
    tiles: int = 0
    empty: int = 0
    unusual: list[int] = field(default_factory=list)
    failed: list[FailedTile] = field(default_factory=list)
    has_distances: bool = False

    def __post_init__(self) -> None:
        self.tiles = len(self.waiting)

    def results(
        self, outcomes: Iterator[UnitOutcome], ctx: JobContext
    ) -> Iterator[tuple[Tile, Cells | None]]:
        """Give every tile of the image once and in order; what is not known is None."""
        turn = 0
        for one in outcomes:
            tile_id = int(one.key)
            for missing in range(turn, tile_id):
                yield self.plan.tiles[missing], None
            yield self.plan.tiles[tile_id], self._read(one, tile_id, ctx)
            turn = tile_id + 1
        for missing in range(turn, len(self.plan.tiles)):
            yield self.plan.tiles[missing], None
        self.failed.extend(stopped_tile(self.plan, tile_id) for tile_id in sorted(self.waiting))
        self.failed.sort(key=lambda one: one.tile_id)

    def _read(self, one: UnitOutcome, tile_id: int, ctx: JobContext) -> Cells | None:
        if one.data is None:
            if one.error_code is not None:
                self.failed.append(failed_tile(one, one.error_code, self.plan))
                self.waiting.discard(tile_id)
            return None
        self.waiting.discard(tile_id)
        if one.file is None:
            self.empty += 1
            return None
        data: Mapping[str, Any] = one.data
        self.has_distances |= data["domain_distance"] is not None
        if data["unusual"]:
            self.unusual.append(tile_id)
        classes, rows, columns = data["shape"]
        return unpack(ctx.read(one.file), (classes, rows, columns), one.file.name)


def _cells(
    work: Work, plan: RunPlan, tile: Tile, patch: Patch, ctx: JobContext
) -> tuple[TileCells, ModelUse]:
    """Ask the model about a tile, or take what it has said about the same pixels before."""
    model = work.parameters.pinned_model
    seen = patch.nir if model.near_infrared else None
    pixels = patch.rgb if seen is None else np.dstack([patch.rgb, seen])
    cache = tile_cache(get_settings()) if work.parameters.use_cache else None
    key = tile_key(pixels, model.sha256, {"output": "probabilities", "gsd_m": round(plan.gsd_m, 6)})
    known = None if cache is None else cache.find(key)
    if known is not None:
        return from_arrays(known), ModelUse(model.name, model.version, model.sha256)
    cells, use = look_at_cells(
        ctx.models,
        model,
        tile,
        encode_png(pixels),
        gsd_m=plan.gsd_m,
        near_infrared=seen is not None,
    )
    if cache is not None:
        cache.keep(key, to_arrays(cells))
    return cells, use


def _fused(
    values: Cells, patch: Patch, near_infrared: NDArray[np.uint8], model: PinnedModel
) -> Cells:
    index = cell_means(ndvi(near_infrared, patch.rgb[..., 0]), patch.valid, model.stride)
    terms = {code: (a, b) for code, a, b in model.fusion}
    return fuse(values, index, [terms.get(code) for code in model.codes])


def _draw(
    work: Work,
    area: MultiPolygon | None,
    results: Iterator[tuple[Tile, Cells | None]],
    pixels: _Pixels,
) -> Totals:
    """Draw the map row by row and count it."""
    plan, info, model = work.plan(), work.image.info, work.parameters.pinned_model
    where = MapGrid(plan.tiles, (plan.width, plan.height), (info.width, info.height))
    margin_px = round(model.reach_px * max(plan.scale_x, plan.scale_y))
    valid = ValidRows(work.image, area, margin_px)
    cells = CellMap(model.codes, model.stride, model.reach_px)
    totals = Totals()
    for strip in classify(where, results, cells, work.recipe.groups, valid):
        totals.add(strip, valid.inside(strip.y0, strip.y0 + len(strip.codes)))
        pixels.codes.append(strip.codes)
        pixels.confidence.append(strip.confidence)
    return totals


def _class_map(work: Work, area: MultiPolygon | None, told: _Told, totals: Totals) -> ClassMap:
    parameters, image = work.parameters, work.image
    model = parameters.pinned_model
    fused = model.near_infrared or bool(model.fusion)
    return ClassMap(
        format=FORMAT,
        info=image.info,
        recipe=work.recipe,
        findings=(*image.check(work.recipe, force=parameters.force), *_stands_in(work)),
        model=ModelUse(model.name, model.version, model.sha256),
        model_gsd_m=told.plan.gsd_m,
        near_infrared=fused and image.info.has_near_infrared and parameters.near_infrared,
        area_px=area_rings(area),
        totals=totals,
        tiles=told.tiles,
        empty_tiles=told.empty,
        unusual_tiles=tuple(told.unusual) if told.has_distances else None,
        failed=tuple(told.failed),
    )


def _stands_in(work: Work) -> tuple[Finding, ...]:
    return (SIMPLER_MODEL,) if work.parameters.model != work.recipe.model else ()


def _write_rasters(
    content: ClassMap, pixels: _Pixels, folder: Path, ctx: JobContext
) -> Iterator[StoredFile]:
    colours = {one.code: one.colour for one in content.recipe.classes}
    origin = timeless_origin(content.info, content.recipe, content.model)
    for name, rows in ((CODES_FILE, pixels.codes), (CONFIDENCE_FILE, pixels.confidence)):
        path = folder / name
        strips = (Strip(strip[None]) for strip in rows.strips())
        layout = _layout(content.info, colours if name == CODES_FILE else {})
        write_cog(path, strips, layout, origin)
        with path.open("rb") as stream:
            yield ctx.write(name, stream, "image/tiff")


def _local_metres(info: RasterInfo) -> Affine:
    """Place an image without georeference with its lower left corner at 0, 0 [m]."""
    width_m, height_m = info.pixel_width_m or 1.0, info.pixel_height_m or 1.0
    return (width_m, 0.0, 0.0, 0.0, -height_m, info.height * height_m)


def _layout(info: RasterInfo, colours: Mapping[int, str]) -> RasterLayout:
    return RasterLayout(
        width=info.width,
        height=info.height,
        bands=1,
        dtype="uint8",
        kind="labels",
        transform=info.transform or _local_metres(info),
        crs=info.crs,
        nodata=NO_DATA,
        colours=colours,
    )


def _write_outlines(
    content: ClassMap, pixels: _Pixels, folder: Path, ctx: JobContext
) -> StoredFile:
    recipe, path = content.recipe, folder / OUTLINES_FILE
    options = OutlineOptions(
        classes=tuple(one.code for one in recipe.classes),
        least_m2=recipe.min_area_m2 / content.pixel_m2,
        tolerance_m=recipe.simplify_px,
    )
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
        "model": f"{model.name} {model.version} {model.sha256[:12]}",
    }
