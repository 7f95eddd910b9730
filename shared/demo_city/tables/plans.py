"""Local plans, protected areas, floods, district heating, building sites."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.ops
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import place_draws, place_ids, stream
from shared.demo_city.settings import MUNICIPALITY_KEY
from shared.demo_city.tables.snapshot import Snapshot
from shared.demo_city.vectors.overlay import common, polygons, without
from shared.demo_city.vectors.streets import CANAL_FROM_M

LOCAL_PLANS: Final = 16
PLAN_M2: Final = (25_000.0, 90_000.0)
ACROSS_STREETS_M: Final = 22.0
"""Blocks of one plan lie at most this far apart."""
DRAFT_SHARE: Final = 0.2
DUTIES_FROM: Final = date(2019, 1, 1)
"""Since about then German local plans ban gravel gardens and ask for green roofs."""
ENSEMBLE_M: Final = 190.0
FLOOD_M: Final = {"canal": 10.0, "brook": 48.0}
WELL: Final = (3_420.0, 560.0)
WATER_ZONES_M: Final = (("Zone II", 150.0), ("Zone IIIA", 520.0))
LANDSCAPE_M: Final = 330.0
SITES: Final = 5
PROJECTS: Final = 4


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What is known of a plan.

    Args:
        kind: b_plan, monument_ensemble, flood_zone, water_protection, district_heating,
            landscape_protection, construction_site or building_project.
        number: Number of a local plan.
        name: Name for people.
        status: "Entwurf" or "rechtskräftig" for local plans, "im Bau" or "geplant" for sites.
        date: Day from which it counts.
        grz: Site occupancy index (Grundflächenzahl), 0 to 1.
        gravel_garden_ban: "ja" where gravel gardens are forbidden, else "nein".
        green_roof_duty: "ja" where flat roofs must be green, else "nein".
        solar_rule: "Pflicht", "empfohlen" or "keine".
        dwellings: Planned dwellings of a building project.
        road_closed: "ja" where a building site closes the street, else "nein".
        end: Last day of a building site.
    """

    kind: str
    name: str
    number: str | None = None
    status: str | None = None
    date: datetime.date | None = None
    grz: float | None = None
    gravel_garden_ban: str | None = None
    green_roof_duty: str | None = None
    solar_rule: str | None = None
    dwellings: int | None = None
    road_closed: str | None = None
    end: datetime.date | None = None


