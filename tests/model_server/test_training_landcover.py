"""Training of the land-cover model: scenes to squares, loop, export, figures, servable folder."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from model_server.catalog import ServableModel, check_model
from model_server.training.landcover_data import (
    KEYS,
    NO_DATA,
    Packed,
    Squares,
    disturb,
    pack,
    to_served,
)
from model_server.training.rendered import ScenesUnusable
from tests.timing import PATIENCE_S

pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

import onnxruntime
import torch

from model_server.tasks.classes import ClassesModel
from model_server.training import timed_run
from model_server.training.landcover import MODULE
from model_server.training.landcover_calibration import Cells, fit_fusion, fit_temperature
from model_server.training.landcover_card import seed_ranges, write_sheet
from model_server.training.landcover_measure import (
    LARGEST_M2,
    SMALLEST_M2,
    Figures,
    Predictor,
    fuse,
    random_polygons,
    tiling_disagreement,
)
from model_server.training.landcover_networks import REACH_PX, OwnNetwork, build, prepare
from model_server.training.semantic_export import PROBABILITIES, export_onnx, measure_parity
from model_server.training.semantic_loop import Settings, pixel_loss, train
from model_server.training.timed_run import LAST, STABLE, STOPPED, OtherSettings, rate_at

REPOSITORY = Path(__file__).resolve().parents[2]
GRASS, WATER = 7, 6
SETTINGS = Settings("c", 1, 2, 64)


def write_shard(scenes: Path, split: str, first: int, count: int = 2, side_px: int = 160) -> None:
    """Write scenes as the renderer does: grass, a red roof, a grey road and a small pond."""
    shard = scenes / split / f"s_{first:06d}"
    for folder in ("images", "images_nir", "masks"):
        (shard / folder).mkdir(parents=True)
    rows = []
    for seed in range(first, first + count):
        random = np.random.default_rng(seed)
        mask = np.full((side_px, side_px), GRASS, dtype=np.uint8)
        mask[10:60, 20:90], mask[:, 100:120], mask[140:156, 8:24] = 0, 3, WATER
        mask[:4] = NO_DATA
        colours = np.zeros((256, 4), dtype=np.int16)
        colours[GRASS], colours[0], colours[3] = (
            (90, 120, 60, 180),
            (150, 70, 60, 110),
            (99, 99, 99, 80),
        )
        colours[WATER] = (40, 60, 90, 10)
        image = np.clip(colours[mask] + random.integers(-9, 10, (*mask.shape, 4)), 0, 255)
        stem = f"{split}_{seed}"
        for folder, pixels in (
            ("images", image[..., 2::-1]), ("images_nir", image[..., 3]), ("masks", mask),
        ):  # fmt: skip
            cv2.imwrite(str(shard / folder / f"{stem}.png"), pixels.astype(np.uint8))
        rows.append({"stem": stem, "seed": seed, "split": split, "gsd_m": 0.16})
    (shard / "scenes.json").write_text(json.dumps(rows), encoding="utf-8")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for split, first in (("train", 0), ("val", 900_000), ("test", 950_000)):
        write_shard(folder, split, first)
    return folder


@pytest.fixture(scope="module")
def data(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return Packed(pack(scenes, tmp_path_factory.mktemp("packed"), "train"))


def test_scenes_come_to_the_served_pixel_size(scenes: Path, tmp_path: Path):
    files = pack(scenes, tmp_path, "train")
    assert [file.name for file in files] == ["train_0.npy", "train_1.npy"]
    scene = np.load(files[0])
    assert scene.shape == (128, 128, 5)
    codes = scene[..., 4]
    assert (codes[0, 0], codes[20, 40], codes[100, 100]) == (NO_DATA, 0, GRASS)
    assert abs(scene[20, 40, :4].astype(int) - [150, 70, 60, 110]).max() < 12
    before = files[0].stat().st_mtime_ns
    assert pack(scenes, tmp_path, "train") == files
    assert files[0].stat().st_mtime_ns == before


def test_each_pixel_gets_its_most_frequent_class():
    mask = np.array([[1, 1, 5, 5], [1, 2, 5, 5], [3, 3, 7, 8], [3, 8, 8, 8]], dtype=np.uint8)
    served = to_served(np.zeros((4, 4, 4), dtype=np.uint8), mask, 0.1)
    assert served[..., 4].tolist() == [[1, 5], [3, 8]]


def test_scenes_of_another_split_and_broken_ones_are_refused(tmp_path: Path):
    write_shard(tmp_path, "train", 0)
    (tmp_path / "train").rename(tmp_path / "val")
    with pytest.raises(ScenesUnusable, match="nicht zu val gehören"):
        pack(tmp_path, tmp_path / "packed", "val")
    with pytest.raises(ScenesUnusable):
        pack(tmp_path, tmp_path / "packed", "train")
    write_shard(tmp_path, "train", 0)
    (tmp_path / "train" / "s_000000" / "masks" / "train_1.png").write_bytes(b"no image")
    with pytest.raises(ScenesUnusable, match=r"train_1\.png"):
        pack(tmp_path, tmp_path / "packed", "train")


def test_rare_classes_are_drawn_more_often_and_masks_stay_with_their_pixels(data: Packed):
    squares = data.draw(np.random.default_rng(3), 64, 64)
    assert squares.images.shape == (64, 64, 64, 3)
    share = (squares.codes == WATER).mean()
    assert share > 1.5 * data.shares[WATER] > 0
    sure = cv2.erode((squares.codes == 0).astype(np.uint8).transpose(1, 2, 0), np.ones((5, 5))) > 0
    red = squares.images.transpose(1, 2, 0, 3)[sure] - np.array([150, 70, 60])
    assert abs(red).mean() < 12


def test_a_scene_smaller_than_a_square_is_filled_up_without_a_class(data: Packed):
    squares = data.draw(np.random.default_rng(3), 4, 256)
    assert squares.codes.shape == (4, 256, 256)
    assert (squares.codes == NO_DATA).mean() > 0.5


def test_disturbing_leaves_the_classes_and_the_drawn_squares_alone(data: Packed):
    random = np.random.default_rng(5)
    drawn = data.draw(random, 40, 64)
    kept = Squares(drawn.images.copy(), drawn.codes.copy())
    other = disturb(drawn, random)
    assert (drawn.images == kept.images).all()
    assert (other.images != drawn.images).any(axis=(1, 2, 3)).all()
    changed = other.codes != drawn.codes
    assert changed.any()
    assert (other.codes[changed] == NO_DATA).all()
    assert (~changed).all(axis=(1, 2)).mean() > 0.8


def test_the_loss_counts_every_pixel_of_a_cell_and_skips_what_has_no_class():
    logits = torch.zeros(1, 10, 1, 1)
    logits[0, 3], logits[0, 5] = 2.0, 1.0
    codes = torch.tensor([[[3, 5], [3, NO_DATA]]])
    logs = torch.log_softmax(logits[0, :, 0, 0], dim=0)
    shares = torch.zeros(10)
    shares[3], shares[5] = 0.5, 0.25
    found = logs.exp()
    sizes = found.square() + shares.square()
    dice = [1 - (2 * found[c] * shares[c] + 1) / (sizes[c] + 1) for c in (3, 5)]
    wanted = -(2 * logs[3] + logs[5]) / 3 + 0.5 * sum(dice) / 2
    assert pixel_loss(logits, codes).item() == pytest.approx(wanted.item(), abs=1e-6)
    nothing = pixel_loss(logits, torch.full((1, 2, 2), NO_DATA))
    assert nothing.item() == 0.0


def test_the_rate_rises_stays_and_falls():
    rates = [rate_at(spent, 100) for spent in (0, 1, 50, 75, 80, 100)]
    assert rates[0] < 0.1
    assert rates[1] == rates[2] == rates[3] == 1
    assert 0.3 < rates[4] < 0.9
    assert rates[5] == 0


class Stopping(Packed):
    """Asks its own process to end when squares are drawn for the third time."""

    turns = 0

    def draw(self, random: np.random.Generator, count: int, side_px: int) -> Squares:
        self.turns += 1
        if self.turns == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().draw(random, count, side_px)


def tiny() -> OwnNetwork:
    torch.manual_seed(1)
    return OwnNetwork((8, 8, 8))


@pytest.fixture(autouse=True)
def _even_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes a thousandth of a minute, however busy the machine is."""
    ticks = itertools.count()
    clock = SimpleNamespace(process_time=lambda: 0.06 * next(ticks))
    monkeypatch.setattr(timed_run, "time", clock)


