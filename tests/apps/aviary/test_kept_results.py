"""Results of the command are kept: worked on once, and again as soon as anything is another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.aviary.commands import kept_results, one_image, program as command
from apps.aviary.commands.kept_results import KeptResults, order_key
from shared.settings import REPOSITORY, get_settings
from tests.apps.aviary.cell_doubles import MARK, CellDouble
from tests.apps.aviary.test_class_maps import ground, picture, save_tiff


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def counted(monkeypatch):
    """Count how often an image is really worked on."""
    done, look = [], one_image.look
    monkeypatch.setattr(one_image, "look", lambda *a, **k: done.append(a[0]) or look(*a, **k))
    return done


@pytest.fixture
def model(monkeypatch):
    def use(double):
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: double)
        return double

    use(CellDouble())
    return use


def run(capsys, image, out, *words):
    code = command.main(
        ["run", "--recipe", "landcover", "--image", str(image), "--out", str(out), *words]
    )
    said = capsys.readouterr()
    return code, json.loads(said.out)


def files(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name != "summary.json"}


def test_the_same_order_is_worked_on_once(tmp_path, capsys, model, counted):
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    _, first = run(capsys, image, tmp_path / "one")
    moved = tmp_path / "elsewhere" / "a.tif"
    moved.parent.mkdir()
    image.rename(moved)
    code, second = run(capsys, moved, tmp_path / "two")
    assert (code, len(counted)) == (0, 1)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert set(files(tmp_path / "two")) == {"classes.tif", "confidence.tif", "objects.geojson"}
    assert second["image"].pop("path") == str(moved) != first["image"].pop("path")
    assert second.pop("seconds") >= 0 and first.pop("seconds") > 0
    assert first == second


@pytest.mark.parametrize("words", [("--no-cache",), ("--min-area", "500"), ("--seed", "7")])
def test_another_order_is_worked_on(tmp_path, capsys, model, counted, words):
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    run(capsys, image, tmp_path / "one")
    run(capsys, image, tmp_path / "two", *words)
    assert len(counted) == 2


def test_another_image_beside_or_program_is_worked_on(
    tmp_path, capsys, model, counted, monkeypatch
):
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    run(capsys, image, tmp_path / "1")
    (tmp_path / "a.tfw").write_text("0.2\n0\n0\n-0.2\n380000\n5720000\n")
    run(capsys, image, tmp_path / "2")
    save_tiff(image, picture(ground(700, 520)))
    run(capsys, image, tmp_path / "3")
    monkeypatch.setattr(kept_results, "program_digest", lambda: "later")
    run(capsys, image, tmp_path / "4")
    assert len(counted) == 4


def test_another_model_is_asked(tmp_path, capsys, model, counted):
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    run(capsys, image, tmp_path / "one")
    other = CellDouble()
    other.identity = other.identity.model_copy(update={"sha256": "ab" * 32})
    model(other)
    _, told = run(capsys, image, tmp_path / "two")
    assert len(counted) == 2 and len(other.asked) == 2
    assert told["model"]["sha256"] == "ab" * 32


def test_an_incomplete_result_is_not_kept(tmp_path, capsys, model, counted):
    rgb = picture(ground(1300, 700))
    rgb[0, 0] = MARK
    image = save_tiff(tmp_path / "a.tif", rgb)
    assert run(capsys, image, tmp_path / "one")[0] == 4
    assert run(capsys, image, tmp_path / "two")[0] == 4
    assert len(counted) == 2


def test_files_that_refer_to_others_have_no_key(tmp_path):
    for name in ("a.vrt", "b.tif"):
        (tmp_path / name).write_bytes(b"x")
    assert order_key((), {"image": tmp_path / "a.vrt"}) is None
    key = order_key((), {"image": tmp_path / "b.tif"})
    assert key is not None and len(key) == 64
    assert key != order_key((), {"before": tmp_path / "b.tif"})


def test_a_kept_result_needs_nothing_that_reads_images_or_draws(tmp_path, capsys):
    """The second look must be far faster; most of its time went into loading what works."""
    image = save_tiff(tmp_path / "a.tif", picture(ground(300, 200)))
    words = ["run", "--recipe", "index", "--image", str(image), "--out"]
    assert command.main([*words, str(tmp_path / "one")]) == 0
    heavy = ("rasterio", "boto3", "shapely", "cv2", "scipy", "pyproj", "httpx", "matplotlib")
    program = (
        "import sys\n"
        "from apps.aviary.commands.program import main\n"
        f"code = main({[*words, str(tmp_path / 'two')]!r})\n"
        f"print(code, [one for one in {heavy!r} if one in sys.modules], file=sys.stderr)\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert again.stderr == "0 []\n"
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_large_results_are_not_held(tmp_path, monkeypatch):
    kept, key = KeptResults.of(get_settings()), "0" * 64
    kept.keep(key, "model", {"a.txt": "ä", "b.bin": b"\x00\xff"})
    assert kept.find(key) == ("model", {"a.txt": "ä".encode(), "b.bin": b"\x00\xff"})
    monkeypatch.setattr(kept_results, "MOST_BYTES", 6)
    kept.keep("1" * 64, "model", {"a.txt": "ab"})
    assert kept.find("1" * 64) is None


def test_an_image_that_changes_under_way_is_not_kept_under_its_old_content(
    tmp_path, capsys, model, monkeypatch
):
    old, new = picture(ground(700, 500)), picture(ground(700, 520))
    image = save_tiff(tmp_path / "a.tif", old)
    look = one_image.look

    def look_later(*words, **options):
        save_tiff(image, new)
        return look(*words, **options)

    with monkeypatch.context() as late:
        late.setattr(one_image, "look", look_later)
        _, changed = run(capsys, image, tmp_path / "one")
    save_tiff(image, old)
    _, told = run(capsys, image, tmp_path / "two")
    assert (changed["image"]["height"], told["image"]["height"]) == (new.shape[0], old.shape[0])


def test_a_place_for_results_that_cannot_be_used_costs_only_time(tmp_path, capsys):
    image = save_tiff(tmp_path / "a.tif", picture(ground(300, 200)))
    shelf = get_settings().data_dir / "cache" / kept_results.SHELF
    shelf.parent.mkdir(parents=True)
    shelf.write_text("a file in place of the folder")
    words = ["run", "--recipe", "index", "--image", str(image), "--out"]
    assert command.main([*words, str(tmp_path / "one")]) == 0
    assert command.main([*words, str(tmp_path / "two")]) == 0
    assert files(tmp_path / "one") == files(tmp_path / "two") != {}


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    words = ["run", "--recipe", "index", "--image", str(tmp_path / "a.tif"), "--out"]
    done = subprocess.run(
        [sys.executable, "-m", "apps.aviary", *words, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        env={**os.environ, "URBANKI_DATA_DIR": str(tmp_path / "data")},
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "out").exists()
