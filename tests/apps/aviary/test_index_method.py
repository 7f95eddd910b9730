"""Formulas over the bands: exact numbers and classes, from the image to the files."""

import json

import numpy as np
import pytest
import rasterio
from PIL import Image

from apps.aviary.commands import program as command
from apps.aviary.kinds.ground import NO_VALUE
from apps.aviary.kinds.index_method import read_settings
from apps.aviary.kinds.land_cover import CODES
from apps.aviary.recipes import FOLDER, find_recipe, read_recipe
from shared.demo_city import SceneSettings, render_scene
from shared.errors import IndexRefused, RecipeBroken
from shared.geo.nodata import NO_DATA
from shared.settings import get_settings
from tests.apps.aviary.test_class_maps import ORIGIN, save_tiff


@pytest.fixture(autouse=True)
def without_model_server(tmp_path, monkeypatch):
    def refuse(stack):
        def client():
            raise AssertionError("the model server was asked")

        return client

    monkeypatch.setattr(command, "_lazy_client", refuse)
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def run(capsys, recipe, *words):
    code = command.main(["run", "--recipe", recipe, *map(str, words)])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else None, said.err


def picture(height=1300, width=1500):
    """Red 100, green 80, blue 60; near infrared rises from left to right."""
    rgb = np.full((height, width, 3), (100, 80, 60), dtype=np.uint8)
    nir = np.tile(np.linspace(20, 255, width).astype(np.uint8), (height, 1))
    return rgb, nir


def read(path):
    with rasterio.open(path) as source:
        return source.read(1), source.nodata, source.crs, source.transform


def test_ndvi_is_exact_on_every_pixel(tmp_path, capsys):
    rgb, nir = picture()
    image = save_tiff(tmp_path / "a.tif", rgb, nir)
    code, summary, said = run(capsys, "ndvi", "--image", image, "--out", tmp_path / "out")
    assert code == 0, said
    high = nir.astype(np.float32)
    wanted = (high - 100) / (high + 100)
    values, nodata, crs, transform = read(tmp_path / "out" / "values.tif")
    assert values.dtype == np.float32
    assert np.array_equal(values, wanted)
    assert (nodata, crs.to_epsg()) == (NO_VALUE, 25832)
    assert (transform.c, transform.f, transform.a) == (*ORIGIN, 0.2)
    codes, *_ = read(tmp_path / "out" / "classes.tif")
    assert np.array_equal(codes, np.digitize(wanted, np.float32([0.0, 0.2, 0.4])))
    assert summary["model"] == {"name": None, "version": None, "sha256": None} or (
        not summary["model"]["name"]
    )
    assert summary["area_m2"]["none"] == pytest.approx((wanted < 0).sum() * 0.04, abs=0.1)
    assert sum(summary["share"].values()) == pytest.approx(1, abs=1e-5)
    assert summary["parameters"]["near_infrared"]
    found = json.loads((tmp_path / "out" / "objects.geojson").read_text())["features"]
    assert [one["properties"]["class"] for one in found].count("dense") == 1


def test_the_pixels_of_the_image_count_whatever_their_size(tmp_path, capsys):
    from rasterio.transform import from_origin

    rgb, nir = picture(200, 300)
    place = from_origin(*ORIGIN, 1.5, 1.5)
    image = save_tiff(tmp_path / "a.tif", rgb, nir, transform=place)
    code, _, said = run(capsys, "ndvi", "--image", image, "--out", tmp_path / "out")
    assert code == 0, said
    values, *_ = read(tmp_path / "out" / "values.tif")
    assert values.shape == (200, 300)
    high = nir.astype(np.float32)
    assert np.array_equal(values, (high - 100) / (high + 100))


def test_a_plain_picture_gets_its_green_index(tmp_path, capsys):
    rgb = np.full((300, 400, 3), (90, 140, 60), dtype=np.uint8)
    rgb[:, 200:] = (120, 120, 120)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    words = ("--image", tmp_path / "a.png", "--gsd", "0.1", "--out", tmp_path / "out")
    code, summary, said = run(capsys, "index", *words)
    assert code == 0, said
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    wanted = ["classes.png", "confidence.png", "objects.geojson", "summary.json", "values.tif"]
    assert names == wanted
    codes = np.asarray(Image.open(tmp_path / "out" / "classes.png"))
    assert (codes[:, :200] == 2).all()
    assert (codes[:, 200:] == 1).all()
    values, *_ = read(tmp_path / "out" / "values.tif")
    assert values[0, 0] == pytest.approx(50 / 170)
    assert summary["area_m2"] == {"not_green": 0.0, "little_green": 600.0, "green": 600.0}


