"""Files of the data space: what is in them, read as tables and as geodata.

Four formats are taken. A file is always opened as what it was published as, never as what a library
makes of its content: some formats only point to other files of the machine.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import FileTypeRefused, GeodataUnreadable, InputError
from shared.geo.vector_formats import (
    STYLES,
    check_no_address,
    has_rollback_journal,
    is_geopackage,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

LayerKind = Literal["vector", "raster", "table"]
ColumnType = Literal["text", "integer", "number", "boolean", "date", "time", "geometry"]
Schema = Mapping[str, ColumnType]
Box = tuple[float, float, float, float]
GEOMETRY: ColumnType = "geometry"
COLUMN_TYPES = frozenset({"text", "integer", "number", "boolean", "date", "time", "geometry"})
GEOPACKAGE, GEOJSON = "application/geopackage+sqlite3", "application/geo+json"
CSV, GEOTIFF = "text/csv", "image/tiff"
KINDS: Mapping[str, LayerKind] = {
    GEOPACKAGE: "vector",
    GEOJSON: "vector",
    CSV: "table",
    GEOTIFF: "raster",
}
ENDINGS = {GEOPACKAGE: "gpkg", GEOJSON: "geojson", CSV: "csv", GEOTIFF: "tif"}
ALLOWED = "CSV, GeoPackage, GeoJSON, GeoTIFF"
_ESCAPED = r"^'(?=[=+\-@\t\r])"
_BOOLEANS = {"ja": True, "nein": False, "": None}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file holds.

    Args:
        columns: Names of columns or bands; `geometry` for the geometry of vector data.
        crs: Coordinate system, for example "EPSG:25832"; None for tables.
        bbox: West, south, east, north in the units of `crs`; None for tables and empty layers.
    """

    columns: tuple[str, ...]
    crs: str | None = None
    bbox: Box | None = None


def kind_of(media_type: str) -> LayerKind:
    """Return the kind of layer that a media type gives.

    Raises:
        FileTypeRefused: The data space does not take it.
    """
    if media_type not in KINDS:
        raise FileTypeRefused(allowed=ALLOWED)
    return KINDS[media_type]


def look_into(path: Path, media_type: str, schema: Schema) -> Shape:
    """Return what a file holds, after making sure that it can be read as its schema says.

    Args:
        path: The file.
        media_type: What it is to be.
        schema: Type by column.

    Raises:
        FileTypeRefused: The content is something else.
        InputError: Columns differ from the schema, or a value does not fit its type.
    """
    kind = kind_of(media_type)
    if kind == "table":
        shape = Shape(_csv_columns(path))
    elif kind == "vector":
        shape = _vector_shape(path, media_type)
    else:
        shape = _raster_shape(path)
    if sorted(shape.columns) != sorted(schema):
        found = ", ".join(shape.columns)[:200]
        raise InputError(reason=f"Die Datei hat andere Spalten als angegeben: {found}.")
    if kind == "table":
        read_csv(path, schema)
    return shape


def read_csv(path: Path, schema: Schema, columns: Sequence[str] | None = None) -> DataFrame:
    """Read a table in the form that `shared.report.csv_out` writes.

    Args:
        path: The file.
        schema: Type by column; texts stay texts, so leading zeros stay too.
        columns: Which columns, in this order; None for all.

    Raises:
        InputError: A value does not fit the type of its column, or the file is no such table.
    """
    import pandas

    wanted = list(schema) if columns is None else list(columns)
    try:
        texts = pandas.read_csv(
            path, sep=";", encoding="utf-8-sig", dtype=str, keep_default_na=False
        )
        # Rows that are longer than the header turn into an index.
        if not isinstance(texts.index, pandas.RangeIndex):
            raise ValueError("rows of other lengths")
        return pandas.DataFrame({name: _typed(texts[name], schema[name]) for name in wanted})
    # Wrong encoding, rows of other lengths, values of other types, whole numbers beyond 64 bits.
    except (ValueError, TypeError, OverflowError) as cause:
        raise InputError(reason="Die Tabelle passt nicht zu ihren Spalten.") from cause


def read_vector(
    path: Path,
    media_type: str,
    columns: Collection[str] | None = None,
    *,
    bbox: Box | None = None,
    geometry: bool = True,
) -> GeoDataFrame | DataFrame:
    """Read vector data.

    Args:
        path: The file.
        media_type: GeoPackage or GeoJSON.
        columns: Which columns besides the geometry; None for all.
        bbox: Only what touches this box, in the units of the layer.
        geometry: False gives a table without geometry.

    Raises:
        FileTypeRefused: The content is something else.
    """
    import pyogrio

    _check_vector(path, media_type)
    own = None if columns is None else [name for name in columns if name != GEOMETRY]
    with _address(path, media_type) as address:
        return pyogrio.read_dataframe(
            address, layer=_layer(address), columns=own, bbox=bbox, read_geometry=geometry
        )


