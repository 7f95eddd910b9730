"""What a building file is about: property, people, dates, figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from shared.demo_city.building_files.eras import (
    ERAS,
    Era,
    FileSplit,
    era_of,
    file_split,
)
from shared.demo_city.building_files.families import Family, draw_family
from shared.demo_city.building_files.people import Person, draw_person, draw_street
from shared.demo_city.randomness import draw_index, stream
from shared.demo_city.settings import POSTCODE

TOWN: Final = "Musterstadt"
DISTRICTS: Final = (
    "Altstadt", "Bahnhof", "Nordviertel", "Gartenstadt", "Siedlung Ost", "Gewerbepark", "Am Kanal",
    "Wiesenrode",
)  # fmt: skip
PROJECTS: Final[dict[str, tuple[str, ...]]] = {
    "old": (
        "Neubau eines Wohnhauses", "Errichtung eines Wohnhauses mit Stallung",
        "Aufbau eines zweiten Geschosses", "Anbau einer Waschküche",
        "Neubau eines Wohnhauses mit Laden", "Errichtung einer Werkstätte",
    ),
    "mid": (
        "Neubau eines Einfamilienhauses mit Garage", "Neubau eines Mehrfamilienhauses",
        "Umbau des Dachgeschosses", "Anbau eines Wohnraumes", "Wiederaufbau des Wohnhauses",
        "Errichtung einer Lagerhalle", "Neubau einer Doppelgarage",
    ),
    "new": (
        "Neubau eines Einfamilienhauses mit Carport", "Neubau eines Doppelhauses",
        "Ausbau des Dachgeschosses", "Anbau eines Wintergartens",
        "Nutzungsänderung von Laden in Wohnung", "Errichtung einer Luftwärmepumpe mit Einhausung",
    ),
}  # fmt: skip
OLDEST_YEAR: Final = ERAS[0].first_year


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A planted difference between a file and the register.

    Args:
        field: Column of the table `building_files`.
        in_file: What the file says.
        in_register: What the register says.
    """

    field: str
    in_file: str
    in_register: str


@dataclass(frozen=True, slots=True)
class Property:
    """Where a file's building stands.

    Args:
        street: Street.
        house_number: Number with its letter.
        district: Gemarkung.
        flur: Number of the Flur.
        plot: Number of the Flurstück (numerator).
        plot_part: Its denominator; 0 for none.
    """

    street: str
    house_number: str
    district: str
    flur: int
    plot: int
    plot_part: int = 0

    @property
    def plot_label(self) -> str:
        """Flurstück as it is written."""
        return f"{self.plot}/{self.plot_part}" if self.plot_part else str(self.plot)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts of one file.

    Args:
        file_id: Its id.
        seed: Seed that all else of the file is drawn from.
        split: Which side it is on.
        family: Layout family of its pages.
        place: Property.
        applicant: Bauherr.
        designer: Entwurfsverfasser.
        neighbours: Two neighbours.
        official: Official of the building office.
        inspector: Engineer who checks the statics.
        project: What is built.
        case_number: Aktenzeichen.
        applied: Day of the application.
        approved: Day of the permit.
        accepted: Day of the final inspection.
        floors: Storeys.
        dwellings: Dwellings.
        usable_area_m2: Usable area [m2].
        building_class: Gebäudeklasse from 2002, else 0.
        fee: Fee in the currency of the era.
        contradictions: Planted differences from the register.
    """

    file_id: str
    seed: int
    split: FileSplit
    family: Family
    place: Property
    applicant: Person
    designer: Person
    neighbours: tuple[Person, Person]
    official: Person
    inspector: Person
    project: str
    case_number: str
    applied: date
    approved: date
    accepted: date
    floors: int
    dwellings: int
    usable_area_m2: float
    building_class: int
    fee: float
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def era(self) -> Era:
        """Era of the permit."""
        return era_of(self.approved.year)


def draw_facts(seed: int, shift: int = 0) -> FileFacts:
    """Draw the facts of an invented file that belongs to no building of the city.

    Args:
        seed: From 0 to 99,999; it says the split.
        shift: Added to the seed for another file of the same batch, a multiple of 1,000,000.

    Raises:
        InputError: The seed belongs to no split.
    """
    split = file_split(seed)
    rng = stream(seed + shift, "building file")
    era = ERAS[draw_index(rng, tuple(one.share for one in ERAS))]
    year = int(rng.integers(era.first_year, era.last_year))
    plot_part = int(rng.integers(1, 40)) if rng.random() < 0.3 else 0
    letter = str(rng.choice(("a", "b", "c"))) if rng.random() < 0.12 else ""
    place = Property(
        draw_street(rng),
        f"{rng.integers(1, 140)}{letter}",
        DISTRICTS[int(rng.integers(len(DISTRICTS)))],
        int(rng.integers(1, 38)),
        int(rng.integers(2, 990)),
        plot_part,
    )
    size = BuildingSize(
        int(rng.integers(1, 5)), int(rng.integers(1, 9)), float(rng.uniform(60, 720))
    )
    return complete_facts(f"BA-{seed + shift:05d}", seed + shift, split, place, year, size, rng)


@dataclass(frozen=True, slots=True)
class BuildingSize:
    """Size of a building.

    Args:
        floors: Storeys.
        dwellings: Dwellings.
        usable_area_m2: Usable area [m2].
    """

    floors: int
    dwellings: int
    usable_area_m2: float


def complete_facts(
    file_id: str, seed: int, split: FileSplit, place: Property, year: int, size: BuildingSize,
    rng: np.random.Generator,
) -> FileFacts:  # fmt: skip
    """Draw what is not given.

    Args:
        file_id: Id of the file.
        seed: Seed of the file.
        split: Which side it is on.
        place: Property.
        year: Year in which the building was finished.
        size: Size of the building.
        rng: Random stream of the file.
    """
    accepted = date(year, int(rng.integers(5, 13)), int(rng.integers(1, 29)))
    approved = accepted - timedelta(days=int(rng.integers(120, 400)))
    applied = approved - timedelta(days=int(rng.integers(25, 150)))
    era = era_of(approved.year)
    family = draw_family(split, rng)
    people = [draw_person(rng, era) for _ in range(6)]
    projects = PROJECTS[era.wording]
    factor = {"Mk.": 0.12, "RM": 0.3, "DM": 1.6, "EUR": 2.4}[era.currency]
    fee = float(np.round((18 + size.usable_area_m2 * rng.uniform(0.4, 1.6)) * factor, 1))
    return FileFacts(
        file_id, seed, split, family, place, people[0], people[1], (people[2], people[3]),
        people[4], people[5], projects[int(rng.integers(len(projects)))],
        family.case_number(int(rng.integers(11, 1900)), applied.year),
        applied, approved, accepted, size.floors, size.dwellings,
        round(size.usable_area_m2, 2),
        int(rng.integers(1, 6)) if approved.year >= 2002 else 0, fee,
    )  # fmt: skip


def postcode_of(era: Era) -> str:
    """Return the postcode as it was written then; empty before there were any."""
    if era.last_year <= 1945:
        return ""
    return POSTCODE if era.first_year >= 2000 else POSTCODE[:4]
