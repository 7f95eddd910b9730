"""One training run of a network with masks: short epochs, resumable, no choice by test score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader
from ultralytics.models.yolo.segment import SegmentationTrainer
from ultralytics.nn.tasks import SegmentationModel

from model_server.training.detector import AUGMENTATION, RECALIBRATION_IMAGES
from model_server.training.rotation import Rotation, TurnLoader
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
    build_start_model,
    find_source,
    recalibrate,
    to_batches,
)

CLASSES = ("pv", "solar_thermal", "pv_ground")
OTHER_ARCHITECTURE = "yolo26n-seg.yaml"
FROZEN_LAYERS = 10
ALWAYS_FROZEN = ".dfl"
POOLS_FILE = "pools.json"


@dataclass(frozen=True)
class MaskRecipe:
    """Everything that decides what comes out of a training run, except the tiles.

    Attributes:
        architecture: File name of the network's description.
        start: "layout" for the weights of `start_weights`, "random" for none, "rendered" for a
            network that was trained on rendered scenes.
        epochs: Number of epochs.
        tiles_per_epoch: Tiles that an epoch shows, the same number from each pool.
        image_size_px: Side of the square the network sees.
        batch: Images per step.
        learning_rate: Peak of the cosine schedule (AdamW).
        frozen_share: Share of the epochs, from the first, in which the first layers stand still.
        seed: Seed of everything random.
    """

    architecture: str
    start: str
    epochs: int
    tiles_per_epoch: int
    image_size_px: int
    batch: int
    learning_rate: float
    frozen_share: float
    seed: int


class HalvedModel(SegmentationModel):
    """The library's network; learns on a CPU in bfloat16, nearly twice as fast, loss in float32."""

    def predict(self, x: torch.Tensor, *arguments: Any, **rest: Any) -> Any:  # noqa: ANN401
        """Return what the library's network returns."""
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=self.training and x.device.type == "cpu"
        ):
            outputs = super().predict(x, *arguments, **rest)
        return _to_float(outputs) if self.training else outputs


def _to_float(outputs: Any) -> Any:  # noqa: ANN401 - nested as the library likes it
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    if isinstance(outputs, dict):
        return {name: _to_float(value) for name, value in outputs.items()}
    return type(outputs)(_to_float(value) for value in outputs)


class _Trainer(WithoutValidation, SegmentationTrainer):
    """The library's trainer with short epochs and layers that stand still at first."""

    def __init__(self, recipe: MaskRecipe, pools: Sequence[Sequence[Path]], **rest: Any) -> None:  # noqa: ANN401
        self._recipe, self._image_pools = recipe, pools
        self._rotation: Rotation | None = None
        super().__init__(**rest)
        self.add_callback("on_train_epoch_start", _Trainer.begin_epoch)

    def get_model(
        self,
        cfg: str | dict[str, Any] | None = None,
        weights: nn.Module | None = None,
        verbose: bool = True,
    ) -> nn.Module:
        """Return a network that computes in bfloat16 while it learns on a CPU."""
        model = super().get_model(cfg=cfg, weights=weights, verbose=verbose)
        model.__class__ = HalvedModel
        return model

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> DataLoader:
        """Return the rotating loader; the library's own for what it never uses."""
        if mode != "train":
            return super().get_dataloader(dataset_path, batch_size, rank, mode)
        dataset = self.build_dataset(dataset_path, mode, batch_size)
        places = {Path(file): place for place, file in enumerate(dataset.im_files)}
        pools = [[places[image.resolve()] for image in pool] for pool in self._image_pools]
        self._rotation = Rotation(pools, self._recipe.tiles_per_epoch, self._recipe.seed)
        return TurnLoader(
            dataset, batch_size, sampler=self._rotation, collate_fn=dataset.collate_fn
        )

    def begin_epoch(self) -> None:
        """Turn to the next tiles; let the first layers stand still or go."""
        self._rotation.turn = self.epoch
        frozen = self.epoch < self._recipe.frozen_share * self._recipe.epochs
        names = [f"model.{layer}." for layer in range(FROZEN_LAYERS)] if frozen else []
        self.freeze_layer_names = [*names, ALWAYS_FROZEN]
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad = not any(part in name for part in self.freeze_layer_names)


