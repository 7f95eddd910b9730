"""Every shipped recipe runs headless on a part of a rendered town and on a plain PNG.

Written files fit the JSON schemas that the app publishes; the same input gives the same bytes.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from jsonschema import Draft202012Validator
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from apps.aviary.commands import program as command
from apps.aviary.commands.kept_results import SHELF
from apps.aviary.inputs.input_files import FLAGS
from apps.aviary.methods import method_of
from apps.aviary.recipes import find_recipe, recipe_names
from shared.clients.model_server import ModelServerClient
from shared.demo_city import SceneSettings, render_scene
from shared.settings import get_settings

SCHEMAS = Path(command.__file__).parents[1] / "schemas"
SIZE_PX, GSD_M = 320, 0.2
WEST, NORTH = 380_000.0, 5_720_000.0
EDGE = SIZE_PX - 1


def valid(name, content):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(content)


@pytest.fixture(scope="module")
def town():
    settings = SceneSettings(seed=950_012, split="test", gsd_m=GSD_M, size_px=SIZE_PX)
    return render_scene(settings).window


@pytest.fixture
def model_server(running_model_server, monkeypatch, tmp_path):
    """Let the command ask the real model server."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    with ModelServerClient(running_model_server.settings) as client:
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: client)
        yield client
    get_settings.cache_clear()


class Place:
    """Files about one place, on the map or in pixels."""

    def __init__(self, folder, town, *, on_the_map):
        self.folder, self.town, self.on_the_map = folder, town, on_the_map
        folder.mkdir()

    def image(self, name="image"):
        if not self.on_the_map:
            path = self.folder / f"{name}.png"
            Image.fromarray(self.town.rgbi[..., :3]).save(path)
            return path
        path = self.folder / f"{name}.tif"
        self._raster(path, np.moveaxis(self.town.rgbi, 2, 0), photometric="RGB", alpha="NO")
        return path

    def beside(self, name):
        if name == "before":
            return self.image("older")
        if name == "ndsm":
            path = self.folder / "ndsm.tif"
            self._raster(path, self.town.ndsm[None].astype(np.float32))
            return path
        path = self.folder / f"{name}.geojson"
        path.write_text(json.dumps(self._collection(name)), encoding="utf-8")
        return path

    def _raster(self, path, bands, **options):
        place = {"crs": "EPSG:25832", "transform": from_origin(WEST, NORTH, GSD_M, GSD_M)}
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=SIZE_PX,
            height=SIZE_PX,
            count=len(bands),
            dtype=bands.dtype,
            **(place if self.on_the_map else {}),
            **options,
        ) as target:
            target.write(bands)
            if len(bands) == 4:
                target.colorinterp = (*target.colorinterp[:3], ColorInterp.undefined)

    def _collection(self, name):
        head = {"coordinates": "pixel"}
        if self.on_the_map:
            urn = "urn:ogc:def:crs:EPSG::25832"
            head = {"crs": {"type": "name", "properties": {"name": urn}}}
        ring = [(1, 1), (EDGE, 1), (EDGE, EDGE), (1, EDGE), (1, 1)]
        features = [self._feature({"type": "Polygon", "coordinates": [self._placed(ring)]}, {})]
        if name == "examples":
            features = [
                self._feature({"type": "Point", "coordinates": self._placed([(x, 160)])[0]}, told)
                for x, told in [
                    (40, {}),
                    (120, {}),
                    (200, {}),
                    (280, {"counter": True}),
                ]
            ]
        return {"type": "FeatureCollection", **head, "features": features}

    def _feature(self, geometry, properties):
        return {"type": "Feature", "properties": properties, "geometry": geometry}

    def _placed(self, points):
        if not self.on_the_map:
            return [list(point) for point in points]
        return [[WEST + x * GSD_M, NORTH - y * GSD_M] for x, y in points]


def ask(capsys, recipe, place, out):
    words = ["--recipe", recipe.recipe_id, "--image", place.image(), "--out", out]
    if not place.on_the_map:
        words += ["--gsd", GSD_M]
    for name in recipe.all_inputs:
        words += [FLAGS[name], place.beside(name)]
    code = command.main(["run", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def run(capsys, recipe, place, out):
    code, printed, err = ask(capsys, recipe, place, out)
    assert (code, err) == (0, "")
    return json.loads(printed)


@pytest.mark.server
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("on_the_map", [True, False], ids=["geotiff", "png"])
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_runs(tmp_path, capsys, model_server, town, name, on_the_map):
    recipe = find_recipe(name)
    place, out = Place(tmp_path / "in", town, on_the_map=on_the_map), tmp_path / "out"
    if recipe.bands == "rgbi" and not on_the_map:
        code, _, err = ask(capsys, recipe, place, out)
        assert code == 2
        assert "Das Rezept braucht nahes Infrarot, das Bild hat keines." in err
        return
    summary = run(capsys, recipe, place, out)
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == summary
    valid("summary", summary)
    objects = json.loads((out / "objects.geojson").read_text(encoding="utf-8"))
    valid("objects", objects)
    assert objects["coordinates"] == ("EPSG:25832" if on_the_map else "pixel")
    scores = [one["properties"]["score"] for one in objects["features"]]
    assert scores == sorted(scores, reverse=True)
    assert sum(summary["counts"].values()) == len(scores)
    assert {one["properties"]["class"] for one in objects["features"]} <= set(summary["counts"])
    for one in objects["features"]:
        x0, y0, x1, y1 = one["properties"]["bbox_px"]
        assert 0 <= x0 < x1 <= SIZE_PX
        assert 0 <= y0 < y1 <= SIZE_PX
    ending = "tif" if on_the_map else "png"
    for raster in ("classes", "confidence"):
        path = out / f"{raster}.{ending}"
        assert path.exists() == (recipe.kind in ("semantic", "index"))
        if path.exists():
            with Image.open(path) as picture:
                assert picture.size == (SIZE_PX, SIZE_PX)


@pytest.mark.server
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", recipe_names())
def test_the_same_input_gives_the_same_bytes(tmp_path, capsys, model_server, town, name):
    recipe, place = find_recipe(name), Place(tmp_path / "in", town, on_the_map=True)
    for folder in ("one", "two"):
        run(capsys, recipe, place, tmp_path / folder)
        # What was kept of the first run would be the same by itself.
        shutil.rmtree(get_settings().data_dir / "cache" / SHELF)
    for path in sorted((tmp_path / "one").iterdir()):
        if path.name != "summary.json":
            assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_complete(name):
    """Its settings are known to its method, and a German sheet of one page explains it."""
    recipe = find_recipe(name)
    method_of(recipe)
    sheet = Path(command.__file__).parents[1] / "recipe_files" / f"{name}.md"
    text = sheet.read_text(encoding="utf-8")
    assert text.startswith(f"# {recipe.title_de}")
    assert len(text.split()) <= 500
    if recipe.task != "none":
        assert "Demonstrationsmodell" in text
        assert "Prüfen Sie Stichproben, bevor Sie Entscheidungen treffen." in text
