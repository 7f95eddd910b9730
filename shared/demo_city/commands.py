"""Commands about scenes: write them, measure them, look at them."""

from __future__ import annotations

import sys
import time
from argparse import Namespace, _SubParsersAction
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from shared.command_line import GermanParser
from shared.demo_city.scenes.contact_sheet import SHEET_SCENES, write_contact_sheet
from shared.demo_city.scenes.files import FORMATS, SceneOrder, check_seeds, write_scenes
from shared.demo_city.scenes.pairs import RENEWED_SHARE
from shared.demo_city.scenes.quality import measure_split
from shared.demo_city.settings import SPLITS
from shared.errors import InputError
from shared.settings import get_settings

Subcommands: TypeAlias = "_SubParsersAction[GermanParser]"
Handler = Callable[[Namespace], dict[str, Any]]
MEASURED_SCENES = 100


def add_commands(subcommands: Subcommands) -> dict[str, Handler]:
    """Add the commands of this module.

    Args:
        subcommands: Where they are added.

    Returns:
        What each command does by its name; the content it returns is printed.
    """
    scene = subcommands.add_parser("scene", help="Szenen als Dateien schreiben")
    _add_scene_options(scene)
    scene.add_argument("--format", choices=FORMATS, required=True, help="Art der Dateien")
    scene.add_argument("--count", type=int, required=True, help="Zahl der Szenen oder Paare")
    scene.add_argument(
        "--renewed-share",
        type=float,
        default=RENEWED_SHARE,
        help="Anteil erneuerter Dächer an den Paaren, 0 bis 1",
    )
    measure = subcommands.add_parser("measure", help="Maße der Wirklichkeitsnähe ausgeben")
    measure.add_argument("--split", choices=SPLITS, help="nur diese Seite")
    measure.add_argument(
        "--count", type=int, default=MEASURED_SCENES, help="Zahl der Szenen je Seite"
    )
    measure.add_argument("--data", type=Path, help="Ordner der Vergleichsdaten")
    sheet = subcommands.add_parser("contact-sheet", help="Szenen auf einem Blatt zeigen")
    _add_scene_options(sheet)
    return {"scene": _scene, "measure": _measure, "contact-sheet": _sheet}


def _add_scene_options(parser: GermanParser) -> None:
    parser.add_argument("--split", choices=SPLITS, required=True, help="Seite")
    parser.add_argument("--out", type=Path, required=True, help="Ordner oder Datei")
    parser.add_argument("--seed", type=int, help="erster Startwert; sonst der erste der Seite")
    parser.add_argument("--gsd", type=float, help="Bodenauflösung in Metern; sonst gezogen")
    parser.add_argument("--size", type=int, default=640, help="Seitenlänge in Pixeln")


def _order(options: Namespace, form: str, count: int) -> SceneOrder:
    return SceneOrder(
        options.out,
        form,  # type: ignore[arg-type]
        options.split,
        count,
        options.seed,
        options.gsd,
        options.size,
    )


def _scene(options: Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    order = _order(options, options.format, options.count)
    order = replace(order, renewed_share=options.renewed_share)
    summary = write_scenes(order, lambda done: say_progress(done, options.count))
    return {**summary, "seconds": round(time.perf_counter() - began, 1)}


def _measure(options: Namespace) -> dict[str, Any]:
    if options.data and not options.data.is_dir():
        raise InputError(reason=f"Den Ordner {options.data} gibt es nicht.")
    data = options.data or get_settings().development_data_dir
    splits = (options.split,) if options.split else SPLITS
    for split in splits:
        check_seeds(SceneOrder(Path(), "semantic", split, options.count))
    return {split: measure_split(split, options.count, data) for split in splits}


def _sheet(options: Namespace) -> dict[str, Any]:
    order = _order(options, "semantic", SHEET_SCENES)
    return write_contact_sheet(order)


def say_progress(done: int, total: int) -> None:
    """Show on a terminal how far a command is.

    Args:
        done: What is finished.
        total: All there is to do.
    """
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} von {total}")
        sys.stderr.write("\n" if done >= total else "")
        sys.stderr.flush()
