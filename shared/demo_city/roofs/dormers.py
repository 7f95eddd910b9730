"""Dormers: small roofs that stand out of a slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from shared.demo_city.randomness import draw_index
from shared.demo_city.roofs.draws import draw_count, draw_figure
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.roofs.roof_work import Face, RoofWork
from shared.demo_city.roofs.sheets import Box, Sheet

Shape = Literal["gable", "shed", "flat"]
SHAPES: Final[tuple[Shape, ...]] = ("gable", "shed", "flat")
SHARES: Final = (0.45, 0.3, 0.25)
LEAST_SLOPE_DEG: Final = 27.0
LEAST_HEIGHT_M: Final = 0.9
BELOW_RIDGE_M: Final = 0.35
FLAT_COVERS: Final = ("sheet_grey", "felt", "slate")


@dataclass(frozen=True, slots=True)
class Dormer:
    """How the dormers of a slope are built.

    Args:
        shape: Form of their roofs.
        width_m: Width along the eaves.
        front: Where their front stands up the slope [m].
        height_m: Height of their front above the slope.
        tangent: Tangent of the slope of their roofs.
        material: Key of the material of their roofs.
    """

    shape: Shape
    width_m: float
    front: float
    height_m: float
    tangent: float
    material: str


def put_dormers(site: RoofWork, rng: np.random.Generator, main_share: float) -> None:
    """Put dormers on the slopes of a roof.

    Args:
        site: The roof.
        rng: Random stream.
        main_share: Share of main buildings among the roofs of the statistics.
    """
    count = draw_count(rng, "dormer", main_share)
    sheets = [s for s in site.sheets if s.slope_deg >= LEAST_SLOPE_DEG and s.is_convex]
    if not count or not sheets:
        return
    sheets.sort(key=lambda s: (-round(s.area_m2, 1), s.number))
    per_sheet = [count - count // 2, count // 2] if count > 2 else [count]
    first: Dormer | None = None
    for sheet, number in zip(sheets, per_sheet, strict=False):
        first = dormer = first or _drawn(site, sheet, number, rng)
        if dormer is None:
            return
        gap = sheet.length_m / number
        for place in range(number):
            left = sheet.bounds[0] + gap * (place + 0.5) - dormer.width_m / 2
            _put(site, sheet, dormer, left)


def _drawn(site: RoofWork, sheet: Sheet, count: int, rng: np.random.Generator) -> Dormer | None:
    steep = _tangent(sheet)
    shape = SHAPES[draw_index(rng, SHARES)]
    tangent = {
        "gable": float(np.tan(np.radians(rng.uniform(30, 45)))),
        "shed": float(np.tan(np.radians(rng.uniform(6, 13)))),
        "flat": 0.03,
    }[shape]
    front = sheet.bounds[1] + max(0.6, sheet.depth_m * rng.uniform(0.12, 0.3))
    room = sheet.bounds[3] - BELOW_RIDGE_M - front
    rise = steep if shape == "gable" else steep - tangent
    height = min(rng.uniform(1.2, 1.8), room * rise)
    area = draw_figure(rng, "objects", "dormer", "area_m2")
    width = min(area / max(height / max(rise, 0.1), 0.5), 0.75 * sheet.length_m / count)
    if shape == "gable":
        width = min(width, 2 * (room * steep - height * 0.6) / tangent, 4.5)
    if height < LEAST_HEIGHT_M or width < 1.2 or rise < 0.2:
        return None
    material = site.roof.material
    if shape != "gable" and rng.random() < (0.75 if shape == "flat" else 0.35):
        material = FLAT_COVERS[int(rng.integers(len(FLAT_COVERS)))]
    return Dormer(shape, width, front, height, tangent, material)


def _tangent(sheet: Sheet) -> float:
    return float(np.tan(np.radians(sheet.slope_deg)))


def _put(site: RoofWork, sheet: Sheet, dormer: Dormer, left: float) -> None:
    steep = _tangent(sheet)
    right, middle, front = left + dormer.width_m, left + dormer.width_m / 2, dormer.front
    at = sheet.place(left, front)
    foot = sheet.plane.slope.height_m(*at)
    same = dormer.material == site.roof.material
    wear = site.roof.wear
    if dormer.shape == "gable":
        side = dormer.height_m * 0.6
        end = front + side / steep
        top = front + (side + dormer.tangent * dormer.width_m / 2) / steep
        rings = [
            [(left, front), (middle, front), (middle, top), (left, end)],
            [(middle, front), (right, front), (right, end), (middle, top)],
        ]
        away = (-sheet.along[0], -sheet.along[1])
        slopes = [
            Slope.rising(at, sheet.along, dormer.tangent, foot + side),
            Slope.rising(sheet.place(right, front), away, dormer.tangent, foot + side),
        ]
        outline = [(left, front), (right, front), (right, end), (middle, top), (left, end)]
        directions = [sheet.along, away]
    else:
        top = front + dormer.height_m / (steep - dormer.tangent)
        outline = [(left, front), (right, front), (right, top), (left, top)]
        rings = [outline]
        slopes = [Slope.rising(at, sheet.up, dormer.tangent, foot + dormer.height_m)]
        directions = [sheet.up]
    box: Box = (left, front, right, top)
    if not sheet.take(box, 0.3):
        return
    placed = [[sheet.place(*corner) for corner in ring] for ring in rings]
    faces = [
        Face(ring, dormer.material, slope, direction=way, anchor=at, wear=wear)
        for ring, slope, way in zip(placed, slopes, directions, strict=True)
    ]
    site.add("dormer", [sheet.place(*c) for c in outline], faces, sheet, has_roof_colour=same)
