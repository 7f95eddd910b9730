"""Edges of roofs: ridges, gutters and snow guards on slopes, parapets around flat roofs."""

from __future__ import annotations

from itertools import pairwise
from math import hypot
from typing import Final

import numpy as np
from shapely import Polygon

from shared.demo_city.randomness import draw_index
from shared.demo_city.roofs.roof_work import Face, RoofWork
from shared.demo_city.roofs.sheets import Point, Sheet
from shared.demo_city.roofs.styles import GREEN

RIDGE_M: Final = 0.14
GUTTER_M: Final = 0.2
LEAST_EDGE_M: Final = 1.0
UPWARD: Final = 0.25
EAVES: Final = -0.97
"""Sides that look straight down the slope are eaves; others that look down are valleys."""
SNOW_GUARD_SHARE: Final = 0.3
ZINC: Final = (0.78, 0.78, 0.78, 0.78)
COPPER: Final = (0.62, 0.5, 0.42, 0.6)
PARAPETS: Final = ("sheet_grey", "membrane_light", "asphalt_worn")
PARAPET_SHARES: Final = (0.55, 0.2, 0.25)
RIDGE_TINTS: Final = (0.84, 0.9, 1.1)


def put_edges(site: RoofWork) -> None:
    """Draw the ridges and the gutters of a sloped roof."""
    rng = site.stream("edges")
    gain = RIDGE_TINTS[int(rng.integers(3))]
    has_gutter = site.building.is_main or rng.random() < 0.5
    material = site.roof.material
    metal = COPPER if rng.random() < 0.15 else ZINC
    faces: list[Face] = []
    for sheet in site.sheets:
        upper, level = sheet.raised(0.05), sheet.plane.slope
        for start, end, normal in _sides(sheet):
            if normal[1] > UPWARD:
                strip = _strip(sheet, start, end, normal, RIDGE_M)
                faces.append(Face(strip, material, upper, wear=site.roof.wear, tint=(gain,) * 4))
            elif has_gutter and normal[1] < EAVES:
                strip = _strip(sheet, start, end, normal, GUTTER_M)
                faces.append(Face(strip, "sheet_grey", level, tint=metal))
    if faces:
        site.add("roof_edge", faces[0].area, faces, has_roof_colour=True)


def _sides(sheet: Sheet) -> list[tuple[Point, Point, Point]]:
    """Return the sides of a plane on its own axes with their outward normals."""
    places = sheet.outline if sheet.plane.area.exterior.is_ccw else sheet.outline[::-1]
    sides: list[tuple[Point, Point, Point]] = []
    for (x, y), (u, v) in pairwise(places):
        length = hypot(u - x, v - y)
        if length >= LEAST_EDGE_M:
            sides.append(((x, y), (u, v), ((v - y) / length, (x - u) / length)))
    return sides


def _strip(sheet: Sheet, start: Point, end: Point, normal: Point, width_m: float) -> list[Point]:
    x, y = normal[0] * width_m, normal[1] * width_m
    corners = [start, end, (end[0] - x, end[1] - y), (start[0] - x, start[1] - y)]
    return [sheet.place(*corner) for corner in corners]


def put_snow_guards(site: RoofWork, rng: np.random.Generator) -> None:
    """Put snow guards along the eaves of some sloped roofs."""
    if not site.building.is_main or rng.random() >= SNOW_GUARD_SHARE:
        return
    up, depth, inset = rng.uniform(0.35, 0.8), rng.uniform(0.12, 0.2), rng.uniform(0.2, 0.8)
    tint = (float(rng.uniform(0.5, 0.9)),) * 4
    for sheet in site.sheets:
        low = sheet.bounds[1] + up
        box = (sheet.bounds[0] + inset, low, sheet.bounds[2] - inset, low + depth)
        if sheet.length_m > 3:
            face = Face(sheet.ring(box), "sheet_grey", sheet.raised(0.2), tint=tint)
            site.add_soft("snow_guard", box, face, sheet, 0.0)


def put_parapet(site: RoofWork) -> None:
    """Put the raised edge around a flat roof and a strip of gravel beside green."""
    rng = site.stream("parapet")
    outline = site.sheets[0].plane.area
    width = rng.uniform(0.22, 0.4) if site.building.is_main else rng.uniform(0.12, 0.2)
    material = PARAPETS[draw_index(rng, PARAPET_SHARES)]
    tint = (float(rng.uniform(0.75, 1.05)),) * 4
    rise = rng.uniform(0.1, 0.35) if site.building.is_main else 0.08
    sheet = site.sheets[0]
    faces = [Face(_ring(outline, 0.0, width), material, sheet.raised(rise), tint=tint)]
    if site.roof.material in GREEN and site.building.is_main:
        strip = _ring(outline, width, width + rng.uniform(0.4, 0.6))
        faces.append(Face(strip, "gravel_roof", sheet.plane.slope, "roof_flat"))
    faces = [face for face in faces if isinstance(face.area, Polygon) and not face.area.is_empty]
    if faces:
        site.add("parapet", faces[0].area, faces, sheet)


def _ring(outline: Polygon, outer_m: float, inner_m: float) -> Polygon:
    """Return the strip between two distances inside an outline; empty where there is no room."""
    outer = outline.buffer(-outer_m, join_style="mitre") if outer_m else outline
    inner = outline.buffer(-inner_m, join_style="mitre")
    if not (isinstance(outer, Polygon) and isinstance(inner, Polygon)) or inner.is_empty:
        return Polygon()
    return Polygon(outer.exterior, [inner.exterior])
