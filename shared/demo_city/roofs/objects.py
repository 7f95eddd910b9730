"""Furnish roofs: what stands and lies on them, the same for the same roof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from shared.demo_city.randomness import draw_index
from shared.demo_city.roofs.dormers import put_dormers
from shared.demo_city.roofs.draws import draw_count, draw_figure
from shared.demo_city.roofs.edges import put_edges, put_parapet, put_snow_guards
from shared.demo_city.roofs.flat_roofs import furnish_flat_roof
from shared.demo_city.roofs.modules import RoofWish
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.roofs.roof_work import Draft, Face, RoofWork, finish
from shared.demo_city.roofs.roofscape import Roof
from shared.demo_city.roofs.sheets import Box, Sheet, grown, overlap
from shared.demo_city.roofs.solar_units import put_solar
from shared.demo_city.things import Thing
from shared.demo_city.vectors.buildings import Building

AS_DRAWN: Final = RoofWish()
MAIN_SHARE: Final = 0.72
"""Share of main buildings among the roofs of the statistics; garages carry next to nothing."""
TRIES: Final = 3
EVEN_M: Final = 0.02
"""What does not matter where glass covers a whole plane."""
LADDER_SHARE: Final = 0.16
MOST_CHIMNEYS: Final = 3
BARE: Final = frozenset(
    {"garage", "shed", "hut", "tank", "glasshouse", "platform_roof", "canopy", "church_tower"}
)
WITHOUT_CHIMNEY: Final = BARE | {"hall", "barn", "supermarket", "gym", "ice_rink", "church"}
CHIMNEYS: Final = (
    ("tile_red", (0.85, 0.85, 0.85, 0.85)),
    ("tile_brown", (1.0, 1.0, 1.0, 1.0)),
    ("membrane_light", (0.9, 0.88, 0.84, 0.9)),
    ("slate", (0.9, 0.9, 0.9, 0.9)),
    ("sheet_grey", (0.9, 0.9, 0.9, 0.9)),
)
CHIMNEY_SHARES: Final = (0.4, 0.15, 0.2, 0.1, 0.15)


def furnish_roofs(
    seed: int, buildings: Sequence[Building], roofs: Sequence[Roof]
) -> tuple[Thing, ...]:
    """Furnish all roofs of a town.

    Args:
        seed: Seed of the town.
        buildings: Its buildings.
        roofs: One roof per building, in their order.

    Returns:
        Things in the order of the roofs; those of one roof the lowest first.
    """
    return finish(
        [
            draft
            for building, roof in zip(buildings, roofs, strict=True)
            for draft in _drafts(seed, building, roof, AS_DRAWN)
        ]
    )


def furnish_roof(
    seed: int, index: int, building: Building, roof: Roof, wish: RoofWish = AS_DRAWN
) -> tuple[Thing, ...]:
    """Furnish one roof: the same things as in `furnish_roofs`, but for the wish.

    Args:
        seed: Seed of the town.
        index: Place of the building in the list of buildings.
        building: The building.
        roof: Its roof.
        wish: Which solar units it is to carry.

    Raises:
        ValueError: The roof belongs to another building.
    """
    if roof.building != index:
        raise ValueError((roof.building, index))
    return finish(_drafts(seed, building, roof, wish))


def _drafts(seed: int, building: Building, roof: Roof, wish: RoofWish) -> list[Draft]:
    site = RoofWork.of(seed, building, roof)
    if not site.sheets:
        return []
    if site.sheets[0].is_level:
        put_parapet(site)
        furnish_flat_roof(site)
    else:
        put_edges(site)
        if building.kind not in BARE:
            _furnish_slopes(site)
        elif building.kind == "glasshouse":
            _glaze(site)
    if building.kind in BARE - {"garage"}:
        return site.drafts
    taken = [len(sheet.taken) for sheet in site.sheets]
    put_solar(site, wish, MAIN_SHARE)
    solar = {
        sheet.number: sheet.taken[count:] for sheet, count in zip(site.sheets, taken, strict=True)
    }
    hidden = {
        id(draft)
        for number, box, draft in site.soft
        if any(overlap(box, other) for other in solar[number])
    }
    return [draft for draft in site.drafts if id(draft) not in hidden]


def _furnish_slopes(site: RoofWork) -> None:
    kind, rng = site.building.kind, site.stream("objects")
    if kind not in WITHOUT_CHIMNEY and site.building.is_main:
        put_dormers(site, rng, MAIN_SHARE)
        _put_chimneys(site, rng)
        _put_windows(site, rng)
        put_snow_guards(site, rng)
    elif kind in {"hall", "barn", "supermarket", "gym", "ice_rink"}:
        _put_light_bands(site, rng)
    if kind != "barn":
        _put_clutter(site, rng)


def _glaze(site: RoofWork) -> None:
    """Let the green below shine through a roof of glass, bay by bay."""
    rng = site.stream("glass")
    bays = max(2, round(site.sheets[0].length_m / rng.uniform(6, 14)))
    gains = rng.uniform(1.7, 2.7) * rng.uniform(0.93, 1.07, (len(site.sheets), bays))
    faces: list[Face] = []
    for sheet, row in zip(site.sheets, gains.tolist(), strict=True):
        left, low, right, high = sheet.bounds
        wide = (right - left) / bays
        for number, gain in enumerate(row):
            box: Box = (left + wide * number, low, left + wide * (number + 1), high)
            if sheet.holds(box, -EVEN_M):
                at, tint = sheet.place(left, low), (gain, gain * 1.1, gain * 0.94, gain * 1.4)
                ring, glass = sheet.ring(box), sheet.raised(0.04)
                faces.append(Face(ring, "thermal", glass, None, sheet.along, at, tint=tint))
    if faces:
        site.add("glazing", site.roof.outline, faces, has_roof_colour=True)


def _put_chimneys(site: RoofWork, rng: np.random.Generator) -> None:
    material, tint = CHIMNEYS[draw_index(rng, CHIMNEY_SHARES)]
    sheets = _larger(site)
    put: list[tuple[int, float]] = []
    for _ in range(min(MOST_CHIMNEYS, draw_count(rng, "chimney", MAIN_SHARE))):
        area = min(draw_figure(rng, "objects", "chimney", "area_m2"), 2.0)
        aspect = draw_figure(rng, "objects", "chimney", "width_share")
        length, width = float(np.sqrt(area / aspect)), float(np.sqrt(area * aspect))
        for _ in range(TRIES):
            sheet = sheets[int(rng.integers(len(sheets)))]
            left = sheet.bounds[0] + rng.uniform(0.15, 0.85) * (sheet.length_m - length)
            high = sheet.bounds[3] - max(0.2, rng.exponential(0.7))
            box: Box = (left, high - width, left + length, high)
            is_apart = all(other != sheet.number or abs(u - left) > 2 for other, u in put)
            if is_apart and sheet.take(box, 0.15):
                put.append((sheet.number, left))
                _add_chimney(site, sheet, box, rng.uniform(0.4, 1.0), material, tint)
                break


def _add_chimney(
    site: RoofWork, sheet: Sheet, box: Box, rise_m: float, material: str,
    tint: tuple[float, float, float, float],
) -> None:  # fmt: skip
    top = sheet.plane.slope.height_m(*sheet.place(box[0], sheet.bounds[3])) + rise_m
    flue = min(box[2] - box[0], box[3] - box[1]) * 0.28
    faces = [
        Face(sheet.ring(box), material, Slope(0, 0, top), tint=tint),
        Face(sheet.ring(grown(box, -flue)), "felt", Slope(0, 0, top - 0.2), tint=(0.4,) * 4),
    ]
    site.add("chimney", sheet.ring(box), faces, sheet)


def _put_windows(site: RoofWork, rng: np.random.Generator) -> None:
    count = draw_count(rng, "roof_window", MAIN_SHARE)
    if not count:
        return
    sheets = _larger(site)
    width = rng.uniform(0.7, 1.2)
    length = rng.uniform(1.0, 1.7)
    line = rng.uniform(0.35, 0.6)
    for _ in range(count):
        for _ in range(TRIES):
            sheet = sheets[int(rng.integers(len(sheets)))]
            height = length * sheet.shortening
            left = sheet.bounds[0] + rng.uniform(0.05, 0.95) * (sheet.length_m - width)
            low = sheet.bounds[1] + sheet.depth_m * line
            box: Box = (left, low, left + width, low + height)
            if sheet.take(box, 0.25):
                has_blind = rng.random() < 0.15
                gain = float(rng.uniform(0.7, 1.5))
                _add_window(site, sheet, box, "membrane_light" if has_blind else "thermal", gain)
                break


def _add_window(site: RoofWork, sheet: Sheet, box: Box, material: str, gain: float) -> None:
    gain = 0.85 if material == "membrane_light" else gain
    faces = [
        Face(sheet.ring(box), "sheet_grey", sheet.raised(0.08), tint=(0.6,) * 4),
        Face(sheet.ring(grown(box, -0.1)), material, sheet.raised(0.08), tint=(gain,) * 4),
    ]
    site.add("roof_window", sheet.ring(box), faces, sheet)


def _put_light_bands(site: RoofWork, rng: np.random.Generator) -> None:
    """Put translucent plates between the sheets of a sloped hall."""
    if rng.random() < 0.5:
        return
    width, distance, start = rng.uniform(0.9, 1.2), rng.uniform(4, 8), rng.uniform(2, 4)
    gain = float(rng.uniform(0.75, 1.0))
    for sheet in site.sheets:
        low, high = sheet.bounds[1] + sheet.depth_m * 0.15, sheet.bounds[3] - sheet.depth_m * 0.15
        for left in np.arange(sheet.bounds[0] + start, sheet.bounds[2] - start, distance).tolist():
            box: Box = (left, low, left + width, high)
            if sheet.take(box, 0.3):
                face = Face(sheet.ring(box), "membrane_light", sheet.raised(0.03), tint=(gain,) * 4)
                site.add("skylight", sheet.ring(box), [face], sheet)


def _put_clutter(site: RoofWork, rng: np.random.Generator) -> None:
    """Put vents, dishes and ladders, which give way to solar units."""
    sheets = _larger(site)
    for _ in range(min(6, draw_count(rng, "other", MAIN_SHARE))):
        sheet = sheets[int(rng.integers(len(sheets)))]
        is_dish = rng.random() < 0.12
        size = rng.uniform(0.6, 0.85) if is_dish else rng.uniform(0.2, 0.5)
        left = sheet.bounds[0] + rng.uniform(0.05, 0.95) * (sheet.length_m - size)
        low = sheet.bounds[1] + rng.uniform(0.2, 0.9) * (sheet.depth_m - size)
        gain = float(rng.uniform(1.0, 1.2) if is_dish else rng.uniform(0.4, 1.1))
        box: Box = (left, low, left + size, low + size)
        face = Face(
            sheet.ring(box), "sheet_grey", sheet.raised(0.5 if is_dish else 0.25), tint=(gain,) * 4
        )
        site.add_soft("dish" if is_dish else "vent", box, face, sheet, 0.2)
    if site.building.is_main and rng.random() < LADDER_SHARE:
        sheet = sheets[int(rng.integers(len(sheets)))]
        left = sheet.bounds[0] + rng.uniform(0.15, 0.85) * sheet.length_m
        low = sheet.bounds[1] + sheet.depth_m * rng.uniform(0.1, 0.4)
        box = (left, low, left + rng.uniform(0.35, 0.5), sheet.bounds[3] - 0.5)
        face = Face(sheet.ring(box), "sheet_grey", sheet.raised(0.15), tint=(0.7, 0.62, 0.55, 0.7))
        site.add_soft("ladder", box, face, sheet, 0.1)


def _larger(site: RoofWork) -> list[Sheet]:
    """Return the planes on which things are put: those of at least a third of the largest."""
    most = max(sheet.area_m2 for sheet in site.sheets)
    return [sheet for sheet in site.sheets if sheet.area_m2 * 3 >= most]
