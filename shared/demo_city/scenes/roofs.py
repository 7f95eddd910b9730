"""Roofs of a scene as its seed wants them: with green covers and with solar units."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs.modules import RoofWish
from shared.demo_city.roofs.objects import furnish_roof
from shared.demo_city.roofs.roofscape import Roof, put_roof
from shared.demo_city.roofs.styles import Shares
from shared.demo_city.scenes.draws import Draw
from shared.demo_city.scenes.layouts import Feature
from shared.demo_city.town import Town

SOLAR_SHARE: Final = (0.1, 0.6)
"""Share of the roofs that get a solar unit beside those drawn anyway, in scenes with solar."""
THERMAL_PART: Final = 0.5
"""Part of them that gets thermal collectors, of which every other one has modules beside them."""
FLAT_SHARE: Final[dict[Feature, tuple[float, float]]] = {
    "green_roofs": (0.2, 0.55), "flat_roofs": (0.1, 0.4),
}  # fmt: skip
"""Share of the roofs that are made flat in scenes with either feature."""
GREEN_COVERS: Final[Shares] = (("sedum_roof", 0.5), ("grass_roof", 0.3), ("dry_roof", 0.2))
ALIKE_COVERS: Final[Shares] = (("sheet_blue", 0.5), ("artificial_turf", 0.3), ("felt", 0.2))
"""Covers that look like solar units or lawns, as on many roofs of the real tiles."""
ALIKE_SHARE: Final = 0.3
"""Share of them among the other flat roofs."""
MAY_BE_FLAT: Final = frozenset(
    {"detached", "semi", "row", "block", "slab", "tower", "terrace", "hall", "office", "garage",
     "school", "gym", "kita"}
)  # fmt: skip
"""Kinds of buildings that may carry a flat roof."""


def with_flat_roofs(town: Town, draw: Draw) -> Town:
    """Return a town in which a share of the buildings have flat roofs, green ones where wanted.

    Args:
        town: The town of the scene.
        draw: What the scene is made from.
    """
    changed: dict[int, Roof] = {}
    for feature, span in FLAT_SHARE.items():
        if feature in draw.features:
            share = stream(draw.seed, f"{feature} share").uniform(*span)
            for index, building in enumerate(town.buildings):
                rng = _of_building(town, draw.seed, feature, index)
                if building.kind in MAY_BE_FLAT and rng.random() < share:
                    changed[index] = _flat(town, index, rng, is_green=feature == "green_roofs")
    roofs = tuple(changed.get(index, roof) for index, roof in enumerate(town.roofs))
    town = replace(town, roofs=roofs)
    return _furnished(town, draw.seed, dict.fromkeys(changed, RoofWish()))


def _flat(town: Town, index: int, rng: np.random.Generator, *, is_green: bool) -> Roof:
    roof = put_roof(town.plan.seed, index, town.buildings[index], "flat")
    if not is_green and rng.random() >= ALIKE_SHARE:
        return roof
    covers = GREEN_COVERS if is_green else ALIKE_COVERS
    chosen = rng.choice(len(covers), p=[share for _, share in covers])
    return replace(roof, material=covers[int(chosen)][0])


def with_solar_units(town: Town, draw: Draw) -> Town:
    """Return a town with the solar units that its scene is to have: more than drawn, or none.

    Args:
        town: The town of the scene.
        draw: What the scene is made from.
    """
    if not draw.has_solar:
        kept = tuple(thing for thing in town.things if thing.solar == "none")
        return replace(town, things=kept)
    return _furnished(town, draw.seed, solar_wishes(town, draw.seed))


def solar_wishes(town: Town, seed: int) -> dict[int, RoofWish]:
    """Return which roofs get solar units, each drawn for itself, by the place of the building.

    Args:
        town: The town of a scene.
        seed: Seed of the scene.
    """
    share = stream(seed, "solar share").uniform(*SOLAR_SHARE)
    wishes: dict[int, RoofWish] = {}
    for index in range(len(town.buildings)):
        chance, part = _of_building(town, seed, "solar share", index).random(2)
        if chance < share:
            has_thermal, has_pv = part < THERMAL_PART, not part < THERMAL_PART / 2
            wishes[index] = RoofWish(
                "add" if has_pv else "none", "add" if has_thermal else "as drawn"
            )
    return wishes


def _of_building(town: Town, seed: int, stage: str, index: int) -> np.random.Generator:
    return stream(seed, stage, *place_ids(*town.buildings[index].walls.centroid.coords[0]))


def _furnished(town: Town, seed: int, wishes: dict[int, RoofWish]) -> Town:
    """Return a town in which some roofs are furnished anew."""
    kept = tuple(thing for thing in town.things if thing.building not in wishes)
    added = [
        thing
        for index, wish in wishes.items()
        for thing in furnish_roof(seed, index, town.buildings[index], town.roofs[index], wish)
    ]
    return replace(town, things=(*kept, *added))
