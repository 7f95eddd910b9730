"""How a command ends: JSON and 0, or one German line and the code that says whose turn it is."""

from __future__ import annotations

import stat
from pathlib import Path

DONE = 0
MODEL_FAILED = 1
BAD_INPUT = 2
NO_SERVER = 3
MAX_LINE_CHARACTERS = 400
_MEBI = 2**20


class CommandError(Exception):
    """Ends a command with one German line.

    Args:
        line: What is wrong.
        code: Exit code of the command.
    """

    def __init__(self, line: str, code: int = BAD_INPUT) -> None:
        super().__init__(one_line(line))
        self.code = code


def one_line(text: str, most: int = MAX_LINE_CHARACTERS) -> str:
    """Return a text without breaks and without characters that a terminal would obey.

    Args:
        text: Any text, also the name of a file.
        most: Characters of the result; the middle of a longer text is left out.
    """
    line = " ".join(text.split())
    line = "".join(one if one.isprintable() else "?" for one in line)
    if len(line) <= most:
        return line
    half = (most - 3) // 2
    return f"{line[:half]} … {line[-half:]}"


def shown(path: Path) -> str:
    """Return a path as it may stand in a line."""
    return one_line(str(path), 120)


def read_file(path: Path, most_bytes: int) -> bytes:
    """Read a file of a known greatest size.

    Args:
        path: An ordinary file; devices and pipes might never end.
        most_bytes: Largest accepted size.

    Raises:
        CommandError: There is none, it cannot be read or it is too large.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise CommandError(f"{shown(path)} ist keine Datei.")
        if found.st_size > most_bytes:
            limit_mb = most_bytes // _MEBI
            raise CommandError(f"Die Datei {shown(path)} ist größer als {limit_mb} MB.")
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except (OSError, ValueError) as cause:
        raise CommandError(f"Die Datei {shown(path)} kann nicht gelesen werden.") from cause
    if len(content) > most_bytes:
        raise CommandError(f"Die Datei {shown(path)} wächst, während sie gelesen wird.")
    return content
