"""Examples from Musterstadt: what is offered, and what their files hold."""

import json
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from rasterio.io import MemoryFile
from shapely import box

from apps.aviary.inputs import town_example
from apps.aviary.inputs.image_check import look_over
from apps.aviary.inputs.town_example import EXAMPLES, example_file, example_tiff, ready_examples
from apps.aviary.recipes import find_recipe
from shared.geo.raster import OpenOptions

EAST, NORTH = 380_000.0, 5_720_000.0


class Town:
    """A stored town of which some parts are rendered."""

    def __init__(self, ready=1.0, older=1.0, folder="town"):
        self.shares = {"2026": ready, "2023": older}
        self.folder = folder
        self.settings = SimpleNamespace(
            origin_m=(EAST, NORTH), flights=(date(2023, 9, 5), date(2026, 5, 9))
        )

    def ready_share(self, vintage, bounds_m):
        return self.shares[vintage]

    def read(self, vintage, bounds_m, size_px):
        width, height = size_px
        bands = np.zeros((height, width, 4), np.uint8)
        bands[...] = (60, 90, 50, 200) if vintage == "2026" else (10, 20, 30, 40)
        bands[::2] += 40
        return bands, np.ones((height, width), bool)

    def city(self):
        geopandas = pytest.importorskip("geopandas")
        west, south, _, _ = EXAMPLES[0].bounds_m
        shapes = [
            box(EAST + west + 5, NORTH + south + 5, EAST + west + 25, NORTH + south + 25),
            box(EAST + west - 500, NORTH + south, EAST + west - 480, NORTH + south + 20),
        ]
        layer = geopandas.GeoDataFrame(
            {"parcel_id": ["a", "b"], "day": [date(2026, 1, 1)] * 2},
            geometry=shapes,
            crs="EPSG:25832",
        )
        return SimpleNamespace(settings=self.settings, layer=lambda name: layer)


@pytest.fixture
def town(monkeypatch):
    def build(**words):
        monkeypatch.setattr(town_example, "_store", lambda: Town(**words))
        monkeypatch.setattr(town_example, "is_city_built", lambda folder, settings: True)

    build()
    return build


def test_only_rendered_parts_are_offered(town, monkeypatch):
    assert ready_examples() == EXAMPLES
    town(ready=0.5)
    assert ready_examples() == ()
    town()
    monkeypatch.setattr(town_example, "is_city_built", lambda folder, settings: False)
    assert ready_examples() == ()


def test_the_image_lies_on_the_map_and_has_near_infrared(town):
    example = EXAMPLES[0]
    checked = look_over(
        example_tiff(example), find_recipe("landcover"), OpenOptions(), name="x.tif", force=False
    )
    info = checked.info
    assert (info.width, info.height) == (1280, 800)
    assert info.gsd_m == pytest.approx(0.2)
    assert info.crs == "EPSG:25832"
    assert (info.transform[2], info.transform[5]) == (
        EAST + example.bounds_m[0],
        NORTH + example.bounds_m[3],
    )
    assert info.has_near_infrared
    assert not [one for one in checked.findings if one.level == "stop"]


def test_parcels_of_the_part_come_along(town):
    content = json.loads(example_file(EXAMPLES[0], "parcels"))
    assert [one["properties"]["parcel_id"] for one in content["features"]] == ["a"]
    assert content["crs"]["properties"]["name"] == "EPSG:25832"


def test_the_older_image_comes_along_where_it_is_rendered(town):
    with MemoryFile(example_file(EXAMPLES[0], "before")) as memory, memory.open() as image:
        assert image.read()[:, 1, 0].tolist() == [10, 20, 30, 40]
    town(older=0.9)
    assert example_file(EXAMPLES[0], "before") is None


def test_nothing_else_comes_along(town):
    assert example_file(EXAMPLES[0], "ndsm") is None
