"""What lies on the ground: the answers of a model about tiles, joined to rasters on disk.

Recipes of the kinds `semantic`, `surfaces` and `change` start from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon

from apps.aviary.inference import look_at_cells
from apps.aviary.inputs.run_image import encode_png
from apps.aviary.inputs.valid_rows import ValidRows
from apps.aviary.kinds.cells import TileCells, from_arrays, pack, to_arrays, unpack
from apps.aviary.kinds.known_tiles import KnownTiles
from apps.aviary.kinds.row_file import RowFile
from apps.aviary.objects import FailedTile, TileFinds
from apps.aviary.pinned import PinnedModel
from apps.aviary.plan import RunPlan
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
from apps.aviary.work import Work, failed_tile, stopped_tile
from shared.contracts.finding import Finding
from shared.contracts.provenance import ModelUse
from shared.errors import N_
from shared.geo.cache import tile_key
from shared.geo.export import RasterLayout, Strip, write_cog
from shared.geo.nodata import NO_DATA
from shared.geo.raster import Affine, Patch, RasterInfo
from shared.geo.tiling import Tile
from shared.jobs.definition import JobContext, UnitOutcome, UnitResult
from shared.settings import get_settings

NO_VALUE = -9999

Groups = Mapping[int, tuple[int, ...]]

SIMPLER_MODEL = Finding(
    "hint",
    "einfaches_verfahren",
    N_("Das trainierte Modell fehlt hier. Ein einfaches Verfahren hat es vertreten."),
    N_("Das Ergebnis ist deutlich unsicherer."),
)


def look_at_ground(work: Work, plan: RunPlan, tile: Tile, ctx: JobContext) -> UnitResult:
    """Ask the model about one tile of the run's image; see `Method.look`."""
    patch = work.image.read(plan.source_box(tile), (tile.width, tile.height))
    if patch.empty:
        return UnitResult({"tile_id": tile.tile_id, "empty": True})
    cells, use = ask_about_cells(work, plan, tile, patch, ctx)
    file = ctx.write(f"tile-{tile.tile_id}.cells", pack(cells), "application/octet-stream")
    told = {
        "tile_id": tile.tile_id,
        "shape": list(cells.values.shape),
        "unusual": cells.unusual,
        "domain_distance": cells.domain_distance,
    }
    return UnitResult(told, file, (use,))


def ask_about_cells(
    work: Work, plan: RunPlan, tile: Tile, patch: Patch, ctx: JobContext
) -> tuple[TileCells, ModelUse]:
    """Return what the model says about the pixels of a tile, and near infrared after it.

    Args:
        work: The run.
        plan: All tiles of the image.
        tile: The tile.
        patch: Its pixels; not empty.
        ctx: Gives the model server.

    Raises:
        ItemError: This tile alone cannot be looked at.
        ModelServerError: The model server cannot answer.
    """
    model = work.parameters.pinned_model
    cells, use = _cells(work, plan, tile, patch, ctx)
    if patch.nir is not None and not model.near_infrared and model.fusion:
        cells = replace(cells, values=_fused(cells.values, patch, patch.nir, model))
    return cells, use


def _cells(
    work: Work, plan: RunPlan, tile: Tile, patch: Patch, ctx: JobContext
) -> tuple[TileCells, ModelUse]:
    """Ask the model about a tile, or take what it has said about the same pixels before."""
    model = work.parameters.pinned_model
    seen = patch.nir if model.near_infrared else None
    pixels = patch.rgb if seen is None else np.dstack([patch.rgb, seen])
    tiles = KnownTiles.of(get_settings(), use_cache=work.parameters.use_cache)
    key = tile_key(pixels, model.sha256, model.asked("probabilities", plan.gsd_m))
    known = tiles.find(key)
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
    tiles.keep(key, to_arrays(cells))
    return cells, use


def _fused(
    values: Cells, patch: Patch, near_infrared: NDArray[np.uint8], model: PinnedModel
) -> Cells:
    index = cell_means(ndvi(near_infrared, patch.rgb[..., 0]), patch.valid, model.stride)
    terms = {code: (a, b) for code, a, b in model.fusion}
    return fuse(values, index, [terms.get(code) for code in model.codes])


