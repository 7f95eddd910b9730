"""`python -m shared.themes check FILE`: compute all contrasts, refuse a theme that is too weak."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shared.themes.contrast import check_theme
from shared.themes.theme import read_theme


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 good, 2 refused or unreadable."""
    parser = argparse.ArgumentParser(prog="python -m shared.themes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check a theme file")
    check.add_argument("file", type=Path)
    path: Path = parser.parse_args(arguments).file
    try:
        theme = read_theme(path)
    except (OSError, ValueError) as error:
        print(f"{path.name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    findings = check_theme(theme)
    for finding in findings:
        print(f"{path.name}: {finding}", file=sys.stderr)
    if not findings:
        print(f"{path.name}: ok")
    return 2 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
