"""The building files of Musterstadt: they agree with the buildings, but for what is planted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import numpy as np
import pandas as pd

from shared.demo_city.building_files.eras import era_of
from shared.demo_city.building_files.facts import (
    OLDEST_YEAR,
    BuildingSize,
    Contradiction,
    FileFacts,
    Property,
    complete_facts,
)
from shared.demo_city.building_files.scans import FileScan, documents_of, iter_pages
from shared.demo_city.building_files.wear import Quality
from shared.demo_city.randomness import stream
from shared.demo_city.tables import building_tables, land_tables
from shared.demo_city.tables.snapshot import Snapshot, days
from shared.errors import InputError

if TYPE_CHECKING:
    from shared.demo_city.city import DemoCity

FILED_SHARE: Final = 0.72
"""Share of the addresses that have a file."""
CONTRADICTION_SHARE: Final = 0.06
FIRST_SEED: Final = 2**32
"""Seeds of the city's files lie above those of invented ones."""
BLOCKS: Final = frozenset({"block", "slab", "tower"})
YEARS_OFF: Final = 3
CHANGEABLE: Final = ("house_number", "plot", "year", "usable_area_m2", "floors", "dwellings")
"""Columns that may be planted with a contradiction."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What the register says about a building that may have a file.

    Args:
        ids: Ids of building, address and parcel.
        place: Property.
        year: Year of the file's process.
        is_new: Whether the process is the construction of the building.
        kind: Kind of the building.
        size: Its size.
    """

    ids: tuple[str, str, str]
    place: Property
    year: int
    is_new: bool
    kind: str
    size: BuildingSize


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file says about its building.

    Args:
        known: What the register says.
        file_id: Id of the file.
        seed: Seed of the file.
        project: What was built.
        place: Property.
        year: Year of the file's process.
        size: Size of the building.
        planted: Where it differs from the register.
    """

    known: Registered
    file_id: str
    seed: int
    project: str
    place: Property
    year: int
    size: BuildingSize
    planted: tuple[Contradiction, ...] = ()


def building_files(snapshot: Snapshot) -> pd.DataFrame:
    """Return the files, one row each; what it says is what stands in the file."""
    made = _files(snapshot)
    facts = [one for _, one in made]
    known = [one for one, _ in made]
    return pd.DataFrame(
        {
            "file_id": [one.file_id for one in facts],
            "building_id": [one.ids[0] for one in known],
            "address_id": [one.ids[1] for one in known],
            "parcel_id": [one.ids[2] for one in known],
            "seed": np.array([one.seed for one in facts], dtype=np.int64),
            "era": [one.era.name for one in facts],
            "family": [one.family.name for one in facts],
            "process": ["Neubau" if one.is_new else "Umbau" for one in known],
            "case_number": [one.case_number for one in facts],
            "street": [one.place.street for one in facts],
            "house_number": [one.place.house_number for one in facts],
            "district": [one.place.district for one in facts],
            "flur": [one.place.flur for one in facts],
            "plot": [one.place.plot for one in facts],
            "applicant": [one.applicant.name for one in facts],
            "designer": [one.designer.name for one in facts],
            "project": [one.project for one in facts],
            "applied_on": days([one.applied for one in facts]),
            "approved_on": days([one.approved for one in facts]),
            "accepted_on": days([one.accepted for one in facts]),
            "year": [one.accepted.year for one in facts],
            "floors": [one.floors for one in facts],
            "dwellings": [one.dwellings for one in facts],
            "usable_area_m2": [one.usable_area_m2 for one in facts],
            "fee": [one.fee for one in facts],
            "currency": [one.era.currency for one in facts],
            "has_contradiction": [bool(one.contradictions) for one in facts],
        }
    )


def contradictions(snapshot: Snapshot) -> pd.DataFrame:
    """Return where files were planted to differ from the register."""
    rows = [(draft.file_id, one) for draft in _drafts(snapshot) for one in draft.planted]
    return pd.DataFrame(
        {
            "file_id": [file_id for file_id, _ in rows],
            "field": [one.field for _, one in rows],
            "in_file": [one.in_file for _, one in rows],
            "in_register": [one.in_register for _, one in rows],
        }
    )


def render_file(
    city: DemoCity, file_id: str, *, dpi: int | None = None, quality: Quality = "mixed"
) -> FileScan:
    """Render a file of the city.

    Args:
        city: The city.
        file_id: Its id, see the table `building_files`.
        dpi: Dots per inch; None draws them (clean: 300).
        quality: How strongly pages are spoilt.

    Raises:
        InputError: There is no such file.
    """
    facts = city_facts(city, file_id)
    pages = tuple(iter_pages([facts], facts.seed, dpi=dpi, quality=quality))
    documents = documents_of([page.truth for page in pages])
    return FileScan(pages, documents, (facts,), facts.split, facts.seed)


def city_facts(city: DemoCity, file_id: str) -> FileFacts:
    """Return the facts of a file of the city.

    Args:
        city: The city.
        file_id: Its id.

    Raises:
        InputError: There is no such file.
    """
    files = city.table("building_files")
    found = files[files["file_id"] == file_id]
    if found.empty:
        raise InputError(reason=f"Die Bauakte {file_id} gibt es in Musterstadt nicht.")
    row: dict[str, Any] = found.iloc[0].to_dict()
    place = Property(row["street"], str(row["house_number"]), row["district"], int(row["flur"]),
                     int(row["plot"]))  # fmt: skip
    size = BuildingSize(int(row["floors"]), int(row["dwellings"]), float(row["usable_area_m2"]))
    facts = _complete(file_id, int(row["seed"]), place, int(row["year"]), size, row["project"])
    listed = city.table("building_file_contradictions")
    mine = listed[listed["file_id"] == file_id]
    planted = tuple(
        Contradiction(one["field"], str(one["in_file"]), str(one["in_register"]))
        for one in mine.to_dict("records")
    )
    return replace(facts, contradictions=planted)


def _files(snapshot: Snapshot) -> list[tuple[Registered, FileFacts]]:
    made = []
    for one in _drafts(snapshot):
        facts = _complete(one.file_id, one.seed, one.place, one.year, one.size, one.project)
        made.append((one.known, replace(facts, contradictions=one.planted)))
    return made


def _drafts(snapshot: Snapshot) -> list[Draft]:
    """Return which buildings have a file, and what it says about them."""
    seed = snapshot.settings.seed
    made = []
    for one in _registered(snapshot):
        number = crc32(f"{seed} {one.ids[0]}".encode())
        rng = stream(seed, "file of building", number)
        if rng.random() >= FILED_SHARE or one.year >= snapshot.day.year:
            continue
        project = _project(one, rng)
        file_id, file_seed = f"MU-{one.ids[0][4:]}", FIRST_SEED + number
        draft = Draft(one, file_id, file_seed, project, one.place, one.year, one.size)
        made.append(_plant(draft, rng) if rng.random() < CONTRADICTION_SHARE else draft)
    return made


def _complete(
    file_id: str, seed: int, place: Property, year: int, size: BuildingSize, project: str
) -> FileFacts:
    rng = stream(seed, "building file")
    return replace(complete_facts(file_id, seed, "test", place, year, size, rng), project=project)


def _registered(snapshot: Snapshot) -> list[Registered]:
    """Return what the register says about the building of each address."""
    addresses = building_tables.addresses(snapshot)
    buildings = building_tables.buildings(snapshot).set_index("building_id")
    parcels = land_tables.parcels(snapshot).set_index("parcel_id")
    names = {snapshot.district_ids[one.number]: one.name for one in snapshot.first.plan.districts}
    made = []
    columns = ["building_id", "address_id", "parcel_id", "street", "house_number", "suffix"]
    houses = buildings[
        ["kind", "year_built", "floors", "dwellings", "usable_area_m2", "district_id"]
    ]
    known = houses.to_dict("index")
    plots = parcels[["flur", "number"]].to_dict("index")
    for row in addresses[columns].to_dict("records"):
        house, plot = known[row["building_id"]], plots[row["parcel_id"]]
        place = Property(
            row["street"], f"{row['house_number']}{row['suffix']}",
            names[house["district_id"]].removeprefix("Dorf "),
            int(plot["flur"]), int(plot["number"]),
        )  # fmt: skip
        size = BuildingSize(
            int(house["floors"]), int(house["dwellings"]), round(float(house["usable_area_m2"]), 2)
        )
        year, is_new = int(house["year_built"]), int(house["year_built"]) > OLDEST_YEAR + 1
        if not is_new:
            rng = stream(snapshot.settings.seed, "conversion", crc32(row["building_id"].encode()))
            year = int(rng.integers(OLDEST_YEAR + 4, 2020))
        ids = (row["building_id"], row["address_id"], row["parcel_id"])
        made.append(Registered(ids, place, year, is_new, house["kind"], size))
    return made


def _project(one: Registered, rng: np.random.Generator) -> str:
    """Return what was built, in the words of its time."""
    old = era_of(one.year).wording == "old"
    if not one.is_new:
        choices = ("Umbau des Erdgeschosses", "Ausbau des Dachgeschosses", "Anbau einer Waschküche")
        return choices[int(rng.integers(3))]
    if one.kind in BLOCKS:
        return "Neubau eines Miethauses" if old else "Neubau eines Mehrfamilienhauses"
    if not one.size.dwellings:
        return "Neubau eines Betriebsgebäudes"
    if one.size.dwellings > 1:
        return "Neubau eines Wohnhauses" if old else "Neubau eines Zweifamilienhauses"
    return "Neubau eines Wohnhauses" if old else "Neubau eines Einfamilienhauses mit Garage"


def _plant(draft: Draft, rng: np.random.Generator) -> Draft:
    """Let a file differ from the register in one column."""
    place, size = draft.place, draft.size
    column = CHANGEABLE[int(rng.integers(len(CHANGEABLE)))]
    if column == "dwellings" and not size.dwellings:
        column = "floors"
    if column == "year" and not draft.known.is_new:
        column = "plot"
    step = int(rng.integers(2, 6))
    if column == "house_number":
        number = int(re.match(r"\d+", place.house_number)[0])  # type: ignore[index]
        changed = replace(draft, place=replace(place, house_number=str(number + 2 * step)))
    elif column == "plot":
        changed = replace(draft, place=replace(place, plot=place.plot + step))
    elif column == "year":
        changed = replace(draft, year=draft.year - YEARS_OFF)
    elif column == "usable_area_m2":
        area = round(size.usable_area_m2 * float(rng.uniform(1.15, 1.4)), 2)
        changed = replace(draft, size=replace(size, usable_area_m2=area))
    else:
        more = {column: getattr(size, column) + 1}
        changed = replace(draft, size=replace(size, **more))
    planted = Contradiction(column, _said(changed, column), _said(draft, column))
    return replace(changed, planted=(planted,))


def _said(draft: Draft, column: str) -> str:
    """Return what a file says in a column."""
    for part in (draft.place, draft.size, draft):
        if hasattr(part, column):
            return str(getattr(part, column))
    raise KeyError(column)