def train(
    pools: Sequence[Sequence[Path]],
    folder: Path,
    recipe: MaskRecipe,
    minutes: float,
    device: str,
    threads: int,
    start: Callable[[], nn.Module] | None = None,
) -> TrainingRun:
    """Train on tiles, or go on where an earlier call with the same folder stopped.

    Args:
        pools: Images of each pool; their outlines lie in `labels` beside `images`. A call that goes
            on may bring more of them.
        folder: Scratch folder of this run.
        recipe: Network, schedule and start.
        minutes: CPU minutes (on CUDA: minutes) after which the run stops at an epoch's end.
        device: "cpu" or "cuda".
        threads: CPU threads.
        start: Gives the network to start from; None for a random start.

    Raises:
        OtherRecipe: The folder holds a run of another recipe.
    """
    claim(folder, recipe)
    earlier = find_run(folder, recipe)
    if earlier.stands(minutes):
        return earlier
    data = _describe(pools, folder)
    _note_pools(pools, folder, earlier.epochs_done)
    clock = Clock(folder / SPENT_FILE, device)
    last = earlier.checkpoint
    overrides = _arguments(recipe, data, folder, device, last)
    trainer = _Trainer(recipe, pools, overrides=overrides)
    if start is not None and not last.is_file():
        torch.manual_seed(recipe.seed)
        trainer.start_model = start()
    trainer.add_callback("on_pretrain_routine_end", lambda _trainer: torch.set_num_threads(threads))
    trainer.add_callback("on_fit_epoch_end", stop_after(minutes, clock))
    trainer.train()
    return find_run(folder, recipe)


def start_from_layout(images: Sequence[Path], size_px: int) -> nn.Module:
    """Return a network with the start weights, its normalisation fitted to some of the images."""
    network = build_start_model(find_source(), len(CLASSES), masks=True)
    step = max(1, len(images) // RECALIBRATION_IMAGES)
    chosen = [_square(image, size_px) for image in images[::step][:RECALIBRATION_IMAGES]]
    recalibrate(network, to_batches(chosen))
    return network


def _square(image: Path, size_px: int) -> NDArray[np.uint8]:
    pixels = cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_AREA))


def _describe(pools: Sequence[Sequence[Path]], folder: Path) -> Path:
    """Write the library's description of the data set and return it."""
    every = sorted({str(image.resolve()) for pool in pools for image in pool})
    (folder / "train.txt").write_text("\n".join(every) + "\n", encoding="utf-8")
    (folder / "val.txt").write_text("\n".join(every[:4]) + "\n", encoding="utf-8")
    names = "".join(f"  {code}: {name}\n" for code, name in enumerate(CLASSES))
    # The library looks for a relative path below the working directory, hence the absolute one.
    text = f"path: {folder.resolve()}\ntrain: train.txt\nval: val.txt\nnames:\n{names}"
    description = folder / "data.yaml"
    description.write_text(text, encoding="utf-8")
    return description


def _note_pools(pools: Sequence[Sequence[Path]], folder: Path, epoch: int) -> None:
    """Keep from which epoch on which tiles were there: folder of the images and their number."""
    file = folder / POOLS_FILE
    noted = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    counts: dict[str, int] = {}
    for image in (image for pool in pools for image in pool):
        name = image.parent.parent.name
        counts[name] = counts.get(name, 0) + 1
    noted = [entry for entry in noted if entry["from_epoch"] < epoch]
    if not noted or noted[-1]["tiles"] != counts:
        noted.append({"from_epoch": epoch, "tiles": counts})
    file.write_text(json.dumps(noted), encoding="utf-8")


def _arguments(
    recipe: MaskRecipe, data: Path, folder: Path, device: str, last: Path
) -> dict[str, object]:
    return {
        **AUGMENTATION,
        **SCHEDULE,
        **QUIET,
        "model": str(last) if last.is_file() else recipe.architecture,
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
        "close_mosaic": max(1, recipe.epochs // 3),
    }
