"""The county around the city: its border, its towns and villages. AIMOS builds on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point, Polygon

from shared.demo_city.randomness import stream
from shared.demo_city.settings import MUNICIPALITY_KEY, CitySettings
from shared.demo_city.tables.snapshot import Snapshot

COUNTY_KEY: Final = MUNICIPALITY_KEY[:5]
COUNTY_NAME: Final = "Musterkreis"
COUNTY_M: Final = 30_000.0
BORDER_STEP_M: Final = 3_000.0
BORDER_DEPTH_M: Final = 900.0
"""The border lies at most this far within the square of the county."""
TOWNS: Final = (("Musterstadt", 46_000), ("Ahornstedt", 33_000), ("Kiesenbrück", 31_000))
TOWN_SPREAD: Final = 400
VILLAGES: Final = (
    "Grasbüttel", "Schleenhorst", "Ginsterloh", "Kranichlage", "Distelwerth", "Fuchsrade",
    "Heidekoppel", "Dachsloh", "Torfmannsdorf", "Sperlingsrode", "Elsterwinkel", "Rabenlage",
    "Sommerloh", "Krähenbüttel", "Buchenrade", "Hummelsloh", "Quellenhude", "Mohnwinkel",
)  # fmt: skip
VILLAGE_PEOPLE: Final = (350, 4_800)
PEOPLE_PER_KM2: Final = {"town": 1_500.0, "village": 1_100.0}
TOWN_GAP_M: Final = 9_000.0
"""Least distance between the middles of two towns."""
GAP_M: Final = 1_000.0
"""Least distance between two settlements, and to the border."""
TRIES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Settlement:
    """A town or a village of the county.

    Args:
        name: Its invented name.
        kind: town or village.
        inhabitants: People who live there.
        area: Its built-up area, in metres from the lower left corner of the city.
        town: Number of the town it is administered by, from 0.
    """

    name: str
    kind: str
    inhabitants: int
    area: Polygon
    town: int


def region(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the county in the first row, then its settlements; they do not change with the day.

    Args:
        snapshot: The town on some day.
    """
    border, made = lay_region(snapshot.settings)
    people = [one.inhabitants for one in made]
    return snapshot.frame(
        {
            "region_id": [COUNTY_KEY, *(f"{COUNTY_KEY}-{n:02d}" for n in range(1, len(made) + 1))],
            "name": [COUNTY_NAME, *(one.name for one in made)],
            "kind": ["county", *(one.kind for one in made)],
            "inhabitants": [sum(people), *people],
            "municipality_id": ["", *(municipality_id(one.town) for one in made)],
        },
        [border, *(one.area for one in made)],
    )


def municipality_id(town: int) -> str:
    """Return the invented official key of the municipality around a town."""
    return f"{COUNTY_KEY}{4 * town:03d}"


def lay_region(settings: CitySettings) -> tuple[Polygon, tuple[Settlement, ...]]:
    """Lay out the county around the city.

    Args:
        settings: Settings of the city, which is the middle of the largest town.

    Returns:
        Its border, and its settlements: three towns, the largest first, then the villages; all in
        metres from the lower left corner of the city.

    Raises:
        RuntimeError: There is no room left for a settlement.
    """
    city = shapely.box(0, 0, settings.size_m, settings.size_m)
    border = _border(settings.seed, city.centroid)
    made: list[Settlement] = []
    for number, (name, usual) in enumerate(TOWNS):
        rng = stream(settings.seed, "region town", number)
        people = usual + int(rng.integers(-TOWN_SPREAD, TOWN_SPREAD, endpoint=True))
        if number:
            area = _free_place("town", people, border, made, rng)
        else:
            around = _outline(city.centroid, _radius_m("town", people), rng)
            area = around.union(city.buffer(100.0, join_style="mitre"))
        made.append(Settlement(name, "town", people, area, number))
    middles = [one.area.centroid for one in made]
    for number, name in enumerate(VILLAGES):
        rng = stream(settings.seed, "region village", number)
        few, many = np.log(VILLAGE_PEOPLE)
        people = round(float(np.exp(rng.uniform(few, many))))
        area = _free_place("village", people, border, made, rng)
        town = int(np.argmin(shapely.distance(middles, area.centroid)))
        made.append(Settlement(name, "village", people, area, town))
    return border, tuple(made)


def _border(seed: int, middle: Point) -> Polygon:
    """Return an uneven border whose outermost places touch the square of the county."""
    half = COUNTY_M / 2
    steps = np.arange(-half, half, BORDER_STEP_M)
    rng = stream(seed, "region border")
    inward = rng.uniform(0, BORDER_DEPTH_M, (4, len(steps)))
    inward[:, len(steps) // 2] = 0.0
    sides = []
    for turns, depths in enumerate(inward):
        side = np.column_stack([steps, depths - half])
        side[0] = depths[0] - half
        for _ in range(turns):
            side = np.column_stack([-side[:, 1], side[:, 0]])
        sides.append(side)
    return Polygon(np.concatenate(sides) + np.array([middle.x, middle.y]))


def _radius_m(kind: str, people: int) -> float:
    return float(np.sqrt(people / PEOPLE_PER_KM2[kind] / np.pi) * 1_000)


def _free_place(
    kind: str, people: int, border: Polygon, made: list[Settlement], rng: np.random.Generator
) -> Polygon:
    """Return an outline that keeps away from the border and from the settlements there are."""
    radius = _radius_m(kind, people)
    west, south, east, north = border.bounds
    inner = border.buffer(-GAP_M)
    towns = [one.area.centroid for one in made if one.kind == "town"]
    for _ in range(TRIES):
        middle = Point(rng.uniform(west, east), rng.uniform(south, north))
        area = _outline(middle, radius, rng)
        far = kind == "village" or min(middle.distance(one) for one in towns) >= TOWN_GAP_M
        near = min(area.distance(one.area) for one in made)
        if far and near >= GAP_M and inner.contains(area):
            return area
    message = f"no room for a {kind} of {people}"
    raise RuntimeError(message)


def _outline(middle: Point, radius_m: float, rng: np.random.Generator) -> Polygon:
    """Return an uneven ring around a place."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    waves: NDArray[np.float64] = sum(
        0.06 * np.cos(count * angles + rng.uniform(0, 2 * np.pi)) for count in (2, 3, 5)
    )  # type: ignore[assignment]
    reach = radius_m * (1 + waves)
    return Polygon(
        np.column_stack([middle.x + reach * np.cos(angles), middle.y + reach * np.sin(angles)])
    )
