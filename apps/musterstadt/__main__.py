"""Headless command: `python -m apps.musterstadt build|prepare|figures`.

The invented town belongs to no municipality: these commands need no database and no account, and
stand in no audit. Exit codes: 0 done, 2 bad input or no space. Errors are one German line on
stderr; results are JSON on stdout.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from apps.musterstadt.place import central_tiles, city_store, town_folder, wanted_tiles
from apps.musterstadt.rendering import render_missing
from shared.command_line import GermanParser, print_json, refusal
from shared.demo_city import CitySettings, is_city_built
from shared.errors import Cancelled, UrbanKiError
from shared.settings import get_settings

DONE, BAD_INPUT = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    commands = {"build": _build, "prepare": _prepare, "figures": _figures}
    try:
        options = _parser().parse_args(arguments)
        return commands[options.command](options)
    except KeyboardInterrupt:
        error: UrbanKiError = Cancelled()
    except UrbanKiError as refused:
        error = refused
    sys.stderr.write(f"{refusal(error)}\n")
    return BAD_INPUT


def _parser() -> GermanParser:
    parser = GermanParser(
        prog="python -m apps.musterstadt", description="Die erfundene Stadt der Galerie."
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    commands.add_parser("build", help="die Stadt und die Luftbilder ihrer Mitte rechnen")
    commands.add_parser("prepare", help="alle Luftbilder rechnen; was da ist, bleibt")
    commands.add_parser("figures", help="die Stadt in Zahlen")
    return parser


def _build(options: Namespace) -> int:
    del options
    folder = town_folder()
    was_there = is_city_built(get_settings().demo_city_folder, CitySettings())
    if not was_there:
        sys.stderr.write("Die Beispielstadt wird gerechnet, einmalig ...\n")
        sys.stderr.write("The sample town is being made, once ...\n")
        city_store().build()
    rendered = render_missing(central_tiles(), _show_progress)
    print_json({"folder": str(folder), "built": not was_there, "rendered": rendered})
    return DONE


def _prepare(options: Namespace) -> int:
    del options
    store, tiles = city_store(), wanted_tiles()
    started = time.monotonic()
    rendered = render_missing(tiles, _show_progress)
    size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    print_json(
        {
            "folder": str(store.folder),
            "tiles": len(tiles),
            "rendered": rendered,
            "megabytes": round(size / 1e6, 1),
            "seconds": round(time.monotonic() - started, 1),
        }
    )
    return DONE


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} von {total} Kacheln" + "\n" * (done == total))


def _figures(options: Namespace) -> int:
    from apps.musterstadt.town import town_figures

    del options
    print_json(asdict(town_figures()))
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
