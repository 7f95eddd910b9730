"""The training command: from tiles to a servable folder, resumable, with plain German refusals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_server.catalog import DOMAIN_FILE, ServableModel, check_model
from model_server.domain import Domain
from model_server.training.solar import MODULE, main
from tests.timing import PATIENCE_S

pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

from model_server.training.detector import Recipe
from model_server.training.experiment import Experiment, run_experiment
from model_server.training.runs import OtherRecipe, UnknownPart

REPOSITORY = Path(__file__).resolve().parents[2]


def write_tiles(folder: Path) -> Path:
    """Write six made-up tiles in three groups: grey ground with one dark rectangle."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    rows = ["tile,group,ground_mounted"]
    random = np.random.default_rng(1)
    for index in range(6):
        pixels = random.integers(90, 140, (640, 640, 3), dtype=np.uint8)
        pixels[100:300, 200:500] = (60, 20, 10)
        cv2.imwrite(str(folder / "images" / f"t{index}.jpg"), pixels)
        label = "0 0.546875 0.3125 0.46875 0.3125\n"
        (folder / "labels" / f"t{index}.txt").write_text(label, encoding="utf-8")
        rows.append(f"t{index},{index // 2},{int(index < 2)}")
    (folder / "tiles.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def run(data: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    fixed = ["--folds", "2", "--image-size", "64", "--start", "random", "--threads", "1"]
    return subprocess.run(
        [sys.executable, "-m", MODULE, "--data", data, "--out", out, *fixed, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "YOLO_CONFIG_DIR": str(out.parent / "yolo")},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )


def test_missing_data_are_one_german_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "out"), "--data", str(tmp_path / "none")]) == 2
    text = capsys.readouterr().err
    assert text.startswith("Die Trainingsdaten fehlen")
    assert "URBANKI_DEVELOPMENT_DATA_DIR" in text
    assert not (tmp_path / "out").exists()


def test_missing_scenes_are_one_german_sentence(tmp_path: Path) -> None:
    data, out = write_tiles(tmp_path / "data"), tmp_path / "out"
    ended = run(data, out, "--head", "masks", "--parts", "arm_b_1")
    assert ended.returncode == 2
    assert "enthält keine fertigen Szenen" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Train once on made-up tiles, the first fold in two goes."""
    folder = tmp_path_factory.mktemp("training")
    data, out = write_tiles(folder / "data"), folder / "out"
    first = run(data, out, "--epochs", "2", "--minutes", "0", "--parts", "fold_0")
    assert first.returncode == 0, first.stderr
    assert "fold_0: 1 epochs" in first.stdout
    second = run(data, out, "--epochs", "2")
    assert second.returncode == 0, second.stderr
    assert "fold_0: 2 epochs" in second.stdout
    return data, out


def test_the_result_is_a_servable_model(trained: tuple[Path, Path], tmp_path: Path) -> None:
    home = tmp_path / "solar"
    home.mkdir()
    (home / "0.1.0").symlink_to(trained[1] / "model")
    model = check_model(home / "0.1.0")
    assert isinstance(model, ServableModel), model
    assert model.card.training is not None
    assert "--seed 1" in model.card.training.command
    assert model.card.limits.nms_iou == 0.5
    assert model.card.domain is not None
    assert Domain.load(model.files[DOMAIN_FILE]).mean.shape == (256,)
    assert "| Mittel der Teile |" in (home / "0.1.0" / "README.md").read_text(encoding="utf-8")


def test_figures_come_from_all_folds(trained: tuple[Path, Path]) -> None:
    metrics = json.loads((trained[1] / "model" / "metrics.json").read_text(encoding="utf-8"))
    folds = metrics["cross_validation"]["folds"]
    assert sum(fold["tiles"] for fold in folds) == 6
    assert {group for fold in folds for group in fold["groups"]} == {"0", "1", "2"}
    mean = np.mean([fold["ap50"] for fold in folds])
    assert metrics["cross_validation"]["ap50_mean"] == pytest.approx(mean, abs=1e-4)
    assert metrics["complete"] is True
    assert set(metrics["start_comparison"]["ap50"]) == {"layout", "random"}


def make_experiment(data: Path, out: Path, epochs: int) -> Experiment:
    recipe = Recipe("random", epochs, image_size_px=64, batch=4, learning_rate=0.001, seed=1)
    return Experiment(data, out, recipe, 2, minutes=1, device="cpu", threads=1, command="")


def test_a_folder_of_another_recipe_is_refused(trained: tuple[Path, Path]) -> None:
    with pytest.raises(OtherRecipe, match="anderen Einstellungen"):
        run_experiment(make_experiment(*trained, epochs=3), ["fold_0"])


def test_unknown_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownPart, match="fold_7"):
        run_experiment(make_experiment(tmp_path, tmp_path, epochs=1), ["fold_0", "fold_7"])
