"""What a town is planned from: main streets, rail, waters and districts with their style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shapely import LineString, Polygon

from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.ground import Cover

StreetClass = Literal["primary", "secondary", "residential", "access", "path"]


@dataclass(frozen=True, slots=True)
class CrossSection:
    """How a street is divided across.

    Args:
        carriageway_m: Width of the carriageway.
        parking_m: Width of the parking bays of each side; 0 where there are none.
        pavement_m: Width of the pavement of each side; 0 where there is none.
        speed_kmh: Allowed speed.
    """

    carriageway_m: float
    parking_m: float
    pavement_m: float
    speed_kmh: int

    @property
    def width_m(self) -> float:
        """Width from plot to plot [m]."""
        return self.carriageway_m + 2 * (self.parking_m + self.pavement_m)


CROSS_SECTIONS: dict[StreetClass, CrossSection] = {
    "primary": CrossSection(8.5, 2.0, 2.5, 50),
    "secondary": CrossSection(7.0, 2.0, 2.2, 50),
    "residential": CrossSection(5.5, 1.0, 1.5, 30),
    "access": CrossSection(4.0, 0.0, 0.5, 20),
    "path": CrossSection(2.5, 0.0, 0.0, 6),
}
"""Widths within the ranges of the German design rules for town streets (RASt 06): 4 to 18 m."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a district is built.

    Args:
        block_m2: Blocks larger than this are divided by a street; 0 means never.
        least_depth_m: No block becomes narrower.
        plot_m2: Usual size of a plot.
        street: Class of the streets that divide blocks.
        bend: Bend of these streets as a share of their length.
        stubs: Share of the wide blocks that get a cul-de-sac.
        kinds: Kinds of buildings with their weights.
    """

    block_m2: float
    least_depth_m: float
    plot_m2: float
    street: StreetClass = "residential"
    bend: float = 0.0
    stubs: float = 0.0
    kinds: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class District:
    """A part of the town.

    Args:
        number: From 1.
        name: Name for people.
        style: How its built part looks.
        area: The whole district.
        built: The part that is built on; the rest is open land.
    """

    number: int
    name: str
    style: Style
    area: Polygon
    built: Polygon


@dataclass(frozen=True, slots=True)
class MainStreet:
    """A street that is planned before the blocks.

    Args:
        name: Name for people.
        street: Its class.
        line: Centre line [m].
    """

    name: str
    street: StreetClass
    line: LineString


@dataclass(frozen=True, slots=True)
class PublicSite:
    """Land of one public place, on a main street.

    Args:
        use: What it is, a key of `public_places.LAYOUTS`.
        name: Name for people.
        area: The land, which may reach into its street [m].
        frame: Frame along the street, the land to its left.
    """

    use: str
    name: str
    area: Polygon
    frame: Frame


@dataclass(frozen=True, slots=True)
class TownPlan:
    """The plan of a town in local metres, origin at the lower left corner.

    Args:
        seed: Seed of everything that is drawn from the plan.
        area: The square of the town.
        districts: Districts; together they are the area.
        main_streets: Streets that are fixed.
        rail: Centre lines of the tracks.
        waters: Centre lines of canal and brook with their width [m].
        open_spaces: Places that are kept free of streets and plots, with their use.
        sites: Land of public places; each becomes one parcel.
        roundabouts: Middles of roundabouts [m].
        lands: Covers of the pieces of open land, those nearest to the middle first; further ones
            are drawn.
    """

    seed: int
    area: Polygon
    districts: tuple[District, ...]
    main_streets: tuple[MainStreet, ...]
    rail: tuple[LineString, ...] = ()
    waters: tuple[tuple[LineString, float], ...] = ()
    open_spaces: tuple[tuple[str, Polygon], ...] = ()
    sites: tuple[PublicSite, ...] = ()
    roundabouts: tuple[tuple[float, float], ...] = ()
    lands: tuple[Cover, ...] = ()
