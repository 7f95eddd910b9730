"""Pixel size and coordinate system of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from pyproj import CRS

from shared.contracts.finding import Finding
from shared.errors import N_
from shared.geo.crs import parse_crs, settle_crs
from shared.geo.raster import Affine, GsdSource, OpenOptions, RasterInfo

WORLD_FILE_LINES = 6
WORLD_FILE_BYTES = 4096
PLAUSIBLE_GSD_M = (0.01, 5.0)
SQUARE_TOLERANCE = 0.01
GIVEN_TOLERANCE = 0.01
LEAST_TURN_DEG = 0.01


@dataclass(frozen=True, slots=True)
class Georeference:
    """Place of an image on the ground.

    Args:
        transform: Pixel to map coordinates, see `RasterInfo`.
        crs: Coordinate system stated in the file, as WKT or "EPSG:n"; None where absent.
        source: Where the transform comes from.
    """

    transform: Affine
    crs: str | None
    source: GsdSource


def read_world_file(image: Path) -> Affine | None:
    """Read the world file beside an image; None where there is none or it is no world file.

    A world file names the centre of the upper left pixel; the transform returned starts at its
    outer corner.
    """
    for suffix in _world_suffixes(image.suffix):
        path = image.with_suffix(suffix)
        try:
            if not path.is_file() or path.stat().st_size > WORLD_FILE_BYTES:
                continue
            numbers = [float(line) for line in path.read_text(encoding="ascii").split()]
        except (OSError, ValueError):  # for example a name that is too long by one letter
            continue
        if len(numbers) == WORLD_FILE_LINES and all(math.isfinite(value) for value in numbers):
            a, d, b, e, x, y = numbers
            return a, b, x - (a + b) / 2, d, e, y - (d + e) / 2
    return None


def place(info: RasterInfo, found: Georeference | None, options: OpenOptions) -> RasterInfo:
    """Work out pixel size and coordinate system from the file and from what a person said.

    Args:
        info: The image without a place.
        found: Georeference of the file, if any.
        options: Stated resolution and coordinate system.

    Raises:
        CoordinatesInDegrees: The coordinate system has no metres.
        CoordinatesUnknown: The coordinate system cannot be read.
    """
    if found is None or not _invertible(found.transform):
        return _use_given(info, options)
    stated = parse_crs(options.crs) if options.crs else None
    own = parse_crs(found.crs) if found.crs else None
    crs = own or stated
    if crs is None:
        return _without_crs(info, found, options)
    placed = _with_crs(info, found, crs)
    if own is not None and stated is not None and own != stated:
        placed = _note(placed, CRS_IGNORED, stated=options.crs, used=placed.crs)
    return _compare_given(placed, options)


_NOT_SQUARE = Finding(
    "hint",
    "bildpunkte_nicht_quadratisch",
    N_("Die Bildpunkte sind nicht quadratisch ({width} x {height} m)."),
    N_("Das Bild wird umgerechnet."),
)
_TURNED = Finding(
    "hint",
    "bild_gedreht",
    N_("Das Bild ist gegenüber Norden um {degrees} Grad gedreht."),
    N_("Ergebnisse liegen trotzdem richtig auf der Karte."),
)
_GIVEN_IGNORED = Finding(
    "hint",
    "angabe_weicht_ab",
    N_("Die angegebene Bodenauflösung {given} m passt nicht zur Datei ({used} m)."),
    N_("Es gilt die Datei."),
)
CRS_IGNORED = Finding(
    "hint",
    "crs_weicht_ab",
    N_("Das angegebene Koordinatensystem {stated} passt nicht zur Datei ({used})."),
    N_("Es gilt die Datei."),
)
_CRS_MISSING = Finding(
    "hint",
    "crs_fehlt",
    N_("Das Bild hat Koordinaten, aber kein Koordinatensystem."),
    N_("Auf der Kommandozeile nennen Sie es mit --crs EPSG:25832."),
)


def _use_given(info: RasterInfo, options: OpenOptions) -> RasterInfo:
    if options.gsd_m is None:
        return info
    return replace(
        info, pixel_width_m=options.gsd_m, pixel_height_m=options.gsd_m, gsd_source="given"
    )


def _with_crs(info: RasterInfo, found: Georeference, crs: CRS) -> RasterInfo:
    settled = settle_crs(crs.to_string(), found.transform, info.width, info.height)
    width_m, height_m = (side * settled.scale for side in _pixel_size(settled.transform))
    placed = replace(
        info,
        crs=settled.crs,
        transform=settled.transform,
        gsd_source=found.source,
        pixel_width_m=width_m,
        pixel_height_m=height_m,
        notes=(*info.notes, *settled.findings),
    )
    if abs(width_m / height_m - 1) > SQUARE_TOLERANCE:
        placed = _note(placed, _NOT_SQUARE, width=width_m, height=height_m)
    if abs(turned := _turn_deg(settled.transform)) > LEAST_TURN_DEG:
        placed = _note(placed, _TURNED, degrees=round(turned, 1))
    return placed


def _without_crs(info: RasterInfo, found: Georeference, options: OpenOptions) -> RasterInfo:
    width_m, height_m = _pixel_size(found.transform)
    noted = replace(info, notes=(*info.notes, _CRS_MISSING))
    low, high = PLAUSIBLE_GSD_M
    if not (low <= width_m <= high and low <= height_m <= high):
        return _use_given(noted, options)
    placed = replace(noted, pixel_width_m=width_m, pixel_height_m=height_m, gsd_source="world_file")
    return _compare_given(placed, options)


def _compare_given(info: RasterInfo, options: OpenOptions) -> RasterInfo:
    used = info.gsd_m
    if options.gsd_m is None or used is None or abs(options.gsd_m / used - 1) <= GIVEN_TOLERANCE:
        return info
    return _note(info, _GIVEN_IGNORED, given=options.gsd_m, used=used)


def _note(info: RasterInfo, finding: Finding, **details: object) -> RasterInfo:
    return replace(info, notes=(*info.notes, replace(finding, details=details)))


def _pixel_size(transform: Affine) -> tuple[float, float]:
    a, b, _, d, e, _ = transform
    return math.hypot(a, d), math.hypot(b, e)


def _turn_deg(transform: Affine) -> float:
    """Return by how much the rows run away from east, anticlockwise [degrees]."""
    a, _, _, d, _, _ = transform
    return math.degrees(math.atan2(d, a))


def _invertible(transform: Affine) -> bool:
    a, b, _, d, e, _ = transform
    identity = (a, b, d, e) == (1.0, 0.0, 0.0, 1.0)
    return all(map(math.isfinite, transform)) and abs(a * e - b * d) > 0 and not identity


def _world_suffixes(suffix: str) -> tuple[str, ...]:
    letters = suffix.lstrip(".").lower()
    short = f".{letters[0]}{letters[-1]}w" if len(letters) >= 3 else ""
    return tuple(name for name in (short, f".{letters}w", ".wld") if name)