def plans(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return plans and protected areas, one row per area.

    Args:
        snapshot: The town on some day; plans do not change with the day.
    """
    made = [
        *_local_plans(snapshot),
        *_ensembles(snapshot),
        *_floods(snapshot),
        *_water(snapshot),
        *_heat(snapshot),
        *_landscape(snapshot),
        *_building_sites(snapshot),
        *_projects(snapshot),
    ]
    rows = pd.DataFrame([asdict(facts) for facts, _ in made])
    rows.insert(0, "plan_id", [f"{MUNICIPALITY_KEY}-P{n:03d}" for n in range(1, len(made) + 1)])
    for name in ("date", "end"):
        rows[name] = pd.to_datetime(rows[name])
    columns = {name: rows[name].to_numpy() for name in rows}
    return snapshot.frame(columns, [shapely.MultiPolygon(polygons(area)) for _, area in made])


Made = tuple[PlanFacts, BaseGeometry]


def _drawn(snapshot: Snapshot, stage: str, areas: Sequence[BaseGeometry]) -> list[int]:
    """Return numbers of areas in a drawn order; one area more turns no others round."""
    middles = shapely.get_coordinates(shapely.centroid(np.array(areas, dtype=object)))
    draws = place_draws(snapshot.settings.seed, stage, middles)
    found: list[int] = np.argsort(draws[:, 0], kind="stable").tolist()
    return found


def _stream(snapshot: Snapshot, stage: str, area: BaseGeometry) -> np.random.Generator:
    middle = area.centroid
    return stream(snapshot.settings.seed, stage, *place_ids(middle.x, middle.y))


def _local_plans(snapshot: Snapshot) -> Iterator[Made]:
    blocks = snapshot.first.network.blocks
    names = {one.number: one.name for one in snapshot.first.plan.districts}
    free = {number for number, block in enumerate(blocks) if names[block.district] != "Altstadt"}
    tree = shapely.STRtree([block.area for block in blocks])
    numbers: dict[int, int] = {}
    for start in _drawn(snapshot, "local plans", [block.area for block in blocks]):
        if start not in free or sum(numbers.values()) == LOCAL_PLANS:
            continue
        rng = _stream(snapshot, "local plan", blocks[start].area)
        target = float(rng.uniform(*PLAN_M2))
        chosen = _neighbours(start, target, free, tree)
        free -= set(chosen)
        district = blocks[chosen[0]].district
        numbers[district] = numbers.get(district, 0) + 1
        number = f"{district}.{numbers[district]:02d}"
        areas = shapely.union_all([blocks[one].area for one in chosen])
        gap = ACROSS_STREETS_M / 2
        area = areas.buffer(gap, join_style="mitre").buffer(-gap, join_style="mitre")
        yield _local_plan(number, names[district], rng), area


def _neighbours(start: int, target_m2: float, free: set[int], tree: shapely.STRtree) -> list[int]:
    areas = tree.geometries
    chosen, total = [start], areas[start].area
    for one in chosen:
        near = np.sort(tree.query(areas[one], predicate="dwithin", distance=ACROSS_STREETS_M))
        for other in near.tolist():
            if total < target_m2 and other in free and other not in chosen:
                chosen.append(other)
                total += areas[other].area
    return chosen


def _local_plan(number: str, district: str, rng: np.random.Generator) -> PlanFacts:
    day = date(int(rng.integers(1968, 2026)), int(rng.integers(1, 13)), int(rng.integers(1, 29)))
    is_new = day >= DUTIES_FROM
    is_trade = district == "Gewerbepark"
    is_draft = is_new and rng.random() < DRAFT_SHARE * 2
    return PlanFacts(
        "b_plan",
        f"Bebauungsplan {number} {district}",
        number=number,
        status="Entwurf" if is_draft else "rechtskräftig",
        date=day,
        grz=0.8 if is_trade else float(rng.choice([0.3, 0.4, 0.4, 0.6])),
        gravel_garden_ban=_yes(is_new and rng.random() < 0.8),
        green_roof_duty=_yes(is_new and rng.random() < 0.6),
        solar_rule=str(rng.choice(["Pflicht", "empfohlen"])) if is_new else "keine",
    )


def _yes(is_so: bool) -> str:
    return "ja" if is_so else "nein"


def _ensembles(snapshot: Snapshot) -> Iterator[Made]:
    town = snapshot.first
    middle = shapely.Point(snapshot.settings.size_m / 2, snapshot.settings.size_m / 2)
    near = [parcel.area for parcel in town.parcels if parcel.area.distance(middle) < ENSEMBLE_M]
    area = shapely.union_all(near).buffer(8, join_style="mitre").buffer(-8, join_style="mitre")
    facts = PlanFacts("monument_ensemble", "Denkmalbereich Altstadt", date=date(1987, 3, 1))
    yield facts, area


def _floods(snapshot: Snapshot) -> Iterator[Made]:
    plan = snapshot.first.plan
    for line, width in plan.waters:
        kind = "canal" if width >= CANAL_FROM_M else "brook"
        area = common(line.buffer(width / 2 + FLOOD_M[kind], quad_segs=4), plan.area)
        name = "Überschwemmungsgebiet HQ100 " + ("Kanal" if kind == "canal" else "Wiesenbach")
        yield PlanFacts("flood_zone", name, date=date(2013, 6, 1)), area


def _water(snapshot: Snapshot) -> Iterator[Made]:
    plan = snapshot.first.plan
    well = shapely.Point(*WELL)
    inner: BaseGeometry = Polygon()
    for name, radius in WATER_ZONES_M:
        zone = common(well.buffer(radius, quad_segs=12), plan.area)
        facts = PlanFacts(
            "water_protection", f"Wasserschutzgebiet Südost, {name}", date=date(1998, 10, 1)
        )
        yield facts, without(zone, inner)
        inner = zone


def _heat(snapshot: Snapshot) -> Iterator[Made]:
    districts = {one.name: one.built for one in snapshot.first.plan.districts}
    area = shapely.union_all([districts["Altstadt"], districts["Bahnhof"]])
    yield PlanFacts("district_heating", "Fernwärmegebiet Mitte", date=date(2009, 1, 1)), area


def _landscape(snapshot: Snapshot) -> Iterator[Made]:
    plan = snapshot.first.plan
    built = shapely.union_all([one.built for one in plan.districts])
    brooks = [line for line, width in plan.waters if width < CANAL_FROM_M]
    wide = common(shapely.union_all([one.buffer(LANDSCAPE_M) for one in brooks]), plan.area)
    facts = PlanFacts(
        "landscape_protection", "Landschaftsschutzgebiet Wiesenbachtal", date=date(2004, 5, 1)
    )
    yield facts, without(wide, built.buffer(15))


def _building_sites(snapshot: Snapshot) -> Iterator[Made]:
    streets = [one for one in snapshot.first.network.streets if one.street != "path" and one.name]
    for number in _drawn(snapshot, "building sites", [one.line for one in streets])[:SITES]:
        street = streets[number]
        rng = _stream(snapshot, "building site", street.line)
        start = date(2026, int(rng.integers(3, 9)), int(rng.integers(1, 29)))
        length = min(street.line.length, 90.0)
        line = shapely.ops.substring(street.line, 0, length)
        facts = PlanFacts(
            "construction_site",
            f"Kanalbau {street.name}",
            status="im Bau" if start <= snapshot.settings.flights[-1] else "geplant",
            date=start,
            road_closed=_yes(rng.random() < 0.5),
            end=date(2026, min(12, start.month + 3), start.day),
        )
        yield facts, line.buffer(4, cap_style="flat")


def _projects(snapshot: Snapshot) -> Iterator[Made]:
    blocks = snapshot.first.network.blocks
    names = {one.number: one.name for one in snapshot.first.plan.districts}
    for number in _drawn(snapshot, "projects", [one.area for one in blocks])[:PROJECTS]:
        block = blocks[number]
        rng = _stream(snapshot, "project", block.area)
        dwellings = int(rng.integers(12, 140))
        facts = PlanFacts(
            "building_project",
            f"Wohnbauvorhaben {names[block.district]}",
            status=str(rng.choice(["geplant", "im Bau"])),
            date=date(int(rng.integers(2026, 2030)), 1, 1),
            dwellings=dwellings,
        )
        yield facts, block.area
