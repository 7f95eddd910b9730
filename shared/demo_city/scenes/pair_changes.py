"""What happens to the roofs of a scene between its two flights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

import numpy as np

from shared.demo_city.events.roof_changes import cleaned, extended, renewed, under_construction
from shared.demo_city.randomness import stream
from shared.demo_city.roofs.modules import RoofWish
from shared.demo_city.roofs.objects import furnish_roof
from shared.demo_city.things import Thing
from shared.demo_city.town import Town
from shared.demo_city.vectors.ground import Cover, Surface

ChangeKind = Literal[
    "none", "moss", "pv_added", "pv_removed", "thermal_added", "cleaned", "renewed_other",
    "renewed_same", "scaffold_removed", "under_construction", "new_building", "extension",
]  # fmt: skip
Label = Literal[
    "unchanged", "renewed", "cleaned", "under_construction", "new_building", "extension"
]
LABEL_OF: Final[dict[ChangeKind, Label]] = {
    "none": "unchanged",
    "moss": "unchanged",
    "pv_added": "unchanged",
    "pv_removed": "unchanged",
    "thermal_added": "unchanged",
    "cleaned": "cleaned",
    "renewed_other": "renewed",
    "renewed_same": "renewed",
    "scaffold_removed": "renewed",
    "under_construction": "under_construction",
    "new_building": "new_building",
    "extension": "extension",
}
HARD: Final[frozenset[ChangeKind]] = frozenset(
    {"moss", "pv_added", "pv_removed", "thermal_added", "cleaned"}
)
"""Changes that look like a renewal and are none."""
RENEWALS: Final[dict[ChangeKind, float]] = {
    "renewed_other": 0.58,
    "renewed_same": 0.37,
    "scaffold_removed": 0.05,
}
OTHERS: Final[dict[ChangeKind, float]] = {
    "none": 0.40,
    "moss": 0.09,
    "pv_added": 0.14,
    "pv_removed": 0.06,
    "thermal_added": 0.05,
    "cleaned": 0.12,
    "under_construction": 0.05,
    "new_building": 0.05,
    "extension": 0.04,
}
"""Shares within the pairs with and without a renewal."""
FLIGHTS: Final = (date(2023, 6, 1), date(2026, 6, 1))
OLD_WEAR: Final = (0.4, 0.95)
"""Wear of roofs that are about to be renewed or cleaned."""
MOSS: Final = (0.2, 0.45)
SOLAR_WITH_RENEWAL: Final = 0.3
SITES: Final[tuple[Cover, ...]] = ("lawn", "meadow", "field_soil", "gravel_yard")
"""What lies where a building does not stand yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one roof.

    Args:
        building: Place of the building in the list.
        kind: What happens.
    """

    building: int
    kind: ChangeKind

    @property
    def label(self) -> Label:
        """Class of the pair."""
        return LABEL_OF[self.kind]


def draw_changes(seed: int, buildings: Sequence[int], renewed_share: float) -> list[Change]:
    """Draw what happens to each building.

    Args:
        seed: Seed of the scene.
        buildings: Places of the buildings in the list.
        renewed_share: Share of the roofs that are renewed, 0 to 1.
    """
    shares: Mapping[ChangeKind, float] = {
        **{kind: share * renewed_share for kind, share in RENEWALS.items()},
        **{kind: share * (1 - renewed_share) for kind, share in OTHERS.items()},
    }
    kinds, weights = list(shares), np.array(list(shares.values()))
    changes = []
    for index in buildings:
        drawn = stream(seed, "change", index).choice(len(kinds), p=weights / weights.sum())
        changes.append(Change(index, kinds[int(drawn)]))
    return changes


def apply_changes(town: Town, changes: Sequence[Change]) -> tuple[Town, Town, list[Change]]:
    """Return a town before and after the changes.

    Args:
        town: The town of the scene.
        changes: What is to happen.

    Returns:
        The town before, the town after, and what did happen: a change that does not fit its roof is
        left out.
    """
    state = _State(town)
    done = [change for change in changes if state.apply(change)]
    return state.before.finished(town), state.after.finished(town), done


class _Side:
    """Roofs, buildings and things of a town on one of the two flights."""

    def __init__(self, town: Town) -> None:
        self.buildings, self.roofs = list(town.buildings), list(town.roofs)
        self.things: dict[int, tuple[Thing, ...]] = {}
        for thing in town.things:
            self.things[thing.building] = (*self.things.get(thing.building, ()), thing)
        self.surfaces = list(town.surfaces)
        self.gone = set(town.gone)

    def finished(self, town: Town) -> Town:
        things = tuple(thing for index in sorted(self.things) for thing in self.things[index])
        return replace(
            town,
            buildings=tuple(self.buildings),
            roofs=tuple(self.roofs),
            surfaces=tuple(self.surfaces),
            things=things,
            gone=frozenset(self.gone),
        )


class _State:
    def __init__(self, town: Town) -> None:
        self.town = town
        self.before, self.after = _Side(town), _Side(town)

    def apply(self, change: Change) -> bool:
        """Bring both sides into the state of a change; False where it does not fit the roof."""
        rng = stream(self.town.plan.seed, "pair", change.building)
        match change.kind:
            case "none":
                return True
            case "moss":
                return self._weather(change.building, rng)
            case "pv_added" | "pv_removed" | "thermal_added":
                return self._solar(change.building, change.kind)
            case "new_building":
                self.before.gone.add(change.building)
                self._clear_site(change.building, rng)
                return True
            case "extension":
                return self._extend(change.building, rng)
            case _:
                return self._cover(change, rng)

    def _weather(self, index: int, rng: np.random.Generator) -> bool:
        roof = self.after.roofs[index]
        self.after.roofs[index] = replace(roof, wear=min(1.0, roof.wear + rng.uniform(*MOSS)))
        return True

    def _solar(self, index: int, kind: ChangeKind) -> bool:
        without = self._furnished(self.before, index, RoofWish("none", "none"))
        wish = RoofWish("none", "add") if kind == "thermal_added" else RoofWish("add", "none")
        with_units = self._furnished(self.before, index, wish)
        if not any(thing.solar != "none" for thing in with_units):
            return False
        sides = (self.before, self.after)
        first, second = sides if kind != "pv_removed" else sides[::-1]
        first.things[index], second.things[index] = without, with_units
        return True

    def _cover(self, change: Change, rng: np.random.Generator) -> bool:
        index, day = change.building, FLIGHTS[1]
        old = self.before.roofs[index]
        old = replace(old, wear=max(old.wear, float(rng.uniform(*OLD_WEAR))))
        self.before.roofs[index] = self.after.roofs[index] = old
        if change.kind == "under_construction":
            self.after.things[index] = under_construction(old, rng)
            return True
        if change.kind == "cleaned":
            self.after.roofs[index] = cleaned(old)
            return True
        if change.kind == "scaffold_removed":
            self.before.things[index] = under_construction(old, rng)
        same = change.kind == "renewed_same"
        self.after.roofs[index] = renewed(old, day, rng, same_colour=same)
        if rng.random() < SOLAR_WITH_RENEWAL:
            self.after.things[index] = self._furnished(self.after, index, RoofWish(pv="add"))
        return True

    def _extend(self, index: int, rng: np.random.Generator) -> bool:
        building, roof = self.after.buildings[index], self.after.roofs[index]
        others = [
            one.walls
            for number, one in enumerate(self.town.buildings)
            if one.parcel == building.parcel and number != index
        ]
        plot = self.town.parcels[building.parcel].area
        made = extended(building, roof, plot, others, rng)
        if made is None:
            return False
        self.after.buildings[index], self.after.roofs[index] = made
        return True

    def _clear_site(self, index: int, rng: np.random.Generator) -> None:
        walls = self.town.buildings[index].walls
        cover = SITES[int(rng.integers(len(SITES)))]
        for number, surface in enumerate(self.before.surfaces):
            if surface.cover == "building" and walls.contains(surface.area.representative_point()):
                self.before.surfaces[number] = Surface(cover, surface.area, surface.parcel)

    def _furnished(self, side: _Side, index: int, wish: RoofWish) -> tuple[Thing, ...]:
        seed = self.town.plan.seed
        return furnish_roof(seed, index, side.buildings[index], side.roofs[index], wish)
