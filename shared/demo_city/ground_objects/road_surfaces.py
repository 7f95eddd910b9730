"""Stretches of streets and parts of yards whose asphalt is newer or older than around them."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Areas,
    Batch,
    Layer,
    Places,
    left_of,
    only,
    put,
)
from shared.demo_city.ground_objects.roadside import Roadside
from shared.demo_city.ground_objects.spots import frames_around
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.randomness import place_draws
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.street_space import CIRCLE_M

PAVED: Final = frozenset({"primary", "secondary", "residential"})
STRETCH_M: Final = 170.0
"""Streets are resurfaced in stretches of about this length."""
RENEWED_SHARE: Final = 0.6
LEAST_M: Final = 15.0
GAINS: Final = (0.74, 1.24)
"""Brightness of the newest and of the oldest asphalt against that of the streets around."""
WARMTH: Final = np.array([0.03, 0.0, -0.04, 0.02])
"""Old asphalt shows its stones and turns from blue to brown."""
TRACK_M: Final = 0.8
TRACK_GAIN: Final = 0.955
YARD_M2: Final = 400.0
YARD_PARTS: Final = (((0.0, 0.55), 0.7), ((0.6, 0.3), 0.5), ((0.35, 0.04), 0.5), ((0.8, 0.06), 0.4))
"""Where parts of a yard begin and how long they are, as shares of its length, with their share."""


def resurface(plan: TownPlan, roadside: Roadside, ground: Ground) -> list[Batch]:
    """Return the renewed stretches of streets and the mended parts of yards.

    Args:
        plan: The plan of the town.
        roadside: Its streets.
        ground: Its surfaces.
    """
    areas, gain, tracks = _stretches(roadside)
    squares = [space for _, space in plan.open_spaces]
    circles = shapely.points(np.array(plan.roundabouts).reshape(-1, 2))
    kept = shapely.union_all([*squares, *shapely.buffer(circles, CIRCLE_M, quad_segs=6)])
    areas = shapely.intersection(areas, plan.area)
    crossing = shapely.intersects(areas, kept)
    areas[crossing] = shapely.difference(areas[crossing], kept)
    return [_asphalt(areas, gain, tracks), *_yard_parts(ground)]


def _asphalt(areas: Areas, gain: NDArray[np.float64], tracks: tuple[Areas, ...] = ()) -> Batch:
    """Return areas of asphalt of some ages, with the tracks on them."""
    parts, index = shapely.get_parts(areas, return_index=True)
    whole = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 1)
    parts, index = parts[whole], index[whole]
    age = gain[index, None]
    tint = age * (1 + (age - 1) * 4 * WARMTH)
    layers = [Layer(parts, "asphalt", 0.0, tint)]
    for track in tracks:
        laid = shapely.intersection(track[index], parts)
        simple = (shapely.get_type_id(laid) == 3) & ~shapely.is_empty(laid)
        layers.append(Layer(only(simple, laid), "asphalt", 0.0, tint * TRACK_GAIN))
    return Batch("road_section", parts, tuple(layers), is_solid=False)


def _stretches(roadside: Roadside) -> tuple[Areas, NDArray[np.float64], tuple[Areas, ...]]:
    """Return renewed stretches, their ages and where oil drips in the middle of both lanes."""
    moods = roadside.moods("resurfaced")
    start, end = _between_crossings(roadside)
    lines, half, gains = [], [], []
    for street in np.flatnonzero(np.isin(roadside.kind, sorted(PAVED))).tolist():
        length = end[street] - start[street]
        count = max(1, round(length / STRETCH_M))
        for number in range(count):
            draw = (moods[street, number % 4] + 0.618 * (number // 4)) % 1
            if length < LEAST_M or draw > RENEWED_SHARE:
                continue
            low = start[street] + length * number / count
            lines.append(substring(roadside.lines[street], low, low + length / count))
            half.append(roadside.carriageway[street] / 2)
            gains.append(GAINS[0] + (GAINS[1] - GAINS[0]) * draw / RENEWED_SHARE)
    middle, wide = np.array(lines, object), np.array(half)
    areas = shapely.buffer(middle, wide, cap_style="flat", join_style="round", quad_segs=4)
    tracks = tuple(
        shapely.buffer(shapely.offset_curve(middle, side * wide / 2), TRACK_M / 2, cap_style="flat")
        for side in (-1, 1)
    )
    return areas, np.array(gains), tracks


def _between_crossings(roadside: Roadside) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the streets leave the last crossing and reach the next one [m]."""
    lines = roadside.lines
    edges = []
    for share in (0.0, 1.0):
        tips = shapely.line_interpolate_point(lines, share, normalized=True)
        tip, other = shapely.STRtree(lines).query(tips, predicate="dwithin", distance=1.0)
        room = np.where(tip == other, 0.0, roadside.carriageway[other] / 2)
        inset = np.zeros(len(lines))
        np.maximum.at(inset, tip, room)
        edges.append(inset)
    return edges[0], roadside.length - edges[1]


def _yard_parts(ground: Ground) -> list[Batch]:
    yards = np.flatnonzero(
        (ground.cover == "asphalt_yard") & (ground.size_m2 > YARD_M2) & (ground.parcel >= 0)
    )
    origin, along, extent = frames_around(ground.area[yards])
    u = place_draws(ground.seed, "yard parts", origin, 3 * len(YARD_PARTS))
    made = []
    for number, ((start, long), share) in enumerate(YARD_PARTS):
        draws = u[:, 3 * number : 3 * number + 3]
        has = draws[:, 0] < share
        first = (start + 0.2 * draws[:, 1:2]) * extent[:, :1]
        size = np.column_stack([long * extent[:, 0], extent[:, 1] + 1.0])
        at: Places = origin + along * (first + size[:, :1] / 2) + left_of(along) * extent[:, 1:] / 2
        boxes = put(BOX, at[has], along[has], size[has])
        areas = shapely.intersection(boxes, ground.area[yards[has]])
        gain = GAINS[0] + (GAINS[1] - GAINS[0]) * draws[has, 2]
        made.append(_asphalt(areas, gain))
    return made
