"""Tables of addresses, buildings, their roofs, their solar units and of what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from shared.demo_city.events.kinds import Event
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.settings import POSTCODE
from shared.demo_city.tables.snapshot import Snapshot, address_id, days
from shared.demo_city.things import Thing

KWP_PER_M2: Final = 0.21
"""Power of modules; usual range 0.20 to 0.22 kWp per m2."""
LAG_DAYS: Final = (30, 540)
"""The register of outlines follows what was built by 1 to 18 months."""
UNREGISTERED_SHARE: Final = 0.06
FIRST_MODULES: Final = date(2004, 1, 1)
COLOURS: Final = {
    "tile_red": "rot", "tile_orange": "naturrot", "tile_brown": "braun",
    "tile_anthracite": "anthrazit", "tile_glazed": "schwarz", "slate": "schwarz",
}  # fmt: skip
OTHER_COLOUR: Final = "grau"


def addresses(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the addresses of the main buildings."""
    shown = set(snapshot.shown)
    made = [one for one in snapshot.addresses if one.building in shown]
    streets = [snapshot.first.network.streets[one.street] for one in made]
    parcels = snapshot.first.parcels
    count = len(made)
    return snapshot.frame(
        {
            "address_id": [address_id(snapshot.building_ids[one.building]) for one in made],
            "street": [street.name for street in streets],
            "house_number": [one.number for one in made],
            "suffix": [one.suffix for one in made],
            "label": [
                f"{street.name} {one.house_number}"
                for street, one in zip(streets, made, strict=True)
            ],
            "old_street": [street.former_name for street in streets],
            "plz": [POSTCODE] * count,
            "city": ["Musterstadt"] * count,
            "street_id": [snapshot.street_ids[one.street] for one in made],
            "building_id": [snapshot.building_ids[one.building] for one in made],
            "parcel_id": [parcels[snapshot.origins[one.building].parcel].parcel_id for one in made],
        },
        [one.entrance for one in made],
    )


