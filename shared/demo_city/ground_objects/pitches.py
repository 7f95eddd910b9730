"""Lines and goals of sports pitches, lanes of running tracks."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from shapely import LinearRing, Polygon

from shared.demo_city.ground_objects.outlines import Areas, Batch, Layer, Tint
from shared.demo_city.ground_objects.street_marks import PAINT
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.vectors.frames import Frame

PITCH_M2: Final = (600.0, 9_500.0)
LAWN_PITCH_M2: Final = 3_500.0
LINE_M: Final = 0.12
BLURRED_M: Final = 0.28
BLURRED: Final[dict[str, Tint]] = {
    "lawn": (0.72, 0.75, 0.64, 1.15),
    "artificial_turf": (0.65, 0.76, 0.65, 0.69),
    "running_track": (0.89, 0.8, 0.77, 0.85),
}
"""A line is narrower than a pixel. On both sides lies a rim between white and the ground, so that
it breaks into neither dots nor steps. Gains on the white, by what lies below."""
WHITE: Final[Tint] = (1.0, 1.0, 1.0, 1.0)
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
    frames = [_frame(pitch) for pitch in ground.area[pitches]]
    made = []
    for wide in (BLURRED_M, LINE_M):
        for cover, tint in BLURRED.items():
            on_cover = ground.cover[pitches] == cover
            lines = [
                line
                for frame, is_here in zip(frames, on_cover, strict=True)
                if is_here
                for line in _lines(frame, wide)
            ]
            if cover == "running_track":
                lines = [line for track in ground.area[tracks] for line in _lanes(track, wide)]
            made.append(_marks(_array(lines), tint if wide == BLURRED_M else WHITE))
    goals = _array([goal for frame in frames for goal in _goals(frame)])
    return [*made, Batch("goal", goals, (Layer(goals, "membrane_light", 2.4),))]


def _marks(lines: Areas, tint: Tint) -> Batch:
    return Batch("road_mark", lines, (Layer(lines, PAINT, 0.0, tint),), is_solid=False)


def _frame(pitch: Polygon) -> Frame:
    frame = Frame.around(pitch)
    is_oval = pitch.area < OVAL * frame.length_m * frame.width_m
    return _inside_oval(frame) if is_oval else frame


def _inside_oval(frame: Frame) -> Frame:
    """Return the frame of a pitch within a running track."""
    cut = 0.25 * frame.width_m
    origin = frame.at(cut, 0)
    return Frame(origin, frame.along, frame.across, frame.length_m - 2 * cut, frame.width_m)


def _array(areas: list[Polygon]) -> Areas:
    made: Areas = np.empty(len(areas), object)
    made[:] = areas
    return made


def _lines(frame: Frame, wide_m: float) -> list[Polygon]:
    """Return the lines of a football pitch."""
    length, width = frame.length_m - 2 * MARGIN_M, frame.width_m - 2 * MARGIN_M
    made = [_outline(frame, (0.0, 0.0), (length, width), wide_m)]
    made.append(frame.box(MARGIN_M + (length - wide_m) / 2, MARGIN_M, wide_m, width))
    for across_share, along_share in BOX_SHARES:
        across, along = width * across_share, length * along_share
        for start in (0.0, length - along):
            at = start, (width - across) / 2
            made.append(_outline(frame, at, (along, across), wide_m))
    middle = shapely.Point(frame.at(frame.length_m / 2, frame.width_m / 2))
    circle = middle.buffer(width * CIRCLE_SHARE / 2, quad_segs=12).exterior
    made.append(_along(circle, wide_m))
    return made


def _outline(
    frame: Frame, at: tuple[float, float], size: tuple[float, float], wide_m: float
) -> Polygon:
    x, y = at[0] + MARGIN_M, at[1] + MARGIN_M
    return _along(frame.box(x, y, *size).exterior, wide_m)


def _along(ring: LinearRing, wide_m: float) -> Polygon:
    """Return a line along a closed ring."""
    middle = Polygon(ring)
    outer = middle.buffer(wide_m / 2, join_style="mitre")
    inner = middle.buffer(-wide_m / 2, join_style="mitre")
    return Polygon(outer.exterior, [inner.exterior])


def _goals(frame: Frame) -> list[Polygon]:
    wide = min(7.3, 0.2 * frame.width_m)
    at = (frame.width_m - wide) / 2
    return [frame.box(x, at, 1.6, wide) for x in (MARGIN_M - 1.7, frame.length_m - MARGIN_M + 0.1)]


def _lanes(track: Polygon, wide_m: float) -> list[Polygon]:
    """Return the lines between the lanes of a running track, from its outer edge inward."""
    made = []
    whole = Polygon(track.exterior)
    for number in range(1, LANES):
        outer = whole.buffer(-number * LANE_M + wide_m / 2)
        inner = whole.buffer(-number * LANE_M - wide_m / 2)
        if isinstance(outer, Polygon) and isinstance(inner, Polygon) and not inner.is_empty:
            made.append(Polygon(outer.exterior, [inner.exterior]))
    return made
