"""Train a network that names the class of every pixel, by spent minutes and resumably.

The rate of learning rises for `WARM_UP` minutes, stays, and falls in the last `COOLING` of the
minutes (A. Haegele et al. 2024, doi:10.48550/arXiv.2405.18392). What was reached before it falls is
kept, so that the same command with more minutes goes on from there.
"""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from model_server.training.landcover_data import KEYS, NO_DATA, Packed, disturb
from model_server.training.semantic_optimiser import build_optimisers

WARM_UP = 0.5
COOLING = 0.25
SAVE_EVERY = 3.0
AVERAGING = 0.998
LONGEST_GRADIENT = 5.0
DICE_WEIGHT = 0.5
LAST, STABLE = "last.pt", "stable.pt"
REPORT_EVERY = 50
STOPPED = 128 + signal.SIGTERM
"""Exit code after a polite end."""


class OtherSettings(ValueError):
    """A folder holds the run of other settings."""


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
class _State:
    """All that a run needs to go on."""

    network: nn.Module
    averaged: nn.Module
    optimisers: list[torch.optim.Optimizer]
    random: np.random.Generator
    minutes: float = 0.0
    all_minutes: float = 0.0
    steps: int = 0
    drawn: np.ndarray | None = None
    data: list[str] | None = None
    cooled: bool = False
    stopping: bool = False


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
    _resume(state, settings, minutes, folder, device)
    shards = sorted({file.parent.name for file in data.files})
    state.data = sorted({*(state.data or []), *shards})
    if state.drawn is None:
        state.drawn = np.zeros(NO_DATA + 1, dtype=np.int64)
    with _saved_at_the_end(state, settings, minutes, folder):
        _spend(state, data, settings, minutes, folder, device)
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


def _spend(
    state: _State, data: Packed, settings: Settings, minutes: float, folder: Path, device: str
) -> None:
    now = time.process_time if device == "cpu" else time.monotonic
    cooling_from = (1 - COOLING) * minutes
    last, saved = now(), state.minutes
    losses: list[float] = []
    while state.minutes < minutes:
        losses.append(_step(state, data, settings, rate_at(state.minutes, minutes), device))
        spent, last = (now() - last) / 60, now()
        state.minutes += spent
        state.all_minutes += spent
        if state.minutes >= cooling_from and not state.cooled:
            _save(state, settings, minutes, folder / STABLE)
            state.cooled = True
        if state.minutes - saved >= SAVE_EVERY:
            _save(state, settings, minutes, folder / LAST)
            saved = state.minutes
        if state.stopping:
            raise SystemExit(STOPPED)
        if state.steps % REPORT_EVERY == 0:
            told = f"{state.minutes:.2f} min, step {state.steps}, loss {np.mean(losses):.4f}"
            print(told, flush=True)
            losses.clear()


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


def _step(state: _State, data: Packed, settings: Settings, rate: float, device: str) -> float:
    squares = disturb(data.draw(state.random, settings.batch, settings.side_px), state.random)
    state.drawn += np.bincount(squares.codes.ravel(), minlength=NO_DATA + 1)
    images = to_input(squares.images).to(device)
    codes = torch.from_numpy(squares.codes).long().to(device)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cpu" and has_bfloat16()):
        logits, _features = state.network(images)
    loss = pixel_loss(logits.float(), codes)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), LONGEST_GRADIENT)
    for optimiser in state.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rate
        optimiser.step()
        optimiser.zero_grad()
    state.steps += 1
    average(state.averaged, state.network, state.steps)
    return float(loss.detach())


def has_bfloat16() -> bool:
    """Say whether this processor multiplies in bfloat16; 1.8 times as fast (measured)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


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


def _save(state: _State, settings: Settings, minutes: float, file: Path) -> None:
    content = {
        "settings": asdict(settings),
        "limit": minutes,
        "network": state.network.state_dict(),
        "averaged": state.averaged.state_dict(),
        "optimisers": [one.state_dict() for one in state.optimisers],
        "random": state.random.bit_generator.state,
        "minutes": state.minutes,
        "all_minutes": state.all_minutes,
        "steps": state.steps,
        "drawn": state.drawn.tolist(),
        "data": state.data,
        "cooled": state.cooled,
    }
    part = file.with_suffix(".part")
    torch.save(content, part)
    part.replace(file)


def _resume(state: _State, settings: Settings, minutes: float, folder: Path, device: str) -> None:
    if not (folder / LAST).is_file():
        return
    stored = _load(folder / LAST, device)
    all_minutes = stored["all_minutes"]
    if stored["settings"] != asdict(settings):
        message = (
            f"Im Ordner {folder} liegt schon ein Lauf mit anderen Einstellungen. "
            "Bitte wählen Sie mit --out einen anderen Ordner."
        )
        raise OtherSettings(message)
    if minutes > stored["limit"] and stored["cooled"]:
        stored = _load(folder / STABLE, device)
    state.network.load_state_dict(stored["network"])
    state.averaged.load_state_dict(stored["averaged"])
    for optimiser, content in zip(state.optimisers, stored["optimisers"], strict=True):
        optimiser.load_state_dict(content)
    state.random.bit_generator.state = stored["random"]
    state.minutes, state.all_minutes = stored["minutes"], all_minutes
    state.steps, state.data = stored["steps"], stored["data"]
    state.cooled = stored["cooled"]
    state.drawn = np.array(stored["drawn"], dtype=np.int64)


def _load(file: Path, device: str) -> dict[str, Any]:
    # Only files of our own scratch folder are ever opened.
    return torch.load(file, map_location=device, weights_only=True)


@contextmanager
def _saved_at_the_end(
    state: _State, settings: Settings, minutes: float, folder: Path
) -> Iterator[None]:
    """Keep what was reached when the run ends; a polite end of the process waits for its step."""

    def stop(_number: int, _frame: object) -> None:
        state.stopping = True

    earlier = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        _save(state, settings, minutes, folder / LAST)
        signal.signal(signal.SIGTERM, earlier)