def test_where_nothing_is_known_there_is_no_value(tmp_path, capsys):
    """A black collar holds no data; where the formula has no value there is none either."""
    rgb = np.full((300, 400, 3), (90, 140, 60), dtype=np.uint8)
    rgb[:, :60] = 0
    rgb[100:120, 200:220] = (40, 60, 100)  # green + red = blue
    Image.fromarray(rgb).save(tmp_path / "a.png")
    words = ("--image", tmp_path / "a.png", "--gsd", "0.1", "--out", tmp_path / "out")
    code, summary, said = run(capsys, "index", *words)
    assert code == 0, said
    codes = np.asarray(Image.open(tmp_path / "out" / "classes.png"))
    values, *_ = read(tmp_path / "out" / "values.tif")
    missing = np.zeros(codes.shape, dtype=bool)
    missing[:, :60] = missing[100:120, 200:220] = True
    assert np.array_equal(codes == NO_DATA, missing)
    assert np.array_equal(values == NO_VALUE, missing)
    assert summary["nodata_share"] == pytest.approx(missing.mean(), abs=1e-6)


def test_the_same_image_gives_the_same_bytes(tmp_path, capsys):
    rgb, nir = picture(150, 200)
    image = save_tiff(tmp_path / "a.tif", rgb, nir)
    for name in ("1", "2"):
        run(capsys, "ndvi", "--image", image, "--out", tmp_path / name, "--no-cache")
    for name in ("values.tif", "classes.tif", "objects.geojson"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_ndvi_needs_near_infrared(tmp_path, capsys):
    rgb, _ = picture(100, 100)
    image = save_tiff(tmp_path / "a.tif", rgb)
    code, content, said = run(capsys, "ndvi", "--image", image, "--out", tmp_path / "out")
    assert (code, content) == (2, None)
    assert "nahes Infrarot" in said


def test_outside_the_area_there_is_no_value(tmp_path, capsys):
    rgb, nir = picture(300, 300)
    image = save_tiff(tmp_path / "a.tif", rgb, nir)
    ring = [[0, 0], [100, 0], [100, 200], [0, 200], [0, 0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    area = tmp_path / "area.geojson"
    area.write_text(
        json.dumps({"type": "FeatureCollection", "coordinates": "pixel", "features": [feature]})
    )
    words = ("--image", image, "--area", area, "--out", tmp_path / "out")
    _, summary, _ = run(capsys, "ndvi", *words)
    values, *_ = read(tmp_path / "out" / "values.tif")
    assert (values[:200, :100] != NO_VALUE).all()
    assert (values != NO_VALUE).sum() == 20_000
    assert summary["outside_share"] == pytest.approx(1 - 20_000 / 90_000, abs=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("(nir - red) / (nir + red)", "nir - b7", IndexRefused),
        ("(nir - red) / (nir + red)", "__import__('os')", IndexRefused),
        ("(nir - red) / (nir + red)", "1 + 2", RecipeBroken),
        ('bands = "rgbi"', 'bands = "rgb"', RecipeBroken),
        ("[0.0, 0.2, 0.4]", "[0.0, 0.4, 0.2]", RecipeBroken),
        ("[0.0, 0.2, 0.4]", "[0.0, 0.2]", RecipeBroken),
        ('name = "expression"', 'name = "expression"\nother = 1', RecipeBroken),
        ('name = "expression"', 'name = "other"', RecipeBroken),
    ],
    ids=["band", "code", "constant", "infrared", "falling", "classes", "key", "name"],
)
def test_wrong_settings_are_refused(old, new, error):
    text = (FOLDER / "ndvi.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(error):
        read_settings(read_recipe(text.replace(old, new, 1), "ndvi"))
    read_settings(find_recipe("ndvi"))
    read_settings(find_recipe("index"))


def test_plants_of_a_rendered_town_are_greener_than_roads(tmp_path, capsys):
    window = render_scene(SceneSettings(seed=950_012, split="test", gsd_m=0.2, size_px=320)).window
    rgbi = window.rgbi
    image = save_tiff(tmp_path / "a.tif", rgbi[..., :3], rgbi[..., 3])
    code, _, said = run(capsys, "ndvi", "--image", image, "--out", tmp_path / "out")
    assert code == 0, said
    values, *_ = read(tmp_path / "out" / "values.tif")
    known = values != NO_VALUE
    plants = values[known & np.isin(window.labels, (CODES["grass"], CODES["tree"]))]
    roads = values[known & np.isin(window.labels, (CODES["asphalt"], CODES["paved"]))]
    assert np.median(plants) > np.median(roads) + 0.1