def draw_ground(
    work: Work,
    area: MultiPolygon | None,
    results: Iterator[tuple[Tile, Cells | None]],
    pixels: GroundPixels,
    *,
    beyond: bool = False,
) -> Totals:
    """Draw the map row by row and count what lies in the area.

    Args:
        work: The run.
        area: Part of the image that counts [px]; None for all of it.
        results: Each tile of the plan once, see `classify`.
        pixels: Take the rows.
        beyond: Draw what tiles show beyond the area too: a house does not end where it ends.

    Raises:
        DamagedImage: The file breaks off or is broken.
    """
    plan, info, model = work.plan(), work.image.info, work.parameters.pinned_model
    where = MapGrid(plan.tiles, (plan.width, plan.height), (info.width, info.height))
    margin_px = round(model.reach_px * max(plan.scale_x, plan.scale_y))
    valid = ValidRows(work.image, None if beyond else area, margin_px)
    inside = ValidRows(work.image, area, margin_px).inside
    groups = ground_groups(work)
    cells = CellMap(model.codes, model.stride, model.reach_px)
    totals = Totals()
    for strip in classify(where, results, cells, groups, valid):
        totals.add(strip, inside(strip.y0, strip.y0 + len(strip.codes)))
        pixels.codes.append(strip.codes)
        pixels.confidence.append(strip.confidence)
    return totals


@dataclass(frozen=True, slots=True)
class GroundPixels:
    """The pixels of a map while it is made."""

    codes: RowFile
    confidence: RowFile

    @classmethod
    def new(cls, folder: Path, width: int, stack: ExitStack) -> GroundPixels:
        """Begin with no row.

        Args:
            folder: Takes the files.
            width: Columns of the image [px].
            stack: Closes them.
        """
        names = ("codes", "confidence")
        return cls(*(stack.enter_context(RowFile(folder / name, width)) for name in names))


@dataclass(slots=True)
class ToldTiles:
    """What the tiles tell beside their cells; known after all `results` were taken.

    Args:
        plan: All tiles of the image.
        waiting: Tiles that are to be looked at and of which nothing is known yet.
    """

    plan: RunPlan
    waiting: set[int]
    tiles: int = 0
    seen: list[TileFinds] = field(default_factory=list)
    failed: list[FailedTile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tiles = len(self.waiting)

    @property
    def empty(self) -> int:
        """Tiles without image data, not sent."""
        return sum(one.empty for one in self.seen)

    @property
    def unusual(self) -> tuple[int, ...] | None:
        """Tiles unlike the training data; None where the model does not say."""
        if all(one.domain_distance is None for one in self.seen):
            return None
        return tuple(one.tile_id for one in self.seen if one.unusual)

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
            self.seen.append(TileFinds(tile_id, empty=True))
            return None
        data: Mapping[str, Any] = one.data
        self.seen.append(
            TileFinds(tile_id, unusual=data["unusual"], domain_distance=data["domain_distance"])
        )
        classes, rows, columns = data["shape"]
        return unpack(ctx.read(one.file), (classes, rows, columns), one.file.name)


def ground_groups(work: Work) -> Groups:
    """Return for each code of the map the codes of the model in it."""
    if work.recipe.kind == "semantic":
        return work.recipe.groups
    return {code: (code,) for code in work.parameters.model_codes}


def stands_in(work: Work) -> tuple[Finding, ...]:
    """Say that another model than the recipe's answered, where that is so."""
    return (SIMPLER_MODEL,) if work.parameters.model != work.recipe.model else ()


def write_ground(
    path: Path,
    rows: RowFile,
    info: RasterInfo,
    colours: Mapping[int, str],
    origin: Mapping[str, Any],
) -> None:
    """Write a raster as GeoTIFF.

    Args:
        path: The new file.
        rows: Its pixels.
        info: The image.
        colours: Colour of each code, "#rrggbb"; empty for other values.
        origin: Where it comes from.

    Raises:
        StorageFull: There is no space left.
    """
    write_cog(
        path, (Strip(strip[None]) for strip in rows.strips()), raster_layout(info, colours), origin
    )


def _local_metres(info: RasterInfo) -> Affine:
    """Place an image without georeference with its lower left corner at 0, 0 [m]."""
    width_m, height_m = info.pixel_width_m or 1.0, info.pixel_height_m or 1.0
    return (width_m, 0.0, 0.0, 0.0, -height_m, info.height * height_m)


def raster_layout(info: RasterInfo, colours: Mapping[int, str]) -> RasterLayout:
    """Say what the raster of a class map is.

    Args:
        info: The image.
        colours: Colour of each code, "#rrggbb".
    """
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


def values_layout(info: RasterInfo) -> RasterLayout:
    """Say what a raster of numbers on the pixels of an image is; `NO_VALUE` where none is known.

    Args:
        info: The image.
    """
    layout = raster_layout(info, {})
    return replace(layout, kind="heights", dtype="float32", nodata=NO_VALUE)
