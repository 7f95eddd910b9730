"""The layers of a report as GeoPackage and GeoJSON."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from shared.errors import ReportInvalid
from shared.i18n.translator import get_translator
from shared.report.blocks import Column
from shared.report.checks import Cell, require
from shared.report.document import Report
from shared.report.geometry import FAMILIES
from shared.report.layers import Layer
from shared.report.map_styles import STYLE_TABLE, style_row
from shared.report.origin import DECISION, EXAMPLE
from shared.store.provenance_files import embed_in_gpkg, embed_in_json

WGS84 = "EPSG:4326"
GEOJSON_DIGITS = 7
"""About one centimetre; RFC 7946 advises against more than needed."""
Json = dict[str, Any]


def render_gpkg(report: Report) -> bytes:
    """Return the layers as GeoPackage, each with style, names of columns, and the origin.

    Args:
        report: A report with at least one layer.

    Raises:
        ReportInvalid: The report has no layer.
    """
    require(bool(report.layers), "Er enthält keine Geodaten.")
    with tempfile.TemporaryDirectory(prefix="urbanki-") as folder:
        path = Path(folder) / "layers.gpkg"
        for layer in report.layers:
            _write_layer(path, layer)
        embed_in_gpkg(path, report.provenance)
        _write_descriptions(path, report)
        return path.read_bytes()


def render_geojson(report: Report, name: str = "") -> bytes:
    """Return one layer as GeoJSON in WGS84; the same report gives the same bytes.

    Source: RFC 7946 (order of rings, axes, no `crs` member).

    Args:
        report: A report with at least one layer.
        name: Name of the layer; empty takes the first one.

    Raises:
        ReportInvalid: The report has no such layer.
    """
    layer = next((one for one in report.layers if name in ("", one.name)), None)
    if layer is None:
        raise ReportInvalid(reason="Er enthält keine Geodaten.")
    head = {"type": "FeatureCollection", "title": layer.title}
    head_text = json.dumps(embed_in_json(head, report.provenance), ensure_ascii=False)
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
        for feature, geometry in zip(layer.features, _in_degrees(layer), strict=True)
    ]
    body = ",\n".join(lines)
    return f'{head_text[:-1]}, "features": [\n{body}\n]}}\n'.encode("utf-8", "replace")


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


def _marks(report: Report) -> str:
    t = get_translator(report.language)
    marks = [t(EXAMPLE), t(DECISION)] if report.is_example else [t(DECISION)]
    return " ".join(marks)


def _write_descriptions(path: Path, report: Report) -> None:
    """Add what GDAL does not write: titles of columns, styles; and the report's time for its own.

    Source: OGC GeoPackage 1.2, annex F.9 (schema extension); `layer_styles` as QGIS reads it.
    """
    moment = report.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(STYLE_TABLE)
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles')"
        )
        for layer in report.layers:
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
            "UPDATE gpkg_contents SET last_change = ?, description = ?", (moment, _marks(report))
        )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
