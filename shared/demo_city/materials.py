"""Materials and how each looks from above."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from shared.demo_city.settings import Season

BANDS: Final = ("red", "green", "blue", "near_infrared")
NIR_PER_REFLECTANCE: Final = 400.0
"""Digital numbers of near infrared per unit of reflectance."""
_FILE: Final = Path(__file__).with_name("materials.toml")


class Cells(NamedTuple):
    """Courses of tiles, stones, modules or furrows.

    Args:
        across_m: Period across the courses.
        along_m: Period along them.
        bond: Offset from course to course as a share of the period along.
        joint_m: Width of the joints.
        joint_across: Brightness of the joints between courses against the material.
        joint_along: The same of the joints within a course.
        spread: Relative standard deviation of the brightness from piece to piece.
        relief: Relative brightness of the raised edge of each course.
    """

    across_m: float
    along_m: float
    bond: float
    joint_m: float
    joint_across: float
    joint_along: float
    spread: float
    relief: float


PLAIN_CELLS: Final = Cells(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Material:
    """How a material looks from above.

    Args:
        number: Its place in the file, from 0.
        key: Its name in the code.
        name: Its name for people.
        fine: Its finer cover, one of `labels.FINE`.
        rgbi: Digital numbers (8 bit) of the four bands on level ground in full sun.
        spread: Relative standard deviation from object to object.
        grain: Relative standard deviation from place to place, fine.
        stain: Relative standard deviation from place to place, coarse.
        hue: Relative standard deviation of red against near infrared.
        patches: Brightness of worn, wet or dry places against the material.
        cells: Its courses.
        fine_cells: What lies within or across the courses: cells of modules, tramlines of fields.
        gloss: How much it mirrors, 0 to 1.
        mossy: How much moss grows on it when it is old, 0 to 1.
        season: Which colours of the year it follows; empty where it follows none.
        unseen: Whether no training scene shows it.
    """

    number: int
    key: str
    name: str
    fine: str
    rgbi: tuple[int, int, int, int]
    spread: float
    grain: float
    stain: float
    hue: float = 0.0
    patches: float = 0.0
    cells: Cells = PLAIN_CELLS
    fine_cells: Cells = PLAIN_CELLS
    gloss: float = 0.0
    mossy: float = 0.0
    season: str = ""
    unseen: bool = False

    @property
    def nir_reflectance(self) -> float:
        """Reflectance in the near infrared, 0 to 1."""
        return self.rgbi[3] / NIR_PER_REFLECTANCE

    @property
    def ndvi(self) -> float:
        """Normalised difference vegetation index of the digital numbers, -1 to 1."""
        return (self.rgbi[3] - self.rgbi[0]) / (self.rgbi[3] + self.rgbi[0])


@cache
def materials() -> dict[str, Material]:
    """Return all materials by their key, in the order of the file."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {key: _material(number, key, row) for number, (key, row) in enumerate(rows.items())}


def _material(number: int, key: str, row: dict[str, object]) -> Material:
    rgbi: tuple[int, int, int, int] = tuple(row.pop("rgbi"))  # type: ignore[arg-type, assignment]
    cells = {name: Cells(*row.pop(name, PLAIN_CELLS)) for name in ("cells", "fine_cells")}  # type: ignore[misc]
    return Material(number, key, rgbi=rgbi, **cells, **row)  # type: ignore[arg-type]


TINTS: Final[dict[str, dict[Season, tuple[float, float, float, float]]]] = {
    "leaf": {
        "early_spring": (1.1, 1.0, 1.14, 0.87),
        "spring": (1.02, 1.07, 1.02, 1.06),
        "late_summer": (1.04, 0.98, 0.96, 1.0),
        "winter": (1.18, 0.98, 1.4, 0.42),
    },
    "grass": {
        "early_spring": (1.04, 1.0, 0.98, 0.93),
        "spring": (0.97, 1.02, 1.0, 1.05),
        "late_summer": (1.11, 1.05, 1.0, 0.95),
        "winter": (1.2, 1.02, 1.06, 0.68),
    },
    "sedum": {
        "early_spring": (1.04, 0.98, 1.0, 0.92),
        "spring": (0.94, 1.05, 0.92, 1.16),
        "late_summer": (1.08, 0.98, 0.96, 0.88),
        "winter": (1.1, 0.94, 0.98, 0.8),
    },
    "crop": {
        "early_spring": (1.06, 1.0, 0.98, 0.86),
        "spring": (0.95, 1.02, 0.98, 1.07),
        "late_summer": (1.2, 1.06, 1.08, 0.84),
        "winter": (1.2, 1.0, 1.1, 0.66),
    },
    "bloom": {
        "early_spring": (0.56, 0.68, 0.9, 1.0),
        "summer": (0.74, 0.72, 1.06, 0.86),
        "late_summer": (0.6, 0.7, 0.8, 1.0),
        "winter": (0.62, 0.66, 1.0, 0.7),
    },
}
"""Gains on the four bands by season; a season that is missing shows the colours of the file."""
