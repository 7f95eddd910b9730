"""The headless command: exact files, exit codes, one German line on stderr."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from apps.aviary.commands import program as command
from apps.aviary.inputs.world_file import check_world_file
from apps.aviary.kinds import known_tiles
from apps.aviary.recipe_book.own_model import OWN_MODEL
from apps.aviary.recipes import recipe_names
from shared.contracts.finding import Finding
from shared.errors import Cancelled, ModelMissing, ModelServerDown
from shared.geo.raster import RasterInfo
from shared.settings import REPOSITORY, get_settings
from shared.store import file_cache
from shared.store.file_cache import FileCache
from tests.apps.aviary import doubles

SQUARE = (100, 120, 180, 200)


def save(path, size=(400, 300), squares=(SQUARE,)):
    rng = np.random.default_rng(3)
    pixels = rng.integers(90, 130, (size[1], size[0], 3), dtype=np.uint8)
    pixels[..., 1] += 20
    for x0, y0, x1, y1 in squares:
        pixels[y0:y1, x0:x1] = doubles.BLUE
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def model(monkeypatch):
    """Replace the model server by a double."""

    def use(double):
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: double)

    use(doubles.finds_blue())
    return use


def run(capsys, *words):
    code = command.main(["run", "--recipe", "solar", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(capsys, *words):
    """Run with bad input; return the one line."""
    code, out, err = run(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_one_image_writes_exactly_two_files(tmp_path, capsys, model):
    out = tmp_path / "out"
    code, printed, err = run(
        capsys, "--image", save(tmp_path / "a.png"), "--gsd", "0.1", "--out", out
    )
    assert (code, err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["objects.geojson", "summary.json"]
    assert json.loads(printed) == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    (feature,) = json.loads((out / "objects.geojson").read_text(encoding="utf-8"))["features"]
    assert feature["properties"]["bbox_px"] == list(SQUARE)


def test_same_command_gives_the_same_bytes(tmp_path, capsys, model):
    image = save(tmp_path / "a.png")
    for folder in ("one", "two"):
        run(capsys, "--image", image, "--gsd", "0.12", "--out", tmp_path / folder, "--no-cache")
    files = [(tmp_path / folder / "objects.geojson").read_bytes() for folder in ("one", "two")]
    assert files[0] == files[1]


def test_the_seed_is_told(tmp_path, capsys, model):
    words = ("--image", save(tmp_path / "a.png"), "--gsd", "0.1", "--seed", "17")
    code, printed, _ = run(capsys, *words, "--out", tmp_path / "out")
    assert (code, json.loads(printed)["parameters"]["seed"]) == (0, 17)


@pytest.mark.parametrize(
    "gsd", ["0", "-0.1", "nan", "inf", "12", "zehn", "", "0.1m", "0.1.2", "1e400"]
)
def test_wrong_resolution(tmp_path, capsys, model, gsd):
    model(doubles.must_not_be_asked())
    image, out = save(tmp_path / "a.png"), tmp_path / "out"
    line = refused(capsys, "--image", image, f"--gsd={gsd}", "--out", out)
    assert "Bodenauflösung" in line
    assert not out.exists()


def test_negative_resolution_as_a_word_of_its_own(tmp_path, capsys, model):
    image = save(tmp_path / "a.png")
    assert "„-0.1“" in refused(capsys, "--image", image, "--gsd", "-0.1", "--out", tmp_path / "o")


@pytest.mark.parametrize("gsd", ["0.12", "0,12", " 0.12 "])
def test_decimal_comma_is_read(tmp_path, capsys, model, gsd):
    out = tmp_path / "out"
    code, printed, _ = run(capsys, "--image", save(tmp_path / "a.png"), "--gsd", gsd, "--out", out)
    assert code == 0
    assert json.loads(printed)["image"]["gsd_m"] == 0.12


def test_missing_resolution(tmp_path, capsys, model):
    model(doubles.must_not_be_asked())
    out = tmp_path / "out"
    line = refused(capsys, "--image", save(tmp_path / "a.png"), "--out", out)
    assert line.startswith("Bitte geben Sie die Bodenauflösung an (--gsd, in Metern je Bildpunkt).")
    assert not out.exists()


def test_resolution_outside_the_recipe_needs_force(tmp_path, capsys, model):
    image, out = save(tmp_path / "a.png", (900, 700)), tmp_path / "out"
    assert "0,4 m" in refused(capsys, "--image", image, "--gsd", "0.4", "--out", out)
    code, printed, _ = run(capsys, "--image", image, "--gsd", "0.4", "--out", out, "--force")
    assert code == 0
    assert "aufloesung_ungeeignet" in [one["code"] for one in json.loads(printed)["warnings"]]


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", b"\xff\xd8\xff\xe0 broken", b"%PDF-1.4", b"GIF89a", b"\x00" * 5000],
)
def test_corrupt_images(tmp_path, capsys, model, content):
    model(doubles.must_not_be_asked())
    path, out = tmp_path / "a.jpg", tmp_path / "out"
    path.write_bytes(content)
    refused(capsys, "--image", path, "--gsd", "0.1", "--out", out)
    assert not out.exists()


def test_truncated_jpeg(tmp_path, capsys, model):
    whole = save(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    line = refused(capsys, "--image", tmp_path / "a.jpg", "--gsd", "0.1", "--out", tmp_path / "out")
    assert "beschädigt" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--threshold", "1.5"], "--threshold"),
        (["--threshold", "nan"], "--threshold"),
        (["--threshold", "viel"], "--threshold"),
        (["--min-area", "-1"], "--min-area"),
        (["--min-area", "inf"], "--min-area"),
        (["--crs", "EPSG:4326"], "EPSG:4326"),
        (["--crs", "quark"], "quark"),
        (["--bands", "1,2"], "--bands"),
        (["--bands", "0,1,2"], "--bands"),
        (["--recipe", "solr"], "solar"),
        (["--area", "fehlt.geojson"], "fehlt.geojson"),
        (["--gsd"], "--gsd"),
        (["--seed", "-3"], "--seed"),
        (["--seed", "1e3"], "--seed"),
        (["--no-memory"], "--no-memory"),
    ],
)
def test_wrong_words_are_named(tmp_path, capsys, model, words, named):
    image, out = save(tmp_path / "a.png"), tmp_path / "out"
    line = refused(capsys, "--image", image, "--gsd", "0.1", "--out", out, *words)
    assert named in line
    assert not out.exists()


def test_missing_words_are_named(capsys):
    assert command.main(["run", "--recipe", "solar"]) == 2
    err = capsys.readouterr().err
    assert "--image" in err
    assert "--out" in err
    assert command.main([]) == 2
    assert "run" in capsys.readouterr().err
    assert command.main(["fliegen"]) == 2


def test_missing_image_and_empty_folder(tmp_path, capsys, model):
    line = refused(
        capsys, "--image", tmp_path / "fehlt.png", "--gsd", "0.1", "--out", tmp_path / "o"
    )
    assert "fehlt.png" in line
    (tmp_path / "leer").mkdir()
    line = refused(capsys, "--image", tmp_path / "leer", "--gsd", "0.1", "--out", tmp_path / "o")
    assert "leer" in line


def test_results_are_kept_unless_forced(tmp_path, capsys, model):
    image, out = save(tmp_path / "a.png"), tmp_path / "out"
    words = ("--image", image, "--gsd", "0.1", "--out", out)
    assert run(capsys, *words)[0] == 0
    before = (out / "summary.json").read_bytes()
    assert "--force" in refused(capsys, *words)
    assert (out / "summary.json").read_bytes() == before
    assert run(capsys, *words, "--force")[0] == 0


def test_what_the_command_did_not_write_stays(tmp_path, capsys, model):
    """Also the image itself, whose name might be that of a result."""
    image = save(tmp_path / "classes.png")
    words = ("--image", image, "--gsd", "0.1", "--out", tmp_path)
    content = json.loads(run(capsys, *words)[1])
    assert content["files"] == ["objects.geojson", "summary.json"]
    (tmp_path / "values.tif").write_text("mine")
    before = image.read_bytes()
    assert run(capsys, *words, "--force")[0] == 0
    assert image.read_bytes() == before
    assert (tmp_path / "values.tif").read_text() == "mine"


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("name", ["classes.png", "confidence.png", "values.tif"])
def test_an_image_under_the_name_of_a_result_is_not_written_over(
    tmp_path, capsys, model, name, force
):
    model(doubles.must_not_be_asked())
    out = tmp_path / "out"
    out.mkdir()
    image = save(out / name)
    linked = tmp_path / "a.png"
    linked.symlink_to(image)
    before = image.read_bytes()
    for named in (image, linked, out / ".." / "out" / name):
        words = ("--image", named, "--gsd", "0.2", "--out", out, *force)
        assert command.main(["run", "--recipe", "landcover", *map(str, words)]) == 2
        said = capsys.readouterr().err
        assert f"„{named.name}“ überschreiben" in said and said.count("\n") == 1
    assert [one.name for one in out.iterdir()] == [name]
    assert image.read_bytes() == before


def test_no_file_of_an_order_is_written_over(tmp_path, capsys, model):
    """Neither the area of one image nor an image among several."""
    model(doubles.must_not_be_asked())
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    area = out / "objects.geojson"
    area.write_text("{}", encoding="utf-8")
    image, own = save(tmp_path / "a.png"), save(out / "a" / "classes.png")
    words = ("--gsd", "0.1", "--out", out, "--force")
    assert area.name in refused(capsys, "--image", image, "--area", area, *words)
    words = ["--recipe", "landcover", "--image", str(image), str(own), *map(str, words)]
    assert command.main(["run", *words]) == 2
    assert own.name in capsys.readouterr().err
    assert sorted(one.name for one in out.rglob("*")) == ["a", "classes.png", "objects.geojson"]


def test_beside_a_list_of_images_nothing_goes(tmp_path, capsys, model):
    images = [save(tmp_path / name) for name in ("a.png", "b.png")]
    out = tmp_path / "out"
    words = ("--image", *images, "--gsd", "0.1", "--out", out)
    assert len(json.loads(run(capsys, *words)[1])["images"]) == 2
    (out / "classes.tif").write_text("mine")
    assert run(capsys, *words, "--force")[0] == 0
    assert (out / "classes.tif").read_text() == "mine"


def test_out_folder_that_cannot_be_made(tmp_path, capsys, model):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    image = save(tmp_path / "a.png")
    line = refused(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "file" / "out")
    assert "Ordner" in line
    assert (tmp_path / "file").read_text(encoding="utf-8") == "x"


def test_out_folder_without_write_permission(tmp_path, capsys, model, monkeypatch):
    from pathlib import Path

    def denied(self, content):
        raise PermissionError(13, "denied")

    monkeypatch.setattr(Path, "write_bytes", denied)
    image = tmp_path / "a.png"
    save(image)
    refused(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_full_disk_is_seen_before_the_run(tmp_path, capsys, model, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    model(doubles.must_not_be_asked())
    image = save(tmp_path / "a.png")
    assert "voll" in refused(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_images_get_a_folder_each(tmp_path, capsys, model):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        save(tmp_path / "in" / name)
    save(tmp_path / "in" / "a.tif")
    (tmp_path / "in" / "notes.txt").write_text("not an image", encoding="utf-8")
    (tmp_path / "in" / "c.jpg").write_bytes(b"broken")
    out = tmp_path / "out"
    code, printed, err = run(capsys, "--image", tmp_path / "in", "--gsd", "0.1", "--out", out)
    assert (code, err) == (0, "")
    content = json.loads(printed)
    assert content["status"] == "incomplete"
    assert content["failed_images"] == 1
    assert [(one["folder"], one["status"]) for one in content["images"]] == [
        ("a", "ok"),
        ("a_2", "ok"),
        ("b", "ok"),
        (None, "failed"),
    ]
    assert content["images"][3]["error"]["code"] == "bild_format"
    assert content["counts"]["pv"] == 3
    assert sorted(path.name for path in out.iterdir()) == ["a", "a_2", "b", "summary.json"]
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == content


def test_all_images_bad_is_bad_input(tmp_path, capsys, model):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"broken")
    images = (tmp_path / "a.png", tmp_path / "b.png")
    refused(capsys, "--image", *images, "--gsd", "0.1", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_failed_tiles_end_with_code_four(tmp_path, capsys, model):
    model(doubles.fails_once())
    out = tmp_path / "out"
    code, printed, _ = run(
        capsys, "--image", save(tmp_path / "a.png"), "--gsd", "0.1", "--out", out
    )
    assert code == 4
    assert json.loads(printed)["failed_tiles"][0]["code"] == "vorhersage_gescheitert"
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["status"] == "incomplete"


@pytest.mark.parametrize(
    ("error", "code"), [(ModelServerDown(), 3), (ModelMissing(model="solar"), 3), (Cancelled(), 4)]
)
def test_a_missing_model_server_leaves_nothing(tmp_path, capsys, model, error, code):
    class Refuses(doubles.Double):
        def models(self):
            raise error

    model(Refuses(doubles.finds_nothing().look))
    out = tmp_path / "out"
    got, printed, err = run(
        capsys, "--image", save(tmp_path / "a.png"), "--gsd", "0.1", "--out", out
    )
    assert (got, printed) == (code, "")
    assert err.count("\n") == 1
    assert not out.exists()


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path, capsys, caplog, model, monkeypatch
):
    """Every tile has the same fault; one warning is enough."""
    monkeypatch.setattr(known_tiles, "WARNING", known_tiles.OneWarning())

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileCache, "keep", denied)
    image = save(tmp_path / "a.png", size=(1500, 900))
    code, printed, _ = run(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "out")
    assert (code, json.loads(printed)["counts"]["pv"]) == (0, 1)
    assert json.loads(printed)["failed_tiles"] == []
    warned = [one for one in caplog.records if one.levelname == "WARNING"]
    assert [one.getMessage().rpartition(": ")[2] for one in warned] == ["PermissionError"]


def test_a_cache_of_somebody_else_costs_only_time(tmp_path, capsys, caplog, model, monkeypatch):
    """Its copies may be seen, but not be noted as used; one warning for all tiles."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    image = save(tmp_path / "a.png", size=(1500, 900))
    words = ("--image", image, "--gsd", "0.1", "--out")
    assert run(capsys, *words, tmp_path / "one")[0] == 0
    copies = [one for one in (tmp_path / "data" / "cache").rglob("*") if one.is_file()]
    for one in copies:
        os.utime(one, (0, one.stat().st_mtime))
    asked = []

    def denied(path, *_, **__):
        asked.append(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file_cache.os, "utime", denied)
    code, printed, _ = run(capsys, *words, tmp_path / "two", "--threshold", "0.2")
    assert (code, json.loads(printed)["counts"]["pv"]) == (0, 1)
    assert json.loads(printed)["failed_tiles"] == []
    assert len(asked) > 1
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warned == ["the cache folder belongs to another account: Permission denied"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_at_once_with_code_four(tmp_path, capsys, model, number):
    """Nobody waits for the tiles under way, nor for a program that was started for the run.

    What ran before the command belongs to somebody else and goes on.
    """
    never, first, helper = threading.Event(), threading.Lock(), []
    neighbour = subprocess.Popen(["sleep", "60"])

    def stops(rgb):
        if first.acquire(blocking=False):  # tiles are under way in several threads
            helper.append(subprocess.Popen(["sleep", "60"]))
            os.kill(os.getpid(), number)
        never.wait(60)
        return doubles.finds_nothing().look(rgb)

    model(doubles.Double(stops))
    before, folder = signal.getsignal(number), tempfile.tempdir
    out, image = tmp_path / "out", save(tmp_path / "a.png", size=(1500, 900))
    began = time.monotonic()
    try:
        # What the other case's tiles left in the cache when they ended must not answer here.
        words = ("--image", image, "--gsd", "0.1", "--out", out, "--no-cache")
        code, _, err = run(capsys, *words)
        took_s = time.monotonic() - began
        assert helper[0].wait(5) == -signal.SIGKILL
        assert neighbour.poll() is None
    finally:
        never.set()
        neighbour.kill()
        neighbour.wait()
    assert (code, "abgebrochen" in err, out.exists()) == (4, True, False)
    assert took_s < 30
    assert signal.getsignal(number) == before
    assert tempfile.tempdir == folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_while_modules_are_loading_is_code_four_too(tmp_path, number):
    program = (
        "import os, runpy, sys\n"
        "class StopsHere:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'apps.aviary.recipe_book.own_model':\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, StopsHere())\n"
        "sys.argv[1:] = ['recipes']\n"
        "runpy.run_module('apps.aviary', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={**os.environ, "URBANKI_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "abgebrochen" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_stopped_process_ends_without_its_threads():
    program = (
        "import threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from apps.aviary.commands.stopping import leave\n"
        "ThreadPoolExecutor(1).submit(threading.Event().wait, 60)\n"
        "print('told', flush=False)\n"
        "leave(4)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=REPOSITORY
    )
    assert (done.returncode, done.stdout, done.stderr) == (4, "told\n", "")


def test_output_that_cannot_be_written_is_no_success():
    program = "from apps.aviary.commands.stopping import leave; print('told'); leave(0)"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=full,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
    assert done.returncode == 120


def test_only_objects_above_the_threshold(tmp_path, capsys, model):
    image = save(tmp_path / "a.png")
    for threshold, expected in (("0.01", 1), ("0.9", 0)):
        _, printed, _ = run(
            capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / threshold,
            "--threshold", threshold,
        )  # fmt: skip
        content = json.loads(printed)
        assert content["counts"]["pv"] == expected
        assert content["parameters"]["threshold"] == float(threshold)


def test_the_model_card_sets_threshold_and_resolution(tmp_path, capsys, model):
    model(doubles.Double(doubles.finds_blue().look, gsd_m=0.125, threshold=0.9))
    out = tmp_path / "out"
    _, printed, _ = run(capsys, "--image", save(tmp_path / "a.png"), "--gsd", "0.1", "--out", out)
    parameters = json.loads(printed)["parameters"]
    assert (parameters["threshold"], parameters["model_gsd_m"]) == (0.9, 0.125)


def test_an_area_limits_what_is_found(tmp_path, capsys, model):
    squares = ((20, 20, 60, 60), (300, 200, 360, 260))
    image = save(tmp_path / "a.png", squares=squares)
    area = tmp_path / "area.geojson"
    ring = [[[0, 0], [150, 0], [150, 150], [0, 150], [0, 0]]]
    area.write_text(
        json.dumps({"type": "Polygon", "coordinates": ring} | {"coordinates": ring}), "utf-8"
    )
    area.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "coordinates": "pixel",
                "features": [
                    {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": ring}}
                ],
            }
        ),
        "utf-8",
    )
    out = tmp_path / "out"
    _, printed, _ = run(
        capsys, "--image", image, "--gsd", "0.1", "--out", out, "--area", area, "--threshold", "0.1"
    )
    content = json.loads(printed)
    assert content["counts"]["pv"] == 1
    assert content["parameters"]["area_limited"] is True
    assert content["share"]["pv"] == pytest.approx(1600 / 22500, abs=1e-5)


