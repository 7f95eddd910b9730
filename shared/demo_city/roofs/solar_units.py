"""Put solar units on a roof: which, how many, where; as drawn or as wished."""

from __future__ import annotations

from typing import Final

import numpy as np
from shapely import MultiPoint, Polygon

from shared.demo_city.randomness import draw_index
from shared.demo_city.roofs.draws import draw_count, draw_figure, roof_statistics
from shared.demo_city.roofs.modules import Lattice, Modules, RoofWish, lay_collectors, lay_modules
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.roofs.racks import Rack, Stand, lay_racks, lay_stand
from shared.demo_city.roofs.roof_work import Face, RoofWork
from shared.demo_city.roofs.sheets import Point, Sheet, grown

MODULES: Final = ("pv_black", "pv_blue", "pv_violet")
MODULE_SHARES: Final = (0.56, 0.34, 0.1)
COLLECTOR_SHARES: Final = (0.03, 0.27, 0.3, 0.22, 0.06, 0.12)
"""Shares of 1 to 6 collectors."""
PV_PART: Final = 0.85
THERMAL_PART: Final = 0.4
"""Roofs with modules and with collectors as parts of those with either; some carry both."""
FLAT_SHARE: Final = 0.16
SMALL_SHARE: Final = 0.02
STAND_BELOW_M2: Final = 160.0
STAND_SHARE: Final = 0.6
"""Of flat roofs below that size: modules on a high stand instead of rows of racks."""
WITHOUT_PV: Final = frozenset({"church", "church_tower", "chapel", "town_hall", "shed", "hut"})
PV_NUMBERS: Final = 500
MOST_ARRAYS: Final = 4


def put_solar(site: RoofWork, wish: RoofWish, main_share: float) -> None:
    """Put thermal collectors and photovoltaic modules on a roof.

    Args:
        site: The roof; its other things are there already.
        wish: What it is to carry.
        main_share: Share of main buildings among the roofs of the statistics.
    """
    shares = site.stream("solar shares").random(2)
    size = min(1.5, max(0.5, site.roof.outline.area / 160))
    usual = roof_statistics()["objects"]["pv"]["carrying_roofs"] / main_share
    if not site.building.is_main:
        usual = SMALL_SHARE
    is_level = site.sheets[0].is_level
    if site.building.kind in WITHOUT_PV:
        usual = 0.0
    has_pv = usual > 0 and shares[0] < (
        FLAT_SHARE if is_level and site.building.is_main else usual * size * PV_PART
    )
    has_thermal = not is_level and site.building.is_main and shares[1] < usual * THERMAL_PART
    if wish.thermal != "none" and (has_thermal or wish.thermal != "as drawn"):
        _put_thermal(site, 2 if wish.thermal == "enlarge" else 1)
    if wish.pv == "none" or (wish.pv == "as drawn" and not has_pv):
        return
    if is_level:
        _put_racks(site, is_larger=wish.pv == "enlarge")
    else:
        _put_pv(site, is_larger=wish.pv == "enlarge")


def sunny_first(sheets: list[Sheet]) -> list[Sheet]:
    """Return planes in the order of preference: south, then west and east, north last."""
    return sorted(sheets, key=lambda sheet: (-round(sheet.up[1], 1), -round(sheet.area_m2)))


def _put_thermal(site: RoofWork, units: int) -> None:
    rng = site.stream("thermal")
    for unit in range(units):
        count = 1 + draw_index(rng, COLLECTOR_SHARES)
        tint = (float(rng.uniform(0.8, 1.25)),) * 4
        for sheet in sunny_first(site.sheets):
            boxes = lay_collectors(sheet, count, rng)
            if boxes:
                around = (boxes[0][0], boxes[0][1], boxes[-1][2], boxes[-1][3])
                ring, slope = sheet.ring(around), sheet.raised(0.15)
                faces = [Face(ring, "sheet_grey", slope, tint=(0.7,) * 4)]
                faces += [
                    Face(
                        sheet.ring(grown(box, -0.05)),
                        "thermal",
                        slope,
                        direction=sheet.along,
                        tint=tint,
                    )
                    for box in boxes
                ]
                number = PV_NUMBERS - 20 + unit
                site.add("solar_thermal", ring, faces, sheet, solar="thermal", number=number)
                break


