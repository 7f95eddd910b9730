"""Train the line recogniser by spent minutes and resumably, as `timed_run` says."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from model_server.training.fraktur.batches import Batch, Training, draw_batch, plan_epoch
from model_server.training.semantic_optimiser import build_optimisers
from model_server.training.timed_run import (
    Progress,
    TimedRun,
    descend,
    has_bfloat16,
    rate_at,
)

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


Measure = Callable[[nn.Module], float]


def train(
    network: nn.Module,
    data: Training,
    settings: Settings,
    minutes: float,
    folder: Path,
    measure: Measure,
    device: str = "cpu",
) -> Progress:
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
    state = Progress(network, averaged, optimisers)
    run = TimedRun(settings, minutes, folder, SAVE_EVERY, device)
    run.resume(state)
    torch.manual_seed(settings.seed + state.steps)
    with run.saved_at_the_end(state):
        _spend(run, state, data, settings, measure)
    return state


def _spend(
    run: TimedRun, state: Progress, data: Training, settings: Settings, measure: Measure
) -> None:
    now = run.clock
    measured = state.minutes
    losses: list[float] = []
    for batch in _endless(data, settings, state.steps):
        if state.minutes >= run.minutes:
            break
        start = now()
        losses.append(_step(state, batch(), rate_at(state.minutes, run.minutes), run.device))
        run.book(state, (now() - start) / 60)
        if state.steps % REPORT_EVERY == 0:
            told = f"{state.minutes:.2f} min, step {state.steps}, loss {np.mean(losses):.4f}"
            print(told, flush=True)
            losses.clear()
        if state.minutes - measured >= MEASURE_EVERY:
            _write_curve(state, settings, run.folder, measure)
            measured = state.minutes
    _write_curve(state, settings, run.folder, measure)


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


def _step(state: Progress, batch: Batch, rate: float, device: str) -> float:
    pictures = torch.from_numpy(batch.pictures).to(device, memory_format=torch.channels_last)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cpu" and has_bfloat16()):
        logits = state.network(pictures)
    return descend(state, ctc_loss(logits, batch.labels), rate)


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


def _write_curve(state: Progress, settings: Settings, folder: Path, measure: Measure) -> None:
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
