"""One training run of a YOLOv8n detector: fixed schedule, resumable, no choice by test score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import DetectionModel

from model_server.training.runs import (
    QUIET,
    SCHEDULE,
    SPENT_FILE,
    Clock,
    TrainingRun,
    WithoutValidation,
    claim,
    find_run,
    stop_after,
)
from model_server.training.start_weights import (
    ARCHITECTURE,
    build_start_model,
    find_source,
    recalibrate,
    to_batches,
)
from model_server.training.tiles import Tile, write_dataset

CLASS_NAME = "pv"
RECALIBRATION_IMAGES = 24
# Names and meanings of the training library's settings. The tiles are dark and bright, from several
# flights, hence the strong changes of brightness; arrays look alike from every side.
AUGMENTATION: dict[str, object] = {
    "mosaic": 1.0,
    "scale": 0.4,
    "translate": 0.1,
    "degrees": 8.0,
    "fliplr": 0.5,
    "flipud": 0.5,
    "hsv_h": 0.02,
    "hsv_s": 0.5,
    "hsv_v": 0.5,
    "erasing": 0.0,
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out of a training run, except the tiles.

    Attributes:
        start: "layout" for the weights of `start_weights`, "random" for none.
        epochs: Passes over all tiles and their transposed twins.
        image_size_px: Side of the square the network sees.
        batch: Images per step.
        learning_rate: Peak of the cosine schedule (AdamW).
        seed: Seed of everything random.
    """

    start: str
    epochs: int
    image_size_px: int
    batch: int
    learning_rate: float
    seed: int


def train(
    tiles: list[Tile], folder: Path, recipe: Recipe, minutes: float, device: str, threads: int
) -> TrainingRun:
    """Train on tiles, or go on where an earlier call with the same folder stopped.

    Args:
        tiles: Training tiles only.
        folder: Scratch folder of this run.
        recipe: Schedule and start.
        minutes: CPU minutes (on CUDA: minutes) after which the run stops at an epoch's end.
        device: "cpu" or "cuda".
        threads: CPU threads.

    Raises:
        OtherRecipe: The folder holds a run of another recipe.
    """
    claim(folder, recipe)
    earlier = find_run(folder, recipe)
    if earlier.stands(minutes):
        return earlier
    data = write_dataset(tiles, folder / "data", CLASS_NAME)
    clock = Clock(folder / SPENT_FILE, device)
    last = earlier.checkpoint
    trainer = WithoutValidation(overrides=_arguments(recipe, data, folder, device, last))
    if recipe.start == "layout" and not last.is_file():
        trainer.start_model = _start_model(tiles, recipe)
    trainer.add_callback("on_pretrain_routine_end", lambda _trainer: torch.set_num_threads(threads))
    trainer.add_callback("on_fit_epoch_end", stop_after(minutes, clock))
    trainer.train()
    return find_run(folder, recipe)


def _start_model(tiles: list[Tile], recipe: Recipe) -> DetectionModel:
    torch.manual_seed(recipe.seed)
    network = build_start_model(find_source(), class_count=1)
    step = max(1, len(tiles) // RECALIBRATION_IMAGES)
    images = [_square(tile, recipe.image_size_px) for tile in tiles[::step]]
    recalibrate(network, to_batches(images))
    return network


def _square(tile: Tile, size_px: int) -> NDArray[np.uint8]:
    pixels = cv2.cvtColor(cv2.imread(str(tile.image)), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_AREA))


def _arguments(
    recipe: Recipe, data: Path, folder: Path, device: str, last: Path
) -> dict[str, object]:
    return {
        **AUGMENTATION,
        **SCHEDULE,
        **QUIET,
        "model": str(last) if last.is_file() else ARCHITECTURE,
        "resume": str(last) if last.is_file() else False,
        "data": str(data),
        # The library puts a relative folder below one of its own.
        "project": str(folder.resolve().parent),
        "name": folder.name,
        "device": device,
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "imgsz": recipe.image_size_px,
        "batch": recipe.batch,
        "nbs": recipe.batch,  # one optimiser step per batch; the default would wait for 64 images
        "lr0": recipe.learning_rate,
        "close_mosaic": max(1, recipe.epochs // 4),
    }
