"""Lay the streets: the main ones as planned, then those that divide the built land into blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely import LineString, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from shared.demo_city.frames import Frame, split_by_line
from shared.demo_city.plan import CROSS_SECTIONS, District, StreetClass, TownPlan
from shared.demo_city.randomness import place_ids, stream

TRACK_BED_M: Final = 13.0
BANK_M: Final = {"canal": 6.0, "brook": 3.0}
"""Land beside a water that nobody builds on: a towpath, a strip of grass."""
CANAL_FROM_M: Final = 15.0
LEAST_BLOCK_M2: Final = 250.0
REACH_M: Final = 22.0
OVERLAP_M: Final = 0.3
"""Centre lines cross each other by this much, so that they meet whatever the rounding."""
TURNING_RADIUS_M: Final = 7.5


@dataclass(frozen=True, slots=True)
class Street:
    """A street between plots.

    Args:
        name: Name for people; empty until names are given.
        street: Its class.
        district: Number of the district.
        line: Centre line [m].
        is_stub: Whether it ends in a turning circle.
    """

    name: str
    street: StreetClass
    district: int
    line: LineString
    is_stub: bool = False

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
    """

    district: int
    area: Polygon
    street_side: BaseGeometry


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
    main = [Street(one.name, one.street, 0, one.line) for one in plan.main_streets]
    main_land = shapely.union_all([street.corridor() for street in main])
    rail = shapely.union_all(
        [track.buffer(TRACK_BED_M / 2, cap_style="flat") for track in plan.rail]
    )
    water = shapely.union_all(
        [line.buffer(width / 2, cap_style="flat") for line, width in plan.waters]
    )
    with_banks = shapely.union_all([_with_bank(line, width) for line, width in plan.waters])
    kept_free = shapely.union_all(
        [main_land, rail, with_banks, *(space for _, space in plan.open_spaces)]
    )
    streets, pieces = list(main), []
    for district in plan.districts:
        new, blocks = _divide_district(district, kept_free, plan.seed)
        streets += new
        pieces += [(district.number, block) for block in blocks]
    streets = _joined(streets, len(main), shapely.union_all([rail, water]))
    corridors = [street.corridor() for street in streets]
    street_land = shapely.union_all(corridors).intersection(plan.area)
    return StreetNetwork(
        tuple(streets),
        street_land,
        rail.difference(street_land).intersection(plan.area),
        water.difference(street_land).intersection(plan.area),
        with_banks.difference(shapely.union_all([water, street_land, rail])).intersection(
            plan.area
        ),
        tuple(_blocks(pieces, corridors)),
    )


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
    return [
        Street(one.name, one.street, one.district, line, one.is_stub)
        for one, line in zip(streets, lines, strict=True)
    ]


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


def _blocks(pieces: list[tuple[int, Polygon]], corridors: list[BaseGeometry]) -> list[Block]:
    tree = STRtree(corridors)
    land = shapely.union_all(corridors)
    shapely.prepare(land)
    made = []
    for district, piece in pieces:
        for part in _polygons(piece.difference(land) if piece.intersects(land) else piece):
            if part.area < LEAST_BLOCK_M2:
                continue
            around = part.buffer(1.0)
            near = shapely.union_all([corridors[i] for i in sorted(tree.query(around))])
            made.append(Block(district, part, part.exterior.intersection(near.buffer(0.3))))
    return sorted(
        made, key=lambda block: (block.district, *np.round(block.area.centroid.coords[0], 2))
    )


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


__all__ = ["Block", "Street", "StreetNetwork", "lay_streets", "split_by_line"]
