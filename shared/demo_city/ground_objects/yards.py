"""Ground as arrays, and the parking bays in yards and on drives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon, STRtree

from shared.demo_city.ground_objects.outlines import BOX, Areas, Flags, Places, put
from shared.demo_city.randomness import place_draws, place_ids, stream
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.ground import HOUSES, Surface
from shared.demo_city.vectors.parcels import Parcel

YARD_USES: Final = frozenset({"hall", "office", "slab", "tower", "block"})
YARD_COVERS: Final = ("asphalt_yard", "paving", "gravel_yard", "setts", "open_paving")
DRIVE_COVERS: Final = ("paving", "slabs", "asphalt_yard", "gravel_yard", "grass_pavers")
BAY_M: Final = (2.5, 5.0)
STREET_M: Final = 0.5
LANE_M: Final = 6.0
LEAST_YARD_M2: Final = 150.0


@dataclass(frozen=True, slots=True)
class Bays:
    """Places for one car each.

    Args:
        at: Their middles [m], n x 2.
        along: Unit vectors along the car, n x 2.
        parcel: Indices of their parcels, n.
        surface: Indices of their surfaces, n.
        draws: Uniform draws, n x 8.
    """

    at: Places
    along: Places
    parcel: NDArray[np.int64]
    surface: NDArray[np.int64]
    draws: Places

    def kept(self, mask: Flags) -> Bays:
        """Return some of the places."""
        return Bays(
            self.at[mask],
            self.along[mask],
            self.parcel[mask],
            self.surface[mask],
            self.draws[mask],
        )


class Ground:
    """The surfaces of a town as arrays.

    Args:
        seed: Seed of the town.
        surfaces: What lies on the ground.
        buildings: What stands on it.
        parcels: The parcels.
    """

    def __init__(
        self,
        seed: int,
        surfaces: tuple[Surface, ...],
        buildings: tuple[Building, ...],
        parcels: tuple[Parcel, ...],
    ) -> None:
        self.seed = seed
        self.area: Areas = np.array([surface.area for surface in surfaces], object)
        self.cover = np.array([surface.cover for surface in surfaces])
        self.parcel = np.array([surface.parcel for surface in surfaces], np.int64)
        self.size_m2 = shapely.area(self.area)
        self.walls: Areas = np.array([building.walls for building in buildings], object)
        self.use = np.full(len(parcels) + 1, "", dtype="<U16")
        self.plots: Areas = np.array([parcel.area for parcel in parcels], object)
        self.planned = np.array([getattr(parcel, "use", "") for parcel in parcels], dtype="<U16")
        self._street_side: Areas = np.array([parcel.street_side for parcel in parcels], object)
        for building in reversed(buildings):
            if building.is_main:
                self.use[building.parcel] = building.kind

    @cached_property
    def tree(self) -> STRtree:
        """Index of the surfaces."""
        shapely.prepare(self.area)
        return STRtree(self.area)

    def plots_for(self, use: str) -> list[Polygon]:
        """Return the parcels that are planned for a use."""
        return list(self.plots[self.planned == use])

    def hall_places(self, parcels: list[int]) -> Places:
        """Return a point on the street side of each of some parcels."""
        points: Places = shapely.get_coordinates(
            shapely.centroid(self._street_side[np.array(parcels)])
        )
        return points

    @cached_property
    def is_drive(self) -> Flags:
        """Which surfaces of parcels reach their street."""
        reaches = np.zeros(len(self.area), bool)
        on_plot = np.flatnonzero(self.parcel >= 0)
        sides = self._street_side[self.parcel[on_plot]]
        reaches[on_plot] = shapely.dwithin(self.area[on_plot], sides, STREET_M)
        return reaches

    @cached_property
    def used_for(self) -> NDArray[np.str_]:
        """Kind of the main building of each surface's parcel; empty where there is none."""
        return self.use[self.parcel]

    def which(self, places: Places) -> NDArray[np.int64]:
        """Return on which surface each place lies; -1 where on none."""
        found = np.full(len(places), -1, np.int64)
        index, surface = self.tree.query(shapely.points(places))
        inside = shapely.intersects_xy(self.area[surface], places[index, 0], places[index, 1])
        index, surface = index[inside], surface[inside]
        found[index[::-1]] = surface[::-1]
        return found

    def lies_on(self, places: Places, covers: tuple[str, ...]) -> Flags:
        """Return which places lie on one of some covers."""
        which = self.which(places)
        return (which >= 0) & np.isin(self.cover[which], covers)

    def chosen(self, covers: tuple[str, ...], uses: frozenset[str]) -> NDArray[np.int64]:
        """Return the surfaces with some covers on parcels with some uses."""
        return np.flatnonzero(
            np.isin(self.cover, covers) & np.isin(self.used_for, sorted(uses)) & (self.parcel >= 0)
        )


