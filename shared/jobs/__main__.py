"""Headless command: `python -m shared.jobs [--workers N]`, or `list|show|cancel|retry`.

Worker processes load this module too, so it holds nothing but the way to the command.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from shared.jobs.commands import main

    sys.exit(main())
