"""Free places on pieces of ground, where things of several kinds are put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Areas,
    Batch,
    Layer,
    Places,
    Tint,
    left_of,
    put,
)
from shared.demo_city.randomness import place_draws
from shared.demo_city.vectors.frames import dot

TRIES: Final = 4
DRAWS: Final = 4 + 3 * TRIES


@dataclass(frozen=True, slots=True)
class Spots:
    """Free places.

    Args:
        at: Middles [m], n x 2.
        along: Unit vectors, n x 2.
        size: Length and width [m], n x 2.
        parcel: Indices of the parcels, n.
        draws: Uniform draws, n x 2.
    """

    at: Places
    along: Places
    size: Places
    parcel: NDArray[np.int64]
    draws: Places

    def put(self, shape: Places = BOX, by: float | tuple[float, float] = 1.0) -> Areas:
        """Put a shape on all places, as large as they are times `by`."""
        return put(shape, self.at, self.along, self.size * by)

    def batch(self, kind: str, *layers: Layer, outline: Areas | None = None) -> Batch:
        """Return a batch of things on the places."""
        return Batch(kind, layers[0].areas if outline is None else outline, layers, self.parcel)


@dataclass(frozen=True, slots=True)
class ThingKind:
    """A kind of thing on pieces of ground.

    Args:
        share: Share of the pieces that have one.
        length_m: Lowest and highest length.
        width_m: Lowest and highest width.
        build: Makes the things.
    """

    share: float
    length_m: tuple[float, float]
    width_m: tuple[float, float]
    build: Callable[[Spots], Batch]


def spread(
    seed: int, stage: str, areas: Areas, parcel: NDArray[np.int64], kinds: Mapping[str, ThingKind]
) -> list[Batch]:
    """Put things of several kinds on pieces of ground, each with its share of the pieces.

    Args:
        seed: Seed of the town.
        stage: Name of the stage.
        areas: The pieces [m], n.
        parcel: Indices of their parcels, n.
        kinds: The kinds; new ones at the end shift no other.
    """
    if not len(areas):
        return []
    shapely.prepare(areas)
    origin, along, extent = frames_around(areas)
    draws = place_draws(seed, stage, shapely.bounds(areas)[:, :2], DRAWS * len(kinds))
    made = []
    for number, kind in enumerate(kinds.values()):
        u = draws[:, number * DRAWS : (number + 1) * DRAWS]
        size = _size(kind, u[:, 1:3])
        has = (u[:, 0] < kind.share) & (size.max(axis=1) + 1 < extent.max(axis=1))
        frame = origin[has], along[has], extent[has]
        made.append(kind.build(_fitted(areas[has], frame, size[has], parcel[has], u[has])))
    return made


def frames_around(areas: Areas) -> tuple[Places, Places, Places]:
    """Return origin, long direction and extents of the smallest rectangles around areas."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(areas)).reshape(-1, 5, 2)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    lengths = np.stack([np.hypot(*first.T), np.hypot(*second.T)], axis=1)
    swap = lengths[:, 1] > lengths[:, 0]
    long = np.where(swap[:, None], second, first)
    along = long / np.maximum(np.hypot(*long.T), 1e-9)[:, None]
    left = left_of(along)
    inner = corners[:, :4] - corners[:, :1]
    low = np.stack([dot(inner, v[:, None]).min(axis=1) for v in (along, left)], axis=1)
    origin = corners[:, 0] + along * low[:, :1] + left * low[:, 1:]
    return origin, along, np.sort(lengths, axis=1)[:, ::-1]


def _size(kind: ThingKind, draws: Places) -> Places:
    low = np.array([kind.length_m[0], kind.width_m[0]])
    high = np.array([kind.length_m[1], kind.width_m[1]])
    size: Places = low + (high - low) * draws
    return size


def _fitted(
    areas: Areas, frame: tuple[Places, Places, Places], size: Places,
    parcel: NDArray[np.int64], draws: Places,
) -> Spots:  # fmt: skip
    """Return the first place of several that lies in the garden, for each garden that has one."""
    origin, along, extent = frame
    left = left_of(along)
    done = np.zeros(len(areas), bool)
    at, way = np.zeros_like(origin), along.copy()
    for number in range(TRIES):
        u = draws[:, 4 + 3 * number : 7 + 3 * number]
        place = origin + along * (u[:, :1] * extent[:, :1]) + left * (u[:, 1:2] * extent[:, 1:])
        turned = np.where(u[:, 2:] < 0.4, left, along)
        boxes = put(BOX, place, turned, size + 0.5)
        fits = ~done & shapely.contains(areas, boxes)
        at[fits], way[fits] = place[fits], turned[fits]
        done |= fits
    return Spots(at[done], way[done], size[done], parcel[done], draws[done][:, [3, 6]])


def one_of(draws: NDArray[np.float64], *tints: Tint) -> Places:
    """Return one of several tints for each draw, n x 4."""
    chosen: Places = np.array(tints)[(draws * len(tints)).astype(int)]
    return chosen
