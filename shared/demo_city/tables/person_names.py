"""Names of invented people."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

_FILE: Final = Path(__file__).with_name("person_names.toml")


@cache
def first_names() -> tuple[str, ...]:
    """Return the first names."""
    return tuple(tomllib.loads(_FILE.read_text(encoding="utf-8"))["first"])


@cache
def family_names() -> tuple[str, ...]:
    """Return the family names."""
    return tuple(tomllib.loads(_FILE.read_text(encoding="utf-8"))["family"])


def draw_family_name(rng: np.random.Generator) -> str:
    """Draw a family name.

    Args:
        rng: Random stream of the person.
    """
    names = family_names()
    return names[int(rng.integers(len(names)))]
