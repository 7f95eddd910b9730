"""What the training runs share: claim a folder, count minutes, find and read checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from ultralytics.models.yolo.detect import DetectionTrainer

SPENT_FILE = "spent.json"
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


class UnknownPart(ValueError):
    """A part was asked for that the experiment does not have."""


class AnyRecipe(Protocol):
    """A frozen dataclass that says how many epochs a run has."""

    @property
    def epochs(self) -> int:
        """Number of epochs."""


class WithoutValidation(DetectionTrainer):
    """The library's trainer without validation: the last averaged weights are the result."""

    start_model: nn.Module | None = None

    def get_model(
        self,
        cfg: str | dict[str, Any] | None = None,
        weights: nn.Module | None = None,
        verbose: bool = True,
    ) -> nn.Module:
        """Return a fresh model, with the start weights unless a checkpoint is continued."""
        model = super().get_model(cfg=cfg, weights=weights, verbose=verbose)
        if self.start_model is not None and weights is None:
            model.load_state_dict(self.start_model.state_dict())
        return model

    def validate(self) -> tuple[dict[str, float], float]:
        """Skip the library's validation."""
        # Held-out tiles must not choose the epoch, so each epoch counts as the best so far.
        return {}, float(self.epoch + 1)

    def save_model(self) -> bool:
        """Write the checkpoint beside the last one, then put it in its place: a kill harms none."""
        last, self.last = self.last, self.wdir / "writing.pt"
        self.best = self.last  # the same weights, not stored twice
        try:
            saved = super().save_model()
            self.last.replace(last)
        finally:
            self.last = last
        return saved

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

    def stands(self, minutes: float) -> bool:
        """Say whether nothing is left to do within a limit of minutes."""
        return self.complete or (self.epochs_done > 0 and self.minutes >= minutes)


def find_run(folder: Path, recipe: AnyRecipe) -> TrainingRun:
    """Return how far the run in a folder has come."""
    last, spent = folder / "weights" / "last.pt", folder / SPENT_FILE
    epochs_done = _load(last)["epoch"] + 1 if last.is_file() else 0
    minutes = float(json.loads(spent.read_text(encoding="utf-8"))) if spent.is_file() else 0.0
    return TrainingRun(last, epochs_done, minutes, epochs_done == recipe.epochs)


def choose_parts(every: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Return the parts to run, all of them by default.

    Args:
        every: All parts of an experiment.
        wanted: Some of them, in the order in which they shall run.

    Raises:
        UnknownPart: A part is unknown.
    """
    chosen = list(every) if wanted is None else list(wanted)
    unknown = set(chosen) - set(every)
    if unknown:
        message = f"Unbekannte Teile: {', '.join(sorted(unknown))}. Es gibt: {', '.join(every)}."
        raise UnknownPart(message)
    return chosen


def claim(folder: Path, recipe: AnyRecipe) -> None:
    """Mark a folder as the place of a recipe's run.

    Args:
        folder: Scratch folder of the run.
        recipe: A frozen dataclass.

    Raises:
        OtherRecipe: The folder holds a run of another recipe.
    """
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


def load_averaged(checkpoint: Path) -> nn.Module:
    """Return the averaged float32 weights of a checkpoint that this package has written."""
    stored = _load(checkpoint)
    return (stored["ema"] or stored["model"]).float().eval()


class Clock:
    """Minutes spent on a run, over all its interrupted processes."""

    def __init__(self, file: Path, device: str) -> None:
        self._file = file
        self._now = time.process_time if device == "cpu" else time.monotonic
        self._started = self._now()
        self._earlier = float(json.loads(file.read_text())) if file.is_file() else 0.0

    def minutes(self) -> float:
        """Return the minutes so far."""
        return self._earlier + (self._now() - self._started) / 60

    def save(self) -> None:
        """Keep the minutes for the next process."""
        self._file.write_text(json.dumps(self.minutes()), encoding="utf-8")


def stop_after(minutes: float, clock: Clock) -> Callable[[DetectionTrainer], None]:
    """Return a callback for each epoch's end that reports and stops at a limit."""

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
