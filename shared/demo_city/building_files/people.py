"""Invented people of building files, with the private data that letters carry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from shared.demo_city.building_files.eras import Era
from shared.demo_city.tables.person_names import draw_family_name, first_names
from shared.demo_city.vectors.names import WORDS

BANK_CODE: Final = "99999999"
"""Invented bank code; no bank has one that starts with 9."""
FICTION_PHONE: Final = "030 23125-"
"""Block of numbers reserved for fiction (unverified)."""
_PLAIN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", " ": "-"})


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person.

    Args:
        title: "Herr" or "Frau".
        first: First name.
        family: Family name.
        street: Street of the home.
        house_number: Its number.
        phone: Telephone number as of the era.
        email: Mail address; empty before 1998.
        born: Birthday.
        iban: Account: IBAN from 2014, number and bank code before.
        trade: Occupation.
    """

    title: str
    first: str
    family: str
    street: str
    house_number: int
    phone: str
    email: str
    born: date
    iban: str
    trade: str

    @property
    def name(self) -> str:
        """First and family name."""
        return f"{self.first} {self.family}"


TRADES: Final = {
    "old": ("Schreinermeister", "Fabrikarbeiter", "Kaufmann", "Landwirt", "Bäckermeister"),
    "mid": ("Schlosser", "Angestellter", "Bundesbahnbeamter", "Kraftfahrer", "Elektromeister"),
    "new": ("Pflegekraft", "Ingenieurin", "Angestellte", "Selbständig", "Lehrkraft"),
}


def draw_person(rng: np.random.Generator, era: Era) -> Person:
    """Draw a person.

    Args:
        rng: Random stream of the file.
        era: When the person lives.
    """
    names = first_names()
    first, family = names[int(rng.integers(len(names)))], draw_family_name(rng)
    born = date(
        int(rng.integers(era.first_year - 55, era.first_year - 24)),
        int(rng.integers(1, 13)), int(rng.integers(1, 29)),
    )  # fmt: skip
    digits = int(rng.integers(0, 1000))
    phone = {"old": f"Fernruf {digits + 100}", "mid": f"{FICTION_PHONE}{digits:03d}"}.get(
        era.wording, f"{FICTION_PHONE}{digits:03d}"
    )
    mail = f"{first}.{family}@musterstadt.example".lower().translate(_PLAIN)
    account = int(rng.integers(10**6, 10**9))
    return Person(
        "Frau" if rng.random() < (0.12 if era.wording == "old" else 0.4) else "Herr",
        first, family, draw_street(rng), int(rng.integers(1, 120)), phone,
        mail if era.first_year >= 2000 else "", born,
        make_iban(account) if era.first_year >= 2000 else str(account),
        TRADES[era.wording][int(rng.integers(5))],
    )  # fmt: skip


def draw_street(rng: np.random.Generator) -> str:
    """Draw the name of a street after the pattern of the city's own.

    Args:
        rng: Random stream of the file.
    """
    parts, endings = WORDS[int(rng.integers(1, len(WORDS) + 1))]
    firsts, lasts = parts.split(), endings.split()
    return firsts[int(rng.integers(len(firsts)))] + lasts[int(rng.integers(len(lasts)))]


def make_iban(account: int) -> str:
    """Return a German IBAN of an invented bank with right check digits, in groups of four.

    Args:
        account: Number of the account, up to 10 digits.
    """
    number = f"{BANK_CODE}{account:010d}"
    check = 98 - int(f"{number}131400") % 97
    whole = f"DE{check:02d}{number}"
    return " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))
