"""Files and services that want more than to be read: nothing else of the machine is opened."""

import csv
import io
import os
import socket
import sqlite3
import struct
import threading
import time
import zipfile
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from shared.errors import (
    ArchiveUnsafe,
    CoordinatesUnknown,
    FileMissing,
    GeodataUnreadable,
    GeometryMissing,
    InputError,
    MapServiceAnswerUnusable,
    MapServiceDown,
    UnsupportedImage,
)
from shared.geo import wms
from shared.geo.open import open_raster
from shared.geo.vector_io import open_vectors
from shared.geo.vector_read import VectorOptions, read_vector_file
from shared.geo.wms import MapLayer, MapServices, map_url
from tests.shared.map_services import Answer, map_service, picture
from tests.shared.vector_files import UTM32, frame, gpkg, shapefile_zip

BOUNDS = (380_000.0, 5_720_000.0, 380_080.0, 5_720_060.0)
IN_METRES = VectorOptions(crs=UTM32)
GML = '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml"/>'


@contextmanager
def listener():
    """A server that notes what it is asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def redirection(target) -> str:
    return (
        '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource relativeToVRT="0">'
        f"{target}</SrcDataSource><SrcLayer>geheim</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
    )


def zipped(entries) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo("x")
            entry.filename = name  # the class would make a usual name of it
            archive.writestr(entry, content)
    return target.getvalue()


def disguised(kind, secret):
    pointing = redirection(secret).encode()
    return {
        "gml": GML.encode() + pointing,
        "fgb": b"fgb\x03fgb " + pointing,
        "zip": zipped({"a.shp": pointing, "a.shx": b"x", "a.dbf": b"x", "a.prj": b"x"}),
        "other_format.zip": zipped(
            {"a.shp": secret.read_bytes(), "a.shx": b"x", "a.dbf": b"x", "a.prj": b"x"}
        ),
    }[kind]


@pytest.mark.parametrize("in_process", [False, True])
@pytest.mark.parametrize("kind", ["gml", "fgb", "zip", "other_format.zip"])
def test_a_file_that_names_another_one_does_not_get_its_content(tmp_path, kind, in_process):
    secret = gpkg(tmp_path / "geheim.gpkg", frame(inhalt=["geheim"]), layer="geheim")
    content = disguised(kind, secret)
    with pytest.raises((GeodataUnreadable, GeometryMissing)):
        if in_process:  # the second line of defence: here GDAL knows all its formats
            path = tmp_path / f"a.{kind.rpartition('.')[2]}"
            path.write_bytes(content)
            read_vector_file(b"", str(path), IN_METRES)
        else:
            open_vectors(content, name=f"a.{kind}", options=IN_METRES)


def image(path, value, side, driver="GTiff", overview=None, **options):
    with rasterio.open(
        path, "w", driver=driver, width=side, height=side, count=3, dtype="uint8", crs=UTM32,
        transform=from_origin(380_000, 5_720_000, 0.2, 0.2), **options,
    ) as to:  # fmt: skip
        to.write(np.full((3, side, side), value, dtype=np.uint8))
        if overview is not None:
            to.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=overview)
    return path


@pytest.mark.parametrize(
    ("ending", "driver", "options"),
    [("tif", "GTiff", {}), ("jp2", "JP2OpenJPEG", {"WRITE_METADATA": "YES"})],
)
def test_an_image_does_not_take_its_overviews_from_elsewhere(tmp_path, ending, driver, options):
    secret = image(tmp_path / "geheim.tif", 77, 500)
    with listener() as (address, asked):
        for target in (str(secret), f"/vsicurl/{address}/a.tif"):
            hostile = image(tmp_path / f"b.{ending}", 10, 1000, driver, target, **options)
            assert b"OVERVIEW_FILE" in hostile.read_bytes()
            for file in (hostile, hostile.read_bytes()):
                with pytest.raises(UnsupportedImage):
                    open_raster(file)
        assert asked == []


@pytest.mark.parametrize("name", ["", ".", "a/.."])
def test_entries_without_a_name_are_refused(name):
    with pytest.raises((ArchiveUnsafe, GeodataUnreadable)):
        open_vectors(zipped({name: b"x"}), name="a.zip")


def test_a_table_of_many_columns_takes_its_time_once():
    heads, cells = ["x", "y"], ["380000", "5720000"]
    heads += [f"c{number}" for number in range(20_000)]
    cells += ["1"] * 20_000
    target = io.StringIO()
    csv.writer(target, delimiter=";").writerows([heads, cells])
    start = time.process_time()
    layer = open_vectors(target.getvalue().encode(), name="a.csv", options=IN_METRES)
    assert time.process_time() - start < 10
    assert layer.frame.shape == (1, 20_001)


def test_half_a_character_is_no_text():
    content = b'{"type": "Point", "coordinates": [7.2, 51.5], "a": "\\ud83d\\ude00%s"}'
    assert len(open_vectors(content % b"", name="a.geojson").frame) == 1
    with pytest.raises(GeodataUnreadable):
        open_vectors(content % b"\\ud800", name="a.geojson")


def test_places_beyond_the_earth_are_left_out():
    table = b"x;y\n1e308;1e308\n380000;5720000\n380001;5720000\n"
    layer = open_vectors(table, name="a.csv", options=IN_METRES)
    assert len(layer.frame) == 2
    assert "geometrie_leer" in [one.code for one in layer.findings]


VIEW = """
DELETE FROM gpkg_contents; DELETE FROM gpkg_geometry_columns;
CREATE VIEW v AS SELECT fid, geom, {expression} AS a FROM parzellen;
INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
  VALUES ('v', 'features', 'v', 25832);
INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POLYGON', 25832, 0, 0);
"""


@pytest.mark.parametrize(
    "expression",
    [
        "ogr_geocode('Berlin')",
        "load_extension('/tmp/x.so')",
        "gdal_get_pixel_value('/tmp/x.tif', 1, 'pixel', 1, 1)",
    ],
)
def test_views_that_reach_out_are_refused(tmp_path, expression):
    path = gpkg(tmp_path / "a.gpkg")
    with closing(sqlite3.connect(path)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.executescript(VIEW.format(expression=expression))
    with pytest.raises(GeodataUnreadable):
        open_vectors(path)


@pytest.mark.parametrize("count", [0, 1000, 2**32 - 1])
def test_a_table_that_lies_about_its_rows_adds_none(tmp_path, count):
    with zipfile.ZipFile(io.BytesIO(shapefile_zip(tmp_path))) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    table = bytearray(entries["parzellen.dbf"])
    table[4:8] = struct.pack("<I", count)
    entries["parzellen.dbf"] = bytes(table)
    try:
        layer = open_vectors(zipped(entries), name="a.zip")
    except InputError:
        return
    assert len(layer.frame) == 1


def test_what_never_ends_is_no_file(tmp_path):
    endless = tmp_path / "a.tif"
    os.mkfifo(endless)
    for reader in (open_raster, open_vectors):
        with pytest.raises(FileMissing):
            reader(endless)


def ask(host):
    client = MapServices([host], sleep=lambda _seconds: None)
    try:
        return client.get_map(MapLayer(f"http://{host}/wms", "dop"), BOUNDS, 8, 6)
    finally:
        client.close()


@pytest.mark.parametrize("place", ["//[x", "javascript:alert(1)", "", "http://a:99999999/"])
def test_a_redirect_to_nowhere_is_no_picture(place):
    def answer(_number):
        return Answer(status=302, headers={"location": place})

    with map_service(answer) as service, pytest.raises(MapServiceAnswerUnusable):
        ask(service.host)


def test_a_service_cannot_mark_who_asks():
    seen = []

    def answer(_number):
        return Answer(body=picture(), headers={"set-cookie": "wer=1; path=/"})

    with map_service(answer) as service:
        client = MapServices([service.host])
        client._http.event_hooks["request"].append(lambda one: seen.append(one.headers))
        for _ in range(2):
            client.get_map(MapLayer(service.url, "dop"), BOUNDS, 8, 6)
        client.close()
    assert len(seen) == 2
    assert not any("cookie" in headers for headers in seen)


@contextmanager
def endless_head(part: bytes):
    """A server whose answers have a head without end."""
    server = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def answer(connection):
        with connection:
            connection.recv(65_536)
            try:
                while not ended.wait(0.02):
                    connection.sendall(part)
            except OSError:
                return

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.parametrize("part", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H"])
def test_a_head_without_end_is_cut_off(part, monkeypatch):
    monkeypatch.setattr(wms, "TIMEOUT_S", 0.3)
    start = time.monotonic()
    with endless_head(part) as host, pytest.raises(MapServiceDown):
        ask(host)
    assert time.monotonic() - start < 20


def test_impossible_places_are_not_asked_for():
    layer = MapLayer("https://wms.example/x", "dop")
    with pytest.raises(ValueError, match="no map"):
        map_url(layer, (0, 0, float("inf"), 1), 8, 6)
    with pytest.raises(CoordinatesUnknown):
        map_url(MapLayer("https://wms.example/x", "dop", crs="EPSG:0"), BOUNDS, 8, 6)
