"""One training run of a YOLOv8n detector: fixed schedule, resumable, no choice by test score."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.tasks import DetectionModel

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
SPENT_FILE = "spent.json"
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
SCHEDULE: dict[str, object] = {
    "optimizer": "AdamW",
    "lrf": 0.01,
    "cos_lr": True,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "warmup_epochs": 1,
    "patience": 0,
}
QUIET: dict[str, object] = {
    "pretrained": False,
    "amp": False,
    "plots": False,
    "val": False,
    "save": True,
    "exist_ok": True,
    "cache": False,
    "workers": 0,
    "verbose": False,
}


class OtherRecipe(ValueError):
    """A folder holds the run of another recipe."""


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


class _Trainer(DetectionTrainer):
    """The library's trainer without validation: the last averaged weights are the result."""

    start_model: DetectionModel | None = None

    def get_model(
        self,
        cfg: str | dict[str, Any] | None = None,
        weights: nn.Module | None = None,
        verbose: bool = True,
    ) -> DetectionModel:
        """Return a fresh model, with the start weights unless a checkpoint is continued."""
        model = super().get_model(cfg=cfg, weights=weights, verbose=verbose)
        if self.start_model is not None and weights is None:
            model.load_state_dict(self.start_model.state_dict())
        return model

    def validate(self) -> tuple[dict[str, float], float]:
        """Skip the library's validation."""
        # Held-out tiles must not choose the epoch, so each epoch counts as the best so far.
        return {}, float(self.epoch + 1)

    def final_eval(self) -> None:
        """Keep the last checkpoint as it is; scores are computed on the exported file."""


@dataclass(frozen=True)
class TrainingRun:
    """What a training run has reached.

    Attributes:
        checkpoint: The last checkpoint; absent before the first epoch ended.
        epochs_done: Finished epochs.
        minutes: CPU minutes spent (on CUDA: minutes), over all interrupted processes.
        complete: All epochs of the recipe are done.
    """

    checkpoint: Path
    epochs_done: int
    minutes: float
    complete: bool


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
    _claim(folder, recipe)
    earlier = find_run(folder, recipe)
    if earlier.complete or (earlier.epochs_done and earlier.minutes >= minutes):
        return earlier
    data = write_dataset(tiles, folder / "data", CLASS_NAME)
    clock = _Clock(folder / SPENT_FILE, device)
    last = earlier.checkpoint
    trainer = _Trainer(overrides=_arguments(recipe, data, folder, device, last))
    if recipe.start == "layout" and not last.is_file():
        trainer.start_model = _start_model(tiles, recipe)
    trainer.add_callback("on_pretrain_routine_end", lambda _trainer: torch.set_num_threads(threads))
    trainer.add_callback("on_fit_epoch_end", _stop_after(minutes, clock))
    trainer.train()
    return find_run(folder, recipe)


def find_run(folder: Path, recipe: Recipe) -> TrainingRun:
    """Return how far the run in a folder has come."""
    last, spent = folder / "weights" / "last.pt", folder / SPENT_FILE
    epochs_done = _load(last)["epoch"] + 1 if last.is_file() else 0
    minutes = float(json.loads(spent.read_text(encoding="utf-8"))) if spent.is_file() else 0.0
    return TrainingRun(last, epochs_done, minutes, epochs_done == recipe.epochs)


def _claim(folder: Path, recipe: Recipe) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "recipe.json"
    if file.is_file() and json.loads(file.read_text(encoding="utf-8")) != asdict(recipe):
        message = (
            f"Im Ordner {folder} liegt schon ein Lauf mit anderen Einstellungen. "
            "Bitte wählen Sie mit --out einen anderen Ordner."
        )
        raise OtherRecipe(message)
    file.write_text(json.dumps(asdict(recipe)), encoding="utf-8")


def _load(checkpoint: Path) -> dict[str, Any]:
    # The library stores whole objects; only files of our own scratch folder are ever opened.
    return torch.load(checkpoint, map_location="cpu", weights_only=False)


def load_averaged(checkpoint: Path) -> DetectionModel:
    """Return the averaged float32 weights of a checkpoint that this package has written."""
    stored = _load(checkpoint)
    return (stored["ema"] or stored["model"]).float().eval()


class _Clock:
    """Minutes spent on a run, over all its interrupted processes."""

    def __init__(self, file: Path, device: str) -> None:
        self._file = file
        self._now = time.process_time if device == "cpu" else time.monotonic
        self._started = self._now()
        self._earlier = float(json.loads(file.read_text())) if file.is_file() else 0.0

    def minutes(self) -> float:
        return self._earlier + (self._now() - self._started) / 60

    def save(self) -> None:
        self._file.write_text(json.dumps(self.minutes()), encoding="utf-8")


def _stop_after(minutes: float, clock: _Clock) -> Callable[[DetectionTrainer], None]:
    def check(trainer: DetectionTrainer) -> None:
        clock.save()
        if clock.minutes() >= minutes:
            trainer.stop = True
        losses = " ".join(f"{name}={float(value):.3f}" for name, value in trainer.tloss.items())
        print(
            f"epoch {trainer.epoch + 1}/{trainer.epochs} {clock.minutes():.1f} min {losses}",
            flush=True,
        )

    return check


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
        "project": str(folder.parent),
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
