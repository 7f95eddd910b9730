"""Train a network that names the class of every pixel, by spent minutes (`timed_run`)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from model_server.training.landcover_data import KEYS, NO_DATA, Packed, disturb
from model_server.training.semantic_optimiser import build_optimisers
from model_server.training.timed_run import (
    Progress,
    TimedRun,
    descend,
    has_bfloat16,
    rate_at,
)

SAVE_EVERY = 3.0
DICE_WEIGHT = 0.5
REPORT_EVERY = 50


@dataclass(frozen=True)
class Settings:
    """What decides a run beside its minutes.

    Attributes:
        arm: Name of the network.
        seed: Of all chances.
        batch: Squares per step.
        side_px: Side of the squares.
    """

    arm: str
    seed: int
    batch: int
    side_px: int


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        network: Averaged weights, ready to measure.
        minutes: CPU minutes of the steps that lead to these weights (on CUDA: minutes).
        all_minutes: The same with every step that an earlier, shorter run had cooled down with.
        steps: Number of those steps.
        drawn_shares: Share of each class in the drawn pixels.
        data: Folders of scenes that were drawn from, over all processes.
    """

    network: nn.Module
    minutes: float
    all_minutes: float
    steps: int
    drawn_shares: list[float]
    data: list[str]


@dataclass
class _State(Progress):
    """What a run needs beside its networks.

    Attributes:
        random: Draws scenes and disturbs them.
        drawn: Drawn pixels by code.
        data: Names of the shards that were drawn from, over all processes.
    """

    random: np.random.Generator = field(kw_only=True)
    drawn: np.ndarray = field(default_factory=lambda: np.zeros(NO_DATA + 1, dtype=np.int64))
    data: list[str] = field(default_factory=list)

    def more(self) -> dict[str, Any]:
        """Return the state of the chances and what was drawn."""
        return {
            "random": self.random.bit_generator.state,
            "drawn": self.drawn.tolist(),
            "data": self.data,
        }

    def take(self, stored: dict[str, Any]) -> None:
        """Go on with what `more` had returned."""
        self.random.bit_generator.state = stored["random"]
        self.drawn = np.array(stored["drawn"], dtype=np.int64)
        self.data = stored["data"]


def train(
    network: nn.Module,
    data: Packed,
    settings: Settings,
    minutes: float,
    folder: Path,
    device: str = "cpu",
) -> Run:
    """Train until the minutes are spent; a folder with an unfinished run is continued.

    Args:
        network: Network with start weights; used where the folder holds no run yet.
        data: Training scenes.
        settings: See `Settings`.
        minutes: CPU minutes (on CUDA: minutes) of the whole run, over all its processes.
        folder: For the checkpoints.
        device: "cpu" or "cuda".

    Raises:
        OtherSettings: The folder holds a run of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = _begin(network, settings, device)
    run = TimedRun(settings, minutes, folder, SAVE_EVERY, device)
    run.resume(state)
    state.data = sorted({*state.data, *(file.parent.name for file in data.files)})
    with run.saved_at_the_end(state):
        _spend(run, state, data, settings)
    return Run(
        network=state.averaged.eval(),
        minutes=state.minutes,
        all_minutes=state.all_minutes,
        steps=state.steps,
        drawn_shares=_shares(state.drawn),
        data=state.data,
    )


def _shares(drawn: np.ndarray) -> list[float]:
    known = drawn[: len(KEYS)]
    return (known / max(1, known.sum())).tolist()


def _begin(network: nn.Module, settings: Settings, device: str) -> _State:
    torch.manual_seed(settings.seed)
    network = network.to(device, memory_format=torch.channels_last).train()
    return _State(
        network=network,
        averaged=_frozen_copy(network),
        optimisers=build_optimisers(network, len(KEYS)),
        random=np.random.default_rng(settings.seed),
    )


def _frozen_copy(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).eval().requires_grad_(False)


def _spend(run: TimedRun, state: _State, data: Packed, settings: Settings) -> None:
    now = run.clock
    last = now()
    losses: list[float] = []
    while state.minutes < run.minutes:
        rate = rate_at(state.minutes, run.minutes)
        losses.append(_step(state, data, settings, rate, run.device))
        spent, last = (now() - last) / 60, now()
        run.book(state, spent)
        if state.steps % REPORT_EVERY == 0:
            told = f"{state.minutes:.2f} min, step {state.steps}, loss {np.mean(losses):.4f}"
            print(told, flush=True)
            losses.clear()


def _step(state: _State, data: Packed, settings: Settings, rate: float, device: str) -> float:
    squares = disturb(data.draw(state.random, settings.batch, settings.side_px), state.random)
    state.drawn += np.bincount(squares.codes.ravel(), minlength=NO_DATA + 1)
    images = to_input(squares.images).to(device)
    codes = torch.from_numpy(squares.codes).long().to(device)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cpu" and has_bfloat16()):
        logits, _features = state.network(images)
    return descend(state, pixel_loss(logits.float(), codes), rate)


def to_input(images: np.ndarray) -> torch.Tensor:
    """Return images (n, h, w, 3) as a tensor (n, 3, h, w), 0-1, in the layout that runs fastest."""
    values = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    return values.contiguous(memory_format=torch.channels_last)


def pixel_loss(logits: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Return cross-entropy over the pixels plus a share of the Dice loss over the classes.

    Every pixel of a cell counts with its own class, so that a cell's probabilities become the
    shares of the classes in it.

    Args:
        logits: (n, classes, h / s, w / s).
        codes: (n, h, w), 255 = does not count.
    """
    count, _, rows, columns = logits.shape
    step = codes.shape[1] // rows
    cells = codes.view(count, rows, step, columns, step).permute(0, 2, 4, 1, 3)
    cells = cells.reshape(count, step * step, rows, columns)
    valid = cells != NO_DATA
    picked = torch.where(valid, cells, 0)
    logs = functional.log_softmax(logits, dim=1)
    total = valid.sum().clamp_min(1)
    entropy = -(logs.gather(1, picked) * valid).sum() / total
    shares = torch.zeros_like(logs).scatter_add_(1, picked, valid.to(logs.dtype)) / step**2
    found = logs.exp() * valid.any(dim=1, keepdim=True)
    both = (found * shares).sum(dim=(0, 2, 3))
    sizes = found.square().sum(dim=(0, 2, 3)) + shares.square().sum(dim=(0, 2, 3))
    present = shares.sum(dim=(0, 2, 3)) > 0
    dice = 1 - (2 * both[present] + 1) / (sizes[present] + 1)
    return entropy + DICE_WEIGHT * dice.mean() if len(dice) else entropy
