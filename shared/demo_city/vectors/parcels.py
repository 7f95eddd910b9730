"""Cut the blocks into parcels that all lie on a street and are wide enough for what is planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from math import hypot
from typing import Final

import numpy as np
import shapely
from shapely import LineString, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import draw_index, place_ids, stream
from shared.demo_city.vectors.frames import Frame, Vector, dot, split_by_line
from shared.demo_city.vectors.plan import CROSS_SECTIONS, Style, TownPlan
from shared.demo_city.vectors.streets import Block, StreetNetwork

SLACK: Final = 0.9
"""Behind the street a plot may be narrower than along it by this factor."""
FULLNESS: Final = 0.5
"""Least share of its surrounding rectangle that a plot fills."""
Place = tuple[float, float]
LEAST_FRONT_M: Final = 5.0
NEAR_STREET_M: Final = 40.0
ON_EDGE_M: Final = 0.05
SAME_WAY: Final = 0.985
"""Cosine of the largest bend that still counts as one straight side."""
PLOTS: Final[dict[str, tuple[float, float]]] = {
    "detached": (15.5, 1.0),
    "semi": (18.5, 1.0),
    "row": (6.2, 0.5),
    "villa": (18.0, 1.2),
    "block": (12.0, 1.0),
    "terrace": (26.0, 1.1),
    "slab": (36.0, 1.7),
    "tower": (36.0, 1.4),
    "hall": (36.0, 1.0),
    "office": (32.0, 0.7),
    "farm": (28.0, 1.9),
}
"""Least width [m] of a plot along its street, and its usual size as a share of the district's."""
OTHER_USE: Final = 0.12
"""Share of plots that are used unlike the rest of their block, where the width allows it."""
PLOTS_ALIKE: Final = 4
QUARTER_M: Final = 30.0
FREE_STANDING: Final = frozenset({"detached", "semi", "villa", "farm"})
PLAYGROUND_SHARE: Final = 0.008
PLAYGROUND_M2: Final = (350.0, 2_400.0)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A plot of land.

    Args:
        parcel_id: `059999-<flur>-<number>`.
        district: Number of the district, which is also its cadastral section (Flur).
        number: Number within the section, from 1.
        block: Number of the block in the network.
        area: The land.
        street_side: The part of its edge that lies on a street.
        front: Frame along its longest straight side on a street, the plot to its left.
        use: What it is planned for: a key of `PLOTS`, "playground" or the use of a site.
        street: Place of its street in the network; -1 where none was laid.
        site: Place in `TownPlan.sites`; -1 for all other plots.
    """

    parcel_id: str
    district: int
    number: int
    block: int
    area: Polygon
    street_side: BaseGeometry
    front: Frame | None = None
    use: str = "detached"
    street: int = -1
    site: int = -1


def cut_parcels(plan: TownPlan, network: StreetNetwork) -> tuple[Parcel, ...]:
    """Cut all blocks into parcels.

    Args:
        plan: The plan of the town.
        network: Its streets and blocks.

    Returns:
        Parcels; together they are exactly the blocks.
    """
    styles = {district.number: district.style for district in plan.districts}
    numbers = dict.fromkeys(styles, 0)
    made = []
    for index, block in enumerate(network.blocks):
        for use, piece in _parts_of(plan, block, styles[block.district]):
            numbers[block.district] += 1
            number = numbers[block.district]
            name = f"059999-{block.district:03d}-{number:05d}"
            made.append(
                Parcel(
                    name,
                    block.district,
                    number,
                    index,
                    piece.area,
                    piece.side,
                    _front(piece),
                    use,
                    -1,
                    block.site,
                )
            )
    streets = _streets_of(network, made)
    return tuple(replace(one, street=at) for one, at in zip(made, streets, strict=True))


def _parts_of(plan: TownPlan, block: Block, style: Style) -> Iterator[tuple[str, _Piece]]:
    """Yield the parcels of a block with their use."""
    near = block.street_side.buffer(ON_EDGE_M, cap_style="flat", quad_segs=1)
    shapely.prepare(near)
    if block.site >= 0:
        yield plan.sites[block.site].use, _piece(block.area, near)
        return
    rng = stream(plan.seed, "parcels", *place_ids(block.area.centroid.x, block.area.centroid.y))
    quarters = [_piece(block.area, near)]
    if not style.block_m2:
        # No streets divide these blocks, so one use for all of a block would be too much alike.
        quarters = list(_cut(quarters[0], near, QUARTER_M, PLOTS_ALIKE * style.plot_m2, rng))
    for quarter in quarters:
        usual = _drawn(style, rng)
        width_m, share = PLOTS[usual]
        for piece in _cut(quarter, near, width_m, style.plot_m2 * share, rng):
            own = stream(plan.seed, "uses", *place_ids(*piece.area.centroid.coords[0]))
            yield _use(usual, style, piece, own), piece


def _drawn(style: Style, rng: np.random.Generator) -> str:
    return style.kinds[draw_index(rng, tuple(weight for _, weight in style.kinds))][0]


def _use(usual: str, style: Style, piece: _Piece, rng: np.random.Generator) -> str:
    play, other_use = rng.random(2)
    may_play = usual not in {"hall", "office", "farm"}
    if may_play and play < PLAYGROUND_SHARE and _is_playground(piece.area):
        return "playground"
    if other_use >= OTHER_USE or usual not in FREE_STANDING:
        return usual
    other = _drawn(style, rng)
    is_wide = piece.side.length >= PLOTS[other][0]
    return other if other in FREE_STANDING and is_wide else usual


def _is_playground(area: Polygon) -> bool:
    return PLAYGROUND_M2[0] < float(area.area) < PLAYGROUND_M2[1]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a block with the straight stretch of its street side that it faces."""

    area: Polygon
    side: BaseGeometry
    front: tuple[Vector, Vector] | None

    def frame(self) -> Frame | None:
        if self.front is None:
            return None
        way = self.front[1] - self.front[0]
        return Frame.aligned(shapely.get_coordinates(self.area), way / np.hypot(*way))


