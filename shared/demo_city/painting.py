"""Everything that is painted into an image, from the ground up, as arrays with an index of places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, STRtree

from shared.demo_city.materials import materials
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs import Slope
from shared.demo_city.town import Town

LABELS: Final = (
    "roof_pitched", "roof_flat", "roof_green", "asphalt", "paved", "gravel_rail", "water", "grass", "tree", "bare_soil",
)  # fmt: skip
"""Land cover as seen from above; the place in this list is the code in the label images."""
COVERS: Final[dict[str, tuple[str, tuple[tuple[str, float], ...]]]] = {
    "building": ("roof_flat", (("asphalt_worn", 1.0),)),
    "carriageway": ("asphalt", (("asphalt", 1.0),)),
    "parking": ("asphalt", (("asphalt", 0.6), ("asphalt_worn", 0.4))),
    "pavement": ("paved", (("paving_grey", 0.8), ("slabs", 0.2))),
    "path": ("paved", (("paving_grey", 1.0),)),
    "asphalt_yard": ("asphalt", (("asphalt", 0.6), ("asphalt_worn", 0.4))),
    "setts": ("paved", (("setts", 1.0),)),
    "paving": ("paved", (("paving_grey", 0.55), ("paving_red", 0.3), ("clinker", 0.15))),
    "slabs": ("paved", (("slabs", 1.0),)),
    "open_paving": ("paved", (("open_paving", 1.0),)),
    "grass_pavers": ("paved", (("grass_pavers", 0.7), ("open_paving", 0.3))),
    "gravel_garden": ("gravel_rail", (("gravel_garden", 1.0),)),
    "gravel_yard": ("gravel_rail", (("gravel_yard", 1.0),)),
    "ballast": ("gravel_rail", (("ballast", 1.0),)),
    "sand": ("bare_soil", (("sand", 1.0),)),
    "water": ("water", (("water", 1.0),)),
    "pool": ("water", (("pool", 1.0),)),
    "lawn": ("grass", (("lawn", 1.0),)),
    "meadow": ("grass", (("meadow", 1.0),)),
    "bed": ("grass", (("bed", 1.0),)),
    "artificial_turf": ("paved", (("artificial_turf", 1.0),)),
    "field_crop": ("grass", (("crop_green", 0.6), ("crop_ripe", 0.25), ("rapeseed", 0.15))),
    "field_soil": ("bare_soil", (("soil", 1.0),)),
    "wood": ("grass", (("meadow", 1.0),)),
}
"""Label and materials of each ground cover, the materials with their shares."""
GREEN_ROOFS: Final = frozenset({"sedum_roof", "grass_roof", "dry_roof"})
PITCHED_FROM_DEG: Final = 10.0
LEVEL: Final = Slope(0.0, 0.0, 0.0)


@dataclass(slots=True)
class Painter:
    """Collects what is painted.

    Args:
        seed: Seed of the town.
    """

    seed: int
    areas: list[Polygon] = field(default_factory=list)
    rows: list[tuple[int, int, int, int, float, float, float, float, float]] = field(
        default_factory=list
    )

    def paint(
        self, area: Polygon, material: str, label: str, *, level: int, slope: Slope = LEVEL,
        direction: Sequence[float] = (1.0, 0.0), thing: int | None = None,
    ) -> None:  # fmt: skip
        """Add an area.

        Args:
            area: From above [m].
            material: Key of its material.
            label: One of `LABELS`.
            level: What has a higher level is painted over what has a lower one.
            slope: Its place in space.
            direction: Unit vector across the lines of its pattern.
            thing: Number of the thing it belongs to, which is drawn in one colour; None: its own.
        """
        number = thing if thing is not None else hash_place(area)
        x, y = direction
        place = slope.rise_x, slope.rise_y, slope.base
        self.areas.append(area)
        self.rows.append(
            (materials()[material].number, LABELS.index(label), level, number, *place, x, y)
        )


def hash_place(area: Polygon) -> int:
    """Return a number for a thing that has none: its place in decimetres."""
    west, south, east, north = area.bounds
    x, y = place_ids((west + east) / 2, (south + north) / 2)
    return x * 10_000_000 + y


@dataclass(frozen=True, slots=True)
class Painting:
    """What is painted, in the order of painting.

    Args:
        areas: From above [m].
        material: Numbers of the materials.
        label: Land cover codes.
        thing: Numbers of the things they belong to.
        slope: Rise east, rise north and base height, per area.
        direction: Unit vectors across the lines of the pattern, per area.
        index: Where they are.
    """

    areas: NDArray[np.object_]
    material: NDArray[np.uint8]
    label: NDArray[np.uint8]
    thing: NDArray[np.int64]
    slope: NDArray[np.float64]
    direction: NDArray[np.float32]
    index: STRtree

    @classmethod
    def finished(cls, painter: Painter) -> Self:
        """Bring what was collected into the order of painting."""
        rows = np.array(painter.rows, dtype=np.float64)
        order = np.argsort(rows[:, 2], kind="stable")
        areas = np.array(painter.areas, dtype=object)[order]
        thing = np.array([row[3] for row in painter.rows], dtype=np.int64)[order]
        rows = rows[order]
        return cls(
            areas,
            rows[:, 0].astype(np.uint8),
            rows[:, 1].astype(np.uint8),
            thing,
            rows[:, 4:7],
            rows[:, 7:9].astype(np.float32),
            STRtree(areas),
        )


def paint_town(town: Town) -> Painting:
    """Paint a town: its ground, then its roofs.

    Args:
        town: The town.
    """
    painter = Painter(town.plan.seed)
    _paint_ground(painter, town)
    for roof in town.roofs:
        for plane in roof.planes:
            steep = plane.slope.slope_deg
            label = "roof_pitched" if steep >= PITCHED_FROM_DEG else "roof_flat"
            down = np.array([plane.slope.rise_x, plane.slope.rise_y])
            length = float(np.hypot(*down)) or 1.0
            painter.paint(
                plane.area,
                roof.material,
                "roof_green" if roof.material in GREEN_ROOFS else label,
                level=100 + round(roof.eaves_m * 10),
                slope=plane.slope,
                direction=down / length,
                thing=roof.building,
            )
    return Painting.finished(painter)


def _paint_ground(painter: Painter, town: Town) -> None:
    for surface in town.surfaces:
        label, choices = COVERS[surface.cover]
        number = hash_place(surface.area)
        # Cells of one street or field must look alike: they are drawn as one thing.
        thing = _thing_of(surface.cover, surface.parcel, number)
        rng = stream(town.plan.seed, f"cover {surface.cover}", thing)
        shares = [share for _, share in choices]
        material = choices[int(rng.choice(len(choices), p=shares))][0]
        angle = rng.uniform(0, np.pi)
        painter.paint(
            surface.area,
            material,
            label,
            level=0,
            direction=(np.cos(angle), np.sin(angle)),
            thing=thing,
        )


def _thing_of(cover: str, parcel: int, number: int) -> int:
    if cover in {"carriageway", "parking", "pavement", "water", "ballast"}:
        return 1
    return 100_000 + parcel if parcel >= 0 and cover != "bed" else number


def things(numbers: Iterable[int]) -> list[int]:
    """Return the numbers without repetition, in ascending order."""
    return sorted(set(numbers))
