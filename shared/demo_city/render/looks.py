"""How each painted area looks: its own colour, how its courses lie, how it stands to the light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.materials import TINTS, Cells, materials
from shared.demo_city.randomness import stream
from shared.demo_city.render.grid import Pixels, Steps
from shared.demo_city.render.painting import Painting
from shared.demo_city.render.view import View
from shared.demo_city.settings import Season

Plane = NDArray[np.float32]
DRAWS: Final = 4_099
"""Number of drawn colours; a prime, so that neighbouring numbers of things do not repeat early."""
COLOUR_SPREAD: Final = 0.1
"""Spread of the single bands against the spread of the brightness."""
WARM: Final = np.array([0.17, 0.02, -0.17, -0.1])
"""The same from warm to cold colours: things of one kind are hardly ever more pink or green."""
SOFTENED: Final = 0.72
"""Exponent on the light of a slope against level ground: images show less than the light itself."""
COURSE_BITS: Final = 17
"""Bits of the number of courses behind its point."""
FADES_BELOW_PX: Final = 2.0
"""Courses of that width are averaged away; those wider by a pixel are seen in full."""
LEAST_SEEN: Final = 0.004
MIRROR_DEG: Final = 13.0
MIRRORED_SUN: Final = 420.0
MIRRORED_SKY: Final = np.array([60.0, 74.0, 96.0, 22.0], np.float32)


@dataclass(frozen=True, slots=True)
class Courses:
    """Courses of each area as numbers that a pixel needs; row 0 stands for nothing painted.

    Args:
        across: How many courses are passed, in steps of 2 ** -`COURSE_BITS`, n.
        along: How many pieces are passed within a course.
        values: bond, half width, cap and strength of the joints across and along, spread, relief
            and what keeps the mean, n x 10.
        drawn: Whether the area has courses that can be seen, n.
    """

    across: Steps
    along: Steps
    values: Plane
    drawn: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Looks:
    """How the areas of a chunk look; row 0 stands for nothing painted.

    Args:
        colour: Digital numbers of the four bands, 4 x n.
        material: Numbers of the materials, n.
        facing: Light of the sun against level ground, n.
        mirrored: Digital numbers that are mirrored towards the camera, 4 x n.
        moss: How much moss grows, n.
        slope: Rise east, rise north, base height, n x 3.
        thing: Numbers of the things, n.
        courses: Large courses and the finer ones within or across them.
    """

    colour: Plane
    material: NDArray[np.uint8]
    facing: Plane
    mirrored: Plane
    moss: Plane
    slope: NDArray[np.float64]
    thing: NDArray[np.int64]
    courses: tuple[Courses, Courses]


@cache
def material_values() -> dict[str, Plane]:
    """Return what depends on the material alone, each as a table of 256 numbers."""
    names = ("grain", "stain", "hue", "patches", "gloss")
    tables = {name: np.zeros(256, np.float32) for name in names}
    for one in materials().values():
        for name, table in tables.items():
            table[one.number] = getattr(one, name)
    return tables


def drawn_gains(numbers: NDArray[np.int64], spread: Plane, seed: int) -> Plane:
    """Return the gains of things on the colour of their material, n x 4.

    Args:
        numbers: Numbers of the things.
        spread: Relative standard deviation of each.
        seed: Seed of the town.
    """
    rng = stream(seed, "tints")
    bright, warm = rng.standard_normal((2, DRAWS, 1))
    draws = bright + warm * WARM + COLOUR_SPREAD * rng.standard_normal((DRAWS, 4))
    gains = 1 + spread[:, None] * np.clip(draws, -2.4, 2.4)[numbers % DRAWS]
    bounded: Plane = np.clip(gains, 0.4, 1.8).astype(np.float32)
    return bounded


def season_gains(season: Season) -> Plane:
    """Return the gains of a season on each material, materials x 4."""
    plain = (1.0, 1.0, 1.0, 1.0)
    return np.array(
        [TINTS.get(one.season, {}).get(season, plain) for one in materials().values()], np.float32
    )


def base_colours(season: Season) -> Plane:
    """Return the digital numbers of all materials in a season, materials x 4."""
    base = np.array([one.rgbi for one in materials().values()], np.float32)
    return base * season_gains(season)


def looks_of(
    painting: Painting, chosen: NDArray[np.int64], pixels: Pixels, view: View, seed: int
) -> Looks:
    """Return how areas look.

    Args:
        painting: What is painted.
        chosen: Places of the areas in it.
        pixels: Where they are seen.
        view: How the flight sees them.
        seed: Seed of the town.
    """
    table = list(materials().values())
    of, slope = painting.material[chosen], painting.slope[chosen]
    spread = np.array([one.spread for one in table], np.float32)[of]
    colour = base_colours(view.season)[of] * drawn_gains(painting.thing[chosen], spread, seed)
    colour *= painting.tint[chosen]
    wear = np.clip(painting.wear[chosen] + np.float32(view.ageing), 0, 1)
    mossy = np.array([one.mossy for one in table], np.float32)[of]
    shaded = np.clip(1 - 1.5 * slope[:, 1], 0.4, 1.9)
    facing, mirrored = _light(slope, np.array([one.gloss for one in table])[of], view)
    courses = tuple(
        _courses(painting, chosen, [getattr(one, name) for one in table], pixels, wear)
        for name in ("cells", "fine_cells")
    )
    return Looks(
        _with_nothing(colour).T.copy(),
        _with_nothing(of),
        _with_nothing(facing),
        _with_nothing(mirrored).T.copy(),
        _with_nothing((mossy * wear * shaded).astype(np.float32)),
        _with_nothing(slope),
        _with_nothing(painting.thing[chosen]),
        courses,  # type: ignore[arg-type]
    )


def _with_nothing(rows: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([np.zeros_like(rows[:1], shape=(1, *rows.shape[1:])), rows])


def _light(
    slope: NDArray[np.float64], gloss: NDArray[np.float64], view: View
) -> tuple[Plane, Plane]:
    """Return the light of the sun against level ground and what is mirrored, per area."""
    east, north = slope[:, 0], slope[:, 1]
    upright = 1 / np.sqrt(1 + east**2 + north**2)
    sun = view.sun.toward.astype(np.float64)
    cosine = (sun[2] - sun[0] * east - sun[1] * north) * upright
    up = np.clip(2 * cosine * upright - sun[2], -1, 1)
    lobe = np.exp(-((np.degrees(np.arccos(up)) / MIRROR_DEG) ** 2))
    mirrored = gloss[:, None] * (MIRRORED_SKY + MIRRORED_SUN * lobe[:, None])
    facing = (np.clip(cosine, 0, None) / sun[2]) ** SOFTENED
    return facing.astype(np.float32), mirrored.astype(np.float32)


def share_seen(period_m: NDArray[np.float64], gsd_m: float) -> NDArray[np.float64]:
    """Return how much of a pattern is seen, 0 to 1; what is too fine is averaged, not aliased.

    Args:
        period_m: Periods of the pattern.
        gsd_m: Ground sampling distance.
    """
    return np.clip(period_m / gsd_m - FADES_BELOW_PX, 0, 1)


def _courses(
    painting: Painting, chosen: NDArray[np.int64], table: list[Cells], pixels: Pixels, wear: Plane
) -> Courses:
    of = painting.material[chosen]
    cells = np.array(table, np.float64)[of]
    period = cells[:, :2]
    direction, slope = painting.direction[chosen], painting.slope[chosen, :2]
    beside = np.column_stack([-direction[:, 1], direction[:, 0]])
    squared = (direction**2).sum(axis=1)
    axes, anchors = [], _with_nothing(painting.anchor[chosen])
    for axis, one in ((direction, period[:, 0]), (beside, period[:, 1])):
        # Courses keep their true width on a slope, so they are narrower from above.
        rise = (slope * axis).sum(axis=1) ** 2 / squared
        turns = axis * (np.sqrt(1 + rise) / one)[:, None]
        start = -(turns * painting.anchor[chosen]).sum(axis=1)
        planes = np.column_stack([turns, start])
        axes.append(pixels.steps(_with_nothing(planes), anchors, COURSE_BITS))
    gsd = pixels.gsd_m
    seen = share_seen(period, gsd)
    joint = cells[:, 3:4]
    strength = cells[:, 4:6] * seen * np.minimum(1, 0.6 + wear[:, None])
    share = np.clip(joint / period, 0, 1)
    pieces = cells[:, 6] * seen.min(axis=1)
    values = np.column_stack(
        [cells[:, 2], (joint + gsd) / 2 / period, np.minimum(joint, gsd) / period,
         strength * period / gsd, pieces, cells[:, 7] * seen[:, 0], -(strength * share).sum(axis=1)]
    )  # fmt: skip
    drawn = (np.abs(values[:, 5:9]) > LEAST_SEEN).any(axis=1)
    # One piece of grass in three was mown so lately that its stripes are seen.
    mown = [materials()[key].number for key in ("lawn", "meadow")]
    drawn &= ~np.isin(of, mown) | (painting.thing[chosen] % 3 == 0)
    return Courses(axes[0], axes[1], _with_nothing(values.astype(np.float32)), _with_nothing(drawn))