def _cut(
    land: _Piece, near: BaseGeometry, width_m: float, plot_m2: float, rng: np.random.Generator
) -> Iterator[_Piece]:
    waiting = [land]
    while waiting:
        piece = waiting.pop()
        parts = None
        if piece.area.area > plot_m2 * rng.uniform(1.15, 1.75):
            parts = _halves(piece, near, width_m, plot_m2, rng)
        if parts is None:
            yield piece
        else:
            waiting += reversed(parts)


def _piece(area: Polygon, near: BaseGeometry) -> _Piece:
    side = _side(area, near)
    return _Piece(area, side, longest_straight(side))


def _halves(
    piece: _Piece, near: BaseGeometry, width_m: float, plot_m2: float, rng: np.random.Generator
) -> list[_Piece] | None:
    """Cut a piece across its long side, else along it; None where a part would have no access."""
    share = rng.uniform(0.46, 0.54)
    frame = piece.frame()
    if frame is None:
        return None
    frames = [frame, frame.turned()]
    if frame.width_m > frame.length_m:
        frames.reverse()
    shares = (share,) if piece.area.area < 3 * plot_m2 else (share, 0.36, 0.64)
    on_street = shapely.get_coordinates(piece.side)
    is_useful = partial(_is_useful, width_m=width_m, plot_m2=plot_m2)
    for one in frames:
        if one.length_m < 2 * SLACK * width_m:
            continue
        reach = dot(on_street - one.origin, one.along)
        for at in shares:
            cut_m = one.length_m * at
            if reach.min() > cut_m or reach.max() < cut_m:
                continue  # One part would lie behind the other, away from the street.
            cut = split_by_line(piece.area, one.cut_across(cut_m))
            parts = list(takewhile(is_useful, (_piece(part, near) for part in cut)))
            if len(parts) == len(cut) > 1:
                return parts
    return None


def _is_useful(piece: _Piece, width_m: float, plot_m2: float) -> bool:
    frame = piece.frame()
    if frame is None or piece.front is None:
        return False
    if np.hypot(*(piece.front[1] - piece.front[0])) < width_m or frame.width_m < SLACK * width_m:
        return False
    is_large = bool(piece.area.area > 2.5 * plot_m2)
    return is_large or bool(piece.area.area > FULLNESS * frame.length_m * frame.width_m)


def longest_straight(side: BaseGeometry) -> tuple[Vector, Vector] | None:
    """Return both ends of the longest stretch of a street side that is nearly straight."""
    best, ends = 0.0, None
    lines = [side] if isinstance(side, LineString) else shapely.get_parts(shapely.line_merge(side))
    for line in lines:
        if not isinstance(line, LineString) or line.is_empty:
            continue
        for start, end in _stretches(shapely.get_coordinates(line).tolist()):
            length = round(hypot(end[0] - start[0], end[1] - start[1]), 3)
            if length > best:
                best, ends = length, (start, end)
    return None if ends is None else (np.array(ends[0]), np.array(ends[1]))


def _stretches(places: list[Place]) -> Iterator[tuple[Place, Place]]:
    """Yield the ends of the stretches of a line between its bends."""
    start, last = places[0], places[0]
    way: Place | None = None
    for place in places[1:]:
        length = hypot(place[0] - last[0], place[1] - last[1])
        if length == 0:
            continue
        step = ((place[0] - last[0]) / length, (place[1] - last[1]) / length)
        if way is not None and way[0] * step[0] + way[1] * step[1] < SAME_WAY:
            yield start, last
            start, way = last, step
        way, last = way or step, place
    if last != start:
        yield start, last


def _side(area: Polygon, near: BaseGeometry) -> BaseGeometry:
    """Return the part of an edge that lies on a street."""
    return shapely.intersection(area.exterior, near)


def _front(piece: _Piece) -> Frame | None:
    if piece.front is None or np.hypot(*(piece.front[1] - piece.front[0])) < LEAST_FRONT_M:
        return None
    start, end = piece.front
    places = shapely.get_coordinates(piece.area)
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length
    across = dot(places - start, np.array([-along[1], along[0]]))
    if across.max() < -across.min():
        start, along, across = end, -along, -across
    return Frame(start, along, np.array([-along[1], along[0]]), length, float(across.max()))


def _streets_of(network: StreetNetwork, parcels: list[Parcel]) -> list[int]:
    """Return the place of the street in front of each parcel; -1 where there is none."""
    made = [-1] * len(parcels)
    lines = np.array([street.line for street in network.streets], dtype=object)
    half_m = np.array([CROSS_SECTIONS[street.street].width_m / 2 for street in network.streets])
    fronts = [(n, one.front) for n, one in enumerate(parcels) if one.front is not None]
    if not len(lines) or not fronts:
        return made
    middles = shapely.points([front.at(front.length_m / 2, 0) for _, front in fronts])
    which, street = STRtree(lines).query(middles, predicate="dwithin", distance=NEAR_STREET_M)
    away = shapely.distance(middles[which], lines[street]) - half_m[street]
    for at in np.lexsort((street, away, which))[::-1]:
        made[fronts[which[at]][0]] = int(street[at])
    return made
