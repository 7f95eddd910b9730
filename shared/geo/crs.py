"""One metric coordinate system for everything: check, mend and convert what files say."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from shared.contracts.finding import Finding
from shared.errors import N_, CoordinatesInDegrees, CoordinatesUnknown
from shared.geo.raster import Affine

COMMON_NUMBER = 25832
COMMON_CRS = f"EPSG:{COMMON_NUMBER}"
WEB_MERCATOR = 3857
GERMANY_DEG = (5.5, 47.0, 15.5, 55.5)
"""West, south, east, north; outermost points of Germany rounded outwards."""
CONVERTED_NUMBERS = (4647, 25833, 31466, 31467)
LEGACY = (31466, 31467)
WITH_ZONE = {4647: 25832, 5650: 25833}
ZONES = {25832: 32, 25833: 33}
ZONE_M = 1_000_000
FIT_POINTS = 9
LARGEST_MISFIT_PX = 0.5
NAME_CHARACTERS = 40

_WEB_MERCATOR = Finding(
    "hint",
    "web_mercator",
    N_("Das Bild liegt in EPSG:3857. Dort sind Längen verzerrt."),
    N_("Flächen werden für die Breite der Bildmitte umgerechnet."),
)
ZONE_REMOVED = Finding(
    "ok", "zonenkennzahl", N_("Die Zonenkennzahl {zone} vor dem Ostwert wurde entfernt.")
)
AXES_SWAPPED = Finding(
    "hint",
    "achsen_vertauscht",
    N_("Ostwert und Nordwert waren vertauscht."),
    N_("Sie wurden getauscht. Bitte prüfen Sie die Lage auf der Karte."),
)
_IMPLAUSIBLE = Finding(
    "hint",
    "lage_unplausibel",
    N_("Mit {crs} liegt das Bild nicht in Deutschland."),
    N_("Bitte prüfen Sie das Koordinatensystem."),
)
CONVERTED = Finding(
    "ok", "crs_umgerechnet", N_("Die Lage wurde von {crs} in {common} umgerechnet.")
)
_CONVERTED_ROUGHLY = Finding(
    "hint",
    "crs_umgerechnet_grob",
    N_("Die Lage wurde von {crs} in {common} umgerechnet, auf etwa 3 m genau."),
    N_("Genauer wird es mit einem Bild, das der Lieferant in {common} ausgibt."),
)
_NOT_CONVERTED = Finding(
    "hint",
    "crs_nicht_umgerechnet",
    N_("Das Bild bleibt in {crs}: Umgerechnet in {common} lägen Bildpunkte bis {misfit} m falsch."),
    N_("Bitte teilen Sie das Bild oder lassen Sie es in {common} ausgeben."),
)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies.

    Args:
        crs: "EPSG:n", in metres.
        transform: Pixel to map coordinates, see `RasterInfo`.
        scale: Ground metres per metre of the map at the image's centre; 1 but for EPSG:3857.
        findings: What was noticed or changed.
    """

    crs: str
    transform: Affine
    scale: float = 1.0
    findings: tuple[Finding, ...] = ()


def parse_crs(text: str) -> CRS:
    """Read a coordinate system in metres.

    Args:
        text: "EPSG:n" or WKT.

    Raises:
        CoordinatesInDegrees: It counts in degrees or another unit.
        CoordinatesUnknown: Nobody knows it, or it has no EPSG number.
    """
    try:
        crs = CRS.from_user_input(text)
    except CRSError as cause:
        raise CoordinatesUnknown(crs=shown_name(text)) from cause
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    number = crs.to_epsg(min_confidence=25)
    name = f"EPSG:{number}" if number else shown_name(crs.name)
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        raise CoordinatesInDegrees(crs=name)
    if number is None:
        raise CoordinatesUnknown(crs=name)
    return CRS.from_epsg(number)


def require_true_metres(text: str) -> CRS:
    """Read a coordinate system in which areas may be measured.

    Args:
        text: "EPSG:n" or WKT.

    Raises:
        CoordinatesInDegrees: It counts in degrees, or its metres are not those of the ground.
        CoordinatesUnknown: Nobody knows it, or it has no EPSG number.
    """
    crs = parse_crs(text)
    if crs.to_epsg() == WEB_MERCATOR:
        raise CoordinatesInDegrees(crs=f"EPSG:{WEB_MERCATOR}")
    return crs


def shown_name(name: str) -> str:
    """Return a name out of a file, short and without characters that a page could interpret."""
    return re.sub(r"[^\w :/()+-]", "", name)[:NAME_CHARACTERS].strip()


def to_map(transform: Affine, column: float, row: float) -> tuple[float, float]:
    """Return map coordinates [m] of a position in pixels."""
    a, b, c, d, e, f = transform
    return a * column + b * row + c, d * column + e * row + f


def lies_in_germany(crs: CRS, x: float, y: float) -> bool:
    """Tell whether a position lies in the box around Germany.

    Args:
        crs: Coordinate system of the position.
        x: East value [m].
        y: North value [m].
    """
    place = _degrees(crs, x, y)
    if place is None:
        return False
    west, south, east, north = GERMANY_DEG
    return west <= place[0] <= east and south <= place[1] <= north


