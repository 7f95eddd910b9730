"""Colours of a layer as geographic information systems read them: QML for QGIS, SLD for all."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from shared.report.blocks import LegendEntry
from shared.report.layers import Layer

DEFAULT_COLOUR = "#2474b5"
FILL_OPACITY = 0.5
LINE_MM = 0.4
POINT_MM = 2.4
STYLE_TABLE = """
CREATE TABLE IF NOT EXISTS layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
  f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
  styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
  owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')));
CREATE TABLE IF NOT EXISTS gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
  mime_type TEXT, constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
  min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
INSERT INTO gpkg_extensions SELECT 'gpkg_data_columns', NULL, 'gpkg_schema',
  'http://www.geopackage.org/spec120/#extension_schema', 'read-write'
  WHERE NOT EXISTS (SELECT 1 FROM gpkg_extensions WHERE table_name = 'gpkg_data_columns');
INSERT INTO gpkg_extensions SELECT 'gpkg_data_column_constraints', NULL, 'gpkg_schema',
  'http://www.geopackage.org/spec120/#extension_schema', 'read-write'
  WHERE NOT EXISTS (
    SELECT 1 FROM gpkg_extensions WHERE table_name = 'gpkg_data_column_constraints');
"""
_SYMBOL_KINDS = {"Polygon": "fill", "LineString": "line", "Point": "marker"}


def style_row(layer: Layer, geometry_type: str) -> tuple[str, str, str, str, str]:
    """Return table, name of the style, QML, SLD and description.

    Args:
        layer: The layer.
        geometry_type: "Polygon", "MultiPolygon", "LineString", ...
    """
    family = geometry_type.removeprefix("Multi")
    entries = layer.style or (LegendEntry(DEFAULT_COLOUR, layer.title),)
    return (
        layer.name,
        layer.name[:30],
        layer_qml(layer, geometry_type),
        _sld(layer, entries, family),
        layer.title,
    )


def layer_qml(layer: Layer, geometry_type: str = "") -> str:
    """Return the colours of a layer for QGIS.

    Args:
        layer: The layer.
        geometry_type: See `style_row`; empty takes that of the first object.
    """
    first = geometry_type or next((one.geometry.geom_type for one in layer.features), "Polygon")
    entries = layer.style or (LegendEntry(DEFAULT_COLOUR, layer.title),)
    return _qml(layer, entries, first.removeprefix("Multi"))


def raster_qml(entries: tuple[LegendEntry, ...]) -> str:
    """Return the colours of a raster of labels for QGIS.

    Args:
        entries: Colour and meaning of each code, which is the entry's value.

    Raises:
        ValueError: A value is no whole number.
    """
    rows = "".join(
        f'<paletteEntry value="{int(entry.value)}" color="{entry.colour}" alpha="255" '
        f"label={quoteattr(entry.label)}/>"
        for entry in entries
    )
    return (
        '<qgis version="3.28.0" styleCategories="Symbology"><pipe>'
        '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">'
        f"<colorPalette>{rows}</colorPalette></rasterrenderer></pipe></qgis>"
    )


def _qml(layer: Layer, entries: tuple[LegendEntry, ...], family: str) -> str:
    symbols = "".join(
        f'<symbol type="{_SYMBOL_KINDS[family]}" name="{place}" alpha="1">'
        f"{_qml_symbol(entry.colour, family)}</symbol>"
        for place, entry in enumerate(entries)
    )
    if not layer.style_column:
        renderer = f'<renderer-v2 type="singleSymbol"><symbols>{symbols}</symbols></renderer-v2>'
    else:
        categories = "".join(
            f"<category render={quoteattr('true')} value={quoteattr(entry.value)} "
            f'label={quoteattr(entry.label)} symbol="{place}"/>'
            for place, entry in enumerate(entries)
        )
        renderer = (
            f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(layer.style_column)}>'
            f"<categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>"
        )
    return f'<qgis version="3.28.0" styleCategories="Symbology">{renderer}</qgis>'


def _qml_symbol(colour: str, family: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    solid = f"{red},{green},{blue},255"
    veil = f"{red},{green},{blue},{round(255 * FILL_OPACITY)}"
    kinds: dict[str, tuple[str, dict[str, str]]] = {
        "Polygon": (
            "SimpleFill",
            {"color": veil, "outline_color": solid, "outline_width": str(LINE_MM)},
        ),
        "LineString": ("SimpleLine", {"line_color": solid, "line_width": str(2 * LINE_MM)}),
        "Point": (
            "SimpleMarker",
            {"color": solid, "outline_color": "255,255,255,255", "size": str(POINT_MM)},
        ),
    }
    name, options = kinds[family]
    told = "".join(
        f'<Option type="QString" name="{key}" value="{value}"/>' for key, value in options.items()
    )
    return (
        f'<layer class="{name}" enabled="1" locked="0" pass="0">'
        f'<Option type="Map">{told}</Option></layer>'
    )


def _sld(layer: Layer, entries: tuple[LegendEntry, ...], family: str) -> str:
    rules = "".join(_sld_rule(layer.style_column, entry, family) for entry in entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<StyledLayerDescriptor xmlns="http://www.opengis.net/sld" version="1.0.0" '
        'xmlns:ogc="http://www.opengis.net/ogc">'
        f"<NamedLayer><Name>{escape(layer.name)}</Name><UserStyle>"
        f"<FeatureTypeStyle>{rules}</FeatureTypeStyle></UserStyle></NamedLayer>"
        "</StyledLayerDescriptor>"
    )


def _sld_rule(column: str, entry: LegendEntry, family: str) -> str:
    condition = (
        f"<ogc:Filter><ogc:PropertyIsEqualTo><ogc:PropertyName>{escape(column)}</ogc:PropertyName>"
        f"<ogc:Literal>{escape(entry.value)}</ogc:Literal></ogc:PropertyIsEqualTo></ogc:Filter>"
        if column
        else ""
    )
    stroke = f'<Stroke><CssParameter name="stroke">{entry.colour}</CssParameter></Stroke>'
    fill = (
        f'<Fill><CssParameter name="fill">{entry.colour}</CssParameter>'
        f'<CssParameter name="fill-opacity">{FILL_OPACITY}</CssParameter></Fill>'
    )
    symbols = {
        "Polygon": f"<PolygonSymbolizer>{fill}{stroke}</PolygonSymbolizer>",
        "LineString": f"<LineSymbolizer>{stroke}</LineSymbolizer>",
        "Point": "<PointSymbolizer><Graphic><Mark><WellKnownName>circle</WellKnownName>"
        f"{fill}{stroke}</Mark><Size>9</Size></Graphic></PointSymbolizer>",
    }
    title = escape(entry.label)
    return f"<Rule><Name>{title}</Name><Title>{title}</Title>{condition}{symbols[family]}</Rule>"
