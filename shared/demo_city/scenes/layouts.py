"""Plans of small towns for scenes: seven ways to lay out a town, each varied by the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from shared.demo_city.randomness import stream
from shared.demo_city.settings import Layout
from shared.demo_city.vectors.ground import Cover
from shared.demo_city.vectors.musterstadt import (
    CANAL,
    ESTATE,
    GARDEN,
    NORTH,
    OLD_TOWN,
    STATION,
    TRADE,
    VILLAGE_STYLE,
)
from shared.demo_city.vectors.plan import (
    CROSS_SECTIONS,
    District,
    MainStreet,
    StreetClass,
    Style,
    TownPlan,
)

Feature = Literal[
    "water", "rail", "fields", "solar_field", "market", "trade", "green_roofs", "flat_roofs"
]
AROUND_M: Final = 60.0
"""Width of the town around the image; shadows and leaning walls come from there."""
OPEN_SPACES: Final[tuple[Feature, ...]] = ("solar_field", "market")
REACH_M: Final = 700.0
"""Lines are drawn this far in both directions; the sheet cuts them off."""
LEAST_LAND_M2: Final = 400.0
STREET_GAP_M: Final = 10.0
PORT_BASIN_M: Final = (42.0, 75.0)
LANDS: Final[tuple[Cover, ...]] = (
    "field_soil", "field_crop", "meadow", "field_stubble", "field_crop", "field_soil", "wood",
)  # fmt: skip
"""Open land from seed to seed, so that any few scenes show each kind."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The square of a scene with the axes its town is laid out along.

    Args:
        side_m: Its width and height.
        pivot: Where the axes meet [m].
        angle_rad: Direction of the first axis, counterclockwise from east.
        rng: Random stream of the plan.
    """

    side_m: float
    pivot: NDArray[np.float64]
    angle_rad: float
    rng: np.random.Generator

    @property
    def image_m(self) -> float:
        """Width and height of the image in the middle of the sheet."""
        return self.side_m - 2 * AROUND_M

    def drawing(self, seed: int, feature: Feature) -> tuple[_Sheet, np.random.Generator]:
        """Return the sheet with a random stream for one feature alone, and that stream."""
        rng = stream(seed, f"feature {feature}")
        return replace(self, rng=rng), rng

    @property
    def area(self) -> Polygon:
        return shapely.box(0, 0, self.side_m, self.side_m)

    def place(self, along: NDArray[np.float64], aside: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places from their distances along both axes [m]."""
        cosine, sine = np.cos(self.angle_rad), np.sin(self.angle_rad)
        x = self.pivot[0] + cosine * along - sine * aside
        y = self.pivot[1] + sine * along + cosine * aside
        return np.stack([x, y], axis=-1)

    def line(
        self,
        aside_m: float = 0.0,
        turned_deg: float = 0.0,
        swing_m: float = 0.0,
        start_m: float = -REACH_M,
    ) -> LineString | None:
        """Return a line over the sheet, straight or winding.

        Args:
            aside_m: Distance from the pivot.
            turned_deg: Angle against the first axis.
            swing_m: How far it winds to each side.
            start_m: Where on the line it begins, seen from the pivot.
        """
        along = np.arange(start_m, REACH_M + 1, 12.0)
        waves = swing_m * np.sin(along / self.rng.uniform(45, 110) + self.rng.uniform(0, 6.28))
        if start_m > -REACH_M:
            waves *= np.clip((along - start_m) / 40, 0, 1)
        turn = np.radians(turned_deg)
        turned = replace(self, angle_rad=self.angle_rad + turn)
        places = turned.place(along, np.full_like(along, aside_m) + waves)
        return self.cut(LineString(places if swing_m else places[[0, -1]]))

    def cut(self, line: LineString) -> LineString | None:
        """Return the longest part of a line on the sheet; None where there is none."""
        parts = shapely.get_parts(line.intersection(self.area))
        lines = [part for part in parts if isinstance(part, LineString) and part.length > 20]
        return max(lines, key=lambda part: part.length, default=None)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a layout decides.

    Args:
        streets: Main streets: class and centre line; None for a line beside the sheet.
        styles: Styles of the districts, the first for the largest.
        land: Where may be built; None means everywhere.
        seams: Lines between districts.
        rail: Centre lines of tracks.
        waters: Centre lines of waters with their width [m].
    """

    streets: tuple[tuple[StreetClass, LineString | None], ...]
    styles: tuple[Style, ...]
    land: BaseGeometry | None = None
    seams: tuple[LineString | None, ...] = ()
    rail: tuple[LineString | None, ...] = ()
    waters: tuple[tuple[LineString | None, float], ...] = ()


def plan_scene(
    layout: Layout, seed: int, side_m: float, features: frozenset[Feature] = frozenset()
) -> TownPlan:
    """Plan the town of a scene.

    Args:
        layout: How it is laid out.
        seed: Seed of the scene.
        side_m: Width and height of the sheet, more than twice `AROUND_M`.
        features: What it must have.

    Returns:
        The plan in metres from the lower left corner of the sheet.
    """
    rng = stream(seed, f"layout {layout}")
    pivot = side_m * rng.uniform(0.32, 0.68, 2)
    sheet = _Sheet(side_m, pivot, float(rng.uniform(0, np.pi)), rng)
    draft = _with_features(sheet, _LAYOUTS[layout](sheet), features, seed)
    streets = tuple(
        MainStreet(f"Straße {number}", street, line)
        for number, (street, line) in enumerate(draft.streets, 1)
        if line is not None
    )
    waters = tuple((line, width) for line, width in draft.waters if line is not None)
    rail = tuple(line for line in draft.rail if line is not None)
    lands = tuple(LANDS[(seed // 3 + number) % len(LANDS)] for number in range(len(LANDS)))
    plan = TownPlan(seed, sheet.area, _districts(sheet, draft), streets, rail, waters, lands=lands)
    spaces = [(use, space) for use in OPEN_SPACES if use in features
              if (space := _open_space(sheet, plan, use)) is not None]  # fmt: skip
    return replace(plan, open_spaces=tuple(spaces))


def _village(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    main = sheet.line(swing_m=rng.uniform(5, 18))
    lane = sheet.line(turned_deg=rng.uniform(60, 120), swing_m=rng.uniform(0, 8), start_m=0.0)
    land = shapely.union_all(
        [line.buffer(rng.uniform(38, 72)) for line in (main, lane) if line is not None]
    )
    style = _varied(VILLAGE_STYLE, rng, (("detached", 0.6), ("farm", 0.25), ("semi", 0.15)))
    return _Draft((("residential", main), ("access", lane)), (style,), land)


def _suburb(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    main = sheet.line(swing_m=rng.uniform(8, 26))
    side = sheet.line(turned_deg=rng.uniform(65, 115), swing_m=rng.uniform(4, 14), start_m=0.0)
    styles = tuple(_varied(GARDEN if rng.random() < 0.7 else CANAL, rng) for _ in range(2))
    return _Draft((("secondary", main), ("residential", side)), styles, seams=(main,))


def _grid(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    streets: list[tuple[StreetClass, LineString | None]] = [
        ("secondary", sheet.line()),
        ("residential", sheet.line(turned_deg=90)),
        ("residential", sheet.line(aside_m=rng.uniform(60, 95) * rng.choice([-1, 1]))),
    ]
    choices = (NORTH, NORTH, ESTATE, CANAL)
    styles = tuple(_varied(choices[int(rng.integers(len(choices)))], rng) for _ in range(2))
    return _Draft(tuple(streets), styles, seams=(streets[0][1],))


def _block(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    main = sheet.line(swing_m=rng.choice([0.0, 6.0]))
    across = sheet.line(turned_deg=rng.uniform(70, 110))
    styles = tuple(_varied(OLD_TOWN if rng.random() < 0.5 else STATION, rng) for _ in range(2))
    return _Draft((("primary", main), ("residential", across)), styles, seams=(across,))


def _ring_town(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    radius = rng.uniform(70, 150)
    angles = np.linspace(0, 2 * np.pi, 60)
    uneven = radius * (1 + 0.08 * np.sin(2 * angles + rng.uniform(0, 6)))
    centre = replace(sheet, pivot=sheet.side_m * rng.uniform(0.2, 0.8, 2))
    circle = centre.place(uneven * np.cos(angles), uneven * np.sin(angles))
    ring = sheet.cut(LineString(circle))
    first = rng.uniform(0, 120)
    spokes = tuple(
        centre.line(turned_deg=first + turn + rng.uniform(-15, 15), start_m=radius)
        for turn in (0, 120, 240)
    )
    outer = (GARDEN, CANAL, NORTH, ESTATE)[int(rng.integers(4))]
    streets: tuple[tuple[StreetClass, LineString | None], ...] = (
        ("primary", ring),
        *(("secondary", spoke) for spoke in spokes),
    )
    styles = (_varied(outer, rng), _varied(OLD_TOWN, rng))
    return _Draft(streets, styles, seams=(ring,))


def _linear_village(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    main = sheet.line(swing_m=rng.uniform(0, 5))
    depth = rng.uniform(26, 34) + sheet.image_m * rng.uniform(0, 0.2)
    land = main.buffer(depth, cap_style="flat") if main is not None else None
    kinds = (("detached", 0.55), ("farm", 0.2), ("semi", 0.15), ("row", 0.1))
    style = replace(_varied(VILLAGE_STYLE, rng, kinds), block_m2=0.0, stubs=0.1)
    brook = sheet.line(aside_m=depth + rng.uniform(6, 20), swing_m=5)
    has_brook = rng.random() < 0.5
    return _Draft(
        (("secondary", main),), (style,), land, waters=((brook, 4.0),) if has_brook else ()
    )


def _industrial_port(sheet: _Sheet) -> _Draft:
    rng = sheet.rng
    width = rng.uniform(*PORT_BASIN_M)
    side = rng.choice([-1, 1])
    basin = sheet.line(aside_m=side * (width / 2 + rng.uniform(45, 95)))
    street = sheet.line()
    track = sheet.line(aside_m=-side * rng.uniform(30, 60))
    style = _varied(TRADE, rng, (("hall", 0.75), ("office", 0.25)))
    return _Draft(
        (("primary", street),), (style,), seams=(), rail=(track,), waters=((basin, width),)
    )


_LAYOUTS: Final[dict[Layout, Callable[[_Sheet], _Draft]]] = {
    "village": _village,
    "suburb": _suburb,
    "grid": _grid,
    "block": _block,
    "ring_town": _ring_town,
    "linear_village": _linear_village,
    "industrial_port": _industrial_port,
}


def _varied(
    style: Style, rng: np.random.Generator, kinds: tuple[tuple[str, float], ...] | None = None
) -> Style:
    """Return a style whose sizes and shares of buildings differ a little."""
    chosen = kinds or style.kinds
    weights = np.array([weight for _, weight in chosen]) * rng.uniform(0.5, 1.5, len(chosen))
    weights /= weights.sum()
    return replace(
        style,
        block_m2=style.block_m2 * rng.uniform(0.55, 1.0),
        plot_m2=style.plot_m2 * rng.uniform(0.6, 1.1),
        kinds=tuple((name, float(w)) for (name, _), w in zip(chosen, weights, strict=True)),
    )


def _with_features(sheet: _Sheet, draft: _Draft, features: frozenset[Feature], seed: int) -> _Draft:
    side = float(stream(seed, "side of features").choice([-1, 1]))
    if "water" in features and not draft.waters:
        sheet, rng = sheet.drawing(seed, "water")
        width = float(rng.choice([4.0, 6.0, rng.uniform(16, 34)]))
        away = side * (width / 2 + 6 + sheet.image_m * rng.uniform(0.08, 0.3))
        line = sheet.line(away, rng.uniform(-25, 25), 0.0 if width > 15 else rng.uniform(3, 9))
        draft = replace(draft, waters=((line, width),))
    if "rail" in features and not draft.rail:
        sheet, rng = sheet.drawing(seed, "rail")
        away = -side * (16 + sheet.image_m * rng.uniform(0.08, 0.3))
        line = sheet.line(away, rng.uniform(-12, 12))
        draft = replace(draft, rail=(line,))
    if "trade" in features:
        sheet, rng = sheet.drawing(seed, "trade")
        corner = sheet.line(side * sheet.image_m * rng.uniform(0.15, 0.35))
        draft = replace(draft, seams=(corner,), styles=(*draft.styles[:1], _varied(TRADE, rng)))
    if "fields" in features and draft.land is None:
        sheet, rng = sheet.drawing(seed, "fields")
        edge = sheet.line(side * sheet.image_m * rng.uniform(0, 0.22), rng.uniform(-30, 30))
        halves = _faces(sheet, (edge,))
        draft = replace(draft, land=halves[0])
    return draft


def _faces(sheet: _Sheet, seams: tuple[LineString | None, ...]) -> list[Polygon]:
    """Return the parts that lines cut the sheet into, the largest first."""
    # Lines end on the edge of the sheet; a little longer they surely cut it.
    lines = [shapely.LineString(_longer(line)) for line in seams if line is not None]
    edges = shapely.union_all([sheet.area.exterior, *lines])
    parts = shapely.get_parts(shapely.polygonize([edges]))
    inside = [part for part in parts if sheet.area.contains(part.representative_point())]
    return sorted(inside, key=lambda part: round(part.area, 3), reverse=True)


def _longer(line: LineString) -> NDArray[np.float64]:
    places = shapely.get_coordinates(line)
    first, last = places[0] - places[1], places[-1] - places[-2]
    ends = [places[0] + first / np.hypot(*first) * 0.5, places[-1] + last / np.hypot(*last) * 0.5]
    return np.vstack([ends[:1], places, ends[1:]])


def _districts(sheet: _Sheet, draft: _Draft) -> tuple[District, ...]:
    made: list[District] = []
    for index, face in enumerate(_faces(sheet, draft.seams)):
        style = draft.styles[min(index, len(draft.styles) - 1)]
        built = face if draft.land is None else face.intersection(draft.land)
        parts = [
            part
            for part in shapely.get_parts(built)
            if isinstance(part, Polygon) and part.area >= LEAST_LAND_M2
        ]
        rest = face
        for part in parts:
            # The first part keeps the open land of the face, so that districts fill the sheet.
            area = part if part is not parts[-1] else rest
            number = len(made) + 1
            made.append(District(number, f"Gebiet {number}", style, area, part))
            rest = rest.difference(part)
        if not parts:
            number = len(made) + 1
            made.append(District(number, f"Gebiet {number}", style, face, Polygon()))
    return tuple(made)


def _open_space(sheet: _Sheet, plan: TownPlan, use: Feature) -> Polygon | None:
    """Return a free rectangle near the middle of the sheet that meets the fewest streets."""
    sheet, rng = sheet.drawing(plan.seed, use)
    taken = shapely.union_all(
        [one.line.buffer(CROSS_SECTIONS[one.street].width_m / 2 + STREET_GAP_M)
         for one in plan.main_streets]
        + [line.buffer(STREET_GAP_M) for line in plan.rail]
        + [line.buffer(width / 2 + STREET_GAP_M) for line, width in plan.waters]
    )  # fmt: skip
    best: BaseGeometry = Polygon()
    for _ in range(12):
        along, aside = rng.uniform(-0.15, 0.15, 2) * plan.area.bounds[2]
        size = rng.uniform(22, 40, 2)
        if use == "solar_field":
            size = 8 + sheet.image_m * rng.uniform(0.22, 0.4, 2)
        middle = replace(sheet, pivot=np.full(2, sheet.side_m / 2))
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * size
        space = Polygon(middle.place(corners[:, 0] + along, corners[:, 1] + aside))
        free = max(
            shapely.get_parts(space.difference(taken)), key=lambda part: part.area, default=None
        )
        if isinstance(free, Polygon) and free.area > best.area:
            best = free
    return best if isinstance(best, Polygon) and best.area > 250 else None
