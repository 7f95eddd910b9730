"""GeoPackage and GeoJSON: places, colours, names of columns, the same bytes again."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, shape

from shared.errors import ReportInvalid
from shared.report.blocks import Column, LegendEntry
from shared.report.geo_out import render_geojson, render_gpkg
from shared.report.layers import Feature, Layer
from shared.store.provenance import to_dict
from tests.report.sample import COLUMNS, ORIGIN, layer, report

OFFSET = np.array([500_000, 5_700_000])
HOLE = Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], holes=[[(2, 2), (4, 2), (4, 4), (2, 4)]])


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())  # noqa: S314  # written by the code under test


def moved(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(geometry, lambda points: points + OFFSET)


def with_layer(*geometries: shapely.Geometry, **changes: object) -> Layer:
    features = tuple(Feature(one, (f"Nr. {at}",)) for at, one in enumerate(geometries))
    made = Layer("ebene", "Ebene <1>", (Column("name", "Name & Ort"),), features)
    return replace(made, **changes)  # type: ignore[arg-type]


def gpkg(path: Path, *layers: Layer) -> Path:
    file = path / "a.gpkg"
    file.write_bytes(render_gpkg(report(layers=layers)))
    return file


def test_a_geopackage_opens_with_its_values(tmp_path: Path) -> None:
    file = gpkg(tmp_path, layer(5))
    frame = pyogrio.read_dataframe(file, layer="anlagen")
    assert str(frame.crs) == "EPSG:25832"
    assert list(frame.columns) == [*(one.key for one in COLUMNS), "geometry"]
    assert list(frame["nummer"]) == [1, 2, 3, 4, 5]
    assert frame["flaeche"][0] == pytest.approx(12.34)
    assert str(frame["gebaut"][0])[:10] == "2020-01-02"
    assert str(frame["gesehen"][0]).startswith("2026-05-01 10:01:00")
    assert list(frame["pruefen"]) == [False, False, False, True, False]
    assert frame.geometry[0].equals(box(500_000, 5_700_000, 500_006, 5_700_008))
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        titles = dict(
            database.execute("SELECT column_name, title FROM gpkg_data_columns").fetchall()
        )
        assert titles["flaeche"] == "Fläche (m²)"
        identifier, told = database.execute(
            "SELECT identifier, description FROM gpkg_contents WHERE table_name = 'anlagen'"
        ).fetchone()
        assert identifier == "Gefundene Anlagen"
        assert told.startswith("Beispieldaten")
        assert "Entscheidung trifft ein Mensch" in told


def test_styles_are_valid_and_escaped(tmp_path: Path) -> None:
    entries = (LegendEntry("#2474b5", "A & <B>", '"a"'), LegendEntry("#7a4300", "C", "c"))
    styled = with_layer(Point(5e5, 57e5), style=entries, style_column="name")
    file = gpkg(tmp_path, styled)
    with closing(sqlite3.connect(file)) as database:
        table, column, qml, sld, default = database.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, styleSLD, useAsDefault "
            "FROM layer_styles"
        ).fetchone()
    assert (table, column, default) == ("ebene", "geom", 1)
    renderer = parsed(qml).find("renderer-v2")
    assert renderer is not None
    assert renderer.get("attr") == "name"
    assert [one.get("value") for one in renderer.iter("category")] == ['"a"', "c"]
    assert [one.get("label") for one in renderer.iter("category")] == ["A & <B>", "C"]
    rules = parsed(sld).iter("{http://www.opengis.net/sld}Title")
    assert [one.text for one in rules] == ["A & <B>", "C"]


@pytest.mark.parametrize(
    ("geometries", "kind"),
    [
        ((Point(1, 2), Point(3, 4)), "Point"),
        ((LineString([(0, 0), (1, 1)]),), "LineString"),
        ((HOLE, MultiPolygon([HOLE])), "MultiPolygon"),
        ((), "Polygon"),
    ],
)
def test_points_lines_areas(
    tmp_path: Path, geometries: tuple[shapely.Geometry, ...], kind: str
) -> None:
    file = gpkg(tmp_path, with_layer(*map(moved, geometries)))
    info = pyogrio.read_info(file, layer="ebene")
    assert info["geometry_type"] == kind
    assert info["features"] == len(geometries)


def test_several_layers_in_one_file(tmp_path: Path) -> None:
    lines = with_layer(moved(LineString([(0, 0), (1, 1)])), name="linien")
    file = gpkg(tmp_path, layer(2), lines)
    names = {name for name, _ in pyogrio.list_layers(file)}
    assert {"anlagen", "linien"} <= names


def test_missing_values_stay_missing(tmp_path: Path) -> None:
    columns = tuple(
        Column(f"c{at}", f"C{at}", kind)  # type: ignore[arg-type]
        for at, kind in enumerate(("text", "number", "percent", "date", "time", "yes_no"))
    )
    made = Layer("leer", "Leer", columns, (Feature(Point(5e5, 57e5), (None,) * 6),))
    file = gpkg(tmp_path, made)
    with closing(sqlite3.connect(file)) as database:
        row = database.execute("SELECT c0, c1, c2, c3, c4, c5 FROM leer").fetchone()
    assert row == (None,) * 6
    told = json.loads(render_geojson(report(layers=(made,))))
    assert set(told["features"][0]["properties"].values()) == {None}


def test_same_report_same_files() -> None:
    assert render_gpkg(report()) == render_gpkg(report())
    assert render_geojson(report()) == render_geojson(report())


def test_geojson_is_in_degrees_with_turned_rings() -> None:
    content = json.loads(render_geojson(report(layers=(with_layer(moved(HOLE)),))))
    assert content["type"] == "FeatureCollection"
    assert "crs" not in content
    assert content["provenance"] == json.loads(json.dumps(to_dict(ORIGIN)))
    geometry = content["features"][0]["geometry"]
    outer, inner = (shapely.LinearRing(ring) for ring in geometry["coordinates"])
    assert outer.is_ccw
    assert not inner.is_ccw
    to_wgs84 = Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    expected = to_wgs84.transform(500_004.5, 5_700_004.5)
    centre = Polygon(outer).centroid
    assert (centre.x, centre.y) == pytest.approx(expected, abs=1e-7)
    assert all(len(str(x).split(".")[1]) <= 7 for x, _ in outer.coords)


def test_geojson_of_the_first_or_a_named_layer() -> None:
    lines = with_layer(moved(LineString([(0, 0), (1, 1)])), name="linien")
    made = report(layers=(layer(2), lines))
    assert json.loads(render_geojson(made))["title"] == "Gefundene Anlagen"
    named = json.loads(render_geojson(made, "linien"))
    assert shape(named["features"][0]["geometry"]).geom_type == "LineString"
    with pytest.raises(ReportInvalid):
        render_geojson(made, "anderes")


def test_height_is_left_out() -> None:
    high = Feature(Point(5e5, 57e5, 80), ("x",))
    made = Layer("ebene", "Ebene", (Column("name", "Name"),), (high,))
    told = json.loads(render_geojson(report(layers=(made,))))
    assert len(told["features"][0]["geometry"]["coordinates"]) == 2


def test_without_layers_there_are_no_geodata() -> None:
    for render in (render_gpkg, render_geojson):
        with pytest.raises(ReportInvalid, match="keine Geodaten"):
            render(report(layers=()))
