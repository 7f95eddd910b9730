"""Every bad input of the list: its own code, German words on what to do, nothing half-saved.

`ITEMS` is the list of the specification of the demo city, section 9. Each test below proves some
of its items; `test_every_item_has_its_test_and_code` fails when one is left out.
"""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine, from_origin
from shapely.geometry import MultiPolygon, Polygon, box

from apps.aviary.preflight import check_image
from apps.aviary.recipes import find_recipe
from shared.contracts.finding import Finding
from shared.errors import UrbanKiError, error_class, in_german
from shared.geo import vector_archive, windowed
from shared.geo.false_colour import check_false_colour
from shared.geo.nodata import find_valid, shrink_valid
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, Patch, RasterInfo, RasterLimits
from shared.geo.together import Vintage, check_vintages, common_system, year_in_name
from shared.geo.vector_io import open_vectors
from shared.geo.vector_read import VectorOptions
from shared.geo.vector_repair import outside_of
from shared.geo.wms import MapLayer, MapServices
from tests.shared.map_services import Answer, exception, map_service, picture
from tests.shared.test_geo_images import colours, huge_png, tiff
from tests.shared.vector_files import (
    E0,
    N0,
    SQUARE,
    UTM32,
    curved_gpkg,
    frame,
    gml,
    gpkg,
    shapefile_zip,
)

ITEMS = {
    "image without a coordinate system, world file only": "crs_fehlt",
    "vector data without a coordinate system": "geodaten_ohne_crs",
    "image in degrees": "koordinaten_in_grad",
    "vector data in degrees": "crs_umgerechnet",
    "swapped axes in GML": "achsen_vertauscht",
    "31466": "crs_umgerechnet_grob",
    "31467": "crs_umgerechnet_grob",
    "3857": "crs_umgerechnet",
    "4647": "crs_umgerechnet",
    "image in 3857": "web_mercator",
    "number of the zone in front": "zonenkennzahl",
    "place outside Germany": "lage_unplausibel",
    "16 bits": "farbtiefe",
    "16 bits, stretch offered": "werte_gestreckt",
    "floating point, stretch offered": "werte_gestreckt",
    "1 band": "graubild",
    "2 bands": "graubild",
    "5 bands": "mehr_baender",
    "CIR read as RGB": "falschfarben_vermutet",
    "alpha": "luecken",
    "collar": "luecken",
    "no-data value and true 0": "luecken",
    "half-empty tile": "luecken",
    "JPEG 2000 without a driver": "bild_treiber_fehlt",
    "rotated geotransform": "bild_gedreht",
    "pixels that are not square": "bildpunkte_nicht_quadratisch",
    "GSD 1 m": "aufloesung_ungeeignet",
    "corrupt TIFF": "bild_beschaedigt",
    "truncated TIFF": "bild_beschaedigt",
    "more than 50 megapixels as PNG": "bild_zu_gross",
    "ZIP without .shp": "shapefile_unvollstaendig",
    "ZIP without .dbf": "shapefile_unvollstaendig",
    "ZIP without .prj": "geodaten_ohne_crs",
    "zip slip": "archiv_unsicher",
    "zip bomb by ratio": "archiv_zu_gross",
    "zip bomb by size": "archiv_zu_gross",
    "cp1252 umlauts in DBF": "zeichensatz_angenommen",
    "names of fields cut": "feldnamen_gekuerzt",
    "self-intersecting geometry": "geometrie_repariert",
    "empty geometry": "geometrie_leer",
    "Z": "hoehe_entfernt",
    "multipart geometry": "mehrteilig_geteilt",
    "curved geometry": "kurven_ersetzt",
    "duplicate ids": "kennung_doppelt",
    "footprints outside the image": "objekte_ausserhalb",
    "locked GeoPackage": "geopackage_gesperrt",
    "GeoPackage with an open journal": "geopackage_gesperrt",
    "several layers": "ebene_waehlen",
    "WMS error page with status 200": "kartendienst_meldung",
    "blank WMS tile": "kartendienst_leer",
    "missing year": "jahr_fehlt",
    "two vintages of different GSD": "jahrgaenge_aufloesung",
    "CSV with rows of different length": "tabelle_unlesbar",
    "CSV without coordinates": "tabelle_ohne_lage",
    "CSV with BOM, semicolon, decimal comma, line breaks": "",
    "empty image": "datei_leer",
    "empty vector file": "datei_leer",
    "folder with mixed systems": "koordinaten_gemischt",
}
"""Code by item; empty where everything is simply read right."""
PROVEN: dict[str, str] = {}


