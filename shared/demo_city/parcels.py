"""Cut the blocks into parcels that all lie on a street."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.frames import Frame, split_by_line
from shared.demo_city.plan import TownPlan
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.streets import StreetNetwork

LEAST_ACCESS_M: Final = 3.0
LEAST_WIDTH_M: Final = 6.5
ON_EDGE_M: Final = 0.05


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
    """

    parcel_id: str
    district: int
    number: int
    block: int
    area: Polygon
    street_side: BaseGeometry


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
        rng = stream(plan.seed, "parcels", *place_ids(block.area.centroid.x, block.area.centroid.y))
        near = block.street_side.buffer(ON_EDGE_M, cap_style="flat", quad_segs=1)
        shapely.prepare(near)
        for area in _cut(block.area, near, styles[block.district].plot_m2, rng):
            numbers[block.district] += 1
            number = numbers[block.district]
            name = f"059999-{block.district:03d}-{number:05d}"
            made.append(Parcel(name, block.district, number, index, area, _side(area, near)))
    return tuple(made)


def _cut(
    block: Polygon, near: BaseGeometry, plot_m2: float, rng: np.random.Generator
) -> list[Polygon]:
    waiting, done = [block], []
    while waiting:
        piece = waiting.pop()
        parts = None
        if piece.area > plot_m2 * rng.uniform(1.15, 1.9):
            parts = _halves(piece, near, rng)
        if parts is None:
            done.append(piece)
        else:
            waiting += reversed(parts)
    return done


def _halves(piece: Polygon, near: BaseGeometry, rng: np.random.Generator) -> list[Polygon] | None:
    """Cut a piece across its long side, else along it; None where a part would have no access."""
    frame = Frame.around(piece)
    share = rng.uniform(0.45, 0.55)
    for turned in (False, True):
        if turned:
            frame = Frame(
                frame.at(frame.length_m, 0),
                frame.across,
                -frame.along,
                frame.width_m,
                frame.length_m,
            )
        if frame.length_m < 2 * LEAST_WIDTH_M:
            continue
        parts = split_by_line(piece, frame.cut_across(frame.length_m * share))
        if len(parts) > 1 and all(_is_useful(part, near) for part in parts):
            return parts
    return None


def _is_useful(part: Polygon, near: BaseGeometry) -> bool:
    if Frame.around(part).width_m < LEAST_WIDTH_M:
        return False
    return _side(part, near).length >= LEAST_ACCESS_M


def _side(area: Polygon, near: BaseGeometry) -> BaseGeometry:
    """Return the part of an edge that lies on a street."""
    return shapely.intersection(area.exterior, near)
