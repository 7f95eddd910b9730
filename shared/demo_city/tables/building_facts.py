"""What is known about each building: function, use, dwellings, age, heating, energy class."""

from __future__ import annotations

import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from shared.demo_city.randomness import draw_index, place_ids, stream
from shared.demo_city.town import Town
from shared.demo_city.vectors.buildings import Building, dwellings_of

_FILE: Final = Path(__file__).with_name("building_facts.toml")
USABLE_SHARE: Final = (0.72, 0.84)
"""Usable area as a share of outline times floors."""
BLOCK_SHARE: Final = 0.75
"""Share of houses that were built within a few years of the first house of their block."""
BLOCK_YEARS: Final = 4
RENEWED_SHARE: Final = 0.34
"""Share of houses from before 1990 whose walls and windows were renewed."""
RENEWED_NEED: Final = 0.62
ATTIC_SHARE: Final = 0.35
"""Usable area of an attic as a share of one floor."""
OFFICE_JOB_M2: Final = 30.0
SHOP_JOB_M2: Final = 48.0
MONUMENTS: Final = ((1800, 0.5), (1870, 0.24), (1915, 0.05), (1938, 0.008))
"""Share of houses built before a year that are monuments, oldest first."""
ALWAYS_MONUMENTS: Final = frozenset({"town_hall", "church", "church_tower", "station"})
PITCHED: Final = frozenset({"gabled", "hip", "half_hip", "pyramid", "complex"})


@dataclass(frozen=True, slots=True)
class BuildingFacts:
    """Facts about one building.

    Args:
        function_code: Code of the land register.
        use: residential, non_residential, municipal, state or mixed.
        dwellings: Number of dwellings.
        jobs: Number of people who work there.
        floors: Number of full floors.
        height_m: Highest place of the roof above ground.
        year_built: Year it was finished.
        usable_area_m2: Usable floor area.
        monument: Whether it is a listed monument.
        heating: Kind of heating; empty where nothing is heated.
        energy_class: From A+ to H; empty where nothing is heated.
    """

    function_code: str
    use: str
    dwellings: int
    jobs: int
    floors: int
    height_m: float
    year_built: int
    usable_area_m2: float
    monument: bool
    heating: str
    energy_class: str