def test_a_polite_end_loses_nothing_and_more_minutes_go_on_before_the_fall(
    data: Packed, tmp_path: Path
):
    with pytest.raises(SystemExit) as ended:
        train(tiny(), Stopping(data.files), SETTINGS, 5.0, tmp_path)
    assert ended.value.code == STOPPED
    stored = torch.load(tmp_path / LAST, weights_only=True)
    assert stored["steps"] == 3
    assert not stored["cooled"]

    short = train(tiny(), data, SETTINGS, stored["minutes"] + 0.02, tmp_path)
    assert short.steps > 3
    assert short.minutes >= stored["minutes"] + 0.02
    assert short.data == ["s_000000"]
    before_the_fall = torch.load(tmp_path / STABLE, weights_only=True)
    assert 3 < before_the_fall["steps"] < short.steps

    longer = train(tiny(), data, SETTINGS, short.minutes + 0.001, tmp_path)
    assert longer.all_minutes > longer.minutes
    again = train(tiny(), data, SETTINGS, short.minutes + 0.001, tmp_path)
    assert again.steps == longer.steps
    for one, other in zip(again.network.parameters(), longer.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_folder_keeps_to_its_settings(data: Packed, tmp_path: Path):
    train(tiny(), data, SETTINGS, 0.001, tmp_path)
    with pytest.raises(OtherSettings, match="andere"):
        train(tiny(), data, Settings("c", 2, 2, 64), 0.001, tmp_path)


def test_training_lowers_the_loss(data: Packed, tmp_path: Path):
    squares = data.draw(np.random.default_rng(9), 8, 64)
    run = train(tiny(), data, Settings("c", 1, 4, 64), 0.08, tmp_path)
    losses = []
    for network in (tiny().eval(), run.network):
        with torch.no_grad():
            images = torch.from_numpy(squares.images).permute(0, 3, 1, 2).float() / 255
            logits = network(images)[0]
        losses.append(pixel_loss(logits, torch.from_numpy(squares.codes).long()).item())
    assert losses[1] < 0.7 * losses[0]


@pytest.mark.parametrize("arm", ["a", "b"])
def test_the_compared_networks_can_be_trained(arm: str, data: Packed, tmp_path: Path):
    network = build(arm, 1)
    before = [value.clone() for value in network.parameters()]
    run = train(network, data, Settings(arm, 1, 2, 64), 0.0001, tmp_path)
    assert run.steps >= 1
    changed = [
        not torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True)
    ]
    # The library's second head on the coarser scale is not used here.
    assert sum(changed) >= len(changed) - 5


