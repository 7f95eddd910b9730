"""Single homes as in a village, far from each other: a sample to measure roofs with."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from shared.demo_city.randomness import stream
from shared.demo_city.roofs.draws import draw_form, wall_size, winged_walls
from shared.demo_city.roofs.objects import furnish_roofs
from shared.demo_city.roofs.planes import Form
from shared.demo_city.roofs.roofscape import Roof, put_roofs
from shared.demo_city.things import Thing
from shared.demo_city.vectors.buildings import Building, Kind
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.plan import TownPlan

APART_M: Final = 120.0
SMALL_M2: Final = 60.0


def draw_homes(seed: int, count: int) -> tuple[tuple[Roof, ...], tuple[Thing, ...]]:
    """Draw homes, garages and sheds of a village.

    Args:
        seed: Seed of the sample.
        count: How many.

    Returns:
        Their roofs and what is on them.
    """
    buildings: list[Building] = []
    forms: dict[int, Form] = {}
    for number in range(count):
        rng = stream(seed, "homes", number)
        form = draw_form(rng)
        origin = np.array([number % 50, number // 50]) * APART_M + 1_000
        forms[number] = form
        buildings.append(draw_home(rng, form, origin))
    side = APART_M * 60
    plan = TownPlan(seed, shapely.box(0, 0, side, side), (), ())
    roofs = put_roofs(plan, buildings, forms)
    return roofs, furnish_roofs(seed, buildings, roofs)


def draw_home(
    rng: np.random.Generator, form: Form, origin: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Building:
    """Draw a home of a form in a drawn direction; the smallest are garages and sheds.

    Args:
        rng: Random stream.
        form: Form of its roof.
        origin: Corner where it begins [m].
    """
    length, width = wall_size(rng, form)
    turn = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(turn), np.sin(turn)])
    frame = Frame(origin, along, np.array([-along[1], along[0]]), length, width)
    walls = winged_walls(rng, frame) if form == "complex" else frame.box(0, 0, length, width)
    kind: Kind = "detached" if length * width >= SMALL_M2 else "garage"
    return Building(0, kind, walls, frame, int(rng.integers(1, 3)), kind == "detached")