@cache
def fact_rules() -> dict[str, Any]:
    """Return the rules of `building_facts.toml`."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def building_facts(
    town: Town, origins: Sequence[Building], built: Mapping[int, date]
) -> tuple[BuildingFacts, ...]:
    """Return the facts of all buildings of a town.

    Args:
        town: The town on some day.
        origins: All buildings as they were built; what is drawn for one follows its place.
        built: Days on which new buildings were finished, by their place in the list.
    """
    offices = _offices(town, origins)
    return tuple(
        _facts(town, index, origins[index], built.get(index), offices.get(index))
        for index in range(len(town.buildings))
    )


def _facts(
    town: Town,
    index: int,
    origin: Building,
    finished: date | None,
    office: tuple[str, str] | None,
) -> BuildingFacts:
    building, roof = town.buildings[index], town.roofs[index]
    rule = fact_rules()["kinds"][building.kind]
    district = _district(town, building)
    rng = stream(town.plan.seed, "facts", *place_ids(*origin.walls.centroid.coords[0]))
    share, shop_draw, monument_draw, renewed_draw, need_draw = rng.random(5)
    year = (
        finished.year if finished else _year(town, building, district, rng, roof_year(town, index))
    )
    low, high = USABLE_SHARE
    floors = building.floors + (ATTIC_SHARE if roof.form in PITCHED and building.is_main else 0.0)
    usable = building.walls.area * floors * (low + (high - low) * share)
    function, use = rule["function"], rule["use"]
    has_shops = shop_draw < rule.get("shops", 0.0)
    if has_shops:
        function, use = "31001_1120", "mixed"
    if office:
        function, use = office
    dwellings, jobs = _people(building, usable, has_shops, office)
    is_heated = bool(dwellings or jobs)
    return BuildingFacts(
        function,
        use,
        dwellings,
        jobs,
        building.floors,
        roof_top_m(town, index),
        year,
        usable,
        building.kind in ALWAYS_MONUMENTS
        or (building.is_main and monument_draw < _monument_share(year)),
        _heating(district, year, rng) if is_heated else "",
        _energy_class(year, renewed_draw, need_draw) if is_heated else "",
    )


def _offices(town: Town, origins: Sequence[Building]) -> dict[int, tuple[str, str]]:
    found = {}
    for rule in fact_rules()["offices"]:
        houses = [
            index
            for index, one in enumerate(origins)
            if one.kind == rule["kind"] and _district(town, one) == rule["district"]
        ]
        houses.sort(key=lambda index: (-round(origins[index].walls.area, 2), index))
        found.update(
            {
                index: (str(function), str(use))
                for index, (function, use) in zip(houses, rule["functions"], strict=False)
            }
        )
    return found


def _district(town: Town, building: Building) -> str:
    number = town.parcels[building.parcel].district
    return next(one.name for one in town.plan.districts if one.number == number)


def roof_year(town: Town, index: int) -> int:
    """Return the year in which a roof was covered: no house is younger than its roof."""
    return town.roofs[index].covered_on.year


def roof_top_m(town: Town, index: int) -> float:
    """Return the height of the highest place of a roof above ground [m]."""
    planes = town.roofs[index].planes
    places, plane = shapely.get_coordinates([one.area for one in planes], return_index=True)
    rises = np.array([(one.slope.rise_x, one.slope.rise_y, one.slope.base) for one in planes])
    x, y, base = rises[plane].T
    return float((x * places[:, 0] + y * places[:, 1] + base).max())


def _year(
    town: Town, building: Building, district: str, rng: np.random.Generator, latest: int
) -> int:
    rule = fact_rules()["kinds"][building.kind]
    block = town.parcels[building.parcel].block
    if "years" in rule:
        # Church and tower, station and platform roofs are of one age.
        year = _drawn_year(rule["years"], stream(town.plan.seed, "years of a kind", block))
    else:
        periods = fact_rules()["districts"][district]
        year = _drawn_year(periods, stream(town.plan.seed, "years of a block", block))
        if rng.random() >= BLOCK_SHARE:
            year = _drawn_year(periods, rng)
        year += int(rng.integers(-BLOCK_YEARS, BLOCK_YEARS + 1))
    return min(year, latest)


def _drawn_year(periods: Sequence[tuple[int, int, float]], rng: np.random.Generator) -> int:
    first, last, _ = periods[draw_index(rng, tuple(share for *_, share in periods))]
    return int(rng.integers(first, last + 1))


def _people(
    building: Building, usable_m2: float, has_shops: bool, office: tuple[str, str] | None
) -> tuple[int, int]:
    """Return the number of dwellings and of jobs; a place in a home counts as a dwelling."""
    rule = fact_rules()["kinds"][building.kind]
    if office:
        return 0, _rounded(usable_m2, OFFICE_JOB_M2)
    jobs = _rounded(usable_m2, rule.get("jobs_m2", 0))
    if has_shops:
        jobs += _rounded(usable_m2 / building.floors, SHOP_JOB_M2)
    return dwellings_of(building) or _rounded(usable_m2, rule.get("place_m2", 0)), jobs


def _rounded(area_m2: float, each_m2: float) -> int:
    return max(1, round(area_m2 / each_m2)) if each_m2 else 0


def _monument_share(year: int) -> float:
    return next((share for before, share in MONUMENTS if year < before), 0.0)


def _heating(district: str, year: int, rng: np.random.Generator) -> str:
    rules = fact_rules()["heating"]
    if year >= rules["heat_pump_from"]:
        return "district" if rng.random() < 0.2 else "heat_pump"
    shares = rules.get(district, rules["usual"])
    return str(list(shares)[draw_index(rng, tuple(shares.values()))])


def _energy_class(year: int, renewed_draw: float, need_draw: float) -> str:
    rules = fact_rules()
    need = rules["need"]["kwh_per_m2"][bisect_left(rules["need"]["until"], year)]
    if year < 1990 and renewed_draw < RENEWED_SHARE:
        need *= RENEWED_NEED
    need *= 0.8 + 0.4 * need_draw
    place = bisect_right(rules["classes"]["below"], need)
    return str([*rules["classes"]["names"], "H"][place])
