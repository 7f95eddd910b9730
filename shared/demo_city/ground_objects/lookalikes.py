"""What looks like a solar unit from above and is none, and how often it occurs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from shared.demo_city.things import Thing

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
ROOF_LOOK_ALIKES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "roof_window": "dark glass in a light frame",
        "skylight": "glass on a flat roof",
        "glazing": "dark bands of windows",
        "dark_felt": "a black roof with seams",
        "sheet_blue": "a roof of blue metal",
        "artificial_turf": "a roof painted green",
    }
)
"""The same on roofs: kinds of things, and materials of the roof itself."""


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


def look_alikes_of(kinds: Iterable[str], materials: Iterable[str]) -> list[str]:
    """Return the look-alikes that a scene shows.

    Args:
        kinds: Kinds of its objects.
        materials: Keys of its materials.
    """
    shown = {*kinds, *materials}
    return [kind for kind in (*LOOK_ALIKES, *ROOF_LOOK_ALIKES) if kind in shown]