def test_the_own_network_looks_no_further_than_its_reach():
    network = build("c", 1).eval()
    images = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    reached = 0
    for middle in range(128, 136):
        changed = images.clone()
        changed[:, :, middle, middle] += 5
        with torch.no_grad():
            differs = (network(images)[0] != network(changed)[0]).any(dim=1)[0]
        cells = torch.nonzero(differs) * network.stride
        before, behind = middle - (cells + network.stride - 1), cells - middle
        reached = max(reached, int(torch.maximum(before, behind).max()))
    assert 48 < reached <= REACH_PX <= 64


def test_start_weights_answer_as_before_and_also_while_they_are_trained():
    from model_server.training.start_weights import build_source_model, find_source

    network = build("b", 1).eval()
    donor = build_source_model(find_source())
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))

    def neck(model: torch.nn.Module) -> torch.Tensor:
        kept: list[torch.Tensor] = []
        handle = model.model[15].register_forward_hook(lambda _m, _i, out: kept.append(out))
        with torch.no_grad():
            model(images)
        handle.remove()
        return kept[0]

    expected = neck(donor)
    assert torch.allclose(neck(network.network), expected, atol=1e-5)
    small = torch.nn.functional.interpolate(images, scale_factor=0.5, mode="area")
    prepare(network, small)
    with torch.no_grad():
        answers = [network.eval()(small)[1], network.train()(small)[1]]
    assert torch.allclose(*answers, atol=1e-4)


@pytest.mark.parametrize("arm", ["a", "b", "c"])
def test_the_file_takes_any_batch_and_size_and_repeats_torch(arm: str, tmp_path: Path):
    network = build(arm, 1)
    model = export_onnx(network, tmp_path / "model.onnx", 1.5)
    random = np.random.default_rng(1)
    images = [random.random((3, *size), dtype=np.float32) for size in ((64, 128), (128, 64))]
    parity = measure_parity(model, tmp_path / "model.onnx", images)
    assert parity.max_difference <= 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    found = session.run([PROBABILITIES], {"images": np.stack([images[0]] * 3)})[0]
    assert found.shape == (3, len(KEYS), 64 // network.stride, 128 // network.stride)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_the_temperature_undoes_too_much_confidence():
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, (20_000, len(KEYS)))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (shares.cumsum(axis=1) > random.random((20_000, 1))).argmax(axis=1)
    cells = Cells((3 * logits).astype(np.float32), np.zeros(20_000, dtype=np.float32), codes)
    assert fit_temperature(cells) == pytest.approx(3, rel=0.05)


def test_near_infrared_tells_green_from_grey():
    random = np.random.default_rng(1)
    codes = random.choice([3, GRASS], 4000)
    index = np.where(codes == GRASS, 0.4, -0.1).astype(np.float32)
    even = np.full((4000, len(KEYS)), np.log(0.1), dtype=np.float32)
    terms = fit_fusion(Cells(even, index, codes), 1.0)
    assert terms[GRASS, 1] > terms[3, 1]
    found = fuse(np.full((len(KEYS), 1, 2), 0.1), np.array([[0.4, -0.1]]), terms)
    assert found.argmax(axis=0).tolist() == [[GRASS, 3]]


