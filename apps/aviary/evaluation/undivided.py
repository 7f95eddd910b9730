"""What a recipe outlines in a class map that nothing divides: no tiles, no strips, no windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio
from shapely import Polygon

from apps.aviary.class_maps.outlines import outline_options
from apps.aviary.evaluation.scenes import Codes
from apps.aviary.inputs.run_image import RunImage
from apps.aviary.recipes import Recipe
from apps.aviary.surfaces import DERIVATIONS, ClassMap
from shared.geo.nodata import NO_DATA
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, RasterInfo
from shared.geo.vectorise import ON_PIXELS, polygonise

SURE = 100
"""Confidence of every pixel; it changes scores, but no outline."""

Outlines = Mapping[str, Sequence[Polygon]]
"""Polygons [px] by the key of their class."""


def undivided_outlines(codes: Codes, image: Path, recipe: Recipe, folder: Path) -> Outlines | None:
    """Outline a class map as if the image were one tile.

    Args:
        codes: What lies where; for recipes that derive objects as the model of land cover names it.
        image: The image, a GeoTIFF that needs no resampling.
        recipe: What is looked for.
        folder: Takes rasters meanwhile.

    Returns:
        None where the recipe asks a model for objects: no model is shown a large image whole.
    """
    with open_raster(image, options=OpenOptions()) as source:
        if recipe.kind == "semantic":
            return _areas(codes, source.info, recipe)
        if recipe.kind == "surfaces":
            return _objects(codes, RunImage(source), recipe, folder)
    return None


def _areas(codes: Codes, info: RasterInfo, recipe: Recipe) -> Outlines:
    keys = {one.code: one.key for one in recipe.classes}
    options = outline_options(recipe, (info.pixel_width_m or 1.0) * (info.pixel_height_m or 1.0))
    found: dict[str, list[Polygon]] = defaultdict(list)
    for one in polygonise([codes], ON_PIXELS, options):
        found[keys[one.code]].append(one.polygon)
    return found


def _objects(codes: Codes, image: RunImage, recipe: Recipe, folder: Path) -> Outlines:
    side_px = max(codes.shape)
    sure = np.where(codes == NO_DATA, NO_DATA, SURE).astype(np.uint8)
    ground = ClassMap(
        _write(folder / f"undivided-{recipe.recipe_id}-codes.tif", codes),
        _write(folder / f"undivided-{recipe.recipe_id}-sure.tif", sure),
        image.info,
        image,
        strip_rows=side_px,
        window_px=side_px,
    )
    derivation = DERIVATIONS[recipe.method]
    found: dict[str, list[Polygon]] = defaultdict(list)
    for one in derivation.derive(ground, derivation.check(recipe.settings), {}):
        found[one.class_key].append(one.polygon)
    return found


def _write(path: Path, values: Codes) -> Path:
    height, width = values.shape
    # Any place will do: these rasters are read by their pixels alone.
    place = rasterio.transform.from_origin(0, height, 1, 1)
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", transform=place, **profile) as raster:
        raster.write(values, 1)
    return path
