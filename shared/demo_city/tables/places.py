"""Places of public life: schools, doctors, stops, toilets, benches, with what is known of them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import Point

from shared.demo_city.randomness import draw_index, place_draws, place_ids, stream
from shared.demo_city.settings import MUNICIPALITY_KEY
from shared.demo_city.tables.person_names import draw_family_name
from shared.demo_city.tables.snapshot import Snapshot, address_id
from shared.demo_city.vectors.plan import CROSS_SECTIONS
from shared.demo_city.vectors.streets import Street

WHEELCHAIR: Final = ("voll", "teilweise", "nicht", "unbekannt")
LIFT_KINDS: Final = frozenset({"hospital", "care_home", "town_office", "library", "rail_stop"})
UNCHECKED: Final = "ungeprueft"
"""Status of the telephone numbers: they come from the block that is kept free for fiction."""
FIRST_NUMBER, LAST_NUMBER = 0, 999
STOP_EVERY_M: Final = 380.0
OPPOSITE_M: Final = 25.0
"""The stop of the other direction lies this much farther on."""
STOP_STREETS: Final = frozenset({"primary", "secondary"})
NO_STREET: Final = frozenset({"path"})
KERB_M: Final = 1.0
KERB_EVERY_M: Final = 60.0
"""Each street offers one spot at its kerbs per so many metres."""
PASSING: Final = frozenset({"new_building", "demolition"})
"""Places are where a house stands on all days."""
_FILE: Final = Path(__file__).with_name("places.toml")


@dataclass(frozen=True, slots=True)
class PlaceSpot:
    """Where a place lies.

    Args:
        point: The place [m].
        address: Place in `snapshot.addresses`; -1 without one.
    """

    point: Point
    address: int = -1


@cache
def categories() -> Mapping[str, Mapping[str, Any]]:
    """Return the categories of places by their key, in the order of the file."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def places(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the places.

    Args:
        snapshot: The town on some day; places do not change with the day.
    """
    rows: list[dict[str, object]] = []
    points: list[Point] = []
    find_street, draws = _street_finder(snapshot), _address_draws(snapshot)
    for key, category in categories().items():
        for number, spot in enumerate(_spots(snapshot, key, category, draws[key])):
            rng = stream(
                snapshot.settings.seed,
                f"place {key}",
                *place_ids(spot.point.x, spot.point.y),
                number,
            )
            street = find_street(spot)
            rows.append(_row(snapshot, key, category, number, spot, street, rng))
            points.append(spot.point)
    columns = pd.DataFrame(rows)
    columns["district_id"] = _districts(snapshot, points)
    columns["phone"] = [
        f"030 23125-{FIRST_NUMBER + number % (LAST_NUMBER + 1):03d}" if has_phone else None
        for number, has_phone in enumerate(columns.pop("has_phone"))
    ]
    columns["phone_status"] = UNCHECKED
    order = [*_FIRST_COLUMNS, *(name for name in columns if name not in _FIRST_COLUMNS)]
    return snapshot.frame({name: columns[name].to_numpy() for name in order}, points)


_FIRST_COLUMNS: Final = (
    "place_id", "category", "name", "district_id", "address_id", "street", "opening_hours",
    "phone", "phone_status", "wheelchair", "lift", "tactile", "induction_loop",
    "toilet_eurokey", "capacity",
)  # fmt: skip


def _row(
    snapshot: Snapshot,
    key: str,
    category: Mapping[str, Any],
    number: int,
    spot: PlaceSpot,
    street: str,
    rng: np.random.Generator,
) -> dict[str, object]:
    wheelchair = WHEELCHAIR[draw_index(rng, tuple(category["wheelchair"]))]
    is_full = wheelchair == "voll"
    hours = category.get("hours")
    has_address = spot.address >= 0
    row: dict[str, object] = {
        "place_id": f"{MUNICIPALITY_KEY}-{key}-{number + 1:03d}",
        "category": category["category"],
        "name": _name(category, number, street, rng),
        "address_id": _address_id(snapshot, spot.address) if has_address else None,
        "street": street,
        "opening_hours": _drawn(hours, rng) if hours else None,
        "has_phone": has_address and key not in {"defibrillator", "cool_place"},
        "wheelchair": wheelchair,
        "lift": _known(rng, 0.8 if is_full else 0.2) if key in LIFT_KINDS else None,
        "tactile": _known(rng, 0.5 if is_full else 0.15),
        "induction_loop": _known(rng, 0.3 if is_full else 0.05) if has_address else None,
        "toilet_eurokey": ("ja" if is_full else "nein") if key == "toilet" else None,
        "capacity": int(rng.integers(*category["capacity"])) if "capacity" in category else None,
    }
    for name, values in category.get("extra", {}).items():
        in_order = category.get("in_order") and len(values) == category["count"]
        row[name] = values[number] if in_order else _drawn(values, rng)
    return row


def _address_id(snapshot: Snapshot, number: int) -> str:
    return address_id(snapshot.building_ids[snapshot.addresses[number].building])


def _name(category: Mapping[str, Any], number: int, street: str, rng: np.random.Generator) -> str:
    names = category.get("names")
    if names:
        round_trip, place = divmod(number, len(names))
        return str(names[place]) if not round_trip else f"{names[place]} {round_trip + 1}"
    return str(category["name"]).format(street=street, family=draw_family_name(rng))


def _drawn(values: Sequence[object], rng: np.random.Generator) -> object:
    return values[int(rng.integers(len(values)))]


def _known(rng: np.random.Generator, share: float) -> str:
    """Draw ja, nein or, for every fifth, unbekannt."""
    return "unbekannt" if rng.random() < 0.2 else "ja" if rng.random() < share else "nein"


def _spots(
    snapshot: Snapshot, key: str, category: Mapping[str, Any], draws: NDArray[np.float64]
) -> list[PlaceSpot]:
    kind, _, what = str(category["where"]).partition(":")
    finders: dict[str, Callable[[], Iterator[PlaceSpot]]] = {
        "building": lambda: _buildings(snapshot, what),
        "open": lambda: _open_spaces(snapshot, what),
        "address": lambda: _addresses(snapshot, category, draws),
        "street": lambda: _kerbs(snapshot, key, category),
        "stops": lambda: _stops(snapshot),
    }
    count = int(category["count"])
    found = [spot for spot, _ in zip(finders[kind](), range(count), strict=False)]
    if len(found) < count and "spread" in category:
        more = finders[str(category["spread"])]()
        found += [spot for spot, _ in zip(more, range(count - len(found)), strict=False)]
    return found


def _buildings(snapshot: Snapshot, kind: str) -> Iterator[PlaceSpot]:
    at = {one.building: number for number, one in enumerate(snapshot.addresses)}
    for index, building in enumerate(snapshot.first.buildings):
        if building.kind == kind:
            address = at.get(index, -1)
            point = (
                snapshot.addresses[address].entrance if address >= 0 else building.walls.centroid
            )
            yield PlaceSpot(point, address)


def _open_spaces(snapshot: Snapshot, use: str) -> Iterator[PlaceSpot]:
    for parcel in snapshot.first.parcels:
        if parcel.use == use:
            yield PlaceSpot(parcel.area.representative_point())
    for name, area in snapshot.first.plan.open_spaces:
        if name == use:
            yield PlaceSpot(area.representative_point())


def _addresses(
    snapshot: Snapshot, category: Mapping[str, Any], draws: NDArray[np.float64]
) -> Iterator[PlaceSpot]:
    wanted = _wanted_districts(snapshot, category)
    passing = {one.building for one in snapshot.events if one.kind in PASSING}
    for number in np.argsort(draws, kind="stable").tolist():
        address = snapshot.addresses[number]
        district = snapshot.first.parcels[snapshot.origins[address.building].parcel].district
        if district in wanted and address.building not in passing:
            yield PlaceSpot(address.entrance, number)


def _address_draws(snapshot: Snapshot) -> dict[str, NDArray[np.float64]]:
    """Return a draw per address by category; the lowest are chosen first."""
    entrances = shapely.get_coordinates([one.entrance for one in snapshot.addresses])
    draws = place_draws(snapshot.settings.seed, "places", entrances, len(categories()))
    return dict(zip(categories(), draws.T, strict=True))


def _kerbs(snapshot: Snapshot, key: str, category: Mapping[str, Any]) -> Iterator[PlaceSpot]:
    wanted = _wanted_districts(snapshot, category)
    streets = [
        one
        for one in snapshot.first.network.streets
        if one.street not in NO_STREET and one.district in wanted
    ]
    drawn: list[tuple[float, int, float, bool]] = []
    for index, street in enumerate(streets):
        middle = street.line.interpolate(0.5, normalized=True)
        rng = stream(snapshot.settings.seed, f"kerbs of {key}", *place_ids(middle.x, middle.y))
        for order, share, side in rng.random((int(street.line.length / KERB_EVERY_M) + 1, 3)):
            along = (0.1 + 0.8 * share) * street.line.length
            drawn.append((float(order), index, float(along), bool(side < 0.5)))
    for _, index, along, is_left in sorted(drawn):
        yield from _beside(snapshot, streets[index], along, is_left=is_left)


def _stops(snapshot: Snapshot) -> Iterator[PlaceSpot]:
    for street in snapshot.first.network.streets:
        if street.street not in STOP_STREETS:
            continue
        for along in np.arange(STOP_EVERY_M / 2, street.line.length, STOP_EVERY_M):
            yield from _beside(snapshot, street, float(along), is_left=True)
            yield from _beside(snapshot, street, float(along) + OPPOSITE_M, is_left=False)


def _beside(
    snapshot: Snapshot, street: Street, along_m: float, *, is_left: bool
) -> Iterator[PlaceSpot]:
    """Yield the place at a kerb unless it lies outside the town."""
    line = street.line
    before, after = line.interpolate(max(0.0, along_m - 1)), line.interpolate(along_m + 1)
    east, north = after.x - before.x, after.y - before.y
    length = float(np.hypot(east, north)) or 1.0
    half = CROSS_SECTIONS[street.street].width_m / 2 - KERB_M
    away = (half if is_left else -half) / length
    middle = line.interpolate(along_m)
    place = Point(middle.x - north * away, middle.y + east * away)
    if snapshot.first.plan.area.contains(place):
        yield PlaceSpot(place)


def _wanted_districts(snapshot: Snapshot, category: Mapping[str, Any]) -> frozenset[int]:
    names = category.get("districts")
    return frozenset(
        one.number for one in snapshot.first.plan.districts if names is None or one.name in names
    )


def _street_finder(snapshot: Snapshot) -> Callable[[PlaceSpot], str]:
    streets = snapshot.first.network.streets
    tree = shapely.STRtree([one.line for one in streets])

    def find(spot: PlaceSpot) -> str:
        if spot.address >= 0:
            return streets[snapshot.addresses[spot.address].street].name
        return streets[int(tree.nearest(spot.point))].name

    return find


def _districts(snapshot: Snapshot, points: list[Point]) -> list[str]:
    districts = snapshot.first.plan.districts
    tree = shapely.STRtree([one.area for one in districts])
    nearest = tree.nearest(np.array(points, dtype=object))
    return [snapshot.district_ids[districts[int(one)].number] for one in nearest]
