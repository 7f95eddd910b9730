"""Parts of the training command that come before the report, and where their results lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model_server.training.fraktur.alphabet import build_alphabet
from model_server.training.fraktur.anchors import read_anchors
from model_server.training.fraktur.batches import load_training
from model_server.training.fraktur.language import CharacterModel, Search, search_text
from model_server.training.fraktur.lines import Lines, Split
from model_server.training.fraktur.loop import Settings, train
from model_server.training.fraktur.network import SHAPES, LineNetwork
from model_server.training.fraktur.reading import compute_logs, read_lines_with
from model_server.training.fraktur.rendered import render_lines
from model_server.training.fraktur.scoring import count_errors
from model_server.training.timed_run import LAST

RESULT_FILE = "result.json"
AVERAGED_FILE = "averaged.pt"
"""Weights and alphabet of a finished training; its checkpoints may already be further."""
COMPARED: tuple[Split, ...] = ("development", "test", "transfer")
WEIGHTS = (0.2, 0.4, 0.6)
BONUSES = (0.0, 0.6, 1.2)


class PartMissing(ValueError):
    """A part needs the result of another one."""


@dataclass(frozen=True)
class Experiment:
    """What the command was told.

    Attributes:
        data: Folder of the data sets.
        folder: For parts and model.
        minutes: CPU minutes of the training.
        device: "cpu" or "cuda".
        seed: Of all chances.
        batch: Lines per step.
        shape: Name of the network's shape.
        rendered: Number of lines set in a free font to train with as well.
        version: Of the model.
        command: That repeats the run.
    """

    data: Path
    folder: Path
    minutes: float
    device: str
    seed: int
    batch: int
    shape: str
    rendered: int
    version: str
    command: str

    @property
    def training_folder(self) -> Path:
        """Return the folder of the checkpoints."""
        return self.folder / "parts" / f"{self.shape}{self.seed}"

    def anchor_file(self, split: Split) -> Path:
        """Return the file of what other engines read in a split."""
        return self.folder / "parts" / f"anchors_{split}.json"


@dataclass(frozen=True)
class Trained:
    """A finished training: network ready to measure, its symbols, what was told about it."""

    network: nn.Module
    alphabet: list[str]
    result: dict[str, Any]


def run_training(experiment: Experiment, lines: Lines) -> None:
    """Train or go on training, until the minutes are spent."""
    chosen = lines.splits["train"]
    alphabet = build_alphabet(line.text for line in chosen)
    rendered = render_lines(experiment.rendered, experiment.seed)
    data = load_training(lines, chosen, alphabet, rendered)
    network = LineNetwork(SHAPES[experiment.shape], len(alphabet))
    settings = Settings(experiment.shape, experiment.seed, experiment.batch, len(data.images))
    print(f"{settings}, {len(alphabet)} symbols, {data.works} works", flush=True)
    folder = experiment.training_folder

    def measure(averaged: nn.Module) -> float:
        return _development_error(averaged, lines, alphabet)

    state = train(network, data, settings, experiment.minutes, folder, measure, experiment.device)
    torch.save(
        {"weights": state.averaged.state_dict(), "alphabet": alphabet}, folder / AVERAGED_FILE
    )
    result = {
        "settings": asdict(settings),
        "parameters": sum(one.numel() for one in network.parameters()),
        "symbols": len(alphabet),
        "works": data.works,
        "rendered": experiment.rendered,
        "minutes": round(state.minutes, 2),
        "all_minutes": round(state.all_minutes, 2),
        "steps": state.steps,
        "rounds": round(state.steps * settings.batch / settings.lines, 1),
    }
    _write(folder / RESULT_FILE, result)


def _development_error(network: nn.Module, lines: Lines, alphabet: Sequence[str]) -> float:
    development = lines.splits["development"]
    found = read_lines_with(network, lines, development, alphabet)
    return count_errors(development, [line.text for line in found]).character_error_rate


def load_trained(experiment: Experiment) -> Trained:
    """Return the averaged weights of a finished training.

    Raises:
        PartMissing: There is no finished training.
    """
    folder = experiment.training_folder
    if not (folder / AVERAGED_FILE).is_file():
        state = "ist noch nicht fertig" if (folder / LAST).is_file() else "fehlt noch"
        message = f"Das Training {state}. Bitte rufen Sie zuerst den Teil train auf."
        raise PartMissing(message)
    stored = torch.load(folder / AVERAGED_FILE, map_location="cpu", weights_only=True)
    network = LineNetwork(SHAPES[experiment.shape], len(stored["alphabet"]))
    network.load_state_dict(stored["weights"])
    result = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    return Trained(network.eval(), stored["alphabet"], result)


def run_anchors(experiment: Experiment, lines: Lines) -> None:
    """Let the other engines read the lines of the works that are never trained on."""
    for split in COMPARED:
        read_anchors(lines, lines.splits[split], experiment.anchor_file(split))


def run_search(experiment: Experiment, lines: Lines) -> None:
    """Look for the settings of the search with a character model, on development works only."""
    trained = load_trained(experiment)
    model = CharacterModel(line.text for line in lines.splits["train"])
    development = lines.splits["development"]
    logs = compute_logs(trained.network, lines, development)
    rows = []
    for weight in WEIGHTS:
        for bonus in BONUSES:
            search = Search(weight, bonus)
            found = [search_text(one, trained.alphabet, model, search) for one in logs]
            rate = count_errors(development, found).character_error_rate
            rows.append({"weight": weight, "bonus": bonus, "character_error_rate": rate})
            print(json.dumps(rows[-1]), flush=True)
    greedy = _development_error(trained.network, lines, trained.alphabet)
    best = min(rows, key=lambda row: row["character_error_rate"])
    _write(
        search_file(experiment),
        {"greedy": greedy, "tried": rows, "best": best, "steps": trained.result["steps"]},
    )


def search_file(experiment: Experiment) -> Path:
    """Return the file with what the part `search` found."""
    return experiment.training_folder / "search.json"


def _write(file: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8")
