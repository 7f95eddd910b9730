"""What a command writes on stderr: one line each."""

from __future__ import annotations

from shared.errors import UrbanKiError


def error_line(error: UrbanKiError) -> str:
    """Return what happened and what to do, on one line with its end.

    Args:
        error: The error.
    """
    return printable(f"{error} {error.remedy}")


def printable(text: str) -> str:
    """Return a text on one line with its end, without characters that a terminal would obey.

    Args:
        text: It may hold a file name, and a file name may hold anything.
    """
    line = " ".join(text.split())
    return "".join(one if one.isprintable() else "?" for one in line) + "\n"
