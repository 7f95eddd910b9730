"""Lines and goals of sports pitches, lanes of running tracks."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from shapely import Polygon

from shared.demo_city.frames import Frame
from shared.demo_city.outlines import Areas, Batch, Layer
from shared.demo_city.street_marks import painted
from shared.demo_city.yards import Ground

PITCH_M2: Final = (600.0, 9_500.0)
LAWN_PITCH_M2: Final = 3_500.0
LINE_M: Final = 0.2
"""Real lines have 0.12 m; finer ones would break into dots."""
MARGIN_M: Final = 2.5
LANE_M: Final = 1.22
LANES: Final = 4
BOX_SHARES: Final = ((0.6, 0.16), (0.28, 0.055))
"""Width and depth of penalty and goal areas as shares of the pitch (FIFA laws: 40 m of 68 m)."""
OVAL: Final = 0.97
"""A pitch that fills less of its rectangle lies within an oval."""
CIRCLE_SHARE: Final = 0.27


def mark_pitches(ground: Ground) -> list[Batch]:
    """Return the marks on sports grounds and in school yards.

    Args:
        ground: The surfaces.
    """
    planned = ground.planned[ground.parcel]
    at_club = np.isin(planned, ("sports_ground", "school")) & (ground.parcel >= 0)
    size = ground.size_m2
    turf = (ground.cover == "artificial_turf") | (
        (ground.cover == "lawn") & (planned == "sports_ground") & (size > LAWN_PITCH_M2)
    )
    pitches = np.flatnonzero(at_club & turf & (size > PITCH_M2[0]) & (size < PITCH_M2[1]))
    tracks = np.flatnonzero(at_club & (ground.cover == "running_track"))
    lines, goals = [], []
    for pitch in ground.area[pitches]:
        frame = Frame.around(pitch)
        if pitch.area < OVAL * frame.length_m * frame.width_m:
            frame = _inside_oval(frame)
        lines += _lines(frame)
        goals += _goals(frame)
    for track in ground.area[tracks]:
        lines += _lanes(track)
    goal_areas = _array(goals)
    return [
        painted("road_mark", _array(lines), 0.2),
        Batch("goal", goal_areas, (Layer(goal_areas, "membrane_light", 2.4),)),
    ]


def _inside_oval(frame: Frame) -> Frame:
    """Return the frame of a pitch within a running track."""
    cut = 0.25 * frame.width_m
    origin = frame.at(cut, 0)
    return Frame(origin, frame.along, frame.across, frame.length_m - 2 * cut, frame.width_m)


def _array(areas: list[Polygon]) -> Areas:
    made: Areas = np.empty(len(areas), object)
    made[:] = areas
    return made


def _lines(frame: Frame) -> list[Polygon]:
    """Return the lines of a football pitch."""
    length, width = frame.length_m - 2 * MARGIN_M, frame.width_m - 2 * MARGIN_M
    made = [_outline(frame, 0.0, 0.0, length, width)]
    made.append(frame.box(MARGIN_M + length / 2, MARGIN_M, LINE_M, width))
    for wide, deep in BOX_SHARES:
        across, along = width * wide, length * deep
        for start in (0.0, length - along):
            made.append(_outline(frame, start, (width - across) / 2, along, across))
    middle = shapely.Point(frame.at(frame.length_m / 2, frame.width_m / 2))
    radius = width * CIRCLE_SHARE / 2
    circle = middle.buffer(radius, quad_segs=8).exterior.coords
    made.append(Polygon(circle, [middle.buffer(radius - LINE_M, quad_segs=8).exterior.coords]))
    return made


def _outline(frame: Frame, x_m: float, y_m: float, length_m: float, width_m: float) -> Polygon:
    x, y, line = x_m + MARGIN_M, y_m + MARGIN_M, LINE_M
    outer = frame.box(x, y, length_m, width_m)
    inner = frame.box(x + line, y + line, length_m - 2 * line, width_m - 2 * line)
    return Polygon(outer.exterior, [inner.exterior])


def _goals(frame: Frame) -> list[Polygon]:
    wide = min(7.3, 0.2 * frame.width_m)
    at = (frame.width_m - wide) / 2
    return [frame.box(x, at, 1.6, wide) for x in (MARGIN_M - 1.7, frame.length_m - MARGIN_M + 0.1)]


def _lanes(track: Polygon) -> list[Polygon]:
    """Return the lines between the lanes of a running track, from its outer edge inward."""
    made = []
    whole = Polygon(track.exterior)
    for number in range(1, LANES):
        outer = whole.buffer(-number * LANE_M)
        inner = whole.buffer(-number * LANE_M - LINE_M)
        if isinstance(outer, Polygon) and isinstance(inner, Polygon) and not inner.is_empty:
            made.append(Polygon(outer.exterior, [inner.exterior]))
    return made