def yard_bays(ground: Ground) -> Bays:
    """Return rows of bays in the yards of all but houses."""
    yards = ground.chosen(YARD_COVERS, YARD_USES)
    yards = yards[ground.size_m2[yards] > LEAST_YARD_M2]
    strips = np.flatnonzero((ground.cover == "parking") & (ground.parcel >= 0))
    # Where bays are laid out as strips, the yard between them is for driving.
    yards = yards[~np.isin(ground.parcel[yards], ground.parcel[strips])]
    made = [_rows(ground, int(yard)) for yard in yards]
    return _joined(ground, made + [_strip(ground, int(strip)) for strip in strips])


Row = tuple[Places, Places, NDArray[np.int64], Places]


def _rows(ground: Ground, yard: int) -> Row:
    """Return bays on both sides of lanes along the longer side of a yard."""
    frame = Frame.around(ground.area[yard])
    width, depth = BAY_M
    step = depth * 2 + LANE_M
    first = list(np.arange(0.4, frame.width_m - depth, step))
    if ground.used_for[yard] == "hall":
        first = first[:1]
    rows = [(y, 1) for y in first] + [(y + depth + LANE_M, -1) for y in first]
    x = np.arange(1.0, frame.length_m - 1 - width, width)
    across = np.repeat([y + depth / 2 for y, _ in rows], len(x))
    along = np.tile(x + width / 2, len(rows))
    at = frame.origin + along[:, None] * frame.along + across[:, None] * frame.across
    way = np.repeat([float(side) for _, side in rows], len(x))[:, None] * frame.across
    boxes = put(BOX, at, way, (depth, width - 0.05))
    shapely.prepare(ground.area[yard])
    inside = shapely.contains_properly(ground.area[yard], boxes)
    draws = stream(ground.seed, "yard bays", *place_ids(*frame.origin)).random((len(at), 8))
    return at[inside], way[inside], np.full(int(inside.sum()), yard), draws[inside]


def _strip(ground: Ground, strip: int) -> Row:
    """Return one row of bays across a strip."""
    frame = Frame.around(ground.area[strip])
    x = np.arange(BAY_M[0] / 2, frame.length_m - BAY_M[0] / 2 + 0.01, BAY_M[0])
    at = frame.origin + x[:, None] * frame.along + frame.width_m / 2 * frame.across
    way = np.tile(frame.across, (len(x), 1))
    draws = stream(ground.seed, "bay strips", *place_ids(*frame.origin)).random((len(at), 8))
    inside = shapely.contains(ground.area[strip], put(BOX, at, way, (4.2, 2.2)))
    return at[inside], way[inside], np.full(int(inside.sum()), strip), draws[inside]


def drive_bays(ground: Ground) -> Bays:
    """Return one place for a car on each drive of a house."""
    drives = ground.chosen(DRIVE_COVERS, HOUSES)
    size = ground.size_m2[drives]
    drives = drives[(size > 12.5) & (size < 130) & ground.is_drive[drives]]
    made = []
    for drive in drives:
        frame = Frame.around(ground.area[drive])
        if frame.width_m >= 2.3 and frame.length_m >= 5.0:
            at = frame.at(frame.length_m / 2, frame.width_m / 2)[None]
            draws = place_draws(ground.seed, "drive bays", at, 8)
            made.append((at, frame.along[None], np.array([drive]), draws))
    bays = _joined(ground, made)
    fits = shapely.contains(ground.area[bays.surface], put(BOX, bays.at, bays.along, (4.6, 1.9)))
    return bays.kept(fits)


def _joined(ground: Ground, made: list[Row]) -> Bays:
    empty = (np.empty((0, 2)), np.empty((0, 2)), np.empty(0, np.int64), np.empty((0, 8)))
    at, along, surface, draws = (
        np.concatenate(part) for part in zip(*(made or [empty]), strict=True)
    )
    return Bays(at, along, ground.parcel[surface], surface, draws)
