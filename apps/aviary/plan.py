"""Which tiles of an image are looked at, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass

from shapely import MultiPolygon, affinity, prepare
from shapely.geometry import box

from apps.aviary.recipe_book.schema import CELL_STEP_PX
from apps.aviary.recipes import Recipe
from shared.errors import ResolutionMissing
from shared.geo.raster import RasterInfo
from shared.geo.tiling import Tile, plan_tiles

SAME_GSD = 0.005


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The work of one run.

    Args:
        tiles: Tiles on the pixel grid of the resolution that the model sees best.
        width: Columns of that grid.
        height: Rows of that grid.
        scale_x: Pixels of the image per pixel of the grid, horizontally.
        scale_y: The same vertically.
        gsd_m: Ground sampling distance of the grid [m].
    """

    tiles: tuple[Tile, ...]
    width: int
    height: int
    scale_x: float
    scale_y: float
    gsd_m: float

    def source_box(self, tile: Tile) -> tuple[float, float, float, float]:
        """Return the edges of a tile in pixels of the image."""
        left, upper, right, lower = tile.box
        return (
            left * self.scale_x,
            upper * self.scale_y,
            right * self.scale_x,
            lower * self.scale_y,
        )


def plan_run(
    info: RasterInfo,
    recipe: Recipe,
    *,
    gsd_m: float | None = None,
    area_px: MultiPolygon | None = None,
) -> RunPlan:
    """Lay tiles over an image at the resolution that the model sees best.

    A formula is computed on the pixels of the image itself.

    Args:
        info: The image; its resolution must be known.
        recipe: What is looked for.
        gsd_m: Ground sampling distance of the tiles [m]; None takes the recipe's.
        area_px: Part of the image that counts, in pixels of the image; None takes all of it.

    Raises:
        ResolutionMissing: The ground sampling distance is unknown.
    """
    if info.pixel_width_m is None or info.pixel_height_m is None:
        raise ResolutionMissing()
    native = gsd_m or recipe.gsd_native_m
    width, height = info.width, info.height
    if recipe.kind == "index":
        native = (info.pixel_width_m + info.pixel_height_m) / 2
    else:
        width = _resampled(width, info.pixel_width_m / native)
        height = _resampled(height, info.pixel_height_m / native)
    scale_x, scale_y = info.width / width, info.height / height
    step_px = CELL_STEP_PX if recipe.on_cells else 1
    tiles = plan_tiles(width, height, recipe.tile_px, recipe.overlap_px, step_px=step_px)
    if area_px is not None:
        area = affinity.scale(area_px, 1 / scale_x, 1 / scale_y, origin=(0, 0))
        prepare(area)
        tiles = tuple(tile for tile in tiles if area.intersects(box(*tile.box)))
    return RunPlan(tiles, width, height, scale_x, scale_y, native)


def _resampled(length: int, factor: float) -> int:
    """Return the pixels of an axis on the native grid; a negligible difference keeps the grid."""
    return length if abs(factor - 1) <= SAME_GSD else max(1, round(length * factor))
