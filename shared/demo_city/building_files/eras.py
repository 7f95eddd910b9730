"""Eras of building files, and which seeds belong to which split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.errors import InputError

FileSplit = Literal["train", "val", "test"]
FILE_SPLITS: Final[tuple[FileSplit, ...]] = ("train", "val", "test")
SEEDS: Final[dict[FileSplit, tuple[int, int]]] = {
    "train": (0, 90_000),
    "val": (90_000, 95_000),
    "test": (95_000, 100_000),
}
"""From the first seed to below the second."""
PAGE_CLASSES: Final = (
    "deckblatt", "bauantrag", "baubeschreibung", "lageplan", "liegenschaftskarte", "grundriss",
    "schnitt_ansicht", "entwaesserung", "statik", "nachweis", "flaechen", "stellplatz",
    "genehmigung", "abnahme", "baulast_befreiung", "nachbar", "stellungnahme", "gebuehr",
    "schriftverkehr", "foto",
)  # fmt: skip
"""Ids of the 20 classes of pages, in their fixed order."""
Wording = Literal["old", "mid", "new"]


@dataclass(frozen=True, slots=True)
class Era:
    """How offices wrote at a time.

    Args:
        name: Its name.
        first_year: First year.
        last_year: Last year.
        wording: Which wording the texts have.
        currency: How amounts are written.
        share: Share of the invented files.
    """

    name: str
    first_year: int
    last_year: int
    wording: Wording
    currency: str
    share: float


ERAS: Final = (
    Era("until_1914", 1876, 1914, "old", "Mk.", 0.14),
    Era("1919_1945", 1915, 1945, "old", "RM", 0.16),
    Era("1946_1975", 1946, 1975, "mid", "DM", 0.32),
    Era("1976_1999", 1976, 1999, "mid", "DM", 0.2),
    Era("2000", 2000, 2026, "new", "EUR", 0.18),
)


def era_of(year: int) -> Era:
    """Return the era of a year.

    Args:
        year: From 1876; earlier years count as the first era.
    """
    return next((era for era in ERAS if year <= era.last_year), ERAS[-1])


def file_split(seed: int) -> FileSplit:
    """Return the split that a seed belongs to.

    Args:
        seed: From 0 to 99,999.

    Raises:
        InputError: The seed belongs to no split.
    """
    for split, (first, end) in SEEDS.items():
        if first <= seed < end:
            return split
    raise InputError(reason="Startwerte von Bauakten liegen zwischen 0 und 99.999.")