def buildings(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the buildings; `valid_to` is empty while a building stands."""
    shown = snapshot.shown
    town, parcels = snapshot.town, snapshot.first.parcels
    facts = [snapshot.facts[index] for index in shown]
    plots = [parcels[town.buildings[index].parcel] for index in shown]
    valid_from = [snapshot.built_on.get(i) or _finished(snapshot, i) for i in shown]
    return snapshot.frame(
        {
            "building_id": [snapshot.building_ids[index] for index in shown],
            "address_id": [snapshot.address_of[index] for index in shown],
            "parcel_id": [plot.parcel_id for plot in plots],
            "district_id": [snapshot.district_ids[plot.district] for plot in plots],
            "kind": [town.buildings[index].kind for index in shown],
            "is_main": [town.buildings[index].is_main for index in shown],
            "function_code": [one.function_code for one in facts],
            "use": [one.use for one in facts],
            "dwellings": [one.dwellings for one in facts],
            "jobs": [one.jobs for one in facts],
            "floors": [one.floors for one in facts],
            "height_m": [one.height_m for one in facts],
            "year_built": [one.year_built for one in facts],
            "usable_area_m2": [one.usable_area_m2 for one in facts],
            "monument": [one.monument for one in facts],
            "heating": [one.heating for one in facts],
            "energy_class": [one.energy_class for one in facts],
            "valid_from": days(valid_from),
            "valid_to": days([snapshot.gone_on.get(index) for index in shown]),
            "registered_on": days(
                [_registered(snapshot, i, day) for i, day in zip(shown, valid_from, strict=True)]
            ),
        },
        [town.buildings[index].walls for index in shown],
    )


def _finished(snapshot: Snapshot, index: int) -> date:
    rng = _stream(snapshot, "finished", index)
    return date(
        snapshot.facts[index].year_built, int(rng.integers(1, 13)), int(rng.integers(1, 29))
    )


def _registered(snapshot: Snapshot, index: int, finished: date) -> date:
    """Return the day from which the register of outlines shows what stands there now."""
    changed = [
        one.day
        for one in snapshot.events_of.get(index, ())
        if one.kind in {"new_building", "extension"} and one.day <= snapshot.day
    ]
    start = max(changed, default=finished)
    lag = int(_stream(snapshot, "register", index).integers(*LAG_DAYS, endpoint=True))
    return date.fromordinal(start.toordinal() + lag)


def _stream(snapshot: Snapshot, stage: str, index: int) -> np.random.Generator:
    middle = snapshot.origins[index].walls.centroid
    return stream(snapshot.settings.seed, stage, *place_ids(middle.x, middle.y))


def roof_planes(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the planes of all roofs that stand."""
    rows = [
        (roof, number, plane)
        for roof in snapshot.town.roofs
        if roof.building not in snapshot.town.gone
        for number, plane in enumerate(roof.planes)
    ]
    ids = snapshot.building_ids
    return snapshot.frame(
        {
            "plane_id": [plane_id(ids[roof.building], number) for roof, number, _ in rows],
            "building_id": [ids[roof.building] for roof, _, _ in rows],
            "form": [roof.form for roof, _, _ in rows],
            "azimuth_deg": [plane.slope.azimuth_deg for _, _, plane in rows],
            "slope_deg": [plane.slope.slope_deg for _, _, plane in rows],
            "area_m2": [plane.true_area_m2 for _, _, plane in rows],
            "footprint_m2": [plane.area.area for _, _, plane in rows],
            "material": [roof.material for roof, _, _ in rows],
            "colour": [COLOURS.get(roof.material, OTHER_COLOUR) for roof, _, _ in rows],
            "covered_since": days([roof.covered_on for roof, _, _ in rows]),
        },
        [plane.area for _, _, plane in rows],
    )


def plane_id(building: str, number: int) -> str:
    """Return the id of a plane of a roof."""
    return f"{building}-{number:02d}"


def solar_units(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the solar units of roofs and ground; `instance` is their number in the images."""
    rows = [
        (number, thing)
        for number, thing in enumerate(snapshot.town.things, 1)
        if thing.solar != "none" and thing.building not in snapshot.town.gone
    ]
    units = [thing for _, thing in rows]
    ids = _unit_ids(snapshot, units)
    area = [
        sum(part.area.area / _cosine(part.slope.slope_deg) for part in one.parts) for one in units
    ]
    return snapshot.frame(
        {
            "unit_id": ids,
            "building_id": [
                snapshot.building_ids[one.building] if one.building >= 0 else "" for one in units
            ],
            "kind": ["ground" if one.solar == "pv_ground" else one.solar for one in units],
            "area_m2": area,
            "kwp": [
                round(m2 * KWP_PER_M2, 2) if one.solar != "thermal" else 0.0
                for m2, one in zip(area, units, strict=True)
            ],
            "azimuth_deg": [one.parts[0].slope.azimuth_deg for one in units],
            "slope_deg": [one.parts[0].slope.slope_deg for one in units],
            "commissioned_on": days([_commissioned(snapshot, one) for one in units]),
            "in_register": [_in_register(snapshot, one) for one in units],
            "parcel_id": [
                snapshot.first.parcels[one.parcel].parcel_id if one.parcel >= 0 else ""
                for one in units
            ],
            "instance": [number for number, _ in rows],
        },
        [one.area for one in units],
    )


def _in_register(snapshot: Snapshot, unit: Thing) -> bool:
    draw = stream(snapshot.settings.seed, "unit register", unit.number).random()
    return bool(draw >= UNREGISTERED_SHARE)


def _unit_ids(snapshot: Snapshot, units: Sequence[Thing]) -> list[str]:
    """Return building, kind and a running number; units on the ground are named by their place."""
    counts: dict[str, int] = {}
    made = []
    for one in units:
        name = f"{snapshot.building_ids[one.building]}-{one.solar}"
        if one.building < 0:
            east, north = place_ids(one.area.centroid.x, one.area.centroid.y)
            name = f"GROUND{east - 1_000_000:05d}{north - 1_000_000:05d}-{one.solar}"
        counts[name] = counts.get(name, 0) + 1
        made.append(f"{name}-{counts[name]}")
    return made


def _cosine(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def _commissioned(snapshot: Snapshot, unit: Thing) -> date:
    """Return the day of its event, else a day before the first flight, rather a late one."""
    first_flight = snapshot.settings.flights[0]
    added = "thermal_added" if unit.solar == "thermal" else "pv_added"
    start = FIRST_MODULES
    if unit.building >= 0:
        kinds = {added, "new_building"} if unit.solar != "thermal" else {added}
        for one in snapshot.events_of.get(unit.building, ()):
            if one.kind in kinds and one.day <= snapshot.day:
                return one.day
        start = max(start, _finished(snapshot, unit.building))
    share = stream(snapshot.settings.seed, "commissioned", unit.number).random()
    span = first_flight.toordinal() - start.toordinal()
    return date.fromordinal(start.toordinal() + int(span * share**0.5))


def events(snapshot: Snapshot) -> pd.DataFrame:
    """Return what changed by the day, in the order of the days."""
    made = [one for one in snapshot.events if one.day <= snapshot.day]
    return pd.DataFrame(
        {
            "event_id": [event_id(snapshot, one) for one in made],
            "kind": [one.kind for one in made],
            "building_id": [
                snapshot.building_ids[one.building] if one.building >= 0 else "" for one in made
            ],
            "parcel_id": [snapshot.first.parcels[one.parcel].parcel_id for one in made],
            "date": days([one.day for one in made]),
            "note": [one.note for one in made],
        }
    )


def event_id(snapshot: Snapshot, event: Event) -> str:
    """Return the id of an event: what it concerns and its kind."""
    if event.building >= 0:
        return f"E-{snapshot.building_ids[event.building]}-{event.kind}"
    return f"E-{snapshot.first.parcels[event.parcel].parcel_id}-{event.kind}"
