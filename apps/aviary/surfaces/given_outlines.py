"""Outlines that a person gives beside the image: buildings or parcels, in pixels of the image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from rasterio.transform import Affine
from shapely import GEOSException, MultiPolygon
from shapely.geometry import box, shape

from apps.aviary.inputs.input_files import TITLES
from apps.aviary.recipe_book.schema import InputName
from shared.errors import N_, InputUnusable
from shared.geo.polygons import as_multipolygon
from shared.geo.raster import RasterInfo
from shared.geo.vector_io import open_vectors

MOST_PIXEL_BYTES = 20 * 2**20
"""Files in pixels are small; larger ones are read as maps."""

_OUTSIDE = N_("Sie liegt außerhalb des Bildes.")
_NO_AREAS = N_("Sie enthält keine Flächen.")
_NO_PLACE = N_("Das Bild hat keine Lage auf der Karte. Sie muss deshalb Bildpunkte angeben.")


@dataclass(frozen=True, slots=True)
class GivenOutline:
    """One area of the file.

    Args:
        polygon: Its part in the image [px].
        columns: What the file says about it.
    """

    polygon: MultiPolygon
    columns: Mapping[str, Any]


def read_outlines(path: Path, name: InputName, info: RasterInfo) -> tuple[GivenOutline, ...]:
    """Read the areas of a file that meet an image.

    A GeoJSON file with `"coordinates": "pixel"` holds pixels of the image; any other file lies on
    the map, see `open_vectors`.

    Args:
        path: The file.
        name: What it is.
        info: The image.

    Raises:
        InputUnusable: It has no area, none meets the image, or the image has no place on the map.
        InputError: The file cannot be read; see `open_vectors`.
    """
    frame = box(0, 0, info.width, info.height)
    content = _in_pixels(path)
    areas = _of_map(path, name, info) if content is None else _of_pixels(content, name)
    outlines = []
    is_empty = True
    for area, columns in areas:
        is_empty = False
        if area.intersects(frame):
            inside = as_multipolygon(area.intersection(frame))
            if inside.area > 0:
                outlines.append(GivenOutline(inside, columns))
    if not outlines:
        raise _unusable(name, _NO_AREAS if is_empty else _OUTSIDE)
    return tuple(outlines)


def _in_pixels(path: Path) -> dict[str, Any] | None:
    """Return the content of a file in pixels; None for any other file."""
    try:
        if path.stat().st_size > MOST_PIXEL_BYTES:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(content, dict) and content.get("coordinates") == "pixel":
        return content
    return None


def _of_pixels(
    content: dict[str, Any], name: InputName
) -> Iterator[tuple[MultiPolygon, dict[str, Any]]]:
    features = content.get("features")
    for one in features if isinstance(features, list) else []:
        try:
            area = as_multipolygon(shape(one["geometry"]))
            columns = dict(one.get("properties") or {})
        except (ValueError, TypeError, LookupError, AttributeError, GEOSException) as cause:
            raise _unusable(name, _NO_AREAS) from cause
        if not area.is_empty:
            yield area, columns


def _of_map(
    path: Path, name: InputName, info: RasterInfo
) -> Iterator[tuple[MultiPolygon, dict[str, Any]]]:
    layer = open_vectors(path)
    if info.crs is None or info.transform is None:
        raise _unusable(name, _NO_PLACE)
    frame = layer.frame.to_crs(info.crs)
    back = ~Affine(*info.transform)
    moved = shapely.affinity.affine_transform
    coefficients = (back.a, back.b, back.d, back.e, back.c, back.f)
    columns = frame.drop(columns="geometry").to_dict("records")
    for geometry, row in zip(frame.geometry, columns, strict=True):
        area = as_multipolygon(moved(geometry, coefficients))
        if not area.is_empty:
            yield area, row


def _unusable(name: InputName, reason: str) -> InputUnusable:
    return InputUnusable(what=TITLES[name], reason=reason)
