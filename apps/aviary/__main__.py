"""Headless command: `python -m apps.aviary run|recipes|check|test-recipe`.

Exit codes: 0 done, 2 bad input, 3 model server not available, 4 cancelled or incomplete. Errors are
one German line on stderr; results are JSON on stdout.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.aviary.commands.error_line import error_line
from apps.aviary.commands.exit_codes import INCOMPLETE
from apps.aviary.commands.stopping import leave, leaving_on_signals
from shared.errors import Cancelled


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    with leaving_on_signals(error_line(Cancelled()), INCOMPLETE):
        # Takes a second to load, in which somebody may stop the command already.
        from apps.aviary.commands import program

        return program.main(arguments)


if __name__ == "__main__":
    leave(main())
