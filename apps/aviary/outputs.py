"""The files of a run, byte for byte the same for the same input."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import Polygon

from apps.aviary.commands.origin import model_entry, timeless_origin
from apps.aviary.finds.analysis import Analysis, Result
from apps.aviary.finds.joining import FoundObject
from apps.aviary.objects import FailedTile
from apps.aviary.preflight import outside_checked_range
from apps.aviary.recipes import Recipe
from apps.aviary.result_files import Json, compact
from shared import __version__
from shared.contracts.finding import Finding
from shared.contracts.provenance import Provenance
from shared.geo.crs import to_map
from shared.geo.polygons import canonical_ring
from shared.geo.raster import RasterInfo
from shared.store.provenance_text import to_dict

PIXEL_DIGITS = 2
MAP_DIGITS = 3
FIGURE_DIGITS = 3


def objects_geojson(
    analysis: Analysis, result: Result, *, threshold: float, origin: Provenance | None = None
) -> str:
    """Write the found objects as GeoJSON text.

    With a coordinate system: its coordinates, named by `coordinates` and by a `crs` member of the
    2008 kind. Without: pixels, x right, y down, (0, 0) the outer corner of the upper left pixel.

    Args:
        analysis: The image after the model looked at it.
        result: Objects and totals for the threshold.
        threshold: Least score of the reported objects.
        origin: Where a stored run's result comes from; None names what the same input always
            gives, so that the same input gives the same bytes.
    """
    info, recipe = analysis.info, analysis.recipe
    if origin is None:
        told = timeless_origin(
            info,
            recipe,
            analysis.detection.model,
            threshold=threshold,
            inputs=dict(analysis.inputs),
        )
    else:
        told = to_dict(origin)
    head = geojson_head(info, recipe, told)
    return geojson_text(head, [compact(_feature(analysis, one)) for one in result.objects])


def geojson_head(info: RasterInfo, recipe: Recipe, origin: Json) -> Json:
    """Return the members of a collection of features beside the features.

    Args:
        info: The image.
        recipe: What was looked for.
        origin: Where the features come from.
    """
    head: Json = {"type": "FeatureCollection", "coordinates": info.crs or "pixel"}
    if info.crs is not None:
        name = f"urn:ogc:def:crs:{info.crs.replace(':', '::')}"
        head["crs"] = {"type": "name", "properties": {"name": name}}
    if outside_checked_range(info, recipe):
        head["outside_checked_range"] = True
    return head | {"provenance": origin}


def geojson_text(head: Json, lines: Sequence[str]) -> str:
    """Join head and features, one feature a line."""
    body = "\n" + ",\n".join(lines) + "\n" if lines else ""
    return f'{compact(head)[:-1]}, "features": [{body}]}}\n'


def summary(
    analysis: Analysis,
    result: Result,
    *,
    path: str,
    threshold: float,
    min_area_m2: float,
    seconds: float,
) -> Json:
    """Return the content of `summary.json`.

    Args:
        analysis: The image after the model looked at it.
        result: Objects and totals for the threshold.
        path: Path of the image as the caller named it.
        threshold: Least score of the reported objects.
        min_area_m2: Least ground area of the reported objects [m2].
        seconds: Duration of the run.
    """
    info, detection = analysis.info, analysis.detection
    tiles, empty = len(detection.plan.tiles), detection.empty_tiles
    unusual = detection.unusual_tiles
    return {
        "status": "ok" if analysis.complete else "incomplete",
        "recipe": analysis.recipe.recipe_id,
        "image": image_entry(info, path),
        "model": model_entry(detection.model, analysis.recipe),
        "parameters": {
            "recipe_version": analysis.recipe.version,
            "threshold": threshold,
            "min_area_m2": min_area_m2,
            "area_limited": analysis.area_px is not None,
            "inputs": dict(analysis.inputs),
            "model_gsd_m": rounded(detection.plan.gsd_m, 6),
            "tile_px": analysis.recipe.tile_px,
            "overlap_px": analysis.recipe.overlap_px,
        },
        "counts": dict(result.counts),
        "area_m2": {key: round(value, 2) for key, value in result.area_m2.items()},
        "share": {key: round(value, 6) for key, value in result.share.items()},
        "nodata_share": round(analysis.nodata_share, 6),
        "mean_confidence": rounded(result.mean_confidence, 4),
        "domain_warning_share": share_of_seen(unusual, tiles, empty, len(detection.failed)),
        "warnings": [warning_entry(one) for one in analysis.warnings],
        "failed_tiles": [failed_entry(one) for one in detection.failed],
        "tiles": tiles,
        "seconds": round(seconds, 3),
        "software_version": __version__,
    }


def share_of_seen(
    unusual: Sequence[int] | None, tiles: int, empty: int, failed: int
) -> float | None:
    """Return the share of tiles unlike the training data in those that a model saw, 0 to 1.

    Args:
        unusual: Such tiles; None where the model does not say.
        tiles: All tiles.
        empty: Those without image data, not sent.
        failed: Those without a result.
    """
    return None if unusual is None else round(len(unusual) / max(1, tiles - empty - failed), 4)


def _feature(analysis: Analysis, one: FoundObject) -> Json:
    return {
        "type": "Feature",
        "properties": {
            "object_id": one.object_id,
            "class": one.class_key,
            "class_de": analysis.recipe.title(one.class_key),
            "score": round(one.score, 4),
            "area_px": round(one.area_px, 1),
            "area_m2": round(one.area_m2, 2),
            "bbox_px": [round(edge, PIXEL_DIGITS) for edge in one.bbox_px],
            "doubtful": one.doubtful,
            "domain_distance": rounded(one.domain_distance, 4),
            **{key: round(value, FIGURE_DIGITS) for key, value in one.figures},
        },
        "geometry": {"type": "Polygon", "coordinates": placed_rings(analysis.info, one.polygon)},
    }


def object_ring(info: RasterInfo, one: FoundObject) -> list[tuple[float, float]]:
    """Return the closed outline of an object in map coordinates [m], or in pixels without CRS."""
    return placed_ring(info, one.polygon)


def placed_ring(info: RasterInfo, polygon: Polygon) -> list[tuple[float, float]]:
    """Return the closed outer ring of a polygon [px] in map coordinates [m]; in pixels without CRS.

    Args:
        info: The image.
        polygon: Outline [px]; its holes are left out.
    """
    if info.crs is None or info.transform is None:
        return canonical_ring(polygon, PIXEL_DIGITS)
    transform = info.transform
    moved = Polygon([to_map(transform, x, y) for x, y in polygon.exterior.coords])
    return canonical_ring(moved, MAP_DIGITS)


def placed_rings(info: RasterInfo, polygon: Polygon) -> list[list[tuple[float, float]]]:
    """Return the outer ring and the holes of a polygon; see `placed_ring`."""
    holes = [placed_ring(info, Polygon(ring)) for ring in polygon.interiors]
    return [placed_ring(info, polygon), *(ring[::-1] for ring in holes)]


def image_entry(info: RasterInfo, path: str) -> Json:
    """Describe the image of a run."""
    return {
        "path": path,
        "sha256": info.sha256,
        "width": info.width,
        "height": info.height,
        "gsd_m": rounded(info.gsd_m, 6),
        "gsd_source": info.gsd_source,
        "crs": info.crs,
        "bands": info.bands,
    }


def warning_entry(finding: Finding) -> Json:
    """Describe something that a reader must know."""
    return {"code": finding.code, "message": finding.german}


def failed_entry(one: FailedTile) -> Json:
    """Describe a tile without result."""
    return {
        "tile_id": one.tile_id,
        "box_px": [round(edge, 1) for edge in one.box_px],
        "code": one.code,
        "message": one.message,
    }


def rounded(value: float | None, digits: int) -> float | None:
    """Round a number that may be missing."""
    return None if value is None else round(value, digits)
