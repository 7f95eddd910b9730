"""Make the events: each kind says which places it can happen to and what is different then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, Literal

import numpy as np
from shapely import Polygon

from shared.demo_city.events.kinds import FRESH_GREEN, Event, EventKind, EventSite
from shared.demo_city.events.plot_changes import (
    Change,
    gravelled,
    sealed,
    unsealed,
    with_pool,
    with_walls,
)
from shared.demo_city.events.roof_changes import (
    cleaned,
    covered_with,
    extended,
    raised,
    renewed,
    under_construction,
)
from shared.demo_city.labels import SolarKind
from shared.demo_city.roofs.modules import RoofWish
from shared.demo_city.roofs.objects import furnish_roof
from shared.demo_city.roofs.roofscape import LOOKS, Roof, put_roof
from shared.demo_city.roofs.styles import GREEN
from shared.demo_city.things import Thing
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.ground import HOUSES
from shared.demo_city.vectors.plots import cover_plot

Maker = Callable[[EventSite, date], tuple[Event, ...]]
"""Makes what happens at a place on a day; nothing where the place cannot take it."""
RENEWED_AFTER_YEARS: Final = 15
MODULES_AFTER_RENEWAL: Final = 0.22
"""Share of the renewed roofs that get modules with the new cover."""
MODULES_ON_NEW: Final = 0.75
LEAST_WEAR: Final = 0.45
LEAST_GROWTH: Final = 1.25
LEAST_GREEN_M2: Final = 60.0
SOLAR: Final[tuple[Literal["pv", "thermal"], ...]] = ("pv", "thermal")
TILES: Final = frozenset({"tile_red", "tile_brown", "tile_anthracite", "tile_orange"})
RAISABLE: Final = frozenset({"detached", "semi", "row", "villa", "block", "slab", "office"})
EXTENDABLE: Final = frozenset({"detached", "semi", "villa", "row", "farm"})
PULLED_DOWN: Final = frozenset({"detached", "villa", "farm", "hall", "office", "supermarket"})
NO_WALLS: Final = Polygon()
HOUSE_M: Final = ((9.5, 14.0), (8.5, 11.5), (3.5, 7.0))
"""Length, depth and distance from the street of a new house."""
BORDER_M: Final = 2.6


def _house(site: EventSite) -> tuple[Building, Roof] | None:
    """Return a main building and its roof; None for garages and sheds."""
    building = site.town.buildings[site.building]
    return (building, site.town.roofs[site.building]) if building.is_main else None


def _event(site: EventSite, day: date, note: str, **changes: object) -> tuple[Event, ...]:
    return (Event(site.kind, day, site.building, site.parcel, note=note, **changes),)  # type: ignore[arg-type]


def _solar_m2(things: Sequence[Thing], kind: SolarKind) -> float:
    return float(sum(part.area.area for one in things if one.solar == kind for part in one.parts))


def _refurnished(site: EventSite, roof: Roof, wish: RoofWish) -> tuple[Thing, ...]:
    """Return what is on a roof; draws follow the walls as they were at the first flight."""
    building = site.town.buildings[site.building]
    return furnish_roof(site.town.plan.seed, site.building, building, roof, wish)


def _renewed(site: EventSite, day: date, *, same_colour: bool) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or day.year - house[1].covered_on.year < RENEWED_AFTER_YEARS:
        return ()
    if house[1].material in FRESH_GREEN:
        return ()
    rng = site.stream("change")
    roof = renewed(house[1], day, rng, same_colour=same_colour)
    colour = "gleicher" if same_colour else "anderer"
    made = _event(site, day, f"Dach neu gedeckt, {colour} Farbton", roof=roof)
    if rng.random() < MODULES_AFTER_RENEWAL:
        made += _pv_added(replace(site, kind="pv_added"), day)
    return made


def _renewed_other(site: EventSite, day: date) -> tuple[Event, ...]:
    return _renewed(site, day, same_colour=False)


def _renewed_same(site: EventSite, day: date) -> tuple[Event, ...]:
    return _renewed(site, day, same_colour=True)


def _cleaned(site: EventSite, day: date) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or house[1].material not in TILES or house[1].wear < LEAST_WEAR:
        return ()
    return _event(site, day, "Dach gereinigt", roof=cleaned(house[1]))


def _opened(site: EventSite, day: date) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or house[1].material not in TILES or house[0].kind not in RAISABLE:
        return ()
    things = under_construction(house[1], site.stream("change"))
    return _event(site, day, "Dach wird neu gedeckt", things=things) if things else ()


def _pv_added(site: EventSite, day: date) -> tuple[Event, ...]:
    return _solar_changed(site, day, "pv", RoofWish(pv="add"), "Photovoltaik aufgebaut")


def _pv_enlarged(site: EventSite, day: date) -> tuple[Event, ...]:
    return _solar_changed(site, day, "pv", RoofWish(pv="enlarge"), "Photovoltaik erweitert")


def _pv_removed(site: EventSite, day: date) -> tuple[Event, ...]:
    return _solar_changed(site, day, "pv", RoofWish(pv="none"), "Photovoltaik abgebaut")


def _thermal_added(site: EventSite, day: date) -> tuple[Event, ...]:
    return _solar_changed(site, day, "thermal", RoofWish(thermal="add"), "Solarthermie aufgebaut")


def _solar_changed(
    site: EventSite, day: date, kind: SolarKind, wish: RoofWish, note: str
) -> tuple[Event, ...]:
    house = _house(site)
    if house is None:
        return ()
    before = _solar_m2(site.things, kind)
    asked = wish.pv if kind == "pv" else wish.thermal
    if (asked == "add") == (before > 0):
        return ()
    things = _refurnished(site, house[1], wish)
    after = _solar_m2(things, kind)
    other = next(one for one in SOLAR if one != kind)
    is_other_kept = bool(np.isclose(_solar_m2(things, other), _solar_m2(site.things, other)))
    has_changed = {
        "add": after > 0,
        "none": after == 0,
        "enlarge": after >= LEAST_GROWTH * before,
    }[asked]
    return _event(site, day, note, things=things) if has_changed and is_other_kept else ()


def _green_added(site: EventSite, day: date) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or house[1].form != "flat" or house[1].outline.area < LEAST_GREEN_M2:
        return ()
    if house[1].material in GREEN:
        return ()
    look = int(site.stream("change").integers(LOOKS))
    roof = covered_with(house[1], "sedum_roof", day, look)
    return _event(site, day, "Flachdach begrünt", roof=roof)


def _green_dried(site: EventSite, day: date) -> tuple[Event, ...]:
    roof = site.town.roofs[site.building]
    if roof.material not in FRESH_GREEN:
        return ()
    # The cover is the old one: only its plants have withered.
    return _event(site, day, "Gründach vertrocknet", roof=replace(roof, material="dry_roof"))


def _raised(site: EventSite, day: date) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or house[0].kind not in RAISABLE or house[0].floors > 4:
        return ()
    building, roof = raised(*house)
    roof = covered_with(roof, roof.material, day, int(site.stream("change").integers(LOOKS)))
    wish = RoofWish(
        **{kind: "as drawn" if _solar_m2(site.things, kind) else "none" for kind in SOLAR}
    )
    things = _refurnished(site, roof, wish)
    return _event(site, day, "Gebäude aufgestockt", after=building, roof=roof, things=things)


def _extended(site: EventSite, day: date) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or house[0].kind not in EXTENDABLE:
        return ()
    plot = site.town.parcels[site.parcel].area
    others = [one.walls for one in site.neighbours]
    grown = extended(*house, plot, others, site.stream("change"))
    if grown is None:
        return ()
    surfaces, cleared = with_walls(site.surfaces, house[0].walls, grown[0].walls)
    # What is on the old roof stays; nothing is put on the new one.
    return _event(
        site, day, "Gebäude angebaut", after=grown[0], roof=grown[1],
        surfaces=surfaces, cleared=cleared,
    )  # fmt: skip


def _demolished(site: EventSite, day: date) -> tuple[Event, ...]:
    house = _house(site)
    if house is None or house[0].kind not in PULLED_DOWN:
        return ()
    surfaces, cleared = with_walls(site.surfaces, house[0].walls, NO_WALLS)
    return _event(site, day, "Gebäude abgebrochen", things=(), surfaces=surfaces, cleared=cleared)


def _new_building(site: EventSite, day: date) -> tuple[Event, ...]:
    parcel = site.town.parcels[site.parcel]
    front = parcel.front
    if front is None or site.neighbours or parcel.use not in HOUSES:
        return ()
    seed, rng = site.town.plan.seed, site.stream("change")
    frame = _building_site(parcel.area, front, rng)
    if frame is None:
        return ()
    walls = frame.box(0, 0, frame.length_m, frame.width_m)
    house = Building(site.parcel, "detached", walls, frame, int(rng.integers(1, 3)), True)
    roof = put_roof(seed, site.building, house)
    roof = replace(roof, covered_on=day, wear=0.0)
    wish = RoofWish(pv="add" if rng.random() < MODULES_ON_NEW else "none")
    things = furnish_roof(seed, site.building, house, roof, wish)
    surfaces = tuple(cover_plot(site.town.plan, site.parcel, parcel, [house]))
    return _event(
        site, day, "Wohnhaus neu gebaut", after=house, roof=roof, things=things,
        surfaces=surfaces, cleared=parcel.area,
    )  # fmt: skip


def _building_site(plot: Polygon, front: Frame, rng: np.random.Generator) -> Frame | None:
    """Return a rectangle behind the front that keeps its distance from the borders."""
    room = plot.buffer(-BORDER_M, join_style="mitre")
    length, depth, setback = (float(rng.uniform(*limits)) for limits in HOUSE_M)
    for shrink in (1.0, 0.9, 0.82):
        for back in (setback, setback + 3, setback + 7):
            start = (front.length_m - length * shrink) / 2
            if room.contains(front.box(start, back, length * shrink, depth * shrink)):
                place = front.at(start, back)
                return Frame(place, front.along, front.across, length * shrink, depth * shrink)
    return None


def _ground(site: EventSite, day: date, change: Change | None, note: str) -> tuple[Event, ...]:
    if change is None:
        return ()
    surfaces, cleared = change
    return _event(site, day, note, surfaces=surfaces, cleared=cleared)


def _garden(site: EventSite) -> Frame | None:
    """Return the front of a plot with a house and a garden; None for all others."""
    houses = [one for one in site.neighbours if one.is_main]
    if len(houses) != 1 or houses[0].kind not in HOUSES:
        return None
    return site.town.parcels[site.parcel].front


def _pool(site: EventSite, day: date) -> tuple[Event, ...]:
    front = _garden(site)
    change = with_pool(site.surfaces, front, site.stream("change")) if front else None
    return _ground(site, day, change, "Schwimmbecken gebaut")


def _gravelled(site: EventSite, day: date) -> tuple[Event, ...]:
    front = _garden(site)
    return _ground(
        site, day, gravelled(site.surfaces, front) if front else None, "Schottergarten angelegt"
    )


def _sealed(site: EventSite, day: date) -> tuple[Event, ...]:
    front = site.town.parcels[site.parcel].front if site.neighbours else None
    change = sealed(site.surfaces, front, site.stream("change")) if front else None
    return _ground(site, day, change, "Zufahrt oder Stellplatz befestigt")


def _unsealed(site: EventSite, day: date) -> tuple[Event, ...]:
    change = unsealed(site.surfaces, site.stream("change")) if site.neighbours else None
    return _ground(site, day, change, "Fläche entsiegelt")


MAKERS: Final[dict[EventKind, Maker]] = {
    "demolition": _demolished,
    "new_building": _new_building,
    "extension": _extended,
    "new_storey": _raised,
    "roof_under_construction": _opened,
    "green_roof_added": _green_added,
    "green_roof_dried": _green_dried,
    "pv_removed": _pv_removed,
    "pv_enlarged": _pv_enlarged,
    "thermal_added": _thermal_added,
    "roof_renewed_other": _renewed_other,
    "roof_renewed_same": _renewed_same,
    "roof_cleaned": _cleaned,
    "pv_added": _pv_added,
    "new_pool": _pool,
    "gravel_garden": _gravelled,
    "new_sealing": _sealed,
    "unsealing": _unsealed,
}
