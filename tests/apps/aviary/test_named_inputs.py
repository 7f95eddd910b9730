"""Files beside the image: named in the order, given to the method, refused where useless."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from apps.aviary.commands import program as command
from apps.aviary.inputs.input_files import FLAGS, TITLES, check_inputs
from apps.aviary.kinds import surfaces_method
from apps.aviary.parameters import make_parameters, read_parameters
from apps.aviary.recipe_book.schema import InputName
from apps.aviary.recipes import find_recipe
from apps.aviary.surfaces import Derivation
from apps.aviary.surfaces.buildings import BuildingSettings
from shared.errors import RecipeInputMissing, RecipeInputUnused
from shared.geo.raster import OpenOptions
from tests.apps.aviary import doubles
from tests.apps.aviary.cell_doubles import CellDouble
from tests.apps.aviary.derived_recipes import BUILDINGS, derived, look

NAMES = sorted(FLAGS)


def test_every_input_has_a_flag_and_a_title():
    assert set(FLAGS) == set(TITLES) == set(InputName.__args__)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.full((200, 300, 3), 75, dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def seen(monkeypatch):
    """Put a derivation in place that only tells which files it was given."""
    given = {}

    def find(ground, settings, inputs):
        given.update({name: (path.name, path.read_bytes()) for name, path in inputs.items()})
        return iter(())

    double = Derivation(BuildingSettings, find)
    monkeypatch.setattr(surfaces_method, "DERIVATIONS", {"buildings": double})
    return given


def test_the_method_gets_its_files_with_their_endings(tmp_path, image, seen):
    text = BUILDINGS.replace(
        "[model]", 'inputs = ["parcels"]\noptional_inputs = ["ndsm", "buildings"]\n[model]', 1
    )
    files = {"ndsm": tmp_path / "Höhen.TIF", "parcels": tmp_path / "flur.gpkg"}
    for path in files.values():
        path.write_bytes(path.name.encode())
    analysis = look(image, text, CellDouble(), files=files)
    assert seen == {
        "parcels": ("parcels.gpkg", b"flur.gpkg"),
        "ndsm": ("ndsm.tif", "Höhen.TIF".encode()),
    }
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert dict(analysis.inputs) == digests


def test_area_and_other_files_keep_apart(tmp_path, image, seen):
    text = BUILDINGS.replace("[model]", 'optional_inputs = ["buildings"]\n[model]', 1)
    area, outlines = tmp_path / "area.geojson", tmp_path / "b.geojson"
    ring = [[10, 10], [90, 10], [90, 90], [10, 90], [10, 10]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": polygon}
    content = {"type": "FeatureCollection", "coordinates": "pixel", "features": [feature]}
    area.write_text(json.dumps(content), encoding="utf-8")
    outlines.write_text("{}", encoding="utf-8")
    analysis = look(image, text, CellDouble(), area=area, files={"buildings": outlines})
    assert analysis.area_px.bounds == (10, 10, 90, 90)
    assert seen == {"buildings": ("buildings.geojson", b"{}")}
    seen.clear()
    analysis = look(image, text, CellDouble(), files={"buildings": outlines})
    assert analysis.area_px is None, "the second file is not the area"
    assert list(seen) == ["buildings"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_needed_is_asked_for(name):
    recipe = derived(BUILDINGS.replace("[model]", f'inputs = ["{name}"]\n[model]', 1))
    with pytest.raises(RecipeInputMissing, match=TITLES[name]) as told:
        check_inputs(recipe, ())
    assert FLAGS[name] in told.value.remedy
    check_inputs(recipe, (name,))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_used_is_refused(tmp_path, capsys, monkeypatch, name):
    """Otherwise people would take the result for one that knows the file."""
    with pytest.raises(RecipeInputUnused, match=FLAGS[name]):
        check_inputs(find_recipe("solar"), (name,))
    untouchable = doubles.must_not_be_asked()
    monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: untouchable)
    image, out = tmp_path / "a.png", tmp_path / "out"
    Image.new("RGB", (100, 100)).save(image)
    words = ["--recipe", "solar", "--image", image, "--gsd", "0.1", "--out", out]
    assert command.main(["run", *map(str, words), FLAGS[name], str(image)]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert FLAGS[name] in said.err
    assert not out.exists()


def test_a_run_from_before_names_has_an_area():
    """Stored runs name no files; theirs were the image and the area."""
    recipe, client = find_recipe("solar"), doubles.finds_blue()
    from apps.aviary.pinned import pin_model

    values = make_parameters(recipe, pin_model(client, recipe), OpenOptions(gsd_m=0.1), force=False)
    for name in ("inputs", "recipe_text", "seed"):
        del values[name]
    parameters, same = read_parameters(values)
    assert parameters.inputs == ("image", "area")
    assert same == recipe