def settle_crs(crs: str, transform: Affine, width: int, height: int) -> Placement:
    """Check the place of an image and mend what can be mended without moving any pixel.

    Refuses degrees, removes a zone number in front of the east value, swaps exchanged axes, names
    what lies outside Germany and the scale of EPSG:3857.

    Args:
        crs: Coordinate system of the file, "EPSG:n" or WKT.
        transform: Pixel to map coordinates, see `RasterInfo`.
        width: Columns [px].
        height: Rows [px].

    Raises:
        CoordinatesInDegrees: The coordinate system has no metres.
        CoordinatesUnknown: The coordinate system cannot be read.
    """
    parsed = parse_crs(crs)
    findings: list[Finding] = []
    number, moved = _without_zone(parsed.to_epsg(), transform, findings)
    parsed = CRS.from_epsg(number)
    x, y = to_map(moved, width / 2, height / 2)
    if not lies_in_germany(parsed, x, y):
        swapped_number, swapped = _without_zone(number, (*moved[3:], *moved[:3]), [])
        x, y = to_map(swapped, width / 2, height / 2)
        if lies_in_germany(CRS.from_epsg(swapped_number), x, y):
            number, moved, parsed = swapped_number, swapped, CRS.from_epsg(swapped_number)
            findings.append(AXES_SWAPPED)
        else:
            findings.append(replace(_IMPLAUSIBLE, details={"crs": f"EPSG:{number}"}))
    scale = 1.0
    if number == WEB_MERCATOR:
        scale = _mercator_scale(parsed, *to_map(moved, width / 2, height / 2))
        findings.append(_WEB_MERCATOR)
    return Placement(f"EPSG:{number}", moved, scale, tuple(findings))


def guard_crs(crs: str, transform: Affine, width: int, height: int) -> Placement:
    """Check the place of an image and bring it into the common coordinate system.

    As `settle_crs`; images in EPSG:4647, 25833, 31466 and 31467 come out in EPSG:25832. Their
    pixels stay: the transform is the best affine one, as long as no pixel gets more than half a
    pixel away from its true place; larger images stay where they are, with a finding.

    Args:
        crs: Coordinate system of the file, "EPSG:n" or WKT.
        transform: Pixel to map coordinates, see `RasterInfo`.
        width: Columns [px].
        height: Rows [px].

    Raises:
        CoordinatesInDegrees: The coordinate system has no metres.
        CoordinatesUnknown: The coordinate system cannot be read.
    """
    placed = settle_crs(crs, transform, width, height)
    number = CRS.from_user_input(placed.crs).to_epsg()
    if number not in CONVERTED_NUMBERS:
        return placed
    details: dict[str, object] = {"crs": placed.crs, "common": COMMON_CRS}
    fitted, misfit_m = _fit(CRS.from_epsg(number), placed.transform, width, height)
    pixel_m = min(math.hypot(fitted[0], fitted[3]), math.hypot(fitted[1], fitted[4]))
    if not misfit_m <= LARGEST_MISFIT_PX * pixel_m:
        finding = replace(_NOT_CONVERTED, details={**details, "misfit": misfit_m})
        return replace(placed, findings=(*placed.findings, finding))
    finding = _CONVERTED_ROUGHLY if number in LEGACY else CONVERTED
    findings = (*placed.findings, replace(finding, details=details))
    return Placement(COMMON_CRS, fitted, placed.scale, findings)


def _without_zone(number: int, transform: Affine, findings: list[Finding]) -> tuple[int, Affine]:
    """Take the zone number from the east value: 32,400,000 m becomes 400,000 m."""
    plain = WITH_ZONE.get(number, number)
    zone = ZONES.get(plain)
    a, b, c, d, e, f = transform
    if zone is None or int(c // ZONE_M) != zone:
        return number, transform
    findings.append(replace(ZONE_REMOVED, details={"zone": zone}))
    return plain, (a, b, c - zone * ZONE_M, d, e, f)


@lru_cache(maxsize=32)
def _to_degrees(crs: CRS) -> Transformer:
    return Transformer.from_crs(crs, CRS.from_epsg(4326), always_xy=True)


def _degrees(crs: CRS, x: float, y: float) -> tuple[float, float] | None:
    try:
        east, north = _to_degrees(crs).transform(x, y)
    except ProjError:
        return None
    return (east, north) if math.isfinite(east) and math.isfinite(north) else None


def _mercator_scale(crs: CRS, x: float, y: float) -> float:
    place = _degrees(crs, x, y)
    return math.cos(math.radians(place[1])) if place else 1.0


def _fit(crs: CRS, transform: Affine, width: int, height: int) -> tuple[Affine, float]:
    """Return the best affine transform into the common system and its largest misfit [m]."""
    columns, rows = (
        axis.ravel()
        for axis in np.meshgrid(
            np.linspace(0, width, FIT_POINTS), np.linspace(0, height, FIT_POINTS)
        )
    )
    a, b, c, d, e, f = transform
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    change = Transformer.from_crs(crs, CRS.from_epsg(COMMON_NUMBER), always_xy=True)
    wanted = np.stack(change.transform(x, y), axis=1)
    if not np.isfinite(wanted).all():
        return transform, math.inf
    places: NDArray[np.float64] = np.stack(
        [columns / width, rows / height, np.ones(len(columns))], axis=1
    )
    middle = wanted.mean(axis=0)
    solved = np.linalg.lstsq(places, wanted - middle, rcond=None)[0]
    misfit = np.hypot(*(places @ solved - (wanted - middle)).T).max()
    (a, d), (b, e), (c, f) = solved.tolist()
    east, north = middle.tolist()
    return (a / width, b / height, c + east, d / width, e / height, f + north), float(misfit)
