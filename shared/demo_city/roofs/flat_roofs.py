"""What lies on flat roofs: domes, skylights, machines, terraces, green patches, glass, felt."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

import numpy as np

from shared.demo_city.roofs.planes import Slope
from shared.demo_city.roofs.roof_work import Face, RoofWork
from shared.demo_city.roofs.sheets import Box, Sheet, grown
from shared.demo_city.roofs.styles import GREEN

TERRACE_SHARE: Final = 0.12
PATCH_SHARE: Final = 0.06
GLASS_SHARE: Final = 0.07
DARK_FELT_SHARE: Final = 0.12
"""Of felt roofs: a dark field with seams, a look-alike of modules. Glass roofs are another one."""
LEAST_TECHNICAL_M2: Final = 110.0
INDUSTRIAL: Final = frozenset(
    {"hall", "supermarket", "gym", "ice_rink", "chemical_store", "bath", "fire_station"}
)
WITHOUT: Final = frozenset(
    {"platform_roof", "canopy", "tank", "glasshouse", "garage", "shed", "hut"}
)
FacesOf = Callable[[Sheet, Box, np.random.Generator], list[Face]]
OCTAGON: Final = tuple((cos(n * pi / 4), sin(n * pi / 4)) for n in range(8))
DARK: Final = (0.55, 0.55, 0.56, 0.5)


def furnish_flat_roof(site: RoofWork) -> None:
    """Put things on a flat roof.

    Args:
        site: The roof; its first sheet is the whole of it.
    """
    sheet, rng = site.sheets[0], site.stream("flat roof")
    area = sheet.area_m2
    if site.roof.material == "felt" and area > 30 and rng.random() < DARK_FELT_SHARE:
        _lay_dark_felt(site, sheet, rng)
    if site.building.kind in WITHOUT:
        return
    if site.building.kind in {"detached", "row", "semi", "block", "villa"}:
        _lay_terrace(site, sheet, rng)
    if area > 60 and site.roof.material not in GREEN and rng.random() < PATCH_SHARE:
        _scatter(site, sheet, rng, "green_patch", 1, ((3, 9), (3, 8)), _green_faces)
    if area > LEAST_TECHNICAL_M2:
        if site.building.kind in INDUSTRIAL:
            _lay_skylights(site, sheet, rng)
        elif rng.random() < GLASS_SHARE * 2:
            _scatter(site, sheet, rng, "glass_roof", 1, ((4, 10), (3, 6)), _glass_faces)
        machines = 1 + int(rng.poisson(min(6.0, area / 400)))
        _scatter(site, sheet, rng, "hvac", machines, ((1.2, 4.0), (1.0, 2.4)), _machine_faces)
    domes = int(rng.poisson(min(8.0, area / 120)))
    _scatter(site, sheet, rng, "light_dome", domes, ((0.9, 1.5), (0.9, 1.5)), _dome_faces)
    vents = int(rng.poisson(min(10.0, area / 60)))
    _scatter(site, sheet, rng, "vent", vents, ((0.3, 0.6), (0.3, 0.6)), _vent_faces)


def _scatter(
    site: RoofWork,
    sheet: Sheet,
    rng: np.random.Generator,
    kind: str,
    count: int,
    sizes: tuple[tuple[float, float], tuple[float, float]],
    faces: FacesOf,
) -> None:
    for _ in range(count):
        length, width = rng.uniform(*sizes[0]), rng.uniform(*sizes[1])
        left = rng.uniform(
            sheet.bounds[0] + 0.8, max(sheet.bounds[0] + 0.9, sheet.bounds[2] - length - 0.8)
        )
        low = rng.uniform(
            sheet.bounds[1] + 0.8, max(sheet.bounds[1] + 0.9, sheet.bounds[3] - width - 0.8)
        )
        box = (left, low, left + length, low + width)
        if sheet.take(box, 0.6):
            site.add(kind, sheet.ring(box), faces(sheet, box, rng), sheet)


def _level(sheet: Sheet, box: Box, rise_m: float) -> Slope:
    return Slope(0, 0, sheet.plane.slope.height_m(*sheet.place(box[0], box[1])) + rise_m)


def _dome_faces(sheet: Sheet, box: Box, rng: np.random.Generator) -> list[Face]:
    gain = float(rng.uniform(0.85, 1.12))
    return [
        Face(sheet.ring(box), "sheet_grey", _level(sheet, box, 0.25), tint=(0.8,) * 4),
        Face(
            sheet.ring(grown(box, -0.13)),
            "membrane_light",
            _level(sheet, box, 0.4),
            tint=(gain * 0.95, gain, gain * 1.04, gain),
        ),
    ]


def _vent_faces(sheet: Sheet, box: Box, rng: np.random.Generator) -> list[Face]:
    tint = (float(rng.uniform(0.5, 1.1)),) * 4
    return [
        Face(sheet.ring(box), "sheet_grey", _level(sheet, box, rng.uniform(0.3, 0.8)), tint=tint)
    ]


def _machine_faces(sheet: Sheet, box: Box, rng: np.random.Generator) -> list[Face]:
    height = rng.uniform(0.7, 2.0)
    tint = (float(rng.uniform(0.75, 1.1)),) * 4
    faces = [Face(sheet.ring(box), "sheet_grey", _level(sheet, box, height), tint=tint)]
    length, width = box[2] - box[0], box[3] - box[1]
    fan = min(length, width) * 0.32
    for number in range(max(1, round(length / width))):
        u = box[0] + length * (number + 0.5) / max(1, round(length / width))
        v = (box[1] + box[3]) / 2
        ring = [sheet.place(u + fan * x, v + fan * y) for x, y in OCTAGON]
        faces.append(Face(ring, "felt", _level(sheet, box, height - 0.1), tint=DARK))
    return faces


def _glass_faces(sheet: Sheet, box: Box, rng: np.random.Generator) -> list[Face]:
    """Return panes between bars: dark glass in a grid, easily taken for modules."""
    gain = float(rng.uniform(1.4, 2.6))
    tint = (gain, gain * 1.05, gain * 1.1, gain)
    faces = [Face(sheet.ring(box), "sheet_grey", _level(sheet, box, 0.5))]
    count = max(2, round((box[2] - box[0]) / rng.uniform(0.9, 1.5)))
    pane = (box[2] - box[0]) / count
    for number in range(count):
        one = (box[0] + number * pane, box[1], box[0] + (number + 1) * pane, box[3])
        faces.append(
            Face(sheet.ring(grown(one, -0.06)), "thermal", _level(sheet, box, 0.5), tint=tint)
        )
    return faces


def _green_faces(sheet: Sheet, box: Box, _: np.random.Generator) -> list[Face]:
    return [Face(sheet.ring(box), "sedum_roof", sheet.raised(0.08), "roof_green")]


def _lay_skylights(site: RoofWork, sheet: Sheet, rng: np.random.Generator) -> None:
    """Lay bands of translucent plates across a hall, all with the same distance."""
    if rng.random() < 0.35:
        return
    width, depth = rng.uniform(1.2, 2.4), sheet.depth_m * rng.uniform(0.5, 0.8)
    distance, start = rng.uniform(7, 14), rng.uniform(3, 7)
    low = sheet.bounds[1] + (sheet.depth_m - depth) / 2
    gain = float(rng.uniform(0.8, 1.1))
    tint = (gain * 0.94, gain, gain * 1.02, gain)
    material = "membrane_light" if rng.random() < 0.7 else "thermal"
    left = sheet.bounds[0] + start
    while left + width < sheet.bounds[2] - 2:
        box = (left, low, left + width, low + depth)
        if sheet.take(box, 1.0):
            faces = [
                Face(sheet.ring(grown(box, 0.15)), "sheet_grey", _level(sheet, box, 0.35)),
                Face(sheet.ring(box), material, _level(sheet, box, 0.6), tint=tint),
            ]
            site.add("skylight", sheet.ring(grown(box, 0.15)), faces, sheet)
        left += distance


def _lay_terrace(site: RoofWork, sheet: Sheet, rng: np.random.Generator) -> None:
    if rng.random() >= TERRACE_SHARE or sheet.area_m2 < 30:
        return
    length = min(sheet.length_m - 1.2, rng.uniform(3.5, 8))
    width = min(sheet.depth_m - 1.2, rng.uniform(2.5, 5))
    if min(length, width) < 2:
        return
    low = sheet.bounds[1] + 0.6 if rng.random() < 0.5 else sheet.bounds[3] - 0.6 - width
    box = (sheet.bounds[0] + 0.6, low, sheet.bounds[0] + 0.6 + length, low + width)
    if sheet.take(box, 0.3):
        tint = (1.0, 0.86, 0.7, 0.9) if rng.random() < 0.35 else (1.0,) * 4
        face = Face(sheet.ring(box), "slabs", sheet.raised(0.1), direction=sheet.along, tint=tint)
        site.add("roof_terrace", sheet.ring(box), [face], sheet)


def _lay_dark_felt(site: RoofWork, sheet: Sheet, rng: np.random.Generator) -> None:
    inset = rng.uniform(0.5, 1.2)
    left, low, right, high = grown(sheet.bounds, -inset)
    box = (left, low, left + (right - left) * rng.uniform(0.5, 1.0), high)
    if min(box[2] - box[0], box[3] - box[1]) > 2 and sheet.holds(box):
        face = Face(
            sheet.ring(box), "felt", sheet.plane.slope, direction=sheet.along, wear=0.0, tint=DARK
        )
        site.add("dark_felt", sheet.ring(box), [face], sheet)
