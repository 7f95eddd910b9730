"""Vector files as offices send them, good and bad, for several test modules."""

from __future__ import annotations

import io
import sqlite3
import struct
import warnings
import zipfile
from contextlib import closing
from pathlib import Path

import geopandas
from shapely.geometry import box

E0, N0 = 380_000, 5_720_000
SQUARE = box(E0, N0, E0 + 10, N0 + 10)
UTM32 = "EPSG:25832"


def frame(*geometries, crs=UTM32, **columns):
    shapes = list(geometries) or [SQUARE]
    columns = columns or {"id": [f"p{at}" for at in range(len(shapes))]}
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs=crs)


def gpkg(path, content=None, layer="parzellen"):
    (frame() if content is None else content).to_file(path, driver="GPKG", layer=layer)
    return path


def shapefile_zip(folder: Path, content=None, *, without=(), encoding="cp1252", cpg=False) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names of columns are cut on purpose
        made = frame() if content is None else content
        made.to_file(folder / "parzellen.shp", encoding=encoding)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for ending in ("shp", "shx", "dbf", "prj", *(["cpg"] if cpg else [])):
            if ending not in without:
                path = folder / f"parzellen.{ending}"
                table = bytearray(path.read_bytes())
                if ending == "dbf":
                    table[29] = 0  # many programs do not say how they encode
                archive.writestr(path.name, bytes(table))
    return target.getvalue()


def gml(positions: str, srs: str = "urn:ogc:def:crs:EPSG::25832", geometry: str = "") -> bytes:
    polygon = (
        f'<gml:Polygon srsName="{srs}"><gml:exterior><gml:LinearRing><gml:posList>{positions}'
        "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection '
        'xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" '
        'xmlns:a="http://example.invalid/a"><wfs:member><a:Parzelle gml:id="p1"><a:geom>'
        f"{geometry or polygon}</a:geom></a:Parzelle></wfs:member></wfs:FeatureCollection>"
    ).encode()


def curved_gpkg(path: Path) -> Path:
    """A circle of 5 m radius, made of two arcs."""
    gpkg(path)
    turns = [(0, 0), (5, 5), (10, 0), (5, -5), (0, 0)]
    ring = struct.pack("<BII", 1, 8, len(turns))
    ring += b"".join(struct.pack("<dd", E0 + x, N0 + y) for x, y in turns)
    blob = b"GP\0\1" + struct.pack("<i", 25832) + struct.pack("<BII", 1, 10, 1) + ring
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.execute(triggers).fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE parzellen SET geom = ?", (blob,))
        connection.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'CURVEPOLYGON'")
    return path


def codes(findings):
    return [one.code for one in findings]
