"""Write layers: GeoPackage with styles and titles, GeoJSON, CSV; with their origin."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import shapely
from shapely.geometry import mapping

from shared.contracts.provenance import Provenance
from shared.geo.qml import STYLE_TABLE, style_row
from shared.geo.raster import Affine
from shared.report.blocks import Column, LegendEntry, Table
from shared.report.checks import Cell, check_unique, require
from shared.report.csv_out import csv_with_origin
from shared.report.geometry import FAMILIES
from shared.report.layers import Crs, Feature, Layer
from shared.store.local_files import whole_file
from shared.store.provenance_files import embed_in_gpkg, embed_in_json

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

WGS84 = "EPSG:4326"
GEOJSON_DIGITS = 7
"""About one centimetre; RFC 7946 advises against more than needed."""
PIXEL_DIGITS = 2
MAP_DIGITS = 2
Json = dict[str, Any]


def layer_of(
    frame: GeoDataFrame,
    name: str,
    title: str,
    columns: Sequence[Column],
    *,
    style: tuple[LegendEntry, ...] = (),
    style_column: str = "",
) -> Layer:
    """Return the objects of a table as a layer that can be written.

    Args:
        frame: Objects in EPSG:25831, 25832 or 25833.
        name: Name for programs.
        title: Name for people.
        columns: Which columns of the table, in this order.
        style: Colours; see `Layer`.
        style_column: Key of the column that decides the colour.

    Raises:
        ReportInvalid: Geometries are mixed or empty, or a cell does not fit its column.
        KeyError: The table lacks a column.
        ValueError: The table has no or another coordinate system.
    """
    named = frame.crs.to_string() if frame.crs else "no system"
    if named not in get_args(Crs):
        message = f"a layer in {named} cannot be written"
        raise ValueError(message)
    crs = cast(Crs, named)
    cells = [
        [None if missing else one for one, missing in zip(values, gone, strict=True)]
        for values, gone in (
            (frame[column.key].tolist(), frame[column.key].isna()) for column in columns
        )
    ]
    rows = zip(*cells, strict=True) if cells else [() for _ in range(len(frame))]
    features = tuple(
        Feature(shape, tuple(row)) for shape, row in zip(frame.geometry, rows, strict=True)
    )
    return Layer(name, title, tuple(columns), features, style, style_column, crs)


def write_gpkg(
    target: Path,
    layers: Sequence[Layer],
    provenance: Provenance,
    moment: datetime,
    description: str = "",
) -> None:
    """Write layers as one GeoPackage, whole or not at all.

    Args:
        target: The file; an older one is replaced.
        layers: At least one.
        provenance: Where they come from.
        moment: Time that the file states, with time zone.
        description: What every reader must know.

    Raises:
        ReportInvalid: There is no layer, or two have the same name.
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    with whole_file(target) as draft:
        write_layers(draft, layers, provenance, moment, description)


def write_geojson(
    target: Path, layer: Layer, provenance: Provenance, to_map: Affine | None = None
) -> None:
    """Write one layer as GeoJSON, whole or not at all.

    Args:
        target: The file; an older one is replaced.
        layer: The layer.
        provenance: Where it comes from.
        to_map: Transform of an image in the layer's system, to get its pixels (x right, y down)
            in place of longitude and latitude.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    with whole_file(target) as draft:
        draft.write_bytes(geojson_bytes(layer, provenance, to_map))


def write_layer_csv(target: Path, layer: Layer, provenance: Provenance) -> None:
    """Write the objects of a layer as CSV with a point each, and beside it what its columns mean.

    Args:
        target: The file; an older one is replaced.
        layer: The layer.
        provenance: Where it comes from.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    for name, content in csv_with_origin(target.name, table_of(layer), provenance).items():
        with whole_file(target.with_name(name)) as draft:
            draft.write_bytes(content)


def table_of(layer: Layer) -> Table:
    """Return the objects of a layer as a table with a point each, inside its object.

    Args:
        layer: The layer.
    """
    number = layer.crs.partition(":")[2]
    places = tuple(
        Column(f"{axis}_{number}", f"{axis}_{number}", "number", MAP_DIGITS, description=layer.crs)
        for axis in ("x", "y")
    )
    points = [shapely.point_on_surface(one.geometry) for one in layer.features]
    rows = tuple(
        (*one.cells, round(point.x, MAP_DIGITS), round(point.y, MAP_DIGITS))
        for one, point in zip(layer.features, points, strict=True)
    )
    return Table(layer.name, layer.title, (*layer.columns, *places), rows)


def geojson_bytes(layer: Layer, provenance: Provenance, to_map: Affine | None = None) -> bytes:
    """Return one layer as GeoJSON; the same layer gives the same bytes.

    Source: RFC 7946 (order of rings, axes, no `crs` member).

    Args:
        layer: The layer.
        provenance: Where it comes from.
        to_map: See `write_geojson`.
    """
    head: Json = {"type": "FeatureCollection", "title": layer.title}
    if to_map is not None:
        head["coordinates"] = "pixel"
    head_text = json.dumps(embed_in_json(head, provenance), ensure_ascii=False)
    geometries = _in_degrees(layer) if to_map is None else _in_pixels(layer, to_map)
    names = [column.key for column in layer.columns]
    lines = [
        json.dumps(
            {
                "type": "Feature",
                "properties": dict(zip(names, map(_plain, feature.cells), strict=True)),
                "geometry": geometry,
            },
            ensure_ascii=False,
            allow_nan=False,
        )
        for feature, geometry in zip(layer.features, geometries, strict=True)
    ]
    body = ",\n".join(lines)
    return f'{head_text[:-1]}, "features": [\n{body}\n]}}\n'.encode("utf-8", "replace")


