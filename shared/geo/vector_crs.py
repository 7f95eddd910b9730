"""Bring vector data to the place where they belong: one metric coordinate system."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from shared.contracts.finding import Finding
from shared.errors import N_, CoordinatesUnknown, GeodataWithoutCrs, PlaceImplausible
from shared.geo.crs import (
    AXES_SWAPPED,
    COMMON_CRS,
    CONVERTED,
    GERMANY_DEG,
    LEGACY,
    WITH_ZONE,
    ZONE_M,
    ZONE_REMOVED,
    ZONES,
    shown_name,
)
from shared.geo.georeference import CRS_IGNORED
from shared.geo.vector_content import VectorContent

_WGS84 = "EPSG:4326"
_CONVERTED_ROUGHLY = Finding(
    "hint",
    "crs_umgerechnet_grob",
    N_("Die Lage wurde von {crs} in {common} umgerechnet, auf etwa 3 m genau."),
    N_("Für genaue Grenzen liefern Sie die Geodaten bitte in {common}."),
)


def locate(content: VectorContent, stated: str = "") -> VectorContent:
    """Return a layer in EPSG:25832, whatever system and order of axes it came in.

    Args:
        content: The layer; at least one object has a geometry.
        stated: System that a person named, for example "EPSG:25832"; counts where the file
            names none.

    Raises:
        GeodataWithoutCrs: Nobody named a system.
        CoordinatesUnknown: Nobody knows it.
        PlaceImplausible: The objects lie outside Germany in either order of axes.
    """
    if not content.crs and not stated:
        raise GeodataWithoutCrs()
    own = parse_any_crs(content.crs or stated)
    name = crs_name(own)
    findings = list(content.findings)
    if content.crs and stated and parse_any_crs(stated) != own:
        findings.append(replace(CRS_IGNORED, details={"stated": stated, "used": name}))
    geometries = np.array(content.geometries, dtype=object)
    if zone := _zone_in_front(own, geometries):
        own = CRS.from_epsg(zone)
        findings.append(replace(ZONE_REMOVED, details={"zone": ZONES[WITH_ZONE[zone]]}))
    if not in_germany(geometries, own):
        geometries = shapely.transform(geometries, lambda points: points[:, ::-1])
        if not in_germany(geometries, own):
            raise PlaceImplausible(crs=name)
        findings.append(AXES_SWAPPED)
    if name != COMMON_CRS:
        rough = own.to_epsg() in LEGACY
        details = {"crs": name, "common": COMMON_CRS}
        findings.append(replace(_CONVERTED_ROUGHLY if rough else CONVERTED, details=details))
    moved = to_system(geometries, own, COMMON_CRS)
    return replace(content, geometries=list(moved), crs=COMMON_CRS, findings=tuple(findings))


def parse_any_crs(text: str) -> CRS:
    """Read a coordinate system in metres or degrees; heights are left out.

    Args:
        text: "EPSG:n", a URN or WKT.

    Raises:
        CoordinatesUnknown: Nobody knows it, or it has no place on earth.
    """
    try:
        crs = CRS.from_user_input(text)
    except CRSError as cause:
        raise CoordinatesUnknown(crs=shown_name(text)) from cause
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if not (crs.is_projected or crs.is_geographic):
        raise CoordinatesUnknown(crs=shown_name(crs.name))
    number = crs.to_epsg(min_confidence=25)
    return CRS.from_epsg(number) if number else crs


def crs_name(crs: CRS) -> str:
    """Return "EPSG:n" or a short name."""
    number = crs.to_epsg()
    return f"EPSG:{number}" if number else shown_name(crs.name)


def in_germany(geometries: NDArray[np.object_], crs: CRS) -> bool:
    """Tell whether most geometries lie in Germany.

    Args:
        geometries: Geometries, shape (n,); None and empty ones do not count.
        crs: Their system; x is east or longitude.
    """
    west, south, east, north = shapely.bounds(geometries).T
    x, y = (west + east) / 2, (south + north) / 2
    known = np.isfinite(x) & np.isfinite(y)
    to_degrees = Transformer.from_crs(crs, _WGS84, always_xy=True)
    longitude, latitude = to_degrees.transform(x[known], y[known])
    low_x, low_y, high_x, high_y = GERMANY_DEG
    inside = (longitude > low_x) & (longitude < high_x) & (latitude > low_y) & (latitude < high_y)
    return bool(inside.size) and float(inside.mean()) > 1 / 2


def to_system(
    geometries: NDArray[np.object_], source: CRS | str, target: CRS | str
) -> NDArray[np.object_]:
    """Move geometries from one system to another; x is east or longitude in both.

    Args:
        geometries: Geometries without Z, shape (n,).
        source: Their system.
        target: The system of the result.
    """
    mover = Transformer.from_crs(source, target, always_xy=True)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(mover.transform(points[:, 0], points[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(geometries, move)
    return moved


def _zone_in_front(crs: CRS, geometries: NDArray[np.object_]) -> int | None:
    """Return the system that counts the zone in front of the east value, where this is one."""
    plain = crs.to_epsg()
    for number, without in WITH_ZONE.items():
        if plain == without:
            west = shapely.bounds(geometries)[:, 0]
            zones = west[np.isfinite(west)] // ZONE_M
            return number if (zones == ZONES[without]).all() else None
    return None