@pytest.mark.parametrize("name", ["a.pgw", "a.pngw", "a.wld", "a.PGW"])
def test_a_world_file_that_is_of_no_use_is_told_of(tmp_path, capsys, model, name):
    image, out = save(tmp_path / "a.png"), tmp_path / "out"
    (tmp_path / name).write_text("0.1\n0\nkaputt\n", "ascii")
    code, printed, err = run(capsys, "--image", image, "--gsd", "0.1", "--out", out)
    assert code == 0
    assert err.count("\n") == 1
    assert f"Die Weltdatei {name} neben dem Bild wurde nicht verwendet" in err
    (told,) = [one for one in json.loads(printed)["warnings"] if "Weltdatei" in one["message"]]
    assert told["message"] == err.strip()
    again = run(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "again")
    assert again[::2] == (0, err)


@pytest.mark.parametrize("name", ["a\udcfc.png", "b" * 251 + ".png"], ids=["odd", "long"])
def test_odd_names_are_looked_at_in_a_folder_that_may_not_be_listed(tmp_path, monkeypatch, name):
    """The second name leaves no room for the fourth letter of a suffix."""

    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    image = tmp_path / name
    info = RasterInfo("a", "", 9, 9, 3, "PNG", gsd_source="given")
    assert check_world_file(image, info) == ()
    image.with_suffix(".wld").write_text("kaputt", "ascii")
    (told,) = check_world_file(image, info)
    assert f" {name[:-4].replace(chr(0xDCFC), '?')}.wld " in told.german
    for code in ("gedreht", "crs_fehlt"):
        noted = replace(info, notes=(Finding("ok", code, "."),))
        assert check_world_file(image, noted) == ()


