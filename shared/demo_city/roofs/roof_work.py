"""A roof while it is being furnished, and how what was drawn becomes things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from shapely import Polygon

from shared.demo_city.labels import SolarKind
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.roofs.roofscape import Roof
from shared.demo_city.roofs.sheets import Box, Point, Ring, Sheet, overlap
from shared.demo_city.things import PLAIN, Part, Thing
from shared.demo_city.vectors.buildings import Building

LEAST_SHEET_M2: Final = 3.0
NUMBERS: Final = 1_000
"""Numbers of things per roof."""


@dataclass(slots=True)
class Face:
    """A face of a thing before its polygon is made; the fields are those of `Part`."""

    area: Ring | Polygon
    material: str
    slope: Slope
    label: str | None = None
    direction: Point = (1.0, 0.0)
    anchor: Point = (0.0, 0.0)
    wear: float = 0.3
    tint: tuple[float, float, float, float] = PLAIN


@dataclass(slots=True)
class Draft:
    """A thing before its polygons are made; the fields are those of `Thing`."""

    kind: str
    area: Ring | Polygon
    faces: list[Face]
    number: int
    building: int
    plane: int
    parcel: int
    solar: SolarKind = "none"


def finish(drafts: Sequence[Draft]) -> tuple[Thing, ...]:
    """Make the things of drafts, all polygons at once.

    Args:
        drafts: What was drawn.
    """
    shapes = [shape for draft in drafts for shape in (draft.area, *(f.area for f in draft.faces))]
    polygons = iter(_polygons(shapes))
    things = []
    for draft in drafts:
        area = next(polygons)
        parts = tuple(
            Part(
                next(polygons), f.material, f.label, f.slope, f.direction, f.anchor, f.wear, f.tint
            )
            for f in draft.faces
        )
        things.append(
            Thing(
                draft.kind, area, parts, draft.number, draft.building, draft.plane, draft.parcel,
                draft.solar,
            )
        )  # fmt: skip
    return tuple(things)


def _polygons(shapes: Sequence[Ring | Polygon]) -> list[Polygon]:
    rings = [(at, shape) for at, shape in enumerate(shapes) if not isinstance(shape, Polygon)]
    made: list[Polygon | None] = [s if isinstance(s, Polygon) else None for s in shapes]
    if rings:
        sizes = [len(ring) for _, ring in rings]
        places = np.array([place for _, ring in rings for place in ring])
        closed = shapely.linearrings(places, indices=np.repeat(np.arange(len(rings)), sizes))
        for (at, _), polygon in zip(rings, shapely.polygons(closed).tolist(), strict=True):
            made[at] = polygon
    return [polygon for polygon in made if polygon is not None]


@dataclass(slots=True)
class RoofWork:
    """A roof while it is being furnished.

    Args:
        seed: Seed of the town.
        building: Its building.
        roof: The roof.
        place: Numbers that name it in random streams.
        sheets: Its larger planes.
        drafts: What was put on it, the lowest first.
        soft: What gives way to solar units: number of the plane, box, draft.
    """

    seed: int
    building: Building
    roof: Roof
    place: tuple[int, int]
    sheets: list[Sheet]
    drafts: list[Draft] = field(default_factory=list)
    soft: list[tuple[int, Box, Draft]] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, building: Building, roof: Roof) -> RoofWork:
        """Return the site of a roof with nothing on it."""
        sheets = [
            Sheet.of(number, plane, building)
            for number, plane in enumerate(roof.planes)
            if plane.area.area >= LEAST_SHEET_M2
        ]
        return cls(seed, building, roof, place_ids(*building.walls.centroid.coords[0]), sheets)

    def stream(self, stage: str) -> np.random.Generator:
        """Return the random stream of one kind of things on this roof."""
        return stream(self.seed, f"roof {stage}", *self.place)

    def add(
        self, kind: str, area: Ring | Polygon, faces: list[Face], sheet: Sheet | None = None,
        *, solar: SolarKind = "none", has_roof_colour: bool = False, number: int | None = None,
    ) -> Draft:  # fmt: skip
        """Add a thing.

        Args:
            kind: What it is.
            area: Its outline [m].
            faces: How it is painted, the lowest first.
            sheet: Plane it lies on; None where it lies on several.
            solar: Which kind of solar unit it is.
            has_roof_colour: Whether its colour is drawn with that of the roof.
            number: Its number on this roof; None takes the next.
        """
        number = len(self.drafts) if number is None else number
        draft = Draft(
            kind,
            area,
            faces,
            self.roof.look if has_roof_colour else self.roof.building * NUMBERS + number,
            self.roof.building,
            sheet.number if sheet else -1,
            self.building.parcel,
            solar,
        )
        self.drafts.append(draft)
        return draft

    def add_soft(self, kind: str, box: Box, face: Face, sheet: Sheet, margin_m: float) -> None:
        """Add a thing that gives way to solar units, where there is room for it."""
        is_alone = not any(n == sheet.number and overlap(box, other) for n, other, _ in self.soft)
        if is_alone and sheet.holds(box, margin_m) and sheet.is_free(box, 0.0):
            draft = self.add(kind, face.area, [face], sheet)
            self.soft.append((sheet.number, box, draft))
