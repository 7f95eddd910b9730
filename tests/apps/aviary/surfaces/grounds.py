"""Class maps that tests draw by hand, and recipes' settings with changes."""

from __future__ import annotations

import json
import warnings

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from shapely.geometry import mapping

from apps.aviary.inputs.run_image import RunImage
from apps.aviary.recipes import find_recipe
from apps.aviary.surfaces import DERIVATIONS, ClassMap
from shared.geo.nodata import NO_DATA
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions

GSD_M = 0.2
PLACE = Affine(GSD_M, 0, 380_000.0, 0, -GSD_M, 5_720_000.0)
ROOF, FLAT, GREEN, ASPHALT, PAVED, GRAVEL, WATER, GRASS, TREE, SOIL = range(10)
SURE = 80


def write(path, bands, *, place=PLACE, on_the_map=True, **options):
    """Write a raster of shape (rows, columns) or (rows, columns, bands)."""
    bands = np.moveaxis(np.atleast_3d(bands), 2, 0)
    count, height, width = bands.shape
    where = {"crs": "EPSG:25832", "transform": place} if on_the_map else {}
    options |= {"width": width, "height": height, "count": count, "dtype": bands.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **where, **options) as target:
            target.write(bands)
            if count == 4:
                target.colorinterp = (*target.colorinterp[:3], ColorInterp.undefined)
    return path


def ground(folder, codes, *, rgb=None, nir=None, confidence=None, area_px=None, place=PLACE):
    """Return a class map of codes drawn by hand; a grey image unless colours are given."""
    codes = np.asarray(codes, dtype=np.uint8)
    if confidence is None:
        confidence = np.where(codes == NO_DATA, NO_DATA, SURE).astype(np.uint8)
    colours = np.full((*codes.shape, 3), 120, np.uint8) if rgb is None else rgb
    bands = colours if nir is None else np.dstack([colours, nir])
    folder.mkdir(exist_ok=True)
    image = write(folder / "image.tif", bands, place=place, photometric="RGB")
    source = open_raster(image, options=OpenOptions(near_infrared=True))
    return ClassMap(
        write(folder / "codes.tif", codes, place=place, nodata=NO_DATA),
        write(folder / "confidence.tif", confidence, place=place, nodata=NO_DATA),
        source.info,
        RunImage(source),
        area_px,
    )


def derive(name, of: ClassMap, inputs=None, **changes):
    """Return the objects of a shipped recipe, some of whose settings are changed."""
    derivation, recipe = DERIVATIONS[name], find_recipe(name)
    settings = derivation.check({**recipe.settings, **changes})
    found = list(derivation.derive(of, settings, inputs or {}))
    assert {one.class_key for one in found} <= {one.key for one in recipe.classes}
    return found


def in_pixels(path, outlines):
    """Write outlines [px] with their columns as GeoJSON in pixels."""
    features = [
        {"type": "Feature", "properties": columns, "geometry": mapping(outline)}
        for outline, columns in outlines
    ]
    content = {"type": "FeatureCollection", "coordinates": "pixel", "features": features}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
