"""Vector files of strangers: read right, moved to one system, repaired, or refused in German."""

import json
import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import geopandas
import numpy as np
import pytest
from pyproj import Transformer
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from shared.contracts.finding import Finding
from shared.errors import (
    CoordinatesUnknown,
    FileMissing,
    FileTooLarge,
    FileTypeRefused,
    GeodataUnreadable,
    GeodataWithoutCrs,
    GeometryMissing,
    LayerUnknown,
    PlaceImplausible,
    TableUnreadable,
    TableWithoutPlace,
)
from shared.geo.vector_content import VectorContent
from shared.geo.vector_io import list_layers, open_vectors
from shared.geo.vector_read import VectorOptions, read_geojson, read_vector_file
from shared.geo.vector_repair import outside_of, repair
from shared.geo.vector_table import read_table
from tests.shared.vector_files import (
    E0,
    N0,
    SQUARE,
    UTM32,
    codes,
    curved_gpkg,
    frame,
    gml,
    gpkg,
    shapefile_zip,
)

IN_METRES = VectorOptions(crs=UTM32)


def content(*geometries, **columns):
    return VectorContent("e", columns, list(geometries), UTM32)


@pytest.mark.parametrize(
    ("driver", "ending"),
    [("GPKG", "gpkg"), ("GeoJSON", "geojson"), ("FlatGeobuf", "fgb"), ("GML", "gml")],
)
def test_each_format_gives_the_same_objects(tmp_path, driver, ending):
    path = tmp_path / f"Flurstücke.{ending}"
    frame(SQUARE, SQUARE.buffer(-2), id=["a", "b"], zahl=[1, 2]).to_file(path, driver=driver)
    for file in (path, path.read_bytes()):
        layer = open_vectors(file, name=path.name)
        assert layer.frame.crs.to_epsg() == 25832
        assert layer.frame["id"].tolist() == ["a", "b"]
        assert layer.frame["zahl"].tolist() == [1, 2]
        assert layer.frame.area.tolist() == pytest.approx([100, 36], abs=0.01)
        assert len(layer.sha256) == 64


def test_a_shapefile_comes_with_its_umlauts(tmp_path):
    names = ["Größe", "Straße", "Öffnung"]
    squares = [SQUARE, SQUARE.buffer(-1), SQUARE.buffer(-2)]
    for encoding, assumed in (("cp1252", True), ("UTF-8", False)):
        layer = open_vectors(
            shapefile_zip(tmp_path, frame(*squares, name=names), encoding=encoding)
        )
        assert layer.frame["name"].tolist() == names
        assert ("zeichensatz_angenommen" in codes(layer.findings)) is assumed


def test_a_wrong_word_about_the_encoding_is_not_believed(tmp_path):
    file = shapefile_zip(tmp_path, frame(name=["Größe"]), encoding="cp1252", cpg=False)
    (tmp_path / "parzellen.cpg").write_text("UTF-8", encoding="ascii")
    import io
    import zipfile

    target = io.BytesIO(file)
    with zipfile.ZipFile(target, "a") as archive:
        archive.write(tmp_path / "parzellen.cpg", "parzellen.cpg")
    assert open_vectors(target.getvalue()).frame["name"].tolist() == ["Größe"]


