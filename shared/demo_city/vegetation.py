"""Trees, shrubs and hedges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground import Surface
from shared.demo_city.painting import hash_place
from shared.demo_city.randomness import stream
from shared.demo_city.town import Town

PER_M2: Final = {
    "lawn": 1 / 150,
    "meadow": 1 / 900,
    "bed": 1 / 18,
    "wood": 1 / 26,
    "pavement": 1 / 190,
}
RADIUS_M: Final = {
    "lawn": (0.7, 3.6), "meadow": (1.0, 4.5), "bed": (0.4, 1.1), "wood": (2.2, 5.0), "pavement": (1.6, 3.2),
}  # fmt: skip
SPECIES: Final = ("tree_broad", "tree_conifer", "tree_copper")
SPECIES_SHARES: Final = (0.8, 0.17, 0.03)


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees of a town, ordered by their height.

    Args:
        place: Easting and northing of the trunk, per tree [m].
        radius: Radius of the crown [m].
        height: Height [m].
        species: Index into `SPECIES`.
    """

    place: NDArray[np.float64]
    radius: NDArray[np.float64]
    height: NDArray[np.float64]
    species: NDArray[np.uint8]


def plant_trees(town: Town) -> Trees:
    """Plant the trees of a town on its green and along its streets.

    Args:
        town: The town.
    """
    planted = [
        trees
        for surface in town.surfaces
        if surface.cover in PER_M2 and (trees := _on(surface, town.plan.seed)) is not None
    ]
    rows = np.concatenate(planted) if planted else np.empty((0, 5))
    rows = rows[np.lexsort((rows[:, 0], rows[:, 1], rows[:, 3]))]
    return Trees(rows[:, :2], rows[:, 2], rows[:, 3], rows[:, 4].astype(np.uint8))


def _on(surface: Surface, seed: int) -> NDArray[np.float64] | None:
    rng = stream(seed, "trees", hash_place(surface.area))
    count = int(rng.poisson(surface.area.area * PER_M2[surface.cover]))
    if not count:
        return None
    west, south, east, north = surface.area.bounds
    share = max(0.05, surface.area.area / max(1e-9, (east - west) * (north - south)))
    tries = int(count / share) + 1
    places = rng.uniform((west, south), (east, north), (tries, 2))
    inside = shapely.contains_xy(surface.area, places[:, 0], places[:, 1])
    places = places[inside][:count]
    low, high = RADIUS_M[surface.cover]
    radius = low + (high - low) * rng.beta(1.3, 1.9, len(places))
    height = 1.2 + radius * rng.uniform(1.5, 3.0, len(places))
    species = rng.choice(len(SPECIES), size=len(places), p=SPECIES_SHARES)
    return np.column_stack([places, radius, height, species])
