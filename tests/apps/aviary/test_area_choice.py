"""The part of an image that counts, as a person draws or brings it."""

import json
from dataclasses import replace

import pytest
from shapely import box

from apps.aviary.inputs import area_choice
from apps.aviary.inputs.area_choice import (
    area_from_file,
    area_from_pixels,
    area_from_upload,
    districts_in,
    rectangle,
    shows_town,
)
from shared import limited_reading
from shared.errors import AreaInvalid, AreaOutside, AreaTooSmall
from shared.geo.raster import RasterInfo

INFO = RasterInfo("bild.png", "ab" * 32, 400, 200, 3, "PNG", 0.1, 0.1)
PLACED = RasterInfo(
    "bild.tif", "cd" * 32, 400, 200, 3, "TIFF", 0.5, 0.5,
    crs="EPSG:25832", transform=(0.5, 0, 380_000, 0, -0.5, 5_720_100),
)  # fmt: skip


def test_a_drawing_is_the_area_that_a_run_reads():
    area = area_from_pixels([(10, 20), (110, 20), (110, 70), (10, 70), (10, 20)], INFO)
    assert area.polygons.equals(box(10, 20, 110, 70))
    again = area_from_file(area.content, INFO)
    assert again.polygons.equals(area.polygons)


def test_a_drawing_is_cut_at_the_edges_of_the_image():
    area = area_from_pixels([(-50, -50), (100, -50), (100, 50), (-50, 50), (-50, -50)], INFO)
    assert area.polygons.equals(box(0, 0, 100, 50))


def test_sliders_give_shares_of_the_image():
    assert area_from_pixels(rectangle((0.25, 0.75), (0.5, 1.0), INFO), INFO).polygons.equals(
        box(100, 100, 300, 200)
    )


@pytest.mark.parametrize(
    ("ring", "error"),
    [
        ([(1, 1), (5, 5)], AreaInvalid),
        ([(500, 300), (600, 300), (600, 400), (500, 300)], AreaOutside),
        ([(0, 0), (3, 0), (3, 3), (0, 3), (0, 0)], AreaTooSmall),
    ],
    ids=["line", "outside", "tiny"],
)
def test_useless_drawings_are_refused(ring, error):
    with pytest.raises(error):
        area_from_pixels(ring, INFO)


def test_a_file_without_an_area_is_refused():
    with pytest.raises(AreaInvalid):
        area_from_file(b"not json", INFO)


def test_a_file_that_somebody_brings_is_read_in_another_process(monkeypatch):
    asked = []
    ask = limited_reading._ask

    def count(order, question, content):
        asked.append(order.function)
        return ask(order, question, content)

    monkeypatch.setattr(limited_reading, "_ask", count)
    ring = [[10, 10], [90, 10], [90, 90], [10, 90], [10, 10]]
    hole = [[30, 30], [60, 30], [60, 60], [30, 60], [30, 30]]
    geometry = {"type": "Polygon", "coordinates": [ring, hole]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    file = {"type": "FeatureCollection", "coordinates": "pixel", "features": [feature]}
    area = area_from_upload(json.dumps(file).encode(), INFO)
    assert area.polygons.area == 6400 - 900
    assert asked == ["apps.aviary.inputs.area_choice:read_rings"]
    with pytest.raises(AreaInvalid):
        area_from_upload(b"[1, 2]", INFO)


def test_districts_are_those_that_the_image_shows(monkeypatch):
    geopandas = pytest.importorskip("geopandas")
    corners = {"Altstadt": box(379_900, 5_719_900, 380_100, 5_720_200)}
    corners["Dorf"] = box(390_000, 5_730_000, 390_100, 5_730_100)
    layer = geopandas.GeoDataFrame(
        {"name": list(corners)}, geometry=list(corners.values()), crs="EPSG:25832"
    )
    monkeypatch.setattr(area_choice, "is_city_built", lambda folder, settings: True)
    monkeypatch.setattr(area_choice, "_districts", lambda folder: layer)
    assert shows_town(PLACED)
    found = districts_in(PLACED)
    assert list(found) == ["Altstadt"]
    # 100 m of the district lie in the image, 200 m of the image are 400 pixels.
    assert found["Altstadt"].polygons.equals(box(0, 0, 200, 200))
    features = json.loads(found["Altstadt"].content)["features"]
    assert len(features) == 1  # what lies outside the image is cut off


def test_an_image_without_a_place_or_elsewhere_shows_no_district(monkeypatch):
    monkeypatch.setattr(area_choice, "is_city_built", lambda folder, settings: True)
    assert districts_in(INFO) == {}
    assert not shows_town(INFO)
    elsewhere = replace(PLACED, transform=(0.5, 0, 480_000, 0, -0.5, 5_720_100))
    assert not shows_town(elsewhere)


def test_a_town_that_is_not_built_shows_no_district(monkeypatch):
    monkeypatch.setattr(area_choice, "is_city_built", lambda folder, settings: False)
    assert not shows_town(PLACED)
