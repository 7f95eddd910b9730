"""Grey images: a formula may use them and says that the result is unsure; a model may not."""

import json

import numpy as np
import pytest
from PIL import Image

from apps.aviary.commands import program as command
from apps.aviary.recipes import find_recipe, recipe_names
from tests.apps.aviary.doubles import must_not_be_asked


@pytest.fixture
def grey(tmp_path):
    values = np.add.outer(np.arange(120), np.arange(160)).astype(np.uint8)
    path = tmp_path / "grey.png"
    Image.fromarray(values, "L").save(path)
    return path


def run(capsys, monkeypatch, *words):
    monkeypatch.setattr(command, "_lazy_client", lambda stack: must_not_be_asked)
    code = command.main(["run", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_formula_takes_a_grey_image(tmp_path, capsys, monkeypatch, grey):
    code, out, _ = run(
        capsys, monkeypatch,
        "--recipe", "index", "--image", grey, "--gsd", "0.5", "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0
    assert "kaum_farbe" in [one["code"] for one in json.loads(out)["warnings"]]


def test_a_model_of_colours_does_not(tmp_path, capsys, monkeypatch, grey):
    words = ["--recipe", "solar", "--image", grey, "--gsd", "0.1", "--out", tmp_path / "out"]
    code, out, err = run(capsys, monkeypatch, *words)
    assert (code, out) == (2, "")
    assert "Das Bild ist ein Graubild." in err
    assert not (tmp_path / "out").exists()


def test_only_formulas_take_grey_images():
    grey = [name for name in recipe_names() if find_recipe(name).takes_grey]
    assert grey == ["index", "ndvi"]
