"""Divide all ground of a town into surfaces without gap or overlap."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from shared.demo_city.buildings import Building, front_of
from shared.demo_city.frames import Frame, split_by_line
from shared.demo_city.ground import Cover, Layers, Surface, cover_plot
from shared.demo_city.overlay import common, polygons, without
from shared.demo_city.parcels import Parcel
from shared.demo_city.plan import CROSS_SECTIONS, TownPlan
from shared.demo_city.randomness import place_ids, stream
from shared.demo_city.streets import Street, StreetNetwork

CELL_M: Final = 200.0
"""Large surfaces are cut along this grid, so that a small window meets few corners."""
FIELD_M2: Final = 32_000.0
LANDS: Final[tuple[tuple[Cover, float], ...]] = (
    ("field_crop", 0.5), ("field_soil", 0.2), ("meadow", 0.2), ("wood", 0.1),
)  # fmt: skip


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
    made = _street_surfaces(network)
    made += _cells("ballast", network.rail_land) + _cells("water", network.water)
    made += _cells("meadow", network.banks)
    on_plot: dict[int, list[Building]] = {}
    for building in buildings:
        on_plot.setdefault(building.parcel, []).append(building)
    for index, parcel in enumerate(parcels):
        rng = stream(plan.seed, "ground", *place_ids(*parcel.area.centroid.coords[0]))
        made += cover_plot(parcel.area, front_of(parcel), on_plot.get(index, []), index, rng)
    taken = shapely.union_all(
        [network.street_land, network.rail_land, network.water, network.banks,
         *(block.area for block in network.blocks)]
    )  # fmt: skip
    rest = without(plan.area, taken)
    for use, space in plan.open_spaces:
        made += _cells("setts" if use == "market" else "lawn", common(rest, space))
        rest = without(rest, space)
    built = shapely.union_all([district.built for district in plan.districts])
    made += _cells("meadow", common(rest, built))
    made += _open_land(plan, without(rest, built))
    return tuple(made)


def _street_surfaces(network: StreetNetwork) -> list[Surface]:
    layers = Layers(network.street_land)
    for cover, streets, widths in (
        ("carriageway", [s for s in network.streets if s.street != "access"], _carriageway),
        ("setts", [s for s in network.streets if s.street == "access"], _carriageway),
        ("parking", list(network.streets), _with_parking),
    ):
        lines = [s.line.buffer(widths(s) / 2, join_style="round", quad_segs=4) for s in streets]
        layers.lay(cover, shapely.union_all(lines))  # type: ignore[arg-type]
    pieces = [(one.cover, one.area) for one in layers.lay_rest("pavement")]
    return [surface for cover, area in pieces for surface in _cells(cover, area)]


def _carriageway(street: Street) -> float:
    return CROSS_SECTIONS[street.street].carriageway_m


def _with_parking(street: Street) -> float:
    section = CROSS_SECTIONS[street.street]
    return section.carriageway_m + 2 * section.parking_m


def _cells(cover: Cover, area: BaseGeometry) -> list[Surface]:
    """Cut a surface along a grid."""
    made = []
    for part in polygons(area):
        west, south, east, north = part.bounds
        if east - west < CELL_M and north - south < CELL_M:
            made.append(Surface(cover, part))
            continue
        for x in np.arange(np.floor(west / CELL_M), np.ceil(east / CELL_M)) * CELL_M:
            column = common(part, shapely.box(x, south, x + CELL_M, north))
            for y in np.arange(np.floor(south / CELL_M), np.ceil(north / CELL_M)) * CELL_M:
                cell = common(column, shapely.box(x, y, x + CELL_M, y + CELL_M))
                made += [Surface(cover, piece) for piece in polygons(cell)]
    return made


def _open_land(plan: TownPlan, land: BaseGeometry) -> list[Surface]:
    waiting = polygons(land)
    made: list[Surface] = []
    while waiting:
        piece = waiting.pop()
        rng = stream(plan.seed, "open land", *place_ids(*piece.centroid.coords[0]))
        frame = Frame.around(piece)
        if piece.area > FIELD_M2 * rng.uniform(0.7, 2.2) and frame.length_m > 60:
            parts = split_by_line(piece, frame.cut_across(frame.length_m * rng.uniform(0.4, 0.6)))
            if len(parts) > 1:
                waiting += parts
                continue
        names = [name for name, _ in LANDS]
        cover = str(rng.choice(names, p=[share for _, share in LANDS]))
        made.append(Surface(cover, piece))  # type: ignore[arg-type]
    return made
