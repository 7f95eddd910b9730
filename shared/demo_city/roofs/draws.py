"""Draw forms, sizes and slopes of roofs and of what is on them as in a real village."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from shared.demo_city.roofs.planes import Form
from shared.demo_city.vectors.frames import Frame

STATISTICS_FILE: Final = Path(__file__).with_name("statistics.toml")
PERCENTS: Final = np.arange(5, 96, 5)
USUAL_OVERHANG_M: Final = {"flat": 0.1}
SLOPED_OVERHANG_M: Final = 0.5
COMPLEX_FILL: Final = 0.8
"""Outline area of a complex roof as a share of the rectangle around it."""


@cache
def roof_statistics() -> dict[str, Any]:
    """Return the fitted statistics, as `roof_statistics.fit_roof_statistics` made them."""
    return tomllib.loads(STATISTICS_FILE.read_text(encoding="utf-8"))


@cache
def _quantiles(*path: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values: Any = roof_statistics()
    for name in path:
        values = values[name]
    known = np.array(values, dtype=np.float64)
    # The ends of the distribution are not in the file: each is as far away as the last step.
    lowest = max(known[0] * 0.6, 2 * known[0] - known[1])
    highest = 2 * known[-1] - known[-2]
    shares = np.array([0, *PERCENTS, 100]) / 100
    return shares, np.array([lowest, *known, highest])


def draw_figure(rng: np.random.Generator, *path: str) -> float:
    """Draw a figure from its quantiles.

    Args:
        rng: Random stream.
        *path: Where the quantiles stand, for example "objects", "chimney", "area_m2".
    """
    return float(np.interp(rng.random(), *_quantiles(*path)))


def draw_count(
    rng: np.random.Generator, kind: str, carrying_share: float = 1.0, least: int = 0
) -> int:
    """Draw how many objects of a kind a roof carries.

    Args:
        rng: Random stream.
        kind: A key of "objects" in the statistics.
        carrying_share: Share of the roofs of the statistics that may carry one at all, above the
            share that does; the draw is for one of these.
        least: Counts below do not occur.
    """
    shares = _count_shares(kind, carrying_share, least)
    return least + bisect_right(shares, rng.random() * shares[-1])


@cache
def _count_shares(kind: str, carrying_share: float, least: int) -> tuple[float, ...]:
    shares = list(roof_statistics()["objects"][kind]["per_roof"][least:])
    if not least:
        shares[0] = max(0.0, shares[0] - (1 - carrying_share))
    # Trailing zeros would make the highest count a possible draw.
    while not shares[-1]:
        shares.pop()
    return tuple(accumulate(shares))


def draw_form(rng: np.random.Generator) -> Form:
    """Draw the form of a roof in a village."""
    shares = roof_statistics()["forms"]
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return cast(Form, names[int(rng.choice(len(names), p=weights / weights.sum()))])


def draw_slope_deg(rng: np.random.Generator, form: Form) -> float:
    """Draw the slope of the planes of a roof [deg]; flat roofs fall a little."""
    if form == "flat":
        return float(rng.uniform(0.6, 2.5))
    known = form if form in roof_statistics()["slope_deg"] else "gabled"
    slope = draw_figure(rng, "slope_deg", known)
    return max(slope, 8.0)


def outline_size(rng: np.random.Generator, form: Form) -> tuple[float, float]:
    """Draw the rectangle around the outline of a roof with its overhang.

    Args:
        rng: Random stream.
        form: Form of the roof.

    Returns:
        Length and width [m]. "complex" roofs fill `COMPLEX_FILL` of it (see `winged_walls`).
    """
    known = form if form in roof_statistics()["outline"] else "gabled"
    area = draw_figure(rng, "outline", known, "area_m2")
    area /= COMPLEX_FILL if form == "complex" else 1.0
    aspect = min(1.0, draw_figure(rng, "outline", known, "width_share"))
    return float(np.sqrt(area / aspect)), float(np.sqrt(area * aspect))


def wall_size(rng: np.random.Generator, form: Form) -> tuple[float, float]:
    """Draw the rectangle around the walls below a roof of usual overhang [m]."""
    length, width = outline_size(rng, form)
    less = 2 * USUAL_OVERHANG_M.get(form, SLOPED_OVERHANG_M)
    return max(length - less, 2.0), max(width - less, 1.8)


def winged_walls(rng: np.random.Generator, frame: Frame) -> Polygon:
    """Return walls in the shape of an L or a T for a complex roof.

    Args:
        rng: Random stream.
        frame: The rectangle around them; the main wing lies along its origin's side.

    Returns:
        Walls that fill about `COMPLEX_FILL` of the rectangle.
    """
    length, width = frame.length_m, frame.width_m
    depth = width * rng.uniform(0.6, 0.7)
    left_out = (1 - COMPLEX_FILL) * length * width / (width - depth)
    wing = max(length - left_out, 0.25 * length)
    start = float(rng.choice([0.0, length - wing, (length - wing) * rng.uniform(0.3, 0.7)]))
    corners = [(0.0, 0.0), (length, 0.0), (length, depth), (start + wing, depth)]
    corners += [(start + wing, width), (start, width), (start, depth), (0.0, depth)]
    places = [frame.at(u, v) for u, v in corners]
    return Polygon(places).simplify(1e-6)