def proves(*items):
    def register(test):
        for item in items:
            assert item in ITEMS
            assert item not in PROVEN
            PROVEN[item] = test.__name__
        return test

    return register


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """Let every temporary file of a test's process lie in one folder, and look there afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def refused(item, call):
    with pytest.raises(UrbanKiError) as refusal:
        call()
    error = refusal.value
    assert error.code == ITEMS[item]
    assert error_class(error.code) is type(error)
    assert "{" not in f"{error}{error.remedy}"
    assert str(error).endswith((".", "…", ")")) or ITEMS[item] == "kartendienst_meldung"
    assert error.remedy.endswith(".")


def told(item, findings):
    finding = next((one for one in findings if one.code == ITEMS[item]), None)
    assert isinstance(finding, Finding), [one.code for one in findings]
    assert "{" not in finding.text.format(**in_german(finding.details))
    assert finding.german.endswith(".")
    return finding


def notes(file, **options):
    with open_raster(file, options=OpenOptions(**options)) as image:
        return image.info.notes


def rgb(path, **profile):
    return tiff(path, colours().transpose(2, 0, 1), **profile)


@proves("image without a coordinate system, world file only")
def test_world_file_only(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(colours()).save(path)
    path.with_suffix(".jgw").write_text("0.1\n0\n0\n-0.1\n380000\n5720000\n", encoding="ascii")
    told("image without a coordinate system, world file only", notes(path))


@proves("vector data without a coordinate system", "ZIP without .prj")
def test_no_crs(tmp_path):
    item = "vector data without a coordinate system"
    refused(item, lambda: open_vectors(b"id;x;y\n1;380000;5720000\n"))
    refused("ZIP without .prj", lambda: open_vectors(shapefile_zip(tmp_path, without=("prj",))))


@proves("image in degrees", "vector data in degrees")
def test_degrees(tmp_path):
    path = rgb(tmp_path / "a.tif", crs="EPSG:4326", transform=from_origin(7, 51, 1e-6, 1e-6))
    refused("image in degrees", lambda: open_raster(path))
    layer = open_vectors(gpkg(tmp_path / "a.gpkg", frame().to_crs(4326)))
    told("vector data in degrees", layer.findings)
    assert layer.frame.area[0] == pytest.approx(100, abs=0.01)  # m2, never square degrees


@proves("swapped axes in GML", "number of the zone in front", "place outside Germany")
def test_axes_and_zones(tmp_path):
    corners = list(SQUARE.exterior.coords)
    swapped = " ".join(f"{y} {x}" for x, y in corners)
    told("swapped axes in GML", open_vectors(gml(swapped)).findings)
    zone = " ".join(f"{x + 32e6} {y}" for x, y in corners)
    told("number of the zone in front", open_vectors(gml(zone)).findings)
    refused("place outside Germany", lambda: open_vectors(gml("0 0 9 0 9 9 0 0")))


@proves("31466", "31467", "3857", "4647", "image in 3857")
def test_other_systems(tmp_path):
    for number in ("31466", "31467", "3857", "4647"):
        path = gpkg(tmp_path / f"{number}.gpkg", frame().to_crs(int(number)))
        layer = open_vectors(path)
        told(number, layer.findings)
        assert layer.frame.area[0] == pytest.approx(100, abs=0.1)
        assert layer.frame.geometry[0].distance(SQUARE.centroid) < 5
    place = {"crs": "EPSG:3857", "transform": from_origin(800_000, 6_720_000, 0.2, 0.2)}
    told("image in 3857", notes(rgb(tmp_path / "a.tif", **place)))


@proves("16 bits", "16 bits, stretch offered", "floating point, stretch offered")
def test_other_depths(tmp_path):
    deep = np.linspace(1000, 5000, 3 * 40 * 60).reshape(3, 40, 60).astype(np.uint16)
    path = tiff(tmp_path / "a.tif", deep)
    refused("16 bits", lambda: open_raster(path))
    with open_raster(path, options=OpenOptions(stretch=True)) as image:
        finding = told("16 bits, stretch offered", image.info.notes)
        pixels = image.read(0, 0, 60, 40).rgb
    low, high = np.percentile(deep[0], 2), np.percentile(deep[2], 98)
    assert finding.details == pytest.approx({"low": low, "high": high})
    # Half-way between the 2 % and the 98 % value of a band lies half of the brightness.
    assert pixels[20, 0, 0] == pytest.approx(128, abs=2)
    assert (pixels[0, 0, 0], pixels[-1, -1, 0]) == (0, 255)
    real = deep.astype(np.float32) / 10_000
    real[0, 5, 5] = np.nan
    told("floating point, stretch offered", notes(tiff(tmp_path / "b.tif", real), stretch=True))


@proves("1 band", "2 bands", "5 bands")
def test_other_numbers_of_bands(tmp_path):
    for item, count in (("1 band", 1), ("2 bands", 2)):
        path = tiff(tmp_path / f"{count}.tif", np.zeros((count, 40, 60), dtype=np.uint8))
        refused(item, lambda path=path: open_raster(path))
    five = tiff(tmp_path / "5.tif", np.zeros((5, 40, 60), dtype=np.uint8))
    told("5 bands", notes(five))


def town(*, false_colour: bool):
    """Two thirds lawn and trees, the rest roofs and asphalt, with the spectra of each."""
    rng = np.random.default_rng(1)
    lawn = {"nir": 170, "red": 70, "green": 95, "blue": 60}
    roof = {"nir": 120, "red": 150, "green": 85, "blue": 70}
    asphalt = {"nir": 105, "red": 100, "green": 100, "blue": 102}
    shown = ("nir", "red", "green") if false_colour else ("red", "green", "blue")
    kinds = rng.choice(3, size=(80, 100), p=[0.66, 0.17, 0.17])
    values = np.array([[kind[band] for band in shown] for kind in (lawn, roof, asphalt)])
    noise = rng.normal(0, 6, (80, 100, 1))
    pixels = np.clip(values[kinds] + noise, 0, 255).astype(np.uint8)
    return Patch(pixels, np.ones((80, 100), dtype=bool))


@proves("CIR read as RGB")
def test_false_colours():
    told("CIR read as RGB", check_false_colour(town(false_colour=True)))
    assert check_false_colour(town(false_colour=False)) == []
    roofs = np.full((40, 40, 3), (150, 85, 70), dtype=np.uint8)
    roofs[:2] = (80, 110, 70)
    assert check_false_colour(Patch(roofs, np.ones((40, 40), dtype=bool))) == []
    nothing = Patch(roofs, np.zeros((40, 40), dtype=bool))
    assert check_false_colour(nothing) == []


def lit(path, **profile):
    """A picture without any pure black or white pixel."""
    bands = np.clip(colours(200, 200), 20, 230).transpose(2, 0, 1).copy()
    return bands, lambda changed: tiff(path, changed, **profile)


def checked(image, patch):
    return check_image(image.info, patch, find_recipe("solar"))


@proves("alpha", "collar", "no-data value and true 0", "half-empty tile")
def test_missing_data(tmp_path):
    bands, write = lit(tmp_path / "alpha.tif", photometric="RGB", alpha="yes")
    alpha = np.full((1, 200, 200), 255, dtype=np.uint8)
    alpha[:, :, :100] = 0
    with open_raster(write(np.concatenate([bands, alpha]))) as image:
        patch = image.read(0, 0, 200, 200)
        told("alpha", checked(image, patch))
        assert patch.valid.mean() == 0.5
        shrunk = shrink_valid(patch.valid, 10)
        assert not shrunk[:, :110].any()
        assert shrunk[:, 110:].all()
        told("half-empty tile", checked(image, patch))
    bands, write = lit(tmp_path / "collar.tif")
    bands[:, :40] = 0
    with open_raster(write(bands)) as image:
        patch = find_valid(image).read(0, 0, 200, 200)
        told("collar", checked(image, patch))
        assert patch.valid.mean() == pytest.approx(0.8)
    bands, write = lit(tmp_path / "zero.tif", nodata=255)
    bands[:, 50:90, 50:90] = 0  # a black roof
    bands[:, 150:, :] = 255
    with open_raster(write(bands)) as image:
        patch = find_valid(image).read(0, 0, 200, 200)
        told("no-data value and true 0", checked(image, patch))
        assert patch.valid[50:90, 50:90].all()
        assert not patch.valid[150:].any()


@proves("JPEG 2000 without a driver")
def test_missing_driver(tmp_path, monkeypatch):
    path = tmp_path / "a.jp2"
    settings = {"driver": "JP2OpenJPEG", "width": 64, "height": 64, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", **settings, crs=UTM32, transform=from_origin(E0, N0, 1, 1)) as to:
        to.write(np.full((3, 64, 64), 99, dtype=np.uint8))
    with open_raster(path) as image:
        assert image.info.crs == UTM32
    monkeypatch.setitem(windowed.DRIVERS, "JP2", "JP2NotBuiltIn")
    refused("JPEG 2000 without a driver", lambda: open_raster(path))


@proves("rotated geotransform", "pixels that are not square")
def test_odd_grids(tmp_path):
    turned = Affine.translation(E0, N0) * Affine.rotation(30) * Affine.scale(0.1, -0.1)
    found = notes(rgb(tmp_path / "a.tif", transform=turned))
    assert told("rotated geotransform", found).details == {"degrees": 30.0}
    oblong = from_origin(E0, N0, 0.1, 0.2)
    found = notes(rgb(tmp_path / "b.tif", transform=oblong))
    told("pixels that are not square", found)
    straight = notes(rgb(tmp_path / "c.tif", transform=from_origin(E0, N0, 0.1, 0.1)))
    assert straight == ()


@proves("GSD 1 m")
def test_coarse_image(tmp_path):
    path = tiff(
        tmp_path / "a.tif", np.full((3, 300, 300), 90, dtype=np.uint8),
        transform=from_origin(E0, N0, 1, 1),
    )  # fmt: skip
    with open_raster(path) as image:
        finding = told("GSD 1 m", checked(image, image.overview(100)))
    assert finding.level == "stop"


@proves("corrupt TIFF", "truncated TIFF")
def test_broken_images(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (3, 200, 200), dtype=np.uint8)
    whole = tiff(tmp_path / "a.tif", noise, compress="deflate", blockysize=16).read_bytes()
    half = len(whole) // 2

    def read(content):
        with open_raster(content) as image:
            image.read(0, 0, 200, 200)

    refused("corrupt TIFF", lambda: read(whole[:half] + b"\0" * (len(whole) - half)))
    refused("truncated TIFF", lambda: read(whole[:half]))


@proves("more than 50 megapixels as PNG")
def test_large_upload():
    limits = RasterLimits(decoded_megapixels=50)
    refused(
        "more than 50 megapixels as PNG",
        lambda: open_raster(huge_png(7200, 7000), options=OpenOptions(limits=limits)),
    )


@proves("ZIP without .shp", "ZIP without .dbf")
def test_incomplete_shapefiles(tmp_path):
    for part in ("shp", "dbf"):
        file = shapefile_zip(tmp_path, without=(part,))
        refused(f"ZIP without .{part}", lambda file=file: open_vectors(file))
    with pytest.raises(UrbanKiError, match=r"\.shx"):
        open_vectors(shapefile_zip(tmp_path, without=("shx",)))


def archive(*entries):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return target.getvalue()


LINK = zipfile.ZipInfo("a.shp")
LINK.external_attr = 0o120777 << 16


@proves("zip slip")
@pytest.mark.parametrize(
    "name", ["../a.shp", "/etc/a.shp", "b/../../a.shp", "..\\a.shp", "C:\\a.shp", LINK],
    ids=["up", "root", "inner", "backslash", "drive", "link"],
)  # fmt: skip
def test_archives_that_point_outside(tmp_path, name):
    refused("zip slip", lambda: open_vectors(archive((name, b"x"))))
    assert not (tmp_path.parent / "a.shp").exists()


def test_archives_with_a_password():
    content = bytearray(archive(("a.shp", b"x")))
    central = content.index(b"PK\x01\x02")
    content[6] |= 1
    content[central + 8] |= 1
    refused("zip slip", lambda: open_vectors(bytes(content)))


@proves("zip bomb by ratio", "zip bomb by size")
def test_zip_bombs(tmp_path, monkeypatch):
    bomb = archive(("a.shp", bytes(20 * 2**20)), ("a.dbf", b"x"), ("a.shx", b"x"))
    refused("zip bomb by ratio", lambda: open_vectors(bomb))
    large = tmp_path / "large.zip"
    with zipfile.ZipFile(large, "w") as made:
        for ending in vector_archive.NEEDED:
            made.writestr(f"a{ending}", b"x" * 100)
        made.filelist[0].file_size = 3 * 2**30  # what the directory claims
    monkeypatch.setattr(vector_archive, "MOST_RATIO", 10**9)
    refused("zip bomb by size", lambda: vector_archive.find_shapefiles(large))


@proves("cp1252 umlauts in DBF", "names of fields cut")
def test_shapefile_texts(tmp_path):
    squares = frame(name=["Größe"], Straßenschlüssel=["x"])
    layer = open_vectors(shapefile_zip(tmp_path, squares))
    told("cp1252 umlauts in DBF", layer.findings)
    assert layer.frame["name"].tolist() == ["Größe"]
    told("names of fields cut", layer.findings)


@proves(
    "self-intersecting geometry", "empty geometry", "Z", "multipart geometry", "curved geometry",
    "duplicate ids",
)  # fmt: skip
def test_odd_geometries(tmp_path):
    bow = Polygon([(E0, N0), (E0 + 10, N0 + 10), (E0 + 10, N0), (E0, N0 + 10)])
    raised = Polygon([(x + 20, y, 5) for x, y in SQUARE.exterior.coords])
    pair = MultiPolygon([box(E0 + 40, N0, E0 + 45, N0 + 5), box(E0 + 50, N0, E0 + 55, N0 + 5)])
    odd = frame(bow, raised, pair, None, id=["a", "b", "b", "c"])
    path = tmp_path / "a.gpkg"
    odd.to_file(path, driver="GPKG", layer="a", geometry_type="Unknown")
    layer = open_vectors(path, options=VectorOptions(split_multi=True))
    for item in ("self-intersecting geometry", "empty geometry", "Z", "multipart geometry"):
        told(item, layer.findings)
    told("duplicate ids", layer.findings)
    assert layer.frame.is_valid.all()
    told("curved geometry", open_vectors(curved_gpkg(tmp_path / "b.gpkg")).findings)


@proves("footprints outside the image")
def test_footprints_outside():
    image = box(E0 + 100, N0, E0 + 200, N0 + 100)
    outside, findings = outside_of([SQUARE, image.centroid.buffer(3)], image)
    assert outside == [0]
    told("footprints outside the image", findings)


WRITER = """
import sqlite3, sys
writer = sqlite3.connect(sys.argv[1], isolation_level=None)
writer.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


