"""Ground of the street space: carriageways, bays, roundabouts, tree pits and pavements."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point
from shapely.geometry.base import BaseGeometry

from shared.demo_city.vectors.ground import Cover, Layers, Surface
from shared.demo_city.vectors.plan import CROSS_SECTIONS, TownPlan
from shared.demo_city.vectors.streets import Street, StreetNetwork

ISLAND_M: Final = 6.0
CIRCLE_M: Final = 13.5
"""Radii of the island and of the carriageway of a roundabout."""
CORNER_M: Final = 3.0
JUNCTION_M: Final = 11.0
"""No car is parked and no tree stands so close to where streets meet."""
BAYS_M: Final = 30.0
GAP_M: Final = 4.5
"""Parking bays are interrupted by a gap with a tree every so often."""
BUS_EVERY: Final = 11
BUS_BAY_M: Final = 26.0
PIT_M: Final = 1.5
TOWN_EDGE_M: Final = 30.0
"""Streets have pavements and bays up to this far from built land."""


def street_surfaces(plan: TownPlan, network: StreetNetwork) -> list[Surface]:
    """Cover the land of the streets.

    Args:
        plan: The plan of the town.
        network: Its streets.

    Returns:
        Surfaces that together are the land of the streets.
    """
    layers = Layers(network.street_land)
    streets = network.streets
    middles = [Point(place) for place in plan.roundabouts]
    layers.lay("bed", shapely.union_all([one.buffer(ISLAND_M, quad_segs=6) for one in middles]))
    ways = [_strip(one, 0.0) for one in streets if one.street != "access"]
    ways += [one.buffer(CIRCLE_M, quad_segs=6) for one in middles]
    ways += _turning_circles(streets)
    joined = shapely.union_all(ways)
    rounded = joined.buffer(CORNER_M, quad_segs=3).buffer(-CORNER_M, quad_segs=3)
    layers.lay("carriageway", rounded)
    old = plan.districts[0].area
    lanes: dict[Cover, list[BaseGeometry]] = {"setts": [], "paving": []}
    for street in streets:
        if street.street == "access":
            is_old = old.contains(street.line.centroid)
            lanes["setts" if is_old else "paving"].append(_strip(street, 0.0))
    for cover, strips in lanes.items():
        layers.lay(cover, shapely.union_all(strips))
    junctions = shapely.union_all(
        [one.line.boundary.buffer(JUNCTION_M, quad_segs=3) for one in streets]
    )
    beside = [one for one in streets if CROSS_SECTIONS[one.street].parking_m]
    gaps, pits, stops = _gaps(beside)
    stops = shapely.difference(stops, junctions)
    layers.lay("carriageway", stops)
    bays = shapely.union_all([_strip(one, CROSS_SECTIONS[one.street].parking_m) for one in beside])
    _lay_country_roads(layers, plan, streets)
    layers.lay("parking", shapely.difference(bays, shapely.union(junctions, gaps)))
    layers.lay("bed", shapely.difference(pits, junctions))
    return layers.lay_rest("pavement", in_turn=True)


def _lay_country_roads(layers: Layers, plan: TownPlan, streets: tuple[Street, ...]) -> None:
    """Lay a cycle path on one side and verges along the streets outside the town."""
    edges = [one.built.buffer(TOWN_EDGE_M, quad_segs=2) for one in plan.districts]
    built = shapely.union_all(edges)
    outside = [one for one in streets if one.district == 0 and not built.contains(one.line)]
    paths, verges = [], []
    for street in outside:
        line = street.line.difference(built)
        section = CROSS_SECTIONS[street.street]
        half, near = section.width_m / 2, section.carriageway_m / 2 + section.parking_m
        verges.append(line.buffer(half + 1, cap_style="flat"))
        paths.append(line.buffer(-half - 1, single_sided=True).difference(line.buffer(near)))
    layers.lay("path", shapely.union_all(paths))
    layers.lay("meadow", shapely.union_all(verges))


def _strip(street: Street, beside_m: float) -> BaseGeometry:
    half = CROSS_SECTIONS[street.street].carriageway_m / 2 + beside_m
    return street.line.buffer(half, cap_style="flat", join_style="round", quad_segs=4)


def _turning_circles(streets: tuple[Street, ...]) -> list[BaseGeometry]:
    return [Point(one.line.coords[-1]).buffer(6.5, quad_segs=6) for one in streets if one.is_stub]


def _gaps(streets: list[Street]) -> tuple[BaseGeometry, BaseGeometry, BaseGeometry]:
    """Return the gaps between bays, the tree pits in them and the bus bays [m]."""
    gaps, pits, stops = [], [], []
    for street in streets:
        section = CROSS_SECTIONS[street.street]
        at = np.arange(BAYS_M / 2, street.line.length, BAYS_M)
        place, along = _places(street, at)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        half = section.carriageway_m / 2 + section.parking_m
        gaps.append(_boxes(place, along * GAP_M / 2, across * (half + 0.5)))
        for side in (-1, 1):
            middle = place + across * (side * (section.carriageway_m / 2 + section.parking_m / 2))
            deep = max(section.parking_m, PIT_M) / 2
            pits.append(_boxes(middle, along * PIT_M / 2, across * deep))
        if street.street in {"primary", "secondary"}:
            chosen = slice(BUS_EVERY // 2, None, BUS_EVERY)
            stops.append(
                _boxes(place[chosen], along[chosen] * BUS_BAY_M / 2, across[chosen] * half)
            )
    return tuple(shapely.disjoint_subset_union_all(_joined(one)) for one in (gaps, pits, stops))


def _places(
    street: Street, at_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    place = shapely.get_coordinates(shapely.line_interpolate_point(street.line, at_m))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(street.line, at_m - 1.0))
    way = place - ahead
    return place, way / np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)[:, None]


def _boxes(
    middle: NDArray[np.float64], along: NDArray[np.float64], across: NDArray[np.float64]
) -> NDArray[np.object_]:
    corners = [middle - along - across, middle + along - across]
    corners += [middle + along + across, middle - along + across]
    boxes: NDArray[np.object_] = shapely.polygons(np.stack(corners, axis=1))
    return boxes


def _joined(parts: list[NDArray[np.object_]]) -> NDArray[np.object_]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)
