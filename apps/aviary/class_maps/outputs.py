"""The files of a class map, byte for byte the same for the same input."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image
from rasterio.io import MemoryFile

from apps.aviary.class_maps.map_file import CODES_FILE, ClassMap
from apps.aviary.class_maps.outlines import Outline
from apps.aviary.commands.origin import model_entry, timeless_origin
from apps.aviary.outputs import (
    PIXEL_DIGITS,
    failed_entry,
    geojson_head,
    geojson_text,
    image_entry,
    placed_rings,
    rounded,
    share_of_seen,
    warning_entry,
)
from apps.aviary.result_files import Json, compact
from shared import __version__
from shared.geo.nodata import NO_DATA
from shared.store.provenance import embed_in_png

PNG_LEVEL = 6


def class_geojson(content: ClassMap, outlines: Sequence[Outline]) -> str:
    """Write the areas of a class map as GeoJSON text, best score first, equal ones by place.

    Args:
        content: The map.
        outlines: Its areas.
    """
    ordered = sorted(outlines, key=lambda one: (-round(one.score, 4), one.polygon.bounds, one.code))
    lines = [compact(_feature(content, one, i)) for i, one in enumerate(ordered, start=1)]
    origin = timeless_origin(content.info, content.recipe, content.model)
    head = geojson_head(content.info, content.recipe, origin)
    return geojson_text(head, lines)


def _feature(content: ClassMap, one: Outline, number: int) -> Json:
    info, recipe = content.info, content.recipe
    kind = next(known for known in recipe.classes if known.code == one.code)
    return {
        "type": "Feature",
        "properties": {
            "object_id": number,
            "class": kind.key,
            "class_de": kind.title_de,
            "score": round(one.score, 4),
            "area_px": one.area_px,
            "area_m2": round(one.area_px * content.pixel_m2, 2),
            "bbox_px": [round(edge, PIXEL_DIGITS) for edge in one.polygon.bounds],
            "doubtful": one.score < recipe.doubtful_below,
            "domain_distance": None,
        },
        "geometry": {"type": "Polygon", "coordinates": placed_rings(info, one.polygon)},
    }


def as_pictures(content: ClassMap, rasters: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the rasters under the names of the command: GeoTIFF on the map, PNG without a place.

    Args:
        content: The map.
        rasters: Content of `classes.tif` and `confidence.tif`.
    """
    if content.info.crs is not None:
        return dict(rasters)
    origin = timeless_origin(content.info, content.recipe, content.model)
    return {
        name.replace(".tif", ".png"): embed_in_png(
            _png(raster, content if name == CODES_FILE else None), origin
        )
        for name, raster in rasters.items()
    }


def _png(raster: bytes, content: ClassMap | None) -> bytes:
    with MemoryFile(raster) as memory, memory.open() as dataset:
        values = dataset.read(1)
    picture = Image.fromarray(values)
    if content is not None:
        palette = np.zeros((NO_DATA + 1, 3), dtype=np.uint8)
        for one in content.recipe.classes:
            palette[one.code] = [int(one.colour[at : at + 2], 16) for at in (1, 3, 5)]
        picture.putpalette(palette.tobytes())
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=PNG_LEVEL)
    return target.getvalue()


def class_summary(
    content: ClassMap,
    outlines: Sequence[Outline],
    *,
    path: str,
    min_area_m2: float,
    seconds: float,
) -> Json:
    """Return the content of `summary.json`.

    Args:
        content: The map.
        outlines: The areas that are reported.
        path: Path of the image as the caller named it.
        min_area_m2: Least ground area of the reported areas [m2].
        seconds: Duration of the run.
    """
    recipe, model, totals, unusual = (
        content.recipe,
        content.model,
        content.totals,
        content.unusual_tiles,
    )
    counted = content.info.width * content.info.height
    findings = [one for one in content.findings if one.level != "ok"]
    return {
        "status": "incomplete" if content.failed else "ok",
        "recipe": recipe.recipe_id,
        "image": image_entry(content.info, path),
        "model": model_entry(model, recipe),
        "parameters": _parameters(content, min_area_m2),
        "counts": {one.key: sum(o.code == one.code for o in outlines) for one in recipe.classes},
        "area_m2": {key: round(value, 2) for key, value in content.area_m2.items()},
        "share": {key: round(value, 6) for key, value in content.share.items()},
        "nodata_share": round(content.no_data_share, 6),
        "outside_share": round(totals.outside / counted, 6),
        "mean_confidence": rounded(totals.mean_confidence, 4),
        "domain_warning_share": share_of_seen(
            unusual, content.tiles, content.empty_tiles, len(content.failed)
        ),
        "warnings": [warning_entry(one) for one in findings],
        "failed_tiles": [failed_entry(one) for one in content.failed],
        "tiles": content.tiles,
        "seconds": round(seconds, 3),
        "software_version": __version__,
    }


def _parameters(content: ClassMap, min_area_m2: float) -> Json:
    recipe = content.recipe
    return {
        "recipe_version": recipe.version,
        "min_area_m2": min_area_m2,
        "area_limited": content.area_px is not None,
        "near_infrared": content.near_infrared,
        "model_gsd_m": rounded(content.model_gsd_m, 6),
        "tile_px": recipe.tile_px,
        "overlap_px": recipe.overlap_px,
    }
