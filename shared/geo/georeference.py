"""Pixel size and coordinate system of an image."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from shared.contracts.finding import Finding
from shared.errors import N_, CoordinatesInDegrees, CoordinatesUnknown
from shared.geo.raster import Affine, GsdSource, OpenOptions, RasterInfo

WORLD_FILE_LINES = 6
WORLD_FILE_BYTES = 4096
PLAUSIBLE_GSD_M = (0.01, 5.0)
SQUARE_TOLERANCE = 0.01
GIVEN_TOLERANCE = 0.01
WEB_MERCATOR = 3857
NAME_CHARACTERS = 40


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
        if not path.is_file() or path.stat().st_size > WORLD_FILE_BYTES:
            continue
        try:
            numbers = [float(line) for line in path.read_text(encoding="ascii").split()]
        except ValueError:
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
        placed = _note(placed, _CRS_IGNORED, stated=options.crs, used=placed.crs)
    return _compare_given(placed, options)


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
        raise CoordinatesUnknown(crs=_shown(text)) from cause
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    number = crs.to_epsg(min_confidence=25)
    name = f"EPSG:{number}" if number else _shown(crs.name)
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        raise CoordinatesInDegrees(crs=name)
    if number is None:
        raise CoordinatesUnknown(crs=name)
    return CRS.from_epsg(number)


def _shown(name: str) -> str:
    """Return a name out of a file, short and without characters that a page could interpret."""
    return re.sub(r"[^\w :/()+-]", "", name)[:NAME_CHARACTERS].strip()


def to_map(transform: Affine, column: float, row: float) -> tuple[float, float]:
    """Return map coordinates [m] of a position in pixels."""
    a, b, c, d, e, f = transform
    return a * column + b * row + c, d * column + e * row + f


_NOT_SQUARE = Finding(
    "hint",
    "bildpunkte_nicht_quadratisch",
    N_("Die Bildpunkte sind nicht quadratisch ({width} x {height} m)."),
    N_("Das Bild wird umgerechnet."),
)
_WEB_MERCATOR = Finding(
    "hint",
    "web_mercator",
    N_("Das Bild liegt in EPSG:3857. Dort sind Längen verzerrt."),
    N_("Flächen werden für die Breite der Bildmitte umgerechnet."),
)
_GIVEN_IGNORED = Finding(
    "hint",
    "angabe_weicht_ab",
    N_("Die angegebene Bodenauflösung {given} m passt nicht zur Datei ({used} m)."),
    N_("Es gilt die Datei."),
)
_CRS_IGNORED = Finding(
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
    width_m, height_m = _pixel_size(found.transform)
    number = crs.to_epsg()
    placed = replace(info, crs=f"EPSG:{number}", transform=found.transform, gsd_source=found.source)
    if number == WEB_MERCATOR:
        shrink = _mercator_scale(crs, found.transform, info)
        width_m, height_m = width_m * shrink, height_m * shrink
        placed = replace(placed, notes=(*placed.notes, _WEB_MERCATOR))
    placed = replace(placed, pixel_width_m=width_m, pixel_height_m=height_m)
    if abs(width_m / height_m - 1) > SQUARE_TOLERANCE:
        placed = _note(placed, _NOT_SQUARE, width=width_m, height=height_m)
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


def _invertible(transform: Affine) -> bool:
    a, b, _, d, e, _ = transform
    identity = (a, b, d, e) == (1.0, 0.0, 0.0, 1.0)
    return all(map(math.isfinite, transform)) and abs(a * e - b * d) > 0 and not identity


def _mercator_scale(crs: CRS, transform: Affine, info: RasterInfo) -> float:
    x, y = to_map(transform, info.width / 2, info.height / 2)
    _, latitude = Transformer.from_crs(crs, CRS.from_epsg(4326), always_xy=True).transform(x, y)
    return math.cos(math.radians(latitude))


def _world_suffixes(suffix: str) -> tuple[str, ...]:
    letters = suffix.lstrip(".").lower()
    short = f".{letters[0]}{letters[-1]}w" if len(letters) >= 3 else ""
    return tuple(name for name in (short, f".{letters}w", ".wld") if name)
