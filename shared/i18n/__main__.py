"""`python -m shared.i18n check`: compare texts and catalogues; exit 2 on any difference."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from shared.i18n.check import check_catalogues


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.i18n", description=__doc__)
    parser.add_argument("command", choices=["check"])
    parser.parse_args(arguments)
    problems = check_catalogues()
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 2 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
