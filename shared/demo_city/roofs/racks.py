"""Lay modules on flat roofs: rows of racks and stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shared.demo_city.roofs.modules import GAP_M, LEAST_MODULES, PLACES, Modules, stretches
from shared.demo_city.roofs.sheets import Box, Point, Sheet, grown, overlap


@dataclass(frozen=True, slots=True)
class Stand:
    """Modules side by side on a high stand.

    Args:
        ring: From above [m].
        toward: Unit vector in which they fall [east, north].
        tilt_deg: Angle against the horizontal.
        rise_m: Height of their lower side above the roof.
        modules: What modules they are.
    """

    ring: list[Point]
    toward: Point
    tilt_deg: float
    rise_m: float
    modules: Modules


def lay_stand(sheet: Sheet, rng: np.random.Generator) -> Stand | None:
    """Put 4 to 15 modules on a stand, along the sides of a level plane or straight to the south.

    Args:
        sheet: The plane; its room is taken.
        rng: Random stream of the unit.

    Returns:
        The stand, None where no place was found.
    """
    modules, tilt = replace(Modules.drawn(rng), is_upright=True), float(rng.uniform(8, 30))
    columns, rows = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    toward = _sunward(sheet, rng)
    half_row = columns * (modules.width_m + GAP_M) / 2
    half_up = rows * (modules.length_m + GAP_M) * float(np.cos(np.radians(tilt))) / 2
    row = (-toward[1], toward[0])
    corners = [
        (row[0] * a + toward[0] * b, row[1] * a + toward[1] * b)
        for a, b in (
            (-half_row, -half_up),
            (half_row, -half_up),
            (half_row, half_up),
            (-half_row, half_up),
        )
    ]
    reach = [
        (x * sheet.along[0] + y * sheet.along[1], x * sheet.up[0] + y * sheet.up[1])
        for x, y in corners
    ]
    wide, high = max(u for u, _ in reach), max(v for _, v in reach)
    for _ in range(PLACES):
        u = sheet.bounds[0] + wide + rng.random() * max(0.0, sheet.length_m - 2 * wide)
        v = sheet.bounds[1] + high + rng.random() * max(0.0, sheet.depth_m - 2 * high)
        if sheet.take((u - wide, v - high, u + wide, v + high), 0.0):
            x, y = sheet.place(u, v)
            ring = [(x + dx, y + dy) for dx, dy in corners]
            return Stand(ring, toward, tilt, float(rng.uniform(0.3, 2.0)), modules)
    return None


def _sunward(sheet: Sheet, rng: np.random.Generator) -> Point:
    axes = (sheet.up, sheet.along, (-sheet.up[0], -sheet.up[1]), (-sheet.along[0], -sheet.along[1]))
    toward = min(axes, key=lambda axis: axis[1])
    if rng.random() < 0.4:
        turn = np.radians(180 + rng.uniform(-20, 20))
        toward = (float(np.sin(turn)), float(np.cos(turn)))
    return toward


@dataclass(frozen=True, slots=True)
class Rack:
    """A row of tilted modules on a flat roof or on the ground.

    Args:
        box: From above, on the axes of the sheet.
        toward: Unit vector in which it falls [east, north].
        tilt_deg: Angle against the horizontal.
        modules: What modules they are.
    """

    box: Box
    toward: Point
    tilt_deg: float
    modules: Modules


def lay_racks(sheet: Sheet, rng: np.random.Generator, share: float) -> list[list[Rack]]:
    """Lay rows of tilted modules on the free part of a level plane.

    Args:
        sheet: The plane; its room is taken.
        rng: Random stream of the unit.
        share: Share of the rows that is used, up to 1.

    Returns:
        Fields; each is a list of rows with gaps of at most 1.2 m.
    """
    is_pair = bool(rng.random() < 0.5)
    tilt = float(rng.uniform(10, 15))
    modules = replace(Modules.drawn(rng), is_upright=False)
    depth = (modules.width_m + GAP_M) * float(np.cos(np.radians(tilt)))
    module, margin = modules.length_m + GAP_M, rng.uniform(0.7, 1.2)
    axes = [(sheet.along, False), (sheet.up, True)]
    # Pairs of rows look east and west, single rows south: rows follow the axis nearest to that.
    axis, is_turned = max(axes, key=lambda one: abs(one[0][1 if is_pair else 0]))
    gap = rng.uniform(0.25, 0.5) if is_pair else rng.uniform(0.6, 1.0)
    rows = 2 if is_pair else 1
    low_u, low_v, high_u, high_v = sheet.bounds
    start, end = (low_u, high_u) if not is_turned else (low_v, high_v)
    near, far = (low_v, high_v) if not is_turned else (low_u, high_u)
    columns = int((end - start - 2 * margin) / module)
    count = int((far - near - 2 * margin + gap) / (rows * depth + gap))
    if columns < 2 or count < 1:
        return []
    first = start + (end - start - columns * module) / 2
    across = (-axis[1], axis[0])
    used = max(1, round(count * share))
    fields: list[Rack] = []
    for number in range(used):
        for row in range(rows):
            place = near + margin + number * (rows * depth + gap) + row * depth
            toward = _falls(across, is_pair, row)
            for run in _runs(sheet, is_turned, (first, columns, module), (place, depth), margin):
                fields.append(Rack(run, toward, tilt, modules))
    sheet.taken += [rack.box for rack in fields]
    return _fields(fields, 1.2)


def _falls(across: Point, is_pair: bool, row: int) -> Point:
    sign = (-1.0 if row == 0 else 1.0) if is_pair else (1.0 if across[1] < 0 else -1.0)
    return across[0] * sign, across[1] * sign


def _runs(
    sheet: Sheet, is_turned: bool, along: tuple[float, int, float], aside: tuple[float, float],
    margin: float,
) -> list[Box]:  # fmt: skip
    """Return the free stretches of a row, at least two modules long."""
    first, columns, module = along
    place, depth = aside
    starts, places = first + np.arange(columns) * module, np.array([place])
    if is_turned:
        free = sheet.held(places, starts, depth, module, margin)
    else:
        free = sheet.held(starts, places, module, depth, margin)
    boxes: list[Box] = []
    for begin, end in stretches(free.ravel().tolist()):
        if end - begin >= LEAST_MODULES:
            low, high = first + begin * module, first + end * module
            box = (
                (place, low, place + depth, high)
                if is_turned
                else (low, place, high, place + depth)
            )
            boxes.append(box)
    return boxes


def _fields(racks: list[Rack], gap_m: float) -> list[list[Rack]]:
    """Group rows whose boxes are nearer to each other than a gap."""
    groups: list[list[Rack]] = []
    for rack in racks:
        wide = grown(rack.box, gap_m)
        near = [group for group in groups if any(overlap(wide, other.box) for other in group)]
        joined = [one for group in near for one in group] + [rack]
        groups = [group for group in groups if group not in near] + [joined]
    return groups
