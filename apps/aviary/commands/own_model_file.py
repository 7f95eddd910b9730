"""A model file of the user, brought into the form of the model server for the time of a command.

The file is looked through and opened by `python -m model_server card --from-onnx` alone, a process
of its own that refuses what refers to other files or needs operations that are not the engine's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from apps.aviary.recipe_book.own_model import LONGEST_KEY, OWN_MODEL, Tiling
from apps.aviary.recipe_book.toml_text import to_toml
from shared.contracts.model_server import Name, Version
from shared.errors import FileMissing, OwnModelRefused
from shared.settings import REPOSITORY

CARD: Final = "card.toml"
CHECK_TIMEOUT_S = 300
FINEST_FACTOR, COARSEST_FACTOR = 0.25, 1.25
"""Resolutions that a model without a card takes, as multiples of its own: finer images are only
averaged; coarser ones lack detail."""
MEMORY_FACTOR, LEAST_MEMORY_MB = 8, 500
NAME, VERSION = TypeAdapter(Name), TypeAdapter(Version)
UNKNOWN, NOT_MEASURED = "unbekannt", "nicht gemessen"
_MB = 2**20


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model that a server can be started with.

    Args:
        folder: Folder of models, for `URBANKI_MODEL_DIR`.
        name: Name of the model.
        tiling: What its file says beside the card.
    """

    folder: Path
    name: str
    tiling: Tiling


@contextmanager
def prepare_model(path: Path) -> Iterator[PreparedModel]:
    """Check a model of the user and copy it into a temporary folder of models.

    Args:
        path: ONNX file that describes itself, ONNX file beside a `card.toml`, or a folder of both.

    Raises:
        FileMissing: There is no such file.
        OwnModelRefused: It cannot be used; the reason names what is missing.
    """
    if not path.exists():
        raise FileMissing(name=path.name)
    card = _card_beside(path)
    with tempfile.TemporaryDirectory(prefix="urbanki-model-") as name:
        folder = Path(name)
        yield _described(path, folder) if card is None else _with_card(card, folder)


def complete_card(draft: Mapping[str, Any], made_on: date, size_bytes: int) -> dict[str, Any]:
    """Fill in a draft card with what is true of every unknown model.

    Nothing is measured and nothing is known beside what the file says; the card says just that.

    Args:
        draft: Card as `model_server card` wrote it.
        made_on: Day of the file.
        size_bytes: Size of the weights.
    """
    best = draft["input"]["gsd_best_m"]
    return {
        **draft,
        "title_de": draft["name"],
        "limits_de": "Eigenes Modell. Seine Güte ist hier nicht gemessen.",
        "classes": [
            {**one, "key": key}
            for one, key in zip(draft["classes"], _short_keys(draft["classes"]), strict=True)
        ],
        "input": {
            **draft["input"],
            "gsd_min_m": best * FINEST_FACTOR,
            "gsd_max_m": best * COARSEST_FACTOR,
        },
        "limits": {
            **draft["limits"],
            "memory_mb": LEAST_MEMORY_MB + MEMORY_FACTOR * size_bytes // _MB,
        },
        "training": _unknown_training(made_on),
        "metrics": [
            {
                "name": NOT_MEASURED,
                "value": 0.0,
                "data": "keine",
                "items": 0,
                "command": "keiner",
                "measured_on": made_on,
            }
        ],
        "contact": {"text": UNKNOWN},
    }


def _unknown_training(made_on: date) -> dict[str, Any]:
    unknown = {key: UNKNOWN for key in ("name", "licence", "origin")}
    return {
        **{key: UNKNOWN for key in ("script", "command", "split_rule")},
        "seed": 0,
        "data": [{**unknown, "items": 0}],
        "synthetic": False,
        "date": made_on,
        "hours_cpu": 0.0,
        "test_disjoint": False,
    }


def _short_keys(classes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give each class a key that a recipe takes: it begins with a letter and is short."""
    used: set[str] = set()
    for place, one in enumerate(classes):
        key = one["key"] if one["key"][0].isalpha() else f"k_{one['key']}"
        if len(key) > LONGEST_KEY or key in used:
            key = f"{key[: LONGEST_KEY - 4]}_{place}"
        used.add(key)
        yield key


def _card_beside(path: Path) -> Path | None:
    card = path / CARD if path.is_dir() else path if path.name == CARD else path.parent / CARD
    if card.is_file():
        return card
    if path.is_dir():
        raise OwnModelRefused(name=path.name, reason="Dem Ordner fehlt die card.toml.")
    return None


def _described(path: Path, folder: Path) -> PreparedModel:
    """Take a file that describes itself."""
    told = _check(path, folder, ["--name", OWN_MODEL], path.name)
    if missing := told["missing"]:
        reason = f"Es fehlen die Angaben {', '.join(missing)}."
        raise OwnModelRefused(name=path.name, reason=reason)
    if told["task"] != "segment":
        raise OwnModelRefused(name=path.name, reason="Es ist kein Modell für Luftbilder.")
    card = folder / told["name"] / told["version"] / CARD
    draft = tomllib.loads(card.read_text(encoding="utf-8"))
    about = path.stat()
    complete = complete_card(draft, date.fromtimestamp(about.st_mtime), about.st_size)
    card.write_text(to_toml(complete), encoding="utf-8")
    tiling = Tiling(told["overlap_percent"], told["small_segment_px"])
    return PreparedModel(folder, told["name"], tiling)


def _with_card(card: Path, folder: Path) -> PreparedModel:
    """Take a file with a card beside it; the model server checks the card itself."""
    try:
        told = tomllib.loads(card.read_text(encoding="utf-8"))
        name, version = NAME.validate_python(told["name"]), VERSION.validate_python(told["version"])
        named = [str(told["file"]), *_further_files(told)]
        # The engine opens the first one whatever it is called.
        networks = {Path(one).name for one in named if one.casefold().endswith(".onnx")}
        networks.add(Path(named[0]).name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as cause:
        reason = "Die card.toml ist unvollständig oder fehlerhaft."
        raise OwnModelRefused(name=card.parent.name, reason=reason) from cause
    target = folder / "models" / name / version
    target.mkdir(parents=True)
    shutil.copy2(card, target / CARD)
    for one in named:
        source = card.parent / Path(one).name
        if not source.is_file():
            raise FileMissing(name=source.name)
        shutil.copy2(source, target / source.name)
    for number, weights in enumerate(sorted(networks)):
        more = ["--task", "segment", "--name", "x"]
        _check(target / weights, folder / "drafts" / str(number), more, name)
    return PreparedModel(folder / "models", name, Tiling())


def _further_files(card: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(one["file"]) for one in card.get("extra_files", {}).values())
    if "domain" in card:
        yield str(card["domain"]["file"])


def _check(file: Path, out: Path, more: Sequence[str], name: str) -> Mapping[str, Any]:
    """Let the model server's own command look at a file and draft a card for it."""
    command = [sys.executable, "-m", "model_server", "card", "--from-onnx", str(file.resolve())]
    try:
        done = subprocess.run(
            [*command, "--out", str(out), *more],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=CHECK_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as cause:
        raise OwnModelRefused(name=name, reason="Die Prüfung dauert zu lange.") from cause
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["Die Prüfung ist gescheitert."]
        raise OwnModelRefused(name=name, reason=lines[-1])
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told