def _put_pv(site: RoofWork, *, is_larger: bool) -> None:
    rng = site.stream("pv")
    material = MODULES[draw_index(rng, MODULE_SHARES)]
    modules = Modules.drawn(rng)
    count = max(1, min(MOST_ARRAYS, draw_count(rng, "pv", 1.0, least=1)))
    areas = [_area_m2(rng) for _ in range(count)]
    number = _lay(site, modules, material, areas, rng, PV_NUMBERS)
    if is_larger:
        more = site.stream("more pv")
        other = MODULES[draw_index(more, MODULE_SHARES)] if more.random() < 0.4 else material
        extra = [max(areas) * more.uniform(0.6, 1.4)]
        _lay(site, Modules.drawn(more), other, extra, more, number)


def _area_m2(rng: np.random.Generator) -> float:
    """Draw the area of an array: the smallest units of the statistics are thermal ones."""
    while True:
        area = draw_figure(rng, "objects", "pv", "area_m2")
        if area > 8 or rng.random() < 0.4:
            return area


def _lay(
    site: RoofWork, modules: Modules, material: str, areas: list[float], rng: np.random.Generator,
    number: int,
) -> int:  # fmt: skip
    laid: dict[int, Lattice] = {}
    for area in areas:
        for sheet in sunny_first(site.sheets):
            if sheet.up[1] < -0.5 and len(site.sheets) > 1 and rng.random() < 0.8:
                continue
            lattice = lay_modules(sheet, modules, area, rng, laid.get(sheet.number))
            if lattice is None:
                continue
            laid[sheet.number] = lattice
            for outline in lattice.arrays(sheet):
                face = Face(
                    outline, material, sheet.raised(0.12),
                    direction=modules.across(sheet.along, sheet.up),
                    anchor=sheet.place(lattice.left, lattice.low), wear=0.1,
                )  # fmt: skip
                site.add("pv", outline, [face], sheet, solar="pv", number=number)
                number += 1
            break
    return number


def _put_racks(site: RoofWork, *, is_larger: bool) -> None:
    sheet = site.sheets[0]
    rng = site.stream("racks")
    material = MODULES[draw_index(rng, MODULE_SHARES)]
    number = PV_NUMBERS
    if sheet.area_m2 < STAND_BELOW_M2 and rng.random() < STAND_SHARE:
        for _ in range(2 if is_larger else 1):
            stand = lay_stand(sheet, rng)
            if stand:
                face = _tilted(sheet, stand.ring, stand, stand.rise_m, material)
                site.add("pv", stand.ring, [face], sheet, solar="pv", number=number)
                number += 1
        return
    share = float(rng.uniform(0.35, 1.0))
    for field in lay_racks(sheet, rng, min(1.0, share * (1.7 if is_larger else 1.0))):
        faces = [_tilted(sheet, sheet.ring(rack.box), rack, 0.15, material) for rack in field]
        site.add("pv", _around(sheet, field), faces, sheet, solar="pv", number=number)
        number += 1


def _tilted(
    sheet: Sheet, ring: list[Point], laid: Rack | Stand, rise_m: float, material: str
) -> Face:
    toward = laid.toward
    uphill = (-toward[0], -toward[1])
    lowest = min(ring, key=lambda place: place[0] * uphill[0] + place[1] * uphill[1])
    base = sheet.plane.slope.height_m(*lowest) + rise_m
    slope = Slope.rising(lowest, uphill, float(np.tan(np.radians(laid.tilt_deg))), base)
    across = laid.modules.across((toward[1], -toward[0]), uphill)
    return Face(ring, material, slope, direction=across, anchor=lowest, wear=0.1)


def _around(sheet: Sheet, field: list[Rack]) -> Polygon:
    """Return the outline of a field with the gaps between its rows."""
    boxes = np.array([rack.box for rack in field])
    left, low = boxes[:, :2].min(axis=0)
    right, high = boxes[:, 2:].max(axis=0)
    if len(field) == 1 or np.isclose(boxes[:, 0], left).all() or np.isclose(boxes[:, 1], low).all():
        return Polygon(sheet.ring((float(left), float(low), float(right), float(high))))
    hull = MultiPoint([place for rack in field for place in sheet.ring(rack.box)]).convex_hull
    return hull if isinstance(hull, Polygon) else Polygon()
