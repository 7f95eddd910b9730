"""The stages of the network with masks: arms, rendered scenes, outlines for real tiles, tuning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from model_server.runtime import OnnxRuntime
from model_server.training.export import export_onnx
from model_server.training.mask_arms import (
    ARMS,
    MIN_SCORE_OF_CURVE,
    NMS_IOU,
    choose_arm,
    score_on_tiles,
)
from model_server.training.mask_prediction import as_detections, find_arrays
from model_server.training.pseudo_masks import (
    MIN_SCORE,
    outline_boxes,
    pseudo_images,
    write_pseudo_tile,
)
from model_server.training.rendered import find_shards, write_tiles
from model_server.training.runs import TrainingRun, find_run, load_averaged
from model_server.training.segmenter import CLASSES, MaskRecipe, start_from_layout, train
from model_server.training.tiles import Tile, read_image

RENDERED, PSEUDO, TUNED, REPORT = "rendered", "pseudo", "tuned", "report"
ARM_EPOCHS, ARM_TILES = 5, 240
RENDERED_TILES = 300
TUNED_TILES = 320
TUNED_RATE = 0.5
FROZEN_SHARE = 1 / 3
SCORES_FILE, PSEUDO_FILE, HELD_OUT_FILE = "scores.json", "pseudo.json", "held_out.json"
SERVED_SCALE = 1.0


class PartMissing(ValueError):
    """A part needs another one that is not finished."""

    def __init__(self, part: str) -> None:
        super().__init__(
            f"Der Teil {part} ist noch nicht fertig; starten Sie ihn mit --parts {part}."
        )


@dataclass(frozen=True)
class MaskExperiment:
    """What is trained, where and how long.

    Attributes:
        source: Folder with real tiles; only read.
        scenes: Folder with rendered scenes: `train`, `val`, `test`; only read.
        folder: Folder for parts and result.
        seed: Seed of folds and of the trainings after the arms.
        arm_seeds: Seeds of each arm.
        fold_count: Number of folds.
        rendered_epochs: Epochs of the rendered stage.
        tuned_epochs: Epochs on real tiles.
        image_size_px: Side of the square the network sees.
        batch: Images per step.
        learning_rate: Peak of the schedule.
        minutes: Limit of one training run in CPU minutes.
        device: "cpu" or "cuda".
        threads: CPU threads.
        command: Command that repeats this experiment.
    """

    source: Path
    scenes: Path
    folder: Path
    seed: int
    arm_seeds: int
    fold_count: int
    rendered_epochs: int
    tuned_epochs: int
    image_size_px: int
    batch: int
    learning_rate: float
    minutes: float
    device: str
    threads: int
    command: str

    @property
    def arm_parts(self) -> dict[str, list[str]]:
        """Names of the arms' parts, by arm."""
        return {arm: [f"arm_{arm}_{seed}" for seed in range(1, self.arm_seeds + 1)] for arm in ARMS}

    @property
    def fold_parts(self) -> list[str]:
        """Names of the folds' parts."""
        return [f"{TUNED}_{index}" for index in range(self.fold_count)]

    @property
    def all_parts(self) -> list[str]:
        """Names of all parts in the order in which they are run."""
        arms = [part for parts in zip(*self.arm_parts.values(), strict=True) for part in parts]
        return [*arms, RENDERED, PSEUDO, *self.fold_parts, TUNED, REPORT]

    def part_folder(self, part: str) -> Path:
        """Return the scratch folder of a part."""
        return self.folder / "parts" / part


def train_arm(experiment: MaskExperiment, part: str) -> None:
    """Train one arm for a short time and score it on validation scenes."""
    _, arm, seed = part.split("_")
    chosen, folder = ARMS[arm], experiment.part_folder(part)
    if (folder / SCORES_FILE).is_file():
        return
    tiles = round(ARM_TILES / chosen.cost)
    recipe = _recipe(experiment, arm, ARM_EPOCHS, tiles, int(seed))
    run = _train_rendered(experiment, folder, recipe)
    if run.complete:
        file = export_part(experiment, part, run)
        scores = score_on_tiles(file, rendered_tiles(experiment, "val"))
        text = json.dumps({**scores, "minutes": round(run.minutes, 1)})
        (folder / SCORES_FILE).write_text(text, encoding="utf-8")
        print(f"{part}: {text}", flush=True)


def train_rendered(experiment: MaskExperiment) -> None:
    """Train the best arm on rendered scenes.

    Raises:
        ArmsMissing: No arm is measured yet.
    """
    recipe = rendered_recipe(experiment)
    run = _train_rendered(experiment, experiment.part_folder(RENDERED), recipe)
    print(f"{RENDERED}: {run.epochs_done} epochs, {run.minutes:.1f} CPU minutes", flush=True)


def rendered_recipe(experiment: MaskExperiment) -> MaskRecipe:
    """Return the recipe of the rendered stage; the first call chooses the arm."""
    arm, epochs = _chosen_arm(experiment), experiment.rendered_epochs
    return _recipe(experiment, arm, epochs, RENDERED_TILES, experiment.seed)