def test_nothing_of_a_file_is_asked_for_on_the_network(tmp_path):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/x"
    ring = f"{E0} {N0} {E0 + 9} {N0} {E0 + 9} {N0 + 9} {E0} {N0}"
    schema = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xlink="http://www.w3.org/1999/'
        f'xlink" xsi:schemaLocation="http://example.invalid/a {address}?SERVICE=WFS&amp;'
        f'REQUEST=DescribeFeatureType&amp;VERSION=2.0.0&amp;TYPENAME=a:Parzelle" '
    )
    remote = gml(ring).replace(
        b"<wfs:FeatureCollection ", f"<wfs:FeatureCollection {schema}".encode()
    )
    remote = remote.replace(b"</a:geom>", f'</a:geom><a:b xlink:href="{address}"/>'.encode())
    linked = {"type": "Point", "coordinates": [7.0, 51.0]}
    linked["crs"] = {"type": "link", "properties": {"href": address, "type": "proj4"}}
    try:
        assert len(open_vectors(remote).frame) == 1
        # In the gallery's process too, where nothing else bounds it.
        path = tmp_path / "a.gml"
        path.write_bytes(remote)
        read_vector_file(b"", str(path), VectorOptions())
        with pytest.raises((GeodataWithoutCrs, CoordinatesUnknown)):
            open_vectors(json.dumps(linked).encode())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == []


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (b"%PDF-1.7", TableWithoutPlace),
        (b"\x89PNG\r\n\x1a\n\0\0", FileTypeRefused),
        (b"SQLite format 3\0" + bytes(100), FileTypeRefused),
        (b"<OGRVRTDataSource/>", FileTypeRefused),
        (b"<OGRVRTDataSource><!-- FeatureCollection --></OGRVRTDataSource>", GeodataUnreadable),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><FeatureCollection>&b;</FeatureCollection>',
         GeodataUnreadable),
        (b"<FeatureCollection", GeodataUnreadable),
        (b"<FeatureCollection></FeatureCollection>", GeodataUnreadable),
        (b"{", GeodataUnreadable),
        (b"[" * 100_000, TableWithoutPlace),
        (b'{"a":' * 100_000, GeodataUnreadable),
        (b"{}", GeodataUnreadable),
        (b'{"type": "FeatureCollection"}', GeodataUnreadable),
        (b'{"type": "FeatureCollection", "features": [1]}', GeodataUnreadable),
        (b'{"type": "FeatureCollection", "features": []}', GeometryMissing),
        (b'{"type": "Polygon", "coordinates": [[[7, 51]]]}', GeodataUnreadable),
        (b'{"type": "Topology", "objects": {}}', GeodataUnreadable),
        (b'{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read /etc/passwd"}',
         GeodataUnreadable),
        (b"PK\x03\x04rest", GeodataUnreadable),
        (b"fgb\x03fgb\x01rest", GeodataUnreadable),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_broken_or_something_else_is_refused(file, error):
    with pytest.raises(error):
        open_vectors(file)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FileMissing, match=r"fehlt\.gpkg"):
        open_vectors(tmp_path / "fehlt.gpkg")
    with pytest.raises(FileMissing):
        open_vectors(tmp_path)


def test_a_file_of_more_than_two_gigabytes_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"id;x;y\n")
        file.truncate(2 * 2**30 + 1)
    with pytest.raises(FileTooLarge, match="2048 MB"):
        open_vectors(path)


def test_a_truncated_geopackage_is_refused(tmp_path):
    whole = gpkg(tmp_path / "a.gpkg").read_bytes()
    for kept in (0.1, 0.5, 0.9):
        with pytest.raises(GeodataUnreadable):
            open_vectors(whole[: int(len(whole) * kept)])


def test_layers_are_listed_and_one_can_be_chosen(tmp_path):
    path = gpkg(tmp_path / "a.gpkg", layer="dächer")
    frame(SQUARE.buffer(-4)).to_file(path, driver="GPKG", layer="parzellen")
    assert list_layers(path) == ("dächer", "parzellen")
    layer = open_vectors(path, options=VectorOptions(layer="parzellen"))
    assert layer.frame.area.tolist() == pytest.approx([4])
    assert layer.layers == ("dächer", "parzellen")
    with pytest.raises(LayerUnknown) as unknown:
        open_vectors(path, options=VectorOptions(layer="hof"))
    assert unknown.value.remedy == "Vorhanden sind: dächer, parzellen."


def test_styles_and_tables_without_places_are_no_layers(tmp_path):
    path = gpkg(tmp_path / "a.gpkg")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE layer_styles (id INTEGER PRIMARY KEY)")
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles')"
        )
    assert list_layers(path) == ("parzellen",)


@pytest.mark.parametrize(
    ("srs", "ring", "expected"),
    [
        # WFS 2.0 and 1.1: north first where the system says so; then servers that do not.
        ("urn:ogc:def:crs:EPSG::4326", "lat lon", ["crs_umgerechnet"]),
        ("urn:ogc:def:crs:EPSG::4326", "lon lat", ["achsen_vertauscht", "crs_umgerechnet"]),
        ("http://www.opengis.net/gml/srs/epsg.xml#4326", "lon lat", ["crs_umgerechnet"]),
        ("EPSG:4326", "lat lon", ["achsen_vertauscht", "crs_umgerechnet"]),
        ("urn:ogc:def:crs:EPSG::25832", "east north", []),
        ("urn:ogc:def:crs:EPSG::25832", "north east", ["achsen_vertauscht"]),
    ],
)
def test_axes_of_gml_are_put_right(srs, ring, expected):
    change = Transformer.from_crs(25832, 4326, always_xy=True)
    corners = list(SQUARE.exterior.coords)
    if "lat" in ring:
        corners = [change.transform(*corner) for corner in corners]
    if ring in ("lat lon", "north east"):
        corners = [corner[::-1] for corner in corners]
    text = " ".join(f"{value:.9f}" for corner in corners for value in corner)
    layer = open_vectors(gml(text, srs))
    assert codes(layer.findings) == expected
    assert layer.frame.area[0] == pytest.approx(100, abs=0.05)
    assert layer.frame.geometry[0].hausdorff_distance(SQUARE) < 0.01


