"""Ground of a plot: what lies between its buildings and its borders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.buildings import Building
from shared.demo_city.frames import Frame
from shared.demo_city.overlay import common, polygons, without

Cover = Literal[
    "building", "carriageway", "parking", "pavement", "path", "asphalt_yard", "setts", "paving",
    "slabs", "open_paving", "grass_pavers", "gravel_garden", "gravel_yard", "ballast", "water",
    "pool", "lawn", "meadow", "bed", "artificial_turf", "field_crop", "field_soil", "wood", "sand",
]  # fmt: skip
"""What lies on the ground; `materials.toml` says how each looks, `labels` which class it is."""

LEAST_M2: Final = 0.3
HOUSES: Final = frozenset({"detached", "semi", "row", "villa", "farm"})
DRIVES: Final = (
    ("paving", 0.6),
    ("slabs", 0.1),
    ("asphalt_yard", 0.1),
    ("gravel_yard", 0.1),
    ("grass_pavers", 0.1),
)
FRONTS: Final = (("lawn", 0.52), ("bed", 0.2), ("gravel_garden", 0.14), ("paving", 0.14))
COURTS: Final = (("paving", 0.35), ("lawn", 0.3), ("setts", 0.15), ("asphalt_yard", 0.2))
YARDS: Final = (("asphalt_yard", 0.7), ("paving", 0.2), ("gravel_yard", 0.1))


@dataclass(frozen=True, slots=True)
class Surface:
    """A piece of ground.

    Args:
        cover: What lies on it.
        area: The piece [m].
        parcel: Index of its parcel, -1 outside parcels.
    """

    cover: Cover
    area: Polygon
    parcel: int = -1


class Layers:
    """Surfaces that are laid one after the other: each takes what is still free.

    Args:
        free: The ground to be covered.
        parcel: Index of its parcel, -1 outside parcels.
    """

    def __init__(self, free: BaseGeometry, parcel: int = -1) -> None:
        self.free = free
        self.surfaces: list[Surface] = []
        self._parcel = parcel

    def lay(self, cover: Cover, area: BaseGeometry) -> None:
        """Cover the free part of an area."""
        if self.free.is_empty or area.is_empty or not area.intersects(self.free):
            return
        self.surfaces += _surfaces(cover, common(self.free, area), self._parcel)
        self.free = without(self.free, area)

    def lay_rest(self, cover: Cover) -> list[Surface]:
        """Cover all that is free and return all surfaces."""
        self.surfaces += _surfaces(cover, self.free, self._parcel)
        self.free = Polygon()
        return self.surfaces


def _surfaces(cover: Cover, area: BaseGeometry, parcel: int) -> Iterable[Surface]:
    return (Surface(cover, part, parcel) for part in polygons(area))


def cover_plot(
    plot: Polygon,
    front: Frame | None,
    buildings: Sequence[Building],
    index: int,
    rng: np.random.Generator,
) -> list[Surface]:
    """Cover a plot.

    Args:
        plot: The plot [m].
        front: Frame along its street, the plot to the left; None where it has no straight front.
        buildings: Buildings on it, the main ones first.
        index: Index of the parcel.
        rng: Random stream of the plot.

    Returns:
        Surfaces that together are exactly the plot.
    """
    layers = Layers(plot, index)
    for building in buildings:
        layers.lay("building", building.walls)
    main = [building for building in buildings if building.is_main]
    if front is None or not main:
        return _empty_plot(layers, plot, rng)
    kind = main[0].kind
    if kind in HOUSES:
        _house_garden(layers, front, buildings, rng)
        return layers.lay_rest("lawn" if rng.random() < 0.95 else "meadow")
    if kind == "block":
        court = _drawn(COURTS, rng)
        if court != "lawn":
            layers.lay(
                court, shapely.union_all([one.walls for one in main]).buffer(rng.uniform(4, 14))
            )
        return layers.lay_rest(court if rng.random() < 0.5 else "lawn")
    if kind in {"hall", "office"}:
        layers.lay(
            "lawn",
            plot.difference(plot.buffer(-rng.uniform(1.5, 4), join_style="mitre")).difference(
                front.box(2, -1, 9, 12)
            ),
        )
        return layers.lay_rest(_drawn(YARDS, rng))
    _estate_ground(layers, front, main, rng)
    return layers.lay_rest("lawn")


def _drawn(choices: Sequence[tuple[str, float]], rng: np.random.Generator) -> Cover:
    names = [name for name, _ in choices]
    return str(rng.choice(names, p=[share for _, share in choices]))  # type: ignore[return-value]


def _empty_plot(layers: Layers, plot: Polygon, rng: np.random.Generator) -> list[Surface]:
    use = rng.random()
    if use < 0.2:
        return layers.lay_rest("asphalt_yard" if use < 0.08 else "gravel_yard")
    if use < 0.5:
        for _ in range(int(rng.integers(2, 6))):
            frame = Frame.around(plot)
            at = rng.uniform(0, 0.8) * frame.length_m, rng.uniform(0, 0.8) * frame.width_m
            layers.lay("bed", frame.box(*at, rng.uniform(2, 7), rng.uniform(1, 4)))
    return layers.lay_rest("meadow" if use > 0.7 else "lawn")


def _house_garden(
    layers: Layers, front: Frame, buildings: Sequence[Building], rng: np.random.Generator
) -> None:
    house = buildings[0].walls
    near, far, low, high = _span(front, house)
    drive = _drawn(DRIVES, rng)
    for building in buildings[1:]:
        if building.kind == "garage":
            back, _, start, end = _span(front, building.walls)
            layers.lay(drive, front.box(start, -1, end - start, back + 1))
            break
    else:
        if rng.random() < 0.6 and low > 3:
            layers.lay(drive, front.box(low - 3, -1, 2.8, min(far, near + 6) + 1))
    door = rng.uniform(low + 1, max(low + 1.1, high - 2.5))
    layers.lay(drive, front.box(door, -1, 1.4, near + 1))
    layers.lay(_drawn(FRONTS, rng), front.box(-50, -1, front.length_m + 100, near + 1))
    if rng.random() < 0.85:
        width = rng.uniform(3.5, min(9.0, max(3.6, high - low)))
        start = rng.uniform(low, max(low + 0.1, high - width))
        layers.lay(
            "slabs" if rng.random() < 0.6 else "paving",
            front.box(start, far, width, rng.uniform(2.8, 4.5)),
        )
    if rng.random() < 0.05:
        start, back = rng.uniform(low, high), far + rng.uniform(5, 8)
        pool = front.box(start, back, rng.uniform(5, 8), rng.uniform(3, 4))
        layers.lay("pool", pool)
        layers.lay("slabs", pool.buffer(1.0, join_style="mitre"))
    for _ in range(int(rng.integers(0, 4))):
        start, back = rng.uniform(-2, front.length_m), far + rng.uniform(4, 22)
        layers.lay("bed", front.box(start, back, rng.uniform(1.2, 5), rng.uniform(1, 3)))


def _span(front: Frame, area: Polygon) -> tuple[float, float, float, float]:
    """Return nearest and farthest distance from the street, lowest and highest along it [m]."""
    places = shapely.get_coordinates(area) - front.origin
    across, along = places @ front.across, places @ front.along
    return float(across.min()), float(across.max()), float(along.min()), float(along.max())


def _estate_ground(
    layers: Layers, front: Frame, main: Sequence[Building], rng: np.random.Generator
) -> None:
    near, far, low, high = _span(front, main[0].walls)
    layers.lay("paving", front.box((low + high) / 2 - 1, -1, 2.0, near + 1))
    side = high + 4 if front.length_m - high > low else low - 4 - 16
    layers.lay("asphalt_yard", front.box(side, -1, 16, rng.uniform(18, 34)))
    layers.lay("paving", main[0].walls.buffer(1.5, join_style="mitre"))
    if rng.random() < 0.4:
        layers.lay("sand", front.box(low, far + 6, rng.uniform(6, 10), rng.uniform(5, 9)))