def write_layers(
    path: Path,
    layers: Sequence[Layer],
    provenance: Provenance,
    moment: datetime,
    description: str,
) -> None:
    """Write layers into a new GeoPackage, each with style and titles of columns, and the origin.

    Args:
        path: File that is not there yet.
        layers: At least one.
        provenance: Where they come from.
        moment: Time that the file states, with time zone.
        description: What every reader must know.

    Raises:
        ReportInvalid: There is no layer, or two have the same name.
    """
    require(bool(layers), "Er enthält keine Geodaten.")
    check_unique([layer.name for layer in layers], "Ebenen")
    for layer in layers:
        _write_layer(path, layer)
    embed_in_gpkg(path, provenance)
    _write_descriptions(path, layers, moment, description)


def _in_degrees(layer: Layer) -> list[Json]:
    from pyproj import Transformer

    to_wgs84 = Transformer.from_crs(layer.crs, WGS84, always_xy=True)

    def move(points: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, Any]:
        longitude, latitude = to_wgs84.transform(points[:, 0], points[:, 1])
        return np.round(np.column_stack([longitude, latitude]), GEOJSON_DIGITS)

    flat = shapely.force_2d(np.array([one.geometry for one in layer.features], dtype=object))
    # Outer rings run against the clock, inner ones with it.
    turned = shapely.orient_polygons(shapely.transform(flat, move))
    return [dict(mapping(geometry)) for geometry in turned]


def _in_pixels(layer: Layer, to_map: Affine) -> list[Json]:
    a, b, c, d, e, f = to_map
    inverse = np.linalg.inv([[a, b], [d, e]])

    def move(points: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, Any]:
        return np.round((points - (c, f)) @ inverse.T, PIXEL_DIGITS)

    flat = shapely.force_2d(np.array([one.geometry for one in layer.features], dtype=object))
    turned = shapely.orient_polygons(shapely.transform(flat, move))
    return [dict(mapping(geometry)) for geometry in turned]


def _plain(cell: Cell) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat()
    return cell.isoformat() if isinstance(cell, date) else cell


def _write_layer(path: Path, layer: Layer) -> None:
    import pyogrio.raw

    geometries = np.array([one.geometry for one in layer.features], dtype=object)
    columns = list(zip(*(one.cells for one in layer.features), strict=True))
    if not columns:
        columns = [() for _ in layer.columns]
    arrays = [_array(cells, column) for cells, column in zip(columns, layer.columns, strict=True)]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapely.force_2d(geometries)),
        [values for values, _ in arrays],
        np.array([column.key for column in layer.columns], dtype=object),
        [mask for _, mask in arrays],
        layer=layer.name,
        driver="GPKG",
        geometry_type=_geometry_type(layer),
        promote_to_multi=_geometry_type(layer).startswith("Multi"),
        crs=layer.crs,
        append=path.exists(),
        layer_options={"IDENTIFIER": layer.title, "GEOMETRY_NAME": "geom"},
        gdal_tz_offsets={},
    )


def _geometry_type(layer: Layer) -> str:
    types = {feature.geometry.geom_type for feature in layer.features} or {"Polygon"}
    family = FAMILIES[next(iter(types))]
    return family if types == {family} else f"Multi{family}"


def _array(cells: Sequence[Cell], column: Column) -> tuple[Any, Any]:
    """Return the values of a column and where they are missing."""
    missing = np.array([cell is None for cell in cells], dtype=bool)
    if column.kind in ("number", "percent"):
        whole = all(isinstance(cell, int) for cell in cells if cell is not None)
        kind = np.int64 if whole and column.kind == "number" and not column.digits else np.float64
        return np.array([0 if cell is None else cell for cell in cells], dtype=kind), missing
    if column.kind == "yes_no":
        return np.array([bool(cell) for cell in cells], dtype=bool), missing
    if column.kind == "date":
        days = [None if cell is None else np.datetime64(str(cell), "D") for cell in cells]
        return np.array(days, dtype="datetime64[D]"), missing
    if column.kind == "time":
        moments = [
            cell.astimezone(UTC).replace(tzinfo=None) if isinstance(cell, datetime) else None
            for cell in cells
        ]
        return np.array(moments, dtype="datetime64[ms]"), missing
    return np.array(cells, dtype=object), missing


def _write_descriptions(
    path: Path, layers: Sequence[Layer], created_at: datetime, description: str
) -> None:
    """Add what GDAL does not write: titles of columns, styles; and the stated time for its own.

    Source: OGC GeoPackage 1.2, annex F.9 (schema extension); `layer_styles` as QGIS reads it.
    """
    moment = created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(STYLE_TABLE)
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles')"
        )
        for layer in layers:
            connection.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, "
                "owner, ui, update_time) VALUES ('', '', ?, 'geom', ?, ?, ?, 1, ?, '', NULL, ?)",
                (*style_row(layer, _geometry_type(layer)), moment),
            )
            connection.executemany(
                "INSERT INTO gpkg_data_columns (table_name, column_name, title, description) "
                "VALUES (?, ?, ?, ?)",
                [(layer.name, one.key, one.heading, one.description) for one in layer.columns],
            )
        connection.execute(
            "UPDATE gpkg_contents SET last_change = ?, description = ?", (moment, description)
        )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
