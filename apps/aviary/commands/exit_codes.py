"""Exit codes of the headless command."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
BAD_INPUT: Final = 2
NO_MODEL_SERVER: Final = 3
INCOMPLETE: Final = 4
"""Cancelled, or some tiles failed."""
