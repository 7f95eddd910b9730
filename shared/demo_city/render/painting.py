"""Everything that is painted into an image, from the ground up, as arrays with an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon, STRtree

from shared.demo_city.labels import FINE, LABELS, NO_DATA, SOLAR, SolarKind
from shared.demo_city.materials import materials
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.roofs.roofscape import Roof, plane_wear
from shared.demo_city.roofs.styles import GREEN
from shared.demo_city.things import LEVEL, PLAIN, Thing
from shared.demo_city.town import Town
from shared.demo_city.trees.vegetation import furrow_direction
from shared.demo_city.vectors.ground import Cover, Surface

COVERS: Final[dict[str, tuple[str, tuple[tuple[str, float], ...]]]] = {
    "building": ("roof_flat", (("asphalt_worn", 1.0),)),
    "carriageway": ("asphalt", (("asphalt", 1.0),)),
    "parking": ("asphalt", (("asphalt", 0.6), ("asphalt_worn", 0.4))),
    "pavement": ("paved", (("paving_grey", 0.65), ("slabs", 0.25), ("paving_red", 0.1))),
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
    "running_track": ("paved", (("paving_red", 1.0),)),
    "field_crop": ("grass", (("crop_green", 0.8), ("rapeseed", 0.2))),
    "field_stubble": ("bare_soil", (("crop_ripe", 1.0),)),
    "field_soil": ("bare_soil", (("soil", 1.0),)),
    "wood": ("grass", (("meadow", 1.0),)),
}
"""Label and materials of each ground cover, the materials with their shares."""
FINE_COVERS: Final = {
    "carriageway": "asphalt_road",
    "parking": "asphalt_parking",
    "asphalt_yard": "asphalt_parking",
    "pavement": "pavement",
    "path": "pavement",
}
"""Finer cover of ground that its material does not tell."""
PITCHED_FROM_DEG: Final = 10.0
ON_GROUND: Final = 1
ON_ROOFS: Final = 100
LEVELS_PER_M: Final = 10
GROUND_WEAR: Final = 0.4
QUARTER_M: Final = 150.0


@dataclass(slots=True)
class Painter:
    """Collects what is painted.

    Args:
        seed: Seed of the town.
    """

    seed: int
    areas: list[Polygon] = field(default_factory=list)
    things: list[int] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)

    def paint(
        self, area: Polygon, material: str, label: str | None, *, level: int, slope: Slope = LEVEL,
        direction: Sequence[float] = (1.0, 0.0), anchor: Sequence[float] = (0.0, 0.0),
        thing: int | None = None, wear: float = GROUND_WEAR, fine: str | None = None,
        solar: SolarKind = "none", instance: int = 0, tint: Sequence[float] = PLAIN,
    ) -> None:  # fmt: skip
        """Add an area.

        Args:
            area: From above [m].
            material: Key of its material.
            label: One of `LABELS`; None keeps the land cover of what lies below.
            level: What has a higher level is painted over what has a lower one.
            slope: Its place in space.
            direction: Vector across the courses of its pattern; its length is how many courses
                take the room of one of the material.
            anchor: Where the courses begin [m].
            thing: Number of the thing it belongs to, which is drawn in one colour; None: its own.
            wear: How much age shows, 0 to 1.
            fine: One of `FINE`; None follows the material. It counts only together with a label.
            solar: Which kind of solar unit it is.
            instance: Number of the connected array it belongs to, from 1; 0: none.
            tint: Gain of the four bands on the colour of the material.
        """
        made = materials()[material]
        code = NO_DATA if label is None else LABELS.index(label)
        self.areas.append(area)
        self.things.append(thing if thing is not None else hash_place(area))
        self.rows.append(
            (level, made.number, code, FINE.index(fine or made.fine), SOLAR.index(solar),
             instance, slope.rise_x, slope.rise_y, slope.base, *direction, *anchor, wear, *tint)
        )  # fmt: skip


def hash_place(area: Polygon) -> int:
    """Return a number for a thing that has none: its place in decimetres."""
    west, south, east, north = area.bounds
    x, y = place_ids((west + east) / 2, (south + north) / 2)
    return x * 10_000_000 + y


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """What is painted, in the order of painting; one entry per area in each array.

    Args:
        areas: From above [m].
        material: Numbers of the materials.
        label: Land cover codes; `NO_DATA` keeps what lies below.
        fine: Finer cover codes.
        solar: Codes of the solar units.
        instance: Numbers of the connected arrays.
        thing: Numbers of the things they belong to.
        slope: Rise east, rise north and base height.
        direction: Vectors across the courses of the pattern, about 1 long.
        anchor: Where the courses begin [m].
        wear: How much age shows, 0 to 1.
        tint: Gains of the four bands.
        is_wall: Whether it is a wall that a leaning view shows.
        index: Where they are.
    """

    areas: NDArray[np.object_]
    material: NDArray[np.uint8]
    label: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    solar: NDArray[np.uint8]
    instance: NDArray[np.int32]
    thing: NDArray[np.int64]
    slope: NDArray[np.float64]
    direction: NDArray[np.float64]
    anchor: NDArray[np.float64]
    wear: NDArray[np.float32]
    tint: NDArray[np.float32]
    is_wall: NDArray[np.bool_]
    index: STRtree

    @classmethod
    def finished(cls, painter: Painter) -> Self:
        """Bring what was collected into the order of painting."""
        rows = np.array(painter.rows, dtype=np.float64).reshape(-1, 18)
        order = np.argsort(rows[:, 0], kind="stable")
        areas = np.array(painter.areas, dtype=object)[order]
        rows = rows[order]
        material, label, fine, solar = rows[:, 1:5].astype(np.uint8).T
        return cls(
            areas, material, label, fine, solar, rows[:, 5].astype(np.int32),
            np.array(painter.things, dtype=np.int64)[order],
            rows[:, 6:9], rows[:, 9:11], rows[:, 11:13],
            rows[:, 13].astype(np.float32), rows[:, 14:18].astype(np.float32),
            np.zeros(len(rows), bool), STRtree(areas),
        )  # fmt: skip


TILLED: Final = frozenset({"field_crop", "field_stubble", "field_soil", "meadow"})


def paint_town(town: Town) -> Painting:
    """Paint a town: its ground, the things on it, its roofs, the things on them.

    Args:
        town: The town.
    """
    painter = Painter(town.plan.seed)
    _paint_ground(painter, town)
    for roof in town.roofs:
        if roof.building not in town.gone:
            _paint_roof(painter, roof)
    for number, thing in enumerate(town.things):
        if thing.building not in town.gone:
            level = ON_GROUND
            if thing.building >= 0:
                level = _level(town.roofs[thing.building].eaves_m) + 1
            _paint_thing(painter, thing, level, number + 1)
    return Painting.finished(painter)


def _level(eaves_m: float) -> int:
    return ON_ROOFS + 2 * round(eaves_m * LEVELS_PER_M)


def _paint_thing(painter: Painter, thing: Thing, level: int, number: int) -> None:
    for part in thing.parts:
        painter.paint(
            part.area,
            part.material,
            part.label,
            level=level,
            slope=part.slope,
            direction=part.direction,
            anchor=part.anchor,
            thing=thing.number,
            wear=part.wear,
            solar=thing.solar,
            instance=number if thing.solar != "none" else 0,
            tint=part.tint,
        )


def _paint_roof(painter: Painter, roof: Roof) -> None:
    for plane in roof.planes:
        steep = plane.slope.slope_deg
        label = "roof_pitched" if steep >= PITCHED_FROM_DEG else "roof_flat"
        down = np.array([plane.slope.rise_x, plane.slope.rise_y])
        length = float(np.hypot(*down))
        direction = (down / length).tolist() if length > 1e-9 else (1.0, 0.0)
        painter.paint(
            plane.area,
            roof.material,
            "roof_green" if roof.material in GREEN else label,
            level=_level(roof.eaves_m),
            slope=plane.slope,
            direction=direction,
            anchor=plane.area.exterior.coords[0],
            thing=roof.look,
            wear=plane_wear(roof, plane),
        )


def _paint_ground(painter: Painter, town: Town) -> None:
    for surface in town.surfaces:
        thing = _thing_of(surface)
        material, angle, wear = _look(town.plan.seed, surface.cover, thing)
        painter.paint(
            surface.area,
            material,
            COVERS[surface.cover][0],
            level=0,
            direction=_direction(surface, angle),
            thing=thing,
            wear=wear,
            fine=FINE_COVERS.get(surface.cover),
        )


def ground_material(seed: int, surface: Surface) -> str:
    """Return the key of the material that a piece of ground shows.

    Args:
        seed: Seed of the town.
        surface: The piece.
    """
    _, choices = COVERS[surface.cover]
    if len(choices) == 1:
        return choices[0][0]
    return _look(seed, surface.cover, _thing_of(surface))[0]


@lru_cache(maxsize=4096)
def _look(seed: int, cover: Cover, thing: int) -> tuple[str, float, float]:
    """Return material, direction [rad] and wear of ground: the same for all pieces of a thing."""
    _, choices = COVERS[cover]
    rng = stream(seed, f"cover {cover}", thing)
    material = choices[int(rng.choice(len(choices), p=[share for _, share in choices]))][0]
    return material, rng.uniform(0, np.pi), float(rng.uniform(0.1, 0.9))


def _direction(surface: Surface, angle: float) -> tuple[float, float]:
    if surface.cover in TILLED:
        return furrow_direction(surface)
    return _along(surface.area, surface.cover, angle)


def _along(area: Polygon, cover: str, angle: float) -> tuple[float, float]:
    """Return the direction across the courses: along the longest side of small or tilled ground."""
    if cover in {"carriageway", "pavement", "water", "ballast", "wood"}:
        return float(np.cos(angle)), float(np.sin(angle))
    corners = shapely.get_coordinates(area.exterior)
    sides = corners[1:] - corners[:-1]
    x, y = sides[int(np.argmax((sides**2).sum(axis=1)))]
    length = float(np.hypot(x, y))
    return float(-y / length), float(x / length)


def _thing_of(surface: Surface) -> int:
    """Return the number of the thing a surface belongs to.

    Cells of one street or water must look alike: they are drawn as one thing. Pavements differ from
    block to block, bays from quarter to quarter.
    """
    if surface.cover in {"carriageway", "water", "ballast"}:
        return 1
    if surface.cover == "parking" and surface.parcel < 0:
        x, y = surface.area.centroid.coords[0]
        return 2 + int(x // QUARTER_M) * 1_000 + int(y // QUARTER_M)
    if surface.parcel >= 0 and surface.cover != "bed":
        return 100_000 + surface.parcel
    return hash_place(surface.area)
