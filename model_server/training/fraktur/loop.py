"""Train the line recogniser by spent minutes and resumably, as `training.semantic_loop` does."""

from __future__ import annotations

import copy
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from model_server.training.fraktur.batches import Batch, Training, draw_batch, plan_epoch
from model_server.training.semantic_loop import (
    COOLING,
    LAST,
    LONGEST_GRADIENT,
    STABLE,
    STOPPED,
    OtherSettings,
    average,
    has_bfloat16,
    rate_at,
)
from model_server.training.semantic_optimiser import build_optimisers

SAVE_EVERY = 1.0
MEASURE_EVERY = 5.0
REPORT_EVERY = 50
CURVE = "curve.jsonl"
"""One JSON object per measurement: CPU minutes, steps, rounds, error rate on development works."""


@dataclass(frozen=True)
class Settings:
    """What decides a run beside its minutes.

    Attributes:
        shape: Name of the network's shape.
        seed: Of all chances.
        batch: Lines per step.
        lines: Number of training lines.
    """

    shape: str
    seed: int
    batch: int
    lines: int


@dataclass
class State:
    """All that a run needs to go on; minutes are CPU minutes (on CUDA: minutes) of all steps."""

    network: nn.Module
    averaged: nn.Module
    optimisers: list[torch.optim.Optimizer]
    minutes: float = 0.0
    all_minutes: float = 0.0
    steps: int = 0
    cooled: bool = False
    stopping: bool = False


Measure = Callable[[nn.Module], float]


def train(
    network: nn.Module,
    data: Training,
    settings: Settings,
    minutes: float,
    folder: Path,
    measure: Measure,
    device: str = "cpu",
) -> State:
    """Train until the minutes are spent; a folder with an unfinished run is continued.

    Args:
        network: With random weights.
        data: Training lines.
        settings: See `Settings`.
        minutes: CPU minutes (on CUDA: minutes) of the whole run, over all its processes.
        folder: For the checkpoints.
        measure: Returns the error rate of averaged weights on development works, for the curve.
        device: "cpu" or "cuda".

    Raises:
        OtherSettings: The folder holds a run of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    network = network.to(device, memory_format=torch.channels_last).train()
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    optimisers = build_optimisers(network, len(data.alphabet))
    state = State(network, averaged, optimisers)
    _resume(state, settings, minutes, folder, device)
    with _saved_at_the_end(state, settings, minutes, folder):
        _spend(state, data, settings, minutes, folder, measure, device)
    return state


def _spend(
    state: State,
    data: Training,
    settings: Settings,
    minutes: float,
    folder: Path,
    measure: Measure,
    device: str,
) -> None:
    now = time.process_time if device == "cpu" else time.monotonic
    saved = measured = state.minutes
    losses: list[float] = []
    for batch in _endless(data, settings, state.steps):
        if state.minutes >= minutes:
            break
        start = now()
        losses.append(_step(state, batch(), rate_at(state.minutes, minutes), device))
        spent = (now() - start) / 60
        state.minutes += spent
        state.all_minutes += spent
        if state.minutes >= (1 - COOLING) * minutes and not state.cooled:
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
        if state.minutes - measured >= MEASURE_EVERY:
            _write_curve(state, settings, folder, measure)
            measured = state.minutes
    _write_curve(state, settings, folder, measure)


def _endless(data: Training, settings: Settings, steps: int) -> Iterator[Callable[[], Batch]]:
    """Yield what draws the next batch, from a step on; every step has its own chances."""
    widths = [image.shape[1] for image in data.images]
    rounds = len(plan_epoch(widths, settings.batch, settings.seed, 0))
    epoch, skipped = divmod(steps, rounds)
    while True:
        plan = plan_epoch(widths, settings.batch, settings.seed, epoch)
        for index, chosen in enumerate(plan[skipped:], start=epoch * rounds + skipped):
            random = np.random.default_rng([settings.seed, 1, index])
            yield lambda chosen=chosen, random=random: draw_batch(data, chosen, random)
        epoch, skipped = epoch + 1, 0


def _step(state: State, batch: Batch, rate: float, device: str) -> float:
    pictures = torch.from_numpy(batch.pictures).to(device, memory_format=torch.channels_last)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cpu" and has_bfloat16()):
        logits = state.network(pictures)
    loss = ctc_loss(logits, batch.labels)
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


def ctc_loss(logits: torch.Tensor, labels: list[list[int]]) -> torch.Tensor:
    """Return the mean loss per character of connectionist temporal classification.

    A. Graves et al. 2006, doi:10.1145/1143844.1143891. A line whose text is too long for its
    columns counts nothing.

    Args:
        logits: (columns, lines, classes).
        labels: Classes of each text.
    """
    columns, lines, _ = logits.shape
    return functional.ctc_loss(
        logits.float().log_softmax(dim=2),
        torch.tensor(list(chain.from_iterable(labels)), device=logits.device),
        torch.full((lines,), columns),
        torch.tensor([len(label) for label in labels]),
        zero_infinity=True,
    )


def _write_curve(state: State, settings: Settings, folder: Path, measure: Measure) -> None:
    row = {
        "cpu_minutes": round(state.minutes, 2),
        "all_minutes": round(state.all_minutes, 2),
        "steps": state.steps,
        "rounds": round(state.steps * settings.batch / settings.lines, 2),
        "cooling": state.cooled,
        "character_error_rate": round(measure(state.averaged), 5),
    }
    print(json.dumps(row), flush=True)
    with (folder / CURVE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _save(state: State, settings: Settings, minutes: float, file: Path) -> None:
    content = {
        "settings": asdict(settings),
        "limit": minutes,
        "network": state.network.state_dict(),
        "averaged": state.averaged.state_dict(),
        "optimisers": [one.state_dict() for one in state.optimisers],
        "minutes": state.minutes,
        "all_minutes": state.all_minutes,
        "steps": state.steps,
        "cooled": state.cooled,
    }
    part = file.with_suffix(".part")
    torch.save(content, part)
    part.replace(file)


def _resume(state: State, settings: Settings, minutes: float, folder: Path, device: str) -> None:
    if not (folder / LAST).is_file():
        return
    stored = load_checkpoint(folder / LAST, device)
    all_minutes = stored["all_minutes"]
    if stored["settings"] != asdict(settings):
        message = (
            f"Im Ordner {folder} liegt schon ein Lauf mit anderen Einstellungen. "
            "Bitte wählen Sie mit --out einen anderen Ordner."
        )
        raise OtherSettings(message)
    if minutes > stored["limit"] and stored["cooled"]:
        stored = load_checkpoint(folder / STABLE, device)
    state.network.load_state_dict(stored["network"])
    state.averaged.load_state_dict(stored["averaged"])
    for optimiser, content in zip(state.optimisers, stored["optimisers"], strict=True):
        optimiser.load_state_dict(content)
    state.minutes, state.all_minutes = stored["minutes"], all_minutes
    state.steps, state.cooled = stored["steps"], stored["cooled"]
    torch.manual_seed(settings.seed + state.steps)


def load_checkpoint(file: Path, device: str = "cpu") -> dict[str, Any]:
    """Return the content of a checkpoint; only files of our own scratch folder are ever opened."""
    return torch.load(file, map_location=device, weights_only=True)


@contextmanager
def _saved_at_the_end(
    state: State, settings: Settings, minutes: float, folder: Path
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
