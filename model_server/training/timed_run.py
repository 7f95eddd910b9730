"""Trainings that are limited by spent minutes and go on after a kill.

The rate of learning rises for `WARM_UP` minutes, stays, and falls in the last `COOLING` of the
minutes (A. Haegele et al. 2024, doi:10.48550/arXiv.2405.18392). What was reached before it falls is
kept, so that the same command with more minutes goes on from there.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WARM_UP = 0.5
COOLING = 0.25
AVERAGING = 0.998
LONGEST_GRADIENT = 5.0
LAST, STABLE = "last.pt", "stable.pt"
STOPPED = 128 + signal.SIGTERM
"""Exit code after a polite end."""


class OtherSettings(ValueError):
    """A folder holds the run of other settings."""


@dataclass
class Progress:
    """All that a run needs to go on; minutes are CPU minutes (on CUDA: minutes) of all steps."""

    network: nn.Module
    averaged: nn.Module
    optimisers: list[torch.optim.Optimizer]
    minutes: float = 0.0
    all_minutes: float = 0.0
    steps: int = 0
    cooled: bool = False
    stopping: bool = False

    def more(self) -> dict[str, Any]:
        """Return what a kind of training keeps beside this, plain data only."""
        return {}

    def take(self, stored: dict[str, Any]) -> None:
        """Go on with what `more` had returned.

        Args:
            stored: Content of a checkpoint.
        """


@dataclass(frozen=True)
class TimedRun:
    """A run with its limit and its folder.

    Attributes:
        settings: A frozen dataclass; what decides the run beside its minutes.
        minutes: CPU minutes (on CUDA: minutes) of the whole run, over all its processes.
        folder: For the checkpoints.
        save_every: Minutes between two checkpoints.
        device: "cpu" or "cuda".
    """

    settings: DataclassInstance
    minutes: float
    folder: Path
    save_every: float
    device: str = "cpu"

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that count: of the processor, on CUDA those of the clock."""
        return time.process_time if self.device == "cpu" else time.monotonic

    def resume(self, progress: Progress) -> None:
        """Go on where the folder's run ended; with more minutes from before its rate fell.

        Args:
            progress: Changed in place.

        Raises:
            OtherSettings: The folder holds a run of other settings.
        """
        if not (self.folder / LAST).is_file():
            return
        stored = load_checkpoint(self.folder / LAST, self.device)
        all_minutes = stored["all_minutes"]
        if stored["settings"] != asdict(self.settings):
            message = (
                f"Im Ordner {self.folder} liegt schon ein Lauf mit anderen Einstellungen. "
                "Bitte wählen Sie mit --out einen anderen Ordner."
            )
            raise OtherSettings(message)
        if self.minutes > stored["limit"] and stored["cooled"]:
            stored = load_checkpoint(self.folder / STABLE, self.device)
        progress.network.load_state_dict(stored["network"])
        progress.averaged.load_state_dict(stored["averaged"])
        for optimiser, content in zip(progress.optimisers, stored["optimisers"], strict=True):
            optimiser.load_state_dict(content)
        progress.minutes, progress.all_minutes = stored["minutes"], all_minutes
        progress.steps, progress.cooled = stored["steps"], stored["cooled"]
        progress.take(stored)

    def book(self, progress: Progress, spent_min: float) -> None:
        """Count the minutes of a step; keep what was reached before the rate falls.

        Args:
            progress: Changed in place.
            spent_min: Minutes of the step.

        Raises:
            SystemExit: The process was asked to end.
        """
        before = progress.minutes
        progress.minutes += spent_min
        progress.all_minutes += spent_min
        if progress.minutes >= (1 - COOLING) * self.minutes and not progress.cooled:
            self._save(progress, STABLE)
            progress.cooled = True
        if progress.minutes // self.save_every > before // self.save_every:
            self._save(progress, LAST)
        if progress.stopping:
            raise SystemExit(STOPPED)

    @contextmanager
    def saved_at_the_end(self, progress: Progress) -> Iterator[None]:
        """Keep what was reached when the run ends; a polite end of the process waits for its step.

        Args:
            progress: What is kept.
        """

        def stop(_number: int, _frame: object) -> None:
            progress.stopping = True

        earlier = signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            self._save(progress, LAST)
            signal.signal(signal.SIGTERM, earlier)

    def _save(self, progress: Progress, name: str) -> None:
        content = {
            "settings": asdict(self.settings),
            "limit": self.minutes,
            "network": progress.network.state_dict(),
            "averaged": progress.averaged.state_dict(),
            "optimisers": [one.state_dict() for one in progress.optimisers],
            "minutes": progress.minutes,
            "all_minutes": progress.all_minutes,
            "steps": progress.steps,
            "cooled": progress.cooled,
            **progress.more(),
        }
        part = (self.folder / name).with_suffix(".part")
        torch.save(content, part)
        part.replace(self.folder / name)


def load_checkpoint(file: Path, device: str = "cpu") -> dict[str, Any]:
    """Return the content of a checkpoint; only files of our own scratch folder are ever opened.

    Args:
        file: Written by a `TimedRun`.
        device: "cpu" or "cuda".
    """
    return torch.load(file, map_location=device, weights_only=True)


def rate_at(spent: float, minutes: float) -> float:
    """Return the share of the highest learning rate after some minutes, 0 to 1.

    Args:
        spent: Minutes so far.
        minutes: Minutes of the whole run.
    """
    left = (minutes - spent) / (COOLING * minutes)
    # The fall is fast at first: one minus the square root of the time that has passed.
    cooled = 1 - (1 - min(1.0, max(0.0, left))) ** 0.5
    return min(1.0, (spent + 0.02) / min(WARM_UP, 0.1 * minutes), cooled)


def descend(progress: Progress, loss: torch.Tensor, rate: float) -> float:
    """Take one step down the gradient of a loss.

    Args:
        progress: Changed in place.
        loss: A scalar.
        rate: Share of the highest learning rate, 0 to 1.

    Returns:
        The loss.
    """
    loss.backward()
    nn.utils.clip_grad_norm_(progress.network.parameters(), LONGEST_GRADIENT)
    for optimiser in progress.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rate
        optimiser.step()
        optimiser.zero_grad()
    progress.steps += 1
    average(progress.averaged, progress.network, progress.steps)
    return float(loss.detach())


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, steps: int) -> None:
    """Move the averaged weights towards those of a network.

    Young averages forget faster, so that the random start does not linger.

    Args:
        averaged: Changed in place.
        network: The network that is trained.
        steps: Steps so far.
    """
    keep = min(AVERAGING, (1 + steps) / (10 + steps))
    pairs = zip(averaged.state_dict().values(), network.state_dict().values(), strict=True)
    for mean, value in pairs:
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - keep)
        else:
            mean.copy_(value)


def has_bfloat16() -> bool:
    """Say whether this processor multiplies in bfloat16; 1.8 times as fast (measured)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