@pytest.mark.parametrize(
    ("number", "expected", "within_m"),
    [
        (31466, ["crs_umgerechnet_grob"], 5),
        (31467, ["crs_umgerechnet_grob"], 5),
        (3857, ["crs_umgerechnet"], 0.01),
        (4647, ["crs_umgerechnet"], 0.01),
        (25833, ["crs_umgerechnet"], 0.01),
        (4326, ["crs_umgerechnet"], 0.01),
        (4258, ["crs_umgerechnet"], 0.01),
        (25832, [], 1e-6),
    ],
)
def test_usual_systems_come_out_in_one(tmp_path, number, expected, within_m):
    path = gpkg(tmp_path / "a.gpkg", frame().to_crs(number))
    layer = open_vectors(path)
    assert codes(layer.findings) == expected
    assert layer.frame.geometry[0].hausdorff_distance(SQUARE) < within_m
    assert layer.frame.area[0] == pytest.approx(100, abs=0.1)


def test_the_number_of_the_zone_is_taken_away():
    ring = [(x + 32e6, y) for x, y in SQUARE.exterior.coords]
    layer = open_vectors(gml(" ".join(f"{value}" for corner in ring for value in corner)))
    assert codes(layer.findings) == ["zonenkennzahl"]
    assert layer.frame.geometry[0].hausdorff_distance(SQUARE) < 1e-6


def test_a_place_far_from_germany_is_refused(tmp_path):
    path = gpkg(tmp_path / "a.gpkg", frame(box(0, 0, 10, 10)))
    with pytest.raises(PlaceImplausible, match="EPSG:25832"):
        open_vectors(path)


def test_a_stated_system_counts_only_where_the_file_has_none(tmp_path):
    layer = open_vectors(gpkg(tmp_path / "a.gpkg"), options=VectorOptions(crs="EPSG:25833"))
    assert codes(layer.findings) == ["crs_weicht_ab"]
    layer = open_vectors(shapefile_zip(tmp_path, without=("prj",)), options=IN_METRES)
    assert layer.frame.area[0] == pytest.approx(100)
    with pytest.raises(CoordinatesUnknown):
        open_vectors(b"id;x;y\n1;380000;5720000\n", options=VectorOptions(crs="quark"))


def test_our_own_pixel_coordinates_have_no_place():
    pixel = {"type": "FeatureCollection", "coordinates": "pixel", "features": []}
    with pytest.raises(GeodataWithoutCrs):
        read_geojson(json.dumps(pixel).encode(), "a")


def test_geojson_keeps_types_nested_values_and_ids():
    features = [
        {"type": "Feature", "id": 7, "geometry": {"type": "Point", "coordinates": [7.2, 51.6, 3]},
         "properties": {"n": 1, "x": 1.5, "t": "ä", "b": True, "l": [1, {"a": None}], "z": None}},
        {"type": "Feature", "geometry": None, "properties": None},
    ]  # fmt: skip
    file = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    layer = open_vectors(b"\xef\xbb\xbf" + file)
    row = layer.frame.iloc[0]
    assert (row["n"], row["x"], row["t"], row["b"]) == (1, 1.5, "ä", True)
    assert row["l"] == '[1, {"a": null}]'
    assert row["id"] == 7
    assert "hoehe_entfernt" in codes(layer.findings)
    assert "geometrie_leer" in codes(layer.findings)


BROKEN = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
"""Two triangles of 25 m2 each that meet in one point."""


def test_crossing_outlines_become_valid_and_are_told():
    mended = repair(content(SQUARE, BROKEN))
    shape = mended.geometries[1]
    assert shape.is_valid
    assert shape.area == pytest.approx(50)
    (finding,) = mended.findings
    assert finding.code == "geometrie_repariert"
    assert finding.german == (
        "Geometrien, die sich selbst überschnitten, wurden repariert. Anzahl: 1 (Nr. 2). "
        "Ihre Fläche änderte sich zusammen um 50 m²."
    )


def test_a_spike_that_only_is_a_line_is_left_out():
    spike = Polygon([(0, 0), (5, 0), (9, 0), (0, 0)])
    mended = repair(content(SQUARE, spike))
    assert len(mended.geometries) == 1
    assert codes(mended.findings) == ["geometrie_repariert", "geometrie_leer"]