def test_figures_by_hand():
    truth = np.array([[0, 0, 7, 7], [0, NO_DATA, 7, 7]], dtype=np.uint8)
    found = np.array([[0, 7, 7, 7], [0, 3, 7, 3]], dtype=np.uint8)
    figures = Figures()
    figures.add(found, np.full(truth.shape, 0.9, dtype=np.float32), truth, 1)
    assert figures.iou[0] == pytest.approx(2 / 3)
    assert figures.iou[7] == pytest.approx(3 / 5)
    assert np.isnan(figures.iou[3])
    summary = figures.summary()
    assert summary["right_pixels"] == pytest.approx(5 / 7, abs=1e-4)
    assert summary["calibration_error"] == pytest.approx(0.9 - 5 / 7, abs=1e-4)


def test_polygons_are_as_large_as_parcels_and_sealed_shares_are_compared_in_them():
    sizes_m2 = [
        mask.sum() * 0.04 for seed in range(10) for mask in random_polygons((700, 700), seed)
    ]
    assert 0.95 * SMALLEST_M2 < min(sizes_m2) < 500 < max(sizes_m2) < 1.05 * LARGEST_M2
    figures = Figures()
    truth, found = np.full((700, 700), 7, dtype=np.uint8), np.full((700, 700), 7, dtype=np.uint8)
    found[:, ::2] = 3
    figures.add(found, np.ones(truth.shape, dtype=np.float32), truth, 1)
    assert figures.summary()["sealed_error_points"] == pytest.approx(50, abs=1)
    assert figures.summary()["sealed_bias_points"] == pytest.approx(50, abs=1)


def test_tiles_agree_with_the_whole_unless_a_model_looks_too_far(tmp_path: Path):
    random = np.random.default_rng(1)
    scene = random.integers(0, 256, (640, 640, 5), dtype=np.uint8)
    np.save(tmp_path / "scene.npy", scene)

    def near(image: np.ndarray) -> np.ndarray:
        return np.stack([image[0, ::2, ::2], image[1, ::2, ::2], *[image[2, ::2, ::2] * 0] * 8])

    def far(image: np.ndarray) -> np.ndarray:
        return near(image) + np.array([0, image[2].mean() * 9 - 4.5, *[0] * 8])[:, None, None]

    shares = [
        tiling_disagreement(Predictor(run, 2), [tmp_path / "scene.npy"])["share"]
        for run in (near, far)
    ]
    assert shares[0] == 0 < shares[1]


def test_seeds_of_shards_as_text():
    assert seed_ranges(["s_000025", "s_000000", "s_000100"]) == "0-49, 100-124"


def run(scenes: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    fixed = ["--minutes", "0.02", "--batch", "2", "--side", "64"]
    return subprocess.run(
        [sys.executable, "-m", MODULE, "--scenes", scenes, "--out", out, *fixed, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "YOLO_CONFIG_DIR": str(out.parent / "yolo")},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )


def test_from_scenes_to_a_servable_folder(scenes: Path, tmp_path: Path):
    early = run(scenes, tmp_path / "out", "--parts", "report")
    assert (early.returncode, "final ist noch nicht trainiert" in early.stderr) == (2, True)
    done = run(scenes, tmp_path / "out", "--parts", "c1,final,report")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "landcover" / "0.1.0"
    folder.parent.mkdir()
    (tmp_path / "out" / "model").rename(folder)
    model = check_model(folder)
    assert isinstance(model, ServableModel), model
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    on_card = {metric.name: metric.value for metric in model.card.metrics}
    test = metrics["splits"]["test"]
    assert on_card["Mittel der IoU, Testszenen, ohne Infrarot"] == test["rgb"]["mean_iou"]
    assert model.card.fusion is not None
    assert list(model.card.fusion.ndvi) == list(KEYS)
    assert set(metrics["arms"]) == {"c1"}
    assert metrics["final"]["train_shards"] == ["s_000000"]
    assert metrics["tiling"]["pixels"] == 0
    opened = ClassesModel.open(model, 1)
    opened.warm_up()
    sheet = (folder / "README.md").read_text(encoding="utf-8")
    assert "$" not in sheet
    assert metrics["command"] in sheet
    assert "**Noch nicht erreicht:** Mittel der IoU" in sheet
    assert "| eigenes U-Netz (Startwert 1) |" in sheet
    write_sheet(folder, {**metrics, "arms": {}})
    assert "Noch nicht verglichen" in (folder / "README.md").read_text(encoding="utf-8")


def test_unknown_parts_are_one_german_sentence(scenes: Path, tmp_path: Path):
    wrong = run(scenes, tmp_path / "out", "--parts", "z9")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "Unbekannter Teil: z9" in wrong.stderr
