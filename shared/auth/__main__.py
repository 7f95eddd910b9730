"""Commands of the operator: `python -m shared.auth check|accounts|sessions|policy|audit|...`.

Exit codes: 0 done, 2 refused or something found. Errors are one German line on stderr; results are
JSON on stdout.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.auth.account_commands import ACCOUNTS
from shared.auth.audit_commands import AUDIT
from shared.auth.command_groups import Answer, Context
from shared.auth.installation_commands import INSTALLATION
from shared.command_line import GermanParser, print_json, refusal, say
from shared.errors import UrbanKiError
from shared.settings import load_settings
from shared.store.engine import make_engine
from shared.store.schema import check_schema

DONE, REFUSED = 0, 2
GROUPS = (ACCOUNTS, INSTALLATION, AUDIT)


def build_parser() -> GermanParser:
    """Return the parser of all commands."""
    parser = GermanParser(
        prog="python -m shared.auth",
        description="Konten, Sitzungen, Rechte, Schlüssel und Protokoll.",
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    for group in GROUPS:
        group.add_parsers(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    try:
        answer = _answer(build_parser().parse_args(arguments))
    except UrbanKiError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return REFUSED
    if answer.text:
        say(answer.text)
    else:
        print_json(answer.content)
    if answer.problem:
        sys.stderr.write(f"{answer.problem}\n")
    return REFUSED if answer.problem else DONE


def _answer(options: Namespace) -> Answer:
    alone = {name: run for group in GROUPS for name, run in group.alone.items()}
    if options.command in alone:
        return alone[options.command](options)
    commands = {name: run for group in GROUPS for name, run in group.commands.items()}
    settings = load_settings()
    engine = make_engine(settings)
    try:
        check_schema(engine)
        return commands[options.command](Context(engine, settings, options, datetime.now(UTC)))
    finally:
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