def test_empty_missing_and_infinite_geometries_are_left_out_with_their_cells():
    far = Polygon([(0, 0), (float("inf"), 0), (1, 1)])
    mended = repair(content(None, SQUARE, Polygon(), far, id=["a", "b", "c", "d"]))
    assert mended.columns == {"id": ["b"]}
    assert [(one.code, one.details["numbers"]) for one in mended.findings] == [
        ("geometrie_leer", "1, 3, 4")
    ]
    with pytest.raises(GeometryMissing):
        repair(content(None, Polygon()))


def test_multipart_objects_stay_or_are_split_as_asked():
    pair = MultiPolygon([SQUARE, box(E0 + 20, N0, E0 + 30, N0 + 10)])
    alone = MultiPolygon([box(E0 + 40, N0, E0 + 50, N0 + 10)])
    kept = repair(content(pair, alone, id=["a", "b"]))
    assert [one.geom_type for one in kept.geometries] == ["MultiPolygon", "Polygon"]
    assert kept.findings == ()
    split = repair(content(pair, alone, id=["a", "b"]), split_multi=True)
    assert split.columns["id"] == ["a", "a", "b"]
    assert {one.geom_type for one in split.geometries} == {"Polygon"}
    assert codes(split.findings) == ["mehrteilig_geteilt"]
    assert sum(one.area for one in split.geometries) == pytest.approx(300)


def test_a_mixture_keeps_its_areas():
    mixed = GeometryCollection([SQUARE, Point(0, 0), LineString([(0, 0), (1, 1)])])
    mended = repair(content(mixed))
    assert mended.geometries[0].equals(SQUARE)
    assert codes(mended.findings) == ["sammlung_vereinfacht"]


def test_heights_and_measures_are_left_out():
    raised = Polygon([(x, y, 55.5) for x, y in SQUARE.exterior.coords])
    mended = repair(content(SQUARE, raised))
    assert not any(one.has_z for one in mended.geometries)
    assert mended.findings[0].german == "Höhen wurden weggelassen. Anzahl der Geometrien: 1."


def test_duplicate_ids_and_places_are_listed_but_kept():
    turned = Polygon(list(SQUARE.exterior.coords)[2:] + list(SQUARE.exterior.coords)[1:3])
    other = SQUARE.buffer(-1)
    mended = repair(content(SQUARE, turned, other, kennung=["a", "a", None], name=["x", "x", "x"]))
    assert len(mended.geometries) == 3
    assert codes(mended.findings) == ["kennung_doppelt", "geometrie_doppelt"]
    assert mended.findings[0].details["values"] == "a"
    assert mended.findings[1].details["numbers"] == "2"
    chosen = repair(content(SQUARE, other, id=["a", "b"], nr=[1, 1]), id_column="nr")
    assert chosen.findings[0].details["column"] == "nr"


def test_a_long_list_of_numbers_is_cut():
    mended = repair(content(SQUARE, *[None] * 30))
    assert mended.findings[0].details["count"] == 30
    assert mended.findings[0].details["numbers"] == "2, 3, 4, 5, 6, 7, 8, 9, 10, 11 …"


def test_arcs_become_short_lines_and_are_told(tmp_path):
    circle = open_vectors(curved_gpkg(tmp_path / "a.gpkg"))
    assert codes(circle.findings) == ["kurven_ersetzt"]
    assert circle.frame.area[0] == pytest.approx(np.pi * 25, rel=0.002)
    arc = (
        '<gml:Surface srsName="urn:ogc:def:crs:EPSG::25832"><gml:patches><gml:PolygonPatch>'
        "<gml:exterior><gml:Ring><gml:curveMember><gml:Curve><gml:segments><gml:Arc><gml:posList>"
        f"{E0} {N0} {E0 + 5} {N0 + 5} {E0 + 10} {N0}</gml:posList></gml:Arc><gml:LineStringSegment>"
        f"<gml:posList>{E0 + 10} {N0} {E0} {N0}</gml:posList></gml:LineStringSegment>"
        "</gml:segments></gml:Curve></gml:curveMember></gml:Ring></gml:exterior>"
        "</gml:PolygonPatch></gml:patches></gml:Surface>"
    )
    half = open_vectors(gml("", geometry=arc))
    assert codes(half.findings) == ["kurven_ersetzt"]
    assert half.frame.area[0] == pytest.approx(np.pi * 25 / 2, rel=0.002)


