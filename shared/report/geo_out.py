"""The layers of a report as GeoPackage and GeoJSON."""

from __future__ import annotations

import tempfile
from pathlib import Path

from shared.errors import ReportInvalid
from shared.geo.vector_write import geojson_bytes, write_layers
from shared.i18n.translator import get_translator
from shared.report.document import Report
from shared.report.origin import DECISION, EXAMPLE


def render_gpkg(report: Report) -> bytes:
    """Return the layers as GeoPackage, each with style, names of columns, and the origin.

    Args:
        report: A report with at least one layer.

    Raises:
        ReportInvalid: The report has no layer.
    """
    with tempfile.TemporaryDirectory(prefix="urbanki-") as folder:
        path = Path(folder) / "layers.gpkg"
        write_layers(path, report.layers, report.provenance, report.created_at, _marks(report))
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
    return geojson_bytes(layer, report.provenance)


def _marks(report: Report) -> str:
    t = get_translator(report.language)
    marks = [t(EXAMPLE), t(DECISION)] if report.is_example else [t(DECISION)]
    return " ".join(marks)
