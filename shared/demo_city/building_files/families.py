"""Layout families: fonts, letterheads, forms, stamps and labels of an office.

Families of train, validation and test are different ones. Test families also share no font and no
wording with those of training; validation families share both with training.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from shared.demo_city.building_files.eras import Era, FileSplit
from shared.demo_city.building_files.sheet import Style

_FILE: Final = Path(__file__).with_name("families.toml")


@dataclass(frozen=True, slots=True)
class Family:
    """A layout family.

    Args:
        name: Its name.
        split: Which side it is on.
        bank: str of wording, a file of the folder `texts`.
        fraktur: Font of Fraktur print.
        serif: Font of Antiqua print.
        sans: Font of modern print.
        typewriter: Font of its typewriter.
        lettering: Font of plans.
        letterhead: Number of the letterhead.
        form: Number of the form style.
        stamp: Number of the stamp set.
        margin_mm: Left margin [mm].
        size_pt: Size of running text [pt].
        case_pattern: Pattern of the case number.
        date_style: How dates are written: 0 words, 1 digits, 2 digits with a short year.
        labels: Labels of forms by field.
    """

    name: str
    split: FileSplit
    bank: str
    fraktur: str
    serif: str
    sans: str
    typewriter: str
    lettering: str
    letterhead: int
    form: int
    stamp: int
    margin_mm: float
    size_pt: float
    case_pattern: str
    date_style: int
    labels: dict[str, str]

    def case_number(self, number: int, year: int) -> str:
        """Return an Aktenzeichen.

        Args:
            number: Running number of the year.
            year: Year.
        """
        return self.case_pattern.format(n=number, yy=year % 100, yyyy=year)

    def print_style(self, era: Era, *, bold: bool = False, scale: float = 1.0) -> Style:
        """Return how the office prints in an era: Fraktur, Antiqua or a modern face."""
        weight = "700" if bold else "400"
        size = self.size_pt * scale
        if era.name == "until_1914" or (era.name == "1919_1945" and self.letterhead % 2 == 0):
            return Style(self.fraktur, size * 1.18, "fraktur")
        face = self.sans if era.first_year >= 1976 else self.serif
        return Style(f"{face}_{weight}", size, "antiqua")

    def typed_style(self, era: Era, slack: float = 1.0) -> Style:
        """Return how the office fills in and writes letters: typewriter, print without one."""
        if era.name == "until_1914" or era.first_year >= 2000:
            return self.print_style(era)
        return Style(self.typewriter, self.size_pt, "typewriter", True, slack, 45, 1.42)

    def plan_style(self, size_pt: float) -> Style:
        """Return the lettering of plans."""
        return Style(self.lettering, size_pt, "drawing", ink=35)


@cache
def families() -> tuple[Family, ...]:
    """Return all families."""
    made = []
    content: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    for entry in content["family"]:
        bank = "test" if entry["split"] == "test" else "train"
        labels = {key: words[entry["label"]] for key, words in content["labels"][bank].items()}
        rest = {key: value for key, value in entry.items() if key != "label"}
        made.append(Family(bank=bank, labels=labels, **rest))
    return tuple(made)


def draw_family(split: FileSplit, rng: np.random.Generator) -> Family:
    """Draw a family of a split.

    Args:
        split: The split.
        rng: Random stream of the file.
    """
    mine = [family for family in families() if family.split == split]
    return mine[int(rng.integers(len(mine)))]
