"""Acceptance 9: what no image covers has no class, and results say so."""

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from shapely.geometry import box, mapping

from apps.aviary.commands import program as command
from apps.aviary.inputs.area import outside_share
from shared.geo.raster import RasterInfo
from tests.apps.aviary.cell_doubles import CellDouble
from tests.apps.aviary.doubles import finds_blue, must_not_be_asked
from tests.apps.aviary.test_all_recipes import valid

ROOF = 5
"""Red value of a pixel that the double calls a roof."""


def save(path, size=(500, 400), hole=None):
    pixels = np.full((size[1], size[0], 3), 90, dtype=np.uint8)
    pixels[..., 0] = ROOF
    pixels[..., 1] += np.add.outer(np.arange(size[1]) // 10, np.arange(size[0]) // 10).astype("u1")
    if hole:
        x0, y0, x1, y1 = hole
        pixels[y0:y1, x0:x1] = 0
    Image.fromarray(pixels).save(path)
    return path


def area_file(folder, *boxes):
    features = [
        {"type": "Feature", "properties": {}, "geometry": mapping(box(*one))} for one in boxes
    ]
    content = {"type": "FeatureCollection", "coordinates": "pixel", "features": features}
    path = folder / "area.geojson"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def ask(monkeypatch, capsys):
    def run(recipe, images, out, *words, double=None):
        client = double or CellDouble()
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: client)
        given = ["--recipe", recipe, "--image", *images, "--gsd", "0.2", "--out", out, *words]
        code = command.main(["run", *map(str, given)])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return run


def test_an_area_beside_the_image_is_refused(tmp_path, ask):
    area = area_file(tmp_path, (600, 0, 700, 100))
    image = save(tmp_path / "a.png")
    code, content, said = ask(
        "sealed", [image], tmp_path / "out", "--area", area, double=must_not_be_asked()
    )
    assert (code, content) == (2, None)
    assert "Das Gebiet liegt außerhalb des Bildes." in said
    assert not (tmp_path / "out").exists()


def test_an_area_without_data_has_no_class(tmp_path, ask):
    """A corner of the image is black: 0 m2 in every class, all of it without data."""
    image = save(tmp_path / "a.png", hole=(300, 200, 500, 400))
    area = area_file(tmp_path, (350, 250, 450, 350))
    code, content, _ = ask("sealed", [image], tmp_path / "out", "--area", area)
    assert code == 0
    assert set(content["area_m2"].values()) == {0}
    assert set(content["counts"].values()) == {0}
    assert set(content["share"].values()) == {0}
    assert content["nodata_share"] == 1
    assert content["mean_confidence"] is None
    valid("summary", content)


def test_objects_know_no_data_within_the_area(tmp_path, ask):
    picture = Image.open(save(tmp_path / "a.png", size=(400, 400))).convert("RGBA")
    picture.paste((0, 0, 0, 0), (200, 0, 400, 400))
    image = tmp_path / "half.png"
    picture.save(image)
    area = area_file(tmp_path, (180, 100, 280, 200))
    code, content, _ = ask("solar", [image], tmp_path / "out", "--area", area, double=finds_blue())
    assert code == 0
    assert content["nodata_share"] == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("boxes", "share"),
    [
        ([(0, 0, 100, 100)], 0.0),
        ([(450, 0, 550, 100)], 0.5),
        ([(0, 0, 100, 100), (600, 0, 700, 100)], 0.5),
        ([(600, 0, 700, 100)], 1.0),
    ],
)
def test_share_of_an_area_outside(tmp_path, boxes, share):
    info = RasterInfo("a.png", "00" * 32, 500, 400, 3, "PNG", 0.2, 0.2)
    assert outside_share(area_file(tmp_path, *boxes), info) == pytest.approx(share)


@pytest.mark.parametrize(("recipe", "double"), [("sealed", CellDouble), ("solar", finds_blue)])
def test_what_lies_outside_is_told(tmp_path, ask, recipe, double):
    area = area_file(tmp_path, (450, 0, 550, 100))
    image = save(tmp_path / "a.png")
    _, content, _ = ask(recipe, [image], tmp_path / "out", "--area", area, double=double())
    (warning,) = [one for one in content["warnings"] if one["code"] == "gebiet_teils_ausserhalb"]
    assert warning["message"].startswith("50 % des Gebiets liegen außerhalb des Bildes.")


def test_of_many_images_only_those_in_the_area_count(tmp_path, ask):
    """Both images have pixel coordinates; only the larger one reaches the area."""
    images = [save(tmp_path / "a.png"), save(tmp_path / "b.png", size=(700, 400))]
    area = area_file(tmp_path, (520, 100, 620, 200))
    code, content, said = ask("sealed", images, tmp_path / "out", "--area", area)
    assert (code, said) == (0, "")
    assert [one["status"] for one in content["images"]] == ["outside", "ok"]
    assert set(content["images"][0]["area_m2"].values()) == {0}
    assert content["images"][0]["outside_share"] == 1
    assert (content["status"], content["failed_images"], content["images_outside"]) == ("ok", 0, 1)
    assert content["area_m2"]["sealed"] == pytest.approx(100 * 100 * 0.04, rel=0.01)
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["b", "summary.json"]
    valid("summary_list", content)


def test_no_image_in_the_area_is_bad_input(tmp_path, ask):
    images = [save(tmp_path / "a.png"), save(tmp_path / "b.png")]
    area = area_file(tmp_path, (800, 100, 900, 200))
    code, content, said = ask("sealed", images, tmp_path / "out", "--area", area)
    assert (code, content) == (2, None)
    assert "Das Gebiet liegt außerhalb des Bildes." in said
    assert not (tmp_path / "out").exists()


def test_a_broken_image_among_others_fits_the_schema(tmp_path, ask):
    (tmp_path / "broken.png").write_bytes(b"no image")
    images = [save(tmp_path / "a.png"), tmp_path / "broken.png"]
    code, content, _ = ask("sealed", images, tmp_path / "out")
    assert code == 0
    valid("summary_list", content)
    valid("summary", json.loads((tmp_path / "out" / "a" / "summary.json").read_text()))
    assert content["status"] == "incomplete"


def test_schemas_refuse_what_is_no_result(tmp_path, ask):
    _, content, _ = ask("sealed", [save(tmp_path / "a.png")], tmp_path / "out")
    for change in (
        {"status": "incomplete"},
        {"nodata_share": 1.2},
        {"model": {"name": "landcover"}},
        {"more": 1},
    ):
        assert list(_schema("summary").iter_errors(content | change))
    objects = json.loads((tmp_path / "out" / "objects.geojson").read_text(encoding="utf-8"))
    assert not list(_schema("objects").iter_errors(objects))
    assert list(_schema("objects").iter_errors(objects | {"coordinates": "EPSG:25832"}))
    objects["features"][0]["properties"]["score"] = 2
    assert list(_schema("objects").iter_errors(objects))


def _schema(name):
    path = Path(command.__file__).parents[1] / "schemas" / f"{name}.schema.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
