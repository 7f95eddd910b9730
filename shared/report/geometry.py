"""Geometries of a report's layers and their JSON form."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Annotated, Any

import shapely
from pydantic import PlainSerializer, PlainValidator
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from shared.report.checks import require

FAMILIES = {
    "Point": "Point",
    "MultiPoint": "Point",
    "LineString": "LineString",
    "MultiLineString": "LineString",
    "Polygon": "Polygon",
    "MultiPolygon": "Polygon",
}


def read_geometry(value: object) -> BaseGeometry:
    """Return a shapely geometry from one, or from the form of GeoJSON.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, BaseGeometry):
        return value
    try:
        return shapely.from_geojson(json.dumps(value))
    except (shapely.errors.ShapelyError, TypeError) as cause:
        message = "no geometry"
        raise ValueError(message) from cause


def write_geometry(geometry: BaseGeometry) -> dict[str, Any]:
    """Return a geometry in the form of GeoJSON, in its own coordinates."""
    return dict(mapping(geometry))


Geometry = Annotated[BaseGeometry, PlainValidator(read_geometry), PlainSerializer(write_geometry)]


def check_family(geometries: Sequence[BaseGeometry], title: str) -> None:
    """Refuse a layer that mixes points, lines and areas or holds empty geometries.

    Args:
        geometries: Geometries of the layer.
        title: Title of the layer, for the refusal.

    Raises:
        ReportInvalid: It cannot be written as one layer.
    """
    types = {getattr(geometry, "geom_type", "") for geometry in geometries}
    known = types <= set(FAMILIES)
    require(known, f"Die Ebene „{title}“ enthält etwas anderes als Punkte, Linien und Flächen.")
    families = {FAMILIES[kind] for kind in types}
    require(len(families) <= 1, f"Die Ebene „{title}“ mischt Punkte, Linien und Flächen.")
    usable = all(not one.is_empty and all(map(math.isfinite, one.bounds)) for one in geometries)
    require(usable, f"Die Ebene „{title}“ enthält ein Objekt ohne Ort.")