def test_a_world_file_of_a_turned_picture_is_told_of_once(tmp_path, capsys, model):
    image, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.open(save(tmp_path / "b.png")).save(image, exif=exif)
    (tmp_path / "a.jgw").write_text("0.1\n0\n0\n-0.1\n400000.05\n5699999.95\n", "ascii")
    words = ("--image", image, "--gsd", "0.1", "--out", tmp_path / "out")
    code, printed, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert "Weltdatei" not in printed


def test_a_world_file_that_helps_is_not_told_of_nor_one_of_another_image(tmp_path, capsys, model):
    image = save(tmp_path / "a.png")
    (tmp_path / "ab.pgw").write_text("kaputt", "ascii")
    run(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "one")
    (tmp_path / "a.pgw").write_text("0.1\n0\n0\n-0.1\n400000.05\n5699999.95\n", "ascii")
    words = ("--image", image, "--gsd", "0.1", "--crs", "EPSG:25832", "--out", tmp_path / "two")
    code, printed, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert "Weltdatei" not in printed


def test_stated_crs_for_a_world_file(tmp_path, capsys, model):
    image = save(tmp_path / "a.jpg")
    image.with_suffix(".jgw").write_text("0.1\n0\n0\n-0.1\n400000.05\n5699999.95\n", "ascii")
    out = tmp_path / "out"
    code, printed, _ = run(capsys, "--image", image, "--crs", "EPSG:25832", "--out", out)
    assert code == 0
    assert json.loads(printed)["image"]["crs"] == "EPSG:25832"
    content = json.loads((out / "objects.geojson").read_text(encoding="utf-8"))
    assert content["coordinates"] == "EPSG:25832"


