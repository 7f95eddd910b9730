"""Materials and how each looks from above."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

BANDS: Final = ("red", "green", "blue", "near_infrared")
_FILE: Final = Path(__file__).with_name("materials.toml")


@dataclass(frozen=True, slots=True)
class Material:
    """How a material looks from above.

    Args:
        number: Its place in the file, from 0.
        key: Its name in the code.
        name: Its name for people.
        rgbi: Digital numbers (8 bit) of the four bands on level ground in full sun.
        spread: Relative standard deviation from object to object.
        grain: Relative standard deviation from place to place, fine.
        stain: Relative standard deviation from place to place, coarse.
        pattern: Period [m] and relative amplitude of a pattern of lines; (0, 0) where there is none.
        gloss: How much it mirrors, 0 to 1.
        season: Whether its colour follows the season.
        unseen: Whether no training scene shows it.
    """

    number: int
    key: str
    name: str
    rgbi: tuple[int, int, int, int]
    spread: float
    grain: float
    stain: float
    pattern: tuple[float, float] = (0.0, 0.0)
    gloss: float = 0.0
    season: bool = False
    unseen: bool = False


@cache
def materials() -> dict[str, Material]:
    """Return all materials by their key, in the order of the file."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        key: Material(
            number,
            key,
            **{**row, "rgbi": tuple(row["rgbi"]), "pattern": tuple(row.get("pattern", (0, 0)))},
        )
        for number, (key, row) in enumerate(rows.items())
    }
