"""`python -m apps.aviary.evaluate` measures the recipes and writes `evaluation.json`.

Rendered test scenes, which no model was trained on, and both flights of Musterstadt give figures of
known truth; the figure on real images is copied from the model's card and marked as copied. With
`--parts` only some questions are asked, and the other figures keep their day and command.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from apps.aviary.evaluation.change import measure_change
from apps.aviary.evaluation.classes import measure_classes
from apps.aviary.evaluation.figures import (
    change_figures,
    class_figures,
    copied_figures,
    forecast_figures,
    runtime_figures,
    solar_figures,
)
from apps.aviary.evaluation.forecast import measure_forecast
from apps.aviary.evaluation.runtime import SIDE_M, measure_runtime
from apps.aviary.evaluation.solar import measure_solar
from apps.aviary.recipes import find_recipe
from apps.aviary.result_files import to_json
from shared import __version__
from shared.clients.catalog import find_entry
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import start_model_server
from shared.errors import ModelMissing, ModelServerError
from shared.settings import Settings, get_settings

COMMAND = "python -m apps.aviary.evaluate"
OUT = Path(__file__).resolve().parent / "evaluation.json"
NO_SERVER = 3

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured.

    Args:
        scenes: Rendered scenes for each question; half as many of the extreme ones.
        side_m: Side of the square of Musterstadt on which durations are taken [m].
        squares: Squares of Musterstadt in which changes are looked for.
    """

    scenes: int
    side_m: int
    squares: int


FULL = Amount(scenes=200, side_m=SIDE_M, squares=8)
QUICK = Amount(scenes=20, side_m=300, squares=1)
Measured = tuple[Json, list[Json]]
"""Measures by their name, and the figures that people see."""


def _classes(settings: Settings, amount: Amount) -> Measured:
    measures = {
        "landcover": measure_classes(settings, "test", amount.scenes).summary(),
        "landcover_extreme": measure_classes(settings, "extreme", amount.scenes // 2).summary(),
    }
    return measures, class_figures(measures)


def _solar(settings: Settings, amount: Amount) -> Measured:
    recipe = find_recipe("solar")
    with ModelServerClient(settings) as client:
        entry = find_entry(client.models(), recipe.model)
    if entry is None:
        raise ModelMissing(model=recipe.model)
    measured = measure_solar(settings, amount.scenes).summary()
    return {"solar": measured}, [*copied_figures(entry), *solar_figures(measured)]


def _change(settings: Settings, amount: Amount) -> Measured:
    measured = measure_change(settings, amount.squares)
    return {"change": measured}, change_figures(measured)


def _runtime(settings: Settings, amount: Amount) -> Measured:
    measured = measure_runtime(settings, amount.side_m)
    return {"runtime": measured}, runtime_figures(measured)


def _forecast(settings: Settings, amount: Amount) -> Measured:
    measured = measure_forecast(amount.side_m)
    return {"forecast": measured}, forecast_figures(measured)


PARTS: Mapping[str, Callable[[Settings, Amount], Measured]] = {
    "solar": _solar,
    "classes": _classes,
    "change": _change,
    "runtime": _runtime,
    "forecast": _forecast,
}
"""Questions by their name, in the order in which their figures stand."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    options = _parser().parse_args(arguments)
    amount = QUICK if options.quick else FULL
    command = f"{COMMAND} --quick" if options.quick else COMMAND
    known: Json = {}
    if options.parts != tuple(PARTS):
        if options.out.is_file():
            known = json.loads(options.out.read_text(encoding="utf-8"))
        command += f" --parts {','.join(options.parts)}"
    stamp = {"command": command, "measured_on": options.date.isoformat()}
    try:
        with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
            own = get_settings().model_copy(update={"data_dir": Path(name)})
            with start_model_server(own) as server:
                content = evaluate(server.settings, amount, options.parts, stamp, known)
    except (ModelServerError, ModelMissing) as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    options.out.write_text(to_json(content), encoding="utf-8")
    sys.stdout.write(to_json(content))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND)
    help_text = (
        f"{QUICK.scenes} statt {FULL.scenes} Szenen, {QUICK.side_m} statt {FULL.side_m} m Seite, "
        f"{QUICK.squares} statt {FULL.squares} Quadrate"
    )
    parser.add_argument("--quick", action="store_true", help=help_text)
    help_text = f"Nur diese Fragen, mit Komma getrennt: {','.join(PARTS)}"
    parser.add_argument("--parts", type=read_parts, default=tuple(PARTS), help=help_text)
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    return parser


def read_parts(text: str) -> tuple[str, ...]:
    """Return the questions that a person named, in the usual order.

    Args:
        text: Names with commas between them.

    Raises:
        argparse.ArgumentTypeError: There is no such question.
    """
    named = [one.strip() for one in text.split(",")]
    unknown = [one for one in named if one not in PARTS]
    if unknown:
        message = f"{unknown[0]!r} gibt es nicht, sondern {', '.join(PARTS)}."
        raise argparse.ArgumentTypeError(message)
    return tuple(one for one in PARTS if one in named)


def evaluate(
    settings: Settings,
    amount: Amount,
    parts: Sequence[str],
    stamp: Mapping[str, str],
    known: Mapping[str, Any],
) -> Json:
    """Measure some questions and keep what is known about the others.

    Args:
        settings: Lead to a model server that answers, and to a data folder without a cache.
        amount: How much is measured.
        parts: Which questions.
        stamp: `command` and `measured_on` of each new figure.
        known: Content of an earlier `evaluation.json`; empty for none.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It has no model for the recipe `solar`.
        RuntimeError: A run failed.
    """
    measures: Json = dict(known.get("measures", {}))
    by_part: dict[str, list[Json]] = {part: [] for part in PARTS}
    for figure in known.get("figures", ()):
        if figure.get("part") in PARTS and figure["part"] not in parts:
            by_part[figure["part"]].append(figure)
    for part in parts:
        measured, figures = PARTS[part](settings, amount)
        version = {"software_version": __version__}
        measures |= {name: {**one, **stamp, **version} for name, one in measured.items()}
        by_part[part] = [{"part": part, **stamp, **one} for one in figures]
    return {
        "figures": [figure for figures in by_part.values() for figure in figures],
        "measures": measures,
        "software_version": __version__,
    }


if __name__ == "__main__":
    sys.exit(main())
