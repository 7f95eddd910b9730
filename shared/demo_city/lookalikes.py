"""What looks like a solar unit from above and is none, and how often it occurs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from shared.demo_city.gardens import GARDEN, POOL_COVER_SHARE
from shared.demo_city.things import Thing
from shared.demo_city.yard_things import YARD

LOOK_ALIKES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pool": "blue water in a light frame",
        "pool_cover": "a blue or dark sheet of the size of an array",
        "pool_heating_mat": "black mats with pipes",
        "trampoline": "a dark disc with a rim",
        "tarpaulin": "a blue, black or green sheet",
        "greenhouse": "glass with bars",
        "glass_roof": "glass with bars",
        "wood_stack": "a dark or blue cover",
        "container": "a blue box",
        "market_stall": "a blue roof",
        "patch": "a dark rectangle on lighter asphalt",
        "car": "dark glass and blue or black paint",
        "boat": "a blue cover",
    }
)
"""Kinds of things on the ground with what makes them look like a solar unit."""
GARDEN_SHARES: Final[Mapping[str, float]] = MappingProxyType(
    {
        name: GARDEN[name].share
        for name in (
            "pool",
            "round pool",
            "trampoline",
            "greenhouse",
            "tarpaulin",
            "wood stack",
            "pool heating mat",
        )
    }
)
"""Share of the gardens of houses with each look-alike."""
YARD_SHARES: Final[Mapping[str, float]] = MappingProxyType(
    {name: YARD[name].share for name in ("glass roof", "tarpaulin", "container")}
)
"""Share of the yards of halls and offices with each look-alike."""
COVERED_POOLS: Final = POOL_COVER_SHARE
"""Share of the built-in pools with a cover."""


def count_look_alikes(things: Iterable[Thing]) -> dict[str, int]:
    """Return how often each kind of look-alike occurs.

    Args:
        things: Things of a town or a scene.
    """
    counts = dict.fromkeys(LOOK_ALIKES, 0)
    for thing in things:
        if thing.kind in counts:
            counts[thing.kind] += 1
    return counts
