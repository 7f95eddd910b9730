"""Tables of streets and the graph that routes are looked for in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import LineString, Point
from shapely.ops import substring

from shared.demo_city.tables.snapshot import Snapshot
from shared.demo_city.vectors.plan import CROSS_SECTIONS, StreetClass
from shared.demo_city.vectors.streets import Street

SURFACES: Final[dict[StreetClass, str]] = {
    "primary": "asphalt",
    "secondary": "asphalt",
    "residential": "asphalt",
    "access": "setts",
    "path": "paving",
}
STUB_M: Final = 2.0
"""Centre lines reach this far over each other; what is shorter and ends in nothing is no street."""
NODE_GRID_M: Final = 0.001


def streets(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the centre lines of the streets; pieces of one street share its name."""
    made = snapshot.first.network.streets
    return snapshot.frame(
        {
            "street_id": snapshot.street_ids,
            "name": [one.name for one in made],
            "old_name": [one.former_name for one in made],
            "class": [one.street for one in made],
            "width_m": [CROSS_SECTIONS[one.street].width_m for one in made],
            "surface": [SURFACES[one.street] for one in made],
            "speed_kmh": [CROSS_SECTIONS[one.street].speed_kmh for one in made],
            "oneway": [False for _ in made],
            "length_m": [one.line.length for one in made],
        },
        [one.line for one in made],
    )


def road_graph(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the edges of the road graph; all nodes can be reached from each other.

    `speed_kmh` is the allowed speed of cars; edges lead both ways unless `oneway` is true.
    """
    graph = _graph(snapshot.first.network.streets)
    made = [snapshot.first.network.streets[index] for index in graph.street]
    is_path = [one.street == "path" for one in made]
    return snapshot.frame(
        {
            "edge_id": [f"K{number:05d}" for number in range(len(made))],
            "from_node": [node_id(number) for number in graph.ends[:, 0]],
            "to_node": [node_id(number) for number in graph.ends[:, 1]],
            "street_id": [snapshot.street_ids[index] for index in graph.street],
            "length_m": [line.length for line in graph.lines],
            "speed_kmh": [CROSS_SECTIONS[one.street].speed_kmh for one in made],
            "car": [not one for one in is_path],
            "bus": [one.street in {"primary", "secondary", "residential"} for one in made],
            "bike": [True] * len(made),
            "foot": [True] * len(made),
            "oneway": [False] * len(made),
        },
        graph.lines,
    )


def road_nodes(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the nodes of the road graph."""
    graph = _graph(snapshot.first.network.streets)
    degree = np.bincount(graph.ends.ravel(), minlength=len(graph.nodes))
    return snapshot.frame(
        {
            "node_id": [node_id(number) for number in range(len(graph.nodes))],
            "edges": degree,
        },
        shapely.points(graph.nodes),
    )


def node_id(number: int) -> str:
    """Return the id of a node."""
    return f"N{number:05d}"


@dataclass(frozen=True, slots=True)
class _Graph:
    nodes: NDArray[np.float64]
    ends: NDArray[np.int64]
    lines: list[LineString]
    street: list[int]


@lru_cache(maxsize=2)
def _graph(streets: tuple[Street, ...]) -> _Graph:
    """Return the graph of streets that are cut where they cross, or touch within the node grid."""
    lines = [one.line for one in streets]
    crossed = shapely.union_all(lines, grid_size=NODE_GRID_M)
    made = _of_pieces(_without_stubs(list(shapely.get_parts(crossed))))
    while len(parts := _parts(made)) > 1:
        made = _of_pieces(_joined(made.lines, parts[1], parts[0]))
    middles = np.array([_middle(line) for line in made.lines], dtype=object)
    street = shapely.STRtree(lines).nearest(middles)
    return replace(made, street=street.tolist())


def _of_pieces(pieces: list[LineString]) -> _Graph:
    pieces = sorted(pieces, key=lambda line: tuple(np.round(_middle(line).coords[0], 2)))
    places = np.array([[line.coords[0], line.coords[-1]] for line in pieces])
    nodes, ends = np.unique(_keys(places.reshape(-1, 2)), axis=0, return_inverse=True)
    return _Graph(nodes.astype(np.float64) * NODE_GRID_M, ends.reshape(-1, 2), pieces, [])


def _middle(line: LineString) -> Point:
    return line.interpolate(0.5, normalized=True)


def _parts(graph: _Graph) -> list[NDArray[np.int64]]:
    """Return the places in `graph.lines` of each connected part, the longest part first."""
    size, ones = len(graph.nodes), np.ones(len(graph.ends))
    matrix = coo_array((ones, (graph.ends[:, 0], graph.ends[:, 1])), shape=(size, size))
    count, label = connected_components(matrix, directed=False)
    length = shapely.length(graph.lines)
    parts = [np.flatnonzero(label[graph.ends[:, 0]] == number) for number in range(count)]
    return sorted(parts, key=lambda part: -float(length[part].sum()))


def _joined(
    pieces: list[LineString], part: NDArray[np.int64], main: NDArray[np.int64]
) -> list[LineString]:
    """Return the pieces with the shortest way between two parts; both are cut where it ends."""
    lines = np.array(pieces, dtype=object)
    both = [shapely.multilinestrings(lines[numbers]) for numbers in (part, main)]
    ends: list[tuple[float, ...]] = []
    made = dict(enumerate([piece] for piece in pieces))
    for place, numbers in zip(
        shapely.points(shapely.get_coordinates(shapely.shortest_line(*both))),
        (part, main),
        strict=True,
    ):
        nearest = int(numbers[np.argmin(shapely.distance(lines[numbers], place))])
        made[nearest], node = _cut(pieces[nearest], place)
        ends.append(node)
    start, end = _keys(np.array(ends))
    way = [LineString(ends)] if (start != end).any() else []
    return [*(piece for cut in made.values() for piece in cut), *way]


def _cut(line: LineString, place: Point) -> tuple[list[LineString], tuple[float, ...]]:
    """Cut a line at a place, unless that is one of its ends; return the pieces and their node."""
    along = line.project(place)
    if along < NODE_GRID_M or line.length - along < NODE_GRID_M:
        return [line], line.coords[0 if along < NODE_GRID_M else -1]
    first, second = substring(line, 0, along), substring(line, along, line.length)
    return [first, second], first.coords[-1]


def _keys(places: NDArray[np.float64]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = np.round(places / NODE_GRID_M).astype(np.int64)
    return keys


def _without_stubs(lines: list[LineString]) -> list[LineString]:
    """Drop the short ends beyond crossings, and what has no length."""
    lines = [line for line in lines if line.length > NODE_GRID_M]
    ends = _keys(np.array([[line.coords[0], line.coords[-1]] for line in lines]).reshape(-1, 2))
    _, place, degree = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    is_end = (degree[place.ravel()] == 1).reshape(-1, 2).any(axis=1)
    return [
        line
        for line, ending in zip(lines, is_end, strict=True)
        if line.length > STUB_M or not ending
    ]
