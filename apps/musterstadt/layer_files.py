"""Layers of a part of the town as GeoPackage, CSV and GeoJSON, with their origin inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import geopandas as gpd

from apps.musterstadt.layers import TownLayer
from apps.musterstadt.words import cell_of
from shared.contracts.provenance import Provenance
from shared.geo.vector_write import table_of
from shared.i18n import Translator
from shared.report.blocks import Column, LegendEntry
from shared.report.checks import Cell
from shared.report.csv_out import csv_with_origin, pack
from shared.report.document import Report
from shared.report.layers import Feature, Layer

DIGITS = 2


def layers_report(
    title: str, layers: Sequence[Layer], origin: Provenance, tenant: str, t: Translator
) -> Report:
    """Return layers as a report that the geodata formats write.

    Args:
        title: Name of the part of the town.
        layers: The layers.
        origin: Where they come from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
    """
    return Report(
        title=t("Musterstadt: {area}", area=title),
        subtitle="",
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=(),
        language=t.language,
        layers=tuple(layers),
    )


def file_layer(layer: TownLayer, objects: gpd.GeoDataFrame, day: date, t: Translator) -> Layer:
    """Return a layer of the town in words, with the columns that join it with the others.

    Args:
        layer: What is known about it.
        objects: Its objects in EPSG:25832.
        day: The day that it shows.
        t: Translator of the app.
    """
    columns = (*layer.columns, *layer.ids)
    rows = objects[[one.key for one in columns]].to_dict("records")
    features = tuple(
        Feature(place, tuple(_cell(layer.name, one, row[one.key], t) for one in columns))
        for place, row in zip(objects.geometry, rows, strict=True)
    )
    return Layer(
        name=layer.name,
        title=t("{layer}, Stand {date} (Beispieldaten)", layer=t(layer.title), date=t.date(day)),
        columns=tuple(replace(one, title=t(one.title)) for one in columns),
        features=features,
        style=(LegendEntry(layer.colour, t(layer.title)),),
    )


def _cell(layer: str, column: Column, value: object, t: Translator) -> Cell:
    cell = cell_of(layer, column, value, t)
    return round(cell, DIGITS) if isinstance(cell, float) else cell


def tables_zip(report: Report, name: str) -> bytes:
    """Return the layers of a report as tables in one file, each with its origin beside it.

    Args:
        report: The report.
        name: File name with the ending .csv; the tables add their own names.
    """
    stem = name.removesuffix(".csv")
    files: dict[str, bytes] = {}
    for layer in report.layers:
        files |= csv_with_origin(f"{stem}_{layer.name}.csv", table_of(layer), report.provenance)
    return pack(files, report.created_at)
