"""The command against the real model server and the shipped model."""

import json
import os
import subprocess
import sys

import pytest
from shapely.geometry import box

from apps.aviary.evaluate import evaluate
from apps.aviary.sample import render_sample, sample_png
from shared.clients.model_server import ModelServerClient
from shared.geo.metrics import match_objects
from shared.registry.evaluation import Evaluation
from shared.settings import REPOSITORY, Settings
from tests.apps.aviary.test_outputs import PROPERTIES, SUMMARY

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


def run(server, *words):
    environment = os.environ | {
        "URBANKI_MODEL_SERVER_URL": server.settings.model_server_address,
        "URBANKI_DATA_DIR": str(server.settings.data_dir),
    }
    return subprocess.run(
        [sys.executable, "-m", "apps.aviary", "run", "--recipe", "solar", *map(str, words)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def features(folder):
    return json.loads((folder / "objects.geojson").read_text(encoding="utf-8"))["features"]


def check_files(folder, width, height):
    content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert set(content) == SUMMARY
    assert len(content["model"]["sha256"]) == 64
    for feature in features(folder):
        assert set(feature["properties"]) == PROPERTIES
        x0, y0, x1, y1 = feature["properties"]["bbox_px"]
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        for x, y in feature["geometry"]["coordinates"][0]:
            assert 0 <= x <= width
            assert 0 <= y <= height
        assert 0 <= feature["properties"]["score"] <= 1


def test_the_shipped_model_finds_painted_arrays(tmp_path, running_model_server):
    scene = render_sample(21)
    image = tmp_path / "scene.png"
    image.write_bytes(sample_png(scene))
    words = ("--image", image, "--gsd", "0.10", "--threshold", "0.01", "--out")
    done = run(running_model_server, *words, tmp_path / "one")
    assert (done.returncode, done.stderr) == (0, "")
    check_files(tmp_path / "one", scene.rgb.shape[1], scene.rgb.shape[0])
    found = features(tmp_path / "one")
    matches = match_objects(
        [box(*one["properties"]["bbox_px"]) for one in found],
        [one["properties"]["score"] for one in found],
        [box(*one.polygon.bounds) for one in scene.objects],
        0.5,
    )
    assert matches.correct >= len(scene.objects) / 3
    run(running_model_server, *words, tmp_path / "two")
    assert (tmp_path / "one" / "objects.geojson").read_bytes() == (
        tmp_path / "two" / "objects.geojson"
    ).read_bytes()


def test_bad_input_needs_no_model_server(tmp_path, running_model_server):
    image = tmp_path / "a.jpg"
    image.write_bytes(b"\xff\xd8\xff broken")
    done = run(running_model_server, "--image", image, "--gsd", "0.12", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_evaluation_fits_what_cards_show(running_model_server):
    from datetime import date

    with ModelServerClient(running_model_server.settings) as client:
        content = evaluate(client, 1, date(2026, 11, 24))
    figures = Evaluation.model_validate(content).figures
    assert len(figures) >= 5
    assert content["same_bytes_on_repeat"] is True
    assert all(one.value >= 0 for one in figures if "AP50" in one.name)


@pytest.mark.real_data
def test_real_tiles_give_valid_files(tmp_path, running_model_server):
    folder = Settings().development_data_dir / "solar_tiles_train" / "images"
    if not folder.is_dir():
        pytest.skip(f"development data not there: {folder}")
    tiles = sorted(folder.glob("*.jpg"))[:3]
    done = run(
        running_model_server, "--image", *tiles, "--gsd", "0.12", "--threshold", "0.01",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for tile in tiles:
        check_files(tmp_path / "out" / tile.stem, 640, 640)
    assert json.loads(done.stdout)["counts"]["pv"] > 0
