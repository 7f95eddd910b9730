"""Tracks, platforms, trains and ships."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from shapely import LineString, Polygon

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Batch,
    Layer,
    Places,
    along_draws,
    comb,
    left_of,
    only,
    put,
)
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import CANAL_FROM_M

TRACKS_M: Final = (-2.25, 2.25)
"""Where the tracks lie beside the centre line."""
PIECE_M: Final = 12.0
SLEEPER_M: Final = (0.6, 0.26, 2.6)
"""Distance from sleeper to sleeper, width and length."""
GAUGE_M: Final = 1.435
MAST_M: Final = 60.0
PLATFORM_M: Final = (150.0, 2.5, 0.76)
"""Length, width and height of a platform."""
COACH_M: Final = (25.0, 2.9, 4.1)
TRAIN_SHARE: Final = 0.06
"""Share of the places for a train that have one."""
MOORED_SHARE: Final = 0.22
"""Share of the places along the banks of a canal where a boat lies."""


def walked(line: LineString, step_m: float, aside_m: float = 0.0) -> tuple[Places, Places]:
    """Return points along a line and the directions there.

    Args:
        line: The line [m].
        step_m: From point to point, the first half a step from the start.
        aside_m: How far they lie to the left of it.
    """
    distance = np.arange(step_m / 2, max(line.length - step_m / 2, 0.0), step_m)
    before, at, after = (
        shapely.get_coordinates(shapely.line_interpolate_point(line, distance + by))
        for by in (-1.0, 0.0, 1.0)
    )
    way = after - before
    along = way / np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)[:, None]
    return at + left_of(along) * aside_m, along


def lay_tracks(plan: TownPlan, ground: Ground) -> list[Batch]:
    """Return rails, sleepers, masts and platforms.

    Args:
        plan: The plan with the centre lines.
        ground: The surfaces.
    """
    made = []
    for line in plan.rail:
        for aside in TRACKS_M:
            at, along = walked(line, PIECE_M, aside)
            made += _track(ground, at, along)
        made += _masts(ground, line)
        for station in ground.plots_for("station"):
            made += _platforms(line, station)
    return made


def _track(ground: Ground, at: Places, along: Places) -> list[Batch]:
    on_ballast = ground.lies_on(at, ("ballast",))
    pitch, width, length = SLEEPER_M
    teeth = comb(round(PIECE_M / pitch), pitch, width, -length / 2, length / 2)
    sleepers = put(teeth - (PIECE_M / 2, 0.0), at[on_ballast], along[on_ballast])
    bed = put(BOX, at[on_ballast], along[on_ballast], (PIECE_M, 3.2))
    rails = [
        put(BOX, at + left_of(along) * side * GAUGE_M / 2, along, (PIECE_M + 0.1, 0.2))
        for side in (-1, 1)
    ]
    rust = (0.62, 0.52, 0.46, 0.6)
    lower = (
        Layer(bed, "ballast", 0.0, (0.93, 0.9, 0.86, 0.92)),
        Layer(sleepers, "asphalt_worn", 0.0, (1.12, 1.1, 1.06, 1.1)),
    )
    upper = tuple(Layer(rail, "sheet_grey", 0.0, rust) for rail in rails)
    both = put(BOX, at, along, (PIECE_M, 1.7))
    return [Batch("track", bed, lower, is_solid=False), Batch("rail", both, upper, is_solid=False)]


def _masts(ground: Ground, line: LineString) -> list[Batch]:
    made = []
    for side in (-1, 1):
        at, along = walked(line, MAST_M, side * 5.4)
        on_ballast = ground.lies_on(at, ("ballast",))
        at, along = at[on_ballast], along[on_ballast]
        foot = put(BOX, at, along, (0.5, 0.5))
        arm = put(BOX, at - left_of(along) * side * 1.5, along, (0.2, 3.0))
        layers = (Layer(foot, "sheet_grey", 7.0), Layer(arm, "sheet_grey", 6.6))
        made.append(Batch("mast", foot, layers, is_solid=False))
    return made


def _platforms(line: LineString, station: Polygon) -> list[Batch]:
    """Return the platforms beside the tracks at a station."""
    middle = line.project(station.centroid)
    length, width, height = PLATFORM_M
    made = []
    for side in (-1, 1):
        steps = middle + np.arange(-length / 2, length / 2, 10.0)
        pair = [shapely.get_coordinates(line.interpolate(steps + by)) for by in (0.0, 10.0)]
        along = (pair[1] - pair[0]) / np.hypot(*(pair[1] - pair[0]).T)[:, None]
        at = (pair[0] + pair[1]) / 2 + left_of(along) * side * (abs(TRACKS_M[0]) + 1.65 + width / 2)
        floor = put(BOX, at, along, (10.15, width))
        edge = at - left_of(along) * side * (width / 2 - 0.5)
        line_mark = put(BOX, edge, along, (10.15, 0.2))
        under_roof = np.abs(np.arange(len(at)) - len(at) / 2 + 0.5) < 2.6
        roof = only(under_roof, put(BOX, at, along, (10.15, width - 0.3)))
        layers = (
            Layer(floor, "slabs", height, label="paved"),
            Layer(line_mark, "membrane_light", height),
            Layer(roof, "sheet_grey", 3.6, (0.8, 0.82, 0.84, 0.8)),
        )
        made.append(Batch("platform", floor, layers))
    return made


def put_trains(plan: TownPlan, ground: Ground) -> list[Batch]:
    """Return regional trains of three coaches on the tracks."""
    made = []
    length, width, height = COACH_M
    for line in plan.rail:
        for aside in TRACKS_M:
            at, along = walked(line, 3.2 * length, aside)
            runs = along_draws(plan.seed, f"trains {aside}", at, 1)[:, 0] < TRAIN_SHARE
            at, along = at[runs], along[runs]
            for number in (-1, 0, 1):
                middle = at + along * number * (length + 0.6)
                body = put(BOX, middle, along, (length, width))
                roof = put(BOX, middle, along, (length - 0.6, width * 0.62))
                units = put(BOX, middle + along * 5.0, along, (5.0, 1.5))
                layers = (
                    Layer(body, "sheet_grey", height - 0.4, (1.1, 0.26, 0.26, 1.0)),
                    Layer(roof, "sheet_grey", height, (0.86, 0.87, 0.88, 0.86)),
                    Layer(units, "sheet_grey", height + 0.2, (0.6, 0.6, 0.62, 0.6)),
                )
                made.append(Batch("train", body, layers))
    return made


BOAT: Final = np.array(
    [(-0.5, -0.42), (0.2, -0.5), (0.4, -0.33), (0.5, 0.0), (0.4, 0.33), (0.2, 0.5), (-0.5, 0.42)]
)


def moor_boats(plan: TownPlan, ground: Ground) -> list[Batch]:
    """Return boats along the banks of canals, and barges in the middle."""
    made = []
    for line, width_m in plan.waters:
        if width_m < CANAL_FROM_M:
            continue
        for side in (-1, 1):
            at, along = walked(line, 16.0, side * (width_m / 2 - 2.2))
            draws = along_draws(plan.seed, f"boats {side}", at, 4)
            moored = (draws[:, 0] < MOORED_SHARE) & ground.lies_on(at, ("water",))
            made += _boats(at[moored], along[moored], draws[moored])
        at, along = walked(line, 420.0, width_m / 8)
        kept = ground.lies_on(at, ("water",))
        made += _barges(at[kept], along[kept], along_draws(plan.seed, "barges", at, 2)[kept])
    return made


def _boats(at: Places, along: Places, draws: Places) -> list[Batch]:
    size = np.stack([6.0 + 6.5 * draws[:, 1], 2.2 + 1.3 * draws[:, 1]], axis=1)
    hull = put(BOAT, at, along, size)
    deck = put(BOX, at - along * size[:, :1] * 0.1, along, size * (0.4, 0.62))
    tarp = np.where(draws[:, 2:3] < 0.35, (0.25, 0.36, 0.62, 0.5), (0.95, 0.8, 0.62, 1.0))
    layers = (
        Layer(hull, "membrane_light", 0.9),
        Layer(deck, "sheet_grey", 1.7, tarp),
    )
    return [Batch("boat", hull, layers)]


def _barges(at: Places, along: Places, draws: Places) -> list[Batch]:
    hull = put(BOAT * (1.0, 1.0), at, along, (78.0, 9.0))
    hold = put(BOX, at + along * 3.0, along, (52.0, 7.2))
    bridge = put(BOX, at - along * 32.0, along, (7.0, 6.4))
    load = np.where(draws[:, :1] < 0.5, (0.4, 0.38, 0.36, 0.4), (1.0, 0.9, 0.72, 1.0))
    layers = (
        Layer(hull, "sheet_grey", 1.2, (0.42, 0.4, 0.42, 0.4)),
        Layer(hold, "gravel_yard", 1.9, load),
        Layer(bridge, "membrane_light", 5.0),
    )
    return [Batch("barge", hull, layers)]
