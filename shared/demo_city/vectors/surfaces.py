"""Divide all ground of a town into surfaces without gap or overlap."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import draw_index, place_ids, stream
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame, split_by_line
from shared.demo_city.vectors.ground import Cover, Surface
from shared.demo_city.vectors.overlay import polygons, split, without
from shared.demo_city.vectors.parcels import Parcel
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.plots import cover_plot
from shared.demo_city.vectors.street_space import street_surfaces
from shared.demo_city.vectors.streets import CANAL_FROM_M, StreetNetwork

TOWPATH_M: Final = (1.5, 4.5)
"""Where the towpath begins and ends beside a canal."""
CELL_M: Final = 200.0
"""Large surfaces are cut along this grid, so that a small window meets few corners."""
OPEN_SPACES: Final[dict[str, Cover]] = {
    "market": "setts", "park": "lawn", "solar_field": "meadow",
}  # fmt: skip
FIELD_M2: Final = 32_000.0
LANDS: Final[tuple[tuple[Cover, float], ...]] = (
    ("field_crop", 0.38), ("field_stubble", 0.12), ("field_soil", 0.2), ("meadow", 0.2),
    ("wood", 0.1),
)  # fmt: skip
LAND_SHARES: Final = tuple(share for _, share in LANDS)


def partition_ground(
    plan: TownPlan,
    network: StreetNetwork,
    parcels: tuple[Parcel, ...],
    buildings: tuple[Building, ...],
) -> tuple[Surface, ...]:
    """Divide the ground of a town.

    Args:
        plan: The plan of the town.
        network: Its streets and waters.
        parcels: Its parcels.
        buildings: Its buildings.

    Returns:
        Surfaces; together they are the area of the town.
    """
    made = [
        piece for one in street_surfaces(plan, network) for piece in _cells(one.cover, one.area)
    ]
    made += _cells("ballast", network.rail_land) + _cells("water", network.water)
    made += _banks(plan, network)
    on_plot: dict[int, list[Building]] = {}
    for building in buildings:
        on_plot.setdefault(building.parcel, []).append(building)
    for index, parcel in enumerate(parcels):
        made += cover_plot(plan, index, parcel, on_plot.get(index, []))
    taken = shapely.union_all(
        [network.street_land, network.rail_land, network.water, network.banks,
         *(block.area for block in network.blocks)]
    )  # fmt: skip
    rest = without(plan.area, taken)
    for use, space in plan.open_spaces:
        inside, rest = split(rest, space)
        made += _cells(OPEN_SPACES[use], inside)
    built = shapely.union_all([district.built for district in plan.districts])
    inside, rest = split(rest, built)
    made += _cells("meadow", inside)
    made += _open_land(plan, rest)
    return tuple(made)


def _banks(plan: TownPlan, network: StreetNetwork) -> list[Surface]:
    """Lay a towpath along wide waters and grass beside all."""
    paths = [
        line.buffer(width / 2 + TOWPATH_M[1], cap_style="flat").difference(
            line.buffer(width / 2 + TOWPATH_M[0], cap_style="flat")
        )
        for line, width in plan.waters
        if width >= CANAL_FROM_M
    ]
    path, grass = split(network.banks, shapely.union_all(paths))
    return _cells("gravel_yard", path) + _cells("meadow", grass)


def _cells(cover: Cover, area: BaseGeometry) -> list[Surface]:
    """Cut a surface along a grid."""
    made = []
    for part in polygons(area):
        west, south, east, north = part.bounds
        if east - west < CELL_M and north - south < CELL_M:
            made.append(Surface(cover, part))
            continue
        for x in np.arange(np.floor(west / CELL_M), np.ceil(east / CELL_M)) * CELL_M:
            column, part = split(part, shapely.box(x, south - 1, x + CELL_M, north + 1))
            for y in np.arange(np.floor(south / CELL_M), np.ceil(north / CELL_M)) * CELL_M:
                cell, column = split(column, shapely.box(x - 1, y, x + CELL_M + 1, y + CELL_M))
                made += [Surface(cover, piece) for piece in polygons(cell)]
    return made


def _open_land(plan: TownPlan, land: BaseGeometry) -> list[Surface]:
    waiting, pieces = polygons(land), []
    while waiting:
        piece = waiting.pop()
        rng = stream(plan.seed, "open land", *place_ids(*piece.centroid.coords[0]))
        frame = Frame.around(piece)
        if piece.area > FIELD_M2 * rng.uniform(0.7, 2.2) and frame.length_m > 60:
            parts = split_by_line(piece, frame.cut_across(frame.length_m * rng.uniform(0.4, 0.6)))
            if len(parts) > 1:
                waiting += parts
                continue
        pieces.append((LANDS[draw_index(rng, LAND_SHARES)][0], piece))
    if plan.lands:
        middle = plan.area.centroid
        pieces.sort(key=lambda one: round(one[1].distance(middle), 3))
        given = [(cover, piece) for cover, (_, piece) in zip(plan.lands, pieces, strict=False)]
        pieces = [*given, *pieces[len(given) :]]
    return [Surface(cover, piece) for cover, piece in pieces]
