"""Files of scenes: exact names and contents, same bytes for same seeds, nothing half done."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import shapely

from shared.demo_city.__main__ import main
from shared.demo_city.labels import LABELS
from shared.demo_city.scenes import files as scene_files
from shared.demo_city.scenes.files import Format, SceneOrder, write_scenes
from shared.demo_city.scenes.scene import render_scene
from shared.demo_city.settings import SceneSettings
from shared.errors import InputError

SIZE, PARK_SIZE = 160, 480


def digests(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest() for file in files}


def written(out: Path, form: Format, count: int = 2, **settings: object) -> dict[str, object]:
    order = SceneOrder(out, form, "test", count, gsd_m=0.2, size_px=SIZE, **settings)  # type: ignore[arg-type]
    return write_scenes(order)


@pytest.fixture(scope="module")
def semantic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / "semantic"
    written(out, "semantic")
    return out


@pytest.fixture(scope="module")
def solar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / "solar"
    # Every fifth seed has a solar park.
    write_scenes(SceneOrder(out, "solar", "test", 1, gsd_m=0.2, size_px=PARK_SIZE))
    return out


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / "pairs"
    order = SceneOrder(out, "pairs", "test", 5, seed=950_002, gsd_m=0.2, size_px=320)
    write_scenes(order)
    return out


def test_semantic_files_have_their_names(semantic: Path) -> None:
    stems = ["test_950000", "test_950001"]
    expected = {"data.yaml", "scenes.json"}
    for folder, ending in (
        ("images", "png"), ("images_nir", "png"), ("masks", "png"), ("ndsm", "tif"),
    ):  # fmt: skip
        expected |= {f"{folder}/{stem}.{ending}" for stem in stems}
    assert set(digests(semantic)) == expected
    assert "masks_dir: masks\n" in (semantic / "data.yaml").read_text()
    assert "  9: bare_soil\n" in (semantic / "data.yaml").read_text()


def test_semantic_files_hold_the_scene(semantic: Path) -> None:
    scene = render_scene(SceneSettings(950_000, "test", 0.2, SIZE))
    image = cv2.imread(str(semantic / "images" / "test_950000.png"), cv2.IMREAD_UNCHANGED)
    infrared = cv2.imread(str(semantic / "images_nir" / "test_950000.png"), cv2.IMREAD_UNCHANGED)
    mask = cv2.imread(str(semantic / "masks" / "test_950000.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(image[..., ::-1], scene.window.rgbi[..., :3])
    assert np.array_equal(infrared, scene.window.rgbi[..., 3])
    assert np.array_equal(mask, scene.window.labels)
    assert mask.dtype == np.uint8 and mask.shape == (SIZE, SIZE)
    with rasterio.open(semantic / "ndsm" / "test_950000.tif") as raster:
        heights = raster.read(1)
        assert raster.res == (0.2, 0.2)
    assert np.abs(heights - scene.window.ndsm).max() <= 0.0051


def test_scenes_json_tells_what_each_scene_was_made_from(semantic: Path) -> None:
    rows = json.loads((semantic / "scenes.json").read_text(encoding="utf-8"))
    assert [row["stem"] for row in rows] == ["test_950000", "test_950001"]
    for row in rows:
        assert row["split"] == "test" and row["gsd_m"] == 0.2
        assert row["layout"] in {"ring_town", "linear_village"}
        assert 38 <= row["sun"]["elevation_deg"] < 44
        assert 150 <= row["sun"]["azimuth_deg"] < 170
        assert row["materials"] == sorted(row["materials"]) and row["materials"]
        assert all(name.startswith(f"{row['seed']:06d}-") for name in row["roof_ids"])


def test_same_seeds_give_the_same_bytes(semantic: Path, tmp_path: Path) -> None:
    written(tmp_path / "again", "semantic")
    assert digests(tmp_path / "again") == digests(semantic)


def test_labels_and_masks_of_solar_units_agree(solar: Path) -> None:
    mask = cv2.imread(str(solar / "masks" / "test_950000.png"), cv2.IMREAD_UNCHANGED)
    drawn = np.zeros_like(mask)
    lines = (solar / "labels" / "test_950000.txt").read_text().splitlines()
    assert lines, "a seed with a solar park has solar units"
    for line in lines:
        kind, *values = line.split()
        places = np.array(values, dtype=float).reshape(-1, 2) * PARK_SIZE
        assert len(places) >= 3 and (places >= 0).all() and (places <= PARK_SIZE).all()
        # 1/256 px steps; OpenCV counts from pixel centres.
        fixed = np.round((places - 0.5) * 256).astype(np.int32)
        cv2.fillPoly(drawn, [fixed], int(kind) + 1, shift=8)
    both = np.count_nonzero((drawn > 0) & (drawn == mask))
    assert both / np.count_nonzero((drawn > 0) | (mask > 0)) > 0.6
    assert both / np.count_nonzero(mask) > 0.9


def test_objects_lie_in_the_image_and_have_kinds(solar: Path) -> None:
    content = json.loads((solar / "objects" / "test_950000.geojson").read_text(encoding="utf-8"))
    shapes = [shapely.geometry.shape(one["geometry"]) for one in content["features"]]
    kinds = {one["properties"]["kind"] for one in content["features"]}
    assert all(shape.is_valid and shape.geom_type == "Polygon" for shape in shapes)
    bounds = shapely.total_bounds(shapes)
    assert bounds.min() >= 0 and bounds.max() <= PARK_SIZE
    assert {"building", "tree"} <= kinds


def test_pairs_have_their_columns_and_images(pairs: Path) -> None:
    with (pairs / "pairs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "pair_id", "before", "after", "outline_wkt", "gsd_m", "label", "kind", "hard",
        "pv_before", "pv_after", "building_id", "scene_seed", "recognisable",
    ]  # fmt: skip
    assert len(rows) == 5 and len({row["pair_id"] for row in rows}) == 5
    seeds = {row["seed"] for row in json.loads((pairs / "scenes.json").read_text())}
    for row in rows:
        before, after = (cv2.imread(str(pairs / row[side])) for side in ("before", "after"))
        assert before.shape == after.shape and not np.array_equal(before, after)
        outline = shapely.from_wkt(row["outline_wkt"])
        west, north, east, south = outline.bounds
        # Four metres of surroundings at 20 cm are 20 pixels on each side.
        assert 20 <= west < 21.5 and 20 <= north < 21.5
        assert 20 <= before.shape[1] - east < 21.5 and 20 <= before.shape[0] - south < 21.5
        assert {row["hard"], row["pv_before"], row["pv_after"]} <= {"0", "1"}
        assert int(row["scene_seed"]) in seeds


def test_one_rendering_serves_both_models(semantic: Path, tmp_path: Path) -> None:
    written(tmp_path / "all", "all")
    written(tmp_path / "solar", "solar")
    together, apart = digests(tmp_path / "all"), digests(tmp_path / "solar")
    of_classes = {name: one for name, one in digests(semantic).items() if "ndsm" not in name}
    of_solar = {name.replace("masks/", "solar_masks/"): one for name, one in apart.items()}
    assert together == of_classes | of_solar


def test_the_folder_of_other_files_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="enthält schon andere Dateien"):
        written(tmp_path, "semantic")
    assert digests(tmp_path) == {"letter.txt": sha256(b"mine").hexdigest()}


def test_an_earlier_folder_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "scenes"
    written(out, "solar", 1)
    written(out, "semantic", 1, seed=950_001)
    assert not (out / "labels").exists()
    assert (out / "images" / "test_950001.png").is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["scenes"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(settings: SceneSettings) -> None:
        raise RuntimeError(settings.seed)

    monkeypatch.setattr(scene_files, "render_scene", fails)
    with pytest.raises(RuntimeError):
        written(tmp_path / "scenes", "semantic")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--count", "0"], "mindestens 1"),
        (["--count", "2", "--seed", "989999"], "gehören nicht alle zu test"),
        (["--count", "1", "--seed", "5"], "gehören nicht alle zu test"),
        (["--count", "1", "--size", "9"], "Pixel Seitenlänge"),
        (["--count", "1", "--gsd", "3"], "Bodenauflösung"),
        (["--count", "viele"], "ist kein Wert für --count"),
        (["--count", "1", "--format", "yolo"], "gibt es nur semantic, solar, all, pairs"),
        (["--count", "1", "--renewed-share", "2"], "zwischen 0 und 1"),
        ([], "Es fehlt"),
    ],
    ids=["none", "beyond", "other split", "tiny", "coarse", "word", "format", "share", "missing"],
)
def test_bad_words_give_one_line_and_exit_code_2(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "scenes")
    form = [] if "--format" in words else ["--format", "semantic"]
    code = main(["scene", "--split", "test", "--out", out, *form, *words])
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert line in said.err and said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--split", "val", "--count", "1", "--gsd", "0.2", "--size", "128"]
    code = main(["scene", *words, "--format", "semantic", "--out", str(tmp_path / "a")])
    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert said["count"] == 1 and said["split"] == "val" and said["seeds"] == [900_000, 900_000]
    assert set(said["class_shares"]) == set(LABELS)
    assert sum(said["class_shares"].values()) == pytest.approx(1, abs=1e-3)
    assert said["seconds"] > 0


def test_a_contact_sheet_shows_twelve_scenes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--split", "train", "--gsd", "0.2", "--size", "64"]
    assert main(["contact-sheet", *words, "--out", str(tmp_path / "sheet.png")]) == 0
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (3 * (480 + 26), 4 * 480, 3)
    assert json.loads(capsys.readouterr().out)["seeds"] == [0, 11]
    assert main(["contact-sheet", *words, "--out", str(tmp_path / "sheet.tif")]) == 2
