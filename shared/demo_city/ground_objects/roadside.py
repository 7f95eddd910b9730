"""Places along the streets: where something can stand at a kerb, on a pavement or in a lane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import STRtree

from shared.demo_city.ground_objects.outlines import Areas, Flags, Places, left_of
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.streams import uniform_draws
from shared.demo_city.vectors.parcels import Parcel
from shared.demo_city.vectors.plan import CROSS_SECTIONS
from shared.demo_city.vectors.streets import StreetNetwork

WIDEST_M: Final = 4.25
"""Half of the widest carriageway."""
BUILT_REACH_M: Final = 22.0


@dataclass(frozen=True, slots=True)
class Stations:
    """Points along centre lines.

    Args:
        street: Index of the street, n.
        at: The points [m], n x 2.
        along: Unit vectors along the street, n x 2.
        draws: Uniform draws, n x k.
    """

    street: NDArray[np.int64]
    at: Places
    along: Places
    draws: Places

    def kept(self, mask: Flags) -> Stations:
        """Return some of the points."""
        return Stations(self.street[mask], self.at[mask], self.along[mask], self.draws[mask])

    def beside(self, metres: ArrayLike) -> Stations:
        """Return the points moved to the left [m]."""
        at = self.at + left_of(self.along) * np.broadcast_to(metres, len(self.at))[:, None]
        return Stations(self.street, at, self.along, self.draws)

    def turned(self) -> Stations:
        """Return the points with the street seen the other way."""
        return Stations(self.street, self.at, -self.along, self.draws)


class Roadside:
    """All streets of a town as arrays.

    Args:
        seed: Seed of the town.
        network: Its streets.
        parcels: Its parcels.
    """

    def __init__(self, seed: int, network: StreetNetwork, parcels: tuple[Parcel, ...]) -> None:
        self.seed = seed
        self.lines: Areas = np.array([street.line for street in network.streets], object)
        self.kind = np.array([street.street for street in network.streets])
        sections = [CROSS_SECTIONS[street.street] for street in network.streets]
        self.carriageway = np.array([section.carriageway_m for section in sections])
        self.parking = np.array([section.parking_m for section in sections])
        self.pavement = np.array([section.pavement_m for section in sections])
        self.length = shapely.length(self.lines)
        self._plots: Areas = np.array([parcel.area for parcel in parcels], object)

    @cached_property
    def _tree(self) -> STRtree:
        return STRtree(self.lines)

    @cached_property
    def _plot_tree(self) -> STRtree:
        return STRtree(self._plots)

    @cached_property
    def _ids(self) -> list[tuple[int, int]]:
        middles = shapely.line_interpolate_point(self.lines, 0.5, normalized=True)
        return [place_ids(x, y) for x, y in shapely.get_coordinates(middles)]

    def moods(self, stage: str) -> Places:
        """Return eight uniform draws per street."""
        return uniform_draws(self.seed, stage, np.reshape(self._ids, (-1, 2)), 8)

    def stations(self, stage: str, step_m: float, draws: int, kinds: frozenset[str]) -> Stations:
        """Return points every `step_m` metres along the streets of some classes.

        Args:
            stage: Name of the stage, for the draws.
            step_m: From point to point.
            draws: Number of draws per point.
            kinds: Classes of streets.
        """
        chosen = np.flatnonzero(np.isin(self.kind, sorted(kinds)) & (self.length > step_m))
        counts = (self.length[chosen] / step_m).astype(int)
        street = np.repeat(chosen, counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        distance = (np.arange(len(street)) - first + 0.5) * step_m
        drawn = [
            stream(self.seed, stage, *self._ids[index]).random((count, draws))
            for index, count in zip(chosen, counts, strict=True)
        ]
        at, along = self.walked(street, distance)
        return Stations(street, at, along, np.concatenate(drawn or [np.empty((0, draws))]))

    def walked(
        self, street: NDArray[np.int64], distance: NDArray[np.float64]
    ) -> tuple[Places, Places]:
        """Return points on streets and the directions there.

        Args:
            street: Indices of streets.
            distance: From the start of each [m].
        """
        first, nodes, far = self._nodes
        place = far[first[street]] + np.clip(distance, 1e-3, self.length[street] - 1e-3)
        before = np.searchsorted(far, place, "right") - 1
        way = nodes[before + 1] - nodes[before]
        length = np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)
        along = way / length[:, None]
        return nodes[before] + along * (place - far[before])[:, None], along

    @cached_property
    def _nodes(self) -> tuple[NDArray[np.int64], Places, NDArray[np.float64]]:
        """First corner of each street, all corners, and how far they are along all streets."""
        nodes, street = shapely.get_coordinates(self.lines, return_index=True)
        steps = np.hypot(*np.diff(nodes, axis=0, prepend=nodes[:1]).T)
        is_first = np.diff(street, prepend=-1) > 0
        steps[is_first] = 10.0
        return np.flatnonzero(is_first), nodes, np.cumsum(steps)

    def is_clear(self, stations: Stations, room_m: float) -> Flags:
        """Return which points keep their distance from the carriageways of all other streets."""
        index, other = self._tree.query(
            shapely.points(stations.at), predicate="dwithin", distance=WIDEST_M + room_m
        )
        clear = np.ones(len(stations.at), bool)
        clear[index[stations.street[index] != other]] = False
        return clear

    def is_built(self, stations: Stations) -> Flags:
        """Return which points lie beside parcels."""
        index, _ = self._plot_tree.query(
            shapely.points(stations.at), predicate="dwithin", distance=BUILT_REACH_M
        )
        built = np.zeros(len(stations.at), bool)
        built[index] = True
        return built
