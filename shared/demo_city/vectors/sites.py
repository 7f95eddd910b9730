"""Where the public places of Musterstadt lie: along which street, how far out, on which side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import shapely
from shapely import LineString, Polygon

from shared.demo_city.vectors.frames import Frame, dot
from shared.demo_city.vectors.plan import CROSS_SECTIONS, MainStreet, PublicSite

Side = Literal["left", "right"]
STEP_M: Final = 15.0
TRACK_BED_HALF_M: Final = 6.5
ALONG_STREETS: Final[tuple[tuple[str, str, str, float, float, float, Side], ...]] = (
    ("hospital", "Klinikum Musterstadt", "Kanalstraße", 300, 170, 120, "right"),
    ("park", "Stadtpark", "Siedlungsallee", 40, 210, 190, "left"),
    ("school", "Gesamtschule Nord", "Nordallee", 230, 150, 105, "left"),
    ("school", "Grundschule Gartenstadt", "Gartenallee", 250, 125, 92, "right"),
    ("school", "Grundschule Ost", "Siedlungsallee", 330, 125, 95, "left"),
    ("kita", "Kita Kanalkiesel", "Kanalstraße", 120, 56, 50, "left"),
    ("kita", "Kita Nordlicht", "Nordallee", 120, 56, 50, "right"),
    ("kita", "Kita Apfelbaum", "Gartenallee", 130, 56, 52, "left"),
    ("kita", "Kita Stellwerk", "Bahnhofstraße", 120, 55, 48, "left"),
    ("kita", "Kita Hochhausspatzen", "Siedlungsallee", 480, 56, 52, "left"),
    ("kita", "Kita Wiesenrode", "Dorfstraße", 470, 52, 48, "right"),
    ("fire_station", "Feuer- und Rettungswache", "Werkstraße", 60, 80, 62, "left"),
    ("nursing_home", "Seniorenzentrum Gartenallee", "Gartenallee", 420, 80, 66, "left"),
    ("nursing_home", "Haus am Kanal", "Nordallee", 330, 80, 65, "right"),
    ("supermarket", "Nahkauf Nord", "Wiesenroder Straße", 300, 95, 82, "right"),
    ("supermarket", "Nahkauf Ost", "Siedlungsallee", 60, 98, 84, "right"),
    ("petrol_station", "Tankstelle Siedlungsallee", "Siedlungsallee", 230, 56, 46, "right"),
    ("church", "Auferstehungskirche", "Nordallee", 60, 72, 46, "left"),
    ("car_park", "Parkplatz Ringstraße", "Ringstraße", 250, 60, 45, "left"),
    ("car_park", "Parkplatz Kirchwall", "Ringstraße", 1_180, 62, 45, "left"),
    ("nursery", "Gärtnerei am Außenring", "Wiesenroder Straße", 690, 130, 110, "left"),
    ("cemetery", "Waldfriedhof", "Nordallee", 690, 190, 170, "left"),
    ("sports_ground", "Sportpark Nord", "Nordallee", 690, 210, 190, "right"),
    ("allotments", "Kleingartenanlage Abendfrieden", "Gartenallee", 690, 240, 170, "left"),
    ("bath", "Kanalbad", "Kanalstraße", 700, 170, 140, "left"),
    ("ice_rink", "Eissporthalle", "Kanalstraße", 700, 110, 100, "right"),
    ("solar_field", "Solarpark Südfeld", "Bahnhofstraße", 1_000, 260, 200, "left"),
    ("tank_farm", "Tanklager Süd", "Werkstraße", 900, 120, 110, "left"),
    ("chemical_store", "Chemielager Werkstraße", "Werkstraße", 1_030, 80, 75, "left"),
)
"""Use, name, street, distance from its beginning, length, depth [m] and side of every place."""
AT_MARKET: Final = (
    ("town_hall", "Rathaus", (1_964.0, 2_035.0), (1.0, 0.0), 72.0, 42.0),
    ("church", "Stadtkirche Sankt Musterian", (2_034.0, 1_965.0), (-1.0, 0.0), 75.0, 45.0),
)
"""Use, name, corner, direction along the market, length and depth [m]."""
STATION_FROM_M: Final = 1_990.0


def plan_sites(streets: Sequence[MainStreet], rail: LineString) -> tuple[PublicSite, ...]:
    """Plan the public places.

    Args:
        streets: The main streets.
        rail: Centre line of the track; the station lies north of it.

    Returns:
        The places, none upon another.
    """
    lines = {street.name: street for street in streets}
    made = []
    for use, name, street, start, length, depth, side in ALONG_STREETS:
        half = CROSS_SECTIONS[lines[street].street].width_m / 2
        area, frame = alongside(lines[street].line, start, length, depth, side, half)
        made.append(PublicSite(use, name, area, frame))
    for use, name, corner, way, length, depth in AT_MARKET:
        along = np.array(way)
        frame = Frame(np.array(corner), along, np.array([-along[1], along[0]]), length, depth)
        made.append(PublicSite(use, name, frame.box(0, 0, length, depth), frame))
    area, frame = alongside(rail, STATION_FROM_M, 200, 62, "left", TRACK_BED_HALF_M)
    return (*made, PublicSite("station", "Bahnhof Musterstadt", area, frame))


def alongside(
    line: LineString, start_m: float, length_m: float, depth_m: float, side: Side, half_m: float
) -> tuple[Polygon, Frame]:
    """Return land along a street from within it, and the frame of the part behind its edge.

    Args:
        line: Centre line of the street [m].
        start_m: Where the land begins, from the beginning of the line.
        length_m: Along the street.
        depth_m: From the edge of the street.
        side: Seen in the direction of the line.
        half_m: Half the width of the street.
    """
    steps = max(2, int(length_m / STEP_M))
    places = shapely.get_coordinates(
        line.interpolate(np.linspace(start_m, start_m + length_m, steps))
    )
    if side == "right":
        places = places[::-1]
    chord = places[-1] - places[0]
    along = chord / np.hypot(*chord)
    across = np.array([-along[1], along[0]])
    bulge = float(dot(places - places[0], across).max())
    edge = half_m + bulge
    far = edge + depth_m
    near = places + across * (half_m / 2)
    area = Polygon([*near, places[-1] + across * far, places[0] + across * far])
    length = float(np.hypot(*chord))
    return area, Frame(places[0] + across * edge, along, across, length, depth_m)
