"""What a vector file holds, before and after it crosses from the process that read it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
import shapely

from shared.contracts.finding import Finding

Value = bool | int | float | str | None


@dataclass(slots=True)
class VectorContent:
    """A layer as it stands in its file.

    Args:
        name: Name of the layer.
        columns: Values by name of the column, one per object.
        geometries: One per object; None where it has none.
        crs: Coordinate system as "EPSG:n" or WKT; None where the file names none.
        findings: What was noticed or converted while reading.
        layers: Names of all layers of the file.
        curved: Whether curves were replaced by lines on the way.
    """

    name: str
    columns: dict[str, list[Value]]
    geometries: list[shapely.Geometry | None]
    crs: str | None
    findings: tuple[Finding, ...] = ()
    layers: tuple[str, ...] = ()
    curved: bool = False


@dataclass(frozen=True, slots=True)
class PackedVectors:
    """The same as plain data that JSON can carry.

    Args:
        name: Name of the layer.
        columns: Values by name of the column.
        geometries: WKB of each object as base64 text, joined by blanks.
        crs: Coordinate system as "EPSG:n".
        findings: What was noticed or converted.
        layers: Names of all layers of the file.
    """

    name: str
    columns: dict[str, list[Value]]
    geometries: str
    crs: str
    findings: tuple[Finding, ...] = ()
    layers: tuple[str, ...] = ()


def pack_geometries(geometries: list[shapely.Geometry]) -> str:
    """Write geometries as one text.

    Args:
        geometries: Geometries without Z.
    """
    wkb = shapely.to_wkb(np.array(geometries, dtype=object))
    return " ".join(base64.b64encode(one).decode("ascii") for one in wkb)


def unpack_geometries(text: str) -> list[shapely.Geometry]:
    """Read what `pack_geometries` wrote.

    Raises:
        ValueError: It is no such text.
    """
    parts = [base64.b64decode(one, validate=True) for one in text.split()]
    try:
        return list(shapely.from_wkb(np.array(parts, dtype=object))) if parts else []
    except shapely.errors.ShapelyError as cause:
        message = "no geometries"
        raise ValueError(message) from cause
