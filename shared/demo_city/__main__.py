"""Commands of the demo city: `python -m shared.demo_city COMMAND`.

Commands: build, layer, lod2, building-files, scene, measure, contact-sheet. Exit codes: 0 done,
2 bad input or no space. Errors are one German line on stderr; results are JSON on stdout.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from shared.command_line import GermanParser, print_json, refusal
from shared.demo_city import city_commands, commands, file_commands
from shared.errors import Cancelled, StorageFull, UrbanKiError

DONE, BAD_INPUT = 0, 2
PROGRAM = "python -m shared.demo_city"
_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = GermanParser(prog=PROGRAM, description="Musterstadt und Szenen für das Training")
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="BEFEHL")
    handlers = {
        **commands.add_commands(subcommands),
        **city_commands.add_city_commands(subcommands),
        **file_commands.add_file_commands(subcommands),
    }
    try:
        options = parser.parse_args(arguments)
        print_json(_run(handlers[options.command], options))
    except KeyboardInterrupt:
        error: UrbanKiError = Cancelled()
    except UrbanKiError as refused:
        error = refused
    else:
        return DONE
    sys.stderr.write(f"{refusal(error)}\n")
    return BAD_INPUT


def _run(handler: commands.Handler, options: Namespace) -> dict[str, Any]:
    """Run a command; what its file or folder does not take is an error for people."""
    try:
        return handler(options)
    except OSError as cause:
        if "out" not in options:
            raise
        _log.debug("cannot be written", exc_info=cause)
        raise StorageFull(folder=str(options.out)) from cause


if __name__ == "__main__":
    sys.exit(main())
