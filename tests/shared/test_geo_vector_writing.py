"""Layers for other programs: GeoPackage, GeoJSON, CSV; read back, and whole or not at all."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import geopandas
import numpy as np
import pytest
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Polygon, box, shape

from shared.errors import ReportInvalid, StorageFull
from shared.geo import vector_write
from shared.geo.vector_io import open_vectors
from shared.geo.vector_read import VectorOptions
from shared.geo.vector_write import layer_of, write_geojson, write_gpkg, write_layer_csv
from shared.report.blocks import Column, LegendEntry
from shared.store import local_files
from shared.store.provenance_reading import read_back
from shared.store.provenance_text import to_dict
from tests.report.sample import MOMENT, ORIGIN
from tests.shared.vector_files import E0, N0, SQUARE, UTM32

HOLED = Polygon(
    [(E0, N0), (E0, N0 + 40), (E0 + 40, N0 + 40), (E0 + 40, N0)],
    [[(E0 + 10, N0 + 10), (E0 + 20, N0 + 10), (E0 + 20, N0 + 20), (E0 + 10, N0 + 20)]],
)
COLUMNS = (
    Column("kennung", "Kennung"),
    Column("flaeche", "Fläche", "number", 1, "m²"),
    Column("begruent", "begrünt", "yes_no"),
)
STYLE = (LegendEntry("#00aa00", "Gründach", "grün"), LegendEntry("#aa0000", "Ziegel", "ziegel"))


def table(**changes):
    columns = {
        "kennung": ["=1+1", "grün"], "flaeche": [1500.25, np.nan], "begruent": [True, False],
    } | changes  # fmt: skip
    return geopandas.GeoDataFrame(columns, geometry=[HOLED, SQUARE.buffer(-1)], crs=UTM32)


def layer(frame=None, columns=COLUMNS):
    return layer_of(
        table() if frame is None else frame, "daecher", "Dächer", columns, style=STYLE,
        style_column="kennung",
    )  # fmt: skip


def test_a_geopackage_comes_back_with_places_cells_style_and_origin(tmp_path):
    path = tmp_path / "daecher.gpkg"
    write_gpkg(path, [layer()], ORIGIN, MOMENT, "Beispieldaten")
    assert [one.name for one in tmp_path.iterdir()] == ["daecher.gpkg"]
    found = open_vectors(path)
    assert found.findings == ()
    assert found.frame["kennung"].tolist() == ["=1+1", "grün"]
    assert found.frame["flaeche"].tolist()[0] == 1500.25
    assert np.isnan(found.frame["flaeche"][1])
    assert found.frame.geometry[0].equals(HOLED)
    assert read_back(path) == json.loads(json.dumps(to_dict(ORIGIN)))
    with closing(sqlite3.connect(path)) as connection:
        (qml,) = connection.execute("SELECT styleQML FROM layer_styles").fetchone()
        (text,) = connection.execute("SELECT description FROM gpkg_contents").fetchone()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert 'attr="kennung"' in qml
    assert "0,170,0" in qml
    assert text == "Beispieldaten"


def test_several_layers_share_a_file(tmp_path):
    path = tmp_path / "a.gpkg"
    other = layer_of(table(), "hof", "Hof", COLUMNS)
    write_gpkg(path, [layer(), other], ORIGIN, MOMENT)
    assert open_vectors(path, options=VectorOptions(layer="hof")).layers == ("daecher", "hof")


def test_geojson_has_degrees_right_hand_rule_and_seven_digits(tmp_path):
    path = tmp_path / "a.geojson"
    write_geojson(path, layer(), ORIGIN)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in content
    rings = content["features"][0]["geometry"]["coordinates"]
    outer, inner = (Polygon(ring).exterior for ring in rings)
    assert outer.is_ccw
    assert not inner.is_ccw
    east, north = Transformer.from_crs(25832, 4326, always_xy=True).transform(E0, N0)
    assert [round(east, 7), round(north, 7)] in rings[0]
    assert all(len(repr(value).partition(".")[2]) <= 7 for corner in rings[0] for value in corner)
    back = open_vectors(path)
    assert back.frame.geometry[0].symmetric_difference(HOLED).area < 2


def test_geojson_in_pixels_counts_from_the_upper_left_corner(tmp_path):
    path = tmp_path / "a.geojson"
    write_geojson(path, layer(), ORIGIN, (0.5, 0.0, E0 - 10.0, 0.0, -0.5, N0 + 50.0))
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["coordinates"] == "pixel"
    # 10 m right and 10 m below the corner: 20 px; 40 m are 80 px.
    assert shape(content["features"][0]["geometry"]).bounds == (20, 20, 100, 100)


def test_pixels_of_a_turned_image_are_right(tmp_path):
    path = tmp_path / "a.geojson"
    write_geojson(path, layer(), ORIGIN, (0.0, 0.5, float(E0), 0.5, 0.0, float(N0)))
    content = json.loads(path.read_text(encoding="utf-8"))
    assert shape(content["features"][0]["geometry"]).bounds == (0, 0, 80, 80)


def test_csv_is_german_harmless_and_comes_back_as_points(tmp_path):
    path = tmp_path / "a.csv"
    write_layer_csv(path, layer(), ORIGIN)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.csv", "a.csv-metadata.json"]
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("\ufeffKennung;Fläche (m²);begrünt;x_25832;y_25832\r\n")
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))
    assert rows[1][:3] == ["'=1+1", "1500,25", "ja"]
    assert "," in rows[1][3] or rows[1][3].isdigit()
    back = open_vectors(path, options=VectorOptions(crs=UTM32))
    assert back.frame["Kennung"].tolist() == ["=1+1", "grün"]
    assert back.frame.geometry[0].within(HOLED)


def test_mixed_geometries_and_foreign_systems_are_no_layer():
    mixed = geopandas.GeoDataFrame(table())
    mixed.geometry = [HOLED, SQUARE.exterior]
    with pytest.raises(ReportInvalid):
        layer(mixed)
    with pytest.raises(ValueError, match="EPSG:4326"):
        layer(table().to_crs(4326))
    with pytest.raises(ValueError, match="no system"):
        layer(table().set_crs(None, allow_override=True))
    with pytest.raises(KeyError):
        layer(table().drop(columns="flaeche"))


def test_an_empty_table_is_an_empty_layer(tmp_path):
    path = tmp_path / "a.gpkg"
    write_gpkg(path, [layer(table().iloc[:0])], ORIGIN, MOMENT)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM daecher").fetchone() == (0,)


def test_single_and_multipart_objects_become_one_kind(tmp_path):
    frame = table()
    frame.geometry = [MultiPolygon([SQUARE, box(E0 + 20, N0, E0 + 30, N0 + 10)]), SQUARE]
    path = tmp_path / "a.gpkg"
    write_gpkg(path, [layer(frame)], ORIGIN, MOMENT)
    assert open_vectors(path).frame.area.tolist() == [200, 100]


FAILING = {
    "embed_in_gpkg": lambda path: write_gpkg(path, [layer()], ORIGIN, MOMENT),
    "_write_descriptions": lambda path: write_gpkg(path, [layer()], ORIGIN, MOMENT),
    "embed_in_json": lambda path: write_geojson(path, layer(), ORIGIN),
}


@pytest.mark.parametrize("step", list(FAILING))
@pytest.mark.parametrize("older", [None, b"older"], ids=["new", "older"])
def test_an_error_in_the_middle_leaves_nothing_or_the_older_file(
    tmp_path, monkeypatch, step, older
):
    path = tmp_path / "ziel" / "a.gpkg"
    path.parent.mkdir()
    if older is not None:
        path.write_bytes(older)

    def fail(*_arguments):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(vector_write, step, fail)
    with pytest.raises(RuntimeError):
        FAILING[step](path)
    assert [one.read_bytes() for one in path.parent.rglob("*")] == ([older] if older else [])


@pytest.mark.parametrize("count", [0, 2])
def test_no_layer_or_two_of_one_name_are_refused(tmp_path, count):
    with pytest.raises(ReportInvalid):
        write_gpkg(tmp_path / "a.gpkg", [layer()] * count, ORIGIN, MOMENT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [28, 13, 30])
def test_a_disk_that_refuses_is_said_and_leaves_nothing(tmp_path, monkeypatch, number):
    def refuse(*_arguments, **_options):
        raise OSError(number, "refused")

    monkeypatch.setattr(local_files, "move", refuse)
    with pytest.raises(StorageFull, match="voll oder nicht beschreibbar"):
        write_gpkg(tmp_path / "a.gpkg", [layer()], ORIGIN, MOMENT)
    assert list(tmp_path.iterdir()) == []