@proves("locked GeoPackage", "GeoPackage with an open journal", "several layers")
def test_geopackages(tmp_path):
    path = gpkg(tmp_path / "a.gpkg")
    # In a process of its own: a process that closes a file loses its own locks on it.
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"locked\n"
        refused("locked GeoPackage", lambda: open_vectors(path))
        writer.communicate(b"\n")
    assert len(open_vectors(path).frame) == 1
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        refused("GeoPackage with an open journal", lambda: open_vectors(path.read_bytes()))
    other = gpkg(tmp_path / "b.gpkg", layer="dächer")
    frame().to_file(other, driver="GPKG", layer="parzellen")
    refused("several layers", lambda: open_vectors(other))
    with pytest.raises(UrbanKiError, match="dächer, parzellen"):
        open_vectors(other)


@proves("WMS error page with status 200", "blank WMS tile")
def test_map_services():
    answers = [
        Answer(kind="text/xml", body=exception("Layer not defined")),
        Answer(body=picture(blank=True)),
    ]
    with map_service(answers.__getitem__) as service:
        services = MapServices([service.host], sleep=lambda _s: None)

        def ask():
            return services.get_map(MapLayer(service.url, "dop"), (E0, N0, E0 + 8, N0 + 6), 8, 6)

        refused("WMS error page with status 200", ask)
        refused("blank WMS tile", ask)


