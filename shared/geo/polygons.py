"""Outlines of found objects: repair, compare, join, simplify, write in one fixed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import Polygon, STRtree
from shapely.geometry import MultiPolygon, box
from shapely.geometry.base import BaseGeometry

LEAST_CORNERS = 3
SNAP_SHARE = 1e-9


def make_polygon(points: Sequence[tuple[float, float]]) -> Polygon | None:
    """Build a valid polygon from corners that may cross themselves.

    Args:
        points: Corners in order, closed or not.

    Returns:
        The largest valid part, or None where no area is left.
    """
    if len(set(points)) < LEAST_CORNERS or not np.isfinite(points).all():
        return None
    return largest_part(shapely.make_valid(Polygon(points)))


def largest_part(geometry: BaseGeometry) -> Polygon | None:
    """Return the polygon with the largest area inside a geometry; None where there is none."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    nested = [part for part in shapely.get_parts(geometry) if part.geom_type == "MultiPolygon"]
    parts += [inner for part in nested for inner in part.geoms]
    largest = max(parts, key=lambda part: (part.area, part.bounds), default=None)
    return largest if isinstance(largest, Polygon) and largest.area > 0 else None


def intersection_over_union(first: BaseGeometry, second: BaseGeometry) -> float:
    """Return shared area divided by joint area, 0 to 1."""
    shared = shared_area(first, second)
    joint = first.area + second.area - shared
    return float(shared / joint) if joint > 0 else 0.0


def shared_area(first: BaseGeometry, second: BaseGeometry) -> float:
    """Return the area that two geometries share; lines and points among them count nothing.

    Corners are snapped to a grid of a billionth of the extent: with full precision GEOS gives an
    empty intersection for some pairs whose edges nearly coincide.
    """
    low_x, low_y, high_x, high_y = first.bounds if not first.is_empty else (0.0, 0.0, 0.0, 0.0)
    grid = max(high_x - low_x, high_y - low_y) * SNAP_SHARE
    # A cut along an edge leaves lines beside areas, and GEOS refuses such a mixture.
    areas = [
        as_multipolygon(one) if one.geom_type == "GeometryCollection" else one
        for one in (first, second)
    ]
    return float(shapely.intersection(*areas, grid_size=grid).area)


def suppress_duplicates(
    polygons: Sequence[Polygon], scores: Sequence[float], max_iou: float
) -> list[int]:
    """Keep the best of polygons that describe the same thing.

    Args:
        polygons: Outlines in one coordinate system.
        scores: One score per polygon; equal scores are ordered by place.
        max_iou: Two kept polygons overlap at most by this IoU, 0 to 1.

    Returns:
        Indices of the kept polygons, best first.
    """
    order = sorted(range(len(polygons)), key=lambda i: (-scores[i], polygons[i].bounds, i))
    tree = STRtree(list(polygons))
    kept: list[int] = []
    is_kept = np.zeros(len(polygons), dtype=bool)
    for index in order:
        near = [int(other) for other in tree.query(polygons[index]) if is_kept[other]]
        if all(intersection_over_union(polygons[index], polygons[o]) <= max_iou for o in near):
            kept.append(index)
            is_kept[index] = True
    return kept


def regularise_rectangle(polygon: Polygon, min_iou: float) -> Polygon:
    """Replace an outline by its smallest rectangle where both cover nearly the same area.

    Args:
        polygon: Outline.
        min_iou: Least IoU of outline and rectangle, 0 to 1.
    """
    rectangle = polygon.minimum_rotated_rectangle
    if rectangle.geom_type == "Polygon" and intersection_over_union(polygon, rectangle) >= min_iou:
        return rectangle
    return polygon


def tidy(polygon: Polygon, tolerance: float) -> Polygon:
    """Drop corners that move the outline by less than a tolerance; holes stay out.

    Args:
        polygon: Outline.
        tolerance: Largest deviation, in the polygon's unit.
    """
    simplified = largest_part(Polygon(polygon.exterior).simplify(tolerance))
    return simplified if simplified is not None else polygon


def clip(polygon: Polygon, width: float, height: float) -> Polygon | None:
    """Cut a polygon to the image (0, 0) to (width, height); None where nothing is left."""
    return largest_part(polygon.intersection(box(0, 0, width, height)))


def canonical_ring(polygon: Polygon, digits: int) -> list[tuple[float, float]]:
    """Write the outer ring in one fixed form, so that equal shapes give equal bytes.

    Counter-clockwise in the mathematical sense of its numbers, starting at the smallest corner,
    closed, rounded.

    Args:
        polygon: Outline.
        digits: Decimal places of the coordinates.
    """
    outer = shapely.geometry.polygon.orient(polygon, sign=1.0).exterior.coords[:-1]
    corners: list[tuple[float, float]] = []
    for x, y in outer:
        corner = (round(x, digits) + 0.0, round(y, digits) + 0.0)
        if not corners or corner != corners[-1]:
            corners.append(corner)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    start = corners.index(min(corners))
    ring = corners[start:] + corners[:start]
    return [*ring, ring[0]]


def union_area(polygons: Sequence[Polygon]) -> float:
    """Return the area that polygons cover together; overlaps count once."""
    return float(shapely.union_all(list(polygons)).area) if polygons else 0.0


def as_multipolygon(geometry: BaseGeometry) -> MultiPolygon:
    """Return the polygonal part of a geometry, repaired."""
    valid = shapely.make_valid(geometry)
    parts = [part for part in shapely.get_parts(valid) if part.geom_type == "Polygon"]
    nested = [part for part in shapely.get_parts(valid) if part.geom_type == "MultiPolygon"]
    return MultiPolygon([*parts, *(inner for part in nested for inner in part.geoms)])
