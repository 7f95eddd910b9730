"""Parcels and buildings beside an image, on the map or in pixels."""

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from shapely import box

from apps.aviary.surfaces.given_outlines import read_outlines
from shared.errors import GeodataUnreadable, InputUnusable
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions
from tests.apps.aviary.surfaces.grounds import GRASS, PLACE, ground, in_pixels

WEST, NORTH = PLACE.c, PLACE.f


@pytest.fixture
def info(tmp_path):
    return ground(tmp_path / "in", np.full((50, 80), GRASS)).info


@pytest.fixture
def plain(tmp_path):
    Image.fromarray(np.full((50, 80, 3), 90, np.uint8)).save(tmp_path / "plain.png")
    with open_raster(tmp_path / "plain.png", options=OpenOptions(gsd_m=0.2)) as source:
        return source.info


def on_the_map(path, crs="EPSG:25832"):
    shapes = [
        box(WEST + 2, NORTH - 4, WEST + 6, NORTH - 2),
        box(WEST - 9, NORTH, WEST - 5, NORTH + 4),
    ]
    frame = gpd.GeoDataFrame({"nutzung": ["Wohnbaufläche", "Wald"]}, geometry=shapes, crs=25832)
    frame.to_crs(crs).to_file(path)
    return path


@pytest.mark.parametrize("crs", ["EPSG:25832", "EPSG:25833", "EPSG:4326"])
def test_outlines_of_the_map_become_pixels_and_those_elsewhere_are_left_out(tmp_path, info, crs):
    outlines = read_outlines(on_the_map(tmp_path / "parcels.gpkg", crs), "parcels", info)
    assert [one.columns["nutzung"] for one in outlines] == ["Wohnbaufläche"]
    assert outlines[0].polygon.bounds == pytest.approx((10, 10, 30, 20), abs=0.02)


def test_outlines_in_pixels_are_cut_to_the_image(tmp_path, plain):
    path = in_pixels(tmp_path / "p.geojson", [(box(70, 40, 100, 60), {"use": "row"})])
    (one,) = read_outlines(path, "parcels", plain)
    assert one.polygon.bounds == (70, 40, 80, 50)
    assert one.columns == {"use": "row"}


def test_a_map_beside_an_image_without_place_is_refused(tmp_path, plain):
    path = on_the_map(tmp_path / "parcels.gpkg")
    with pytest.raises(InputUnusable, match=r"Flurstücke: .* keine Lage auf der Karte"):
        read_outlines(path, "parcels", plain)


def test_outlines_beside_the_image_are_refused(tmp_path, plain):
    path = in_pixels(tmp_path / "p.geojson", [(box(200, 200, 300, 300), {})])
    with pytest.raises(InputUnusable, match="außerhalb des Bildes"):
        read_outlines(path, "buildings", plain)


@pytest.mark.parametrize(
    "content",
    [
        '{"coordinates": "pixel", "features": []}',
        '{"coordinates": "pixel", "features": [{"geometry": null}]}',
        '{"coordinates": "pixel", "features": [3]}',
        '{"coordinates": "pixel", "features": [{"geometry": {"type": "Polygon", '
        '"coordinates": [[[0, 0], [1, "x"]]]}}]}',
        '{"coordinates": "pixel"}',
    ],
)
def test_a_file_in_pixels_without_areas_is_refused(tmp_path, plain, content):
    path = tmp_path / "p.geojson"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputUnusable, match="keine Flächen"):
        read_outlines(path, "parcels", plain)


def test_points_are_no_areas(tmp_path, info):
    path = tmp_path / "points.gpkg"
    gpd.GeoDataFrame(geometry=gpd.points_from_xy([WEST + 1], [NORTH - 1]), crs=25832).to_file(path)
    with pytest.raises(InputUnusable, match="keine Flächen"):
        read_outlines(path, "parcels", info)


def test_what_is_no_vector_file_is_refused(tmp_path, info):
    path = tmp_path / "p.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [', encoding="utf-8")
    with pytest.raises(GeodataUnreadable):
        read_outlines(path, "parcels", info)