def info(name="dop_2023.tif", **changes):
    given = RasterInfo(
        name, "ab" * 32, 100, 100, 3, "TIFF", 0.2, 0.2, "georeference", UTM32,
        (0.2, 0, E0, 0, -0.2, N0),
    )  # fmt: skip
    return replace(given, **changes)


@proves("missing year", "two vintages of different GSD", "folder with mixed systems")
def test_several_images():
    before, after = Vintage(info(), 2023), Vintage(info("dop.tif"), None)
    refused("missing year", lambda: check_vintages(before, after))
    finer = Vintage(info(pixel_width_m=0.1, pixel_height_m=0.1), 2026)
    finding = told("two vintages of different GSD", check_vintages(before, finer))
    assert finding.german.startswith("Die Bilder haben 20 cm und 10 cm je Bildpunkt.")
    assert check_vintages(before, replace(before, year=2026)) == []
    turned = check_vintages(replace(before, year=2026), before)
    assert [(one.level, one.code) for one in turned] == [("stop", "jahrgaenge_reihenfolge")]
    images = [info(), info(crs="EPSG:25833"), info(crs=None)]
    refused("folder with mixed systems", lambda: common_system(images))
    assert common_system([info(), info()]) == UTM32
    assert common_system([]) is None


@pytest.mark.parametrize(
    ("name", "year"),
    [
        ("dop20_32380_5720_2023.tif", 2023),
        ("Luftbild 2026-05-09.tif", 2026),
        ("20230905_mitte.tif", 2023),
        ("vergleich_2023_2026.tif", None),
        ("dop20_32380_5720.tif", None),
        ("kachel_32019.tif", None),
    ],
)
def test_the_year_is_suggested_from_a_name(name, year):
    assert year_in_name(name) == year


@proves(
    "CSV with rows of different length", "CSV without coordinates",
    "CSV with BOM, semicolon, decimal comma, line breaks",
)  # fmt: skip
def test_tables():
    item = "CSV with rows of different length"
    refused(item, lambda: open_vectors(b"id;x;y\n1;2\n"))
    refused("CSV without coordinates", lambda: open_vectors(b"id;name\n1;a\n"))
    text = '\ufeffid;name;x;y\r\n1;"zwei\r\nZeilen";380000,5;5720000,5\r\n'
    layer = open_vectors(text.encode(), options=VectorOptions(crs=UTM32))
    assert layer.findings == ()
    assert layer.frame.geometry[0].x == 380000.5


@proves("empty image", "empty vector file")
def test_empty_files(tmp_path):
    refused("empty image", lambda: open_raster(b""))
    refused("empty vector file", lambda: open_vectors(b""))
    path = tmp_path / "leer.gpkg"
    path.touch()
    refused("empty vector file", lambda: open_vectors(path))


def test_every_item_has_its_test_and_code():
    assert sorted(PROVEN) == sorted(ITEMS)
