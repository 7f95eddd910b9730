"""Public places: what stands and lies on the land of schools, churches, parks, baths and others."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import shapely
from shapely import LineString, Polygon

from shared.demo_city.vectors.buildings import Building, Kind
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.ground import Cover
from shared.demo_city.vectors.parcels import Parcel
from shared.demo_city.vectors.plan import PublicSite

Shape = Literal["box", "oval", "round"]
PLACES: Final = Path(__file__).with_name("public_places.toml")
CORNERS: Final = 24
SHRINK: Final = 0.93
SHRINKINGS: Final = 7


@dataclass(frozen=True, slots=True)
class Body:
    """A building of a public place.

    Args:
        kind: What it is.
        x_m: Where it begins along the street, in the layout's own measures.
        y_m: Where it begins away from the street.
        length_m: Along the street.
        depth_m: Away from the street.
        floors: Number of floors.
        is_main: Whether people work in it.
        shape: "round" takes the circle within the rectangle.
    """

    kind: Kind
    x_m: float
    y_m: float
    length_m: float
    depth_m: float
    floors: int = 1
    is_main: bool = True
    shape: Shape = "box"


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of ground of a public place; earlier ones lie above later ones.

    Args:
        cover: What lies there.
        x_m: Where it begins along the street, in the layout's own measures.
        y_m: Where it begins away from the street.
        length_m: Along the street.
        depth_m: Away from the street.
        shape: "oval" rounds both ends off, "round" takes the ellipse.
    """

    cover: Cover
    x_m: float
    y_m: float
    length_m: float
    depth_m: float
    shape: Shape = "box"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a public place is laid out; it is stretched to the land it gets.

    Args:
        length_m: Along the street.
        depth_m: Away from the street.
        bodies: Its buildings.
        patches: Its ground, the upper ones first.
        rest: What covers all else.
    """

    length_m: float
    depth_m: float
    bodies: tuple[Body, ...]
    patches: tuple[Patch, ...]
    rest: Cover = "lawn"


def _car_park(x_m: float, y_m: float, length_m: float, depth_m: float) -> tuple[Patch, ...]:
    """Lay bays on both sides of lanes, with a bed between two rows."""
    made = []
    y, last = y_m, y_m + depth_m
    while y + 16 <= last + 0.01:
        made += [
            Patch("parking", x_m, y, length_m, 5.0),
            Patch("asphalt_yard", x_m, y + 5, length_m, 6.0),
            Patch("parking", x_m, y + 11, length_m, 5.0),
            Patch("bed", x_m + 3, y + 16, length_m - 6, 1.5),
        ]
        y += 17.5
    return (*made, Patch("asphalt_yard", x_m, y_m, length_m, depth_m))


def _allotments() -> Layout:
    bodies: list[Body] = [Body("clubhouse", 6, 8, 18, 10)]
    patches = [Patch("gravel_yard", 116, -2, 5, 170), Patch("gravel_yard", 4, 84, 232, 3)]
    for row, y in enumerate((28.0, 56.0, 87.0, 117.0, 143.0)):
        patches.append(Patch("gravel_yard", 4, y - 2, 232, 2) if row not in {2} else patches[1])
        for column in range(16):
            x = 4 + column * 14.0 + (9 if column >= 8 else 0)
            odd = (row * 7 + column * 5) % 4
            bodies.append(Body("hut", x + 1 + odd, y + 16 + odd, 4.6, 3.4, is_main=False))
            patches += [
                Patch("field_soil" if odd % 2 else "bed", x + 1.5, y + 2, 4.5 + odd, 9),
                Patch("slabs", x + 7 + odd, y + 1, 1.0, 14),
                Patch("bed", x + 9.5, y + 3 + odd, 2.5, 7),
            ]
    return Layout(240, 170, tuple(bodies), tuple(patches), "lawn")


def _cemetery() -> Layout:
    patches = [Patch("gravel_yard", 92, -2, 5, 165), Patch("asphalt_yard", 60, 2, 70, 14)]
    patches += [Patch("gravel_yard", 6, y, 178, 2.5) for y in (40, 70, 100, 130, 160)]
    for y in (44, 51, 58, 74, 81, 88, 104, 111, 118, 134, 141):
        patches += [
            Patch("bed" if (x + y) % 3 else "slabs", x, y, 1.4, 2.6)
            for x in range(10, 182, 5)
            if abs(x - 94) > 5 and (x * 7 + y * 3) % 11
        ]
    return Layout(190, 170, (Body("chapel", 88, 20, 11, 18),), tuple(patches), "lawn")


def _read() -> dict[str, Layout]:
    made = {"allotments": _allotments(), "cemetery": _cemetery()}
    for use, table in tomllib.loads(PLACES.read_text(encoding="utf-8")).items():
        length, depth = table["size"]
        car_parks = [part for place in table.get("car_parks", ()) for part in _car_park(*place)]
        patches = (Patch(*row) for row in table.get("patches", ()))
        bodies = tuple(_body(*row) for row in table.get("bodies", ()))
        made[use] = Layout(length, depth, bodies, (*car_parks, *patches), table["rest"])
    return made


def _body(
    kind: Kind, x_m: float, y_m: float, length_m: float, depth_m: float, floors: int, *marks: str
) -> Body:
    shape: Shape = "round" if "round" in marks else "box"
    return Body(kind, x_m, y_m, length_m, depth_m, floors, "side" not in marks, shape)


LAYOUTS: Final = _read()
"""One layout per use of a site."""


def site_buildings(site: PublicSite, index: int, parcel: Parcel) -> list[Building]:
    """Place the buildings of a public place.

    Args:
        site: The place.
        index: Index of its parcel.
        parcel: Its parcel.

    Returns:
        Its buildings; one that has no room even when it is made smaller is left out.
    """
    room = parcel.area.buffer(-0.3, join_style="mitre")
    shapely.prepare(room)
    layout = LAYOUTS[site.use]
    made = []
    for body in layout.bodies:
        frame = _fitted(_frame(site, layout, body), room)
        if frame is None:
            continue
        ridge = frame if frame.length_m >= frame.width_m else frame.turned()
        walls = _shape(frame, body.shape)
        made.append(Building(index, body.kind, walls, ridge, body.floors, body.is_main))
    return made


def site_patches(site: PublicSite) -> Iterable[tuple[Cover, Polygon]]:
    """Return cover and area of the ground of a public place, the upper ones first [m]."""
    layout = LAYOUTS[site.use]
    return (
        (patch.cover, _shape(_frame(site, layout, patch), patch.shape)) for patch in layout.patches
    )


def _frame(site: PublicSite, layout: Layout, part: Body | Patch) -> Frame:
    along = site.frame.length_m / layout.length_m
    across = site.frame.width_m / layout.depth_m
    origin = site.frame.at(part.x_m * along, part.y_m * across)
    length, width = part.length_m * along, part.depth_m * across
    if part.shape == "round" and part.length_m == part.depth_m:
        length = width = min(length, width)
    return Frame(origin, site.frame.along, site.frame.across, length, width)


def _fitted(frame: Frame, room: Polygon) -> Frame | None:
    """Shrink a rectangle towards the middle of its far side until it lies within the plot."""
    for _ in range(SHRINKINGS):
        if room.contains(frame.box(0, 0, frame.length_m, frame.width_m)):
            return frame
        length, width = frame.length_m * SHRINK, frame.width_m * SHRINK
        origin = frame.at((frame.length_m - length) / 2, frame.width_m - width)
        frame = Frame(origin, frame.along, frame.across, length, width)
    return None


def _shape(frame: Frame, shape: Shape) -> Polygon:
    if shape == "box":
        return frame.box(0, 0, frame.length_m, frame.width_m)
    if shape == "oval":
        radius = frame.width_m / 2
        line = LineString([frame.at(radius, radius), frame.at(frame.length_m - radius, radius)])
        return line.buffer(radius, quad_segs=8)
    angles = np.arange(CORNERS) * (2 * np.pi / CORNERS)
    along = frame.length_m / 2 * (1 + np.cos(angles))
    across = frame.width_m / 2 * (1 + np.sin(angles))
    return Polygon([frame.at(x, y) for x, y in zip(along, across, strict=True)])