def _chosen_arm(experiment: MaskExperiment) -> str:
    """Return the arm that was chosen when the rendered stage began, or the best one now."""
    file = experiment.part_folder(RENDERED) / "arm.txt"
    if not file.is_file():
        scores = {
            arm: [experiment.part_folder(part) / SCORES_FILE for part in parts]
            for arm, parts in experiment.arm_parts.items()
        }
        best = choose_arm(scores)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(best, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _recipe(experiment: MaskExperiment, arm: str, epochs: int, tiles: int, seed: int) -> MaskRecipe:
    chosen = ARMS[arm]
    return MaskRecipe(
        chosen.architecture,
        chosen.start,
        epochs,
        tiles,
        experiment.image_size_px,
        experiment.batch,
        experiment.learning_rate,
        frozen_share=0.0,
        seed=seed,
    )


def _train_rendered(experiment: MaskExperiment, folder: Path, recipe: MaskRecipe) -> TrainingRun:
    images = rendered_tiles(experiment, "train")
    start: Callable[[], nn.Module] | None = None
    if recipe.start == "layout":
        start = lambda: start_from_layout(images, recipe.image_size_px)  # noqa: E731
    limits = (experiment.minutes, experiment.device, experiment.threads)
    return train([images], folder, recipe, *limits, start)


def rendered_tiles(experiment: MaskExperiment, split: str) -> list[Path]:
    """Return the tiles of all shards of a split that are finished now."""
    shards = find_shards(experiment.scenes, split)
    return write_tiles(shards, split, experiment.folder / "tiles" / split)


def export_part(experiment: MaskExperiment, part: str, run: TrainingRun) -> Path:
    """Write the averaged weights of a part as ONNX into its folder and return the file."""
    file = experiment.part_folder(part) / "model.onnx"
    export_onnx(load_averaged(run.checkpoint), file, experiment.image_size_px)
    return file


def finished_rendered(experiment: MaskExperiment) -> TrainingRun:
    """Return the rendered stage.

    Raises:
        PartMissing: It is not finished within the limit of minutes.
    """
    folder = experiment.part_folder(RENDERED)
    if (folder / "recipe.json").is_file():
        run = find_run(folder, rendered_recipe(experiment))
        if run.stands(experiment.minutes):
            return run
    raise PartMissing(RENDERED)


def make_pseudo_masks(experiment: MaskExperiment, tiles: Sequence[Tile]) -> Path:
    """Outline the boxes of all real tiles by the rendered network; it has never seen them.

    Returns:
        The folder with `images`, `labels` and `pseudo.json`.
    """
    run = finished_rendered(experiment)
    folder = experiment.folder / "tiles" / f"real_{run.epochs_done}"
    if (folder / PSEUDO_FILE).is_file():
        return folder
    runtime = OnnxRuntime.load(export_part(experiment, RENDERED, run))
    boxes = drawn = 0
    for tile in tiles:
        pixels = read_image(tile)
        found = find_arrays(runtime, pixels, len(CLASSES), MIN_SCORE, NMS_IOU)
        truth = tile.boxes_px(pixels.shape[1], pixels.shape[0])
        masks = outline_boxes(truth, found, tile.ground_mounted)
        write_pseudo_tile(tile, pixels, masks, folder)
        boxes, drawn = boxes + len(truth), drawn + masks.from_network
    counts = {"boxes": boxes, "from_network": drawn}
    (folder / PSEUDO_FILE).write_text(json.dumps(counts), encoding="utf-8")
    print(f"{PSEUDO}: {counts}", flush=True)
    return folder


def tune(
    experiment: MaskExperiment, part: str, tiles: Sequence[Tile], kept: Sequence[Tile]
) -> None:
    """Train on real tiles and rendered ones, half each, from the rendered stage on.

    Args:
        experiment: The experiment.
        part: Name of the part.
        tiles: All real tiles.
        kept: Those to train on; what the weights find on the others is kept for the report.
    """
    rendered = finished_rendered(experiment)
    real = pseudo_images(kept, make_pseudo_masks(experiment, tiles))
    folder, recipe = experiment.part_folder(part), tuned_recipe(experiment, rendered)
    limits = (experiment.minutes, experiment.device, experiment.threads)
    pools = [real, rendered_tiles(experiment, "train")]
    run = train(pools, folder, recipe, *limits, lambda: load_averaged(rendered.checkpoint))
    held_out = [tile for tile in tiles if tile not in kept]
    if held_out and run.stands(experiment.minutes):
        predict_real(experiment, part, run, held_out)
    print(f"{part}: {run.epochs_done} epochs, {run.minutes:.1f} CPU minutes", flush=True)


def tuned_recipe(experiment: MaskExperiment, rendered: TrainingRun) -> MaskRecipe:
    """Return the recipe of the parts on real tiles; it names the state they start from."""
    return replace(
        rendered_recipe(experiment),
        start=f"{RENDERED} {rendered.epochs_done}",
        epochs=experiment.tuned_epochs,
        tiles_per_epoch=TUNED_TILES,
        learning_rate=experiment.learning_rate * TUNED_RATE,
        frozen_share=FROZEN_SHARE,
    )


def predict_real(
    experiment: MaskExperiment, part: str, run: TrainingRun, tiles: Sequence[Tile]
) -> Path:
    """Write what a part finds on real tiles, boxes alone, to `held_out.json`; return the file."""
    file = experiment.part_folder(part) / HELD_OUT_FILE
    runtime = OnnxRuntime.load(export_part(experiment, part, run))
    stored = {}
    for tile in tiles:
        pixels = read_image(tile)
        found = as_detections(
            find_arrays(runtime, pixels, len(CLASSES), MIN_SCORE_OF_CURVE, NMS_IOU)
        )
        rows = np.column_stack([found.boxes.round(2), found.scores.round(6)]).tolist()
        height, width = pixels.shape[:2]
        stored[tile.name] = {"height": height, "width": width, "found": {SERVED_SCALE: rows}}
    file.write_text(json.dumps(stored), encoding="utf-8")
    return file
