"""The plan of Musterstadt: a ring town with a rail line, a canal, a brook and a village."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon
from shapely.geometry import box

from shared.demo_city.randomness import stream
from shared.demo_city.settings import CitySettings
from shared.demo_city.vectors.plan import District, MainStreet, Style, TownPlan
from shared.demo_city.vectors.sites import plan_sites

CENTRE: Final = np.array([2_000.0, 2_000.0])
RING_M: Final = 280.0
OUTER_RING_M: Final = 835.0
UNEVENNESS: Final = 0.11
VILLAGE: Final = (736.0, 3_060.0)
TRADE_PARK: Final = (
    (2_560, 1_430),
    (2_600, 1_200),
    (2_760, 840),
    (3_240, 760),
    (3_330, 1_180),
    (3_100, 1_430),
)
"""The part of the trade park outside the outer ring."""
RADIALS: Final[tuple[tuple[str, float], ...]] = (
    ("Siedlungsallee", -4.0),
    ("Kanalstraße", 41.0),
    ("Nordallee", 96.0),
    ("Wiesenroder Straße", 140.0),
    ("Gartenallee", 184.0),
    ("Bahnhofstraße", 264.0),
    ("Werkstraße", 312.0),
)
"""Streets from the ring outward with their direction [deg, counterclockwise from east]."""

MARKET: Final = box(1_955, 1_970, 2_045, 2_030)
ROUNDABOUTS: Final = ("Gartenallee", "Nordallee", "Kanalstraße")
"""Streets that cross the outer ring at a roundabout."""
OLD_TOWN = Style(
    8_000, 32, 400, "access", 0.03, 0.0, (("block", 0.86), ("row", 0.05), ("villa", 0.09))
)
STATION = Style(
    13_000, 40, 560, "residential", 0.0, 0.0, (("block", 0.66), ("villa", 0.22), ("row", 0.12))
)
NORTH = Style(
    12_000,
    44,
    450,
    "residential",
    0.0,
    0.15,
    (("row", 0.22), ("block", 0.36), ("detached", 0.26), ("semi", 0.16)),
)
GARDEN = Style(
    12_000, 46, 535, "residential", 0.09, 0.5, (("detached", 0.84), ("semi", 0.1), ("villa", 0.06))
)
ESTATE = Style(
    22_000, 60, 1_700, "residential", 0.05, 0.2, (("slab", 0.5), ("tower", 0.28), ("terrace", 0.22))
)
TRADE = Style(52_000, 90, 3_200, "secondary", 0.0, 0.0, (("hall", 0.82), ("office", 0.18)))
CANAL = Style(
    13_000, 46, 480, "residential", 0.04, 0.3, (("detached", 0.6), ("semi", 0.28), ("row", 0.12))
)
VILLAGE_STYLE = Style(0, 60, 860, "access", 0.0, 0.0, (("detached", 0.66), ("farm", 0.34)))
VILLAGE_DEPTH_M: Final = 62.0
"""How far the plots of the village reach from the middle of their lane."""


def plan_musterstadt(settings: CitySettings) -> TownPlan:
    """Plan Musterstadt.

    Args:
        settings: Settings of the city.

    Returns:
        The plan in metres from the lower left corner.
    """
    area = box(0, 0, settings.size_m, settings.size_m)
    ring = _uneven_ring(RING_M, stream(settings.seed, "ring"))
    outer = _uneven_ring(OUTER_RING_M, stream(settings.seed, "outer ring"))
    radials = [
        MainStreet(name, "primary" if number % 2 else "secondary", line)
        for number, (name, line) in enumerate(_radials(settings, ring, area))
    ]
    rings = (
        MainStreet("Ringstraße", "primary", LineString(ring.exterior)),
        MainStreet("Außenring", "secondary", LineString(outer.exterior)),
    )
    lanes = _village_streets()
    main = (*rings, *radials, *lanes, *_old_town_streets(ring))
    rail = _rail(settings.size_m)
    return TownPlan(
        settings.seed,
        area,
        _districts(area, ring, outer, radials, lanes),
        main,
        rail=(rail,),
        waters=((_canal(settings.size_m), 34.0), (_brook(), 5.0)),
        open_spaces=(("market", MARKET),),
        sites=plan_sites(main, rail),
        roundabouts=tuple(_crossing(one.line, outer) for one in radials if one.name in ROUNDABOUTS),
    )


def _crossing(line: LineString, ring: Polygon) -> tuple[float, float]:
    x, y = shapely.get_coordinates(line.intersection(ring.exterior))[0]
    return float(x), float(y)


def _old_town_streets(ring: Polygon) -> tuple[MainStreet, ...]:
    """Return the lane around the market and those from it to the ring."""
    around = LineString(MARKET.buffer(2.5, join_style="mitre").exterior)
    made = [MainStreet("Am Markt", "access", around)]
    for name, start, end in (
        ("Marktstraße", (2_047.5, 2_001.0), (2_420.0, 2_030.0)),
        ("Obere Gasse", (1_954.5, 2_032.5), (1_930.0, 2_420.0)),
        ("Kirchstraße", (1_952.5, 1_996.0), (1_580.0, 1_960.0)),
        ("Untere Gasse", (2_045.5, 1_967.5), (2_060.0, 1_580.0)),
    ):
        line = LineString([start, end]).intersection(ring)
        made.append(MainStreet(name, "access", _longest(line)))
    return tuple(made)


def _uneven_ring(radius_m: float, rng: np.random.Generator) -> Polygon:
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    swing = np.ones_like(angles)
    for waves in (2, 3, 5, 7):
        swing += UNEVENNESS / waves * np.sin(waves * angles + rng.uniform(0, 2 * np.pi))
    return Polygon(CENTRE + (radius_m * swing)[:, None] * _unit(angles))


def _unit(angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.cos(angle_rad), np.sin(angle_rad)], axis=-1)


def _radials(settings: CitySettings, ring: Polygon, area: Polygon) -> list[tuple[str, LineString]]:
    made = []
    for number, (name, degrees) in enumerate(RADIALS):
        rng = stream(settings.seed, "radial", number)
        far = np.arange(0.0, settings.size_m, 40.0)
        wave = rng.uniform(12, 28) * np.sin(far / rng.uniform(320, 520) + rng.uniform(0, 6))
        angle = np.radians(degrees)
        away, aside = _unit(np.array(angle)), _unit(np.array(angle + np.pi / 2))
        line = LineString(CENTRE + far[:, None] * away + wave[:, None] * aside)
        outside = shapely.intersection(line.difference(ring), area)
        made.append((name, _longest(outside)))
    return made


def _longest(geometry: shapely.Geometry) -> LineString:
    lines = [part for part in shapely.get_parts(geometry) if isinstance(part, LineString)]
    return max(lines, key=lambda line: line.length)


def _rail(size_m: float) -> LineString:
    x = np.linspace(-50, size_m + 50, 60)
    return LineString(np.stack([x, 1_210 + 90 * np.sin((x - 900) / 1_300)], axis=1))


def _canal(size_m: float) -> LineString:
    y = np.linspace(size_m + 50, 2_150, 40)
    bend = (np.maximum(size_m - y, 0.0) / 1_850) ** 2.2
    x = 2_760 + 980 * bend
    last = np.array([x[-1] - x[-2], y[-1] - y[-2]])
    beyond = np.array([x[-1], y[-1]]) + last / np.hypot(*last) * 500
    return LineString([*np.stack([x, y], axis=1), beyond])


def _brook() -> LineString:
    t = np.linspace(0, 1, 80)
    x, y = -30 + 2_960 * t, 3_560 - 560 * t
    return LineString(np.stack([x + 25 * np.sin(31 * t), y + 45 * np.sin(13 * t)], axis=1))


def _village_streets() -> tuple[MainStreet, ...]:
    x, y = VILLAGE
    lanes = (
        ("Dorfstraße", "residential", ((-400, -150), (-150, -40), (40, -20), (300, 90))),
        ("Am Anger", "access", ((-90, -330), (-60, -120), (-40, -30), (10, 250))),
        ("Lindenkamp", "access", ((-230, -75), (-270, 60), (-220, 190))),
        ("Mühlenpatt", "access", ((160, 30), (190, 150), (170, 260))),
        ("Hinterm Hof", "access", ((-58, -115), (60, -150), (190, -130))),
    )
    made = []
    for name, street, places in lanes:
        line = LineString([(x + east, y + north) for east, north in places])
        made.append(MainStreet(name, street, line))  # type: ignore[arg-type]
    return tuple(made)


def _districts(
    area: Polygon,
    ring: Polygon,
    outer: Polygon,
    radials: list[MainStreet],
    lanes: tuple[MainStreet, ...],
) -> tuple[District, ...]:
    village_area = Point(VILLAGE).buffer(640).intersection(area).difference(outer)
    road = next(one.line for one in radials if one.name == "Wiesenroder Straße")
    through = road.intersection(Point(VILLAGE).buffer(330))
    village = shapely.union_all(
        [
            line.buffer(VILLAGE_DEPTH_M, cap_style="flat", quad_segs=2)
            for line in (through, *(lane.line for lane in lanes))
        ]
    )
    trade = outer.union(Polygon(TRADE_PARK))
    sectors = _sectors(area, radials)
    east, canal, north, north_west, south_west, south, south_east = _named(sectors, radials)
    styles = (
        ("Altstadt", OLD_TOWN, ring, ring),
        ("Bahnhof", STATION, south, outer),
        ("Nordviertel", NORTH, north, outer),
        ("Gartenstadt", GARDEN, north_west.union(south_west), outer),
        ("Siedlung Ost", ESTATE, east, outer),
        ("Gewerbepark", TRADE, south_east, trade),
        ("Am Kanal", CANAL, canal, outer),
        ("Dorf Wiesenrode", VILLAGE_STYLE, village_area, village),
    )
    made = []
    for number, (name, style, part, built) in enumerate(styles, 1):
        whole = part if part is ring else part.difference(ring)
        if name != "Dorf Wiesenrode":
            whole = whole.difference(village_area)
        whole = _one_part(whole)
        made.append(District(number, name, style, whole, _one_part(whole.intersection(built))))
    return tuple(made)


def _one_part(geometry: shapely.Geometry) -> Polygon:
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]
    return max(parts, key=lambda part: part.area)


def _sectors(area: Polygon, radials: list[MainStreet]) -> list[Polygon]:
    spokes = []
    for street in radials:
        first, last = (np.array(street.line.coords[i]) for i in (0, -1))
        beyond = last + (last - CENTRE) / np.hypot(*(last - CENTRE)) * 60
        spokes.append(LineString([CENTRE, first, *street.line.coords[1:], beyond]))
    edges = shapely.unary_union([*spokes, area.exterior])
    return list(shapely.get_parts(shapely.polygonize([edges])))


def _named(sectors: list[Polygon], radials: list[MainStreet]) -> list[Polygon]:
    """Return the sectors in the order of the directions, the first begins at the first radial."""
    found = []
    directions = [degrees for _, degrees in RADIALS]
    for low, high in pairwise([*directions, directions[0] + 360]):
        middle = Point(CENTRE + 500 * _unit(np.radians(np.array((low + high) / 2))))
        found.append(next(sector for sector in sectors if sector.contains(middle)))
    return found
