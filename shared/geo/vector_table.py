"""Tables with coordinates: CSV as offices write it, with WKT or with two columns x and y."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import numpy as np
import shapely

from shared.contracts.finding import Finding
from shared.errors import N_, TableUnreadable, TableWithoutPlace
from shared.geo.vector_content import Value, VectorContent
from shared.report.csv_out import plain_text

WINDOWS = "Windows-1252"
MOST_CELL_CHARACTERS = 2**27
SEPARATORS = ";,\t|"
WKT_NAMES = ("wkt", "geometry", "geometrie", "geom", "the_geom", "outline_wkt")
X_NAMES = ("x", "e", "ost", "ostwert", "rechtswert", "easting", "x_25832", "utm_x")
Y_NAMES = ("y", "n", "nord", "nordwert", "hochwert", "northing", "y_25832", "utm_y")
LONGITUDES = ("lon", "long", "lng", "longitude", "länge", "laenge", "geogr_laenge")
LATITUDES = ("lat", "latitude", "breite", "geogr_breite")
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)([.,]\d+)?")
_GERMAN_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_POINT_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_SRID = re.compile(r"\s*SRID=(\d{4,6});", re.IGNORECASE)
_ASSUMED = Finding(
    "hint",
    "zeichensatz_angenommen",
    N_("Die Datei sagt nicht, wie ihre Umlaute kodiert sind. Angenommen ist {encoding}."),
    N_("Bitte prüfen Sie die Namen."),
)


def assumed_encoding(encoding: str) -> Finding:
    """Say that an encoding was guessed.

    Args:
        encoding: Its usual name.
    """
    return Finding(
        _ASSUMED.level, _ASSUMED.code, _ASSUMED.text, _ASSUMED.remedy, {"encoding": encoding}
    )


def read_table(content: bytes, name: str) -> VectorContent:
    """Read a CSV file with a byte order mark or without, and with any usual separator.

    Args:
        content: All bytes.
        name: Name of the layer.

    Raises:
        TableUnreadable: Rows differ in length, or a coordinate is no number.
        TableWithoutPlace: No column holds coordinates.
    """
    text, findings = _decode(content)
    rows = _rows(text)
    heads = [head.strip() for head in rows[0]]
    if len(set(heads)) != len(heads) or "" in heads:
        raise TableUnreadable(line=1, reason=N_("eine Spalte fehlt oder heißt wie eine andere."))
    columns = dict(zip(heads, zip(*rows[1:], strict=True), strict=True)) if rows[1:] else {}
    columns = columns or {head: () for head in heads}
    used, geometries, crs = _geometries(columns)
    german = ";" in _separator(text)
    return VectorContent(
        name=name,
        columns={
            head: _typed(cells, german) for head, cells in columns.items() if head not in used
        },
        geometries=geometries,
        crs=crs,
        findings=findings,
    )


def _decode(content: bytes) -> tuple[str, tuple[Finding, ...]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), ()
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), (assumed_encoding(WINDOWS),)


def _separator(text: str) -> str:
    head = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0])
    return max(SEPARATORS, key=head.count)


def _rows(text: str) -> list[list[str]]:
    csv.field_size_limit(MOST_CELL_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if rows and len(row) != len(rows[0]):
                reason = N_("sie hat eine andere Zahl von Spalten als die erste.")
                raise TableUnreadable(line=reader.line_num, reason=reason)
            rows.append(row)
    except csv.Error as cause:
        raise TableUnreadable(
            line=reader.line_num, reason=N_("die Anführungszeichen stimmen nicht.")
        ) from cause
    if not rows:
        raise TableUnreadable(line=1, reason=N_("die Tabelle ist leer."))
    return rows


def _geometries(
    columns: dict[str, tuple[str, ...]],
) -> tuple[set[str], list[shapely.Geometry | None], str | None]:
    """Return the columns that hold the place, the geometries, and a stated system."""
    names = {head.lower(): head for head in columns}
    for kind in WKT_NAMES:
        if kind in names:
            shapes, crs = _from_wkt(columns[names[kind]])
            return {names[kind]}, shapes, crs
    pairs = ((X_NAMES, Y_NAMES, None), (LONGITUDES, LATITUDES, "EPSG:4326"))
    for x_names, y_names, crs in pairs:
        x = next((names[one] for one in x_names if one in names), None)
        y = next((names[one] for one in y_names if one in names), None)
        if x is not None and y is not None:
            return {x, y}, _points(columns[x], columns[y]), crs
    raise TableWithoutPlace()


def _from_wkt(cells: Sequence[str]) -> tuple[list[shapely.Geometry | None], str | None]:
    systems = {match[1] for cell in cells if (match := _SRID.match(cell))}
    shapes: list[shapely.Geometry | None] = []
    for line, cell in enumerate(cells, start=2):
        text = _SRID.sub("", cell).strip()
        try:
            shapes.append(shapely.from_wkt(text) if text else None)
        except (shapely.errors.ShapelyError, NotImplementedError) as cause:
            raise TableUnreadable(line=line, reason=N_("die Geometrie ist kein WKT.")) from cause
    return shapes, f"EPSG:{systems.pop()}" if len(systems) == 1 else None


def _points(x_cells: Sequence[str], y_cells: Sequence[str]) -> list[shapely.Geometry | None]:
    shapes: list[shapely.Geometry | None] = []
    for line, (x, y) in enumerate(zip(x_cells, y_cells, strict=True), start=2):
        if not x.strip() or not y.strip():
            shapes.append(None)
            continue
        try:
            place = _number(x), _number(y)
        except ValueError as cause:
            raise TableUnreadable(line=line, reason=N_("die Koordinate ist keine Zahl.")) from cause
        shapes.append(shapely.Point(place) if np.isfinite(place).all() else None)
    return shapes


def _number(text: str) -> float:
    """Read a number with decimal point or comma, and with German marks of thousands."""
    cleaned = text.strip().replace("\u00a0", "").replace(" ", "")
    if "," in cleaned:
        cleaned = cleaned.replace(".", "").replace(",", ".")
    elif cleaned.count(".") > 1:
        cleaned = cleaned.replace(".", "")
    return float(cleaned)


def _typed(cells: Sequence[str], german: bool) -> list[Value]:
    """Turn texts into numbers where all cells are numbers; leading zeros stay texts."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return [None for _ in cells]
    if all(map(_INTEGER.fullmatch, filled)):
        return [int(cell) if cell.strip() else None for cell in cells]
    ambiguous = german and all(map(_POINT_THOUSANDS.fullmatch, filled))
    if not ambiguous and all(
        _NUMBER.fullmatch(c) or _GERMAN_THOUSANDS.fullmatch(c) for c in filled
    ):
        return [_number(cell) if cell.strip() else None for cell in cells]
    return [plain_text(cell) or None for cell in cells]
