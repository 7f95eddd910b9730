"""Lay solar modules in rows on sloped planes, and thermal collectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely import Polygon

from shared.demo_city.roofs.sheets import Box, Point, Sheet, grown

Wish = Literal["as drawn", "none", "add", "enlarge"]
USUAL_M: Final = (1.0, 1.7)
"""Width and length of the modules whose pattern the materials have."""
GAP_M: Final = 0.02
LEAST_MODULES: Final = 2
APART_M: Final = 0.2
PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class RoofWish:
    """What solar units a roof is to carry; events use it to add, enlarge and remove them.

    Args:
        pv: "as drawn" leaves it to the draw, "none" takes it away, "add" puts the drawn array even
            where none was drawn, "enlarge" adds modules to that array.
        thermal: The same for thermal collectors.
    """

    pv: Wish = "as drawn"
    thermal: Wish = "as drawn"


@dataclass(frozen=True, slots=True)
class Lattice:
    """A grid of modules on a sheet.

    Args:
        left: Where it begins along the eaves [m].
        low: Where it begins up the slope [m].
        step_u: From module to module along the eaves [m].
        step_v: From module to module up the slope, seen from above [m].
        is_set: Which modules are set, rows from the eaves up.
    """

    left: float
    low: float
    step_u: float
    step_v: float
    is_set: NDArray[np.bool_]

    def arrays(self, sheet: Sheet) -> list[Polygon]:
        """Return the outline of each connected array of modules [m]."""
        numbered, count = ndimage.label(self.is_set)
        outlines: list[Polygon] = []
        for number in range(1, count + 1):
            mask = numbered == number
            if mask.sum() >= LEAST_MODULES:
                outlines.append(self._outline(sheet, mask))
        return outlines

    def runs(self) -> list[Box]:
        """Return boxes on the sheet that hold the modules, one per stretch of a row."""
        boxes: list[Box] = []
        for row, flags in enumerate(self.is_set.tolist()):
            low = self.low + self.step_v * row
            for first, end in stretches(flags):
                left, right = self.left + self.step_u * first, self.left + self.step_u * end
                boxes.append((left, low, right, low + self.step_v))
        return boxes

    def _outline(self, sheet: Sheet, mask: NDArray[np.bool_]) -> Polygon:
        rows, columns = np.nonzero(mask)
        # Whole numbers join exactly; metres come afterwards.
        if mask.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1):
            outline = shapely.box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        else:
            pieces = [
                shapely.box(first, row, end, row + 1)
                for row, flags in enumerate(mask.tolist())
                for first, end in stretches(flags)
            ]
            outline = shapely.union_all(pieces)
        cells = shapely.get_coordinates(outline)
        metres = cells * (self.step_u, self.step_v) + (self.left, self.low)
        placed: Polygon = shapely.set_coordinates(
            outline, metres[:, :1] * sheet.along + metres[:, 1:] * sheet.up
        )
        return placed


@dataclass(frozen=True, slots=True)
class Modules:
    """What modules are used.

    Args:
        width_m: Width.
        length_m: Length.
        is_upright: Whether the length goes up the slope.
        margin_m: Distance from eaves, ridge and verges.
    """

    width_m: float
    length_m: float
    is_upright: bool
    margin_m: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Modules:
        """Draw modules: 1.0 x 1.7 m within 8 percent."""
        size = float(rng.uniform(0.92, 1.08))
        return cls(
            USUAL_M[0] * size,
            USUAL_M[1] * size,
            bool(rng.random() < 0.75),
            float(rng.uniform(0.2, 0.6)),
        )

    def across(self, along: Point, up: Point) -> Point:
        """Return the vector across the courses of their pattern.

        Args:
            along: Unit vector along the eaves or the row.
            up: Unit vector up the slope.
        """
        many = (USUAL_M[0] + GAP_M) / (self.width_m + GAP_M)
        axis = along if self.is_upright else up
        return axis[0] * many, axis[1] * many


def lay_modules(
    sheet: Sheet, modules: Modules, area_m2: float, rng: np.random.Generator,
    beside: Lattice | None = None,
) -> Lattice | None:  # fmt: skip
    """Lay modules in rows on the free part of a sloped plane.

    Args:
        sheet: The plane; its room is taken.
        modules: The modules.
        area_m2: Wanted area seen from above.
        rng: Random stream of the unit.
        beside: Array on the same plane whose rows are kept.

    Returns:
        The modules, None where fewer than two fit.
    """
    margin = modules.margin_m
    width, height = modules.width_m, modules.length_m
    if not modules.is_upright:
        width, height = height, width
    width += GAP_M
    height = (height + GAP_M) * sheet.shortening
    columns = int((sheet.length_m - 2 * margin) / width)
    rows = int((sheet.depth_m - 2 * margin) / height)
    if columns * rows < LEAST_MODULES:
        return None
    left = sheet.bounds[0] + (sheet.length_m - columns * width) / 2
    low = sheet.bounds[1] + margin + (sheet.depth_m - 2 * margin - rows * height) * rng.random()
    if beside:
        left, low = beside.left, beside.low
    u, v = left + np.arange(columns) * width, low + np.arange(rows) * height
    free = sheet.held(u[None, :], v[:, None], width, height, margin)
    wanted = max(LEAST_MODULES, round(area_m2 / (width * height)))
    chosen = _chosen(free, wanted, width / height, rng)
    if chosen is None:
        return None
    lattice = Lattice(left, low, width, height, chosen)
    sheet.taken += [grown(box, APART_M) for box in lattice.runs()]
    return lattice


def lay_collectors(sheet: Sheet, count: int, rng: np.random.Generator) -> list[Box]:
    """Lay thermal collectors of 2 to 2.6 m2 side by side.

    Args:
        sheet: The plane; its room is taken.
        count: How many, 1 to 6.
        rng: Random stream of the unit.

    Returns:
        Boxes of the collectors on the sheet; none where no place was found.
    """
    width, length = rng.uniform(1.05, 1.2), rng.uniform(1.95, 2.15)
    height = length * sheet.shortening
    rows = 2 if count in {4, 6} and rng.random() < 0.4 else 1
    columns = count // rows
    for _ in range(PLACES):
        left = sheet.bounds[0] + rng.uniform(0.3, max(0.4, sheet.length_m - columns * width - 0.3))
        low = sheet.bounds[1] + (sheet.depth_m - rows * height) * rng.uniform(0.45, 0.95)
        if sheet.take((left, low, left + columns * width, low + rows * height), 0.25):
            return [
                (left + c * width, low + r * height, left + (c + 1) * width, low + (r + 1) * height)
                for r in range(rows)
                for c in range(columns)
            ]
    return []


def stretches(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Return first place and place after the last of each unbroken row of set flags."""
    found: list[tuple[int, int]] = []
    first = -1
    for place, is_set in enumerate([*flags, False]):
        if is_set and first < 0:
            first = place
        elif not is_set and first >= 0:
            found.append((first, place))
            first = -1
    return found


def _chosen(
    free: NDArray[np.bool_], wanted: int, shape: float, rng: np.random.Generator
) -> NDArray[np.bool_] | None:
    """Return the modules that are set: a block of rows and columns with most free places."""
    if free.sum() < LEAST_MODULES:
        return None
    if free.sum() <= wanted:
        return free
    sums = np.pad(free.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    best: tuple[float, int, int, int, int] | None = None
    aspect = np.exp(rng.normal(0.9, 0.5))
    for rows in range(1, free.shape[0] + 1):
        columns = min(free.shape[1], max(1, round(wanted / rows)))
        counts = (
            sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]
            + sums[:-rows, :-columns]
        )  # fmt: skip
        misfit = abs(np.log(columns * shape / rows / aspect)) * 0.25
        score = counts - np.abs(counts - wanted) * 0.5 + rng.random(counts.shape) * 0.5
        at = np.unravel_index(int(np.argmax(score)), counts.shape)
        value = float(score[at]) / wanted - misfit
        if best is None or value > best[0]:
            best = value, int(at[0]), int(at[1]), rows, columns
    if best is None:
        return None
    _, row, column, rows, columns = best
    chosen = np.zeros_like(free)
    chosen[row : row + rows, column : column + columns] = True
    return chosen & free