def _csv_columns(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter=";")
            first = next(rows, [])
            # Shorter rows would silently be filled up; empty lines are none.
            if any(row and len(row) != len(first) for row in rows):
                raise InputError(reason="Die Zeilen sind verschieden lang.")
    except (UnicodeDecodeError, csv.Error) as cause:
        raise FileTypeRefused(allowed=ALLOWED) from cause
    if len(set(first)) != len(first):
        raise InputError(reason="Eine Spalte kommt zweimal vor.")
    if "" in first:
        raise InputError(reason="Eine Spalte hat keinen Namen.")
    return tuple(first)


def _typed(column: Series[Any], kind: ColumnType) -> Series[Any]:
    """Turn texts into values; an empty cell is no value, except in texts.

    Raises:
        ValueError: A text is no such value.
    """
    import pandas

    if kind == "text":
        return column.str.replace(_ESCAPED, "", regex=True)
    if kind == "boolean":
        if not set(column.unique()) <= set(_BOOLEANS):
            raise ValueError("neither ja nor nein")
        return column.map(_BOOLEANS).astype("boolean")
    filled = column.where(column != "", None)
    if kind == "integer":
        return pandas.to_numeric(filled, errors="raise").astype("Int64")
    if kind == "number":
        decimal = filled.str.replace(",", ".", regex=False)
        numbers = pandas.to_numeric(decimal, errors="raise").astype("float64")
        if numbers.isin([float("inf"), float("-inf")]).any():
            raise ValueError("infinite")
        return numbers
    return pandas.to_datetime(filled, format="ISO8601", utc=kind == "time")


def _vector_shape(path: Path, media_type: str) -> Shape:
    import pyogrio

    _check_vector(path, media_type)
    if media_type == GEOJSON:
        try:
            check_no_address(path.read_bytes())
        except GeodataUnreadable as cause:
            raise FileTypeRefused(allowed=ALLOWED) from cause
    try:
        with _address(path, media_type) as address:
            info = pyogrio.read_info(address, layer=_layer(address), force_total_bounds=True)
    except pyogrio.errors.DataSourceError as cause:
        raise FileTypeRefused(allowed=ALLOWED) from cause
    if info["geometry_type"] is None:
        raise InputError(reason="Die Datei enthält keine Geometrie.")
    if not info["crs"]:
        raise InputError(reason="Der Datei fehlt ihr Koordinatensystem.")
    bounds = info["total_bounds"]
    is_finite = bounds is not None and all(abs(float(one)) < float("inf") for one in bounds)
    west, south, east, north = bounds if is_finite else (0.0, 0.0, 0.0, 0.0)
    box = (float(west), float(south), float(east), float(north)) if is_finite else None
    return Shape((*map(str, info["fields"]), GEOMETRY), str(info["crs"]), box)


def _raster_shape(path: Path) -> Shape:
    import rasterio

    try:
        with rasterio.open(path, driver="GTiff") as raster:
            if raster.crs is None:
                raise InputError(reason="Der Datei fehlt ihr Koordinatensystem.")
            names = [
                text or f"band_{number}" for number, text in enumerate(raster.descriptions, start=1)
            ]
            west, south, east, north = (float(one) for one in raster.bounds)
            return Shape(tuple(names), raster.crs.to_string(), (west, south, east, north))
    except rasterio.errors.RasterioIOError as cause:
        raise FileTypeRefused(allowed=ALLOWED) from cause


def _check_vector(path: Path, media_type: str) -> None:
    """Make sure that the content is what it was published as, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(100)
    if media_type == GEOPACKAGE:
        # Another journal would make SQLite write beside the file.
        fits = is_geopackage(head) and has_rollback_journal(head)
    else:
        fits = head.lstrip().startswith(b"{")
    if not fits:
        raise FileTypeRefused(allowed=ALLOWED)


def _layer(address: str) -> str:
    """Return the name of the one layer; the styles that QGIS keeps beside it are none.

    Raises:
        InputError: There is none, or more than one.
    """
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(address) if name != STYLES]
    if len(names) != 1:
        raise InputError(reason="Die Datei muss genau eine Ebene enthalten.")
    return names[0]


@contextmanager
def _address(path: Path, media_type: str) -> Iterator[str]:
    """Name the driver, so that no other one is tried; a GeoPackage must be named like one too."""
    if media_type == GEOJSON:
        yield f"GeoJSON:{path}"
        return
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder, f"layer.{ENDINGS[GEOPACKAGE]}")
        named.symlink_to(path.resolve())
        yield f"GPKG:{named}"
