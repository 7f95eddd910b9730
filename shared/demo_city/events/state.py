"""The town on any day: what happened until then is applied to the town of the first flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from shared.demo_city.events.kinds import Event
from shared.demo_city.roofs.roofscape import Roof, wear_on
from shared.demo_city.things import Thing
from shared.demo_city.town import Town
from shared.demo_city.vectors.ground import Surface

CHANGES_WEAR: Final = frozenset({"roof_cleaned"})


def town_on(town: Town, events: Sequence[Event], day: date) -> Town:
    """Return the town as it is on a day.

    Args:
        town: The town on the day of the first flight.
        events: All events, ordered by day.
        day: The day.

    Returns:
        The town; buildings that come later are in its list already and in `gone`.
    """
    past = [one for one in events if one.day <= day]
    new = sorted(
        (one for one in events if one.kind == "new_building"), key=lambda one: one.building
    )
    buildings = [*town.buildings, *(one.after for one in new if one.after is not None)]
    roofs = [_aged(roof, day) for roof in town.roofs]
    roofs += [_aged(one.roof, day) for one in new if one.roof is not None]
    for one in past:
        if one.after is not None:
            buildings[one.building] = one.after
        if one.roof is not None:
            is_as_left = one.kind in CHANGES_WEAR
            roofs[one.building] = one.roof if is_as_left else _aged(one.roof, day)
    gone = town.gone | {one.building for one in new if one.day > day}
    gone |= {one.building for one in past if one.kind == "demolition"}
    return replace(
        town,
        buildings=tuple(buildings),
        roofs=tuple(roofs),
        surfaces=_surfaces(town, past),
        things=_things(town, past),
        gone=gone,
    )


def _aged(roof: Roof, day: date) -> Roof:
    return replace(roof, wear=wear_on(roof.material, roof.covered_on, day))


def _surfaces(town: Town, past: Sequence[Event]) -> tuple[Surface, ...]:
    """Return the surfaces; those of a changed parcel stand where its first one stood."""
    changed = {one.parcel: one.surfaces for one in past if one.surfaces is not None}
    made: list[Surface] = []
    for surface in town.surfaces:
        if surface.parcel not in changed:
            made.append(surface)
        elif changed[surface.parcel]:
            made += changed[surface.parcel]
            changed[surface.parcel] = ()
    return tuple(made)


def _things(town: Town, past: Sequence[Event]) -> tuple[Thing, ...]:
    """Return the things; what came new to roofs follows at the end."""
    on_roofs = {one.building: one.things for one in past if one.things is not None}
    cleared = {one.parcel: one.cleared for one in past if one.cleared is not None}
    kept = [
        thing
        for thing in town.things
        if (
            thing.building not in on_roofs
            if thing.building >= 0
            else thing.parcel not in cleared or not thing.area.intersects(cleared[thing.parcel])
        )
    ]
    return (*kept, *(thing for index in sorted(on_roofs) for thing in on_roofs[index]))
