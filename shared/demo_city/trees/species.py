"""Kinds of trees and shrubs: what they look like from above and how they grow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import Flags, Places


@dataclass(frozen=True, slots=True)
class Species:
    """A kind of tree.

    Args:
        name: Its name.
        material: Key of the material of its crown.
        slender: Lowest and highest ratio of height to radius of the crown.
        drop: How far the crown falls from its top to its edge, as a share of the height.
        power: How it falls: 0.5 a cone, 1 a dome, 2 a flat top.
        leafless: How bare the crown is in winter, 0 to 1.
    """

    name: str
    material: str
    slender: tuple[float, float]
    drop: float
    power: float
    leafless: float


TABLE: Final = (
    Species("broad", "tree_broad", (1.7, 2.7), 0.45, 1.0, 0.9),
    Species("spruce", "tree_conifer", (3.6, 5.4), 0.8, 0.5, 0.0),
    Species("copper beech", "tree_copper", (2.0, 2.8), 0.42, 1.1, 0.85),
    Species("fruit", "tree_broad", (1.5, 2.1), 0.5, 1.0, 0.95),
    Species("poplar", "tree_broad", (5.5, 8.0), 0.4, 0.9, 0.95),
    Species("shrub", "hedge", (1.0, 1.8), 0.5, 1.1, 0.7),
    Species("thuja", "tree_conifer", (2.6, 4.2), 0.55, 0.8, 0.0),
    Species("willow", "tree_broad", (1.6, 2.2), 0.4, 1.4, 0.8),
    Species("pine", "tree_conifer", (2.8, 3.8), 0.4, 1.2, 0.0),
)
BROAD, SPRUCE, COPPER, FRUIT, POPLAR, SHRUB, THUJA, WILLOW, PINE = range(len(TABLE))
SPECIES: Final = tuple(one.material for one in TABLE)
"""Material of each species."""
HIGHEST_M: Final = 25.0
LOWEST_TREE_M: Final = 3.0


@dataclass(frozen=True, slots=True)
class Plants:
    """Trees and shrubs in no order.

    Args:
        at: Where they stand [m], n x 2.
        radius: Radius of the crown [m], n.
        height: Height [m], n.
        species: Places in `TABLE`, n.
    """

    at: Places
    radius: NDArray[np.float64]
    height: NDArray[np.float64]
    species: NDArray[np.uint8]

    @classmethod
    def grown(
        cls,
        at: Places,
        radius: NDArray[np.float64],
        species: NDArray[np.int64] | int,
        draws: NDArray[np.float64],
    ) -> Self:
        """Return plants whose height follows from their kind, their radius and one draw each."""
        kinds = np.broadcast_to(np.asarray(species), (len(at),)).astype(np.uint8)
        slender = np.array([one.slender for one in TABLE])[kinds]
        ratio = slender[:, 0] + (slender[:, 1] - slender[:, 0]) * draws
        is_tree = kinds != SHRUB
        least = np.where(is_tree, LOWEST_TREE_M, 0.5)
        return cls(at, radius, np.clip(radius * ratio, least, HIGHEST_M), kinds)

    @classmethod
    def joined(cls, many: Iterable[Self]) -> Self:
        """Join plants."""
        columns = [(one.at, one.radius, one.height, one.species) for one in many]
        if not columns:
            empty = np.empty(0)
            return cls(np.empty((0, 2)), empty, empty, np.empty(0, np.uint8))
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def kept(self, chosen: Flags | NDArray[np.int64]) -> Self:
        """Return some of the plants."""
        return type(self)(
            self.at[chosen], self.radius[chosen], self.height[chosen], self.species[chosen]
        )

    def without_unseen(self) -> Self:
        """Return the plants with broad-leaved trees in place of copper beeches."""
        species = np.where(self.species == COPPER, BROAD, self.species).astype(np.uint8)
        return type(self)(self.at, self.radius, self.height, species)
