"""Plans of small towns that are drawn at random."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from shapely import LineString, Polygon
from shapely.geometry import box

from shared.demo_city.vectors import musterstadt
from shared.demo_city.vectors.plan import CROSS_SECTIONS, District, MainStreet, PublicSite, TownPlan
from shared.demo_city.vectors.sites import alongside

STYLES = (
    musterstadt.OLD_TOWN, musterstadt.STATION, musterstadt.NORTH, musterstadt.GARDEN,
    musterstadt.ESTATE, musterstadt.TRADE, musterstadt.CANAL, musterstadt.VILLAGE_STYLE,
)  # fmt: skip
SITES = ("kita", "church", "supermarket", "petrol_station", "fire_station", "car_park")


def small_town(
    seed: int, style: int, size_m: float, slant: float, bend_m: float, site: str, has_rail: bool
) -> TownPlan:
    area = box(0, 0, size_m, size_m)
    x = np.linspace(-20, size_m + 20, 9)
    y = size_m * (0.5 + slant * (x / size_m - 0.5)) + bend_m * np.sin(x / 60)
    street = MainStreet("Hauptstraße", "primary", LineString(np.stack([x, y], axis=1)))
    half = CROSS_SECTIONS["primary"].width_m / 2
    land, frame = alongside(street.line, 60, 60, 50, "left", half)
    rail = (LineString([(size_m * 0.15, -5), (size_m * 0.1, size_m + 5)]),) if has_rail else ()
    district = District(1, "Probestadt", STYLES[style], area, _rounded(area))
    return TownPlan(
        seed, area, (district,), (street,), rail=rail, sites=(PublicSite(site, "Ort", land, frame),)
    )


def _rounded(area: Polygon) -> Polygon:
    return area.buffer(-30).buffer(20, quad_segs=3)


plans = st.builds(
    small_town,
    seed=st.integers(0, 10_000),
    style=st.integers(0, len(STYLES) - 1),
    size_m=st.floats(220, 380),
    slant=st.floats(-0.6, 0.6),
    bend_m=st.floats(-15, 15),
    site=st.sampled_from(SITES),
    has_rail=st.booleans(),
)
