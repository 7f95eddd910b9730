"""Run the parts of the training command in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model_server.training.fraktur.experiment import (
    Experiment,
    run_anchors,
    run_search,
    run_training,
)
from model_server.training.fraktur.labels import run_labels
from model_server.training.fraktur.lines import Lines, read_lines
from model_server.training.fraktur.report import report

PARTS: dict[str, Callable[[Experiment, Lines], None]] = {
    "train": run_training,
    "anchors": run_anchors,
    "search": run_search,
    "labels": run_labels,
    "report": report,
}


class UnknownPart(ValueError):
    """A part was asked for that the command does not have."""


def run_experiment(experiment: Experiment, parts: Sequence[str]) -> None:
    """Run some parts in order.

    Raises:
        UnknownPart: A part does not exist.
        PartMissing: A part needs another one's result.
        LinesUnusable: The data set is missing or does not fit.
        OtherSettings: The folder holds a training of other settings.
        FontMissing: Rendered lines were asked for and their font is not installed.
    """
    for part in parts:
        if part not in PARTS:
            message = f"Der Teil {part} ist unbekannt; es gibt: {', '.join(PARTS)}."
            raise UnknownPart(message)
    lines = read_lines(experiment.data)
    for part in parts:
        PARTS[part](experiment, lines)
