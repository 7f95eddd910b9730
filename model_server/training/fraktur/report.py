"""Measure a finished training on works it never saw and write its model folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from model_server.training.fraktur.anchors import read_anchors
from model_server.training.fraktur.card import write_card, write_licence, write_sheet
from model_server.training.fraktur.experiment import (
    COMPARED,
    Experiment,
    Trained,
    load_trained,
    search_file,
)
from model_server.training.fraktur.export import export_onnx, measure_parity, parity_content
from model_server.training.fraktur.lines import Line, Lines, Split
from model_server.training.fraktur.loop import CURVE
from model_server.training.fraktur.reading import read_lines_with
from model_server.training.fraktur.scoring import (
    count_errors,
    keep_raw,
    normalise,
    normalise_umlauts,
)

OWN = "fraktur_line"
PARITY_LINES = 500
MOST_CONFUSIONS = 25
COMPARISONS = {
    "normalised": normalise,
    "with_umlauts": normalise_umlauts,
    "diplomatic": keep_raw,
}


def report(experiment: Experiment, lines: Lines) -> None:
    """Export the network, write all figures, card, sheet and licence to `DIR/model`."""
    trained = load_trained(experiment)
    target = experiment.folder / "model"
    model = export_onnx(trained.network, trained.alphabet, target / "model.onnx")
    unseen = [line for split in COMPARED for line in lines.splits[split]]
    parity = measure_parity(
        model, target / "model.onnx", lines, unseen[:PARITY_LINES], trained.alphabet
    )
    metrics = _measure(experiment, lines, trained)
    metrics["parity"] = asdict(parity)
    _write(target / "metrics.json", metrics)
    _write(target / "parity.json", parity_content(target / "model.onnx", parity))
    write_card(target, metrics, trained.alphabet)
    write_sheet(target, metrics)
    write_licence(target)
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{target}: {size / 1e6:.2f} MB. {verdict(metrics)}", flush=True)


def _measure(experiment: Experiment, lines: Lines, trained: Trained) -> dict[str, Any]:
    splits: dict[str, Any] = {}
    for split in COMPARED:
        chosen = lines.splits[split]
        own = [
            line.text for line in read_lines_with(trained.network, lines, chosen, trained.alphabet)
        ]
        splits[split] = {
            "works": len({line.work for line in chosen}),
            "engines": {OWN: _rates(chosen, own)} | _anchors(experiment, lines, split),
        }
        if split == "development":
            splits[split]["confusions"] = find_confusions(chosen, own)
    found = search_file(experiment)
    return {
        "version": experiment.version,
        "command": experiment.command,
        "measured_on": datetime.now(UTC).date().isoformat(),
        "data_sha256": lines.sha256,
        "final": trained.result,
        "splits": splits,
        "curve": _read_curve(experiment),
        "search": json.loads(found.read_text(encoding="utf-8")) if found.is_file() else None,
    }


def _read_curve(experiment: Experiment) -> list[dict[str, Any]]:
    """Return each measurement once; a command that only goes on measures its last step again."""
    text = (experiment.training_folder / CURVE).read_text(encoding="utf-8")
    rows = [json.loads(row) for row in text.splitlines()]
    return list({(row["steps"], row["cooling"]): row for row in rows}.values())


def _anchors(experiment: Experiment, lines: Lines, split: Split) -> dict[str, Any]:
    chosen = lines.splits[split]
    engines = read_anchors(lines, chosen, experiment.anchor_file(split))
    return {
        name: _rates(chosen, engine["texts"]) | {"seconds": engine["seconds"]}
        for name, engine in engines.items()
    }


def _rates(chosen: Sequence[Line], found: Sequence[str]) -> dict[str, Any]:
    return {
        name: asdict(count_errors(chosen, found, comparable))
        for name, comparable in COMPARISONS.items()
    }


def find_confusions(
    lines: Sequence[Line], found: Sequence[str], most: int = MOST_CONFUSIONS
) -> list[tuple[str, str, int]]:
    """Return which characters were read as which others, the most frequent first.

    Args:
        lines: With the true texts.
        found: Read texts in the same order.
        most: Number of rows.

    Returns:
        True character, read character, how often; an empty text where one is missing.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for line, text in zip(lines, found, strict=True):
        truth, read = normalise(line.text), normalise(text)
        for step in Levenshtein.editops(truth, read):
            wrote = "" if step.tag == "insert" else truth[step.src_pos]
            seen = "" if step.tag == "delete" else read[step.dest_pos]
            counts[wrote, seen] += 1
    return [(wrote, seen, count) for (wrote, seen), count in counts.most_common(most)]


def verdict(metrics: dict[str, Any]) -> str:
    """Say in German whether the model beats every other engine on the development works."""
    engines = dict(metrics["splits"]["development"]["engines"])
    rates = {name: one["normalised"]["character_error_rate"] for name, one in engines.items()}
    own = rates.pop(OWN)
    if not rates:
        return "Keine andere Texterkennung war zum Vergleich da."
    name, best = min(rates.items(), key=lambda entry: entry[1])
    word = "besser" if own < best else "noch nicht besser"
    figures = f"{100 * own:.2f} % gegen {100 * best:.2f} %".replace(".", ",")
    return f"Zeichenfehler {figures} ({name}): {word}."


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