def test_objects_outside_an_image_are_told_apart():
    image = box(E0, N0, E0 + 100, N0 + 100)
    across = box(E0 + 95, N0, E0 + 105, N0 + 10)
    away = box(E0 + 500, N0, E0 + 510, N0 + 10)
    outside, findings = outside_of([SQUARE, across, away], image)
    assert outside == [2]
    assert codes(findings) == ["objekte_ausserhalb", "objekte_angeschnitten"]
    assert [one.level for one in findings] == ["hint", "hint"]
    assert outside_of([SQUARE], image) == ([], [])
    assert [one.level for one in outside_of([away], image)[1]] == ["stop"]


TABLES = {
    "Excel": "\ufeffid;Ort;x;y\r\n007;\"zwei\r\nZeilen; und \"\"mehr\"\"\";380000,5;5720000,25\r\n",
    "comma": 'id,Ort,x,y\n007,"zwei\nZeilen",380000.5,5720000.25\n',
    "tab": 'id\tOrt\tRechtswert\tHochwert\n007\tOrt\t380.000,5\t5.720.000,25\n\n\n',
    "wkt": "id;Ort;WKT\n007;Ort;POINT (380000.5 5720000.25)\n",
    "ewkt": 'id;Ort;geom\n007;Ort;"SRID=25832;POINT (380000.5 5720000.25)"\n',
}  # fmt: skip


@pytest.mark.parametrize("name", list(TABLES))
def test_tables_of_all_usual_kinds_give_the_same_point(name):
    layer = open_vectors(TABLES[name].encode(), options=IN_METRES)
    assert (layer.frame.geometry[0].x, layer.frame.geometry[0].y) == (380000.5, 5720000.25)
    assert layer.frame["id"].tolist() == ["007"]
    assert layer.frame["Ort"][0].startswith(("zwei", "Ort"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_tables_come_in_four_encodings(encoding):
    layer = open_vectors("name;x;y\nGröße;380000;5720000\n".encode(encoding), options=IN_METRES)
    assert layer.frame["name"].tolist() == ["Größe"]
    assert ("zeichensatz_angenommen" in codes(layer.findings)) is (encoding == "cp1252")


def test_cells_become_numbers_only_where_all_of_a_column_are():
    text = "a;b;c;d;e;f;x;y\n1;1,5;01;1.234;x;;1;2\n-2;2;02;5.678;1;;1;2\n"
    columns = read_table(text.encode(), "t").columns
    assert columns == {
        "a": [1, -2], "b": [1.5, 2.0], "c": ["01", "02"], "d": ["1.234", "5.678"],
        "e": ["x", "1"], "f": [None, None],
    }  # fmt: skip


def test_degrees_in_a_table_need_no_word():
    layer = open_vectors(b"Lat;Lon\n51,6;7,2\n")
    assert layer.frame.crs.to_epsg() == 25832
    east, north = Transformer.from_crs(4326, 25832, always_xy=True).transform(7.2, 51.6)
    assert layer.frame.geometry[0].distance(Point(east, north)) < 0.01


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a;x;y\n1;2\n", 2),
        ("a;x;y\n1;2;3\n1;2;3;4\n", 3),
        ('a;x;y\n"1;2;3\n', 2),
        ("a;x;y\n1;zwei;3\n", 2),
        ("a;a;x;y\n1;2;3;4\n", 1),
        ("a;;x;y\n1;2;3;4\n", 1),
        ("id;wkt\n1;POLYGON ((0 0, 1 1\n", 2),
        ("id;wkt\n1;CIRCULARSTRING (0 0, 1 1, 2 0)\n", 2),
    ],
)
def test_the_line_of_a_fault_in_a_table_is_named(text, line):
    with pytest.raises(TableUnreadable, match=f"Zeile {line},"):
        read_table(text.encode(), "t")


def test_a_large_layer_comes_through_whole():
    rows = 20_000
    points = geopandas.points_from_xy(E0 + np.arange(rows) % 500, N0 + np.arange(rows) // 500)
    features = geopandas.GeoDataFrame(
        {"id": [f"kennung-{n}" for n in range(rows)], "text": ["ä" * 40] * rows},
        geometry=points, crs=UTM32,
    ).to_crs(4326)  # fmt: skip
    layer = open_vectors(features.to_json(drop_id=True).encode())
    assert len(layer.frame) == rows
    assert layer.frame["id"].is_unique
    assert layer.findings == (layer.findings[0],)
    assert isinstance(layer.findings[0], Finding)