def test_a_large_geotiff_is_read_in_windows(tmp_path, capsys, model):
    path = tmp_path / "a.tif"
    profile = {
        "driver": "GTiff", "width": 9000, "height": 5000, "count": 3, "dtype": "uint8",
        "crs": "EPSG:25832", "transform": from_origin(400000, 5700000, 0.2, 0.2), "tiled": True,
        "compress": "deflate", "sparse_ok": True,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        block = np.zeros((3, 512, 512), dtype=np.uint8)
        block[:] = np.array([90, 110, 80], dtype=np.uint8)[:, None, None]
        block[:, 100:200, 100:200] = np.array(doubles.BLUE, dtype=np.uint8)[:, None, None]
        target.write(block, window=rasterio.windows.Window(4096, 2048, 512, 512))
    out = tmp_path / "out"
    code, printed, _ = run(capsys, "--image", path, "--out", out)
    assert code == 0
    content = json.loads(printed)
    assert content["counts"]["pv"] == 1
    assert content["area_m2"]["pv"] == pytest.approx(400, rel=0.02)


def test_recipes_are_listed(capsys):
    assert command.main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*recipe_names(), OWN_MODEL]
    assert command.main(["recipes", "--json"]) == 0
    listed = {one["id"]: one for one in json.loads(capsys.readouterr().out)["recipes"]}
    assert list(listed) == [*recipe_names(), OWN_MODEL]
    assert {key for one in listed.values() for key in one} == set(listed[OWN_MODEL])
    assert listed["solar"]["gsd_m"] == {"min": 0.05, "native": 0.1, "max": 0.22}
    assert listed["landcover"]["kind"] == "semantic"


