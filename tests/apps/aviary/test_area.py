"""The area file: pixels, map coordinates or WGS84, and what is refused."""

import json
import zipfile

import geopandas as gpd
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import box

from apps.aviary.inputs.area import read_area
from apps.aviary.plan import plan_run
from apps.aviary.recipes import find_recipe
from shared.errors import AreaInvalid, AreaOutside, AreaTooSmall, FileMissing
from shared.geo.raster import RasterInfo

PLAIN = RasterInfo("a.png", "00" * 32, 2000, 1000, 3, "PNG", 0.1, 0.1)
PLACED = RasterInfo(
    "a.tif", "00" * 32, 2000, 1000, 3, "TIFF", 0.1, 0.1,
    crs="EPSG:25832", transform=(0.1, 0.0, 400000.0, 0.0, -0.1, 5700000.0),
)  # fmt: skip


def ring(x0, y0, x1, y1):
    return [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]


def polygon(*corners):
    return {"type": "Polygon", "coordinates": ring(*corners)}


def written(folder, content):
    path = folder / "area.geojson"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def collection(geometry, **members):
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": geometry}],
        **members,
    }


def test_pixels_of_a_plain_image(tmp_path):
    path = written(tmp_path, collection(polygon(100, 100, 300, 200), coordinates="pixel"))
    area = read_area(path, PLAIN)
    assert area.bounds == (100, 100, 300, 200)
    tiles = plan_run(PLAIN, find_recipe("solar"), area_px=area).tiles
    assert [tile.tile_id for tile in tiles] == [0]


def test_own_crs_of_a_placed_image(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    geometry = polygon(400010, 5699950, 400030, 5699990)
    area = read_area(written(tmp_path, collection(geometry, crs=crs)), PLACED)
    assert area.bounds == pytest.approx((100, 100, 300, 500), abs=1e-5)


def test_longitude_and_latitude_of_a_placed_image(tmp_path):
    to_wgs84 = Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    corners = [to_wgs84.transform(x, y) for x, y in ((400010, 5699950), (400030, 5699990))]
    area = read_area(written(tmp_path, polygon(*corners[0], *corners[1])), PLACED)
    assert area.bounds == pytest.approx((100, 100, 300, 500), abs=5)


def test_crossing_outlines_are_repaired(tmp_path):
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [200, 200], [200, 0], [0, 200], [0, 0]]]}
    area = read_area(written(tmp_path, collection(bow_tie, coordinates="pixel")), PLAIN)
    assert area.is_valid
    assert area.area == pytest.approx(20000)


def test_what_lies_beyond_the_image_is_cut_off(tmp_path):
    path = written(tmp_path, collection(polygon(-500, -500, 100, 100), coordinates="pixel"))
    assert read_area(path, PLAIN).equals(box(0, 0, 100, 100))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[]",
        "{}",
        "[" * 5000,
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[["a", "b"]] * 4]},
        {"type": "Polygon"},
        collection(None),
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection", "features": [3]},
        collection(polygon(0, 0, 50, 50)),
        collection(polygon(0, 0, 50, 50), crs="EPSG:25832"),
    ],
)
def test_what_is_no_area_is_refused(tmp_path, content):
    with pytest.raises(AreaInvalid):
        read_area(written(tmp_path, content), PLAIN)


def test_area_elsewhere_is_refused(tmp_path):
    path = written(tmp_path, collection(polygon(5000, 0, 6000, 50), coordinates="pixel"))
    with pytest.raises(AreaOutside, match="außerhalb des Bildes"):
        read_area(path, PLAIN)


def test_three_pixels_are_too_few(tmp_path):
    path = written(tmp_path, collection(polygon(10, 10, 13, 11), coordinates="pixel"))
    with pytest.raises(AreaTooSmall, match="nur 3 Bildpunkte"):
        read_area(path, PLAIN)


def test_missing_area_file(tmp_path):
    with pytest.raises(FileMissing):
        read_area(tmp_path / "none.geojson", PLAIN)


@pytest.mark.parametrize("ending", ["gpkg", "fgb", "zip", "gml"])
@pytest.mark.parametrize("crs", ["EPSG:25832", "EPSG:25833"])
def test_files_of_maps_name_their_system(tmp_path, ending, crs):
    """Runs keep files under names without ending; the content tells the format."""
    shapes = [box(400010, 5699950, 400030, 5699990), box(400030, 5699950, 400050, 5699990)]
    frame = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:25832").to_crs(crs)
    path = tmp_path / f"area.{ending}"
    if ending == "zip":
        frame.to_file(tmp_path / "area.shp")
        with zipfile.ZipFile(path, "w") as archive:
            for part in ("shp", "shx", "dbf", "prj"):
                archive.write(tmp_path / f"area.{part}", f"area.{part}")
    else:
        frame.to_file(path)
    stored = path.rename(tmp_path / "0f3a")
    area = read_area(stored, PLACED)
    assert area.bounds == pytest.approx((100, 100, 500, 500), abs=0.05)
    assert area.area == pytest.approx(400 * 400, rel=1e-4)
    with pytest.raises(AreaInvalid):
        read_area(stored, PLAIN)


def test_a_map_of_lines_is_no_area(tmp_path):
    line = shapely.LineString([(400010, 5699950), (400030, 5699990)])
    path = tmp_path / "area.gpkg"
    gpd.GeoDataFrame(geometry=[line], crs="EPSG:25832").to_file(path)
    with pytest.raises(AreaInvalid):
        read_area(path, PLACED)
