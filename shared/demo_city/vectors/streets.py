"""Lay the streets: the main ones as planned, then those that divide the built land into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import shapely
from shapely import LineString, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.vectors.frames import Frame, split_by_line
from shared.demo_city.vectors.names import name_streets
from shared.demo_city.vectors.plan import CROSS_SECTIONS, District, StreetClass, TownPlan

TRACK_BED_M: Final = 13.0
BANK_M: Final = {"canal": 6.0, "brook": 3.0}
"""Land beside a water that nobody builds on: a towpath, a strip of grass."""
CANAL_FROM_M: Final = 15.0
LEAST_BLOCK_M2: Final = 250.0
REACH_M: Final = 22.0
OVERLAP_M: Final = 0.3
"""Centre lines cross each other by this much, so that they meet whatever the rounding."""
TURNING_RADIUS_M: Final = 7.5
ROUNDABOUT_M: Final = 19.0
"""From the middle of a roundabout to the plots around it."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street between plots.

    Args:
        name: Name for people; empty until names are given.
        street: Its class.
        district: Number of the district.
        line: Centre line [m].
        is_stub: Whether it ends in a turning circle.
        former_name: Its name before it was renamed; empty for most.
    """

    name: str
    street: StreetClass
    district: int
    line: LineString
    is_stub: bool = False
    former_name: str = ""

    def corridor(self) -> BaseGeometry:
        """Return the land of the street, from plot to plot."""
        width = CROSS_SECTIONS[self.street].width_m
        land = self.line.buffer(width / 2, cap_style="flat", join_style="round", quad_segs=4)
        if not self.is_stub:
            return land
        return land.union(Point(self.line.coords[-1]).buffer(TURNING_RADIUS_M))


@dataclass(frozen=True, slots=True)
class Block:
    """Land between streets.

    Args:
        district: Number of the district.
        area: The land.
        street_side: The part of its edge that lies on a street.
        site: Place in `TownPlan.sites` of the public place it is; -1 for all others.
    """

    district: int
    area: Polygon
    street_side: BaseGeometry
    site: int = -1


@dataclass(frozen=True, slots=True)
class StreetNetwork:
    """All streets with the blocks between them.

    Args:
        streets: Streets in a fixed order.
        street_land: Land of all streets.
        rail_land: Track bed.
        water: Water surfaces.
        banks: Land beside waters.
        blocks: Built land between streets.
    """

    streets: tuple[Street, ...]
    street_land: BaseGeometry
    rail_land: BaseGeometry
    water: BaseGeometry
    banks: BaseGeometry
    blocks: tuple[Block, ...]


def lay_streets(plan: TownPlan) -> StreetNetwork:
    """Lay the streets of a town and divide its built land into blocks.

    Args:
        plan: The plan.

    Returns:
        Streets, blocks and what else keeps land free, in metres from the lower left corner.
    """
    land = _Land.of(plan)
    streets = [Street(one.name, one.street, 0, one.line) for one in plan.main_streets]
    pieces = [
        (_district_at(plan, part), part, index)
        for index, site in enumerate(land.sites)
        for part in _largest(site)
    ]
    kept_free = shapely.union_all([land.barriers, *land.sites])
    for district in plan.districts:
        new, blocks = _divide_district(district, kept_free, plan.seed)
        streets += new
        pieces += [(district.number, block, -1) for block in blocks]
    barrier = shapely.union_all([land.rail, land.water, *land.squares, *land.sites])
    streets = _joined(streets, len(plan.main_streets), barrier)
    corridors = [*(street.corridor() for street in streets), *land.circles]
    street_land = shapely.union_all(corridors).intersection(plan.area)
    for square in land.squares:
        street_land = street_land.difference(square)
    crossed = shapely.union_all([land.water, street_land, land.rail])
    return StreetNetwork(
        name_streets(streets),
        street_land,
        land.rail.difference(street_land).intersection(plan.area),
        land.water.difference(street_land).intersection(plan.area),
        land.with_banks.difference(crossed).intersection(plan.area),
        tuple(_blocks(pieces, [*corridors, *land.squares])),
    )


@dataclass(frozen=True, slots=True)
class _Land:
    """Land that is taken before the blocks are divided."""

    circles: list[BaseGeometry]
    rail: BaseGeometry
    water: BaseGeometry
    with_banks: BaseGeometry
    squares: list[BaseGeometry]
    barriers: BaseGeometry
    sites: list[BaseGeometry]

    @classmethod
    def of(cls, plan: TownPlan) -> Self:
        circles = [Point(place).buffer(ROUNDABOUT_M, quad_segs=8) for place in plan.roundabouts]
        ways = [Street(one.name, one.street, 0, one.line) for one in plan.main_streets]
        rail = shapely.union_all(
            [track.buffer(TRACK_BED_M / 2, cap_style="flat") for track in plan.rail]
        )
        water = shapely.union_all(
            [line.buffer(width / 2, cap_style="flat") for line, width in plan.waters]
        )
        with_banks = shapely.union_all([_with_bank(line, width) for line, width in plan.waters])
        squares = [space for _, space in plan.open_spaces]
        corridors = (way.corridor() for way in ways)
        barriers = shapely.union_all([*corridors, *circles, rail, with_banks, *squares])
        sites = [site.area.intersection(plan.area).difference(barriers) for site in plan.sites]
        return cls(circles, rail, water, with_banks, squares, barriers, sites)


def _district_at(plan: TownPlan, land: Polygon) -> int:
    middle = land.representative_point()
    return next(one.number for one in plan.districts if one.area.intersects(middle))


def _largest(geometry: BaseGeometry) -> list[Polygon]:
    parts = _polygons(geometry)
    return [max(parts, key=lambda part: part.area)] if parts else []


def _with_bank(line: LineString, width_m: float) -> BaseGeometry:
    bank = BANK_M["canal" if width_m >= CANAL_FROM_M else "brook"]
    return line.buffer(width_m / 2 + bank, cap_style="flat")


def _divide_district(
    district: District, kept_free: BaseGeometry, seed: int
) -> tuple[list[Street], list[Polygon]]:
    streets: list[Street] = []
    blocks: list[Polygon] = []
    waiting = _polygons(district.built.difference(kept_free))
    while waiting:
        piece = waiting.pop()
        if piece.area < LEAST_BLOCK_M2:
            continue
        rng = stream(seed, "blocks", *place_ids(piece.centroid.x, piece.centroid.y))
        line = _dividing_line(piece, district, rng)
        if line is None:
            stub = _stub(piece, district, rng)
            if stub is not None:
                streets.append(stub)
                blocks += _polygons(piece.difference(stub.corridor()))
            else:
                blocks.append(piece)
            continue
        street = Street("", district.style.street, district.number, line)
        streets.append(street)
        waiting += _polygons(piece.difference(street.corridor()))
    return streets, blocks


def _dividing_line(
    piece: Polygon, district: District, rng: np.random.Generator
) -> LineString | None:
    style = district.style
    if not style.block_m2 or piece.area <= style.block_m2 * rng.uniform(0.85, 1.3):
        return None
    frame = Frame.around(piece)
    width = CROSS_SECTIONS[style.street].width_m
    if frame.length_m < 2 * style.least_depth_m + width:
        return None
    at = frame.length_m * rng.uniform(0.44, 0.56)
    bend = frame.width_m * style.bend * rng.uniform(-1, 1)
    cut = frame.cut_across(at, bend)
    inside = [part for part in shapely.get_parts(cut.intersection(piece)) if part.length > 1]
    return max(inside, key=lambda part: part.length) if inside else None


def _stub(piece: Polygon, district: District, rng: np.random.Generator) -> Street | None:
    style, frame = district.style, Frame.around(piece)
    if rng.random() >= style.stubs or frame.width_m < 1.5 * style.least_depth_m:
        return None
    if piece.area < 0.8 * frame.length_m * frame.width_m:
        return None
    across = frame.cut_across(frame.length_m * rng.uniform(0.42, 0.58), 0.0).intersection(piece)
    if not isinstance(across, LineString):
        return None
    start = np.array(across.coords[int(rng.integers(0, 2)) - 1])
    other = np.array(across.coords[0 if (start == across.coords[-1]).all() else -1])
    end = start + (other - start) * rng.uniform(0.5, 0.62)
    return Street("", "access", district.number, LineString([start, end]), is_stub=True)


def _joined(streets: list[Street], fixed: int, barrier: BaseGeometry) -> list[Street]:
    """Lengthen the ends of the dividing streets to the centre lines that they come upon."""
    lines = [street.line for street in streets]
    for index in range(fixed, len(streets)):
        street = streets[index]
        tree = STRtree([line for line in lines if line is not lines[index]])
        coordinates = [np.array(place) for place in street.line.coords]
        start = _reached(coordinates[0], coordinates[1], tree, barrier)
        end = coordinates[-1]
        if not street.is_stub:
            end = _reached(coordinates[-1], coordinates[-2], tree, barrier)
        lines[index] = LineString([start, *coordinates[1:-1], end])
    return [replace(one, line=line) for one, line in zip(streets, lines, strict=True)]


def _reached(
    end: np.ndarray, before: np.ndarray, tree: STRtree, barrier: BaseGeometry
) -> np.ndarray:
    direction = (end - before) / np.hypot(*(end - before))
    ray = LineString([end - direction * 0.5, end + direction * REACH_M])
    crossings = [
        crossing
        for near in tree.query(ray)
        for crossing in shapely.get_coordinates(ray.intersection(tree.geometries[near]))
    ]
    if not crossings:
        return end
    nearest = min(crossings, key=lambda place: float(np.hypot(*(place - end))))
    if LineString([end, nearest]).intersects(barrier):
        return end
    reached: np.ndarray = nearest + direction * OVERLAP_M
    return reached


def _blocks(pieces: list[tuple[int, Polygon, int]], corridors: list[BaseGeometry]) -> list[Block]:
    tree = STRtree(corridors)
    land = shapely.union_all(corridors)
    shapely.prepare(land)
    made = []
    for district, piece, site in pieces:
        for part in _polygons(piece.difference(land) if piece.intersects(land) else piece):
            if part.area < LEAST_BLOCK_M2:
                continue
            around = part.buffer(1.0)
            near = shapely.union_all([corridors[i] for i in sorted(tree.query(around))])
            made.append(Block(district, part, part.exterior.intersection(near.buffer(0.3)), site))
    return sorted(
        made, key=lambda block: (block.district, *np.round(block.area.centroid.coords[0], 2))
    )


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


__all__ = ["Block", "Street", "StreetNetwork", "lay_streets", "split_by_line"]