def test_check_says_what_it_found(tmp_path, capsys):
    image = str(save(tmp_path / "a.png"))
    assert command.main(["check", "--image", image, "--gsd", "0.1"]) == 0
    assert json.loads(capsys.readouterr().out)["usable"] is True
    assert command.main(["check", "--image", image]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["usable"] is False
    assert said.err.count("\n") == 1
    assert command.main(["check", "--image", str(tmp_path / "no.png")]) == 2


def test_help_is_german(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["run", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "Aufruf" in text
    assert "show this help" not in text


LONG = "x" * 300


def test_names_too_long_for_a_file(tmp_path, capsys, model):
    image = save(tmp_path / "a.png")
    line = refused(capsys, "--image", tmp_path / LONG, "--gsd", "0.1", "--out", tmp_path / "out")
    assert "gibt es nicht oder ist nicht lesbar" in line
    line = refused(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / LONG)
    assert "ist voll oder nicht beschreibbar" in line
    assert command.main(["check", "--image", str(tmp_path / LONG)]) == 2
    assert "gibt es nicht oder ist nicht lesbar" in capsys.readouterr().err


def test_a_name_that_is_no_text(tmp_path, capsys, model):
    image = save(tmp_path / os.fsdecode(b"stra\xdfe.png"))
    code, out, err = run(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert json.loads(out)["image"]["path"].endswith("stra?e.png")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "objects.geojson",
        "summary.json",
    ]


def test_a_name_cannot_command_the_terminal(tmp_path, capsys, model):
    image = tmp_path / "fehlt\x1b]0;boese\x07\u202e.jpg"
    line = refused(capsys, "--image", image, "--gsd", "0.1", "--out", tmp_path / "out")
    assert line.strip().isprintable()
    assert "fehlt?]0;boese??.jpg" in line


def test_names_cannot_lead_out_of_the_output_folder(tmp_path, capsys, model):
    names = ["..jpg", "...jpg", "summary.json.png", "objects.geojson.png"]
    images = [tmp_path / "in" / name for name in names]
    (tmp_path / "in").mkdir()
    for image in images:
        save(tmp_path / "a.png").rename(image)
    out = tmp_path / "above" / "out"
    code, _, err = run(capsys, "--image", *images, "--gsd", "0.1", "--out", out)
    assert (code, err) == (0, "")
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert sorted(path.name for path in out.iterdir()) == [
        "bild",
        "bild_2",
        "objects.geojson_2",
        "summary.json",
        "summary.json_2",
    ]


def test_a_file_where_a_folder_must_be(tmp_path, capsys, model):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("im Weg", encoding="utf-8")
    images = [save(tmp_path / "a.png"), save(tmp_path / "b.png")]
    line = refused(capsys, "--image", *images, "--gsd", "0.1", "--out", out)
    assert "ist voll oder nicht beschreibbar" in line


def test_bands_of_plain_images(tmp_path, capsys, model):
    """The blue square is red when read with swapped bands, so the double finds nothing."""
    words = ["--image", save(tmp_path / "a.png"), "--gsd", "0.1"]
    code, out, _ = run(capsys, *words, "--out", tmp_path / "swapped", "--bands", "3,2,1")
    assert (code, json.loads(out)["counts"]["pv"]) == (0, 0)
    line = refused(capsys, *words, "--out", tmp_path / "missing", "--bands", "1,2,4")
    assert "Das Bild hat 3 Kanäle, gebraucht werden 4." in line


def test_a_wrong_setting_is_one_german_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("URBANKI_PORT", "abc")
    get_settings.cache_clear()
    line = refused(
        capsys, "--image", save(tmp_path / "a.png"), "--gsd", "0.1", "--out", tmp_path / "out"
    )
    get_settings.cache_clear()
    assert "Die Einstellung URBANKI_PORT hat den ungültigen Wert „abc“." in line
    assert not (tmp_path / "out").exists()


def test_the_help_that_an_error_names_can_be_typed(capsys):
    assert command.main(["run"]) == 2
    assert "Hilfe: python -m apps.aviary run --help." in capsys.readouterr().err
