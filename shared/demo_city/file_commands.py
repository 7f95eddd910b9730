"""The command about building files: write batches of scanned pages with their truth."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from shared.demo_city.building_files.eras import FILE_SPLITS
from shared.demo_city.building_files.wear import QUALITIES
from shared.demo_city.building_files.writing import FileOrder, write_batches, write_city_files
from shared.demo_city.city import build_city
from shared.demo_city.commands import Handler, Subcommands, say_progress
from shared.demo_city.settings import CitySettings


def add_file_commands(subcommands: Subcommands) -> dict[str, Handler]:
    """Add the command of this module.

    Args:
        subcommands: Where it is added.

    Returns:
        What the command does by its name; the content it returns is printed.
    """
    files = subcommands.add_parser(
        "building-files", help="Bauakten als Scans mit Wahrheit schreiben"
    )
    side = files.add_mutually_exclusive_group(required=True)
    side.add_argument("--split", choices=FILE_SPLITS, help="erfundene Akten dieser Seite")
    side.add_argument("--city", action="store_true", help="Akten von Musterstadt")
    files.add_argument("--out", type=Path, required=True, help="Ordner")
    files.add_argument("--count", type=int, required=True, help="Zahl der Stapel")
    files.add_argument("--seed", type=int, help="erster Startwert; sonst der erste der Seite")
    files.add_argument("--files", type=int, default=3, help="Akten je Stapel")
    files.add_argument("--dpi", type=int, help="Auflösung; sonst je Akte gezogen")
    files.add_argument("--quality", choices=QUALITIES, default="mixed", help="Güte der Scans")
    return {"building-files": _building_files}


def _building_files(options: Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    order = FileOrder(
        options.out, options.split or "test", options.count, options.seed, options.files,
        options.dpi, options.quality,
    )  # fmt: skip

    def say(done: int) -> None:
        say_progress(done, options.count)

    if options.city:
        summary = write_city_files(order, build_city(CitySettings()), say)
    else:
        summary = write_batches(order, say)
    return {**summary, "seconds": round(time.perf_counter() - began, 1)}
