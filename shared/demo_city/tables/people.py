"""Who lives and works in each building: inhabitants by age, households, cars, jobs."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.tables.building_facts import BuildingFacts
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.ground import HOUSES

COUNTS: Final = ("inhabitants", "under_18", "over_64", "households", "cars", "jobs")
EMPTY_SHARE: Final = 0.045
"""Share of dwellings without people."""
HOUSEHOLDS: Final[dict[str, tuple[float, ...]]] = {
    "house": (0.2, 0.37, 0.18, 0.18, 0.07),
    "flat": (0.5, 0.3, 0.1, 0.07, 0.03),
    "home": (0.92, 0.08, 0.0, 0.0, 0.0),
}
"""Shares of households of 1 to 5 people in houses, in flats and in nursing homes."""
OLD_SHARE: Final[dict[str, tuple[float, ...]]] = {
    "house": (0.46, 0.42, 0.05, 0.0, 0.0),
    "flat": (0.36, 0.32, 0.04, 0.0, 0.0),
    "home": (1.0, 1.0, 0.0, 0.0, 0.0),
}
"""Probability that the people of a household are over 64, by its size."""
CHILDREN: Final = np.array(
    [(0.0, 0.0, 0.0), (0.14, 0.0, 0.0), (0.75, 0.0, 0.0), (1.0, 0.75, 0.0), (1.0, 1.0, 0.8)]
)
"""Probabilities of a first, second and third child, by the size of the household."""
CARS: Final[dict[str, tuple[float, ...]]] = {
    "house": (0.85, 1.35, 1.6, 1.7, 1.8),
    "flat": (0.45, 0.85, 1.0, 1.1, 1.2),
    "home": (0.02, 0.05, 0.0, 0.0, 0.0),
}


def people_of(
    seed: int, origins: Sequence[Building], facts: Sequence[BuildingFacts], gone: Container[int]
) -> NDArray[np.int64]:
    """Return how many people live and work in each building.

    Args:
        seed: Seed of the city.
        origins: All buildings as they were built; what is drawn for one follows its place.
        facts: What is known about each of them.
        gone: Places in the list of those that do not stand.

    Returns:
        One row per building, columns as `COUNTS`.
    """
    rows = np.zeros((len(origins), len(COUNTS)), dtype=np.int64)
    for index, (origin, known) in enumerate(zip(origins, facts, strict=True)):
        if index in gone:
            continue
        rows[index, 5] = known.jobs
        if known.dwellings:
            rows[index, :5] = _inhabitants(seed, origin, known.dwellings)
    return rows


def _inhabitants(seed: int, origin: Building, dwellings: int) -> NDArray[np.int64]:
    rng = stream(seed, "people", *place_ids(*origin.walls.centroid.coords[0]))
    kind = "house" if origin.kind in HOUSES else "home" if origin.kind == "nursing_home" else "flat"
    # A row per dwelling, so that a new storey leaves the households below as they are.
    draws = rng.random((dwellings, 8))
    lived_in = draws[:, 0] >= EMPTY_SHARE
    size = np.searchsorted(np.cumsum(HOUSEHOLDS[kind])[:-1], draws[:, 1], side="right")
    old = draws[:, 2] < np.array(OLD_SHARE[kind])[size]
    children = (draws[:, 3:6] < CHILDREN[size]).sum(axis=1) * ~old
    cars = np.floor(np.array(CARS[kind])[size] + draws[:, 6]).astype(np.int64)
    people = size + 1
    columns = np.stack(
        [people, children, np.where(old, np.minimum(people, 2), 0), np.ones_like(people), cars]
    )
    counted: NDArray[np.int64] = (columns * lived_in).sum(axis=1)
    return counted
