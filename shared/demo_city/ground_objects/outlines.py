"""Many outlines at once: boxes, ribbons and combs as arrays, and what is painted with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import STRtree

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.things import PLAIN, Part, Thing

Places = NDArray[np.float64]
Areas = NDArray[np.object_]
Flags = NDArray[np.bool_]
Tint = tuple[float, float, float, float]
BOX: Final = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
"""Outline of length and width 1: first axis along, second axis across."""


def disc(corners: int = 12) -> Places:
    """Return the outline of a disc of diameter 1."""
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) / 2


def left_of(along: Places) -> Places:
    """Return unit vectors a quarter turn to the left."""
    return np.stack([-along[..., 1], along[..., 0]], axis=-1)


def put(shape: Places, at: Places, along: Places, size: ArrayLike = (1.0, 1.0)) -> Areas:
    """Put an outline on many places.

    Args:
        shape: Corners; first axis along, second axis across, k x 2.
        at: Where its origin comes to lie [m], n x 2.
        along: Unit vectors, n x 2.
        size: Factors along and across, 2 or n x 2.

    Returns:
        n polygons.
    """
    scaled = shape[None] * np.broadcast_to(np.asarray(size, float), (len(at), 2))[:, None]
    across = left_of(along)
    corners = at[:, None] + scaled[..., :1] * along[:, None] + scaled[..., 1:] * across[:, None]
    made: Areas = shapely.polygons(corners)
    return made


def grouped(nodes: Places, group: NDArray[np.int64], order: NDArray[np.float64]) -> Areas:
    """Return one polygon per group of corners.

    Args:
        nodes: Corners, n x 2.
        group: Ascending numbers from 0 without gap say which corners belong together.
        order: Place of each corner within its polygon.
    """
    sorted_nodes = np.lexsort((order, group))
    rings = shapely.linearrings(nodes[sorted_nodes], indices=group[sorted_nodes])
    made: Areas = shapely.polygons(rings)
    return made


def ribbons(nodes: Places, aside: Places, group: NDArray[np.int64]) -> Areas:
    """Return ribbons along lines.

    Args:
        nodes: Points of the lines in their order, n x 2 [m].
        aside: From each point to the left edge; the right edge lies opposite [m].
        group: Which line a point belongs to: ascending from 0, each at least twice.
    """
    order = np.arange(len(nodes), dtype=float)
    both = np.concatenate([nodes + aside, nodes - aside])
    return grouped(both, np.concatenate([group, group]), np.concatenate([order, 1e9 - order]))


def comb(teeth: int, pitch_m: float, tooth_m: float, low_m: float, high_m: float) -> Places:
    """Return a comb: teeth from `low_m` to `high_m` across, joined by a spine of 0.2 m at 0.

    Args:
        teeth: Number of teeth, from 1.
        pitch_m: From tooth to tooth, along.
        tooth_m: Width of a tooth.
        low_m: Lower end of the teeth, at most -0.1.
        high_m: Upper end of the teeth, at least 0.1.
    """
    start = np.arange(teeth) * pitch_m
    lower = [(s + x, y) for s in start for x, y in _tooth(tooth_m, low_m, -0.1)]
    upper = [(s + x, y) for s in start for x, y in _tooth(tooth_m, high_m, 0.1)]
    return np.array(lower + upper[::-1])


def _tooth(width_m: float, tip_m: float, foot_m: float) -> list[tuple[float, float]]:
    if abs(tip_m - foot_m) < 1e-6:
        return [(0.0, foot_m), (width_m, foot_m)]
    return [(0.0, foot_m), (0.0, tip_m), (width_m, tip_m), (width_m, foot_m)]


def only(mask: Flags, areas: Areas) -> Areas:
    """Return the areas with None in place of those that the mask leaves out."""
    chosen = areas.copy()
    chosen[~mask] = None
    return chosen


def along_draws(seed: int, stage: str, places: Places, draws: int) -> Places:
    """Return draws for places along a line, from one stream named by the first, n x draws."""
    first = places[0] if len(places) else (0.0, 0.0)
    return stream(seed, stage, *place_ids(*first)).random((len(places), draws))


def numbers_at(places: Places) -> NDArray[np.int64]:
    """Return numbers for things: their places in decimetres."""
    x, y = np.round(places * 10).astype(np.int64).T + 1_000_000
    numbers: NDArray[np.int64] = x * 10_000_000 + y
    return numbers


def picked(draws: Places, shares: Iterable[float]) -> NDArray[np.int64]:
    """Return which of several choices each draw from 0 to 1 stands for."""
    edges = np.cumsum(np.fromiter(shares, float))
    return np.minimum(np.searchsorted(edges / edges[-1], draws, "right"), len(edges) - 1)


@dataclass(frozen=True, slots=True)
class Layer:
    """One painted face of each thing of a batch.

    Args:
        areas: n polygons; None where a thing has no such face.
        material: Key of the material.
        height_m: Height above ground, one or n.
        tint: Gains of the four bands, 4 or n x 4.
        label: Land cover it shows; None keeps what lies below.
        direction: Unit vectors across the pattern, 2 or n x 2.
        rise: Height gained per metre to the east and to the north, 2 or n x 2.
        anchor: Where the lines of the pattern begin [m], 2 or n x 2.
    """

    areas: Areas
    material: str
    height_m: ArrayLike = 0.0
    tint: ArrayLike = PLAIN
    label: str | None = None
    direction: ArrayLike = (1.0, 0.0)
    rise: ArrayLike = (0.0, 0.0)
    anchor: ArrayLike = (0.0, 0.0)

    def kept(self, mask: Flags) -> Layer:
        """Return the layer of some of the things."""
        heights = np.asarray(self.height_m)
        return Layer(
            self.areas[mask],
            self.material,
            heights[mask] if heights.ndim else heights,
            _chosen_rows(self.tint, mask),
            self.label,
            _chosen_rows(self.direction, mask),
            _chosen_rows(self.rise, mask),
            _chosen_rows(self.anchor, mask),
        )

    def parts(self) -> list[Part | None]:
        """Return one part per thing."""
        count = len(self.areas)
        heights = np.broadcast_to(np.asarray(self.height_m, float), (count,)).round(2)
        slopes: Iterable[Slope] = (_level(height) for height in heights.tolist())
        rises = np.broadcast_to(np.asarray(self.rise, float), (count, 2))
        if rises.any():
            middles = shapely.get_coordinates(shapely.centroid(self.areas))
            slopes = [
                Slope.rising(at, rise, 1.0, height)
                for at, rise, height in zip(middles, rises, heights, strict=True)
            ]
        columns = zip(
            self.areas,
            slopes,
            _rows(self.direction, count),
            _rows(self.anchor, count),
            _rows(np.asarray(self.tint, float).round(3), count),
            strict=True,
        )
        return [
            None
            if area is None
            else Part(area, self.material, self.label, slope, way, anchor, tint=tint)
            for area, slope, way, anchor, tint in columns
        ]


def _chosen_rows(values: ArrayLike, mask: Flags) -> ArrayLike:
    table = np.asarray(values, float)
    return table if table.ndim == 1 else table[mask]


def _rows(values: ArrayLike, count: int) -> Iterable[tuple[Any, ...]]:
    """Return one tuple per thing."""
    table = np.asarray(values, float)
    if table.ndim == 1:
        return [tuple(table.tolist())] * count
    return map(tuple, table.tolist())


@lru_cache(maxsize=4096)
def _level(height_m: float) -> Slope:
    return Slope(0.0, 0.0, height_m)


@dataclass(frozen=True, slots=True)
class Batch:
    """Things of one kind.

    Args:
        kind: What they are.
        outline: n polygons [m].
        layers: What is painted, the lowest first.
        parcel: Indices of their parcels, -1 outside; empty stands for -1.
        is_solid: Whether they need a place of their own.
    """

    kind: str
    outline: Areas
    layers: tuple[Layer, ...]
    parcel: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    is_solid: bool = True

    def kept(self, mask: Flags) -> Batch:
        """Return some of the things."""
        layers = tuple(layer.kept(mask) for layer in self.layers)
        parcel = self.parcel[mask] if len(self.parcel) else self.parcel
        return Batch(self.kind, self.outline[mask], layers, parcel, self.is_solid)

    def things(self) -> list[Thing]:
        """Return the things one by one."""
        if not len(self.outline):
            return []
        bounds = shapely.bounds(self.outline)
        numbers = numbers_at((bounds[:, :2] + bounds[:, 2:]) / 2).tolist()
        parcels = self.parcel.tolist() or [-1] * len(self.outline)
        solar = "pv_ground" if self.kind == "pv_ground" else "none"
        faces = zip(*(layer.parts() for layer in self.layers), strict=True)
        return [
            Thing(
                self.kind, area, tuple(part for part in parts if part is not None), number,
                parcel=parcel, solar=solar,  # type: ignore[arg-type]
            )
            for area, parts, number, parcel in zip(
                self.outline, faces, numbers, parcels, strict=True
            )
        ]  # fmt: skip


def clear_of(batches: Sequence[Batch], walls: Areas) -> list[Batch]:
    """Drop the solid things that stand in a building or on a solid thing before them.

    Args:
        batches: Things; the first have the right of way.
        walls: Outlines of the buildings.
    """
    sizes = [len(batch.outline) for batch in batches]
    outlines = np.concatenate([batch.outline for batch in batches])
    solid = np.repeat([batch.is_solid for batch in batches], sizes)
    keep = np.ones(len(outlines), bool)
    inside, _ = STRtree(walls).query(outlines[solid], predicate="intersects")
    places = np.flatnonzero(solid)
    keep[places[inside]] = False
    places = np.flatnonzero(solid & keep)
    later, earlier = STRtree(outlines[places]).query(outlines[places], predicate="intersects")
    keep[places[later[earlier < later]]] = False
    edges = np.cumsum(sizes)[:-1]
    return [batch.kept(mask) for batch, mask in zip(batches, np.split(keep, edges), strict=True)]
